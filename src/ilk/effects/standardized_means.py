r"""Averages of means for every setting of a variable, with what their uncertainty needs.

They are made once with all derivatives (`standardized_means`) and, for the bootstrap, as a
function of a refit (`resampled_means`), for which the rows of all settings are made beforehand:
a refit keeps the columns of the fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.effects.average import Averages, group_sums, row_means, stack, sum_rows
from ilk.effects.estimable import not_estimable
from ilk.effects.overlap import overlap_notes, range_note
from ilk.effects.sampling import sampled_clusters, sampling_covariance
from ilk.effects.scenarios import Setting, slope_nodes
from ilk.effects.target import Scenario
from ilk.frame import Column
from ilk.inference.bootstrap.clusters import resampled_counts
from ilk.prediction.quantities import with_family

if TYPE_CHECKING:
    from ilk.effects.request import Request
    from ilk.effects.variable import Variable
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Standardized", "resampled_means", "standardized_means"]


@dataclass(frozen=True, slots=True)
class Standardized:
    """Averages of all settings and slopes, by setting and then by subgroup.

    Parameters
    ----------
    averages : Averages
        The averages.
    scenario : Scenario
        Rows of the last setting.
    sampling : (r, r) array or None
        Covariance of the averages over samples of the rows, if that counts.
    notes : tuple of str
        What the averages rest on.
    """

    averages: Averages
    scenario: Scenario
    sampling: FloatArray | None
    notes: tuple[str, ...]


def standardized_means(request: Request) -> Standardized:
    """Make the averages of every setting and every slope.

    Parameters
    ----------
    request : Request
        What was asked.

    Returns
    -------
    Standardized
    """
    target, sample = request.target, request.covariates == "sample"
    parts: list[Averages] = []
    contributions: list[FloatArray] = []
    notes: list[str] = []
    scenario: Scenario | None = None
    for setting in request.settings:
        scenario = target.scenario({request.variable.name: setting.values}, request.estimand)
        average, shares = _average(request, scenario)
        average, lost = _without_lost(request, scenario, setting, average)
        parts.append(average)
        contributions.append(shares)
        notes += lost
    for setting in request.slopes:
        average, shares, scenario, lost = _slope(request, setting)
        parts.append(average)
        contributions.append(shares)
        notes += lost
    assert scenario is not None
    sampling = None
    if sample:
        frequency = target.weighted_by == "frequency weights"
        sampling = sampling_covariance(
            contributions,
            sampled_clusters(target, scenario.kept),
            scenario.groups,
            target.count,
            scenario.weights if frequency else None,
        )
    notes += [*_positivity(request, scenario), *_strangers(request, scenario)]
    return Standardized(stack(parts), scenario, sampling, tuple(notes))


def _divisor(scenario: Scenario, count: int) -> FloatArray:
    w = scenario.weights
    measured = w if scenario.exposure is None else w * scenario.exposure
    return group_sums(measured, scenario.groups, count)


def _average(request: Request, scenario: Scenario) -> tuple[Averages, FloatArray]:
    """Averages of one scenario by subgroup, and what each row contributes to them."""
    count = request.target.count
    rows = row_means(
        request.fitted,
        scenario.cases,
        estimand=request.estimand,
        new_levels=request.new_levels,
    )
    divisor = _divisor(scenario, count)
    sums = sum_rows(request.fitted, scenario.cases, rows, scenario.weights, scenario.groups, count)
    averages = sums.divided(divisor)
    if request.covariates == "fixed":
        return averages, np.zeros(0)
    return averages, _shares(scenario, rows.means.value, averages.value, divisor)


def _shares(
    scenario: Scenario, means: FloatArray, average: FloatArray, divisor: FloatArray
) -> FloatArray:
    """(n,) contribution of each row to the average of its subgroup, centered."""
    groups = 0 if scenario.groups is None else scenario.groups
    measured = 1.0 if scenario.exposure is None else scenario.exposure
    share = scenario.weights * (means - average[groups] * measured) / divisor[groups]
    return share if scenario.groups is None else np.where(scenario.groups >= 0, share, 0.0)


def _slope(request: Request, setting: Setting) -> tuple[Averages, FloatArray, Scenario, list[str]]:
    """Average slopes of one setting, from averages at nodes around it."""
    target, count = request.target, request.target.count
    total: Averages | None = None
    steepness: FloatArray | None = None
    notes: list[str] = []
    for column, weight in slope_nodes(request.variable, setting.values, target.frame.rows):
        scenario = target.scenario({request.variable.name: column}, request.estimand)
        here = weight if scenario.kept is None else weight[scenario.kept]
        rows = row_means(
            request.fitted,
            scenario.cases,
            estimand=request.estimand,
            new_levels=request.new_levels,
        )
        part = sum_rows(
            request.fitted,
            scenario.cases,
            rows,
            scenario.weights * here,
            scenario.groups,
            count,
        )
        part, lost = _without_lost(request, scenario, Setting("moved", column), part)
        notes = notes or lost
        total = part if total is None else _added(total, part)
        bend = here * rows.means.value
        steepness = bend if steepness is None else steepness + bend
    assert total is not None
    assert steepness is not None
    divisor = _divisor(scenario, count)
    averages = replace(
        total.divided(divisor), weight=group_sums(scenario.weights, scenario.groups, count)
    )
    if request.covariates == "fixed":
        return averages, np.zeros(0), scenario, notes
    return averages, _shares(scenario, steepness, averages.value, divisor), scenario, notes


def _added(a: Averages, b: Averages) -> Averages:
    effects = None if a.effects is None or b.effects is None else a.effects + b.effects
    return Averages(a.value + b.value, a.gradient + b.gradient, a.weight + b.weight, effects)


def _without_lost(
    request: Request, scenario: Scenario, setting: Setting, averages: Averages
) -> tuple[Averages, list[str]]:
    """Take back averages over rows whose mean the data do not determine."""
    if all(not part.dropped for part in request.fitted.design.fixed):
        return averages, []
    frame = request.target.with_settings({request.variable.name: setting.values})
    lost = not_estimable(request.fitted, frame, scenario.kept)
    if lost is None:
        return averages, []
    touched = group_sums(lost * scenario.weights, scenario.groups, request.target.count) > 0
    what = _described(request.variable, setting)
    note = (
        f"Not estimable: with {what} the mean of {int(lost.sum())} of {len(lost)} rows depends on "
        "coefficients that the data do not determine (they were dropped from the fit)."
    )
    return replace(averages, value=np.where(touched, np.nan, averages.value)), [note]


def _strangers(request: Request, scenario: Scenario) -> list[str]:
    """What conditional means do about levels that were not in the data of the fit."""
    codes = scenario.cases.codes
    if request.estimand != "conditional" or request.new_levels == "error" or not codes:
        return []
    new = int(np.sum(np.any([own < 0 for own in codes], axis=0)))
    if new == 0:
        return []
    what = "averaged over" if request.new_levels == "population" else "taken as zero"
    return [
        f"{new} of {scenario.cases.rows} rows have levels that were not in the data of the fit: "
        f"effects of these levels are {what} (new_levels={request.new_levels!r})."
    ]


def _described(variable: Variable, setting: Setting) -> str:
    """A setting in words."""
    if isinstance(setting.values, Column):
        return f"{variable.name} ({setting.label})"
    return f"{variable.name} = {setting.label}"


def _positivity(request: Request, scenario: Scenario) -> list[str]:
    """What the data hold no example of."""
    variable, notes = request.variable, list[str]()
    for setting in request.settings:
        note = range_note(variable, setting.values, _described(variable, setting))
        notes += [] if note is None else [note]
    levels = [setting.label for setting in request.settings if setting.label in variable.values]
    if levels:
        frame = request.target.frame
        frame = frame if scenario.kept is None else frame.take(scenario.kept)
        by = tuple(request.target.subgroups)
        notes += overlap_notes(request.fitted, variable, levels, frame, by)
    return notes


def resampled_means(request: Request) -> Callable[[Fitted], FloatArray]:
    """Averages of all settings as a function of a fit to resampled clusters.

    Parameters
    ----------
    request : Request
        What was asked.

    Returns
    -------
    callable
        Takes a `Fitted` to (r,) averages.
    """
    target, name = request.target, request.variable.name
    ready = [
        (target.scenario({name: setting.values}, request.estimand), None)
        for setting in request.settings
    ]
    nodes = [
        [
            (target.scenario({name: column}, request.estimand), weight)
            for column, weight in slope_nodes(request.variable, setting.values, target.frame.rows)
        ]
        for setting in request.slopes
    ]
    sample = request.covariates == "sample"

    def average(fitted: Fitted, scenario: Scenario, weight: FloatArray | None) -> FloatArray:
        asked = with_family(fitted, request.fitted.family)
        rows = row_means(
            asked, scenario.cases, estimand=request.estimand, derivatives=False
        ).means.value
        times = resampled_counts(request.fitted, fitted) if sample else None
        w = scenario.weights if times is None else scenario.weights * times
        measured = w if scenario.exposure is None else w * scenario.exposure
        if weight is not None:
            rows = rows * (weight if scenario.kept is None else weight[scenario.kept])
        with np.errstate(invalid="ignore", divide="ignore"):
            return group_sums(w * rows, scenario.groups, target.count) / group_sums(
                measured, scenario.groups, target.count
            )

    def statistic(fitted: Fitted) -> FloatArray:
        parts = [average(fitted, scenario, weight) for scenario, weight in ready]
        parts += [
            np.sum([average(fitted, scenario, weight) for scenario, weight in around], axis=0)
            for around in nodes
        ]
        return np.concatenate(parts)

    return statistic
