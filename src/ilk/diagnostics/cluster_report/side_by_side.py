"""Coefficients of the mean and their standard errors by four ways of treating clusters.

* *ignoring clusters*: the model without random effects, model-based standard errors;
* *cluster-robust*: the same estimates, with a sandwich over clusters;
* *GEE*: generalized estimating equations, exchangeable within clusters, robust standard errors;
* *mixed model*: conditional coefficients, and what they come to over the population of clusters.

The first three describe the mean over the population; what they are to be compared with is the
mixed model averaged over its random effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.design.random import RandomTerm
from ilk.effects.marginal_coefficients import marginal_coefficients
from ilk.errors import FitError, IlkError, ModelError
from ilk.formula.spec import MEAN
from ilk.gee.fitted import GeeModel, GeeSettings
from ilk.gee.run import estimate_gee
from ilk.inference.robust.covariance import robust_covariance

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.gee.fitted import GeeFitted
    from ilk.inference.robust.covariance import CovarianceKind
    from ilk.typing import FloatArray

__all__ = [
    "GEE",
    "IGNORED",
    "MIXED",
    "ROBUST",
    "ROBUST_ALL",
    "Side",
    "clustered_design",
    "fit_gee",
    "mean_part",
    "sides",
]

IGNORED, ROBUST, ROBUST_ALL = "ignoring clusters", "cluster-robust", "robust, all factors"
GEE, MIXED = "GEE", "mixed model"


@dataclass(frozen=True, slots=True)
class Side:
    """Coefficients of the mean by one method.

    Parameters
    ----------
    method : str
        Which.
    estimand : str
        ``"population"`` or ``"conditional"``.
    estimate, std_error : (p,) arrays
        By coefficient.
    words : str
        What the standard errors are.
    """

    method: str
    estimand: str
    estimate: FloatArray
    std_error: FloatArray
    words: str


def sides(
    mixed: Fitted,
    plain: Fitted,
    group: Grouping,
    crossing: Sequence[Grouping],
    cov: CovarianceKind,
) -> tuple[tuple[Side, ...], tuple[str, ...]]:
    """Set the methods side by side; those that cannot be had are left out, with the reason.

    Parameters
    ----------
    mixed, plain : Fitted
        The model with and without random effects.
    group : Grouping
        Clusters of the robust methods.
    crossing : sequence of Grouping
        All factors that rows of different clusters may share, if there are several; else empty.
    cov : str
        Kind of the sandwich.

    Returns
    -------
    sides : tuple of Side
    notes : tuple of str
    """
    found = [_of_fit(plain, IGNORED, "population", "model-based")]
    notes = []
    try:
        found.append(_robust(plain, ROBUST, cov, [group]))
    except IlkError as problem:
        notes.append(f"{ROBUST} is left out. {problem}")
    if crossing:
        try:
            found.append(_robust(plain, ROBUST_ALL, "CR1", crossing))
        except IlkError as problem:
            notes.append(f"{ROBUST_ALL} is left out. {problem}")
    try:
        found.append(_of_gee(plain, group))
    except IlkError as problem:
        notes.append(f"GEE is left out. {problem}")
    found.append(_of_fit(mixed, MIXED, "conditional", "model-based"))
    try:
        averaged = marginal_coefficients(mixed)
    except IlkError as problem:
        notes.append(f"{MIXED} over the population is left out. {problem}")
    else:
        words = "model-based, by the delta method"
        side = Side(MIXED, "population", averaged.estimate, averaged.std_error, words)
        found.append(side)
    return tuple(found), tuple(notes)


def mean_part(fitted: Fitted) -> slice:
    """Places of the coefficients of the mean."""
    return fitted.model.slices[MEAN]


def _of_fit(fitted: Fitted, method: str, estimand: str, words: str) -> Side:
    where = mean_part(fitted)
    errors = np.sqrt(np.diag(fitted.vcov)[where])
    return Side(method, estimand, fitted.coef[where], errors, words)


def _robust(plain: Fitted, method: str, cov: CovarianceKind, groups: Sequence[Grouping]) -> Side:
    for group in groups:
        if len(group.levels) <= len(plain.coef):
            raise ModelError(
                f"{len(group.levels)} clusters of {group.name!r} cannot show how "
                f"{len(plain.coef)} coefficients vary from cluster to cluster: robust standard "
                "errors need more clusters than coefficients.",
                code="few-clusters",
            )
    labels = [group.codes for group in groups]
    found = robust_covariance(plain, cov, labels if len(labels) > 1 else labels[0])
    where = mean_part(plain)
    counts = " and ".join(f"{len(g.levels):,} of {g.name!r}" for g in groups)
    return Side(
        method,
        "population",
        plain.coef[where],
        np.sqrt(np.diag(found.matrix)[where]),
        f"{cov}, clusters: {counts}",
    )


def _of_gee(plain: Fitted, group: Grouping) -> Side:
    found = fit_gee(plain, group)
    errors = np.sqrt(np.diag(found.vcov))
    words = "exchangeable within clusters, robust"
    return Side(GEE, "population", found.coef, errors, words)


def fit_gee(plain: Fitted, group: Grouping) -> GeeFitted:
    """Fit the mean of a model by generalized estimating equations.

    Parameters
    ----------
    plain : Fitted
        The model without random effects.
    group : Grouping
        The clusters.

    Returns
    -------
    GeeFitted

    Raises
    ------
    IlkError
        It cannot be fitted; the message says why.
    """
    if plain.model.penalty is not None:
        raise FitError("The estimates are penalized, which estimating equations are not.")
    model = GeeModel(
        clustered_design(plain.design, group), plain.family, GeeSettings("exchangeable")
    )
    found = estimate_gee(model)
    if not found.verdict.converged:
        raise FitError(f"That fit is {found.verdict.status.value}.")
    return found


def clustered_design(design: Design, group: Grouping) -> Design:
    """A design whose only random term stands for clusters.

    Parameters
    ----------
    design : Design
        Of the model without random effects.
    group : Grouping
        The clusters.
    """
    label = f"1 | {group.name}"
    term = RandomTerm(label, MEAN, "us", (INTERCEPT,), None, group, has_intercept=True)
    return replace(design, terms=(term,))
