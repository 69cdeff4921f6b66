r"""From effects on the scale of the link to the rates of a table, and back for a threshold.

A rate is :math:`M(e)` of :mod:`ilk.ranking.standards` times the unit that rates are for.  A slope
is shown as it is, or as the ratio :math:`\exp(e)` with a log or logit link.  With the square root
link M is a parabola, and a level is placed by its distance from the lowest point, not by e.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ilk.errors import ModelError
from ilk.family.link import UNIT
from ilk.prediction.means import is_inverse_link

if TYPE_CHECKING:
    from collections.abc import Callable

    from ilk.ranking.standards import Standard
    from ilk.ranking.target import Target
    from ilk.typing import FloatArray

__all__ = ["Quantity", "Scale"]

Quantity = Literal["rate", "proportion", "mean", "slope"]

_RATIOS = ("log", "logit")

_FAR, _CLOSE = 60.0, 1e-6
"""Effects beyond which no threshold is looked for, and the shortest step on the way."""


class Scale:
    """What a table shows of an effect.

    Parameters
    ----------
    standard : Standard
        The rows.
    target : Target
        What is ranked.
    per : float
        Unit of rates.
    """

    def __init__(self, standard: Standard, target: Target, per: Any) -> None:
        fitted = standard.fitted
        self.standard, self.slope = standard, target.slope
        self.link = fitted.family.predictor_link.name
        self.quantity = _quantity(standard, target)
        self.per = _checked_per(per, self.quantity)
        self.fold: float | None = None
        if target.slope:
            self.common = np.zeros(len(fitted.estimates.psi))
            self.rising = True
            fixed = float(target.fixed[0] @ fitted.coef)
            self.center = float(self.values(np.array([fixed]))[0])
        else:
            self.common = standard.common()
            self.center = self.per * standard.rate()
            near = standard.rates(np.array([0.0, 1e-3]))
            self.rising = bool(near[1] >= near[0])
            if self.link == "sqrt":
                self._fold()

    @property
    def ratio(self) -> bool:
        """Whether slopes are shown as ratios."""
        return self.slope and self.link in _RATIOS

    def values(self, effects: FloatArray) -> FloatArray:
        """Rates (or slopes) at effects of any shape."""
        if self.slope:
            return np.exp(effects) if self.ratio else effects
        if self.fold is not None:
            return self.per * (self.floor + self.bend * effects**2)
        return self.per * self.standard.rates(effects)

    def _fold(self) -> None:
        """Square the mean: M(e) = floor + bend (e + fold)^2 falls before it rises."""
        below, middle, above = (self.standard.rate(e) for e in (-1.0, 0.0, 1.0))
        self.bend = 0.5 * (above + below) - middle
        self.fold = 0.25 * (above - below) / self.bend
        self.floor = middle - self.bend * self.fold**2
        self.rising = True

    def limits(self, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lower and upper limits of rates, from those of effects."""
        a, b = self.values(np.array([low, high]))
        return (a, b) if self.rising else (b, a)

    def effect_at(self, threshold: Any) -> float:
        """Effect at which the rate is at a threshold; infinite where no effect reaches it.

        Raises
        ------
        ModelError
            There is no such rate.
        """
        value = self._checked(threshold)
        if self.slope:
            return math.log(value) if self.ratio else value
        if self.fold is not None:
            square = (value / self.per - self.floor) / self.bend
            return math.sqrt(square) if square >= 0.0 else -math.inf
        link = self.standard.fitted.family.link
        if is_inverse_link(self.standard.fitted.family) and link.name in ("log", "identity"):
            ends = np.array([value, self.center]) / self.per
            return float(np.diff(-link.link(ends))[0])
        from scipy.optimize import brentq

        def above(effect: float) -> float:
            return self.per * self.standard.rate(effect) - value

        with np.errstate(all="ignore"):
            start = above(0.0)
            if start == 0.0:
                return 0.0
            side = 1.0 if (start < 0.0) == self.rising else -1.0
            near, far = 0.0, self._beyond(above, start, side)
            if math.isinf(far):
                return far
            near, far = min(near, far), max(near, far)
            return float(brentq(above, near, far, xtol=1e-10))

    def _beyond(self, above: Callable[[float], float], start: float, side: float) -> float:
        """Effect on the other side of the threshold, by steps that go the right way only."""
        effect, value, step = 0.0, start, 0.1
        while abs(effect) < _FAR and step > _CLOSE:
            moved = above(effect + side * step)
            if not (math.isfinite(moved) and (moved - value) * start < 0.0):
                step *= 0.5  # beyond a pole of the mean, or its end
                continue
            effect, value, step = effect + side * step, moved, 1.5 * step
            if value * start <= 0.0:
                return effect
        return side * math.inf

    def _checked(self, threshold: Any) -> float:
        number = isinstance(threshold, (int, float, np.number)) and not isinstance(
            threshold, (bool, np.bool_)
        )
        value = float(threshold) if number else math.nan
        if not math.isfinite(value):
            raise ModelError(
                f"threshold={threshold!r:.60}: give a number on the scale of the table.",
                code="threshold",
            )
        family = self.standard.fitted.family
        low = 0.0 if self.ratio or not (self.slope or self._signed()) else -math.inf
        shares = not self.slope and (family.takes_trials or family.mean_range == UNIT)
        high = self.per if shares else math.inf
        if not low < value < high:
            what = "ratio" if self.ratio else self.quantity
            between = f"between 0 and {high:g}" if shares else "above 0"
            raise ModelError(
                f"threshold={threshold!r} is no possible {what}: give a number {between}"
                + (f" (rates are per {self.per:g})." if self.per != 1.0 else "."),
                code="threshold",
            )
        return value

    def _signed(self) -> bool:
        """Whether means may be negative."""
        family = self.standard.fitted.family
        return not family.discrete and family.mean_range.low < 0.0 and self.link != "log"


def _quantity(standard: Standard, target: Target) -> Quantity:
    family = standard.fitted.family
    if target.slope:
        return "slope"
    if family.takes_trials:
        return "proportion"
    return "rate" if family.discrete or standard.exposure_name is not None else "mean"


def _checked_per(per: Any, quantity: Quantity) -> float:
    number = isinstance(per, (int, float, np.number)) and not isinstance(per, (bool, np.bool_))
    if not (number and 0.0 < float(per) < math.inf):
        raise ModelError(f"per={per!r:.60}: give a positive number, such as 1000.", code="per")
    if float(per) != 1.0 and quantity in ("mean", "slope"):
        raise ModelError(
            f"per={per!r} is the unit of rates, and this table compares {quantity}s; leave it out.",
            code="per",
        )
    return float(per)
