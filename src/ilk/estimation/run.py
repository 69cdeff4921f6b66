"""Model -> Fitted: start, search, verify, record."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ConvergenceWarning, FitError, IdentificationWarning
from ilk.estimation.start import default_start
from ilk.estimation.verify import is_optimum, judge, snap_to_boundary, take_last_step
from ilk.fitted import Fitted, Lazy, SearchLog, Status
from ilk.kernels import compiled_densities
from ilk.likelihood.base import Search, Start
from ilk.likelihood.gaussian import GaussianMarginal
from ilk.likelihood.laplace import LaplaceMarginal
from ilk.model.checks import check_identified

if TYPE_CHECKING:
    from ilk.kernels.contract import SearchResult
    from ilk.likelihood.base import AbstractMarginal
    from ilk.model.model import Model
    from ilk.typing import FloatArray

AUTO_NODES = (5, 9, 15, 25, 41)
"""Node counts that automatic quadrature climbs through."""


def marginal_likelihood(model: Model, threads: int = 1) -> AbstractMarginal:
    """The criterion of a model: exact where it can be, approximated elsewhere.

    Parameters
    ----------
    model : Model
        The model.
    threads : int
        Threads that the engine may use.
    """
    kind = GaussianMarginal if model.linear else LaplaceMarginal
    return kind.of(model, threads)


def run(model: Model, search: Search, start: FloatArray | None = None) -> Fitted:
    """Estimate a model.

    Parameters
    ----------
    model : Model
        The model.
    search : Search
        Settings of the search.
    start : (m,) array, optional
        Flat parameter vector ``psi`` to start from.

    Returns
    -------
    Fitted

    Raises
    ------
    FitError
        The likelihood cannot be evaluated at the start.
    """
    check_identified(model)
    marginal = marginal_likelihood(model, search.threads)
    if start is None:
        begin = default_start(marginal)
    else:
        given = marginal.at(start)
        begin = Start(given.beta, given.theta)
    result = _search(marginal, begin, search)
    return _record(marginal, result)


def run_auto(model: Model, search: Search, start: FloatArray | None = None) -> Fitted:
    """Estimate a model with as many quadrature nodes as it takes.

    The number of nodes grows until the maximized log-likelihood changes by less than 1e-3 and no
    parameter by more than 0.01 standard errors (from the search's curvature).

    Parameters
    ----------
    model, search, start
        As in `run`; the model must be one that quadrature can handle.
    """
    fitted = run(replace(model, nodes=1), search, start)
    marginal, result = fitted.marginal, fitted.point
    if not isinstance(marginal, LaplaceMarginal):
        return fitted
    for nodes in AUTO_NODES:
        finer = marginal.with_nodes(nodes)
        warm = Start(result.beta, result.theta, _usable(result.inverse_hessian))
        after = _search(finer, warm, search)
        shift = np.abs(np.concatenate([after.beta - result.beta, after.theta - result.theta]))
        error = np.sqrt(np.abs(np.diag(after.inverse_hessian)))
        settled = abs(after.value - result.value) < 1e-3 and np.all(shift <= 0.01 * error + 1e-9)
        marginal, result = finer, after
        if settled:
            break
    return _record(marginal, result)


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
    result = _search(marginal, warm, search or Search())
    return _record(marginal, result, warn=False)


def _off_zero(theta: FloatArray) -> FloatArray:
    """A start away from the points where the gradient vanishes by symmetry."""
    return np.where(np.abs(theta) < 0.1, 0.1, theta)


def _usable(inverse_hessian: FloatArray) -> FloatArray | None:
    return inverse_hessian if np.all(np.isfinite(inverse_hessian)) else None


def _search(marginal: AbstractMarginal, begin: Start, search: Search) -> SearchResult:
    """Search, and search again from elsewhere where the first search did not end well."""
    result = marginal.maximize(begin, search)
    if is_optimum(result):
        return result
    for theta in _other_starts(result.theta):
        beta = result.beta if np.all(np.isfinite(result.beta)) else begin.beta
        again = marginal.maximize(Start(beta, theta), search)
        if _better(again, result):
            result = again
        if is_optimum(result):
            break
    if not np.isfinite(result.value):
        if marginal.model.linear:
            raise FitError(
                f"The columns reproduce the response "
                f"{marginal.model.design.response.name!r} exactly, so that no residual variance "
                "is left: is one of them computed from it?",
                code="no-residual",
            )
        raise FitError(
            "The likelihood could not be evaluated at the starting values: look for extreme "
            "values in the response, the offset or the columns, or give other values (start=).",
            code="no-likelihood",
        )
    return result


def _other_starts(theta: FloatArray) -> Sequence[FloatArray]:
    sound = np.where(np.isfinite(theta), theta, 0.5)
    return [0.5 * sound + 0.05, np.clip(1.5 * sound + 0.1, -3.0, 3.0)]


def _better(a: SearchResult, b: SearchResult) -> bool:
    if is_optimum(a) != is_optimum(b) and abs(a.value - b.value) < 1e-6:
        return is_optimum(a)
    return bool(a.value > b.value or not np.isfinite(b.value))


def _record(marginal: AbstractMarginal, result: SearchResult, *, warn: bool = True) -> Fitted:
    result = snap_to_boundary(marginal, take_last_step(marginal, result))
    verdict = Lazy(lambda: judge(marginal, result))
    compiled = marginal.model.family.key in compiled_densities()
    fitted = Fitted(
        model=marginal.model,
        estimates=marginal.estimates(result),
        marginal=marginal,
        point=result,
        search=SearchLog(
            method="average information" if marginal.model.linear else "BFGS",
            engine="compiled" if compiled else "reference",
            steps=result.steps,
            evaluations=result.evaluations,
            decrement=result.decrement,
            status=result.status,
        ),
        judged=verdict,
        psi_covariance=Lazy(lambda: marginal.covariance(result)),
        mode_covariance=Lazy(lambda: marginal.mode_covariance(result)),
    )
    if warn:
        _warn(fitted)
    return fitted


def _warn(fitted: Fitted) -> None:
    """Repeat a bad verdict as a warning."""
    verdict = fitted.verdict
    if verdict.converged:
        return
    separated = verdict.status in (Status.SEPARATED, Status.NOT_IDENTIFIED)
    category = IdentificationWarning if separated else ConvergenceWarning
    worst = [r for r in verdict.reasons if r.severity == "error"]
    text = " ".join(f"{r.message} {r.advice}" for r in worst)
    warnings.warn(f"The fit is {verdict.status.value}: {text}", category, stacklevel=5)
