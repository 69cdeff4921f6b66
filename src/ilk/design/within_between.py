"""Cluster means and deviations from them (Mundlak terms).

``between(x, g)`` is the mean of x over the rows of the same cluster, ``within(x, g)`` the deviation
from it. Their coefficients answer different questions: between clusters that differ by one unit of
x on average, and within a cluster when x changes by one unit (Mundlak 1978).

The mean of a factor is a column for each level but the reference: the share of the cluster's rows
that have it. The mean of a product ``x:z`` is the mean of the product, not the product of means.
Rows count as often as their frequency weights say.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ilk.design.general import formulaic_matrix
from ilk.design.levels import label_texts, match_levels
from ilk.design.scope import Scope
from ilk.design.transforms import Coded
from ilk.errors import DataError
from ilk.formula.language import Call, Expression, Operation
from ilk.formula.spec import Factor as FormulaFactor
from ilk.formula.spec import Sum, Term
from ilk.frame import Factor, Label, listing, quote
from ilk.typing import FloatArray, IntArray

__all__ = ["cluster_means", "level_means", "product_columns", "product_parts"]


def cluster_means(
    values: FloatArray,
    clusters: Factor,
    known: Mapping[str, Any] | None,
    learning: bool,
    weights: FloatArray | None = None,
) -> tuple[FloatArray, dict[str, Any], tuple[Label, ...]]:
    """Means of the cluster of each row.

    Parameters
    ----------
    values : (n, k) array
        The columns.
    clusters : Factor
        Cluster of each row.
    known : mapping or None
        ``{"levels": labels, "means": (L, k) array}`` of the data of the fit.
    learning : bool
        Whether these are the data of the fit.
    weights : (n,) array, optional
        How often each row counts.

    Returns
    -------
    means : (n, k) array
        Remembered means; those of clusters that are new come from these rows, and a row without a
        cluster has its own values.
    known : dict
        What to remember.
    unseen : tuple
        Labels of the new clusters.
    """
    present = clusters.codes >= 0
    counts = None if weights is None else weights[present]
    here = level_means(values[present], clusters.codes[present], len(clusters.levels), counts)
    unseen: tuple[Label, ...] = ()
    if known is None or learning:
        known = {"levels": clusters.levels, "means": here}
    else:
        old = _find(known["levels"], clusters.levels)
        unseen = tuple(clusters.levels[i] for i in np.flatnonzero(old < 0))
        kept = np.asarray(known["means"], dtype=float).reshape(-1, values.shape[1])
        here = np.where((old >= 0)[:, None], np.vstack([kept, kept[:1] * np.nan])[old], here)
    means = np.vstack([here, np.full((1, values.shape[1]), np.nan)])[clusters.codes]
    return np.where(present[:, None], means, values), dict(known), unseen


def level_means(
    values: FloatArray, codes: IntArray, size: int, weights: FloatArray | None = None
) -> FloatArray:
    """Means by level.

    Parameters
    ----------
    values : (n, k) array
        The columns.
    codes : (n,) array of int
        Level of each row.
    size : int
        Number L of levels.
    weights : (n,) array, optional
        How often each row counts.

    Returns
    -------
    (L, k) array
        The means; zero for levels without rows.

    Examples
    --------
    >>> import numpy as np
    >>> level_means(np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 1]), 2).ravel()
    array([2., 5.])
    """
    counts = np.bincount(codes, weights, size)
    means = np.empty((size, values.shape[1]))
    for j, column in enumerate(values.T):
        sums = np.bincount(codes, column if weights is None else weights * column, size)
        with np.errstate(invalid="ignore", divide="ignore"):
            means[:, j] = np.where(counts > 0, sums / counts, 0.0)
    return means


def _find(known: Sequence[Any], labels: Sequence[Any]) -> Any:
    """Place of labels, or of combinations of them, among those of the fit; -1 for new ones."""
    if known and isinstance(known[0], (tuple, list)):
        place = {tuple(key): code for code, key in enumerate(known)}
        return np.array([place.get(tuple(label), -1) for label in labels], dtype=np.int32)
    return match_levels(tuple(known), tuple(labels))


def product_parts(expression: Expression) -> tuple[Expression, ...]:
    """Columns or expressions of a product ``a:b:c``.

    Parameters
    ----------
    expression : Expression
        An argument of ``within`` or ``between``.

    Returns
    -------
    tuple of Expression
    """
    if isinstance(expression, Operation) and expression.operator == ":":
        return tuple(part for side in expression.operands for part in product_parts(side))
    return (expression,)


def product_columns(
    call: Call, pieces: Sequence[Any], known: Mapping[str, Any] | None, scope: Scope
) -> tuple[FloatArray, dict[str, Any] | None]:
    """Columns of a product of numbers, bases and factors.

    Parameters
    ----------
    call : Call
        The call, for messages.
    pieces : sequence of Value
        Values of each part.
    known : mapping or None
        What was learned from the data of the fit.
    scope : Scope
        The data.

    Returns
    -------
    values : (n, k) array
        The columns; a factor has one for each level but its reference.
    learned : dict or None
        Names of the columns, and levels of the factors by position; None for a single column of
        numbers.
    """
    if all(type(piece) is np.ndarray and piece.ndim == 1 for piece in pieces):
        return np.prod(np.column_stack(pieces), axis=1)[:, None], None
    factors = None if known is None or scope.learning else (known.get("factors") or {})
    levels: dict[str, Any] = {}
    blocks = []
    for place, piece in enumerate(pieces):
        if isinstance(piece, (Factor, Coded)):
            coded = piece if isinstance(piece, Coded) else Coded(piece)
            if factors is not None:
                coded = _matched(call, coded, factors.get("levels", {}).get(str(place)), scope)
            levels[str(place)] = coded.factor.levels
            blocks.append(_coded_columns(call, coded))
        elif hasattr(piece, "keys"):
            keys = [key for key in piece if not str(key).startswith("__")]
            blocks.append(([str(key) for key in keys], [np.asarray(piece[key]) for key in keys]))
        elif np.ndim(piece) == 2:
            blocks.append(([str(j + 1) for j in range(piece.shape[1])], list(piece.T)))
        else:
            blocks.append(([""], [np.asarray(piece)]))
    names, columns = [], []
    for chosen in itertools.product(*(range(len(block[0])) for block in reversed(blocks))):
        pick = list(zip(blocks, reversed(chosen), strict=True))
        names.append(":".join(filter(None, (block[0][j] for block, j in pick))))
        columns.append(np.prod([block[1][j] for block, j in pick], axis=0))
    return np.column_stack(columns).astype(float), {"names": tuple(names), "levels": levels}


def _matched(call: Call, coded: Coded, known: Sequence[Label] | None, scope: Scope) -> Coded:
    """Put the levels of new data among those of the fit."""
    found = coded.factor
    place = match_levels(tuple(known or ()), found.levels)
    if (place < 0).any():
        unseen = int(np.argmax(place < 0))
        row = int(np.flatnonzero(found.codes == unseen)[0])
        raise DataError(
            f"{call.text} meets the level {quote(found.levels[unseen])}, which was not in the data "
            f"of the fit (row {scope.row(row)}); known are {listing(tuple(known or ()))}.",
            code="unseen-level",
        )
    codes = np.append(place, np.int32(-1))[found.codes]
    return Coded(Factor(codes, tuple(known or ())), coded.contrast, coded.option)


def _coded_columns(call: Call, coded: Coded) -> tuple[list[str], list[FloatArray]]:
    """Columns of a factor beside an intercept, and their short names."""
    found = coded.factor
    if len(found.levels) < 2:
        label = f" ({quote(found.levels[0])})" if found.levels else ""
        raise DataError(
            f"{call.text}: the factor has a single level{label}, so that its share is the same in "
            "every cluster.",
            code="single-level",
        )
    if coded.contrast in ("Treatment", "contr.treatment") and coded.option is None:
        codes = found.codes
        columns = [np.equal(codes, level).astype(float) for level in range(1, len(found.levels))]
        return label_texts(found.levels)[1:], columns
    terms = Sum((Term(), Term((FormulaFactor("f", call),))))
    X, names = formulaic_matrix(terms, {"f": coded}, len(found.codes))
    return [name[2:-1].removeprefix("T.") for name in names[1:]], list(X[:, 1:].T)
