"""Every term that may be dropped, dropped: tests and information criteria of the smaller models.

Terms that another term contains stay, because a model with an interaction but without its main
effects depends on the coding.  The smaller model is that of the formula without the term, so its
factors are coded as that formula needs.  All information criteria are of fits by maximum
likelihood, also after REML, whose likelihoods of different columns cannot be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.inference.criteria import aic
from ilk.inference.hypotheses.anova import (
    TermTest,
    check_test,
    contains,
    placed,
    term_test,
    testable,
)
from ilk.inference.hypotheses.restricted import maximum_likelihood, restricted
from ilk.inference.hypotheses.term_spaces import annihilator
from ilk.inference.infinite import has_supremum

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.inference.chosen import Cov, DegreesOfFreedom
    from ilk.inference.hypotheses.anova import TestKind
    from ilk.inference.wald import CoefficientCovariance
    from ilk.typing import FloatArray

__all__ = ["DropOne", "drop_one"]


@dataclass(frozen=True, slots=True)
class DropOne:
    """Smaller models, one for each term that may be dropped.

    Parameters
    ----------
    rows : tuple of TermTest
        Tests of the terms.
    loglik, aic : (r,) arrays
        Of the models without the term, by maximum likelihood.
    full_loglik, full_aic : float
        Of the model itself, by maximum likelihood.
    covariance : CoefficientCovariance or None
        What Wald statistics are from; None for likelihood ratios.
    notes : tuple of str
        What a reader should know.
    """

    rows: tuple[TermTest, ...]
    loglik: FloatArray
    aic: FloatArray
    full_loglik: float
    full_aic: float
    covariance: CoefficientCovariance | None
    notes: tuple[str, ...]


def drop_one(
    fitted: Fitted,
    *,
    test: TestKind | None = None,
    df: DegreesOfFreedom | None = None,
    cov: Cov = "model",
) -> DropOne:
    """Drop each term that no other term contains.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    test : {None, "F", "chisq", "likelihood_ratio"}
        Kind of test; by default F for linear models and likelihood ratios for all others.
    df, cov
        As `ilk.inference.chosen.chosen_covariance` takes them.

    Returns
    -------
    DropOne

    Raises
    ------
    ModelError
        An option is not known or does not go with the others, or there is no term to drop.
    """
    default = None if fitted.model.linear else "likelihood_ratio"
    if default and (df is not None or not (isinstance(cov, str) and cov == "model")):
        default = None
    covariance, kind = check_test(fitted, test, df, cov, default)
    full = maximum_likelihood(fitted)
    rows, smaller = [], []
    for part, spaces, term in testable(fitted):
        others = [t for t in spaces.terms if t is not term]
        if any(contains(t, term) for t in others):
            continue
        L = placed(annihilator(spaces, others), fitted.model.slices[part.predictor], fitted)
        null = restricted(full, L) if len(L) else full
        tested = term_test(full if covariance is None else fitted, L, covariance, kind, null)
        rows.append(TermTest(part.predictor, term.text, tested))
        smaller.append(null)
    if not rows:
        raise ModelError(
            "The formulas have no terms but intercepts: nothing to drop.", code="terms"
        )
    notes = []
    if fitted.model.reml:
        notes.append("Log-likelihoods and AIC are of fits by maximum likelihood, not REML.")
    bad = [row.term for row, null in zip(rows, smaller, strict=True) if not has_supremum(null)]
    if bad:
        notes.append(f"The fit without {', '.join(bad)} did not converge; do not use its numbers.")
    return DropOne(
        rows=tuple(rows),
        loglik=np.array([null.loglik for null in smaller]),
        aic=np.array([aic(null) for null in smaller]),
        full_loglik=full.loglik,
        full_aic=aic(full),
        covariance=covariance,
        notes=tuple(notes),
    )
