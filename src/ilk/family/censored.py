r"""Censoring: of some responses only where they may be is known.

.. math:: \log f(y), \qquad \log P(Y > c), \qquad \log P(Y \le c), \qquad \log P(a < Y \le b)

for a response that was observed, or is right-, left- or interval-censored.  The first number of a
row is the one that was recorded, the second (in the place of trials) the other end: equal,
infinite, minus infinite, or the upper end.  Censoring is taken to say nothing else about the
response.

With S and F the survival and distribution functions, the probability of an interval is
:math:`\log S(a) + \log(1 - S(b)/S(a))` above the median and
:math:`\log F(b) + \log(1 - F(a)/F(b))` below it; of an interval so short that the difference would
lose digits, it is its length times the density at its middle, of which the relative error is of
the order of the squared length.  Klein and Moeschberger (2003)
[KleinMoeschberger2003], section 3.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.errors import ModelError
from ilk.family.base import AbstractFamily, refuse_rows
from ilk.family.link import AbstractLink, Interval
from ilk.family.scale import ParameterScale
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["Censored", "can_be_censored"]

_SHORT = 1e-5
"""Relative probability of an interval below which it is the density times the length."""


def can_be_censored(family: AbstractFamily) -> bool:
    """Whether a family has log survival and distribution functions, and a mean by its link."""
    kind = type(family)
    return (
        kind.log_survival is not AbstractFamily.log_survival
        and kind.log_cdf is not AbstractFamily.log_cdf
        and kind.mean is AbstractFamily.mean
    )


@final
@dataclass(frozen=True, slots=True)
class Censored(AbstractFamily):
    """Responses of which some are censored.

    Attributes
    ----------
    base : AbstractFamily
        Family of the responses before censoring.
    """

    base: AbstractFamily

    def __post_init__(self) -> None:
        """Accept families that say how probable it is to be beyond a number."""
        if not can_be_censored(self.base):
            raise ModelError(
                f"Responses of family {self.base.name!r} cannot be censored: it has no "
                "log_survival and log_cdf.",
                code="censoring",
            )

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the family, marked as censored."""
        return f"censored_{self.base.name}"

    @property
    def link(self) -> AbstractLink:  # type: ignore[override]
        """Link of the mean before censoring."""
        return self.base.link

    @property
    def parameters(self) -> tuple[str, ...]:  # type: ignore[override]
        """Predictors of the responses."""
        return self.base.parameters

    @property
    def mean_range(self) -> Interval:  # type: ignore[override]
        """Possible means before censoring."""
        return self.base.mean_range

    @property
    def has_zero(self) -> bool:  # type: ignore[override]
        """Whether a response may be zero."""
        return self.base.has_zero

    @property
    def location_scale(self) -> bool:  # type: ignore[override]
        """Whether responses may be shifted and scaled, both ends alike."""
        return self.base.location_scale

    @property
    def has_atoms(self) -> bool:
        """Whether single records have probability: those of censored responses have."""
        return True

    @property
    def several_modes(self) -> bool:  # type: ignore[override]
        """Whether the density may have several maxima."""
        return self.base.several_modes

    @property
    def unit_dispersion(self) -> str | None:  # type: ignore[override]
        """Family where the dispersion is one."""
        inner = self.base.unit_dispersion
        return None if inner is None else f"censored_{inner}"

    @property
    def key(self) -> str | None:
        """There is no compiled density."""
        return None

    def scale(self, parameter: str) -> ParameterScale | None:
        """Scale of a parameter."""
        return self.base.scale(parameter)

    def log_survival(self, y: FloatArray, eta: Sequence[NumberT]) -> NumberT:
        """Log probability of more than y, before censoring."""
        return self.base.log_survival(y, eta)

    def phrase(self, response: str) -> str:
        """Say what the mean is of."""
        return f"mean before censoring of {response}"

    def row_label(self, parameter: str) -> str | None:
        """Name of a row of the table of thresholds."""
        return self.base.row_label(parameter)

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density, or log probability of where the response may be."""
        other = self._needed(trials)
        exact, right, left = self._kinds(y, other)
        low, high = np.where(left, other, y), np.where(left & (other < y), y, other)
        inside = ~(exact | right | left)
        some = np.where(inside, low, self._anything(y, other))
        first = np.where(exact, y, some)
        found = self.base.log_density(first, None, eta)
        with np.errstate(all="ignore"):
            if right.any() or inside.any():
                above = self.base.log_survival(np.where(right | inside, y, some), eta)
                found = jets.where(right, above, found)
            if left.any() or inside.any():
                top = np.where(left, np.maximum(y, other), np.where(inside, high, some))
                below = self.base.log_cdf(top, eta)
                found = jets.where(left, below, found)
            if inside.any():
                ends = np.where(inside, low, some), np.where(inside, high, some)
                found = jets.where(inside, self._interval(ends, eta, above, below), found)
        return found

    def _interval(
        self,
        ends: tuple[FloatArray, FloatArray],
        eta: Sequence[NumberT],
        above: NumberT,
        below: NumberT,
    ) -> NumberT:
        """Log probability between two ends; ``above`` the lower and ``below`` the upper."""
        low, high = ends
        lost = above - self.base.log_survival(high, eta)
        gained = below - self.base.log_cdf(low, eta)
        from_above = above + jets.log1mexp(lost)
        from_below = below + jets.log1mexp(gained)
        upper_half = jets.value(above) < jets.value(below)
        split = jets.where(upper_half, from_above, from_below)
        middle = 0.5 * (low + high)
        length = np.log(np.maximum(high - low, np.finfo(float).tiny))
        constant = self.base.constant(middle, None) + length
        dense = self.base.log_density(middle, None, eta) + constant
        size = np.where(upper_half, jets.value(lost), jets.value(gained))
        return jets.where(size < _SHORT, dense, split)

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Terms of the density in responses that were observed."""
        other = self._needed(trials)
        exact = self._kinds(y, other)[0]
        known = np.where(exact, y, self._anything(y, other))
        return np.where(exact, self.base.constant(known, None), 0.0)

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance before censoring."""
        return self.base.variance(eta, None)

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random responses before censoring."""
        return self.base.draw(eta, None, rng)

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function at the upper end; before censoring if there is no other end."""
        if trials is None:
            return self.base.cdf(y, None, eta)
        top = np.maximum(y, trials)
        endless = np.isposinf(top)
        return np.where(endless, 1.0, self.base.cdf(np.where(endless, y, top), None, eta))

    def cdf_below(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function at the lower end; before censoring if there is no other end."""
        if trials is None:
            return self.base.cdf(y, None, eta)
        bottom = np.minimum(y, trials)
        endless = np.isneginf(bottom)
        return np.where(endless, 0.0, self.base.cdf(np.where(endless, y, bottom), None, eta))

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse what the family cannot have produced; an interval may begin at its limit."""
        other = y if trials is None else trials
        _, _, left = self._kinds(y, other)
        begins = left & (y == self._limit) & (other > y)
        checked = np.where(begins, np.where(np.isfinite(other), other, 1.0), y)
        impossible = begins & ~np.isfinite(other)
        refuse_rows(
            self,
            y,
            impossible,
            name,
            "intervals that leave something out",
            "Remove such rows, which say nothing.",
            rows,
        )
        self.base.check(checked, None, name, rows)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Start of the family, with the middles of intervals and the ends of open ones."""
        return self.base.start(self._anything(y, self._needed(trials)), None, offset, weights)

    @property
    def _limit(self) -> float:
        """Number that all responses are above."""
        return -np.inf if self.base.has_zero else 0.0

    def _kinds(self, y: FloatArray, other: FloatArray) -> tuple[BoolArray, BoolArray, BoolArray]:
        """Rows (n,) that are known, right-censored, left-censored; the rest are intervals."""
        exact = np.asarray(y == other)
        left = ~exact & (np.minimum(y, other) <= self._limit)
        return exact, np.isposinf(other) & ~left, left

    def _anything(self, y: FloatArray, other: FloatArray) -> FloatArray:
        """Possible numbers (n,) near where the responses may be."""
        near = np.where(np.isfinite(other), 0.5 * (y + np.where(np.isfinite(other), other, y)), y)
        return np.where(near > self._limit, near, 1.0)

    def _needed(self, other: FloatArray | None) -> FloatArray:
        if other is None:
            raise ModelError(
                f"This question needs to know which responses of family {self.name!r} are "
                "censored, and cannot be asked in this version.",
                code="censoring",
            )
        return other
