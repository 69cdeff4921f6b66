"""After the search: exact zeros restored, and a verdict on what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.estimation.breakdown import explain, find_breakdown, log_concave
from ilk.estimation.identified import (
    UNIDENTIFIED,
    at_a_limit,
    level_directions,
    structural_faults,
)
from ilk.estimation.laplace_error import laplace_notes
from ilk.estimation.separated import SEPARATED, penalty_notes, separation_faults
from ilk.estimation.structures import structure_notes
from ilk.estimation.twofold import twofold_notes
from ilk.estimation.vanished import vanished_reasons
from ilk.family.base import AbstractFamily
from ilk.fitted import Reason, Status, Verdict

if TYPE_CHECKING:
    from ilk.estimation.breakdown import Breakdown
    from ilk.estimation.separated import Separations
    from ilk.fitted import Certificate
    from ilk.kernels.contract import SearchResult
    from ilk.likelihood.base import AbstractMarginal
    from ilk.typing import FloatArray

_SNAP = 0.05
"""Relative standard deviations below this are tried at exactly zero."""

_CERTAIN_SHIFT = 0.01
"""Standard errors that a Newton step may move an estimate at a point that is an optimum."""

_TOO_FAR, _GAINS = 0.1, 1e-4
"""Standard errors, and log-likelihood, from which a search has ended short of the optimum."""

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
    places = marginal.model.theta_slices
    own = zip(structures, places, strict=True)
    out = [covariance.canonical(theta[here], q) for (covariance, q), here in own]
    return np.concatenate([np.zeros(0), *out])


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
    certificate: Callable[[], Certificate | None],
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
    certificate : callable
        Gives the certificate of that point; it is asked of searches that did not end well.

    Returns
    -------
    list of Reason
        All of severity ``"error"``.
    """
    found = [*separation_faults(marginal, result, separated), *structural_faults(marginal)]
    if is_optimum(result):
        return found
    if breakdown is not None:
        return [*found, explain(marginal, breakdown, "no optimum")]
    if not found and _is_certain(certificate()):
        return found
    return [*found, _not_converged(result)]


def _is_certain(certificate: Certificate | None) -> bool:
    """Whether exact gradient and curvature are those of an optimum."""
    if certificate is None or certificate.rising:
        return False
    return certificate.shift < _CERTAIN_SHIFT and certificate.gain < _SEARCHED_ENOUGH


def judge(
    marginal: AbstractMarginal,
    result: SearchResult,
    faults: Sequence[Reason],
    *,
    separated: Separations,
    certificate: Certificate | None = None,
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
    certificate : Certificate or None
        Exact gradient and curvature there; None if the fit was not certified.
    several : bool
        Whether searches from other starts ended at other optima.
    breakdown : Breakdown or None
        What a search ran into.

    Returns
    -------
    Verdict
    """
    boundary = [*vanished_reasons(marginal, result), *at_a_limit(marginal, result)[0]]
    found = list(faults)
    if not {fault.code for fault in faults} & UNIDENTIFIED:
        found += level_directions(certificate)
    if not found:
        found += _off_the_optimum(certificate)
    doubts = _doubts(marginal, result, breakdown) if is_optimum(result) else []
    reasons = [*found, *boundary, *doubts, *_notes(marginal, result, several)]
    if certificate is not None and not found:
        reasons += laplace_notes(marginal, result)
    reasons += penalty_notes(marginal.model, separated)
    codes = {reason.code for reason in found}
    if codes & SEPARATED:
        status = Status.SEPARATED
    elif codes & {"not_converged", "not_at_optimum", "laplace_breakdown"}:
        status = Status.NOT_CONVERGED
    elif codes & UNIDENTIFIED:
        status = Status.NOT_IDENTIFIED
    else:
        status = Status.BOUNDARY if boundary else Status.CONVERGED
    return Verdict(status, tuple(reasons), certificate, marginal.model.design.flavor)


def _off_the_optimum(certificate: Certificate | None) -> list[Reason]:
    """Say that a search took for an optimum what is none."""
    if certificate is None:
        return []
    if certificate.rising:
        names = certificate.rising[0]
        message = (
            f"the likelihood rises along {', '.join(names)} on either side of where the search "
            "ended: that is a saddle, no maximum."
        )
    elif certificate.shift > _TOO_FAR and certificate.gain > _GAINS:
        names = (certificate.parameter,)
        message = (
            f"one more Newton step would move the estimate of {certificate.parameter} by "
            f"{certificate.shift:.2g} standard errors and gain {certificate.gain:.2g} in "
            "log-likelihood."
        )
    else:
        return []
    return [Reason("not_at_optimum", "error", names, message, "Start elsewhere (start=).")]


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
    reasons += twofold_notes(marginal, result)
    reasons += _folded_link(marginal, result)
    reasons += _beyond_the_family(marginal, result)
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
    reasons += structure_notes(marginal, result)
    few = [
        term.grouping.name
        for term in marginal.model.design.terms
        if term.grouping.used < 5 and term.positions is None
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


def _beyond_the_family(marginal: AbstractMarginal, result: SearchResult) -> list[Reason]:
    """Say what does not hold of the family at the estimates."""
    model = marginal.model
    if type(model.family).caveat is AbstractFamily.caveat:
        return []
    estimates = marginal.estimates(result)
    coef = estimates.psi[: len(estimates.names)]
    eta = model.linear_predictors(coef, estimates.modes)
    found = model.family.caveat(model.design.response.second, eta)
    return [] if found is None else [Reason("beyond_family", "warning", (), found)]


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
