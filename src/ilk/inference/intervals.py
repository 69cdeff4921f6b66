r"""Intervals of all parameters, by any method: one table with the same rows whatever the method.

The rows are those of the table of parameters: coefficients of every predictor, then standard
deviations and correlations of the random effects, then the residual standard deviation of the
linear model.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError, did_you_mean
from ilk.inference.bootstrap.intervals import parameter_limits
from ilk.inference.chosen import chosen_covariance
from ilk.inference.profile.profile import profile
from ilk.inference.wald import check_level, check_method, coefficient_table, part_names
from ilk.variance.components import variance_components

if TYPE_CHECKING:
    from os import PathLike

    from ilk.fitted import Fitted
    from ilk.inference.bootstrap.engine import BootstrapKind
    from ilk.inference.bootstrap.intervals import IntervalMethod
    from ilk.inference.chosen import Cov, DegreesOfFreedom
    from ilk.inference.profile.profile import Profile
    from ilk.typing import FloatArray

__all__ = ["Intervals", "intervals", "of_profile"]

CONDITIONAL = "conditional"


@dataclass(frozen=True, slots=True)
class Intervals:
    """Intervals, one for each of r parameters.

    Parameters
    ----------
    component : tuple of str
        Predictor that the parameter belongs to.
    group : tuple of (str or None)
        Grouping factor of a variance component; None for coefficients.
    term : tuple of str
        Name of the coefficient, or ``sd(...)``, ``correlation(...)``.
    estimate, conf_low, conf_high : (r,) arrays
        Estimates and limits.
    estimand : tuple of (str or None)
        What a coefficient is an effect on.
    method : tuple of str
        How each interval was made.
    notes : tuple of str
        What a reader of the intervals should know.
    """

    component: tuple[str, ...]
    group: tuple[str | None, ...]
    term: tuple[str, ...]
    estimate: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    estimand: tuple[str | None, ...]
    method: tuple[str, ...]
    notes: tuple[str, ...] = ()


def intervals(
    fitted: Fitted, level: float = 0.95, method: str = "wald", **options: Any
) -> Intervals:
    """Compute intervals of the parameters.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage.
    method : str
        A key of `METHODS`.
    **options
        Of the method.

    Returns
    -------
    Intervals

    Raises
    ------
    ModelError
        The method is not known or does not take an option.
    """
    check_level(level)
    check_method(method, list(METHODS), [])
    compute = METHODS[method]
    taken = list(inspect.signature(compute).parameters)[2:]
    for name in options:
        if name not in taken:
            raise ModelError(
                f"{name}= is not an option of method={method!r}"
                + (f", which takes {', '.join(taken)}." if taken else ", which takes none.")
                + did_you_mean(name, taken),
                code="option",
            )
    return compute(fitted, level, **options)


def wald_intervals(
    fitted: Fitted, level: float, cov: Cov = "model", df: DegreesOfFreedom | None = None
) -> Intervals:
    """Compute Wald intervals, on the scale where each parameter is closest to normal.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage.
    cov : str or CoefficientCovariance
        Covariance matrix of the coefficients.
    df : str, optional
        Their degrees of freedom.

    Returns
    -------
    Intervals
    """
    table = coefficient_table(fitted, level, chosen_covariance(fitted, cov, df))
    parts = variance_components(fitted, level)
    rows = len(table.names) + len(parts)
    return Intervals(
        component=(*(c for c, _ in table.names), *(c.component for c in parts)),
        group=(*(None for _ in table.names), *(c.group for c in parts)),
        term=(*(name for _, name in table.names), *(c.label for c in parts)),
        estimate=np.append(table.estimate, [c.estimate for c in parts]),
        conf_low=np.append(table.conf_low, [c.conf_low for c in parts]),
        conf_high=np.append(table.conf_high, [c.conf_high for c in parts]),
        estimand=(*(CONDITIONAL for _ in table.names), *(None for _ in parts)),
        method=("wald",) * rows,
    )


def profile_intervals(
    fitted: Fitted, level: float, parameters: Any = None, n_jobs: int = 1
) -> Intervals:
    """Compute profile-likelihood intervals.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage.
    parameters : str, (str, str) or sequence of these, optional
        Terms as tables name them, or pairs of component or group and term; all by default.
    n_jobs : int
        Number of parameters at one time.

    Returns
    -------
    Intervals
        By the full likelihood also where the fit is by REML; the method says so.
    """
    found = profile(fitted, parameters, level=level, n_jobs=n_jobs, curves=False)
    return of_profile(found, level, dropped=parameters is None)


def of_profile(found: Profile, level: float, *, dropped: bool = False) -> Intervals:
    """Read intervals off profiles.

    Parameters
    ----------
    found : Profile
        The profiles.
    level : float
        Coverage.
    dropped : bool
        Whether coefficients that the data do not determine have rows, of nan.

    Returns
    -------
    Intervals
    """
    rows: list[_Row] = [
        (c.parameter.component, c.parameter.group, c.parameter.term, c.estimate, low, high)
        for c, (low, high) in zip(found.curves, found.limits(level).tolist(), strict=True)
    ]
    if dropped:
        rows = _with_dropped(found.fitted, rows)
    method = "profile (ML)" if found.refitted else "profile"
    return _of_rows(rows, (method,) * len(rows), found.notes(level))


_Row: TypeAlias = "tuple[str, str | None, str, float, float, float]"


def _of_rows(rows: list[_Row], method: tuple[str, ...], notes: tuple[str, ...]) -> Intervals:
    component, group, term, estimate, low, high = zip(*rows, strict=True)
    return Intervals(
        component=component,
        group=group,
        term=term,
        estimate=np.array(estimate),
        conf_low=np.array(low),
        conf_high=np.array(high),
        estimand=tuple(CONDITIONAL if name is None else None for name in group),
        method=method,
        notes=notes,
    )


def _with_dropped(fitted: Fitted, rows: list[_Row]) -> list[_Row]:
    """Put coefficients that the data do not determine at their places, as nan."""
    known = {(row[0], row[2]): row for row in rows if row[1] is None}
    blank = (math.nan, math.nan, math.nan)
    coefficients = [
        known.get((component, name), (component, None, name, *blank))
        for component, name in part_names(fitted.model.fitted_parts)
    ]
    return [*coefficients, *(row for row in rows if row[1] is not None)]


def bootstrap_intervals(
    fitted: Fitted,
    level: float,
    draws: Any = 999,
    seed: int | None = None,
    kind: BootstrapKind = "parametric",
    interval: IntervalMethod = "percentile",
    cluster: str | None = None,
    n_jobs: int | None = 1,
    path: str | PathLike[str] | None = None,
    estimand: Literal["population", "conditional"] = "population",
) -> Intervals:
    """Compute bootstrap intervals.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage.
    draws, seed, kind, cluster, n_jobs, path, estimand
        As `ilk.inference.bootstrap.engine.bootstrap` takes them.
    interval : {"percentile", "basic", "bca", "normal"}
        Way from draws to intervals.

    Returns
    -------
    Intervals
    """
    found = parameter_limits(
        fitted,
        level,
        interval,
        draws=draws,
        seed=seed,
        kind=kind,
        cluster=cluster,
        n_jobs=n_jobs,
        path=path,
        estimand=estimand,
    )
    labels = found.labels
    rows: list[_Row] = [
        (str(component), group, term, *numbers)
        for component, group, term, *numbers in zip(
            labels.component,
            labels.group,
            labels.term,
            found.estimate.tolist(),
            found.low.tolist(),
            found.high.tolist(),
            strict=True,
        )
    ]
    way = {row[:3]: text for row, text in zip(rows, found.ways, strict=True)}
    rows = _with_dropped(fitted, rows)
    ways = tuple(way.get(row[:3], "not estimable") for row in rows)
    return _of_rows(rows, ways, found.notes)


METHODS: dict[str, Callable[..., Intervals]] = {
    "wald": wald_intervals,
    "profile": profile_intervals,
    "bootstrap": bootstrap_intervals,
}
"""How intervals are made, by name; further arguments than fit and level are options."""
