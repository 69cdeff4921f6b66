r"""Marginal standardization: what the mean would be if a variable were set in everyone.

For each setting a of the variable and each row i of a sample or target population, with its other
columns as they are, the mean :math:`M_i(a)` answers the question of the estimand; their weighted
average :math:`A(a) = \sum_i w_i M_i(a) / \sum_i w_i` is the standardized mean (g-computation,
Robins 1986), and differences and ratios of such averages are the effects on the scale of the
response.  Their standard errors come from the joint covariance of all parameters by the delta
method (`ilk.effects.average`), from the sampling of the rows if that is asked for
(`ilk.effects.sampling`), or from refits to resampled clusters
(`ilk.inference.bootstrap.engine`).  See docs/derivations/marginal.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.effects.request import (
    SLOPE,
    Covariates,
    Uncertainty,
    check_sampling,
    make_request,
)
from ilk.effects.standardized_means import resampled_means, standardized_means
from ilk.effects.standardized_table import MEAN, delta_numbers, percentile_numbers, table_rows
from ilk.effects.target import make_target
from ilk.frame import Column, Label
from ilk.inference.bootstrap.draws import Draws
from ilk.inference.bootstrap.engine import bootstrap as refits
from ilk.inference.bootstrap.engine import check_draws
from ilk.inference.bootstrap.intervals import check_enough
from ilk.inference.wald import check_level
from ilk.prediction.levels import Estimand, NewLevels, check_choice
from ilk.prediction.quantities import Of, quantities, quantity_column
from ilk.prediction.rates import check_per

if TYPE_CHECKING:
    from ilk.effects.request import Request
    from ilk.effects.standardized_means import Standardized
    from ilk.effects.standardized_table import Numbers, Row
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Standardization", "standardize"]


@dataclass(frozen=True, slots=True)
class Standardization:
    """Standardized means and what follows from them.

    Parameters
    ----------
    variable : str
        The variable that is set.
    estimand, covariates, uncertainty : str
        The question, what the rows are, and where the standard errors come from.
    level : float
        Coverage of the intervals.
    measures : tuple of str
        ``"mean"``, ``"difference"``, ... of each row of the table.
    subgroups : mapping of str to tuple
        Label of the subgroup of each row of the table, by column.
    levels, references : tuple
        Setting of each row of the table and the one it is compared with; None where there is none.
    estimate, std_error, conf_low, conf_high : (k,) arrays
        The numbers.
    weight : (k,) array
        Sum of the weights of the rows averaged over.
    step : float
        The step of a variable that was moved rather than set; nan otherwise.
    target : str
        ``"fit"`` for the rows of the fit, ``"data"`` for a target population.
    weighted_by : tuple of str
        What the weights are.
    per : float or None
        Units of exposure that rates are for; None without an exposure.
    draws : Draws or None
        The bootstrap, if there was one.
    notes : tuple of str
        What the numbers rest on.
    """

    variable: str
    estimand: str
    covariates: str
    uncertainty: str
    level: float
    measures: tuple[str, ...]
    subgroups: Mapping[str, tuple[Label, ...]]
    levels: tuple[Label | None, ...]
    references: tuple[Label | None, ...]
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    weight: FloatArray
    step: float
    target: str
    weighted_by: tuple[str, ...]
    per: float | None
    draws: Draws | None
    notes: tuple[str, ...]


def standardize(
    fitted: Fitted,
    variable: str,
    levels: Any = None,
    *,
    measures: Sequence[str] | str | None = None,
    reference: Any = None,
    by: str | Sequence[str] | None = None,
    estimand: Estimand = "population",
    covariates: Covariates = "fixed",
    data: Any = None,
    weights: Any = None,
    per: float = 1.0,
    step: float = 1.0,
    new_levels: NewLevels = "error",
    uncertainty: Uncertainty = "delta",
    level: float = 0.95,
    arguments: Mapping[str, Any] | None = None,
    bootstrap: Mapping[str, Any] | None = None,
    of: Of | None = None,
    scores: Any = None,
) -> Standardization:
    """Standardize means over rows, with a variable set in all of them.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    variable : str
        Column to set.
    levels : sequence, optional
        Values; see `level_settings` for the default.
    measures : str or sequence of str, optional
        Of ``"difference", "ratio", "odds_ratio", "nnt", "slope"``.
    reference : Label, optional
        Level that others are compared with; the first by default.
    by : str or sequence of str, optional
        Columns of subgroups.
    estimand : {"population", "conditional", "typical"}
        The question that the mean of each row answers.
    covariates : {"fixed", "sample"}
        Whether the rows are the population or a sample, whose uncertainty counts too.
    data, weights, arguments
        The rows to average over, see `make_target`.
    per : float
        Units of exposure that rates are for.
    step : float
        Step of a number whose levels are not given.
    new_levels : {"error", "population", "typical"}
        What conditional means do about levels that were not in the data.
    uncertainty : {"delta", "bootstrap"}
        Where standard errors come from.
    level : float
        Coverage.
    bootstrap : mapping, optional
        Arguments of `ilk.inference.bootstrap.engine.bootstrap`.
    of, scores
        What is asked of a category, see `ilk.prediction.quantities.quantities`.

    Returns
    -------
    Standardization
    """
    check_choice("estimand", estimand, Estimand)
    check_choice("covariates", covariates, Covariates)
    check_choice("uncertainty", uncertainty, Uncertainty)
    check_level(level)
    exposed = "exposure" in fitted.design.arguments
    if exposed or per != 1.0:
        check_per(per, exposed=exposed)
    asked = quantities(fitted, of, scores)
    target = make_target(
        fitted, data, moved=(variable,), weights=weights, by=by, arguments=arguments
    )
    options = (estimand, covariates, new_levels, level)
    requests = [
        make_request(part.fitted, variable, levels, measures, reference, target, options, step)
        for part in asked
    ]
    check_sampling(requests[0], uncertainty)
    found = [standardized_means(request) for request in requests]
    draws = None
    if uncertainty == "bootstrap":
        draws = _refitted(fitted, requests, dict(bootstrap or {}))
    made: list[Standardization] = []
    for part, request, means, (rows, numbers) in zip(
        asked, requests, found, _tables(requests, found, draws), strict=True
    ):
        scale = np.array([per if r.measure in (MEAN, SLOPE, "difference") else 1.0 for r in rows])
        groups = np.array([row.group for row in rows], dtype=np.intp)
        column = quantity_column(part, target.subgroups)
        label = {} if part.label is None else {column: (part.label,) * len(rows)}
        subgroups = {
            name: tuple(labels[g] for g in groups) for name, labels in target.subgroups.items()
        }
        moved = bool(request.settings) and isinstance(request.settings[0].values, Column)
        made.append(
            Standardization(
                variable=variable,
                estimand=estimand,
                covariates=covariates,
                uncertainty=uncertainty,
                level=level,
                measures=tuple(row.measure for row in rows),
                subgroups={**label, **subgroups},
                levels=tuple(row.label for row in rows),
                references=tuple(row.reference for row in rows),
                estimate=scale * numbers.estimate,
                std_error=scale * numbers.std_error,
                conf_low=scale * numbers.conf_low,
                conf_high=scale * numbers.conf_high,
                weight=means.averages.weight[groups],
                step=float(step) if moved else float("nan"),
                target="fit" if data is None else "data",
                weighted_by=means.scenario.weighted_by,
                per=per if exposed else None,
                draws=draws,
                notes=(*request.variable.notes, *means.notes, *numbers.notes),
            )
        )
    return _joined(made)


def _refitted(fitted: Fitted, requests: Sequence[Request], options: dict[str, Any]) -> Draws:
    """Refits to resampled clusters, with the averages of all requests."""
    check_enough(check_draws(options.get("draws", 999)), requests[0].level)
    statistics = [resampled_means(request) for request in requests]
    name = requests[0].variable.name

    def every(refit: Fitted) -> FloatArray:
        return np.concatenate([statistic(refit) for statistic in statistics])

    return refits(fitted, every, kind="cluster", name=name, **options).complete()


def _tables(
    requests: Sequence[Request], found: Sequence[Standardized], draws: Draws | None
) -> list[tuple[list[Row], Numbers]]:
    """Rows of the table of each request, with their numbers."""
    tables, start = [], 0
    for request, means in zip(requests, found, strict=True):
        rows = table_rows(request)
        if draws is None:
            numbers = delta_numbers(request, means, rows)
        else:
            own = slice(start, start + len(means.averages))
            start = own.stop
            mine = replace(draws, estimate=draws.estimate[own], values=draws.values[:, own])
            numbers = percentile_numbers(request, means, rows, mine)
        tables.append((rows, numbers))
    return tables


def _joined(parts: Sequence[Standardization]) -> Standardization:
    """Tables of several quantities below each other."""
    first = parts[0]

    def words(name: str) -> tuple[Any, ...]:
        return tuple(word for part in parts for word in getattr(part, name))

    def numbers(name: str) -> FloatArray:
        return np.concatenate([getattr(part, name) for part in parts])

    return replace(
        first,
        measures=words("measures"),
        subgroups={
            name: tuple(label for part in parts for label in part.subgroups[name])
            for name in first.subgroups
        },
        levels=words("levels"),
        references=words("references"),
        estimate=numbers("estimate"),
        std_error=numbers("std_error"),
        conf_low=numbers("conf_low"),
        conf_high=numbers("conf_high"),
        weight=numbers("weight"),
        notes=tuple(dict.fromkeys(words("notes"))),
    )
