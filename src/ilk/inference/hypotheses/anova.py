r"""Tests of the terms of a formula, type II and type III: F, chi-square or likelihood ratio.

*Type III*: with factors coded to sum to zero, :math:`X\beta = X_s\beta_s`, the coefficients of the
term are zero; all other terms stay.  A main effect is then the average over the levels of the
factors that it interacts with, each with the same weight, at zero of the numbers.

*Type II*: the term is tested in the model without the terms that contain it.  With the other
terms spanning :math:`X_0` the contrasts are the rows of

.. math:: X_T'(I - P_0) X, \qquad P_0 = X_0 (X_0'X_0)^{-1} X_0',

for linear models, and for all others the same with the estimates' information in place of
:math:`X'X`, so that the statistic is the difference of two Wald statistics.  In linear models a
term contains another if it has the same numbers and more factors with levels; in all others if it
has all its factors and more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError
from ilk.inference.chosen import chosen_covariance
from ilk.inference.hypotheses.hypothesis import NO_WALD, JointTest, likelihood_ratio_test, wald_test
from ilk.inference.hypotheses.restricted import maximum_likelihood, restricted
from ilk.inference.hypotheses.term_spaces import (
    annihilator,
    independent_rows,
    reduced_rows,
    term_spaces,
    whole_basis,
)
from ilk.inference.infinite import stands
from ilk.num.triangular import inverse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ilk.design.fixed import FixedPart
    from ilk.fitted import Fitted
    from ilk.formula.spec import Term
    from ilk.inference.chosen import Cov, DegreesOfFreedom
    from ilk.inference.hypotheses.term_spaces import TermSpaces
    from ilk.inference.wald import CoefficientCovariance
    from ilk.typing import FloatArray

__all__ = [
    "Anova",
    "TermTest",
    "TestKind",
    "anova",
    "check_test",
    "contains",
    "placed",
    "term_test",
]

TestKind: TypeAlias = Literal["F", "chisq", "likelihood_ratio"]
"""Kinds of tests of terms."""


@dataclass(frozen=True, slots=True)
class TermTest:
    """Test of one term.

    Parameters
    ----------
    component : str
        Predictor.
    term : str
        The term.
    test : JointTest
        The test.
    """

    component: str
    term: str
    test: JointTest


@dataclass(frozen=True, slots=True)
class Anova:
    """Tests of all terms.

    Parameters
    ----------
    rows : tuple of TermTest
        One for each term.
    type : int
        2 or 3.
    covariance : CoefficientCovariance or None
        What Wald statistics are from; None for likelihood ratios.
    notes : tuple of str
        What a reader should know.
    """

    rows: tuple[TermTest, ...]
    type: int
    covariance: CoefficientCovariance | None
    notes: tuple[str, ...]


def anova(
    fitted: Fitted,
    type: int = 3,
    *,
    test: TestKind | None = None,
    df: DegreesOfFreedom | None = None,
    cov: Cov = "model",
) -> Anova:
    """Test the terms of the formulas.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    type : {3, 2}
        Type of hypothesis.
    test : {None, "F", "chisq", "likelihood_ratio"}
        Kind of test; by default F where there are degrees of freedom, else chi-square.
    df, cov
        As `ilk.inference.chosen.chosen_covariance` takes them.

    Returns
    -------
    Anova

    Raises
    ------
    ModelError
        An option is not known or does not go with the others, there is no term to test, or some
        combinations of levels have no data (type III).
    """
    if isinstance(type, bool) or type not in (2, 3):
        raise ModelError(f"type={type!r:.80}: choose 2 or 3.", code="type")
    covariance, kind = check_test(fitted, test, df, cov)
    linear = fitted.model.linear
    full = fitted if covariance is not None else maximum_likelihood(fitted)
    rows: list[TermTest] = []
    notes: dict[str, None] = {}
    for part, spaces, term in testable(fitted):
        place = fitted.model.slices[part.predictor]
        if type == 3 or linear:
            notes.update(dict.fromkeys(_at_zero(spaces, term)))
        if type == 2 and covariance is None:
            found = _two_by_likelihood(full, spaces, term, place)
        else:
            if type == 3 or covariance is None:
                L = _type_three(spaces, term)
            else:
                L = _type_two(spaces, term, None if linear else covariance.matrix[place, place])
            L = placed(L, place, fitted)
            found = term_test(full, L, covariance, kind)
            if covariance is not None and not stands(fitted, L).all():
                notes[NO_WALD] = None
        rows.append(TermTest(part.predictor, term.text, found))
    if not rows:
        raise ModelError(
            "The formulas have no terms but intercepts: nothing to test.", code="terms"
        )
    if covariance is None and fitted.model.reml:
        notes["The likelihoods compared are of fits by maximum likelihood, not REML."] = None
    return Anova(tuple(rows), type, covariance, tuple(notes))


def check_test(
    fitted: Fitted, test: Any, df: Any, cov: Any, default: str | None = None
) -> tuple[CoefficientCovariance | None, str]:
    """Check the kind of test, and give the covariance matrix that it needs.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    test, df, cov
        What the user asks for.
    default : str, optional
        Kind of test for None; F or chi-square if not given.

    Returns
    -------
    covariance : CoefficientCovariance or None
        None for likelihood ratios.
    kind : str
        ``"F"``, ``"chisq"`` or ``"likelihood_ratio"``.
    """
    kind = default if test is None else test
    if kind not in (None, "F", "chisq", "likelihood_ratio"):
        raise ModelError(
            f"test={test!r:.80}: choose 'F', 'chisq' or 'likelihood_ratio'.", code="test"
        )
    if kind == "likelihood_ratio":
        if df is not None or not (isinstance(cov, str) and cov == "model"):
            raise ModelError(
                "test='likelihood_ratio' compares fits and uses no covariance matrix and no "
                "degrees of freedom of a denominator; leave df= and cov= out.",
                code="test",
            )
        return None, kind
    covariance = chosen_covariance(fitted, cov, df)
    if kind == "F" and covariance.df is None:
        raise ModelError(
            "test='F': there are no degrees of freedom of a denominator for this model; take "
            "test='chisq' or 'likelihood_ratio'.",
            code="test",
        )
    return covariance, kind or ("chisq" if covariance.df is None else "F")


def testable(fitted: Fitted) -> Iterator[tuple[FixedPart, TermSpaces, Term]]:
    """Give the terms of all predictors, without intercepts.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    for part in fitted.model.fitted_parts:
        if any(term.factors for term in part.recipe.terms.terms):
            spaces = term_spaces(fitted.design, part)
            yield from ((part, spaces, term) for term in spaces.terms if term.factors)


def placed(L: FloatArray, place: slice, fitted: Fitted) -> FloatArray:
    """Restrictions of one predictor's coefficients as rows (r, P) for those of all."""
    out = np.zeros((len(L), len(fitted.coef)))
    out[:, place] = L
    return out


def contains(outer: Term, inner: Term, spaces: TermSpaces | None = None) -> bool:
    """Whether a term contains another.

    Parameters
    ----------
    outer, inner : Term
        The terms.
    spaces : TermSpaces, optional
        If given, both must have the same numbers.
    """
    more, less = ({f.text for f in term.factors} for term in (outer, inner))
    if not less < more:
        return False
    return spaces is None or spaces.numeric(outer) == spaces.numeric(inner)


def term_test(
    fitted: Fitted,
    L: FloatArray,
    covariance: CoefficientCovariance | None,
    kind: str,
    null: Fitted | None = None,
) -> JointTest:
    """Test restrictions that belong to a term.

    Parameters
    ----------
    fitted : Fitted
        The fit; by maximum likelihood for likelihood ratios.
    L : (r, P) array
        Restrictions; there may be none if other terms say the same.
    covariance : CoefficientCovariance or None
        Of the coefficients; None for the likelihood ratio.
    kind : {"F", "chisq", "likelihood_ratio"}
        Kind of test.
    null : Fitted, optional
        The fit under the restrictions, if there is one already.
    """
    zero = np.zeros(len(L))
    if not len(L):
        return JointTest("none", math.nan, 0, math.nan, math.nan)
    if covariance is None:
        return likelihood_ratio_test(fitted, L, zero, null)
    if kind == "chisq":
        covariance = replace(covariance, df=None, joint=None)
    found = wald_test(fitted.coef, L, zero, covariance)
    if stands(fitted, L).all():
        return found
    return replace(found, statistic=math.nan, p_value=math.nan)


def _type_three(spaces: TermSpaces, term: Term) -> FloatArray:
    """Rows of the map to the coefficients of sum-to-zero codings that belong to a term."""
    whole, treatment = whole_basis(spaces, "sum"), whole_basis(spaces)
    if whole is None or treatment is None:
        raise ModelError(
            "Type III tests need data in every combination of levels that the formula's "
            "interactions name (and no redundant columns); take type=2.",
            code="type-three",
        )
    back = np.asarray(np.linalg.solve(whole, treatment), dtype=np.float64)
    rows = reduced_rows(back[_columns_of(spaces, term)])
    return np.asarray(rows @ np.linalg.solve(treatment, spaces.root))


def _columns_of(spaces: TermSpaces, term: Term) -> slice:
    """Where the columns of a term stand among those of all."""
    ends = np.cumsum([0, *(k.shape[1] for k in spaces.coordinates(spaces.terms))])
    at = spaces.terms.index(term)
    return slice(int(ends[at]), int(ends[at + 1]))


def _type_two(spaces: TermSpaces, term: Term, metric: FloatArray | None) -> FloatArray:
    """Contrasts of a term adjusted for all terms that do not contain it.

    Degrees of freedom of several contrasts depend on which rows span their space: with treatment
    coding, the coefficients themselves if no term contains this one, and else rows that have a one
    for their own column and a zero for those before it.
    """
    root: FloatArray = spaces.root
    whole = whole_basis(spaces)
    same = spaces if metric is None else None
    if whole is not None and not any(contains(other, term, same) for other in spaces.terms):
        return np.asarray(np.linalg.solve(whole, root)[_columns_of(spaces, term)])
    others, mine = _adjusted_for(spaces, term, same)
    left: FloatArray = np.eye(len(root)) if metric is None else _information_root(root, metric)
    x0, xt = left @ others, left @ mine
    q0 = independent_rows(x0.T, float(np.linalg.norm(x0, 2)) if x0.size else 1.0).T
    rest = xt - q0 @ (q0.T @ xt)
    whole_size = np.linalg.norm(xt, axis=0)
    q, triangle = np.linalg.qr(np.asarray(rest))
    size = np.abs(np.diagonal(triangle))
    if len(size) < xt.shape[1] or np.any(size <= 1e-8 * whole_size):
        rows = independent_rows(rest.T, float(whole_size.max(initial=0.0)))
    else:
        rows = (q / np.diagonal(triangle)).T
    return np.asarray(rows @ left @ root)


def _information_root(root: FloatArray, covariance: FloatArray) -> FloatArray:
    """Upper root (p, p) of the estimates' information, in the coordinates of Q."""
    lower = np.linalg.inv(root)
    information = lower.T @ inverse(covariance) @ lower
    return np.asarray(np.linalg.cholesky(0.5 * (information + information.T)).T)


def _adjusted_for(
    spaces: TermSpaces, term: Term, same: TermSpaces | None
) -> tuple[FloatArray, FloatArray]:
    """Coordinates of the terms that do not contain a term, and of the term itself."""
    used = [t for t in spaces.terms if not contains(t, term, same)]
    K = spaces.coordinates(used)
    empty = np.zeros((len(spaces.root), 0))
    others = [k for t, k in zip(used, K, strict=True) if t is not term]
    return np.concatenate([empty, *others], axis=1), K[used.index(term)]


def _two_by_likelihood(full: Fitted, spaces: TermSpaces, term: Term, place: slice) -> JointTest:
    """Likelihood ratio of the models with and without a term, both without what contains it."""
    same = spaces if full.model.linear else None
    with_it = [t for t in spaces.terms if not contains(t, term, same)]
    without = [t for t in with_it if t is not term]
    large_L, small_L = (placed(annihilator(spaces, t), place, full) for t in (with_it, without))
    df = len(small_L) - len(large_L)
    if not df:
        return JointTest("likelihood ratio", math.nan, 0, math.inf, math.nan)
    large = restricted(full, large_L) if len(large_L) else full
    small = restricted(full, small_L)
    return likelihood_ratio_test(large, small_L[:df], np.zeros(df), null=small)


def _at_zero(spaces: TermSpaces, term: Term) -> Sequence[str]:
    """Notes on main effects that are tested where a number is zero."""
    notes = []
    for outer in spaces.terms:
        extra = spaces.numeric(outer) - spaces.numeric(term)
        if extra and contains(outer, term):
            where = " and ".join(sorted(extra))
            notes.append(
                f"{term.text} is in the interaction {outer.text}: it is tested where {where} is 0, "
                "which should be a value that means something (center it)."
            )
    return notes
