r"""Separation: directions of the coefficients along which the likelihood never falls.

Write :math:`s_i = 1` for a row whose outcome is as high as it can be (all trials succeeded), -1
for one as low as it can be (no success, no count) and 0 for all others.  A direction d separates
the data (Albert and Anderson 1984; Konis 2007) if

.. math:: s_i x_i'd \ge 0 \text{ where } s_i \ne 0, \qquad x_i'd = 0 \text{ where } s_i = 0,

with at least one strict sign: the likelihood rises along d, for any value of the random effects,
and has no maximum.  Counts and amounts have no highest outcome, so that only zeros are free;
of shares zeros and ones are, where they have a probability.

Such a d is found by linear programming.  Since most data overlap, that is proved first where it is
cheap (`ilk.model.overlap`).

Rows that some direction moves are fitted perfectly in the limit and say nothing more; the others
determine the coefficients that stand: those whose unit vector lies in the row space of what is
left.  Mathematics: docs/explanation/verdict.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ilk.family.inflation import ZeroInflated
from ilk.model.overlap import SAMPLE, overlap, some_overlap
from ilk.model.programs import MOVED, find_direction, kernel, largest, sparsest
from ilk.model.scaling import scale_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.design.fixed import FixedPart
    from ilk.family.base import AbstractFamily
    from ilk.model.model import Model
    from ilk.typing import BoolArray, FloatArray

__all__ = [
    "Predictor",
    "SeparatingDirection",
    "has_limits",
    "outcome_signs",
    "separating_direction",
]

Predictor: TypeAlias = str
"""Predictors whose coefficients can be separated: of the mean, excess zeros, categories."""

_FEW = 250
"""Rows that are asked before any other."""

_ALL = slice(None)


_LIMITLESS = ("logit", "probit", "cloglog", "loglog", "cauchit", "log", "softplus")
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
    family = _of_counts(model.family)
    if not family.takes_trials:
        most = family.mean_range.high if family.mean_range.high in family.atoms else np.inf
        least = 0.0 if family.has_zero else 1.0
        return np.where(y <= least, -1.0, np.where(y >= most, 1.0, 0.0))
    full = 1.0 if response.trials is None else response.trials[rows]
    # the logarithm reaches probability one at zero, not at infinity
    top = 0.0 if model.family.link.name == "log" else 1.0
    return np.where(y <= 0.0, -1.0, np.where(y >= full, top, 0.0))


def has_limits(model: Model) -> bool:
    """Whether outcomes can be at a limit of the mean that the link reaches at infinity only."""
    family = _of_counts(model.family)
    if family.event(family.parameters[0]) is not None:
        return True
    ends = (family.mean_range.low, family.mean_range.high)
    able = family.discrete or any(atom in ends for atom in family.atoms)
    counted = able and not family.categorical and family.mean_range.low == 0.0
    return counted and family.link.name in _LIMITLESS


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
        Binomial, beta-binomial, count and multinomial families can be separated; others cannot.
    predictor : str
        The predictor: ``"mean"``, ``"zero_inflation"``, or a category.
    scaled : (n, p) array, optional
        Its columns as `scale_columns` scales them, if they are at hand.

    Returns
    -------
    SeparatingDirection or None
    """
    (part,) = (part for part in model.design.fixed if part.predictor == predictor)
    if part.X.shape[1] == 0 or not has_limits(model):
        return None
    X = scale_columns(part)[0] if scaled is None else scaled
    weights = model.design.frequency_weights
    used = None if weights is None or weights.all() else weights > 0.0
    if predictor == "mean" and isinstance(model.family, ZeroInflated) and model.family.hurdle:
        positive = model.design.response.y != 0.0  # zeros say nothing about the others
        used = positive if used is None else used & positive
    event = model.family.event(predictor)
    if event is not None:
        y = model.design.response.y
        together = all(other.names == part.names for other in model.main_parts)
        y, X = (y, X) if used is None else (y[used], X[used])
        return _of_category(part, event, y, X, together)
    if used is None and len(X) >= 2 * _FEW:
        some = slice(None, None, len(X) // _FEW)
        if overlap(outcome_signs(model, predictor, some), X[some]):
            return None
    sign = outcome_signs(model, predictor)
    if used is not None:
        sign, X = sign[used], X[used]
    return _search(part, sign, X)


def _of_category(
    part: FixedPart, event: tuple[float, float], y: FloatArray, X: FloatArray, together: bool
) -> SeparatingDirection | None:
    """Direction in which a category stands apart from all others, or else the baseline does.

    The baseline does only if all predictors can move together.  Sets of several categories that
    stand apart from the others are not looked for.
    """
    own, baseline = event
    found = _search(part, np.where(y == own, 1.0, -1.0), X)
    if found is not None or not together:
        return found
    return _search(part, np.where(y == baseline, -1.0, 1.0), X)


def _search(part: FixedPart, sign: FloatArray, X: FloatArray) -> SeparatingDirection | None:
    """Direction that separates outcomes by their signs, if there is one."""
    many = len(sign) >= 2 * SAMPLE
    if not np.any(sign) or (some_overlap if many else overlap)(sign, X):
        return None
    levels = _levels(sign, X, part.names)
    if many and not levels and overlap(sign, X):
        return None
    found = levels[0] if levels else find_direction(sign, X, largest(X.shape[1]))
    return None if found is None else _describe(part, sign, X, [found, *levels[1:]])


def _describe(
    part: FixedPart, sign: FloatArray, X: FloatArray, found: Sequence[FloatArray]
) -> SeparatingDirection:
    """Name what directions of the scaled columns do."""
    back = scale_columns(part)[1]
    simple = _simplest(sign, X, found[0], part.names)
    left = _unmoved(sign, X, found)
    free = kernel(X[left])
    size = np.abs(back).sum(axis=1, keepdims=True)
    lost = (np.abs(back @ free) > MOVED * size).any(axis=1)
    involved = tuple(n for n, d in zip(part.names, simple, strict=True) if d != 0.0)
    direction = back @ simple
    return SeparatingDirection(
        names=tuple(n for n in involved if n != "Intercept") or involved,
        rows=int(np.sum(~left)),
        direction=direction / np.abs(direction).max(),
        infinite=tuple(n for n, gone in zip(part.names, lost, strict=True) if gone),
        kernel=free,
        upward=bool(np.max(X @ simple) > MOVED),
    )


def _simplest(
    sign: FloatArray, X: FloatArray, direction: FloatArray, names: tuple[str, ...]
) -> FloatArray:
    """A direction of one column (and the intercept) if one suffices, else of few columns."""
    intercept = np.array([name == "Intercept" for name in names])
    if intercept.any() and np.all(sign == sign[0]):  # the same outcome in all rows
        return np.where(intercept, sign[0], 0.0)
    involved = np.flatnonzero((direction != 0.0) & ~intercept)
    if len(involved) < 2:
        return direction
    for j in involved:
        allowed = intercept.copy()
        allowed[j] = True
        single = find_direction(sign, X, largest(X.shape[1], allowed))
        if single is not None:
            return single
    few = find_direction(sign, X, sparsest(np.where(intercept, 1e-3, 1.0)))
    return direction if few is None else few


def _unmoved(sign: FloatArray, X: FloatArray, found: Sequence[FloatArray]) -> BoolArray:
    """Rows (n,) that no direction moves, some directions being known.

    Where one direction moves a row, any other may be added to a large multiple of it; so rows that
    are moved can be forgotten while the next direction is looked for.
    """
    left = np.ones(len(sign), dtype=bool)
    for direction in found:
        left &= np.abs(X @ direction) <= MOVED
    while left.any():
        basis = _row_space(X[left])
        inner = X[left] @ basis
        if some_overlap(sign[left], inner) or overlap(sign[left], inner):
            break
        part = find_direction(sign[left], inner, largest(inner.shape[1]))
        if part is None:
            break
        left &= np.abs(X @ (basis @ part)) <= MOVED
    return left


def _levels(sign: FloatArray, X: FloatArray, names: tuple[str, ...]) -> list[FloatArray]:
    """Separating directions of one column each that moves from its usual value in few rows.

    Such are the levels of a factor without events; they need no program.
    """
    constant = names.index("Intercept") if "Intercept" in names else None
    found = []
    for j in range(X.shape[1]):
        usual = float(X[0, j])
        if 2 * int(np.count_nonzero(X[:, j] == usual)) < len(sign):
            usual = float(np.median(X[:, j]))
        apart = X[:, j] != usual
        if j == constant or not apart.any() or (usual != 0.0 and constant is None):
            continue
        signed = sign[apart] * (X[apart, j] - usual)
        if not (np.all(signed > 0.0) or np.all(signed < 0.0)):
            continue
        direction = np.zeros(X.shape[1])
        direction[j] = np.sign(signed[0])
        if constant is not None:
            direction[constant] = -usual * direction[j]
        found.append(direction)
    return found


def _row_space(X: FloatArray) -> FloatArray:
    """Orthonormal basis (p, r) of the row space."""
    values, vectors = np.linalg.eigh(X.T @ X)
    return vectors[:, values > 1e-10 * max(float(values[-1]), 1e-300)]
