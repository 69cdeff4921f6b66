r"""Averages of a mean of one predictor for many rows: computed on a lattice, then interpolated.

For a standard deviation s, averages at the nodes :math:`\eta_j = j\delta` of a lattice are sums

.. math:: M(j\delta, s) = \sum_k w_k\, \mu(j\delta + k h), \qquad w_k \propto e^{-(kh/s)^2/2},

with a step h that is a multiple of delta: the mean is evaluated once on the lattice, and each s is
a convolution.  The same sums of :math:`\mu'` and :math:`\mu''` give the derivatives.  A row's
average is read off by Lagrange interpolation through 6 nodes in eta and, where the standard
deviations take many values, through 8 nodes in s (M is even in s, so that the lattice goes through
zero).  A sample of rows is compared with the integral itself; where a table misses, the lattices
are made finer, and if that does not help there is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ilk.prediction.integral import Averaged, MeanFunction, differentiate, integrate
from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["tabulate"]

_FEW = 16  # standard deviations that are tabulated one by one
_ROWS = {True: 1 << 13, False: 1 << 16}  # for which tables pay, by whether these are few
_FARTHEST, _WIDEST = 64.0, 10.0  # predictors and standard deviations beyond are integrated
_RESOLUTIONS = (  # distances of the nodes in eta and in s, and the largest step h
    (1.0 / 64.0, 0.05, 0.25),
    (1.0 / 128.0, 0.03, 0.0625),
)
_LARGEST = 1 << 22  # entries of a table
_ACROSS, _DOWN = 6, 8  # points of the interpolation in eta and in s
_REACH = 8.2  # standard deviations summed over; growth like exp(eta) moves the bulk by s of them
_CHUNK = 1 << 14  # rows interpolated at one time: what they need stays in the cache
_CHECKED = 48  # rows compared with the integral
_TOLERANCE = 1e-10  # of integrals
_ERROR = (2e-11, 4e-9, 4e-9)  # of value, first and second derivative


def tabulate(
    mean: MeanFunction, eta: FloatArray, deviation: FloatArray, derivatives: bool
) -> Averaged | None:
    """Average a mean of one predictor by tables.

    Parameters
    ----------
    mean : callable
        Takes a list of one array (or jet) to the mean.
    eta, deviation : (n,) arrays
        Linear predictors and the standard deviations of their random parts.
    derivatives : bool
        Whether to compute derivatives.

    Returns
    -------
    Averaged or None
        None if tables do not pay, or are not exact enough.
    """
    n = len(eta)
    if n < _ROWS[True] or not deviation.any():
        return None
    inside = (np.abs(eta) <= _FARTHEST) & (deviation <= _WIDEST)
    if not inside.all():
        return _with_outliers(mean, eta, deviation, derivatives, inside)
    levels = _levels(deviation)
    if n < _ROWS[levels is not None]:
        return None
    sample = _sample(eta, deviation)
    exact = _columns(integrate(mean, [eta[sample]], [deviation[sample]], derivatives, _TOLERANCE))
    for spacing, apart, widest in _RESOLUTIONS:
        lattice = _Lattice.around(eta, deviation, levels, spacing, apart)
        if lattice.size > _LARGEST:
            return None
        tables = _make_tables(mean, lattice, widest, derivatives)
        if _agrees(lattice.read(tables, eta[sample], deviation[sample]), exact):
            columns = lattice.read(tables, eta, deviation)
            if not derivatives:
                return Averaged(columns[0])
            return Averaged(columns[0], (columns[1],), (0.5 * columns[2],))
    return None


def _with_outliers(
    mean: MeanFunction,
    eta: FloatArray,
    deviation: FloatArray,
    derivatives: bool,
    inside: BoolArray,
) -> Averaged | None:
    """Tables for most rows, the integral for those far out; None if they are many."""
    if inside.mean() < 0.9:
        return None
    most = tabulate(mean, eta[inside], deviation[inside], derivatives)
    if most is None:
        return None
    rest = integrate(mean, [eta[~inside]], [deviation[~inside]], derivatives, _TOLERANCE)

    def merge(a: FloatArray, b: FloatArray) -> FloatArray:
        out = np.empty(len(eta))
        out[inside], out[~inside] = a, b
        return out

    return Averaged(
        merge(most.value, rest.value),
        tuple(map(merge, most.by_eta, rest.by_eta)),
        tuple(map(merge, most.by_variance, rest.by_variance)),
    )


def _levels(deviation: FloatArray) -> FloatArray | None:
    """The standard deviations, if they take few values."""
    few = np.unique(deviation[:: max(1, len(deviation) // 1024)])
    if len(few) > _FEW:
        return None
    few = np.unique(np.append(few, (deviation.min(), deviation.max())))
    if len(few) == 1:
        return few
    return few if np.array_equal(few[np.searchsorted(few, deviation)], deviation) else None


def _sample(eta: FloatArray, deviation: FloatArray) -> IntArray:
    """Rows all over the data, and those at the ends of both ranges."""
    spread = np.linspace(0, len(eta) - 1, _CHECKED).astype(np.intp)
    ends = [eta.argmin(), eta.argmax(), deviation.argmin(), deviation.argmax()]
    return np.unique(np.append(spread, ends))


def _columns(averaged: Averaged) -> list[FloatArray]:
    return [
        averaged.value,
        *averaged.by_eta,
        *(2.0 * d for d in averaged.by_variance),
    ]


def _agrees(found: list[FloatArray], exact: list[FloatArray]) -> bool:
    """Whether tables reproduce the integral, relative to its size.

    Derivatives are measured by the larger of both, or by a small part of the value where they all
    but vanish.
    """
    scales = [np.abs(exact[0])]
    if len(exact) > 1:
        scales += [np.abs(exact[1]) + np.abs(exact[2]) + 1e-3 * np.abs(exact[0])] * 2
    return all(
        bool(np.all(np.abs(a - b) <= error * scale))  # False for nan
        for a, b, error, scale in zip(found, exact, _ERROR, scales, strict=False)
    )


@dataclass(frozen=True, slots=True)
class _Lattice:
    """Where a table has its nodes.

    Parameters
    ----------
    spacing : float
        Distance delta of the nodes in eta.
    first, count : int
        The nodes are ``spacing * (first, first + 1, ..., first + count - 1)``.
    levels : (R,) array
        Standard deviations of the table's rows.
    step : float
        Distance of the levels if they are a lattice that may begin below zero; 0 if they are the
        values that occur.
    """

    spacing: float
    first: int
    count: int
    levels: FloatArray
    step: float = 0.0

    @classmethod
    def around(
        cls,
        eta: FloatArray,
        deviation: FloatArray,
        levels: FloatArray | None,
        spacing: float,
        apart: float,
    ) -> _Lattice:
        """Lattice that covers the rows, with the nodes that interpolation needs around them."""
        first, count = _cover(eta, spacing, _ACROSS)
        if levels is not None:
            return cls(spacing, first, count, levels)
        # M may grow like exp(s^2 / 2), whose logarithm has the slope s
        step = apart * min(1.0, 2.0 / float(deviation.max()))
        lowest, rows = _cover(deviation, step, _DOWN)
        return cls(
            spacing, first, count, step * np.arange(lowest, lowest + rows, dtype=np.float64), step
        )

    @property
    def size(self) -> int:
        """Entries of a table."""
        return self.count * len(self.levels)

    def read(
        self, tables: list[FloatArray], eta: FloatArray, deviation: FloatArray
    ) -> list[FloatArray]:
        """Interpolate: (n,) numbers from each table (R, count)."""
        flat = [table.ravel() for table in tables]
        out = [np.empty(len(eta)) for _ in tables]
        for start in range(0, len(eta), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            corner, across = _nodes_around(eta[chunk] / self.spacing - self.first, _ACROSS)
            down: list[FloatArray] | list[None] = [None]
            if self.step:
                lowest = round(float(self.levels[0]) / self.step)
                row, down = _nodes_around(deviation[chunk] / self.step - lowest, _DOWN)
                corner += self.count * row
            elif len(self.levels) > 1:
                corner += self.count * np.searchsorted(self.levels, deviation[chunk])
            for values, table in zip(out, flat, strict=True):
                values[chunk] = self._combine(table, corner, across, down)
        return out

    def _combine(
        self,
        table: FloatArray,
        corner: IntArray,
        across: list[FloatArray],
        down: list[FloatArray] | list[None],
    ) -> FloatArray:
        """Weighted sums of the entries right of and below each row's corner."""
        entry, total = np.empty(len(corner)), np.zeros(len(corner))
        for i, vertical in enumerate(down):
            part = total if vertical is None else np.zeros(len(corner))
            for j, horizontal in enumerate(across):
                np.take(table[i * self.count + j :], corner, out=entry, mode="clip")
                entry *= horizontal
                part += entry
            if vertical is not None:
                part *= vertical
                total += part
        return total


def _cover(x: FloatArray, spacing: float, points: int) -> tuple[int, int]:
    """First node and number of nodes so that all windows of `points` nodes exist."""
    before = points // 2 - 1
    first = math.floor(float(x.min()) / spacing) - before
    last = math.floor(float(x.max()) / spacing) + points - before
    return first, last - first + 1


def _nodes_around(position: FloatArray, points: int) -> tuple[IntArray, list[FloatArray]]:
    """First of the nodes around each position, and the Lagrange weights of all of them.

    Weight k is the product of ``(t - m) / (k - m)`` over the other nodes m.
    """
    before, last = points // 2 - 1, points - 1
    floor = np.floor(position)
    t = position - floor + before
    left, right = [np.ones_like(t)], [np.ones_like(t)]
    for k in range(last):
        left.append(left[-1] * (t - k))
        right.append(right[-1] * (t - (last - k)))
    norms = [
        (-1) ** (last - k) * math.factorial(k) * math.factorial(last - k) for k in range(points)
    ]
    weights = [left[k] * right[last - k] / norms[k] for k in range(points)]
    return floor.astype(np.intp) - before, weights


def _make_tables(
    mean: MeanFunction, lattice: _Lattice, widest: float, derivatives: bool
) -> list[FloatArray]:
    """Averages (R, count), and of two derivatives, at all nodes of a lattice."""
    levels = np.abs(lattice.levels)
    summed = [_Weights.of(s, lattice.spacing, widest) for s in levels]
    margin = max((weights.reach for weights in summed if weights is not None), default=0)
    positions = np.arange(lattice.first - margin, lattice.first + lattice.count + margin)
    value, first, second = differentiate(
        mean, [lattice.spacing * positions.astype(np.float64)], [0] if derivatives else []
    )
    functions = [value, *first, *second]
    tables = [np.empty((len(levels), lattice.count)) for _ in functions]
    done: dict[float, int] = {}
    for r, (s, weights) in enumerate(zip(levels.tolist(), summed, strict=True)):
        if s in done:  # below zero
            for table in tables:
                table[r] = table[done[s]]
            continue
        done[s] = r
        if weights is None:
            nodes = lattice.spacing * positions[margin : margin + lattice.count].astype(np.float64)
            rows = _columns(
                integrate(mean, [nodes], [np.full(len(nodes), s)], derivatives, _TOLERANCE)
            )
        else:
            rows = [weights.convolve(f, margin, lattice.count) for f in functions]
        for table, row in zip(tables, rows, strict=True):
            table[r] = row
    return tables


@dataclass(frozen=True, slots=True)
class _Weights:
    """Normal weights on every `stride`-th node of a lattice.

    Parameters
    ----------
    weights : (2 m + 1,) array
        Weights, with sum 1.
    stride : int
        Distance h of the nodes summed over, in nodes of the lattice.
    """

    weights: FloatArray
    stride: int

    @classmethod
    def of(cls, s: float, spacing: float, widest: float) -> _Weights | None:
        """Weights of a standard deviation; None if the lattice is too coarse for it."""
        if s < 1.4 * spacing:  # the sum is exact up to exp(-2 pi^2 s^2 / h^2)
            return None
        stride = 1
        while 2 * stride * spacing <= min(s / 1.4, widest):
            stride *= 2
        h = stride * spacing / s
        half = math.ceil((_REACH + s) / h)
        weights = np.exp(-0.5 * (h * np.arange(-half, half + 1)) ** 2)
        return cls(weights / weights.sum(), stride)

    @property
    def reach(self) -> int:
        """Nodes of the lattice on either side."""
        return self.stride * (len(self.weights) // 2)

    def convolve(self, values: FloatArray, margin: int, count: int) -> FloatArray:
        """(count,) averages at the nodes that have `margin` others on either side."""
        around = values[margin - self.reach : margin + count + self.reach]
        out = np.empty(count)
        for phase in range(min(self.stride, count)):  # nodes that are summed over together
            nodes = around[phase :: self.stride]
            out[phase :: self.stride] = np.convolve(nodes, self.weights, "valid")
        return out
