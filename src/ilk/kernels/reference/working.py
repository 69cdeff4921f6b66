"""Information of the working model: the curvature of the log densities seen through X and Z."""

from __future__ import annotations

import numpy as np

from ilk.kernels.contract import EngineData
from ilk.kernels.reference.loadings import Loadings
from ilk.kernels.reference.rows import RowDesign
from ilk.typing import FloatArray

__all__ = ["cross_information", "fixed_information", "level_information"]


def fixed_information(data: EngineData, w: FloatArray) -> FloatArray:
    """X'W X, (P, P), for weights w (K, K, n)."""
    X = [part.X for part in data.predictors]
    return np.block(
        [[X[k].T @ (w[k, j][:, None] * X[j]) for j in range(len(X))] for k in range(len(X))]
    )


def cross_information(
    data: EngineData, rows: RowDesign, loadings: Loadings, w: FloatArray
) -> FloatArray:
    """Lambda'Z'W X, (U, P), for loadings Lambda'z_i and weights w (K, K, n)."""
    columns = [
        rows.total(loadings.pull(w[k] * part.X[:, j]))
        for k, part in enumerate(data.predictors)
        for j in range(part.X.shape[1])
    ]
    return np.column_stack(columns) if columns else np.zeros((rows.size, 0))


def level_information(rows: RowDesign, term: int, w: FloatArray) -> FloatArray:
    """Diagonal blocks A_ll = sum of w z z' of a term by level, (L_t, q_t, q_t)."""
    positions = rows.positions[term]
    levels, q = positions.shape
    out = np.zeros((levels, q, q))
    for part in rows.copies[term]:
        z = rows.columns[:, part]
        predictor = rows.predictor[part]
        level = (rows.index[:, part.start] - positions[0, 0]) // q
        for j in range(q):
            for k in range(q):
                product = w[predictor[j], predictor[k]] * z[:, j] * z[:, k]
                out[:, j, k] += np.bincount(level, product, minlength=levels)
    return out
