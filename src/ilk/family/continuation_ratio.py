r"""Continuation ratios of ordered categories that are reached one after the other.

.. math:: P(Y = j \mid Y \ge j) = F(\theta_{j+1} - \eta), \qquad j = 0, \ldots, J - 2,

F the inverse of the link: the probability to stop at a category once it is reached.  With link
cloglog these are hazards of grouped times (Prentice and Gloeckler 1978).  A positive coefficient
moves responses to higher categories; the thresholds need not be in order.  The predictor of the
mean has no intercept, whose place the thresholds take.

Prentice and Gloeckler (1978) [PrenticeGloeckler1978]; Agresti (2010) [Agresti2010], section 4.2;
Tutz (1991) [Tutz1991].
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np

from ilk.family.base import require_link
from ilk.family.categorical import AbstractOrdinal, category_shares, check_levels, rows_of
from ilk.family.link import AbstractLink, Logit
from ilk.family.thresholds import Structure, check_structure, structure
from ilk.num.jets import NumberT
from ilk.num.piecewise import Piece, piecewise
from ilk.typing import FloatArray

__all__ = ["ContinuationRatio"]


@final
@dataclass(frozen=True, slots=True)
class ContinuationRatio(AbstractOrdinal):
    """Stops on a way through the categories.

    Attributes
    ----------
    link : AbstractLink
        Link of the probability to stop.
    levels : tuple
        Labels of the categories, from lowest to highest.
    thresholds : {"flexible", "symmetric", "equidistant"}
        How the thresholds depend on each other.
    """

    name: ClassVar[str] = "continuation_ratio"
    links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog", "loglog", "cauchit")
    compiled_links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog", "loglog")
    link: AbstractLink = field(default_factory=Logit)
    levels: tuple[Hashable, ...] = ()
    thresholds: Structure = "flexible"

    def __post_init__(self) -> None:
        """Check the structure, the levels and the link."""
        check_structure(self.thresholds)
        require_link(self)
        if self.levels:
            object.__setattr__(self, "levels", check_levels(self.levels))

    def effects_on(self) -> str:
        """Probabilities to go on, by their link."""
        link = self.link.name
        what = "the odds" if link == "logit" else f"the {link} of the probability"
        return f"{what} to go beyond a category once it is reached"

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log probability of the category."""
        pieces = []
        for j, rows in enumerate(rows_of(y, self.categories)):
            if len(rows):
                needed = self._needed(j)
                pieces.append(Piece(rows, needed, functools.partial(self._local, j, needed)))
        return piecewise(eta, pieces)

    def log_probability(self, category: int, eta: Sequence[Any]) -> Any:
        """Log probability of one category in all rows."""
        needed = self._needed(category)
        return self._local(category, needed, [eta[k] for k in needed])

    def _needed(self, category: int) -> list[int]:
        """Predictors that the probability of a category depends on."""
        passed = structure(self.thresholds, self.categories)[1][: category + 1]
        return [0, *(1 + int(k) for k in np.flatnonzero(np.any(passed, axis=0)))]

    def _local(self, category: int, needed: Sequence[int], values: Sequence[Any]) -> Any:
        """Log probability of a category from the predictors that it needs."""
        A = structure(self.thresholds, self.categories)[1][:, [k - 1 for k in needed[1:]]]

        def cut(j: int) -> Any:
            parts = [
                float(weight) * value
                for weight, value in zip(A[j], values[1:], strict=True)
                if weight
            ]
            return sum(parts[1:], parts[0]) - values[0]

        with np.errstate(all="ignore"):
            passed = [self.link.log_complement(cut(j)) for j in range(category)]
            if category < self.categories - 1:
                passed.append(self.link.log_inverse(cut(category)))
            return sum(passed[1:], passed[0])

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Thresholds that give the shares of the categories."""
        shares = category_shares(y, self.categories, weights)
        left = np.cumsum(shares[::-1])[::-1]
        return self.free_start(self.link.link(shares[:-1] / left[:-1]), offset)
