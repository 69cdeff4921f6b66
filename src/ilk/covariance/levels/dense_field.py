"""Precision matrix of a Gaussian field at some places, by dense algebra."""

from __future__ import annotations

import math

import numpy as np

from ilk.covariance.levels.base import Precision
from ilk.covariance.levels.vecchia import NUGGET
from ilk.typing import FloatArray

__all__ = ["dense_precision"]


def dense_precision(R: FloatArray, slope: FloatArray) -> Precision:
    """Inverse of a matrix of correlations; not a number where it is numerically singular.

    Parameters
    ----------
    R : ndarray (L, L)
        Correlations.
    slope : ndarray (L, L, m)
        Their derivatives.
    """
    order, m = len(R), slope.shape[2]
    columns, rows = (x.astype(np.int32) for x in np.triu_indices(order))
    try:
        root = np.linalg.cholesky(R + NUGGET * np.eye(order))
    except np.linalg.LinAlgError:
        nothing = np.full((len(rows), m + 1), np.nan)
        return Precision(
            order, rows, columns, nothing[:, 0], math.nan, nothing[:, 1:], np.full(m, np.nan)
        )
    inverse = np.linalg.inv(root)
    Q = inverse.T @ inverse
    changes = [Q @ slope[..., j] @ Q for j in range(m)]
    return Precision(
        order=order,
        rows=rows,
        columns=columns,
        values=Q[rows, columns],
        log_det=-2.0 * float(np.log(np.diagonal(root)).sum()),
        slope=np.stack([-change[rows, columns] for change in changes], axis=1),
        log_det_slope=np.array([-float(np.sum(Q * slope[..., j])) for j in range(m)]),
    )
