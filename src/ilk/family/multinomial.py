r"""Unordered categories by multinomial logits.

.. math:: \log \frac{P(Y = j)}{P(Y = b)} = \eta_j, \qquad j \ne b

b is the baseline.  Each other category has a linear predictor of its own, whose coefficients are
log odds against the baseline; random effects of different predictors are independent unless they
share a name.  The formula of the fit is that of every predictor without a formula of its own.
With two categories this is the binomial family with link logit.

With probabilities :math:`p_j`, the derivatives of :math:`\log p_y` are

.. math:: \partial_k = 1_{y = k} - p_k, \qquad \partial_{kl} = p_k p_l - \delta_{kl} p_k, \qquad
   \partial_{klm} = -(\delta_{klm} p_k - \delta_{kl} p_k p_m - \delta_{km} p_k p_l
   - \delta_{lm} p_k p_l + 2 p_k p_l p_m).

Agresti (2013) [Agresti2013], section 8.1.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any, ClassVar, final

import numpy as np

from ilk.errors import ModelError, did_you_mean
from ilk.family.base import require_link
from ilk.family.categorical import AbstractCategorical, category_shares, check_levels, rows_of
from ilk.family.link import AbstractLink, Logit
from ilk.family.scores import log_share, log_shares
from ilk.num.jets import Jet, NumberT, pair, triple
from ilk.num.piecewise import Piece, are_variables, piecewise
from ilk.typing import FloatArray

__all__ = ["Multinomial"]

_TAKEN = frozenset(
    ("mean", "dispersion", "shape", "zero_inflation", "thresholds", "formula", "functions")
)
"""Words that are names of other parameters."""


@final
@dataclass(frozen=True, slots=True)
class Multinomial(AbstractCategorical):
    """Log odds of each category against a baseline.

    Attributes
    ----------
    link : AbstractLink
        The logit, which is part of the family.
    levels : tuple
        Labels of the categories.
    baseline : label or None
        Category that the others are compared with; the first by default.
    """

    name: ClassVar[str] = "multinomial"
    links: ClassVar[tuple[str, ...]] = ("logit",)
    compiled_links: ClassVar[tuple[str, ...]] = ("logit",)
    ordered: ClassVar[bool] = False
    link: AbstractLink = field(default_factory=Logit)
    levels: tuple[Hashable, ...] = ()
    baseline: Hashable = None

    def __post_init__(self) -> None:
        """Check the levels, the baseline and the link."""
        require_link(self)
        if not self.levels:
            return
        object.__setattr__(self, "levels", check_levels(self.levels))
        if self.baseline is not None and self.baseline not in self.levels:
            words = [str(level) for level in self.levels]
            raise ModelError(
                f"baseline={self.baseline!r} is none of the categories {', '.join(words[:8])}"
                f"{', ...' if len(words) > 8 else ''}.{did_you_mean(str(self.baseline), words)}",
                code="baseline",
            )
        if len({str(level) for level in self.levels}) < len(self.levels):
            raise ModelError(
                "Two categories of the response have the same name as text; rename one of them.",
                code="levels",
            )

    @property
    def base(self) -> int:
        """Code of the baseline."""
        return 0 if self.baseline is None else self.levels.index(self.baseline)

    @property
    def compiled_name(self) -> str | None:
        """Name of the compiled density, whose baseline is the first category."""
        return self.name if self.base == 0 else None

    @property
    def parameters(self) -> tuple[str, ...]:  # type: ignore[override]
        """Categories other than the baseline."""
        return tuple(_parameter(self.levels[j]) for j in self._others)

    @property
    def main_parameters(self) -> tuple[str, ...]:
        """Predictors of all categories."""
        return self.parameters

    @property
    def _others(self) -> list[int]:
        """Codes of the categories that have a predictor."""
        return [j for j in range(len(self.levels)) if j != self.base]

    def spread_formulas(self, formulas: Mapping[str, str]) -> dict[str, str]:
        """Refuse a formula of the baseline."""
        base = _parameter(self.levels[self.base])
        if base in formulas:
            raise ModelError(
                f"{base!r} is the baseline, with which the other categories are compared, and has "
                "no formula of its own; choose another with "
                "family=ilk.families.multinomial(baseline=...).",
                code="baseline",
            )
        return dict(formulas)

    def event(self, parameter: str) -> tuple[float, float] | None:
        """Code of a category, and that of the baseline."""
        return float(self._others[self.parameters.index(parameter)]), float(self.base)

    def predictor_words(self, parameter: str) -> str | None:
        """Name the predictor of a category in words."""
        return f"log odds of {parameter} against {self.levels[self.base]}"

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log probability of the category."""
        given: list[Any] = list(eta)
        if all(isinstance(x, Jet) for x in given) and are_variables(given):
            return self._in_predictors(y, given)  # type: ignore[return-value]
        return piecewise(
            eta,
            [
                Piece(rows, range(self.predictors), functools.partial(self.log_probability, j))
                for j, rows in enumerate(rows_of(y, self.categories))
                if len(rows)
            ],
        )

    def _in_predictors(self, y: FloatArray, eta: Sequence[Jet]) -> Jet:
        """Log probability and its derivatives in the predictors themselves."""
        K, n, order = len(eta), len(y), eta[0].order
        values = np.stack([x.value for x in eta])
        scores = np.vstack([np.zeros((1, n)), values])
        # the predictor of each row's category, one up, behind that of the baseline
        place = np.zeros(self.categories, dtype=np.intp)
        place[self._others] = np.arange(1, K + 1)
        own = place[y.astype(np.intp)]
        with np.errstate(all="ignore"):
            logs = log_shares(scores)
            value = logs[own, np.arange(n)]
            p = np.exp(logs[1:])
        none = np.zeros((0, n))
        first, second, third = none, none, none
        if order >= 1:
            first = (own == np.arange(1, K + 1)[:, None]) - p
        if order >= 2:
            second = np.empty((K * (K + 1) // 2, n))
            for k, m in combinations_with_replacement(range(K), 2):
                second[pair(k, m)] = p[k] * p[m] - (p[k] if k == m else 0.0)
        if order >= 3:
            third = np.empty((K * (K + 1) * (K + 2) // 6, n))
            for k, m, j in combinations_with_replacement(range(K), 3):
                third[triple(k, m, j)] = _third(p, k, m, j)
        return Jet(value, first, second, third, order)

    def log_probability(self, category: int, eta: Sequence[Any]) -> Any:
        """Log probability of one category in all rows."""
        if all(isinstance(x, Jet) for x in eta) and are_variables(eta):
            return self._in_predictors(np.full(len(eta[0].value), float(category)), eta)
        with np.errstate(all="ignore"):
            return log_share(category, np.eye(self.categories)[:, self._others], eta)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Log odds that give the shares of the categories."""
        logs = np.log(category_shares(y, self.categories, weights))
        known = 0.0 if offset is None else float(np.mean(offset))
        return tuple(float(logs[j] - logs[self.base]) - known for j in self._others)


def _third(p: FloatArray, k: int, m: int, j: int) -> FloatArray:
    """Third derivative of the log probability of any category, k <= m <= j."""
    first, middle, last = p[k], p[m], p[j]
    out: FloatArray = -2.0 * first * middle * last
    if k == m == j:
        out = -middle * (1.0 - middle) * (1.0 - 2.0 * middle)
    elif k == m or m == j:
        out = middle * (last if k == m else first) * (1.0 - 2.0 * middle)
    return out


def _parameter(level: Hashable) -> str:
    """Name of a category's predictor."""
    name = str(level)
    return f"category_{name}" if name in _TAKEN else name
