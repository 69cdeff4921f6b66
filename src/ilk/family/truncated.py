r"""Zero truncation: counts of a family of which the zeros were never recorded.

.. math:: P(y) = \frac{f(y)}{1 - f(0)}, \quad y = 1, 2, \dots, \qquad
   E y = \frac{\mu}{1 - f(0)}, \quad E y^2 = \frac{V + \mu^2}{1 - f(0)}

The predictors are those of the family before truncation, with mean :math:`\mu` and variance V.
:math:`1 - f(0)` is computed without cancellation where zeros are nearly all: there the limit is a
count of one (Poisson), or a distribution of its own (logarithmic for the negative binomial of
type 1).  Cameron and Trivedi (2013) [CameronTrivedi2013], section 4.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.errors import ModelError
from ilk.family.base import AbstractFamily, refuse_rows, weighted_mean
from ilk.family.link import AbstractLink, Interval, is_registered
from ilk.family.sampling import draw_by_inversion
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.typing import FloatArray, IntArray

_COMPILED = ("poisson:log", "negative_binomial_1:log", "negative_binomial_2:log")

_RARE = 1e-6
"""Probability of a count above zero below which few of them are summed one by one."""

_FEW = 60
"""How many."""

_REJECTED = 0.05
"""Probability of a count above zero from which zeros are drawn again."""


@final
@dataclass(frozen=True, slots=True)
class Truncated(AbstractFamily):
    """Counts from one on.

    Attributes
    ----------
    base : AbstractFamily
        Family of the counts before zeros were lost.
    """

    has_zero: ClassVar[bool] = False
    discrete: ClassVar[bool] = True
    base: AbstractFamily

    def __post_init__(self) -> None:
        """Accept families of counts that have zeros."""
        if self.base.categorical or not (self.base.discrete and self.base.has_zero):
            raise ModelError(
                f"Family {self.base.name!r} has no zeros to leave out; zero truncation goes with "
                "counts.",
                code="truncation",
            )
        if self.base.takes_trials:
            raise ModelError(
                f"Family {self.base.name!r} counts successes out of trials, and zeros cannot be "
                "left out in this version; zero_inflation='~ 1' is for too many of them.",
                code="truncation",
            )
        if "zero_inflation" in self.base.parameters:
            raise ModelError(
                "Truncate the family of the counts, then inflate it: "
                "ilk.families.zero_inflated(ilk.families.truncated(...)), which is a hurdle.",
                code="truncation",
            )

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the family of counts, marked as truncated."""
        return f"truncated_{self.base.name}"

    @property
    def link(self) -> AbstractLink:  # type: ignore[override]
        """Link of the mean before truncation."""
        return self.base.link

    @property
    def parameters(self) -> tuple[str, ...]:  # type: ignore[override]
        """Predictors of the counts."""
        return self.base.parameters

    @property
    def mean_range(self) -> Interval:  # type: ignore[override]
        """Possible means before truncation."""
        return self.base.mean_range

    @property
    def dispersion_limit(self) -> str | None:  # type: ignore[override]
        """Family without dispersion."""
        return _truncated(self.base.dispersion_limit)

    @property
    def unit_dispersion(self) -> str | None:  # type: ignore[override]
        """Family where the dispersion is one."""
        return _truncated(self.base.unit_dispersion)

    @property
    def key(self) -> str | None:
        """Name of the compiled density."""
        inner = self.base.key
        compiled = inner in _COMPILED and is_registered(self.link)
        return f"truncated_{inner}" if compiled else None

    def _log_zero(
        self, like: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log probability (n,) of a zero before truncation."""
        zero = np.zeros_like(like)
        return self.base.log_density(zero, trials, eta) + self.base.constant(zero, trials)

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density of the counts, less the logarithm of 1 - f(0)."""
        count = np.maximum(y, 1.0)
        kept = self.base.log_density(count, trials, eta) - _log_complement(
            self._log_zero(y, trials, eta)
        )
        return jets.where(y >= 1.0, kept, kept * 0.0 - np.inf)

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Terms in y only."""
        return self.base.constant(np.maximum(y, 1.0), trials)

    def mean(self, eta: Sequence[NumberT]) -> NumberT:
        """Mean mu / (1 - f(0))."""
        log_zero = self._log_zero(jets.value(eta[0]), None, eta)
        return self.base.mean(eta) * jets.exp(-_log_complement(log_zero))

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance, from the first two moments."""
        mu, center = self.base.mean(eta), self.mean(eta)
        square = (self.base.variance(eta, trials) + mu * mu) * (center / mu)
        return np.maximum(square - center * center, 0.0)

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random counts: zeros are drawn again, or are so common that the others are found."""
        n = len(eta[0])
        kept = -np.expm1(self._log_zero(eta[0], trials, eta))
        out = np.zeros(n)
        often = np.flatnonzero(kept >= _REJECTED)
        while len(often):
            out[often] = self.base.draw([e[often] for e in eta], None, rng)
            often = often[out[often] == 0.0]
        rare = np.flatnonzero(kept < _REJECTED)

        def cdf(y: FloatArray, rows: IntArray) -> FloatArray:
            return self.cdf(y, None, [e[rare[rows]] for e in eta])

        out[rare] = draw_by_inversion(cdf, rng.random(len(rare)), low=1.0)
        return out

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function (F(y) - f(0)) / (1 - f(0))."""
        k, log_zero = np.floor(y), self._log_zero(y, trials, eta)
        kept = -np.expm1(log_zero)
        with np.errstate(divide="ignore", invalid="ignore"):
            out = (self.base.cdf(y, trials, eta) - np.exp(log_zero)) / kept
        rare = np.flatnonzero((kept < _RARE) & (k >= 1.0) & (k <= _FEW))
        if len(rare):  # the difference has lost its digits
            out[rare] = self._summed(k[rare], [e[rare] for e in eta])
        return np.where(k < 1.0, 0.0, np.clip(out, 0.0, 1.0))

    def _summed(self, k: FloatArray, eta: Sequence[FloatArray]) -> FloatArray:
        total = np.zeros_like(k)
        for j in range(1, int(k.max()) + 1):
            y = np.full_like(k, float(j))
            log_mass = self.log_density(y, None, eta) + self.constant(y, None)
            total += np.where(j <= k, np.exp(log_mass), 0.0)
        return total

    def caveat(self, trials: FloatArray | None, eta: Sequence[FloatArray]) -> str | None:
        """What does not hold of the family of the counts."""
        return self.base.caveat(trials, eta)

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse what the family of the counts refuses, and zeros."""
        self.base.check(y, trials, name, rows)
        advice = f"Zeros beside such counts are for family 'hurdle_{self.base.name}'."
        refuse_rows(self, y, y == 0.0, name, "counts from 1", advice, rows)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Counts shrunk to the mean that Poisson counts had before truncation."""
        center = max(weighted_mean(y, weights), 1.0)
        share = 1.0 - np.exp(-center)
        for _ in range(50):  # mu = share * center, share = 1 - exp(-mu)
            share = 1.0 - np.exp(-share * center)
        return self.base.start(max(share, 0.02) * y, trials, offset, weights)


def _log_complement(log_zero: NumberT) -> NumberT:
    """Logarithm of 1 - f(0), as a function of log(-log f(0)): good from f(0) = 0 to 1."""
    return jets.log_cloglog(jets.log(-log_zero))


def _truncated(name: str | None) -> str | None:
    return None if name is None else f"truncated_{name}"
