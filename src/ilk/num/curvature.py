"""From curvature to covariance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ilk.typing import FloatArray

_FLAT = 1e-9
"""Directions with less curvature than this, relative to unit diagonal, count as flat."""


def invert_information(information: FloatArray) -> FloatArray:
    """Inverse of an observed information matrix; nan where it is not positive definite.

    Directions of (numerically) no or negative curvature have no standard error: the parameters
    that take part in them get nan, the others keep their covariance.

    Parameters
    ----------
    information : (m, m) array
        Minus the Hessian of the log-likelihood.

    Returns
    -------
    (m, m) array
    """
    m = len(information)
    if m == 0:
        return information.copy()
    if not np.all(np.isfinite(information)):
        return np.full((m, m), np.nan)
    size = np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    flat = values < _FLAT
    scaled = (vectors[:, ~flat] / values[~flat]) @ vectors[:, ~flat].T
    covariance: FloatArray = scaled / np.outer(size, size)
    if np.any(flat):
        lost = np.sqrt(np.sum(vectors[:, flat] ** 2, axis=1)) > 1e-3
        covariance[lost, :] = np.nan
        covariance[:, lost] = np.nan
    return covariance
