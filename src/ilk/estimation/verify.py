"""After the search: exact zeros restored, and a verdict on what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.estimation.breakdown import explain, find_breakdown, log_concave
from ilk.estimation.separated import SEPARATED, penalty_notes, separation_faults
from ilk.fitted import Reason, Status, Verdict
from ilk.model.factors import split_factors

if TYPE_CHECKING:
    from ilk.estimation.breakdown import Breakdown
    from ilk.estimation.separated import Separations
    from ilk.kernels.contract import SearchResult
    from ilk.likelihood.base import AbstractMarginal
    from ilk.typing import FloatArray

_SNAP = 0.05
"""Relative standard deviations below this are tried at exactly zero."""

_SINGULAR = 1e-4
"""A factor whose smallest singular value is below this share of the largest is singular."""

_NONE_LEFT = -13.0
"""Logits of an inflation and log dispersions below this stand for zero."""

_SEARCHED_ENOUGH = 1e-5
"""A search that could not improve further is at an optimum if it predicts a gain below this."""


def take_last_step(marginal: AbstractMarginal, result: SearchResult) -> SearchResult:
    """Take the step that the search predicted but, for its small gain, did not take.

    A search stops about 1e-4 standard errors from the optimum; one more step of Newton's method
    squares that, and the evaluation there is needed anyway for the modes of the random effects.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the search ended.

    Returns
    -------
    SearchResult
        The point of the last step, or the same if the likelihood is lower there.
    """
    if marginal.model.linear or not is_optimum(result):
        return result  # the linear engine takes that step itself
    if not np.all(np.isfinite(result.inverse_hessian)):
        return result
    P = len(result.beta)
    step = result.inverse_hessian @ result.gradient
    at = marginal.at_point(result.beta + step[:P], result.theta + step[P:])
    if at.status != "converged" or not at.value >= result.value - _slack(result):
        return result
    return replace(result, beta=at.beta, theta=at.theta, value=at.value)


def snap_to_boundary(marginal: AbstractMarginal, result: SearchResult) -> SearchResult:
    """Set covariance parameters that are zero but for rounding to exactly zero.

    The likelihood is even and smooth in each column of a factor, so that a singular optimum is
    approached, never hit.  A zero is kept only if the likelihood is not lower there.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the search ended.

    Returns
    -------
    SearchResult
        The same, or the snapped point.
    """
    widths = [term.width for term in marginal.scaled.data.terms]
    canonical = _canonical(marginal, result.theta, widths)
    if canonical is not result.theta:
        result = replace(result, theta=canonical)
    near = [0.0 < abs(value) < _SNAP for value in canonical.tolist()]
    if not any(near):
        return result
    structures = zip(marginal.model.covariances, widths, strict=True)
    small = np.flatnonzero(near & np.concatenate([c.snappable(q) for c, q in structures]))
    if not len(small):
        return result
    snapped = _try_zero(marginal, result, small)
    if snapped is not None:
        return snapped
    for j in small if len(small) > 1 else ():
        result = _try_zero(marginal, result, np.array([j])) or result
    return result


def _canonical(marginal: AbstractMarginal, theta: FloatArray, widths: Sequence[int]) -> FloatArray:
    """Signs of the factors' columns such that their diagonals are not negative."""
    structures = list(zip(marginal.model.covariances, widths, strict=True))
    if len(structures) == 1:
        covariance, q = structures[0]
        return covariance.canonical(theta, q)
    out, start = [np.zeros(0)], 0
    for covariance, q in structures:
        stop = start + covariance.size(q)
        out.append(covariance.canonical(theta[start:stop], q))
        start = stop
    return np.concatenate(out)


def _try_zero(
    marginal: AbstractMarginal, result: SearchResult, index: np.ndarray
) -> SearchResult | None:
    theta = result.theta.copy()
    theta[index] = 0.0
    at = marginal.at_point(result.beta, theta)
    if at.status != "converged" or not at.value >= result.value - _slack(result):
        return None
    return replace(result, theta=theta, value=at.value, beta=at.beta, sigma2=at.sigma2)


def _slack(result: SearchResult) -> float:
    """How much lower a log-likelihood may be for rounding alone."""
    return 1e-9 + 1e-12 * abs(result.value)


def find_faults(
    marginal: AbstractMarginal,
    result: SearchResult,
    separated: Separations,
    breakdown: Breakdown | None,
) -> list[Reason]:
    """Why the end of a search is not an optimum; nothing if it is one.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the search ended.
    separated : dict of str to SeparatingDirection
        What separates the data.
    breakdown : Breakdown or None
        What a search ran into.

    Returns
    -------
    list of Reason
        All of severity ``"error"``.
    """
    separation = separation_faults(marginal, result, separated)
    if is_optimum(result):
        return separation
    if breakdown is not None:
        return [*separation, explain(marginal, breakdown, "no optimum")]
    return [*separation, _not_converged(result)]


def judge(
    marginal: AbstractMarginal,
    result: SearchResult,
    faults: Sequence[Reason],
    *,
    separated: Separations,
    several: bool = False,
    breakdown: Breakdown | None = None,
) -> Verdict:
    """Verdict on a search.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the search ended.
    faults : sequence of Reason
        What `find_faults` has found there.
    separated : dict of str to SeparatingDirection
        What separates the data.
    several : bool
        Whether searches from other starts ended at other optima.
    breakdown : Breakdown or None
        What a search ran into.

    Returns
    -------
    Verdict
    """
    boundary = [*_boundary(marginal, result), *_at_a_limit(marginal, result)]
    doubts = _doubts(marginal, result, breakdown) if is_optimum(result) else []
    reasons = [*faults, *boundary, *doubts, *_notes(marginal, result, several)]
    reasons += penalty_notes(marginal.model, separated)
    if faults:
        found = {fault.code for fault in faults}
        status = Status.SEPARATED if found & SEPARATED else Status.NOT_CONVERGED
    elif boundary:
        status = Status.BOUNDARY
    else:
        status = Status.CONVERGED
    return Verdict(status, tuple(reasons))


def is_optimum(result: SearchResult) -> bool:
    """Whether a search ended at an optimum."""
    if result.status == "converged":
        return True
    return result.status == "line_search" and abs(result.decrement) < _SEARCHED_ENOUGH


def _not_converged(result: SearchResult) -> Reason:
    why = {
        "line_search": "the search found no better point although the gradient is not zero",
        "max_steps": f"the search used all its {result.steps} steps",
        "no_mode": "the conditional modes of the random effects could not be found",
    }[result.status if result.status != "converged" else "line_search"]
    return Reason(
        "not_converged",
        "error",
        (),
        f"{why}; a further gain of {result.decrement:.2g} in log-likelihood was predicted.",
        "Simplify the random part, or start elsewhere (start=) or allow more steps "
        "(search=ilk.Search(max_steps=...)).",
    )


def _boundary(marginal: AbstractMarginal, result: SearchResult) -> list[Reason]:
    lam = marginal.lam(result.theta)
    widths = [term.width for term in marginal.scaled.data.terms]
    reasons = []
    terms = marginal.model.design.terms
    for term, factor in zip(terms, split_factors(lam, widths), strict=True):
        sizes = np.linalg.svd(factor, compute_uv=False)
        if sizes[0] < _SINGULAR:
            message = f"the variance of ({term.label}) is estimated as zero."
        elif sizes[-1] < _SINGULAR * max(1.0, sizes[0]):
            deviations = np.sqrt(np.sum(factor**2, axis=1))
            zero = [
                name
                for name, sd in zip(term.column_names, deviations, strict=True)
                if sd < _SINGULAR * max(1.0, sizes[0])
            ]
            message = (
                f"the variance of {', '.join(zero)} in ({term.label}) is estimated as zero."
                if zero
                else f"the random effects of ({term.label}) are perfectly correlated."
            )
        else:
            continue
        reasons.append(
            Reason(
                "singular_covariance",
                "note",
                (term.label,),
                message,
                "This is a legitimate optimum; the data do not support this part of the model.",
            )
        )
    return reasons


def _at_a_limit(marginal: AbstractMarginal, result: SearchResult) -> list[Reason]:
    """Parameters that the data drive to the edge of their range: no inflation, no dispersion."""
    model = marginal.model
    reasons = []
    start = 0
    for part, data in zip(model.fitted_parts, marginal.scaled.data.predictors, strict=True):
        stop = start + data.X.shape[1]
        eta = data.X @ result.beta[start:stop]
        start = stop
        if not np.all(np.isfinite(eta)):
            continue
        if part.predictor == "zero_inflation" and float(eta.min()) < _NONE_LEFT:
            rows = int(np.sum(eta < _NONE_LEFT))
            reasons.append(
                Reason(
                    "no_zero_inflation",
                    "note",
                    (part.predictor,),
                    f"the probability of an excess zero is estimated as zero in {rows} of "
                    f"{len(eta)} rows; coefficients of that part run to minus infinity.",
                    "Simplify zero_inflation=, or leave it out.",
                )
            )
        counts = model.family.discrete and part.predictor == "dispersion"
        if counts and float(eta.max()) < _NONE_LEFT:
            reasons.append(
                Reason(
                    "no_dispersion",
                    "note",
                    (part.predictor,),
                    "the dispersion is estimated as zero: the counts vary no more than those of "
                    "the family's limit (Poisson, or binomial).",
                    "The simpler family describes these data as well.",
                )
            )
    return reasons


def _doubts(
    marginal: AbstractMarginal, result: SearchResult, breakdown: Breakdown | None
) -> list[Reason]:
    """Say where the Laplace approximation does not hold although the search found an optimum."""
    here = None if log_concave(marginal) else find_breakdown(marginal, result)
    if here is not None:
        return [explain(marginal, here, "optimum")]
    return [] if breakdown is None else [explain(marginal, breakdown, "elsewhere")]


def _notes(marginal: AbstractMarginal, result: SearchResult, several: bool) -> list[Reason]:
    reasons = []
    if several:
        reasons.append(
            Reason(
                "several_optima",
                "warning",
                (),
                "searches from different starts ended at different optima; the best is reported.",
                "Look whether a simpler random part says the same.",
            )
        )
    reasons += _folded_link(marginal, result)
    if result.clipped:
        reasons.append(
            Reason(
                "several_modes",
                "warning",
                (),
                "the conditional density of the random effects is not log-concave near the "
                "optimum and may have several modes; the likelihood approximation may jump.",
                "Compare fits from several starts (start=).",
            )
        )
    few = [
        term.grouping.name for term in marginal.model.design.terms if len(term.grouping.levels) < 5
    ]
    for name in dict.fromkeys(few):
        reasons.append(
            Reason(
                "few_levels",
                "note",
                (name,),
                f"{name!r} has fewer than 5 levels; their variance is poorly determined.",
            )
        )
    return reasons


def _folded_link(marginal: AbstractMarginal, result: SearchResult) -> list[Reason]:
    """Say where a square-root link has been taken beyond zero, where its mean rises again."""
    model = marginal.model
    if model.family.link.name != "sqrt":
        return []
    estimates = marginal.estimates(result)
    coef = estimates.psi[: len(estimates.names)]
    eta = model.linear_predictors(coef, estimates.modes)[0]
    rows = int(np.sum(eta <= 0.0))
    if not rows:
        return []
    return [
        Reason(
            "folded_link",
            "warning",
            (),
            f"the square root of the mean is negative in {rows} rows, where the link is not "
            "one-to-one and the likelihood has several peaks.",
            "Use link='log', or quadrature= for one grouping factor.",
        )
    ]
