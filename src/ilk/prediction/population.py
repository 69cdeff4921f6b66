r"""The mean of the response averaged over random effects: a Gaussian integral of low dimension.

Row i of a model has linear predictors :math:`\eta_k` whose random parts are, before the data speak,
normal with mean zero and variance :math:`v_k = \sum_t z_{it}' G_t z_{it}`.  Whatever the number of
crossed, nested or sloped terms, the average of the mean over the population of clusters is thus

.. math:: M(\eta, v) = E\, \mu(\eta_1 + \sqrt{v_1} x_1, \ldots, \eta_K + \sqrt{v_K} x_K),
          \qquad x \sim N(0, I),

one dimension for each predictor that has random effects (these are independent of each other).
Where a closed form exists it is used (`CLOSED_FORMS`; for the probit see Zeger, Liang and Albert
1988, Biometrics 44, p. 1054).  Otherwise the integral is a trapezoidal sum, which converges
exponentially for functions that are analytic near the real line (Trefethen and Weideman 2014, SIAM
Review 56, section 5) and whose step can be halved without losing a value; it is halved until the
change, extrapolated, falls below the tolerance.

Derivatives follow from differentiating under the integral: :math:`\partial M/\partial\eta = E\mu'`
and, by the heat equation, :math:`\partial M/\partial v = E\mu''/2`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ilk.errors import FitError
from ilk.num.stable import special
from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["CLOSED_FORMS", "Averaged", "average", "random_variance"]

MeanFunction: TypeAlias = Callable[[Sequence[FloatArray]], FloatArray]
"""Takes K arrays of one shape to the mean of the response, element by element."""

_TOLERANCE = 1e-10
_SPACING = 0.75  # of the first grid at most, in standard deviations: every half of it sees the bulk
_DOUBLINGS = {1: 9, 2: 5, 3: 2}  # of the number of nodes before giving up, by dimension
_TAIL = 7.5  # standard deviations kept: beyond lie 6e-14 of the normal distribution
_CHUNK = 1 << 18  # function values held at one time
_STEP = 4e-3  # of the five-point stencil: truncation and rounding are both near 1e-11


@dataclass(frozen=True, slots=True)
class Averaged:
    """Averages and their derivatives.

    Parameters
    ----------
    value : (n,) array
        M(eta, v) of each row.
    by_eta : tuple of (n,) arrays
        Derivative in each linear predictor; empty if not asked for.
    by_variance : tuple of (n,) arrays
        Derivative in the variance of each predictor's random part; empty if not asked for.
    """

    value: FloatArray
    by_eta: tuple[FloatArray, ...] = ()
    by_variance: tuple[FloatArray, ...] = ()


def random_variance(columns: FloatArray | None, covariance: FloatArray, rows: int) -> FloatArray:
    """Compute the (n,) variance ``z_i' G z_i`` of one term's contribution to each row.

    Parameters
    ----------
    columns : (n, q) array or None
        Rows of Z within their level; None is a column of ones.
    covariance : (q, q) array
        G, or any symmetric matrix (such as a derivative of G).
    rows : int
        n.

    Examples
    --------
    >>> import numpy as np
    >>> random_variance(np.array([[1.0, 0.0], [1.0, 2.0]]), np.array([[4.0, 1.0], [1.0, 1.0]]), 2)
    array([ 4., 12.])
    """
    if columns is None:
        return np.full(rows, covariance[0, 0])
    product: FloatArray = (columns @ covariance) * columns
    return np.asarray(product.sum(axis=1))


def _identity(eta: FloatArray, v: FloatArray) -> Averaged:
    return Averaged(eta + 0.0, (np.ones_like(eta),), (np.zeros_like(eta),))


def _log(eta: FloatArray, v: FloatArray) -> Averaged:
    mean = np.exp(eta + 0.5 * v)
    return Averaged(mean, (mean,), (0.5 * mean,))


def _probit(eta: FloatArray, v: FloatArray) -> Averaged:
    shrink = 1.0 / np.sqrt(1.0 + v)
    argument = eta * shrink
    density = np.exp(-0.5 * argument**2) / math.sqrt(2.0 * math.pi)
    by_variance = -0.5 * density * argument * shrink**2
    return Averaged(special().ndtr(argument), (density * shrink,), (by_variance,))


def _sqrt(eta: FloatArray, v: FloatArray) -> Averaged:
    return Averaged(eta**2 + v, (2.0 * eta,), (np.ones_like(eta),))


CLOSED_FORMS: Mapping[str, Callable[[FloatArray, FloatArray], Averaged]] = {
    "identity": _identity,
    "log": _log,
    "probit": _probit,
    "sqrt": _sqrt,
}
"""M(eta, v) of one predictor by the name of the link whose inverse is averaged."""


def average(
    mean: MeanFunction,
    eta: Sequence[FloatArray],
    variance: Sequence[FloatArray],
    *,
    derivatives: bool = False,
    tolerance: float = _TOLERANCE,
) -> Averaged:
    """Average a mean over normal random parts of its linear predictors.

    Parameters
    ----------
    mean : callable
        Mean of the response as a function of K linear predictors, element by element.
    eta : sequence of K (n,) arrays
        Linear predictors without the random parts.
    variance : sequence of K (n,) arrays
        Variance of the random part of each predictor, zero where it has none.
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

    Examples
    --------
    >>> import numpy as np
    >>> logistic = lambda eta: 1.0 / (1.0 + np.exp(-eta[0]))
    >>> average(logistic, [np.array([1.0])], [np.array([2.0])]).value.round(10)
    array([0.6750567])
    """
    n, K = len(eta[0]), len(eta)
    deviation = [np.sqrt(v) for v in variance]
    used = _used(mean, eta, deviation) if n else []
    active = [k for k in used if float(deviation[k].max()) > 0.0]
    value = np.empty(n)
    by_eta = [np.zeros(n) for _ in range(K)] if derivatives else []
    by_variance = [np.zeros(n) for _ in range(K)] if derivatives else []

    reach = [_TAIL + float(deviation[k].max()) for k in active]
    half = 4 * math.ceil(max(reach) / _SPACING / 4.0) if active else 0
    most, pending = half << _DOUBLINGS.get(len(active), 1), np.arange(n)
    while len(pending):
        unsettled: list[IntArray] = []
        points = (2 * half + 1) ** len(active)
        for chunk in np.array_split(pending, -(-len(pending) * points // _CHUNK)):
            center, spread = [e[chunk] for e in eta], [s[chunk] for s in deviation]
            grid = _Grid(mean, center, spread, dict(zip(active, reach, strict=True)), half)
            estimate, settled = grid.settle(tolerance)
            value[chunk] = estimate
            unsettled.append(chunk[~settled])
            if derivatives:
                for k in used:
                    by_eta[k][chunk], by_variance[k][chunk] = grid.derivatives(k, estimate)
        pending = np.concatenate(unsettled)
        half *= 2
        if len(pending) and half > most:
            raise FitError(
                f"The mean over the population could not be computed for {len(pending)} of {n} "
                "rows: its integral does not settle. Ask for estimand='typical' instead.",
                code="population-mean",
            )
    return Averaged(value, tuple(by_eta), tuple(by_variance))


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
        mean: MeanFunction,
        eta: Sequence[FloatArray],
        deviation: Sequence[FloatArray],
        reach: Mapping[int, float],
        half: int,
    ) -> None:
        self.mean, self.eta, self.deviation = mean, eta, deviation
        self.active = list(reach)
        self.nodes = [r * np.linspace(-1.0, 1.0, 2 * half + 1) for r in reach.values()]

    def values(self, shift: float = 0.0, predictor: int = -1) -> FloatArray:
        """Means at all nodes (rows, nodes, ..., nodes), one predictor shifted."""
        n, d = len(self.eta[0]), len(self.active)
        shape = (n, *(len(x) for x in self.nodes))
        arguments = []
        for k, eta in enumerate(self.eta):
            argument = (eta + shift if k == predictor else eta).reshape(n, *(1,) * d)
            if k in self.active:
                axis = self.active.index(k)
                spread = self.nodes[axis].reshape(*(-1 if j == axis else 1 for j in range(d)))
                argument = argument + self.deviation[k].reshape(n, *(1,) * d) * spread
            arguments.append(np.broadcast_to(argument, shape).ravel())
        return np.asarray(self.mean(arguments), dtype=np.float64).reshape(shape)

    def integrate(self, values: FloatArray, stride: int = 1, center: float = 0.0) -> FloatArray:
        """(rows,) sums over the grid, or over every second or fourth node of it.

        The normal weights may be centered elsewhere.
        """
        for x in reversed(self.nodes):
            weights = np.exp(-0.5 * (x[::stride] - center) ** 2)
            values = values[..., ::stride] @ (weights / weights.sum())
        return values

    def settle(self, tolerance: float) -> tuple[FloatArray, BoolArray]:
        """Estimates (rows,), and whether each has converged.

        An integral may look settled by an accident of symmetry.  So the same values are also
        averaged around a point off the center, and both averages must have settled.
        """
        values = self.values()
        if not self.active:
            return values, np.ones(len(values), dtype=bool)
        estimate, settled = self._settle(values, 0.0, tolerance)
        _, beside = self._settle(values, 0.5, tolerance)
        return estimate, settled & beside

    def _settle(
        self, values: FloatArray, center: float, tolerance: float
    ) -> tuple[FloatArray, BoolArray]:
        fine = self.integrate(values, 1, center)
        size = self.integrate(np.abs(values), 1, center)
        change = np.abs(fine - self.integrate(values, 2, center))
        before = np.abs(fine - self.integrate(values, 4, center))
        # Errors shrink at least geometrically: what is left is the change times its last ratio.
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(before > 0.0, np.minimum(change / before, 1.0), 0.0)
        converging = (change * ratio <= tolerance * size) & (change <= 1e-4 * size) & (ratio < 0.5)
        return fine, (converging | (change <= 1e-14 * size)) & np.isfinite(fine)

    def derivatives(self, k: int, value: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Differentiate the average (rows,) in eta_k and v_k, by a stencil under the integral."""
        h = _STEP
        a, b = self.integrate(self.values(-h, k)), self.integrate(self.values(h, k))
        c, d = self.integrate(self.values(-2 * h, k)), self.integrate(self.values(2 * h, k))
        first = (8.0 * (b - a) - (d - c)) / (12.0 * h)
        second = (16.0 * (a + b) - (c + d) - 30.0 * value) / (12.0 * h * h)
        return first, 0.5 * second
