"""From a design to a fitted marginal model."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, get_args

import numpy as np

from ilk.errors import (
    DataError,
    FitError,
    ModelError,
    did_you_mean,
)
from ilk.fitted import Lazy, SearchLog
from ilk.frame import numbers
from ilk.gee.clusters import arrange
from ilk.gee.fitted import GeeFitted, GeeModel, GeeSettings
from ilk.gee.sandwich import StandardErrors, covariance
from ilk.gee.solve import GeeRows, Solution, solve
from ilk.gee.variance import marginal_family
from ilk.gee.verify import find_separation, judge_solution
from ilk.gee.waves import Fixed, MDependent, Unstructured
from ilk.gee.working import AbstractWorking, Autoregressive, Compound, Independence
from ilk.model.scaling import scale_columns

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.fitted import Verdict
    from ilk.gee.clusters import Clusters
    from ilk.model.separation import SeparatingDirection
    from ilk.typing import BoolArray, FloatArray

__all__ = ["POSITIONED", "STRUCTURES", "check_covariance", "estimate_gee"]

POSITIONED = ("ar1", "m_dependent", "unstructured", "fixed")
"""Working correlations that depend on the positions of rows within their cluster."""

STRUCTURES = ("independence", "exchangeable", *POSITIONED[:3], "nested")
"""Working correlations that have a name for the user."""

_ELSEWHERE = {
    "exch": "exchangeable",
    "compound_symmetry": "exchangeable",
    "cs": "exchangeable",
    "independent": "independence",
    "ind": "independence",
    "autoregressive": "ar1",
    "ar(1)": "ar1",
    "ar": "ar1",
    "us": "unstructured",
    "un": "unstructured",
    "mdependent": "m_dependent",
    "mdep": "m_dependent",
    "stationary": "m_dependent",
}
"""Names of the same structures in other programs."""


def check_covariance(name: str) -> None:
    """Check the name of a working correlation."""
    if name in STRUCTURES:
        return
    plain = str(name).casefold().replace("-", "_").replace(" ", "_")
    other = plain if plain in STRUCTURES else _ELSEWHERE.get(plain)
    hint = f" Here it is called {other!r}." if other else did_you_mean(str(name), STRUCTURES)
    raise ModelError(
        f"covariance={name!r} is not known; choose one of {', '.join(map(repr, STRUCTURES))}, or "
        f"give a correlation matrix.{hint}",
        code="covariance",
    )


def estimate_gee(model: GeeModel) -> GeeFitted:
    """Fit a marginal model.

    Parameters
    ----------
    model : GeeModel
        The model.

    Returns
    -------
    GeeFitted

    Raises
    ------
    DataError, ModelError, FitError
        The message says what is wrong and what to do.
    """
    rows, back = _rows(model)
    working = _working(rows.clusters, model)
    start = _start(model, rows)
    separated: list[SeparatingDirection] = []

    def hopeless(eta: FloatArray) -> bool:
        found = find_separation(model, eta)
        separated.extend([] if found is None else [found])
        return found is not None

    solution = solve(rows, working, start=start, hopeless=hopeless)
    assert solution is not None
    direction = separated[0] if separated else None
    verdict = judge_solution(model, rows, solution, direction)
    infinite = np.zeros(len(back), bool) if direction is None else direction.direction != 0.0
    fitted = _record(model, rows, working, solution, back, verdict, start, infinite)
    if verdict.converged:
        fitted.covariances[model.settings.std_errors]()  # refuses here what does not exist
    return fitted


def _record(
    model: GeeModel,
    rows: GeeRows,
    working: AbstractWorking,
    solution: Solution,
    back: FloatArray,
    verdict: Verdict,
    start: FloatArray,
    infinite: BoolArray,
) -> GeeFitted:
    def of_kind(kind: StandardErrors) -> FloatArray:
        white, scale = solution.whitened, solution.residuals.scale
        if kind != "fay_graubard" and not infinite.any():
            matrix: FloatArray = back @ covariance(kind, white, scale, rows.clusters) @ back.T
            return matrix
        # Fay and Graubard's changes with the columns: those of the user
        D = white.D @ np.linalg.inv(back)
        keep = np.arange(len(back)) != (np.argmax(infinite) if infinite.any() else -1)
        matrix = np.full(back.shape, np.nan)
        try:  # separated rows have no weight, so that one of their columns says nothing new
            part = covariance(kind, replace(white, D=D[:, keep]), scale, rows.clusters)
        except np.linalg.LinAlgError:  # nor have others
            return matrix
        matrix[np.ix_(keep, keep)] = part
        matrix[infinite, :] = np.nan
        matrix[:, infinite] = np.nan
        return matrix

    def independent() -> Solution:
        found = solve(rows, Independence(rows.clusters), start=start)
        assert found is not None
        return found

    return GeeFitted(
        model=model,
        rows=rows,
        working=working,
        solution=solution,
        back=back,
        search=SearchLog(
            method="Fisher scoring",
            engine="numpy",
            steps=solution.steps,
            evaluations=solution.steps + 1,
            decrement=solution.change,
            status=solution.status,
        ),
        judged=verdict,
        independent=Lazy(independent),
        covariances=MappingProxyType(
            {kind: Lazy(partial(of_kind, kind)) for kind in get_args(StandardErrors)}
        ),
    )


def _rows(model: GeeModel) -> tuple[GeeRows, FloatArray]:
    """Rows in the order of their clusters, with scaled columns, and the way back."""
    design, settings = model.design, model.settings
    part, response = model.part, design.response
    n, p = part.X.shape
    if p >= n:
        raise DataError(
            f"The mean has {p} coefficients but there are only {n} rows: leave out terms.",
            code="too-few-rows",
        )
    if p == 0:
        raise ModelError(
            "The formula has no columns to estimate: write '1' for an intercept.", code="no-columns"
        )
    grouping = design.terms[0].grouping
    clusters = arrange(
        grouping.codes,
        grouping.levels,
        _times(design),
        order=_order_label(settings),
        distinct=settings.covariance in POSITIONED,
        subgroups=[term.grouping.codes for term in design.terms[1:]],
        weights=design.frequency_weights,
    )
    X, back = scale_columns(part)
    at = clusters.rows
    trials, precision = response.trials, design.precision_weights
    weights = trials if precision is None else precision if trials is None else trials * precision
    return GeeRows(
        marginal=marginal_family(model.family),
        clusters=clusters,
        y=(response.y if trials is None else response.y / trials)[at],
        trials=None if trials is None else trials[at],
        weights=None if weights is None else weights[at],
        X=np.ascontiguousarray(X[at]),
        offset=None if part.offset is None else part.offset[at],
    ), back


def _times(design: Design) -> FloatArray:
    if "order" not in design.arguments:
        return np.arange(len(design.response.y), dtype=np.float64)
    return numbers(design.data.column(design.argument_columns["order"]))


def _order_label(settings: GeeSettings) -> str:
    if settings.ordered_by is None:
        return "place in its cluster"
    return "order" if settings.ordered_by == "(order)" else settings.ordered_by


def _working(clusters: Clusters, model: GeeModel) -> AbstractWorking:
    """The working correlation on the clusters."""
    design, settings = model.design, model.settings
    order = _order_label(settings)
    match settings.covariance:
        case "independence":
            return Independence(clusters)
        case "exchangeable":
            return Compound.of(clusters, (design.terms[0].grouping.name,))
        case "nested":
            names = [term.grouping.columns[-1] for term in design.terms[1:]]
            return Compound.of(clusters, (design.terms[0].grouping.name, *names))
        case "ar1":
            return Autoregressive.of(clusters)
        case "m_dependent":
            return MDependent.of(clusters, settings.lags, order)
        case "unstructured":
            return Unstructured.of(clusters, order)
    assert settings.correlation is not None
    return Fixed.of(clusters, settings.correlation, order)


def _start(model: GeeModel, rows: GeeRows) -> FloatArray:
    """Coefficients of a constant mean, or of means halfway to the data."""
    part, family, design = model.part, model.family, model.design
    y, trials = design.response.y, design.response.trials
    level = family.start(y, trials, part.offset, design.frequency_weights)[0]
    start: FloatArray = np.zeros(rows.X.shape[1])
    if part.has_intercept and "Intercept" in part.names:
        start[part.names.index("Intercept")] = level
    else:
        start = _regress(rows.X, np.full(len(rows.X), level))
    if rows.at(start) is not None:
        return start
    halfway = 0.5 * (rows.y + float(np.mean(rows.y)))
    with np.errstate(all="ignore"):
        eta = family.link.link(halfway)
    target = eta if rows.offset is None else eta - rows.offset
    if np.all(np.isfinite(target)):
        start = _regress(rows.X, target)
        if rows.at(start) is not None:
            return start
    raise FitError(
        f"No start was found at which all means are possible for family {family.name!r} with link "
        f"{family.link.name!r}: use the family's usual link.",
        code="start",
    )


def _regress(X: FloatArray, target: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.lstsq(X, target, rcond=None)[0], dtype=np.float64)
