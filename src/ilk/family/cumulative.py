r"""Cumulative models of ordered categories, such as proportional odds.

.. math:: P(Y \le j) = F\!\left(\frac{\theta_j - \eta}{\sigma}\right), \qquad j = 1, \ldots, J - 1,
   \qquad \theta_1 < \theta_2 < \ldots < \theta_{J-1},

F the inverse of the link: a latent variable with mean :math:`\eta` and distribution F around it is
cut at the thresholds.  A positive coefficient moves responses to higher categories.  The
predictor of the mean has no intercept, whose place the thresholds take, and so has that of
:math:`\log\sigma`, which is zero unless it has a formula (scale effects).  A formula of a
threshold makes effects differ between categories (partial proportional odds).

McCullagh (1980) [McCullagh1980]; Agresti (2010) [Agresti2010], chapters 3 and 5.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, final

import numpy as np

from ilk.family.base import require_link
from ilk.family.categorical import AbstractOrdinal, category_shares, check_levels, rows_of
from ilk.family.interval_probability import log_interval
from ilk.family.link import AbstractLink, Log, Logit
from ilk.family.scale import ParameterScale
from ilk.family.thresholds import Structure, check_structure, structure
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.piecewise import Piece, piecewise
from ilk.typing import FloatArray

__all__ = ["Cumulative"]

LATENT = ParameterScale("log scale of the latent variable", "scale", "sigma", np.exp, Log())
"""Scale of the latent variable, whose predictor is its logarithm."""


@final
@dataclass(frozen=True, slots=True)
class Cumulative(AbstractOrdinal):
    """A latent variable cut at thresholds.

    Attributes
    ----------
    link : AbstractLink
        Link of the cumulative probabilities.
    levels : tuple
        Labels of the categories, from lowest to highest.
    thresholds : {"flexible", "symmetric", "equidistant"}
        How the thresholds depend on each other.
    scaled : bool
        Whether the scale of the latent variable has a predictor.
    """

    name: ClassVar[str] = "cumulative"
    optional_parameters: ClassVar[tuple[str, ...]] = ("dispersion",)
    links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog", "loglog", "cauchit")
    compiled_links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog", "loglog")
    link: AbstractLink = field(default_factory=Logit)
    levels: tuple[Hashable, ...] = ()
    thresholds: Structure = "flexible"
    scaled: bool = False

    def __post_init__(self) -> None:
        """Check the structure and the levels."""
        check_structure(self.thresholds)
        require_link(self)
        if self.levels:
            object.__setattr__(self, "levels", check_levels(self.levels))

    @property
    def has_latent(self) -> bool:  # type: ignore[override]
        """Whether the latent variable has one variance."""
        return not self.scaled

    @property
    def location(self) -> tuple[str, ...]:
        """Mean, and the scale if it has a formula."""
        return ("mean", "dispersion") if self.scaled else ("mean",)

    def with_formulas(self, names: Collection[str]) -> Cumulative:
        """Return the family with a predictor of the scale if that has a formula."""
        return replace(self, scaled=self.scaled or "dispersion" in names)

    def effects_on(self) -> str:
        """Cumulative probabilities, by their link."""
        link = self.link.name
        what = "the odds" if link == "logit" else f"the {link} of the probability"
        return f"{what} of a higher category"

    def cut_links(self, eta: Sequence[NumberT]) -> Sequence[NumberT]:
        """Predictors (n,) of P(Y <= j) by the link, if the latent variable has one scale."""
        if self.scaled:
            return ()
        A = structure(self.thresholds, self.categories)[1]
        return [sum(float(a) * x for a, x in zip(row, eta[1:], strict=True)) - eta[0] for row in A]

    def scale(self, parameter: str) -> ParameterScale | None:
        """Name the scale of the latent variable."""
        return LATENT if parameter == "dispersion" else None

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
        A, first = structure(self.thresholds, self.categories)[1], len(self.location)
        around = A[max(category - 1, 0) : category + 1]
        return [*range(first), *(first + int(k) for k in np.flatnonzero(np.any(around, axis=0)))]

    def _local(self, category: int, needed: Sequence[int], values: Sequence[Any]) -> Any:
        """Log probability of a category from the predictors that it needs."""
        A, first = structure(self.thresholds, self.categories)[1], len(self.location)

        def cut(j: int) -> Any:
            parts = [
                weight * value
                for k, value in zip(needed[first:], values[first:], strict=True)
                if (weight := float(A[j, k - first])) != 0.0
            ]
            distance = sum(parts[1:], parts[0]) - values[0]
            return distance * jets.exp(-values[1]) if self.scaled else distance

        with np.errstate(all="ignore"):
            if category == 0:
                return self.link.log_inverse(cut(0))
            if category == self.categories - 1:
                return self.link.log_complement(cut(category - 1))
            return log_interval(self.link, cut(category - 1), cut(category))

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Thresholds that give the shares of the categories."""
        shares = category_shares(y, self.categories, weights)
        return self.free_start(self.link.link(np.cumsum(shares)[:-1]), offset)
