"""The cluster bootstrap: refits to clusters drawn with replacement.

Whole clusters of the outermost grouping factor are drawn, all of their rows with what is nested in
them, and a cluster that is drawn twice counts as two.  Each sample is fitted anew, from the
parameters of the fit; any function of a fit can then be looked at over the samples.  Factors that
cross have no outermost one, and drawing the levels of one of them would break up those of the
other: that is refused.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ilk.design.resample import resample
from ilk.errors import FitError, IlkError, ModelError
from ilk.estimation.run import refit_rows
from ilk.estimation.verify import is_optimum
from ilk.frame import factor
from ilk.inference.clusters import is_nested, outermost_groupings

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["Draws", "Statistic", "cluster_bootstrap", "resampled_counts"]

Statistic: TypeAlias = "Callable[[Fitted], FloatArray]"
"""What is looked at: takes a fit to an array."""

_LEAST = 0.5
"""Share of the refits that must succeed."""


@dataclass(frozen=True, slots=True)
class Draws:
    """A statistic over bootstrap samples.

    Parameters
    ----------
    values : (B, k) array
        Its values in the samples whose refit succeeded.
    failed : int
        Number of samples whose refit did not.
    unit : str
        What was drawn: name of a factor, or ``"row"``.
    units : int
        How many of them there are.
    seed : int
        Seed of the draws.
    """

    values: FloatArray
    failed: int
    unit: str
    units: int
    seed: int


def cluster_bootstrap(
    fitted: Fitted,
    statistic: Statistic,
    *,
    draws: Any = 999,
    cluster: str | None = None,
    seed: int | None = None,
    n_jobs: int = 1,
) -> Draws:
    """Refit to resampled clusters and compute a statistic of each refit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    statistic : callable
        Takes a `Fitted` to an array of k numbers.
    draws : int
        Number of samples.
    cluster : str, optional
        Column whose levels are drawn; every grouping factor must be nested in it.  The outermost
        grouping factor by default; rows of a model without random terms.
    seed : int, optional
        Makes the draws repeatable, whatever `n_jobs`; drawn at random by default, and reported.
    n_jobs : int
        Number of refits at one time (threads, through joblib).

    Returns
    -------
    Draws

    Raises
    ------
    ModelError
        There is no factor that could be drawn, or an option is wrong.
    FitError
        More than half of the refits failed.
    """
    if not isinstance(draws, Integral) or draws < 2:
        raise ModelError(f"draws={draws!r:.60}: give a whole number above 1.", code="draws")
    if seed is not None and (not isinstance(seed, Integral) or seed < 0):
        raise ModelError(f"seed={seed!r:.60}: give a whole number from 0.", code="seed")
    if not isinstance(n_jobs, Integral) or n_jobs == 0:
        raise ModelError(
            f"n_jobs={n_jobs!r:.60}: give the number of refits at one time, or -1 for as many as "
            "there are processors.",
            code="n-jobs",
        )
    unit, codes = resampled_unit(fitted, cluster)
    entropy = seed if seed is not None else int(np.random.default_rng().integers(2**31))
    seeds = np.random.SeedSequence(entropy).spawn(draws)
    members = _members(codes)

    def one(sequence: np.random.SeedSequence) -> FloatArray | None:
        return _refit(fitted, statistic, members, np.random.default_rng(sequence))

    found = _run(one, seeds, n_jobs)
    values = [value for value in found if value is not None]
    failed = draws - len(values)
    if len(values) < max(2, _LEAST * draws):
        raise FitError(
            f"{failed} of {draws} refits to resampled clusters ({unit}) failed, mostly because a "
            "sample lacks what a coefficient needs. The bootstrap is no way here: use "
            "uncertainty='delta'.",
            code="bootstrap",
        )
    return Draws(np.array(values), failed, unit, len(members), int(entropy))


def resampled_unit(fitted: Fitted, cluster: str | None) -> tuple[str, IntArray]:
    """Name and codes of what is drawn.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cluster : str or None
        Column asked for.

    Returns
    -------
    name : str
        Of the factor.
    codes : (n,) array of int
        Level of each row.
    """
    design = fitted.design
    groupings = {term.grouping.name: term.grouping for term in design.terms}
    if cluster is None:
        outermost = outermost_groupings(design)
        if len(outermost) > 1:
            names = " and ".join(repr(grouping.name) for grouping in outermost)
            raise ModelError(
                f"The grouping factors {names} cross, so that neither can be resampled as a whole. "
                "Name a column within whose levels both stay, cluster=, or use "
                "uncertainty='delta'.",
                code="crossed",
            )
        if not outermost:
            return "row", np.arange(design.data.rows)
        return outermost[0].name, outermost[0].codes
    if cluster in groupings:
        codes = groupings[cluster].codes
    elif cluster in design.data:
        codes = factor(design.data.column(cluster)).codes
    else:
        raise ModelError(
            f"cluster={cluster!r:.80} is no grouping factor of the model and no column that the "
            f"fit kept; grouping factors are {', '.join(map(repr, groupings)) or 'none'}.",
            code="cluster",
        )
    for grouping in groupings.values():
        if not is_nested(grouping.codes, codes):
            raise ModelError(
                f"cluster={cluster!r}: levels of {grouping.name!r} lie in several of its levels, "
                "so that resampling would break them up. Name a column that contains them.",
                code="crossed",
            )
    return cluster, codes


def resampled_counts(original: Fitted, again: Fitted) -> FloatArray:
    """(n,) times that each row of a fit occurs in a resampled one.

    Parameters
    ----------
    original, again : Fitted
        The fit, and a refit of `cluster_bootstrap`.
    """
    place = np.searchsorted(original.design.rows.kept, again.design.rows.kept)
    counts = np.bincount(place, minlength=len(original.design.rows.kept))
    return counts.astype(np.float64)


def _members(codes: IntArray) -> list[IntArray]:
    """Rows of each cluster."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=codes[order[0]] - 1))
    return np.split(order, starts[1:])


def _refit(
    fitted: Fitted, statistic: Statistic, members: list[IntArray], rng: np.random.Generator
) -> FloatArray | None:
    """Statistic of one sample; None if its refit fails."""
    drawn = rng.integers(len(members), size=len(members))
    chosen = [members[c] for c in drawn]
    rows = np.concatenate(chosen)
    copies = np.repeat(np.arange(len(chosen)), [len(part) for part in chosen])
    design = resample(fitted.design, rows, copies)
    if any(np.linalg.matrix_rank(part.X) < part.X.shape[1] for part in design.fixed):
        return None
    try:
        again = refit_rows(fitted, design)
        if not is_optimum(again.point):
            return None
        with np.errstate(all="ignore"):
            value = np.asarray(statistic(again), dtype=np.float64)
    except (IlkError, np.linalg.LinAlgError):
        return None
    return value if np.all(np.isfinite(value)) else None


def _run(
    one: Callable[[np.random.SeedSequence], FloatArray | None],
    seeds: list[np.random.SeedSequence],
    n_jobs: int,
) -> list[FloatArray | None]:
    """Run all draws, in this thread or in several."""
    if n_jobs == 1:
        with _Progress(len(seeds)) as progress:
            return [progress.after(one(seed)) for seed in seeds]
    try:
        import joblib
    except ModuleNotFoundError as error:
        raise ModelError(
            "n_jobs > 1 needs joblib, which is not installed; run: pip install 'ilk[parallel]', or "
            "use n_jobs=1.",
            code="missing-package",
        ) from error
    with _Progress(len(seeds)) as progress:
        run = joblib.Parallel(n_jobs=n_jobs, require="sharedmem", return_as="generator")
        found = run(joblib.delayed(one)(seed) for seed in seeds)
        return [progress.after(value) for value in found]


class _Progress:
    """A line on a terminal's standard error while refits take more than a moment."""

    _PATIENCE, _PAUSE = 2.0, 0.2

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._start = self._last = time.monotonic()
        self._shown = False

    def __enter__(self) -> _Progress:
        return self

    def after(self, value: Any) -> Any:
        """Count one more, and hand its value on."""
        self._done += 1
        now = time.monotonic()
        patient = now - self._start < self._PATIENCE or now - self._last < self._PAUSE
        if not patient and sys.stderr.isatty():
            sys.stderr.write(f"\rbootstrap: {self._done} of {self._total} refits")
            sys.stderr.flush()
            self._last, self._shown = now, True
        return value

    def __exit__(self, *_: object) -> None:
        if self._shown:
            sys.stderr.write("\r" + " " * 50 + "\r")
            sys.stderr.flush()
