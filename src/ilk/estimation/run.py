"""Model -> Fitted: start, search, verify, record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from ilk.errors import FitError, ModelError
from ilk.estimation.breakdown import find_breakdown
from ilk.estimation.certificate import certify
from ilk.estimation.identified import at_a_limit
from ilk.estimation.nodes import (
    errors_of,
    ladder,
    not_climbed,
    settled_note,
    shift_between,
)
from ilk.estimation.restart import elsewhere, other_ranges, second_looks
from ilk.estimation.separated import lost_directions, separations, without_modes
from ilk.estimation.start import default_start
from ilk.estimation.structures import hardly_known, has_range
from ilk.estimation.twofold import twofold_start
from ilk.estimation.verify import find_faults, is_optimum, judge, snap_to_boundary, take_last_step
from ilk.fitted import Fitted, Lazy, Reason, SearchLog, Verdict, warn_of
from ilk.kernels import engine_name, linear_engine_name
from ilk.likelihood.base import Search, Start
from ilk.likelihood.gaussian import GaussianMarginal
from ilk.likelihood.laplace import LaplaceMarginal
from ilk.likelihood.penalized import PenalizedMarginal, check_penalty
from ilk.likelihood.restricted import RestrictedMarginal
from ilk.model.checks import check_identified
from ilk.model.quadrature import shares

if TYPE_CHECKING:
    from collections.abc import Callable

    from ilk.design.build import Design
    from ilk.estimation.breakdown import Breakdown
    from ilk.estimation.separated import Separations
    from ilk.fitted import Certificate
    from ilk.kernels.contract import SearchResult
    from ilk.likelihood.base import AbstractMarginal
    from ilk.lint.record import Finding
    from ilk.model.model import Model
    from ilk.typing import FloatArray


def marginal_likelihood(model: Model, threads: int = 1) -> AbstractMarginal:
    """The criterion of a model: exact where it can be, approximated elsewhere.

    Parameters
    ----------
    model : Model
        The model.
    threads : int
        Threads that the engine may use.
    """
    if model.penalty is not None:
        return PenalizedMarginal.of(model, threads)
    if model.linear:
        return GaussianMarginal.of(model, threads)
    means = model.design.fixed[: len(model.family.main_parameters)]
    if model.reml and any(part.X.shape[1] for part in means):
        return RestrictedMarginal.of(model, threads)
    return LaplaceMarginal.of(model, threads)


def run(
    model: Model, search: Search, start: FloatArray | None = None, *, warn: bool = True
) -> Fitted:
    """Estimate a model.

    Parameters
    ----------
    model : Model
        The model.
    search : Search
        Settings of the search.
    start : (m,) array, optional
        Flat parameter vector ``psi`` to start from.
    warn : bool
        Whether a bad verdict is repeated as a warning.

    Returns
    -------
    Fitted

    Raises
    ------
    FitError
        The likelihood cannot be evaluated at the start.
    """
    check_identified(model)
    check_penalty(model)
    marginal = marginal_likelihood(model, search.threads)
    outcome = _search(marginal, _begin(marginal, start), search)
    try:
        return _record(marginal, outcome, warn=warn)
    except FitError as error:
        raise without_modes(marginal, error) from None


def run_auto(model: Model, search: Search, start: FloatArray | None = None) -> Fitted:
    """Estimate a model with as many quadrature nodes as it takes.

    The number of nodes grows until the maximized log-likelihood changes by less than 1e-3 and no
    parameter by more than 0.01 standard errors; the verdict says what was done.

    Parameters
    ----------
    model, search, start
        As in `run`.
    """
    if model.linear or not model.design.terms:
        return run(model, search, start)
    check_identified(model)
    check_penalty(model)
    kind = LaplaceMarginal if model.penalty is None else PenalizedMarginal
    marginal = kind.of(replace(model, nodes=1), search.threads)
    outcome = _search(marginal, _begin(marginal, start), search)
    why, steps = _obstacle(marginal, outcome), []
    try:
        steps = list(ladder(model))
    except ModelError as error:
        why = why or str(error)
    if why is not None:
        text = why
        return _record(marginal, outcome, note=lambda _: not_climbed(text))
    laplace = last = outcome.best
    errors = np.zeros(0)
    for nodes in steps:
        last = outcome.best
        warm = Start(last.beta, last.theta, _usable(last.inverse_hessian))
        marginal = marginal.with_nodes(nodes)
        outcome = _search(marginal, warm, search)
        if not len(errors):
            errors = errors_of(marginal.covariance(outcome.best))
        settled = shift_between(marginal, last, outcome.best, errors).small
        if settled or not is_optimum(outcome.best):
            break
    words = shares(marginal.model)
    end, moved = outcome.best, shift_between(marginal, last, outcome.best, errors)

    def note(covariance: FloatArray) -> Reason:
        off = shift_between(marginal, laplace, end, errors_of(covariance))
        return settled_note(words, off, moved)

    return _record(marginal, outcome, note=note)


def _obstacle(marginal: AbstractMarginal, outcome: _Outcome) -> str | None:
    """Why more nodes would not help; None if they might."""
    if outcome.breakdown is not None and not is_optimum(outcome.best):
        return "nodes would be spread by a curvature that means nothing."
    if lost_directions(marginal.model, separations(marginal)) is not None:
        return "the likelihood has no maximum."
    if not is_optimum(outcome.best):
        return "the search did not end at a maximum."
    return None


def refit(fitted: Fitted, y: FloatArray, search: Search | None = None) -> Fitted:
    """Estimate the same model for another response, from where the first fit ended.

    Parameters
    ----------
    fitted : Fitted
        A fit of the same model.
    y : (n,) array
        The response, row by row as in the design.
    search : Search, optional
        Settings of the search.
    """
    design = fitted.model.design
    model = replace(fitted.model, design=replace(design, response=replace(design.response, y=y)))
    marginal = fitted.marginal.with_response(model)
    point = fitted.point
    warm = Start(point.beta, _off_zero(point.theta), _usable(point.inverse_hessian))
    again = _record(marginal, _search(marginal, warm, search or Search()), warn=False)
    return replace(again, findings=Lazy(lambda: _of_others(fitted, design.response.name)))


def _of_others(fitted: Fitted, response: str) -> tuple[Finding, ...]:
    """Findings about anything but the response."""
    return tuple(finding for finding in fitted.findings() if response not in finding.terms)


def refit_by(fitted: Fitted, marginal: AbstractMarginal) -> Fitted:
    """Estimate the same parameters by another criterion, from where a fit ended.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    marginal : AbstractMarginal
        A criterion of the same model and data, such as another approximation of the likelihood.
    """
    point = fitted.point
    warm = Start(point.beta, _off_zero(point.theta), _usable(point.inverse_hessian))
    return _record(marginal, _search(marginal, warm, Search()), warn=False)


def refitter(model: Model, psi: FloatArray) -> Callable[[FloatArray], Fitted]:
    """Make ready to estimate a model for many responses, each as if it were the only one.

    All refits share one engine and begin at the same parameters and at random effects of zero, so
    that none depends on what was refitted before; the engine is not to be shared by threads.

    Parameters
    ----------
    model : Model
        The model.
    psi : (m,) array
        Where every refit begins.

    Returns
    -------
    callable
        Takes a response (n,) to a `Fitted`.
    """
    marginal = marginal_likelihood(model)
    given = marginal.at(psi)
    begin = Start(given.beta, _off_zero(given.theta))
    design = model.design

    def again(y: FloatArray) -> Fitted:
        response = replace(design.response, y=y)
        other = replace(model, design=replace(design, response=response))
        criterion = marginal.with_response(other)
        criterion.forget(given)
        return _record(criterion, _search(criterion, begin, Search()), warn=False)

    return again


def refit_rows(fitted: Fitted, design: Design, search: Search | None = None) -> Fitted:
    """Estimate the same model for other rows, from where the first fit ended.

    Parameters
    ----------
    fitted : Fitted
        A fit of the same model.
    design : Design
        Its design with other rows.
    search : Search, optional
        Settings of the search.
    """
    model = replace(fitted.model, design=design)
    marginal = marginal_likelihood(model)
    given = marginal.at(fitted.estimates.psi)
    begin = Start(given.beta, _off_zero(given.theta))
    return _record(marginal, _search(marginal, begin, search or Search()), warn=False)


def _begin(marginal: AbstractMarginal, start: FloatArray | None) -> Start:
    """Where to begin: at the given flat vector, or where the family and the moments say."""
    if start is None:
        return default_start(marginal)
    given = marginal.at(start)
    return Start(given.beta, given.theta)


def _off_zero(theta: FloatArray) -> FloatArray:
    """A start away from the points where the gradient vanishes by symmetry."""
    return np.where(np.abs(theta) < 0.1, 0.1, theta)


def _usable(inverse_hessian: FloatArray) -> FloatArray | None:
    return inverse_hessian if np.all(np.isfinite(inverse_hessian)) else None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Best end of the searches, whether they ended at several optima, and what they ran into."""

    best: SearchResult
    several: bool = False
    breakdown: Breakdown | None = None


def _search(marginal: AbstractMarginal, begin: Start, search: Search) -> _Outcome:
    """Search, and search again from elsewhere where the first search may not have ended well."""
    best = marginal.maximize(begin, search)
    ends, breakdown = [best], None
    if is_optimum(best):
        again = second_looks(marginal, best)
    else:
        breakdown = find_breakdown(marginal, best)
        # no maximum where the approximation breaks down; beyond, with larger variances, may be one
        again = elsewhere(best.theta)[1 if breakdown else 0 :]
        again += other_ranges(marginal, best.theta)
    worthless = breakdown is not None
    starts: list[FloatArray | Start] = [*again]
    if (other_start := twofold_start(marginal, best)) is not None:
        starts.append(other_start)
    for place in starts:
        sound = not worthless and np.all(np.isfinite(best.beta))
        beta = best.beta if sound else begin.beta
        start = place if isinstance(place, Start) else Start(beta, place)
        other = marginal.maximize(start, search)
        ends.append(other)
        broken = None if is_optimum(other) else find_breakdown(marginal, other)
        breakdown = breakdown or broken
        if is_optimum(other) if worthless else broken is None and _better(other, best):
            best, worthless = other, False
    if not np.isfinite(best.value):
        _refuse(marginal)
    optima = [end.value for end in ends if is_optimum(end)]
    return _Outcome(best, bool(optima) and max(optima) - min(optima) > 1e-4, breakdown)


def _refuse(marginal: AbstractMarginal) -> NoReturn:
    if marginal.model.linear:
        raise FitError(
            f"The columns reproduce the response {marginal.model.design.response.name!r} "
            "exactly, so that no residual variance is left: is one of them computed from it?",
            code="no-residual",
        )
    found = separations(marginal).get("mean")
    if found is not None:
        raise FitError(
            f"{', '.join(found.names)} predict the response perfectly in {found.rows} rows, and "
            "no likelihood could be evaluated on the way to infinite coefficients: leave out or "
            "merge the levels concerned, or give penalty='firth'.",
            code="separated",
        )
    raise FitError(
        "The likelihood could not be evaluated at the starting values: look for extreme "
        "values in the response, the offset or the columns, or give other values (start=).",
        code="no-likelihood",
    )


def _better(a: SearchResult, b: SearchResult) -> bool:
    if is_optimum(a) != is_optimum(b) and abs(a.value - b.value) < 1e-6:
        return is_optimum(a)
    return bool(a.value > b.value or not np.isfinite(b.value))


def _certificate(
    marginal: AbstractMarginal, result: SearchResult, separated: Separations
) -> Certificate | None:
    """Certificate of where the search ended; parameters at a limit are not asked."""
    information = marginal.information(result)
    limits = at_a_limit(marginal, result)[1]
    return certify(
        marginal, result, information, limits, lost_directions(marginal.model, separated)
    )


def _covariance(
    marginal: AbstractMarginal, result: SearchResult, separated: Separations
) -> FloatArray:
    """Covariance matrix of psi; after separation, of what stands."""
    lost = lost_directions(marginal.model, separated)
    if lost is not None and isinstance(marginal, RestrictedMarginal):
        covariance = marginal.covariance(result)
        P = len(result.beta)  # the integral over lost coefficients has no curvature to go by
        covariance[P:, :] = covariance[:, P:] = np.nan
        return covariance
    if lost is None or not isinstance(marginal, LaplaceMarginal):
        return marginal.covariance(result)
    return marginal.covariance_from(marginal.information(result), lost)


def _record(
    marginal: AbstractMarginal,
    outcome: _Outcome,
    *,
    warn: bool = True,
    note: Callable[[FloatArray], Reason] | None = None,
) -> Fitted:
    result = snap_to_boundary(marginal, take_last_step(marginal, outcome.best))
    several, breakdown = outcome.several, outcome.breakdown
    separated = Lazy(lambda: separations(marginal))
    certificate = Lazy(lambda: _certificate(marginal, result, separated()))
    faults = Lazy(lambda: find_faults(marginal, result, separated(), breakdown, certificate))

    def verdict_of() -> Verdict:
        found = judge(
            marginal,
            result,
            faults(),
            separated=separated(),
            certificate=certificate() if warn else None,
            several=several,
            breakdown=breakdown,
        )
        if warn and has_range(marginal):
            flat = hardly_known(marginal, result, psi_covariance())
            found = replace(found, reasons=(*found.reasons, *flat))
        if note is None:
            return found
        return replace(found, reasons=(*found.reasons, note(psi_covariance())))

    verdict = Lazy(verdict_of)
    psi_covariance = Lazy(lambda: _covariance(marginal, result, separated()))
    fitted = Fitted(
        model=marginal.model,
        estimates=marginal.estimates(result),
        marginal=marginal,
        point=result,
        search=_log(marginal, result),
        judged=verdict,
        coef_covariance=Lazy(lambda: marginal.coef_covariance(result, psi_covariance)),
        psi_covariance=psi_covariance,
        mode_covariance=Lazy(lambda: marginal.mode_covariance(result)),
        mode_sensitivity=Lazy(lambda: marginal.mode_sensitivity(result)),
    )
    if warn and faults():
        warn_of(verdict(), stacklevel=4)
    return fitted


def _log(marginal: AbstractMarginal, result: SearchResult) -> SearchLog:
    """Say who searched, how and for how long."""
    model, data = marginal.model, marginal.scaled.data
    method, engine = "BFGS", str(engine_name(data, model.family, model.nodes))
    if model.linear:
        engine = linear_engine_name(data)
        method = "grid and BFGS" if engine == "spectral" else "average information"
    return SearchLog(
        method=method,
        engine=engine,
        steps=result.steps,
        evaluations=result.evaluations,
        decrement=result.decrement,
        status=result.status,
    )
