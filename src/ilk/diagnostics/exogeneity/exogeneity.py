r"""Are the random effects unrelated to the covariates? Tests, the remedy, and what is at stake.

Random effects are taken to be uncorrelated with the covariates.  Where clusters with high x have
high effects for other reasons, the coefficient of x mixes the comparison of rows of a cluster with
that of clusters.  For each factor and each covariate that varies within its clusters:

* **within = between**: the model is extended by the cluster means of all such covariates (Mundlak
  1978); the coefficient of a mean is the contextual effect, between minus within, zero under
  exogeneity.  Wald and likelihood-ratio tests, for each covariate and for all together.
* **Hausman** (1978): the random-effects estimates against those with clusters absorbed.
* **bias curve**: if the correlation over clusters between the random intercept and the cluster mean
  of a covariate is :math:`\rho`, the expected effect of a cluster given its mean is
  :math:`\rho\,\sigma_b\,t_j` with t the standardized mean, and generalized least squares is off by

  .. math:: \rho\,\sigma_b\,(X'V^{-1}X)^{-1}X'V^{-1}t,

  exactly for the linear model at given covariance parameters, and to first order, with working
  weights, for others.  The standard deviation of the fit is that of what its coefficients leave of
  the random intercepts, from which :math:`\sigma_b` follows for each :math:`\rho`.

The derivations are in ``docs/derivations/exogeneity.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.contextual import (
    Extension,
    choose_grouping,
    estimate,
    extend,
    mean_groupings,
)
from ilk.diagnostics.exogeneity.hausman import Hausman, hausman
from ilk.diagnostics.exogeneity.within_between import GroupTest, group_test
from ilk.errors import ModelError
from ilk.fitted import Lazy
from ilk.formula.spec import MEAN

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted

__all__ = ["Exogeneity", "exogeneity"]


@final
@dataclass(frozen=True, slots=True)
class Exogeneity:
    """All of the answer.

    Parameters
    ----------
    groups : tuple of GroupTest
        By grouping factor.
    hausman : Hausman
        Random against fixed effects.
    formula : str
        Formula of the proposed model.
    proposed : Lazy of Fitted
        Its fit.
    notes : tuple of str
        What could not be tested, and how it was done, in sentences.
    """

    groups: tuple[GroupTest, ...]
    hausman: Hausman
    formula: str
    proposed: Lazy[Fitted]
    notes: tuple[str, ...]


def exogeneity(fitted: Fitted, group: str | None = None) -> Exogeneity:
    """Test whether the random effects are unrelated to the covariates.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    group : str, optional
        Grouping factor; all those of the mean by default.

    Returns
    -------
    Exogeneity

    Raises
    ------
    ModelError
        The model has no random effects in the mean, no such factor, or nothing to be tested.
    """
    groupings = mean_groupings(fitted)
    chosen = groupings if group is None else [choose_grouping(groupings, group)]
    extensions = [extend(fitted, [grouping]) for grouping in chosen]
    notes: list[str] = []
    for grouping, extension in zip(chosen, extensions, strict=True):
        notes += _left_out(fitted, grouping, extension)
    if not any(extension.columns or extension.pairs for extension in extensions):
        raise ModelError(
            "There is nothing to test: no covariate has both variation within clusters and "
            f"cluster means of its own. {' '.join(notes)}".rstrip(),
            code="nothing-varies",
        )
    tested = tuple(
        group_test(fitted, grouping, extension)
        for grouping, extension in zip(chosen, extensions, strict=True)
        if extension.columns or extension.pairs
    )
    for test in tested:
        if test.extension.pairs:
            names = ", ".join(test.extension.pairs)
            notes.append(f"{names}: the cluster means over {test.group} are terms of the fit.")
        if not test.extended.verdict.converged:
            notes.append(
                f"The model extended by means over {test.group} is "
                f"{test.extended.verdict.status.value}; its tests are not to be trusted."
            )
    if fitted.model.reml:
        notes.append(
            "The fit is by REML: for the likelihood ratio the models with and without cluster "
            "means were fitted by ML."
        )
    formula, proposed = tested[0].extension.formula, Lazy(lambda: tested[0].extended)
    if len(tested) > 1:
        together = extend(fitted, chosen)
        formula, proposed = together.formula, Lazy(lambda: estimate(together.model))
    against_fixed = hausman(fitted, groupings)
    slopes = [
        term.label
        for term in fitted.design.random_parts
        if term.predictor == MEAN and term.column_names != (INTERCEPT,) and term.grouping.columns
    ]
    if slopes and not against_fixed.reason:
        notes.append(
            f"Hausman's test: the standard errors of the fixed-effects fit do not know of the "
            f"random slopes ({'; '.join(slopes)})."
        )
    return Exogeneity(tested, against_fixed, formula, proposed, tuple(notes))


def _left_out(fitted: Fitted, grouping: Grouping, extension: Extension) -> list[str]:
    """Sentences about covariates that are not tested, and about clusters of one row."""
    name, notes = grouping.name, []
    for terms, why in (
        (extension.constant, f"constant within {name}, so that nothing can be tested"),
        (extension.given, f"the means over {name} are in the model already"),
        (
            extension.centered,
            f"the same mean in every level of {name}, so that cluster effects cannot bias "
            "comparisons within clusters",
        ),
    ):
        if terms:
            notes.append(f"{', '.join(terms)}: {why}.")
    rows = np.bincount(grouping.codes, minlength=len(grouping.levels))
    single = int((rows == 1).sum())
    if single:
        notes.append(
            f"{single} of {len(rows)} levels of {name} ha{'s' if single == 1 else 've'} one row "
            "only, which says nothing about effects within clusters."
        )
    return notes
