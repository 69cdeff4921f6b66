r"""A fit again under linear restrictions of its coefficients: the null model of a test.

Under :math:`L\beta = r` some coefficients are functions of the others,
:math:`\beta = \beta_0 + N\gamma`, so that

.. math:: X\beta + o = (X N)\gamma + (o + X\beta_0),

which is a model with fewer columns and another offset: nothing is approximated.  Coefficients are
eliminated by Gauss-Jordan with the largest pivot first, so those that stay keep their names; an
intercept that takes part in a restriction goes first, because a column of its name must hold ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.estimation.run import refitter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.design.fixed import FixedPart
    from ilk.fitted import Fitted
    from ilk.model.model import Model
    from ilk.typing import BoolArray, FloatArray

__all__ = [
    "Elimination",
    "eliminate",
    "maximum_likelihood",
    "refuse_penalty",
    "restricted",
    "restricted_model",
]

_ZERO = 1e-10
"""Element of a row of restrictions, relative to the row's largest, that counts as zero."""


@dataclass(frozen=True, slots=True)
class Elimination:
    """Coefficients as a function of those that stay, ``beta = shift + basis @ gamma``.

    Parameters
    ----------
    stays : (P,) array of bool
        Coefficients that stay.
    basis : (P, P - r) array
        N.
    shift : (P,) array
        A vector that satisfies the restrictions.
    used : tuple of int
        Rows of the restrictions that do not follow from those before them.
    contradicted : tuple of int
        Rows that cannot hold together with those before them.
    """

    stays: BoolArray
    basis: FloatArray
    shift: FloatArray
    used: tuple[int, ...]
    contradicted: tuple[int, ...]


def eliminate(L: FloatArray, rhs: FloatArray, first: Sequence[int] = ()) -> Elimination:
    """Solve restrictions for as many coefficients as they determine.

    Parameters
    ----------
    L : (r, P) array
        One restriction in each row.
    rhs : (r,) array
        Right sides.
    first : sequence of int
        Coefficients to eliminate first.

    Returns
    -------
    Elimination

    Examples
    --------
    >>> import numpy as np
    >>> found = eliminate(np.array([[0.0, 1.0, 1.0]]), np.array([2.0]))
    >>> found.stays, found.shift
    (array([ True, False,  True]), array([0., 2., 0.]))
    """
    size = L.shape[1]
    rows: list[FloatArray] = []  # each with its right side behind it, pivot 1
    pivots: list[int] = []
    used, contradicted = [], []
    for i, row in enumerate(np.column_stack([L, rhs]).astype(np.float64)):
        scale = float(np.abs(row[:size]).max(initial=0.0)) or 1.0
        work = row / scale
        for pivot, other in zip(pivots, rows, strict=True):
            work = work - work[pivot] * other
        weight = np.abs(work[:size])
        if not weight.max(initial=0.0) > _ZERO:
            size_of = max(1.0, abs(float(row[size])) / scale)
            if abs(float(work[size])) > 1e-8 * size_of:
                contradicted.append(i)
            continue
        favored = [j for j in first if weight[j] > _ZERO and j not in pivots]
        pivot = favored[0] if favored else int(np.argmax(weight))
        work = work / work[pivot]
        rows = [other - other[pivot] * work for other in rows]
        rows.append(work)
        pivots.append(pivot)
        used.append(i)
    stays = np.ones(size, dtype=bool)
    stays[pivots] = False
    basis, shift = np.eye(size)[:, stays], np.zeros(size)
    for pivot, work in zip(pivots, rows, strict=True):
        basis[pivot] = -work[:size][stays]
        shift[pivot] = work[size]
    return Elimination(stays, basis, shift, tuple(used), tuple(contradicted))


def restricted(
    fitted: Fitted,
    L: FloatArray,
    rhs: float | FloatArray = 0.0,
    *,
    reml: bool | None = None,
) -> Fitted:
    """Estimate a model again under ``L coef = rhs``.

    The coefficients that are eliminated are missing from the names of the new fit.  It answers
    questions about the rows of the fit; its columns cannot be made for new data.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    L : (r, P) array
        One restriction of the estimated coefficients in each row; with no rows the model itself
        is estimated again.
    rhs : float or (r,) array
        Right sides.
    reml : bool, optional
        Restricted likelihood; by default as in the fit.  Likelihoods of different columns can be
        compared only without it.

    Returns
    -------
    Fitted

    Raises
    ------
    ModelError
        The restrictions contradict each other or tie coefficients of different predictors.
    """
    model, psi = restricted_model(fitted, L, rhs, reml=reml)
    return refitter(model, psi)(model.design.response.y)


def maximum_likelihood(fitted: Fitted) -> Fitted:
    """The fit itself, or the same model by maximum likelihood if it is by REML."""
    refuse_penalty(fitted)
    if not fitted.model.reml:
        return fitted
    return restricted(fitted, np.zeros((0, len(fitted.coef))), reml=False)


def refuse_penalty(fitted: Fitted) -> None:
    """Refuse a likelihood-ratio test of a fit whose likelihood has a penalty."""
    if fitted.model.penalty is not None:
        raise ModelError(
            "A likelihood-ratio test compares maximized likelihoods, but this fit maximizes a "
            "penalized one; take Wald tests.",
            code="penalty",
        )


def restricted_model(
    fitted: Fitted,
    L: FloatArray,
    rhs: float | FloatArray = 0.0,
    *,
    reml: bool | None = None,
) -> tuple[Model, FloatArray]:
    """Make the model under ``L coef = rhs``, and parameters to start from.

    Parameters
    ----------
    fitted, L, rhs, reml
        As in `restricted`.

    Returns
    -------
    model : Model
        The model.
    psi : (m - r,) array
        Its flat parameter vector: coefficients that stay and covariance parameters of the fit.
    """
    model, count = fitted.model, len(fitted.coef)
    L = np.atleast_2d(np.asarray(L, dtype=np.float64)).reshape(-1, count)
    found = eliminate(
        L,
        np.broadcast_to(np.asarray(rhs, dtype=np.float64), (len(L),)),
        [j for j, (_, name) in enumerate(fitted.names) if name == "Intercept"],
    )
    if found.contradicted:
        raise ModelError(
            f"Restriction {found.contradicted[0] + 1} contradicts those before it; no coefficients "
            "satisfy all of them.",
            code="contradiction",
        )
    parts = {part.predictor: part for part in model.design.fixed}
    for name, place in model.slices.items():
        inside = np.zeros(count, dtype=bool)
        inside[place] = True
        if np.any(found.basis[np.ix_(inside, ~inside[found.stays])]):
            raise ModelError(
                "A restriction ties coefficients of different predictors (such as mean and "
                "dispersion); state one for each predictor.",
                code="restriction",
            )
        basis = found.basis[np.ix_(inside, inside[found.stays])]
        parts[name] = _restrict(parts[name], basis, found.shift[place], found.stays[place])
    design = replace(model.design, fixed=tuple(parts.values()))
    new = replace(model, design=design, reml=model.reml if reml is None else reml)
    return new, np.concatenate([fitted.coef[found.stays], fitted.estimates.psi[count:]])


def _restrict(part: FixedPart, basis: FloatArray, shift: FloatArray, stays: BoolArray) -> FixedPart:
    """Fixed part with the columns X N and the offset o + X beta_0."""
    if stays.all():
        return part
    names = tuple(name for name, kept in zip(part.names, stays, strict=True) if kept)
    plain = not np.any(basis[~stays])
    X = np.asfortranarray(part.X[:, stays] if plain else part.X @ basis)
    offset = part.offset
    if np.any(shift):
        offset = part.X @ shift if offset is None else offset + part.X @ shift
    return replace(
        part,
        X=X,
        names=names,
        dropped=(),
        all_names=names,
        offset=offset,
        has_intercept="Intercept" in names,
    )
