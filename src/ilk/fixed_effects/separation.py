r"""Separation within clusters: proof that the likelihood has no maximum.

Along a direction d the likelihood within clusters never falls if, in every cluster, each row whose
outcome could be lower has at least the value of x'd of each row whose outcome could be higher; it
rises without end if somewhere the difference is not zero.  For 0/1 outcomes that is
:math:`\min_{y = 1} x'd \ge \max_{y = 0} x'd`; for counts, given their total,
:math:`\min_{y > 0} x'd \ge \max x'd` (Albert and Anderson 1984; Santos Silva and Tenreyro 2010).
With crossed factors no row has all others of one cluster to be compared with; there a linear
program looks for a direction of columns and cluster effects along which no fitted mean moves away
from its outcome.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ilk.fitted import Reason
from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "crossed_direction",
    "finite_only",
    "separating_direction",
    "separation_reason",
    "suspects",
]

_TOLERANCE = 1e-6
"""Largest difference, of a direction of unit spread, that counts as none."""


def separating_direction(
    X: FloatArray,
    codes: IntArray,
    size: int,
    falls: BoolArray,
    rises: BoolArray,
    candidates: Sequence[FloatArray],
) -> FloatArray | None:
    """Give the first of some directions that separates the outcomes within clusters.

    Parameters
    ----------
    X : (n, p) array
        Columns, centered within clusters.
    codes : (n,) array
        Cluster of each row.
    size : int
        Number of clusters.
    falls, rises : (n,) arrays of bool
        Whether the outcome of a row could be lower, higher.
    candidates : sequence of (p,) arrays
        Directions to try, either way.

    Returns
    -------
    (p,) array or None
    """
    for direction in candidates:
        for d in (direction, -direction):
            z = X @ d
            spread = float(np.abs(z).max(initial=0.0))
            if not np.isfinite(spread) or spread == 0.0:
                continue
            z = z / spread
            lowest = np.full(size, np.inf)
            highest = np.full(size, -np.inf)
            np.minimum.at(lowest, codes[falls], z[falls])
            np.maximum.at(highest, codes[rises], z[rises])
            if np.all(lowest >= highest - _TOLERANCE):
                return d / spread
    return None


def crossed_direction(
    X: FloatArray, codes: Sequence[IntArray], sizes: Sequence[int], low: BoolArray, high: BoolArray
) -> FloatArray | None:
    """Find a direction that separates the outcomes, cluster effects of crossed factors moving too.

    Parameters
    ----------
    X : (n, p) array
        Columns; with the clusters' dummies of full rank.
    codes : sequence of (n,) arrays
        Level of each row, by factor.
    sizes : sequence of int
        Number of levels of each factor.
    low, high : (n,) arrays of bool
        Whether the outcome of a row is as low, or as high, as it can be.

    Returns
    -------
    (p,) array or None
        Of one column if one suffices; None if only cluster effects, or nothing, is separated.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_array, csr_array, diags_array, hstack

    n, p = X.shape
    row, unit = np.arange(n), np.ones(n)
    spread = np.maximum(np.abs(X).max(axis=0, initial=0.0), np.finfo(float).tiny)
    dummies = [
        coo_array((unit, (row, code)), shape=(n, size))
        for code, size in zip(codes, sizes, strict=True)
    ]
    rows = csr_array(hstack([csr_array(X / spread), *dummies]))
    sign = high.astype(float) - low.astype(float)
    free = sign != 0.0
    signed, still = diags_array(sign[free]) @ rows[free], rows[~free]
    for allowed in [*np.eye(p, dtype=bool), *([np.ones(p, dtype=bool)] if p > 1 else [])]:
        for j in np.flatnonzero(allowed):
            for way in (1.0, -1.0):
                reach = np.where(allowed, 1.0, 0.0)
                reach[j] = 0.0
                low_ends = np.concatenate([-reach, np.full(sum(sizes), -np.inf)])
                ends = np.column_stack([low_ends, -low_ends])
                ends[j] = way
                found = linprog(
                    np.zeros(rows.shape[1]),
                    A_ub=-signed,
                    b_ub=np.zeros(signed.shape[0]),
                    A_eq=still if still.shape[0] else None,
                    b_eq=np.zeros(still.shape[0]) if still.shape[0] else None,
                    bounds=ends,
                    method="highs",
                )
                if found.status == 0:
                    scaled = np.where(np.abs(found.x[:p]) < 1e-7, 0.0, found.x[:p])
                    direction: FloatArray = scaled / spread
                    return direction
    return None


def separation_reason(names: Sequence[str], direction: FloatArray, X: FloatArray) -> Reason:
    """Say which coefficients run to infinity.

    Parameters
    ----------
    names : sequence of str
        Names of the columns.
    direction : (p,) array
        The separating direction.
    X : (n, p) array
        The columns.
    """
    share = np.abs(direction) * np.abs(X).max(axis=0, initial=0.0)
    guilty = tuple(n for n, s in zip(names, share, strict=True) if s > 1e-3 * share.max())
    verb = "separates" if len(guilty) == 1 else "separate"
    return Reason(
        "separation",
        "error",
        guilty,
        f"{', '.join(guilty)} {verb} the outcomes within clusters perfectly, so the likelihood has "
        "no maximum and the estimates run to infinity.",
        "Leave out or merge the levels concerned; estimates of the other coefficients stand.",
    )


def finite_only(vcov: FloatArray, names: Sequence[str], reasons: Sequence[Reason]) -> FloatArray:
    """Robust covariance matrix without the coefficients that run to infinity.

    Their rows are fitted perfectly, so that the sandwich would call them certain.

    Parameters
    ----------
    vcov : (p, p) array
        Covariance matrix.
    names : sequence of str
        Names of the columns.
    reasons : sequence of Reason
        The verdict's; `separation_reason` may be among them.

    Returns
    -------
    (p, p) array
        nan where a coefficient has no variance.
    """
    infinite = {name for r in reasons if r.code == "separation" for name in r.terms}
    lost = np.array([name in infinite for name in names], dtype=bool)
    return np.where(lost[:, None] | lost, np.nan, vcov)


def suspects(information: FloatArray, at_start: FloatArray) -> list[FloatArray]:
    """Directions in which nearly all information has vanished between the start and the end.

    Parameters
    ----------
    information, at_start : (p, p) arrays
        Information at the estimates, and where the search began.

    Returns
    -------
    list of (p,) arrays
    """
    scale = np.sqrt(np.maximum(np.diag(at_start), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    lost = values < 1e-4
    found = [vectors[:, j] / scale for j in np.flatnonzero(lost)]
    return found
