r"""Adjacent-category logits of ordered categories.

.. math:: \log \frac{P(Y = j)}{P(Y = j - 1)} = \eta - \theta_j, \qquad j = 1, \ldots, J - 1

A coefficient is the log odds ratio of a category against the one below, the same for each pair of
neighbors; the thresholds need not be in order.  The predictor of the mean has no intercept, whose
place the thresholds take.

Agresti (2010) [Agresti2010], section 4.1; the partial credit model of item response theory.
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
from ilk.family.scores import log_share
from ilk.family.thresholds import Structure, check_structure, structure
from ilk.num.jets import NumberT
from ilk.num.piecewise import Piece, piecewise
from ilk.typing import FloatArray

__all__ = ["AdjacentCategory"]


@final
@dataclass(frozen=True, slots=True)
class AdjacentCategory(AbstractOrdinal):
    """Log odds of neighboring categories.

    Attributes
    ----------
    link : AbstractLink
        The logit, which is part of the family.
    levels : tuple
        Labels of the categories, from lowest to highest.
    thresholds : {"flexible", "symmetric", "equidistant"}
        How the thresholds depend on each other.
    """

    name: ClassVar[str] = "adjacent_category"
    links: ClassVar[tuple[str, ...]] = ("logit",)
    compiled_links: ClassVar[tuple[str, ...]] = ("logit",)
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
        """Odds of neighbors."""
        return "the odds of a category against the one below"

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log probability of the category."""
        every = range(self.predictors)
        return piecewise(
            eta,
            [
                Piece(rows, every, functools.partial(self.log_probability, j))
                for j, rows in enumerate(rows_of(y, self.categories))
                if len(rows)
            ],
        )

    def log_probability(self, category: int, eta: Sequence[Any]) -> Any:
        """Log probability of one category in all rows."""
        A = structure(self.thresholds, self.categories)[1]
        below = np.vstack([np.zeros(A.shape[1]), np.cumsum(A, axis=0)])
        B = np.column_stack([np.arange(float(self.categories)), -below])
        with np.errstate(all="ignore"):
            return log_share(category, B, eta)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Thresholds that give the shares of the categories."""
        shares = category_shares(y, self.categories, weights)
        return self.free_start(-np.diff(np.log(shares)), offset)
