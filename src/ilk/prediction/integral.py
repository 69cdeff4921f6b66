r"""Averages of a function over normal random parts of its arguments, by sums over a grid.

.. math:: M(\eta, v) = E\, \mu(\eta_1 + \sqrt{v_1} x_1, \ldots, \eta_K + \sqrt{v_K} x_K),
          \qquad x \sim N(0, I)

The integral is a trapezoidal sum, which converges exponentially for functions that are analytic
near the real line (Trefethen and Weideman 2014, SIAM Review 56, section 5) and whose step can be
halved without losing a value; it is halved until the change, extrapolated, falls below the
tolerance.  In three and more dimensions that is too many values, and a product of Gauss rules takes
its place (`ilk.prediction.products`).  Derivatives follow from differentiating under the integral:
:math:`\partial M/\partial\eta = E\mu'` and, by the heat equation,
:math:`\partial M/\partial v = E\mu''/2`, with the derivatives of the mean from jets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ilk.errors import FitError
from ilk.prediction.averaged import Averaged, MeanFunction, differentiate
from ilk.prediction.products import MANY, integrate_products
from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["Averaged", "MeanFunction", "differentiate", "integrate"]

_SPACING = 0.75  # of the first grid at most, in standard deviations: every half of it sees the bulk
_DOUBLINGS = {1: 9, 2: 5}  # of the number of nodes before giving up, by dimension
_MOST = {1: 1 << 15, 2: 1 << 10}  # nodes on each side before giving up, by dimension
_TAIL = 7.5  # standard deviations kept: beyond lie 6e-14 of the normal distribution
_STRICTNESS = 1e-4  # of the tolerance where derivatives are asked for, which settle after the value
_CHUNK = 1 << 16  # function values held at one time


def integrate(
    mean: MeanFunction,
    eta: Sequence[FloatArray],
    deviation: Sequence[FloatArray],
    derivatives: bool,
    tolerance: float,
) -> Averaged:
    """Average a mean over normal random parts, row by row.

    Parameters
    ----------
    mean : callable
        Mean of the response as a function of K linear predictors, element by element.
    eta, deviation : sequences of K (n,) arrays
        Linear predictors without the random parts, and standard deviations of these.
    derivatives : bool
        Whether to compute derivatives.
    tolerance : float
        Relative error of the values at most, as estimated.

    Returns
    -------
    Averaged

    Raises
    ------
    FitError
        The integral does not settle (it may not exist).
    """
    n, K = len(eta[0]), len(eta)
    used = _used(mean, eta, deviation) if n else []
    active = [k for k in used if float(deviation[k].max()) > 0.0]
    value = np.empty(n)
    by_eta = [np.zeros(n) for _ in range(K)] if derivatives else []
    by_variance = [np.zeros(n) for _ in range(K)] if derivatives else []

    endless = sum((np.isinf(deviation[k]) for k in active), np.zeros(n, dtype=bool))
    if np.any(endless):
        raise _unsettled(int(np.sum(endless)), n)
    if len(active) >= MANY:
        found = integrate_products(mean, eta, deviation, active, used if derivatives else [])
        lost = int(np.sum(~np.isfinite(found.value)))
        if lost:
            raise _unsettled(lost, n)
        return found
    strictness = _STRICTNESS if derivatives else 1.0
    reach = [_TAIL + float(deviation[k].max()) for k in active]
    half = 4 * math.ceil(max(reach) / _SPACING / 4.0) if active else 0
    most = min(half << _DOUBLINGS.get(len(active), 1), _MOST.get(len(active), 1 << 15))
    if n and half > most:
        raise _unsettled(n, n)
    pending = np.arange(n)
    while len(pending):
        unsettled: list[IntArray] = []
        points = (2 * half + 1) ** len(active)
        for chunk in np.array_split(pending, -(-len(pending) * points // _CHUNK)):
            center, spread = [e[chunk] for e in eta], [s[chunk] for s in deviation]
            grid = _Grid(center, spread, dict(zip(active, reach, strict=True)), half)
            values, first, second = grid.evaluate(mean, used if derivatives else [])
            estimate, settled = grid.settle(values, strictness * tolerance)
            value[chunk] = estimate
            unsettled.append(chunk[~settled])
            if derivatives:
                for k, slope, bend in zip(used, first, second, strict=True):
                    by_eta[k][chunk] = grid.sum(slope)
                    by_variance[k][chunk] = 0.5 * grid.sum(bend)
        pending = np.concatenate(unsettled)
        half *= 2
        if len(pending) and half > most:
            raise _unsettled(len(pending), n)
    return Averaged(value, tuple(by_eta), tuple(by_variance))


def _unsettled(rows: int, n: int) -> FitError:
    return FitError(
        f"The mean over the population could not be computed for {rows} of {n} rows: its integral "
        "does not settle. Ask for estimand='typical' instead.",
        code="population-mean",
    )


def _used(
    mean: MeanFunction, eta: Sequence[FloatArray], deviation: Sequence[FloatArray]
) -> list[int]:
    """Predictors that the mean depends on (a dispersion, say, is none of them).

    They are moved as far as their random parts may reach, for a mean may be flat near its center.
    """
    if len(eta) == 1:
        return [0]
    center = mean(eta)

    def moves(k: int) -> bool:
        shifts = [np.full_like(eta[k], 0.5), *(c * deviation[k] for c in (-6, -3, -1, 1, 3, 6))]
        return any(
            not np.array_equal(mean([*eta[:k], eta[k] + shift, *eta[k + 1 :]]), center)
            for shift in shifts
        )

    return [k for k in range(len(eta)) if moves(k)]


class _Grid:
    """A tensor grid of equidistant nodes around each row's linear predictors.

    The grid reaches further than the normal density so that a mean growing like exp(eta), whose
    integrand is centered at ``sqrt(v)``, is covered as well.
    """

    def __init__(
        self,
        eta: Sequence[FloatArray],
        deviation: Sequence[FloatArray],
        reach: Mapping[int, float],
        half: int,
    ) -> None:
        self.eta, self.deviation = eta, deviation
        self.active = list(reach)
        self.nodes = [r * np.linspace(-1.0, 1.0, 2 * half + 1) for r in reach.values()]

    def evaluate(
        self, mean: MeanFunction, used: Sequence[int]
    ) -> tuple[FloatArray, list[FloatArray], list[FloatArray]]:
        """Means at all nodes (rows, nodes, ..., nodes), and two derivatives in each of `used`."""
        n, d = len(self.eta[0]), len(self.active)
        shape = (n, *(len(x) for x in self.nodes))
        arguments = []
        for k, eta in enumerate(self.eta):
            argument = eta.reshape(n, *(1,) * d)
            if k in self.active:
                axis = self.active.index(k)
                spread = self.nodes[axis].reshape(*(-1 if j == axis else 1 for j in range(d)))
                argument = argument + self.deviation[k].reshape(n, *(1,) * d) * spread
            arguments.append(np.broadcast_to(argument, shape).ravel())
        value, first, second = differentiate(mean, arguments, used)
        return (
            value.reshape(shape),
            [x.reshape(shape) for x in first],
            [x.reshape(shape) for x in second],
        )

    def sum(self, values: FloatArray, stride: int = 1, center: float = 0.0) -> FloatArray:
        """(rows,) sums over the grid, or over every second or fourth node of it.

        The normal weights may be centered elsewhere.
        """
        for x in reversed(self.nodes):
            weights = np.exp(-0.5 * (x[::stride] - center) ** 2)
            values = values[..., ::stride] @ (weights / weights.sum())
        return values

    def settle(self, values: FloatArray, tolerance: float) -> tuple[FloatArray, BoolArray]:
        """Estimates (rows,), and whether each has converged.

        An integral may look settled by an accident of symmetry.  So the same values are also
        averaged around a point off the center, and both averages must have settled.
        """
        if not self.active:
            return values, np.ones(len(values), dtype=bool)
        estimate, settled = self._settle(values, 0.0, tolerance)
        _, beside = self._settle(values, 0.5, tolerance)
        return estimate, settled & beside

    def _settle(
        self, values: FloatArray, center: float, tolerance: float
    ) -> tuple[FloatArray, BoolArray]:
        fine = self.sum(values, 1, center)
        size = self.sum(np.abs(values), 1, center)
        change = np.abs(fine - self.sum(values, 2, center))
        before = np.abs(fine - self.sum(values, 4, center))
        # Errors shrink at least geometrically: what is left is the change times its last ratio.
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(before > 0.0, np.minimum(change / before, 1.0), 0.0)
        converging = (change * ratio <= tolerance * size) & (change <= 1e-4 * size) & (ratio < 0.5)
        return fine, (converging | (change <= 1e-14 * size)) & np.isfinite(fine)
