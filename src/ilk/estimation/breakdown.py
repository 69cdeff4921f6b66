r"""Where the Laplace approximation stops being one.

The approximation replaces the conditional density of the random effects by a normal one with the
curvature :math:`H = I + \Lambda' A \Lambda` at its mode, A being minus the second derivatives of
the log density in the effects.  A log density that is concave in its predictors makes A positive
semidefinite, so that data can only sharpen what the prior says: no conditional variance exceeds the
variance of the effects.  Zero inflation, inverse Gaussian responses or random effects in a
dispersion make A negative at some modes.  Where H approaches a singular matrix the term
:math:`-\frac12 \log|H|` grows without bound, and the approximate likelihood with it, although the
integral that it stands for does not: the search is drawn to points that mean nothing.  Adaptive
quadrature, whose nodes are spread by the same curvature, fails with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.fitted import Reason
from ilk.formula.spec import MEAN
from ilk.frame import quote
from ilk.model.quadrature import is_laplace

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.kernels.contract import SearchResult
    from ilk.likelihood.base import AbstractMarginal

_TOO_WIDE = 10.0
"""Ratio of a conditional to its prior variance from which the approximation has broken down."""

Place: TypeAlias = Literal["no optimum", "optimum", "elsewhere"]

_WHERE: dict[Place, tuple[str, str]] = {
    "no optimum": (
        "where the search ended",
        "the approximate likelihood grows without bound there, and estimates and log-likelihood "
        "mean nothing.",
    ),
    "optimum": (
        "at the estimates",
        "they may be far from those of the exact likelihood.",
    ),
    "elsewhere": (
        "where a search from another start ended",
        "the approximate likelihood grows without bound there, and the estimates are a local "
        "optimum away from it.",
    ),
}


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Random effect whose conditional variance exceeds its prior variance the most.

    Parameters
    ----------
    term : RandomTerm
        Its term.
    column, level : str
        Its column, and its level as messages show it.
    ratio : float
        Conditional over prior variance.
    """

    term: RandomTerm
    column: str
    level: str
    ratio: float


def log_concave(marginal: AbstractMarginal) -> bool:
    """Whether the log density is known to be concave in the predictors with random effects."""
    only_mean = all(term.predictor == MEAN for term in marginal.model.design.terms)
    return only_mean and not marginal.model.family.several_modes


def find_breakdown(marginal: AbstractMarginal, result: SearchResult) -> Breakdown | None:
    """Look whether the Laplace approximation has broken down where a search ended.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the search ended.

    Returns
    -------
    Breakdown or None
        None if no conditional variance is much larger than its prior variance, and for linear
        models, whose likelihood is exact.
    """
    model = marginal.model
    if model.linear or not np.isfinite(result.value):
        return None
    if marginal.at_point(result.beta, result.theta).status != "converged":
        return None
    roots = marginal.roots(marginal.lam(result.theta))
    conditional = marginal.mode_covariance(result)
    worst: Breakdown | None = None
    for term, root, blocks in zip(model.design.terms, roots, conditional, strict=True):
        prior = np.sum(root**2, axis=1)
        present = prior > 0.0
        ratios = np.diagonal(blocks, axis1=1, axis2=2) / np.where(present, prior, 1.0)
        ratios = np.where(present, ratios, 0.0)
        level, column = np.unravel_index(int(np.argmax(ratios)), ratios.shape)
        ratio = float(ratios[level, column])
        if ratio > (_TOO_WIDE if worst is None else worst.ratio):
            label = quote(term.grouping.levels[int(level)])
            worst = Breakdown(term, term.column_names[int(column)], label, ratio)
    return worst


def explain(marginal: AbstractMarginal, found: Breakdown, where: Place) -> Reason:
    """Say that the Laplace approximation has broken down, where, and what can be done.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    found : Breakdown
        The worst random effect.
    where : {"no optimum", "optimum", "elsewhere"}
        Whether the fit is no optimum; is one, at which this was found; or is one, and this was
        found where a search from another start ended.
    """
    term = found.term
    part = "" if term.predictor == MEAN else f" of the {term.predictor.replace('_', ' ')}"
    point, outcome = _WHERE[where]
    adaptive = "" if is_laplace(marginal.model.nodes) else ", which quadrature places its nodes by,"
    return Reason(
        "laplace_breakdown",
        "error" if where == "no optimum" else "warning",
        (term.label,),
        f"the Laplace approximation{adaptive} does not hold for ({term.label})"
        f"{part}: {point}, the conditional variance of {found.column!r} at the "
        f"level {found.level} of {term.grouping.name!r} is {found.ratio:.3g} times the variance of "
        f"that effect, and should be no larger than it; {outcome}",
        "Leave that random term out, or choose another family.",
    )
