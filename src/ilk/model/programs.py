"""Linear programs that find directions of separation (Konis 2007).

A direction d is admissible if no row is moved the wrong way, ``s_i x_i'd >= 0`` where the outcome
of row i is at a limit and ``x_i'd = 0`` elsewhere.  Among these, `largest` seeks the one that moves
the rows most, `sparsest` one of few columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ilk.model.overlap import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["MOVED", "Program", "find_direction", "kernel", "largest", "sparsest", "split_within"]

Program: TypeAlias = "Callable[[FloatArray, FloatArray], FloatArray | None]"
"""Takes signs (r,) and columns (r, p) of some rows, and gives a direction (p,) or None."""

MOVED = 1e-6
"""Predictors that move less, of a direction of unit size in scaled columns, do not move."""


def find_direction(sign: FloatArray, X: FloatArray, program: Program) -> FloatArray | None:
    """Separating direction (p,) by a linear program; None if there is none.

    The program is solved for some rows, to which those that its solution violates are added.
    """
    n = len(sign)
    rows = np.arange(n) if n <= 4 * SAMPLE else _start_rows(sign, X)
    while True:
        direction = program(sign[rows], X[rows])
        if direction is None:
            return None
        moved = X @ direction
        wrong = np.where(sign == 0.0, np.abs(moved), np.maximum(-sign * moved, 0.0))
        wrong[rows] = 0.0
        worst = np.argsort(wrong)[-SAMPLE:]
        worst = worst[wrong[worst] > MOVED]
        if not len(worst):
            return direction
        rows = np.concatenate([rows, worst])


def _start_rows(sign: FloatArray, X: FloatArray) -> IntArray:
    """Rows for a first program: a sample, and as many as it takes for full rank."""
    rows = np.arange(0, len(sign), len(sign) // SAMPLE)
    lost = kernel(X[rows])
    while lost.shape[1]:
        rows = np.append(rows, int(np.argmax(np.abs(X @ lost[:, 0]))))
        fewer = kernel(X[rows])
        if fewer.shape[1] >= lost.shape[1]:
            break
        lost = fewer
    return np.unique(rows)


def largest(size: int, columns: BoolArray | None = None) -> Program:
    """Program: maximize the sum of s_i x_i'd over directions of some columns in a box."""
    reach = np.ones(size) if columns is None else columns.astype(float)

    def program(sign: FloatArray, X: FloatArray) -> FloatArray | None:
        signed, equal = _constraints(sign, X)
        bounds = np.column_stack([-reach, reach])
        return _solved(-signed.sum(axis=0), signed, equal, bounds)

    return program


def sparsest(cost: FloatArray) -> Program:
    """Program: minimize the sum of |d_j| times a cost over directions of unit mean s_i x_i'd."""

    def program(sign: FloatArray, X: FloatArray) -> FloatArray | None:
        signed, equal = _constraints(sign, X)
        both = np.hstack([signed, -signed])
        norm = both.mean(axis=0, keepdims=True)
        rest = np.vstack([np.hstack([equal, -equal]), norm])
        level = np.append(np.zeros(len(equal)), 1.0)
        halves = _solved(np.tile(cost, 2), both, rest, (0.0, None), level)
        if halves is None:
            return None
        direction = halves[: len(cost)] - halves[len(cost) :]
        return np.asarray(direction / np.abs(direction).max())

    return program


def _constraints(sign: FloatArray, X: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows s_i x_i of s_i x_i'd >= 0, and rows of x_i'd = 0."""
    free = sign != 0.0
    return sign[free, None] * X[free], X[~free]


def _solved(
    cost: FloatArray,
    signed: FloatArray,
    equal: FloatArray,
    bounds: FloatArray | tuple[float, None],
    level: FloatArray | None = None,
) -> FloatArray | None:
    """Solve a program; None if no solution moves any row, or if one is moved the wrong way."""
    from scipy.optimize import linprog

    if not len(signed):
        return None
    level = np.zeros(len(equal)) if level is None else level
    found = linprog(
        cost,
        A_ub=-signed,
        b_ub=np.zeros(len(signed)),
        A_eq=equal if len(equal) else None,
        b_eq=level if len(equal) else None,
        bounds=bounds,
        method="highs",
    )
    if found.status != 0:
        return None
    direction: FloatArray = np.where(np.abs(found.x) < 1e-7, 0.0, found.x)
    moved = signed @ direction
    sound = moved.max() > 1e-4 and moved.min() > -MOVED * max(1.0, float(moved.max()))
    still = not len(equal) or float(np.abs(equal @ direction - level).max()) < MOVED
    return direction if sound and still else None


def kernel(X: FloatArray) -> FloatArray:
    """Orthonormal basis (p, p - r) of the directions that move no row of X (n, p)."""
    values, vectors = np.linalg.eigh(X.T @ X)
    return vectors[:, values <= 1e-10 * max(float(values[-1]), 1e-300)]


def split_within(sign: FloatArray, X: FloatArray, codes: IntArray) -> FloatArray | None:
    """Direction that, with an effect of each level, predicts every row of 0/1 outcomes.

    Parameters
    ----------
    sign : (n,) array
        1 and -1.
    X : (n, p) array
        Scaled columns.
    codes : (n,) array of int
        Level of each row.

    Returns
    -------
    (p,) array or None
        None if there is none, or if no level has both outcomes.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_array, csr_array, diags_array, hstack

    size = int(codes.max(initial=-1)) + 1
    high = np.bincount(codes, weights=sign > 0.0, minlength=size)
    rows = np.bincount(codes, minlength=size)
    mixed = ((high > 0) & (high < rows))[codes]
    if not mixed.any():
        return None
    _, level = np.unique(codes[mixed], return_inverse=True)
    n, p = int(mixed.sum()), X.shape[1]
    effects = coo_array((np.ones(n), (np.arange(n), level)))
    signed = diags_array(sign[mixed]) @ csr_array(hstack([csr_array(X[mixed]), effects]))
    found = linprog(
        np.zeros(signed.shape[1]),
        A_ub=-signed,
        b_ub=-np.ones(n),
        bounds=(None, None),
        method="highs",
    )
    if found.status != 0:
        return None
    direction: FloatArray = found.x[:p]
    return direction
