"""The answer of `Fit.bootstrap`: draws, what became of the refits, intervals of every kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from ilk.fitted import Lazy
from ilk.frame import answer
from ilk.inference.bootstrap.draws import Draws
from ilk.inference.bootstrap.engine import BootstrapKind, bootstrap, deletions
from ilk.inference.bootstrap.intervals import (
    IntervalMethod,
    Limits,
    bounded,
    draw_limits,
    draw_moments,
    enough_for,
)
from ilk.inference.bootstrap.statistics import Labels, choose_statistic
from ilk.inference.parallel import check_jobs
from ilk.inference.wald import check_level
from ilk.late import Late
from ilk.show.answer import Answer
from ilk.show.numbers import integer, plain

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["BootstrapAnswer", "bootstrap_answer"]

pictures = Late("ilk.plot.bootstrap")


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class BootstrapAnswer:
    """What a bootstrap found.

    Parameters
    ----------
    found : Draws
        The draws.
    labels : Labels
        Names of the numbers of the statistic.
    name : str
        Name of the statistic.
    jackknife : Lazy
        Gives the (J, k) values without each cluster, which BCa intervals need.
    flavor : str
        Make of the frame that the caller uses.
    level : float
        Coverage of the intervals in `frame` and text.
    notes : tuple of str
        How the draws were made.
    """

    found: Draws
    labels: Labels
    name: str
    jackknife: Lazy[FloatArray]
    flavor: str
    level: float
    notes: tuple[str, ...]

    @property
    def draws(self) -> FloatArray:
        """(B, k) values of the statistic in the samples whose refit succeeded."""
        return self.found.values

    @property
    def estimate(self) -> FloatArray:
        """(k,) the statistic of the fit itself."""
        return self.found.estimate

    @property
    def std_errors(self) -> FloatArray:
        """(k,) standard deviations of the draws."""
        return draw_moments(self.found.values)[1]

    @property
    def bias(self) -> FloatArray:
        """(k,) mean of the draws minus the statistic of the fit."""
        return draw_moments(self.found.values)[0] - self.found.estimate

    @property
    def failures(self) -> Mapping[str, int]:
        """How many refits failed, by reason."""
        return self.found.reasons

    @property
    def seed(self) -> int:
        """Seed that gives the same draws again."""
        return self.found.seed

    def conf_int(self, level: float | None = None, method: IntervalMethod = "percentile") -> Any:
        """Intervals of the statistic.

        Parameters
        ----------
        level : float, optional
            Coverage; by default as in the call.
        method : {"percentile", "basic", "bca", "normal"}
            Way from draws to an interval.  BCa refits the model without each cluster first.

        Returns
        -------
        frame
            ``component, group, term, estimate, conf_low, conf_high, estimand, method``; a limit
            that does not exist is nan, and ``method`` says why.
        """
        coverage = self.level if level is None else level
        limits = self._limits(coverage, method)
        columns = {
            **self._names(),
            "estimate": self.estimate,
            "conf_low": limits.low,
            "conf_high": limits.high,
            "estimand": list(self.labels.estimand),
            "method": limits.ways(f"{self.found.kind}, {method}"),
        }
        return answer(columns, self.flavor)

    @property
    def frame(self) -> Any:
        """The table as a frame of the kind that the data came in.

        Columns: ``component, group, term, estimate, bias, std_error, conf_low, conf_high, draws``
        (those in which the number exists) and ``estimand``.
        """
        return self._answer().frame

    @property
    def text(self) -> str:
        """The answer as text."""
        return self._answer().text

    @property
    def html(self) -> str:
        """The answer as an HTML fragment that brings its own style."""
        return self._answer().html

    def plot(self, term: str | None = None, ax: Any = None) -> Any:
        """Draw the distribution of the draws, with estimate and interval.

        Parameters
        ----------
        term : str, optional
            One of the numbers; by default all (at most twelve), in a figure of their own.
        ax : matplotlib axes, optional
            Where to draw one number; new axes by default.

        Returns
        -------
        matplotlib axes, or array of them
        """
        limits = self._limits(self.level, self._method())
        table = pictures.bootstrap_picture(
            self.found, self.labels, limits.low, limits.high, self.level
        )
        return pictures.draw_bootstrap(table, term, ax)

    def _method(self) -> IntervalMethod:
        return "percentile" if enough_for(len(self.draws), self.level) else "normal"

    def _names(self) -> dict[str, Any]:
        labels = self.labels
        return {
            "component": list(labels.component),
            "group": list(labels.group),
            "term": list(labels.term),
        }

    def _limits(self, level: float, method: IntervalMethod) -> Limits:
        limits = draw_limits(self.found, level, method, self.jackknife)
        return bounded(limits, self.labels.lowest, self.labels.highest)

    def _answer(self) -> Answer:
        method = self._method()
        limits = self._limits(self.level, method)
        names = self._names()
        hidden = [name for name, column in names.items() if not any(column)]
        return Answer(
            title=f"Bootstrap of {plain(self.name)}",
            question="How much would the estimates vary over data like these?",
            columns={
                **names,
                "estimate": self.estimate,
                "bias": self.bias,
                "std_error": self.std_errors,
                "conf_low": limits.low,
                "conf_high": limits.high,
                "draws": np.isfinite(self.draws).sum(axis=0),
                "estimand": list(self.labels.estimand),
            },
            flavor=self.flavor,
            words=("component", "group", "term"),
            notes=(f"Intervals: {method}. {self.notes[0]}", *self.notes[1:]),
            level=self.level,
            hidden=(*hidden, "estimand"),
        )

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def bootstrap_answer(
    fitted: Fitted,
    statistic: Any,
    wrap: Callable[[Fitted], Any],
    *,
    kind: BootstrapKind = "parametric",
    draws: Any = 999,
    cluster: str | None = None,
    seed: Any = None,
    n_jobs: Any = 1,
    path: str | PathLike[str] | None = None,
    estimand: Literal["population", "conditional"] = "population",
    level: float = 0.95,
) -> BootstrapAnswer:
    """Make the draws and get them ready to be asked about.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    statistic : None, str, sequence of str or callable
        What is looked at.
    wrap : callable
        Makes of the record of a fit what users hold.
    kind, draws, cluster, seed, n_jobs, path, estimand
        As in `ilk.inference.bootstrap.engine.bootstrap`.
    level : float
        Coverage of the intervals that are shown.

    Returns
    -------
    BootstrapAnswer
    """
    check_level(level)
    chosen = choose_statistic(fitted, statistic, wrap)
    found = bootstrap(
        fitted,
        chosen.compute,
        kind=kind,
        draws=draws,
        cluster=cluster,
        seed=seed,
        n_jobs=n_jobs,
        path=path,
        estimand=estimand,
        name=chosen.name,
    )
    jobs = check_jobs(n_jobs)
    return BootstrapAnswer(
        found=found,
        labels=chosen.labels,
        name=chosen.name,
        jackknife=Lazy(lambda: deletions(fitted, chosen.compute, cluster=cluster, n_jobs=jobs)),
        flavor=fitted.design.flavor,
        level=level,
        notes=(*_notes(fitted, found, estimand), *_runaways(found, chosen.labels, level)),
    )


def _notes(fitted: Fitted, found: Draws, estimand: str) -> tuple[str, ...]:
    """Say how the draws were made and what became of them."""
    refits = f"{integer(len(found.values))} refits"
    if found.kind == "cluster":
        unit = "rows" if found.unit == "row" else f"levels of {plain(found.unit)}"
        how = f"{refits} to {integer(found.units)} {unit}, drawn with replacement"
    else:
        effects = ""
        if fitted.design.terms:
            new = estimand == "population"
            effects = ", with new random effects" if new else ", with the estimated random effects"
        how = f"{refits} to responses drawn from the fitted model{effects}"
    notes = [f"{how}; seed {found.seed}."]
    if found.failed:
        reasons = "; ".join(f"{integer(n)}: {plain(why, 300)}" for why, n in found.reasons.items())
        notes.append(f"{integer(found.failed)} more refits failed and are left out ({reasons}).")
    if not np.all(np.isfinite(found.values)):
        notes.append(
            "A number that a refit does not have, such as a correlation where a standard deviation "
            "is zero, is left out of its row."
        )
    if not fitted.verdict.converged:
        notes.append(
            f"The fit is {fitted.verdict.status.value}: see verdict before these numbers are used."
        )
    return tuple(notes)


_FAR = 10.0
"""Standard deviations (by the quartiles) from the median beyond which a draw has run away."""


def _runaways(found: Draws, labels: Labels, level: float) -> list[str]:
    """Say whether some draws are so far out that they alone make a standard error or a limit."""
    count, terms, ends = 0, [], []
    for component, term, column in zip(labels.component, labels.term, found.values.T, strict=True):
        finite = column[np.isfinite(column)]
        if len(finite) < 20:
            continue
        low, middle, high = np.quantile(finite, [0.25, 0.5, 0.75])
        away = (finite - middle) * 1.349
        sides = np.sum(away > _FAR * (high - low)), np.sum(away < -_FAR * (high - low))
        if not any(sides) or not high > low:
            continue
        name = plain(term if component in (None, "mean") else f"{component}: {term}")
        count = max(count, int(sum(sides)))
        terms.append(name)
        if max(sides) >= 0.5 * (1.0 - level) * len(finite):
            ends.append(name)
    if not terms:
        return []
    more = " and others" if len(terms) > 4 else ""
    notes = [
        f"In up to {integer(count)} refits {', '.join(terms[:4])}{more} ran away (as under "
        "separation), which makes bias and standard error large; quantiles are not moved."
    ]
    if ends:
        notes.append(
            f"So many did that an end of the interval of {', '.join(ends[:4])} is among them: it "
            "stands for infinity."
        )
    return notes
