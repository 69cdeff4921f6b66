r"""Boundary fits: which direction of the random effects has vanished, and what is left.

A covariance matrix :math:`G = R R'` of rank r < q lets the effects b of a level vary in r
directions only: every v with :math:`v'R = 0` has :math:`v'b = 0` in all levels.  Where v has one
element, that effect does not vary; where intercept and slope of a column x take part,
:math:`v_0 b_0 + v_1 b_1 = 0` says that the levels do not differ at :math:`x = v_1 / v_0`.
A random term, or an effect of one, whose variance is zero can be left out without any change of
estimates and likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.fitted import Reason
from ilk.formula.rewrite import formula_text, term_text
from ilk.formula.spec import Sum, Term
from ilk.model.factors import split_factors

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.formula.spec import FormulaSpec, PredictorSpec, RandomSpec
    from ilk.kernels.contract import SearchResult
    from ilk.likelihood.base import AbstractMarginal
    from ilk.model.model import Model
    from ilk.typing import FloatArray, IntArray

__all__ = ["Vanished", "vanished_directions", "vanished_reasons"]

_SINGULAR = 1e-4
"""A factor whose smallest singular value is below this share of the largest is singular."""

_BY_CORRELATION = ("ar1", "ou", "exp", "gau", "matern")
"""Structures of which it is said that their correlation is one (`ilk.estimation.structures`)."""

_PART = 1e-3
"""Share of the largest standard deviation below which an effect has no part in a combination."""


@dataclass(frozen=True, slots=True)
class Vanished:
    """What has vanished of a random term.

    Parameters
    ----------
    index : int
        Position among ``design.terms``.
    term : RandomTerm
        The term.
    rank : int
        Number of directions in which its effects vary.
    zero : tuple of str
        Columns whose effects do not vary at all.
    combinations : (k, q) array
        Combinations v of the effects of all columns, ``v'b = 0``, that involve several columns;
        largest element one.
    """

    index: int
    term: RandomTerm
    rank: int
    zero: tuple[str, ...]
    combinations: FloatArray


def vanished_directions(marginal: AbstractMarginal, theta: FloatArray) -> list[Vanished]:
    """Find the terms whose covariance matrix is singular.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    theta : (m_theta,) array
        Covariance parameters.

    Returns
    -------
    list of Vanished
    """
    widths = [term.width for term in marginal.scaled.data.terms]
    factors = split_factors(marginal.lam(theta), widths)
    found = []
    model, maps = marginal.model, marginal.scaled.term_maps
    parts = zip(model.design.terms, model.covariances, factors, maps, strict=True)
    for index, (term, covariance, factor, T) in enumerate(parts):
        vectors, sizes, _ = np.linalg.svd(factor)
        limit = _SINGULAR * (max(1.0, sizes[0]) if sizes[0] >= _SINGULAR else np.inf)
        gone = sizes < limit
        lacking = len(factor) - covariance.rank(len(factor))
        if int(gone.sum()) <= lacking:  # of reduced rank by design
            continue
        deviations = np.sqrt(np.sum(factor**2, axis=1))
        zero = deviations < limit
        # b = T b_s, so that v_s'b_s = 0 is v'b = 0 with T'v = v_s
        combinations = np.linalg.solve(T.T, _among(vectors[:, gone], ~zero)).T
        largest = np.abs(combinations).max(axis=1, keepdims=True, initial=1e-300)
        names = tuple(n for n, z in zip(term.column_names, zero, strict=True) if z)
        found.append(Vanished(index, term, int(np.sum(~gone)), names, combinations / largest))
    return found


def _among(null: FloatArray, varying: np.ndarray) -> FloatArray:
    """Directions (q, k) of the null space (q, r) that concern varying columns only."""
    if not varying.any():
        return np.zeros((len(null), 0))
    inner = null[varying]
    left, sizes, _ = np.linalg.svd(inner, full_matrices=False)
    kept = left[:, sizes > _PART]
    out = np.zeros((len(null), kept.shape[1]))
    out[varying] = kept
    return out


def vanished_reasons(marginal: AbstractMarginal, result: SearchResult) -> list[Reason]:
    """Say of each singular term what has vanished and what the reduced model is.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the search ended.

    Returns
    -------
    list of Reason
        Notes.
    """
    found = [
        one
        for one in vanished_directions(marginal, result.theta)
        if one.rank == 0 or one.term.structure not in _BY_CORRELATION
    ]
    return [
        Reason(
            "singular_covariance",
            "note",
            (one.term.label,),
            _message(one),
            _advice(marginal.model, one),
        )
        for one in found
    ]


def _message(one: Vanished) -> str:
    label = one.term.label
    if one.rank == 0:
        return f"the variance of ({label}) is estimated as zero."
    if one.term.positions is not None:
        count = len(one.term.column_names)
        return (
            f"the covariance matrix of ({label}) is singular: the effects of a level vary in "
            f"{one.rank} of {count} directions."
        )
    sentences = []
    if one.zero:
        sentences.append(f"the variance of {', '.join(one.zero)} in ({label}) is estimated as zero")
    if len(one.combinations):
        varying = len(one.term.column_names) - len(one.zero)
        correlated = f"the random effects of ({label}) are perfectly correlated"
        if varying > 2:
            correlated += f": they vary in {one.rank} of {varying} directions"
        sentences.append(f"{correlated}, {_relations(one)}")
    return "; ".join(sentences) + "."


def _relations(one: Vanished) -> str:
    """What the effects of all levels have in common."""
    names = one.term.column_names
    if len(one.combinations) == 1:
        v = one.combinations[0]
        involved = np.flatnonzero(np.abs(v) > _PART * np.abs(v).max())
        meeting = _meeting(one.term, v, involved)
        if meeting is not None:
            return f"so that the levels do not differ at {names[involved[1]]} = {meeting:.4g}"
        if len(involved) == 2:
            a, b = names[involved[0]], names[involved[1]]
            ratio = -v[involved[0]] / v[involved[1]]
            return f"the effect of {b} being {ratio:.3g} times that of {a} in every level"
    pieces = [_combination(v, names) for v in one.combinations[:2]]
    more = " and so on" if len(one.combinations) > 2 else ""
    return f"so that {' and '.join(pieces)} is the same in all levels{more}"


def _meeting(term: RandomTerm, v: FloatArray, involved: IntArray) -> float | None:
    """Where intercept and slope cancel in every level, if that is within the data."""
    if len(involved) != 2 or not term.has_intercept or term.columns is None:
        return None
    first, second = involved
    if term.column_names[first] != "Intercept":
        return None
    place = float(v[second] / v[first])
    column = term.columns[:, second]
    return place if float(column.min()) <= place <= float(column.max()) else None


def _combination(v: FloatArray, names: tuple[str, ...]) -> str:
    """The combination in words, largest weight one."""
    weights = v / v[int(np.argmax(np.abs(v)))]
    order = np.argsort(-np.abs(weights), kind="stable")
    words = ""
    for j in order[np.abs(weights[order]) > _PART]:
        size = f"{abs(weights[j]):.3g} " if abs(abs(weights[j]) - 1.0) > 1e-9 else ""
        sign = " - " if weights[j] < 0.0 else " + "
        words += f"{sign}{size}{names[j]}"
    return words.removeprefix(" + ")


def _advice(model: Model, one: Vanished) -> str:
    """The reduced model, and what it changes."""
    spec = model.design.spec
    part, place = _place(spec, model.design.terms, one)
    if part is None:
        return "This is a legitimate optimum; the data do not support this part of the model."
    random = part.random[place]
    if one.rank > 0 and one.term.positions is not None:
        return (
            "This is a legitimate optimum, of a structure that asks more than the data can tell; "
            "ar1() and ou() ask less."
        )
    if one.rank == 0:
        less = _formula(spec, part, place, None)
        if model.reml and not (model.linear and len(model.design.terms) > 1):
            less += " (with reml=True)"
        return (
            f"This is a legitimate optimum. Without that term, {less} has the same estimates and "
            "log-likelihood."
        )
    columns = ["Intercept" if t == Term() else t.text for t in random.effects.terms]
    kept = tuple(
        t for t, name in zip(random.effects.terms, columns, strict=True) if name not in one.zero
    )
    if one.zero and kept and set(one.zero) <= set(columns):
        less = _formula(spec, part, place, term_text(random, Sum(kept)))
        return (
            f"This is a legitimate optimum. Without it, {less} has the same estimates and "
            "log-likelihood."
        )
    example = ""
    if random.structure != "diag":
        example = f", such as {_formula(spec, part, place, term_text(random, independent=True))}"
    return (
        "This is a legitimate optimum, of a model that asks more than the data can tell. "
        f"fit.adequacy() compares simpler ones{example}."
    )


def _place(
    spec: FormulaSpec, terms: tuple[RandomTerm, ...], one: Vanished
) -> tuple[PredictorSpec | None, int]:
    """Where the formulas have the term."""
    part = spec.predictor(one.term.predictor)
    place = sum(term.predictor == one.term.predictor for term in terms[: one.index])
    return (part, place) if part is not None and place < len(part.random) else (None, 0)


def _formula(spec: FormulaSpec, part: PredictorSpec, place: int, text: str | None) -> str:
    others: list[RandomSpec] = list(part.random)
    words = [text if j == place else term_text(one) for j, one in enumerate(others)]
    return formula_text(spec, part.name, [word for word in words if word is not None])
