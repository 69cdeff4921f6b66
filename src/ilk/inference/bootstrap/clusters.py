"""The cluster bootstrap: what is drawn, and how it is refitted.

Whole clusters of the outermost grouping factor are drawn with replacement, all of their rows with
what is nested in them, and a cluster that is drawn twice counts as two.  Each sample is fitted
anew, from the parameters of the fit; any function of a fit can then be looked at over the samples.
Factors that cross have no outermost one, and drawing the levels of one of them would break up those
of the other: that is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.design.resample import resample
from ilk.errors import FitError, ModelError
from ilk.estimation.run import refit_rows
from ilk.frame import factor
from ilk.inference.bootstrap.attempts import Outcome, Statistic, attempt, sound
from ilk.inference.clusters import is_nested, outermost_groupings
from ilk.model.dependence import refuse_dependent
from ilk.num.triangular import rank

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["Resampled", "RowRefits", "members_of", "resampled_counts", "resampled_unit"]


@dataclass(frozen=True, slots=True)
class Resampled:
    """Rows of a sample.

    Parameters
    ----------
    rows : (m,) array of int
        Positions of the rows, as often as they were drawn.
    copies : (m,) array of int
        Number of the draw that each row came with.
    """

    rows: IntArray
    copies: IntArray

    @classmethod
    def of(cls, members: Sequence[IntArray], rng: np.random.Generator) -> Resampled:
        """Draw as many clusters as there are.

        Parameters
        ----------
        members : sequence of arrays
            Rows of each cluster.
        rng : numpy.random.Generator
            Source of randomness.
        """
        chosen = [members[c] for c in rng.integers(len(members), size=len(members))]
        sizes = [len(part) for part in chosen]
        return cls(np.concatenate(chosen), np.repeat(np.arange(len(chosen)), sizes))


@dataclass(frozen=True, slots=True)
class RowRefits:
    """Work on samples of rows: refit, and compute the statistic.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    statistic : callable
        What is looked at.
    size : int
        Its length.
    """

    fitted: Fitted
    statistic: Statistic
    size: int

    def __call__(self, samples: list[Resampled]) -> list[Outcome]:
        """Outcome of each sample."""
        return [
            attempt(lambda sample=sample: _refit(self.fitted, sample), self.statistic, self.size)  # type: ignore[misc]
            for sample in samples
        ]


def _refit(fitted: Fitted, sample: Resampled) -> Fitted:
    design = resample(fitted.design, sample.rows, sample.copies)
    if any(rank(part.X) < part.X.shape[1] for part in design.fixed):
        raise FitError("the sample lacks what a coefficient needs", code="rank")
    return sound(refit_rows(fitted, design))


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
    refuse_dependent(
        design,
        "Drawing clusters again",
        "Draw responses from the fit instead: bootstrap(kind='parametric'), simulate().",
    )
    groupings = {term.grouping.name: term.grouping for term in design.terms}
    if cluster is None:
        outermost = outermost_groupings(design)
        if len(outermost) > 1:
            names = " and ".join(repr(grouping.name) for grouping in outermost)
            raise ModelError(
                f"The grouping factors {names} cross, so that neither can be resampled as a whole. "
                "Name a column within whose levels both stay, cluster=, or use another way to the "
                "uncertainty (kind='parametric', uncertainty='delta').",
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
            f"fit kept; its grouping factors: {', '.join(map(repr, groupings)) or 'none'}.",
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
        The fit, and a refit to resampled clusters.
    """
    place = np.searchsorted(original.design.rows.kept, again.design.rows.kept)
    counts = np.bincount(place, minlength=len(original.design.rows.kept))
    return counts.astype(np.float64)


def members_of(codes: IntArray) -> list[IntArray]:
    """Rows of each cluster."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=codes[order[0]] - 1))
    return np.split(order, starts[1:])
