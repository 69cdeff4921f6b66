"""What the data cannot tell: identifiability, checked on the model itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.covariance.structured import Structured
from ilk.errors import DataError, ModelError
from ilk.model.structures import over_levels

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.design.random import RandomTerm
    from ilk.model.model import Model
    from ilk.typing import FloatArray, IntArray

_SOME = 1000
"""Rows among which a level with both outcomes is looked for first."""


def homogeneous_groups(model: Model) -> str | None:
    """Grouping factor whose levels all have only failures or only successes, if there is one.

    Such data drive the standard deviation of that factor's intercept to infinity.
    """
    response = model.design.response
    if model.family.name != "binomial":
        return None
    for term in model.design.random_parts:
        if term.predictor != "mean" or "Intercept" not in term.column_names:
            continue
        if term.grouping.weights is not None:
            continue
        codes = term.grouping.codes
        rows = model.rows
        for some in (slice(0, _SOME), slice(None)) if rows > 2 * _SOME else (slice(None),):
            if _some_mixed(codes[some], response.y[some], response.trials, some):
                break
        else:
            if np.bincount(codes).max() > 1:
                return term.grouping.name
    return None


def _some_mixed(codes: IntArray, y: FloatArray, trials: FloatArray | None, rows: slice) -> bool:
    """Whether some level has events and non-events among the rows."""
    total = np.bincount(codes, weights=None if trials is None else trials[rows])
    events = np.bincount(codes, weights=y)
    return bool(np.any((events > 0) & (events < total)))


def check_identified(model: Model) -> None:
    """Refuse models whose variance parameters no data of this shape can tell apart.

    Raises
    ------
    DataError
        Fewer rows than coefficients; a linear model with as many random effects as rows.
    ModelError
        Two terms of one predictor with the same grouping and a column in common.
    """
    design = model.design
    rows = model.rows
    for part in model.fitted_parts:
        if part.X.shape[1] > rows:
            raise DataError(
                f"The {part.predictor} has {part.X.shape[1]} coefficients but there are only "
                f"{rows} rows: leave out terms.",
                code="too-few-rows",
            )
    if model.linear:
        if model.nobs <= design.fixed[0].X.shape[1]:
            raise DataError(
                f"The model has as many coefficients ({design.fixed[0].X.shape[1]}) as "
                f"observations ({model.nobs}): no residual variance is left to estimate.",
                code="too-few-rows",
            )
        for term, covariance in zip(design.terms, model.covariances, strict=True):
            if term.structure not in ("us", "diag", "iid") or isinstance(covariance, Structured):
                continue  # fewer variances than columns; levels that are not independent
            q = len(term.column_names)
            if len(term.grouping.levels) * q >= rows and model.design.frequency_weights is None:
                raise DataError(
                    f"The term ({term.label}) has {len(term.grouping.levels) * q} random effects "
                    f"for {rows} rows: in a Gaussian model they cannot be told from the residual. "
                    "Leave out a slope, or group by a factor with several rows per level.",
                    code="saturated-term",
                )
    _check_duplicates(model)
    _check_absorbed(model)
    _check_shared(model)


def _check_shared(model: Model) -> None:
    """Refuse columns of a predictor without intercept that all parameters in its place have too."""
    parts = {part.predictor: part for part in model.design.fixed}
    stand_ins = [p for p in parts.values() if model.family.row_label(p.predictor) is not None]
    for name in model.family.without_intercept[:1]:
        for column in parts[name].names:
            if stand_ins and all(column in other.names for other in stand_ins):
                raise ModelError(
                    f"{column!r} is in the {name} and in every threshold, whose effects cannot be "
                    f"told apart: leave it out of the {name}, or of one threshold.",
                    code="shared-column",
                )


def _check_duplicates(model: Model) -> None:
    """Refuse two terms that group the rows alike and have a column in common."""
    seen: dict[tuple[str, str, int, int], list[RandomTerm]] = {}
    structures = over_levels(model)
    for term in model.design.random_parts:
        grouping = term.grouping
        for name in term.column_names if term.structure in ("us", "diag", "iid") else ():
            # other structures are other covariances; other numbers of levels, other groups of rows
            over = id(structures.get(grouping.name)) if grouping.structured else 0
            key = (term.predictor, name, len(grouping.levels), over)
            before = seen.setdefault(key, [])
            for other in before:
                if _same_groups(other.grouping, term.grouping):
                    raise ModelError(
                        f"The terms ({other.label}) and ({term.label}) group the rows alike and "
                        f"share the column {name!r}: their variances cannot be told apart. Keep "
                        "one.",
                        code="duplicate-term",
                    )
            before.append(term)


def _same_groups(a: Grouping, b: Grouping) -> bool:
    """Whether two factors group the rows alike."""
    if a.weights is None and b.weights is None:
        return _partition(a.codes) == _partition(b.codes)
    return a.name == b.name


def _check_absorbed(model: Model) -> None:
    """Refuse grouping factors whose levels the fixed part tells apart already."""
    parts = model.parts
    for term in model.design.random_parts:
        X, levels = parts[term.predictor].X, len(term.grouping.levels)
        if "Intercept" not in term.column_names or X.shape[1] < levels:
            continue
        if term.grouping.weights is not None:
            continue
        indicators = (term.grouping.codes[:, None] == np.arange(levels)).astype(float)
        spread = np.abs(X).max(axis=0)
        scaled = X / np.where(spread > 0.0, spread, 1.0)
        solution = np.linalg.lstsq(scaled, indicators, rcond=None)[0]
        if np.abs(scaled @ solution - indicators).max() < 1e-8:
            raise ModelError(
                f"The fixed part of the {term.predictor} has a coefficient for every level of "
                f"{term.grouping.name!r}, so nothing is left for the random intercept of "
                f"({term.label}). Leave {term.grouping.name!r} out of one of the two.",
                code="absorbed-term",
            )


def _partition(codes: np.ndarray) -> bytes:
    """Fingerprint of a partition of the rows, whatever its levels are called."""
    import hashlib

    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return hashlib.blake2b(order[inverse].astype(np.int32).tobytes(), digest_size=16).digest()
