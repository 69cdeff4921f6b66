r"""Whether neighbors in space, and levels at known distances, are more alike than the model says.

With normal scores :math:`z = \Phi^{-1}(u)` of the residuals of N units (rows, or places or levels
whose responses were summed), the statistic is Moran's (1950)

.. math:: I = \frac{N}{\sum_{ij} w_{ij}} \frac{\sum_{ij} w_{ij} (z_i - \bar z)(z_j - \bar z)}
   {\sum_i (z_i - \bar z)^2},

with weights one for the k nearest places, :math:`1 / d_{ij}` for distances between levels
(Gittleman and Kot 1990), or their relatedness itself.  The simulated data sets give its
distribution, so that clusters that reach over several units do no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.diagnostics.checks.columns import read_matrix, read_numbers
from ilk.diagnostics.checks.null import judge, judged_check
from ilk.diagnostics.checks.units import CORRELATION, scores_of, units_of, views_of
from ilk.errors import ModelError

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import Check
    from ilk.diagnostics.checks.units import Units
    from ilk.typing import FloatArray

__all__ = ["check_related", "check_space", "moran", "neighbor_weights"]


def check_space(context: Context) -> tuple[Check, ...]:
    """Test whether neighbors in space are alike; nothing without coordinates.

    Parameters
    ----------
    context : Context
        The fit and what was asked.

    Returns
    -------
    tuple of Check
    """
    if context.asked.coordinates is None:
        return ()
    design = context.fitted.design
    given = context.asked.coordinates
    if isinstance(given, str) or len(given) != 2:
        raise ModelError("coordinates= takes two columns, ('x', 'y').", code="coordinates")
    named = [read_numbers(design, part, "coordinates") for part in given]
    places = np.column_stack([values for _, values in named])[context.rows]
    units = units_of(places)
    if units.count < 5:
        raise ModelError(
            f"coordinates=: there are only {units.count} different places.", code="coordinates"
        )
    weights = neighbor_weights(places[units.first], context.asked.neighbors)
    where = ", ".join(dict.fromkeys(name for name, _ in named))
    advice = "Add covariates of place, a smooth of the coordinates, or a random term of regions."
    return tuple(
        _moran_check(context, units, weights, estimand, "space", where, advice)
        for estimand in views_of(context, units)
    )


def check_related(context: Context) -> tuple[Check, ...]:
    """Test whether related levels of a factor are alike; nothing without a matrix.

    Parameters
    ----------
    context : Context
        The fit and what was asked.

    Returns
    -------
    tuple of Check
    """
    checks: list[Check] = []
    for argument in ("distances", "relatedness"):
        given = getattr(context.asked, argument)
        if given is None:
            continue
        levels, matrix = read_matrix(context.fitted.design, given, argument)
        units = units_of(levels.codes[context.rows][:, None].astype(np.float64))
        present = levels.codes[context.rows][units.first]
        weights = matrix[np.ix_(present, present)]
        if argument == "distances":
            weights = _inverse(weights, levels.name)
        weights = weights - np.diag(np.diag(weights))
        advice = (
            f"Levels of {levels.name!r} that are close resemble each other: their random effects "
            "are not independent, and standard errors of covariates of the levels are too small."
        )
        checks += [
            _moran_check(context, units, weights, estimand, "related", levels.name, advice)
            for estimand in views_of(context, units)
        ]
    return tuple(checks)


def _inverse(distances: FloatArray, name: str) -> FloatArray:
    """One over the distances between levels."""
    off = ~np.eye(len(distances), dtype=bool)
    if np.any(distances[off] <= 0.0):
        raise ModelError(
            f"distances[{name!r}] must be above zero between different levels; give levels without "
            "a distance one label.",
            code="matrix",
        )
    weights = np.zeros_like(distances)
    weights[off] = 1.0 / distances[off]
    return weights


def _moran_check(
    context: Context,
    units: Units,
    weights: Any,
    estimand: str,
    code: str,
    where: str,
    advice: str,
) -> Check:
    z = scores_of(context, units, estimand)
    found = judge(moran(z, weights))
    what = "Neighbors in space" if code == "space" else "Related levels"
    return judged_check(
        context,
        found,
        large=abs(found.observed) >= CORRELATION,
        code=code,
        title=f"{what} are independent",
        where=where,
        estimand=estimand,
        sentence=f"Moran's I of the residuals of {units.count:,} units is {found.observed:.3f}, "
        f"where {found.expected:.3f} is expected.",
        advice=advice,
        detail={"score": z[:, 0], "lag": _neighbor_means(z[:, 0], weights)},
    )


def moran(z: FloatArray, weights: Any) -> FloatArray:
    """Moran's I of each column.

    Parameters
    ----------
    z : (N, m) array
        Values of units.
    weights : (N, N) array or sparse array
        Weights of pairs, zero on the diagonal.

    Returns
    -------
    (m,) array

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.diagnostics.checks.space import moran
    >>> line = np.array([[0.0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]])
    >>> moran(np.array([[1.0], [2.0], [3.0], [4.0]]), line).round(4)
    array([0.3333])
    """
    centered = z - z.mean(axis=0)
    cross = np.einsum("ij,ij->j", centered, np.asarray(weights @ centered))
    square = np.einsum("ij,ij->j", centered, centered)
    return np.asarray(len(z) / float(weights.sum()) * cross / square)


def _neighbor_means(z: FloatArray, weights: Any) -> FloatArray:
    """Weighted mean of the neighbors of each unit."""
    total = np.asarray(weights.sum(axis=1)).ravel()
    return np.asarray(weights @ z) / np.where(total > 0.0, total, 1.0)


def neighbor_weights(places: FloatArray, neighbors: int) -> Any:
    """Weights of the nearest places.

    Parameters
    ----------
    places : (N, 2) array
        Different places.
    neighbors : int
        How many count.

    Returns
    -------
    (N, N) sparse array
        One for the nearest places of each, zero elsewhere.
    """
    from scipy.sparse import csr_array
    from scipy.spatial import KDTree

    given: object = neighbors
    whole = isinstance(given, (int, np.integer)) and not isinstance(given, bool)
    if not whole or neighbors < 1:
        raise ModelError(f"neighbors={neighbors!r}: give a whole number from 1.", code="neighbors")
    N = len(places)
    k = min(int(neighbors), N - 1)
    _, nearest = KDTree(places).query(places, k=k + 1)
    columns = np.asarray(nearest)[:, 1:].ravel()
    rows = np.repeat(np.arange(N), k)
    return csr_array((np.ones(N * k), (rows, columns)), shape=(N, N))
