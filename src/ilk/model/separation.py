r"""Separation: directions of the coefficients along which the likelihood never falls.

Write :math:`s_i = 1` for a row whose outcome is as high as it can be (all trials succeeded), -1
for one as low as it can be (no success, no count) and 0 for all others.  A direction d separates
the data (Albert and Anderson 1984; Konis 2007) if

.. math:: s_i x_i'd \ge 0 \text{ where } s_i \ne 0, \qquad x_i'd = 0 \text{ where } s_i = 0,

with at least one strict sign: the likelihood rises along d, for any value of the random effects,
and has no maximum.  Counts have no highest outcome, so that only zeros are free.

Such a d is found by linear programming.  Since most data overlap, that is proved first where it is
cheap (`ilk.model.overlap`).

Rows that some direction moves are fitted perfectly in the limit and say nothing more; the others
determine the coefficients that stand: those whose unit vector lies in the row space of what is
left.  Mathematics: docs/explanation/verdict.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.family.inflation import ZeroInflated
from ilk.model.overlap import SAMPLE, overlap, overlap_in_part
from ilk.model.scaling import scale_columns

if TYPE_CHECKING:
    from ilk.design.fixed import FixedPart
    from ilk.family.base import AbstractFamily
    from ilk.model.model import Model
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "Predictor",
    "SeparatingDirection",
    "has_limits",
    "outcome_signs",
    "separating_direction",
    "split_within",
]

Predictor: TypeAlias = Literal["mean", "zero_inflation"]
"""Predictors whose coefficients can be separated."""

_FEW = 250
"""Rows that are asked before any other."""

_ALL = slice(None)

_MOVED = 1e-6
"""Predictors that move less, of a direction of unit size in scaled columns, do not move."""

_PROPORTIONS = ("binomial", "beta_binomial")

_COUNTS = ("poisson", "negative_binomial_1", "negative_binomial_2")

_LIMITLESS = ("logit", "probit", "cloglog", "log")
"""Links that reach the limits of the mean at infinite predictors only."""


@dataclass(frozen=True, slots=True)
class SeparatingDirection:
    """A direction of coefficients along which the likelihood never falls.

    Parameters
    ----------
    names : tuple of str
        Coefficients that take part, as few as suffice; the intercept is left out.
    rows : int
        Number of rows whose fitted probability or mean runs to its limit, all directions together.
    direction : (p,) array
        The direction, largest element 1 in absolute value.
    infinite : tuple of str
        All coefficients without a finite estimate; those of other columns stand.
    kernel : (p, k) array
        Orthonormal basis of all directions, of the scaled columns, that the data say nothing about
        in the limit.
    upward : bool
        Whether some row's predictor rises along the direction.
    """

    names: tuple[str, ...]
    rows: int
    direction: FloatArray
    infinite: tuple[str, ...]
    kernel: FloatArray
    upward: bool


def outcome_signs(
    model: Model,
    predictor: Predictor = "mean",
    rows: slice = _ALL,
) -> FloatArray:
    """Signs (r,) of the rows whose outcome is at a limit; 0 for all others.

    Parameters
    ----------
    model : Model
        The model.
    predictor : {"mean", "zero_inflation"}
        Which predictor the outcomes are to be seen from: for that of the zero inflation, a zero is
        as high as can be and all else as low.
    rows : slice
        Rows that are asked for; all by default.
    """
    response = model.design.response
    y = response.y[rows]
    if predictor == "zero_inflation":
        return np.where(y == 0.0, 1.0, -1.0)
    if _of_counts(model.family).name in _COUNTS:
        return np.where(y <= 0.0, -1.0, 0.0)
    full = 1.0 if response.trials is None else response.trials[rows]
    # the logarithm reaches probability one at zero, not at infinity
    top = 0.0 if model.family.link.name == "log" else 1.0
    return np.where(y <= 0.0, -1.0, np.where(y >= full, top, 0.0))


def has_limits(model: Model) -> bool:
    """Whether outcomes can be at a limit of the mean that the link reaches at infinity only."""
    family = _of_counts(model.family)
    return family.name in (*_PROPORTIONS, *_COUNTS) and family.link.name in _LIMITLESS


def _of_counts(family: AbstractFamily) -> AbstractFamily:
    """The family inside an inflated one."""
    return family.base if isinstance(family, ZeroInflated) else family


def separating_direction(
    model: Model,
    predictor: Predictor = "mean",
    scaled: FloatArray | None = None,
) -> SeparatingDirection | None:
    """Direction of separation of a predictor's coefficients, if there is one.

    Parameters
    ----------
    model : Model
        Binomial, beta-binomial and count families can be separated; others cannot.
    predictor : {"mean", "zero_inflation"}
        The predictor.
    scaled : (n, p) array, optional
        Its columns as `scale_columns` scales them, if they are at hand.

    Returns
    -------
    SeparatingDirection or None
    """
    part = model.parts[predictor]
    if part.X.shape[1] == 0 or not has_limits(model):
        return None
    X = scale_columns(part)[0] if scaled is None else scaled
    weights = model.design.frequency_weights
    used = None if weights is None or weights.all() else weights > 0.0
    if used is None and len(X) >= 2 * _FEW:
        some = slice(None, None, len(X) // _FEW)
        if overlap(outcome_signs(model, predictor, some), X[some]):
            return None
    sign = outcome_signs(model, predictor)
    if used is not None:
        sign, X = sign[used], X[used]
    if not np.any(sign) or overlap_in_part(sign, X):
        return None
    found = _find(sign, X)
    return None if found is None else _describe(part, sign, X, found)


def _describe(
    part: FixedPart, sign: FloatArray, X: FloatArray, found: FloatArray
) -> SeparatingDirection:
    """Name what a direction of the scaled columns does."""
    back = scale_columns(part)[1]
    simple = _simplest(sign, X, found, part.names)
    left = _unmoved(sign, X, found)
    kernel = _kernel(X[left])
    size = np.abs(back).sum(axis=1, keepdims=True)
    lost = (np.abs(back @ kernel) > _MOVED * size).any(axis=1)
    involved = tuple(n for n, d in zip(part.names, simple, strict=True) if d != 0.0)
    direction = back @ simple
    return SeparatingDirection(
        names=tuple(n for n in involved if n != "Intercept") or involved,
        rows=int(np.sum(~left)),
        direction=direction / np.abs(direction).max(),
        infinite=tuple(n for n, gone in zip(part.names, lost, strict=True) if gone),
        kernel=kernel,
        upward=bool(np.max(X @ simple) > _MOVED),
    )


def _find(sign: FloatArray, X: FloatArray, columns: BoolArray | None = None) -> FloatArray | None:
    """Separating direction (p,) among the allowed columns; None if there is none.

    The program is solved for some rows, to which those that its solution violates are added.
    """
    p = X.shape[1]
    reach = np.ones(p) if columns is None else columns.astype(float)
    n = len(sign)
    rows = np.arange(n) if n <= 4 * SAMPLE else _start_rows(sign, X)
    while True:
        direction = _program(sign[rows], X[rows], reach)
        if direction is None:
            return None
        moved = X @ direction
        wrong = np.where(sign == 0.0, np.abs(moved), np.maximum(-sign * moved, 0.0))
        wrong[rows] = 0.0
        worst = np.argsort(wrong)[-SAMPLE:]
        worst = worst[wrong[worst] > _MOVED]
        if not len(worst):
            return direction
        rows = np.concatenate([rows, worst])


def _start_rows(sign: FloatArray, X: FloatArray) -> IntArray:
    """Rows for a first program: a sample, and as many as it takes for full rank."""
    rows = np.arange(0, len(sign), len(sign) // SAMPLE)
    lost = _kernel(X[rows])
    while lost.shape[1]:
        rows = np.append(rows, int(np.argmax(np.abs(X @ lost[:, 0]))))
        fewer = _kernel(X[rows])
        if fewer.shape[1] >= lost.shape[1]:
            break
        lost = fewer
    return np.unique(rows)


def _program(sign: FloatArray, X: FloatArray, reach: FloatArray) -> FloatArray | None:
    """Maximize the sum of s_i x_i'd under s_i x_i'd >= 0, x_i'd = 0 where s_i = 0, |d| <= reach."""
    from scipy.optimize import linprog

    free = sign != 0.0
    signed, equal = sign[free, None] * X[free], X[~free]
    if not len(signed):
        return None
    found = linprog(
        -signed.sum(axis=0),
        A_ub=-signed,
        b_ub=np.zeros(len(signed)),
        A_eq=equal if len(equal) else None,
        b_eq=np.zeros(len(equal)) if len(equal) else None,
        bounds=np.column_stack([-reach, reach]),
        method="highs",
    )
    if found.status != 0:
        return None
    direction: FloatArray = np.where(np.abs(found.x) < 1e-7, 0.0, found.x)
    moved = signed @ direction
    sound = moved.max() > 1e-4 and moved.min() > -_MOVED
    still = not len(equal) or np.abs(equal @ direction).max() < _MOVED
    return direction if sound and still else None


def _simplest(
    sign: FloatArray, X: FloatArray, direction: FloatArray, names: tuple[str, ...]
) -> FloatArray:
    """A direction of one column (and the intercept) if one suffices, else the one found."""
    intercept = np.array([name == "Intercept" for name in names])
    for j in np.flatnonzero((direction != 0.0) & ~intercept):
        allowed = intercept.copy()
        allowed[j] = True
        single = _find(sign, X, allowed)
        if single is not None:
            return single
    return direction


def _unmoved(sign: FloatArray, X: FloatArray, found: FloatArray) -> BoolArray:
    """Rows (n,) that no direction moves.

    Where one direction moves a row, any other may be added to a large multiple of it; so rows that
    are moved can be forgotten while the next direction is looked for.
    """
    left = np.ones(len(sign), dtype=bool)
    direction: FloatArray | None = found
    while direction is not None:
        left &= np.abs(X @ direction) <= _MOVED
        if not left.any():
            break
        basis = _row_space(X[left])
        inner = X[left] @ basis
        part = None if overlap(sign[left], inner) else _find(sign[left], inner)
        direction = None if part is None else basis @ part
    return left


def _row_space(X: FloatArray) -> FloatArray:
    """Orthonormal basis (p, r) of the row space."""
    values, vectors = np.linalg.eigh(X.T @ X)
    return vectors[:, values > 1e-10 * max(float(values[-1]), 1e-300)]


def _kernel(X: FloatArray) -> FloatArray:
    """Orthonormal basis (p, p - r) of the directions that move no row."""
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
