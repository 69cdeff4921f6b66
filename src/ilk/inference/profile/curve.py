r"""A profile of one parameter, kept: constrained maxima, and the intervals that they tell.

Between two maxima the position is interpolated as a function of zeta, with the exact slopes there,
so that intervals at every level come from few points.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.inference.profile.names import listed
from ilk.inference.profile.search import End, crossing
from ilk.inference.wald import two_sided

if TYPE_CHECKING:
    from ilk.inference.profile.names import Parameter
    from ilk.typing import FloatArray

__all__ = ["ProfileCurve", "notes_on_ends"]


@dataclass(frozen=True, slots=True)
class ProfileCurve:
    """Constrained maxima along one parameter, in its order.

    Parameters
    ----------
    parameter : Parameter
        The parameter.
    label : str
        Its name, unique in the fit.
    estimate : float
        Where the likelihood is largest.
    position : (k,) array
        Positions on the path, on which the curve is close to a line.
    value, zeta, loglik : (k,) arrays
        The parameter, the signed root and the log-likelihood.
    slope : (k,) array
        Derivative of zeta in position; nan where it is not known.
    others : (k, r) array
        All parameters of the fit at each maximum.
    to_value : callable
        Takes a position to the parameter.
    bounds : (float, float)
        Positions where the parameter space ends.
    ends : (End, End)
        Why the curve ends below and above.
    monotone : bool
        Whether zeta rose all the way.
    rejected : int
        Searches that ended above the fit, at no optimum.
    """

    parameter: Parameter
    label: str
    estimate: float
    position: FloatArray
    value: FloatArray
    zeta: FloatArray
    loglik: FloatArray
    slope: FloatArray
    others: FloatArray
    to_value: Callable[[float], float]
    bounds: tuple[float, float]
    ends: tuple[End, End]
    monotone: bool
    rejected: int

    def limits(self, level: float) -> tuple[float, float]:
        """Limits of the interval with some coverage.

        Parameters
        ----------
        level : float
            Coverage, not above that of the curve.

        Returns
        -------
        low, high : float
            Infinite where the curve flattens; nan where it was lost.
        """
        target = two_sided(level)
        return self._limit(-1, target), self._limit(1, target)

    def drawn(self, count: int = 12) -> tuple[FloatArray, FloatArray]:
        """Curve for a picture: values and zeta, interpolated between the constrained maxima.

        Parameters
        ----------
        count : int
            Points between two neighbors.
        """
        values, zetas = [self.value[:1]], [self.zeta[:1]]
        for a in range(len(self.zeta) - 1):
            side = 1 if self.zeta[a] >= 0.0 and self.zeta[a + 1] > 0.0 else -1
            inner, outer = (a, a + 1) if side > 0 else (a + 1, a)
            steps = np.linspace(self.zeta[a], self.zeta[a + 1], count + 1)[1:]
            values.append(
                np.array(
                    [self.to_value(self._between(inner, outer, side, side * z)) for z in steps]
                )
            )
            zetas.append(steps)
        return np.concatenate(values), np.concatenate(zetas)

    def _limit(self, side: int, target: float) -> float:
        outwards = side * self.zeta
        order = np.flatnonzero(side * (self.position - self.position[self._center]) >= 0.0)
        order = order[np.argsort(side * self.position[order], kind="stable")]
        for a, b in itertools.pairwise(order.tolist()):
            if outwards[b] >= target:
                return self.to_value(self._between(a, b, side, target))
        last = int(order[-1])
        if abs(outwards[last] - target) < 2e-3 and self.slope[last] > 0.0:
            rest = side * (target - outwards[last]) / self.slope[last]
            return self.to_value(float(np.clip(self.position[last] + rest, *self.bounds)))
        end = self.ends[side > 0]
        if end is End.LOST:
            return math.nan
        return self.to_value(self.bounds[side > 0])

    def _between(self, a: int, b: int, side: int, target: float) -> float:
        first, second = (
            (side * float(self.zeta[i]), float(self.position[i]), side * float(self.slope[i]))
            for i in (a, b)
        )
        return crossing(first, second, target)

    @property
    def _center(self) -> int:
        return int(np.argmin(np.abs(self.zeta)))


def notes_on_ends(curves: Sequence[ProfileCurve], limits: FloatArray) -> list[str]:
    """Write sentences on limits where the curve does not cross the cutoff.

    Parameters
    ----------
    curves : sequence of k ProfileCurve
        The curves.
    limits : (k, 2) array
        The limits.
    """
    zero: list[str] = []
    edge: list[str] = []
    infinite: list[str] = []
    lost: list[str] = []
    for curve, (low, high) in zip(curves, limits, strict=True):
        for limit, end, bound in zip((low, high), curve.ends, curve.bounds, strict=True):
            if math.isnan(limit):
                lost.append(curve.label)
            elif math.isinf(limit) or (end is End.INFINITE and limit == curve.to_value(bound)):
                infinite.append(curve.label)
            elif end is End.BOUNDARY and limit == curve.to_value(bound):
                (zero if curve.parameter.kind == "sd" else edge).append(curve.label)
    out = []
    if zero:
        out.append(
            f"{listed(zero)}: the curve ends at zero before it reaches the cutoff; the interval "
            "[0, upper] says that no variance at all is compatible with the data. Near zero such "
            "intervals are somewhat too wide (the reference distribution has no boundary)."
        )
    if edge:
        out.append(
            f"{listed(edge)}: the curve ends where the parameter space ends; the data do not "
            "exclude that limit."
        )
    if infinite:
        out.append(
            f"{listed(infinite)}: the curve flattens below the cutoff, so that the data set no "
            "limit on that side (as with separation, or a dispersion of zero)."
        )
    if lost:
        out.append(
            f"{listed(lost)}: the curve could not be followed as far as the cutoff; the limit is "
            "nan."
        )
    return out
