"""Rows arranged by cluster, and within a cluster by subgroup and position.

Rows of a cluster need not stand together in the data.  A *position* is the place of a row within
its cluster in whole or fractional steps; rows that are missing leave a gap, so that correlations
which depend on distance stay right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ilk.errors import DataError, ModelError
from ilk.frame import Label, quote
from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["Clusters", "arrange", "places"]

MAX_ROWS = 50_000_000
"""Rows at most after those with frequency weights have been repeated."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Rows in the order of their clusters.

    Parameters
    ----------
    rows : (N,) array of int
        Row of the design that stands at each place; a row with a frequency weight stands there
        as often as its weight says.
    starts, sizes : (K,) arrays of int
        Where each cluster begins, and its number of rows.
    times : (N,) array
        Time, or wave, of each row.
    positions : (N,) array
        Steps since the first row of its cluster.
    step : float
        Length of one step in units of the order column.
    labels : tuple
        Label of each cluster.
    inner : tuple of (N,) arrays of int
        Number of the subgroup of each row, numbered through all clusters, outermost first.
    """

    rows: IntArray
    starts: IntArray
    sizes: IntArray
    times: FloatArray
    positions: FloatArray
    step: float
    labels: tuple[Label, ...]
    inner: tuple[IntArray, ...] = ()

    @property
    def count(self) -> int:
        """Number of clusters K."""
        return len(self.starts)

    @property
    def largest(self) -> int:
        """Number of rows of the largest cluster."""
        return int(self.sizes.max())

    @property
    def index(self) -> IntArray:
        """(N,) number of the cluster of each row."""
        return np.repeat(np.arange(self.count), self.sizes)

    @property
    def whole(self) -> bool:
        """Whether all positions are whole numbers of steps."""
        return bool(np.all(self.positions == np.round(self.positions)))

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum (N,) or (N, k) values over the rows of each cluster."""
        total: FloatArray = np.add.reduceat(values, self.starts, axis=0)
        return total


def places(codes: IntArray) -> FloatArray:
    """Place of each row within its cluster, counted from 1 in the order of the data.

    Parameters
    ----------
    codes : (n,) array of int
        Cluster of each row.

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.gee.clusters import places
    >>> places(np.array([4, 4, 7, 4, 7])).tolist()
    [1.0, 2.0, 1.0, 3.0, 2.0]
    """
    order = np.argsort(codes, kind="stable")
    grouped = codes[order]
    first = np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]])
    sizes = np.diff(np.r_[first, len(codes)])
    out = np.empty(len(codes))
    out[order] = np.arange(len(codes)) - np.repeat(first, sizes) + 1
    return out


def arrange(
    codes: IntArray,
    labels: Sequence[Label],
    times: FloatArray,
    *,
    order: str,
    distinct: bool,
    subgroups: Sequence[IntArray] = (),
    weights: FloatArray | None = None,
) -> Clusters:
    """Arrange rows by cluster, subgroup and time.

    Parameters
    ----------
    codes : (n,) array of int
        Cluster of each row.
    labels : sequence
        Label of each code.
    times : (n,) array
        Time or wave of each row.
    order : str
        What the times are, for messages.
    distinct : bool
        Whether the rows of a cluster must have different times.
    subgroups : sequence of (n,) arrays of int
        Subgroups within clusters, outermost first.
    weights : (n,) array, optional
        Frequency weights: a row is repeated so often in its cluster.

    Returns
    -------
    Clusters

    Raises
    ------
    DataError
        There is a single cluster, or two rows of a cluster have the same time.
    """
    rows = np.lexsort((times, *reversed(subgroups), codes))
    if distinct:
        _refuse_ties(codes[rows], times[rows], labels, order, weights)
    positions, step = _in_steps(codes[rows], times[rows])
    if weights is not None and np.any(weights != 1.0):
        repeats = _whole(weights)[rows]
        rows, positions = np.repeat(rows, repeats), np.repeat(positions, repeats)
    grouped = codes[rows]
    starts = np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]])
    if len(starts) < 2:
        raise DataError(
            f"There is a single cluster ({quote(labels[int(grouped[0])])}) in the rows used: "
            "generalized estimating equations learn from differences between clusters. Give the "
            "column of a finer grouping as groups=.",
            code="single-level",
        )
    return Clusters(
        rows=rows,
        starts=starts,
        sizes=np.diff(np.r_[starts, len(rows)]),
        times=times[rows],
        positions=positions,
        step=step,
        labels=tuple(labels[code] for code in grouped[starts].tolist()),
        inner=_number(grouped, [codes_[rows] for codes_ in subgroups]),
    )


def _whole(weights: FloatArray) -> IntArray:
    """Frequency weights as numbers of copies."""
    copies = np.rint(weights)
    if not np.array_equal(copies, weights):
        row = int(np.argmax(copies != weights))
        raise DataError(
            f"frequency_weights= must be whole numbers here, and one is {weights[row]:g}: a row "
            "stands for so many rows of its cluster. Known relative precision is "
            "precision_weights=.",
            code="frequency-weights",
        )
    if copies.sum() > MAX_ROWS:
        raise DataError(
            f"frequency_weights= stand for {copies.sum():,.0f} rows; at most {MAX_ROWS:,} can be "
            "had here.",
            code="frequency-weights",
        )
    return copies.astype(np.int64)


def _refuse_ties(
    codes: IntArray,
    times: FloatArray,
    labels: Sequence[Label],
    order: str,
    weights: FloatArray | None,
) -> None:
    """Refuse two rows of one cluster at one time (rows in sorted order)."""
    if weights is not None and np.any(weights != 1.0):
        raise ModelError(
            "frequency_weights= repeat rows within their cluster, at the same position; this "
            "working correlation depends on positions. Use covariance='exchangeable' or "
            "'independence', or precision_weights=.",
            code="frequency-weights",
        )
    tied = (codes[1:] == codes[:-1]) & (times[1:] == times[:-1])
    if not tied.any():
        return
    first = int(np.argmax(tied))
    many = len(np.unique(codes[1:][tied]))
    more = f" (and {many - 1} more clusters have such rows)" if many > 1 else ""
    raise DataError(
        f"Cluster {quote(labels[int(codes[first])])} has two rows with {order} = "
        f"{times[first]:g}{more}: give order= a column that tells the rows of a cluster apart, or "
        "use covariance='exchangeable', which needs no order.",
        code="duplicate-position",
    )


def _in_steps(codes: IntArray, times: FloatArray) -> tuple[FloatArray, float]:
    """Steps since the first row of the cluster (rows in sorted order), and the length of a step.

    The step is the shortest distance between neighbors if all distances are whole multiples of
    it, else their median.
    """
    same = codes[1:] == codes[:-1]
    first = np.flatnonzero(np.r_[True, ~same])
    since = times - np.repeat(times[first], np.diff(np.r_[first, len(times)]))
    gaps = np.diff(times)[same]
    gaps = gaps[gaps > 0.0]
    if len(gaps) == 0:
        return np.zeros(len(times)), 1.0
    step = float(gaps.min())
    if _nearly(gaps / step) and _nearly(since / step):
        return np.round(since / step), step
    step = float(np.median(gaps))
    return since / step, step


def _nearly(x: FloatArray) -> bool:
    """Whether all numbers are whole, up to rounding of the times."""
    return bool(np.all(np.abs(x - np.round(x)) < 1e-6 * np.maximum(1.0, np.abs(x))))


def _number(codes: IntArray, subgroups: Sequence[IntArray]) -> tuple[IntArray, ...]:
    """Number subgroups through all clusters (rows in sorted order)."""
    numbered = []
    changed: BoolArray = np.r_[True, codes[1:] != codes[:-1]]
    for subgroup in subgroups:
        changed = changed | np.r_[True, subgroup[1:] != subgroup[:-1]]
        numbered.append(np.cumsum(changed) - 1)
    return tuple(numbered)
