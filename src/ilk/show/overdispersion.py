"""Overdispersion as an answer: tests, the usual answers side by side, a sentence, the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.overdispersion import Overdispersion, overdispersion
from ilk.errors import ModelError
from ilk.formula.spec import MEAN, OLRE
from ilk.frame import answer
from ilk.late import Late
from ilk.model.quadrature import most_nodes
from ilk.show.answer import AbstractAnswer, Answer
from ilk.show.numbers import fixed, p_value, plain, significant
from ilk.show.summary import Table

if TYPE_CHECKING:
    from ilk.diagnostics.overdispersion import Alternative
    from ilk.fitted import Fitted
    from ilk.plot import overdispersion as pictures
    from ilk.plot import twofold
else:
    pictures = Late("ilk.plot.overdispersion")
    twofold = Late("ilk.plot.twofold")

__all__ = ["OverdispersionAnswer", "OverdispersionPicture", "overdispersion_answer"]

OverdispersionPicture: TypeAlias = Literal["variance", "profile"]
"""Pictures of overdispersion."""

_SHOWN = ("model", "loglik", "df", "aic", "delta", "integration")

_CLOSE = 2.0
"""Differences of AIC below which two models are about as good."""


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class OverdispersionAnswer(AbstractAnswer):
    """Tests of the variance, and the usual answers to overdispersion side by side.

    Parameters
    ----------
    answer : Answer
        The table of the answers, with what is shown of the rest.
    found : Overdispersion
        The fits and tests themselves.
    """

    answer: Answer
    found: Overdispersion

    @property
    def profile(self) -> Any:
        """Frame of the profile of a dispersion and an effect of each row, if the fit has both.

        Columns ``dispersion`` (held), ``sd(olre)`` (what goes best with it), ``loglik`` (all else
        fitted anew) and ``loss``.  None of other fits.
        """
        profile = self.found.profile
        if profile is None:
            return None
        columns = {
            "dispersion": profile.dispersion,
            f"sd({OLRE})": profile.deviation,
            "loglik": profile.loglik,
            "loss": profile.loss,
        }
        return answer(columns, self.found.fitted.design.flavor)

    def plot(self, ax: Any = None, kind: OverdispersionPicture | None = None) -> Any:
        """Draw the variance against the mean, or the profile of the two parameters.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new axes by default.
        kind : {"variance", "profile"}, optional
            By default the profile where the fit has a dispersion and an effect of each row.

        Returns
        -------
        matplotlib axes
        """
        profile = self.found.profile
        if kind not in (None, "variance", "profile"):
            raise ModelError(
                f"kind={kind!r:.60}: there are 'variance' and 'profile'.", code="picture"
            )
        if kind == "variance" or (kind is None and profile is None):
            return pictures.draw_variances(self.found, ax)
        if profile is None:
            raise ModelError(
                "kind='profile' is of fits that have a dispersion and an effect of each row.",
                code="picture",
            )
        return twofold.draw_twofold(twofold.twofold_picture(profile), ax)


def overdispersion_answer(fitted: Fitted, draws: int = 250, seed: int = 0) -> OverdispersionAnswer:
    """Look for overdispersion, fit the usual answers to it, and put both into words.

    Columns: ``model, loglik, df, aic, delta, integration``, for each coefficient of the mean
    ``estimate[name]`` and ``std_error[name]``, and ``problem``.

    Parameters
    ----------
    fitted, draws, seed
        As `ilk.diagnostics.overdispersion.overdispersion` takes them.

    Returns
    -------
    OverdispersionAnswer
    """
    found = overdispersion(fitted, draws, seed)
    response = plain(fitted.design.response.name)
    values = found.aic
    smallest = np.nan if found.best is None else float(np.nanmin(values))
    fits = [one.fitted if one.sound else None for one in found.alternatives]
    names = [name for part, name in fitted.names if part == MEAN]
    columns: dict[str, Any] = {
        "model": [one.name for one in found.alternatives],
        "loglik": np.array([np.nan if f is None else f.loglik for f in fits]),
        "df": np.array([np.nan if f is None else f.parameter_count for f in fits]),
        "aic": values,
        "delta": values - smallest,
        "integration": [one.integration for one in found.alternatives],
    }
    for name in names:
        pairs = [_coefficient(f, name) for f in fits]
        columns[f"estimate[{name}]"] = np.array([pair[0] for pair in pairs])
        columns[f"std_error[{name}]"] = np.array([pair[1] for pair in pairs])
    columns["problem"] = [one.why for one in found.alternatives]

    shown = Answer(
        title=f"Overdispersion of {response}",
        question=(
            f"Does {response} vary more than its family says, and which of the usual answers "
            "describes it best? The same formula with each of them."
        ),
        columns=columns,
        flavor=fitted.design.flavor,
        words=("model",),
        hidden=tuple(name for name in columns if name not in _SHOWN),
        heads={"loglik": "log-lik.", "df": "df", "aic": "AIC", "integration": "integrated by"},
        notes=_notes(found),
        tables=(
            _tests(found),
            *_ratios(found),
            _coefficients(found, names),
            *_profile(found),
        ),
    )
    return OverdispersionAnswer(shown, found)


def _coefficient(fitted: Fitted | None, name: str) -> tuple[float, float]:
    if fitted is None or (MEAN, name) not in fitted.names:
        return np.nan, np.nan
    place = fitted.names.index((MEAN, name))
    return float(fitted.coef[place]), float(np.sqrt(fitted.vcov[place, place]))


def _tests(found: Overdispersion) -> Table:
    rows = [
        (
            plain(check.title),
            plain(check.estimand),
            significant(check.statistic, 3),
            significant(check.expected, 3),
            p_value(check.p_value) if np.isfinite(check.p_value) else "",
        )
        for check in found.checks
        if np.isfinite(check.statistic)
    ]
    return Table(
        "Tests of the fit as it is",
        ("", "estimand", "observed", "expected", "p"),
        tuple(rows),
    )


def _ratios(found: Overdispersion) -> tuple[Table, ...]:
    """Likelihood-ratio tests at the edge of the parameter space."""
    rows = tuple(
        (plain(one.larger), plain(one.smaller), fixed(one.statistic, 2), p_value(one.p_value))
        for one in found.ratios
    )
    if not rows:
        return ()
    note = (
        "p by 0.5 chi2(0) + 0.5 chi2(1): a dispersion, a variance or a share of zeros is not "
        "negative."
    )
    header = ("", "against", "lik. ratio", "p")
    return (Table("Tests of what each adds", header, rows, labels=2, notes=(note,)),)


def _coefficients(found: Overdispersion, names: list[str]) -> Table:
    slopes = [name for name in names if name != INTERCEPT] or names
    rows = []
    for one in found.alternatives:
        if not one.sound:
            continue
        cells = []
        for name in slopes:
            estimate, error = _coefficient(one.fitted, name)
            cells.append(f"{significant(estimate, 3)} ({significant(error, 2)})")
        rows.append((plain(one.name), *cells))
    return Table(
        "Coefficients of the mean (standard error)",
        ("", *(plain(name) for name in slopes)),
        tuple(rows),
    )


def _profile(found: Overdispersion) -> tuple[Table, ...]:
    """Profile of the two parameters, where the fit has both."""
    profile = found.profile
    if profile is None:
        return ()
    rows = tuple(
        (significant(phi, 3), fixed(sd, 2), fixed(loss, 2))
        for phi, sd, loss in zip(profile.dispersion, profile.deviation, profile.loss, strict=True)
    )
    return (
        Table(
            f"Profile of the dispersion and {OLRE}, which describe the same variation",
            ("dispersion", f"sd of {OLRE}", "log-lik. lost"),
            rows,
            labels=0,
            notes=(
                f"The dispersion is held, all else fitted anew, by {profile.integration}. Where "
                "little is lost along the way, the data do not tell the two apart: keep one.",
            ),
        ),
    )


def _integration_notes(found: Overdispersion) -> list[str]:
    """What to know of likelihoods that are integrated differently."""
    notes = []
    if not found.alike:
        notes.append(
            "Likelihoods are integrated differently (see the table), so that differences of AIC "
            "are also differences of approximation; fit.approximation() tells how large they are."
        )
    own = most_nodes(found.fitted.model.nodes)
    used = [
        most_nodes(one.fitted.model.nodes)
        for one in found.alternatives
        if one.fitted is not None and one.fitted.design.terms
    ]
    if used and max(used) > own and found.fitted.design.terms:
        notes.append(
            "Random effects are integrated by quadrature here, so that AIC compare; the fit itself "
            f"has {'the Laplace approximation' if own == 1 else f'{own} nodes'}, and another "
            "log-likelihood."
        )
    return notes


def _notes(found: Overdispersion) -> tuple[str, ...]:
    notes = [_sentence(found), *_integration_notes(found)]
    if any(_has_row_effects(one) for one in found.alternatives):
        notes.append(
            "With an effect of each row (olre()) coefficients are those of a row with a typical "
            "effect: with a log link slopes compare with the others, the intercept does not."
        )
    notes += [f"{plain(one.name)}: {plain(one.why, 300)}." for one in found.alternatives if one.why]
    return tuple(notes)


def _has_row_effects(one: Alternative) -> bool:
    terms = () if one.fitted is None else one.fitted.design.terms
    return any(term.grouping.name == OLRE for term in terms)


def _sentence(found: Overdispersion) -> str:
    """Which answer is best, and by how much."""
    best = found.best
    if best is None:
        return "None of the models could be fitted."
    values = found.aic
    order = [i for i in np.argsort(values) if np.isfinite(values[i])]
    close = [
        plain(found.alternatives[i].name)
        for i in order[1:]
        if values[i] - values[order[0]] < _CLOSE
    ]
    first = found.alternatives[0]
    text = f"Smallest AIC: {plain(best.name)}"
    if close:
        text += f"; {' and '.join(close)} {'is' if len(close) == 1 else 'are'} about as good"
    if best is first:
        return f"{text}. There is no sign of overdispersion that one of the others would describe."
    if np.isfinite(values[0]):
        text += f"; {plain(first.name)} is worse by {fixed(values[0] - values[order[0]], 1)}"
    return (
        f"{text}. AIC chooses between descriptions of the variance; coefficients that differ "
        "between close models are as uncertain as that difference."
    )
