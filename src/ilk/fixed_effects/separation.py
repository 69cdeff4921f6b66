r"""Separation within clusters: proof that the likelihood has no maximum.

Along a direction d the likelihood within clusters never falls if, in every cluster, each row whose
outcome could be lower has at least the value of x'd of each row whose outcome could be higher; it
rises without end if somewhere the difference is not zero.  For 0/1 outcomes that is
:math:`\min_{y = 1} x'd \ge \max_{y = 0} x'd`; for counts, given their total,
:math:`\min_{y > 0} x'd \ge \max x'd` (Albert and Anderson 1984; Santos Silva and Tenreyro 2010).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ilk.fitted import Reason
from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["separating_direction", "separation_reason"]

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
