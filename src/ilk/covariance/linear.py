"""Structures whose factor is linear in theta, given by where each parameter stands."""

from __future__ import annotations

import numpy as np

from ilk.kernels.contract import LinearFactor
from ilk.typing import FloatArray, IntArray


def placed(rows: IntArray, columns: IntArray, parameters: IntArray, q: int) -> LinearFactor:
    """Linear factor with parameter ``parameters[e]`` at element (rows[e], columns[e]).

    Parameters
    ----------
    rows, columns : ndarray (nnz,) of int
        Elements of Lambda.
    parameters : ndarray (nnz,) of int
        Parameter at each element.
    q : int
        Order of Lambda.

    Returns
    -------
    LinearFactor
        The map; ``lam`` is column-major.
    """
    found = LinearFactor(
        rows=(rows + q * columns).astype(np.int32),
        columns=parameters.astype(np.int32),
        values=np.ones(len(rows)),
        theta_size=int(parameters.max()) + 1,
        lambda_size=q * q,
        base=np.zeros(q * q),
    )
    for array in (found.rows, found.columns, found.values, found.base):
        array.flags.writeable = False  # factors are kept and shared
    return found


def expand(linear: LinearFactor, theta: FloatArray, q: int) -> tuple[FloatArray, FloatArray]:
    """Factor (q, q) and Jacobian (q, q, m) of a linear factor."""
    lam, jacobian = linear(theta)
    return lam.reshape(q, q, order="F"), jacobian.reshape(q, q, -1, order="F")
