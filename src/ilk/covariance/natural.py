r"""Parameters of covariance structures as readers know them: rho, a range, Pagel's lambda.

A search moves unconstrained numbers; reported are these.  Their intervals are made on the scale

.. math:: \log\frac{x - l}{h - x} \qquad \text{or, without an upper limit,} \qquad \log(x - l)

between their limits l and h: twice Fisher's z for a correlation between -1 and 1.  Parameters
without limits are taken as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["LIMITS", "Natural", "Reported", "common_name"]

LIMITS = {
    "rho": (0.0, 1.0),
    "phi": (0.0, 1.0),
    "lambda": (0.0, 1.0),
    "range": (0.0, math.inf),
    "smoothness": (0.0, math.inf),
}
"""Limits of the parameters of correlations over levels, by name."""

_SMOOTH = 50.0
"""Smoothness from which a Matern correlation is a Gaussian one."""


@dataclass(frozen=True, slots=True)
class Natural:
    """A parameter on the scale on which it is reported.

    Parameters
    ----------
    kind : str
        Its usual name, such as ``"rho"`` or ``"range"``.
    terms : tuple of str
        What it belongs to: a series, a lag; empty for the levels of a factor.
    low, high : float
        Its limits.
    half_life : float
        Distance at which correlations have fallen to a half, in units of a range; 0 if it is not
        reported.
    shortest, longest : float
        Smallest and largest distance in the data, for a range; nan if they are not known.
    """

    kind: str
    terms: tuple[str, ...] = ()
    low: float = -1.0
    high: float = 1.0
    half_life: float = 0.0
    shortest: float = math.nan
    longest: float = math.nan

    def free(self, value: float) -> float:
        """The value on the scale of its intervals; infinite at a limit.

        Examples
        --------
        >>> Natural("range", (), 0.0, math.inf).free(1.0)
        0.0
        """
        if math.isinf(self.low):
            return value
        above, below = value - self.low, self.high - value
        if above <= 0.0 or below <= 0.0:
            return -math.inf if above <= 0.0 else math.inf
        return math.log(above) - (math.log(below) if math.isfinite(below) else 0.0)

    def value(self, free: float) -> float:
        """The way back.

        Examples
        --------
        >>> rho = Natural("rho")
        >>> round(rho.value(rho.free(0.3)), 12)
        0.3
        """
        if math.isnan(free) or math.isinf(self.low):
            return free
        if math.isinf(self.high):
            return self.low + (math.exp(free) if free < 709.0 else math.inf)
        share = 1.0 / (1.0 + math.exp(-free)) if free > -709.0 else 0.0
        return self.low + (self.high - self.low) * share

    def at_limit(self, value: float) -> bool:
        """Whether a value stands for one of the limits; a range, by the distances of the data."""
        if self.kind == "range" and math.isfinite(value):
            return value > 1e3 * self.longest or value < 0.05 * self.shortest
        if self.kind == "smoothness" and math.isfinite(value):
            return value > _SMOOTH
        if math.isinf(self.high):
            return not math.isfinite(value) or (math.isfinite(self.low) and value <= self.low)
        near = 1e-5 * (self.high - self.low)
        return not self.low + near < value < self.high - near


@dataclass(frozen=True, slots=True)
class Reported:
    """What is reported of a covariance structure.

    Parameters
    ----------
    deviations : tuple of (str, int), optional
        Names of the standard deviations that are shown, and an effect that has each; one for
        each effect by default.
    pairs : bool
        Whether the correlation of each pair of effects is shown.
    parameters : tuple of Natural
        The other parameters.
    """

    deviations: tuple[tuple[str, int], ...] | None = None
    pairs: bool = True
    parameters: tuple[Natural, ...] = ()


def common_name(columns: Sequence[str]) -> str:
    """Name of several effects together: that of their series, or theirs.

    Parameters
    ----------
    columns : sequence of str
        Names of effects.

    Examples
    --------
    >>> common_name(["week[0]", "week[1]"]), common_name(["Intercept", "x"])
    ('week', 'Intercept, x')
    >>> common_name(["sex[F]:week[0]", "sex[F]:week[1]"])
    'sex[F]:week'
    """
    if all(column.endswith("]") for column in columns):
        for split in (str.rpartition, str.partition):  # "sex[F]:week[0]"; labels with brackets
            heads = {split(column, "[")[0] for column in columns}
            if len(heads) == 1:
                return heads.pop()
    if len(columns) <= 3:
        return ", ".join(columns)
    return f"{columns[0]}, ..., {columns[-1]}"
