"""What is asked of a standardization, checked: variable, settings, measures, and what they need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ilk.effects.measures import MEASURES
from ilk.effects.scenarios import (
    Setting,
    float_column,
    level_settings,
    observed_values,
    reference_position,
)
from ilk.effects.target import Target
from ilk.effects.variable import Variable, find_variable
from ilk.errors import ModelError, did_you_mean
from ilk.family.inflation import ZeroInflated
from ilk.prediction.levels import Estimand, NewLevels

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = [
    "SLOPE",
    "Covariates",
    "Request",
    "Uncertainty",
    "check_measure",
    "check_sampling",
    "make_request",
]

Covariates: TypeAlias = Literal["fixed", "sample"]
"""Whether the rows are the population itself or a sample from it."""

Uncertainty: TypeAlias = Literal["delta", "bootstrap"]
"""Where standard errors and intervals come from."""

SLOPE = "slope"
"""Name of the measure that is a derivative."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, checked.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    variable : Variable
        The variable.
    target : Target
        Rows to average over.
    settings : tuple of Setting
        Settings whose means are wanted.
    slopes : tuple of Setting
        Settings whose average slopes are wanted.
    reference : int
        Position of the setting that others are compared with.
    measures : tuple of str
        How.
    estimand, covariates, new_levels : str
        The question, and what it takes the rows and unknown levels for.
    level : float
        Coverage of intervals.
    """

    fitted: Fitted
    variable: Variable
    target: Target
    settings: tuple[Setting, ...]
    slopes: tuple[Setting, ...]
    reference: int
    measures: tuple[str, ...]
    estimand: Estimand
    covariates: Covariates
    new_levels: NewLevels
    level: float


def make_request(
    fitted: Fitted,
    name: str,
    levels: Any,
    measures: Sequence[str] | str | None,
    reference: Any,
    target: Target,
    options: tuple[Estimand, Covariates, NewLevels, float],
    step: float,
) -> Request:
    """Check what was asked.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    name : str
        The variable.
    levels, measures, reference
        As `standardize` takes them.
    target : Target
        Rows to average over.
    options : tuple
        Estimand, covariates, new levels and coverage.
    step : float
        Step of a number whose levels are not given.

    Returns
    -------
    Request
    """
    variable = find_variable(fitted, name)
    wanted = _check_measures(fitted, measures)
    slopes: tuple[Setting, ...] = ()
    settings: tuple[Setting, ...] = ()
    if SLOPE in wanted:
        if variable.coded:
            raise ModelError(
                f"measures='slope' is for numbers; {name!r} holds levels.", code="measure"
            )
        slopes = (Setting(None, float_column(variable, observed_values(variable, target))),)
        if levels is not None:
            slopes = level_settings(variable, levels, target, step)
    if SLOPE not in wanted or len(wanted) > 1:
        settings = level_settings(variable, levels, target, step)
        if measures is not None and len(settings) < 2 and len(wanted) > (SLOPE in wanted):
            raise ModelError(
                f"levels= has a single value of {name!r}, so that there is nothing to compare: "
                "give at least two.",
                code="levels",
            )
    estimand, covariates, new_levels, level = options
    if estimand == "conditional" and name in fitted.formula.grouping_columns:
        raise ModelError(
            f"{name!r} is part of a grouping factor: set to another value, a row belongs to "
            "another cluster, so that there is no answer for these clusters. Ask for "
            "estimand='population' or 'typical'.",
            code="grouping-variable",
        )
    return Request(
        fitted,
        variable,
        target,
        settings,
        slopes,
        reference_position(fitted, variable, settings, reference) if settings else 0,
        tuple(m for m in wanted if m != SLOPE),
        estimand,
        covariates,
        new_levels,
        level,
    )


def _check_measures(fitted: Fitted, measures: Sequence[str] | str | None) -> tuple[str, ...]:
    """Measures that were asked for, if the family has them."""
    if measures is None:
        return ("difference", "ratio") if _means_of(fitted)[0] else ("difference",)
    if isinstance(measures, str) or not isinstance(measures, Iterable):
        wanted: tuple[str, ...] = (measures,)
    else:
        wanted = tuple(measures)
    known = (*MEASURES, SLOPE)
    for name in wanted:
        if name not in known:
            hint = did_you_mean(str(name), known)
            raise ModelError(
                f"measures={name!r} is not known; choose from {', '.join(map(repr, known))}.{hint}",
                code="choice",
            )
        if name != SLOPE:
            check_measure(fitted, name, "measures=")
    if not wanted:
        raise ModelError("measures= is empty; give at least one.", code="measure")
    return tuple(dict.fromkeys(wanted))


def _means_of(fitted: Fitted) -> tuple[bool, bool]:
    """Whether the means of a fit are positive, and whether they are probabilities."""
    family = fitted.family.base if isinstance(fitted.family, ZeroInflated) else fitted.family
    positive = family.mean_range.low >= 0.0 or family.link.range.low >= 0.0
    return positive, family.mean_range.low >= 0.0 and family.mean_range.high <= 1.0


def check_measure(fitted: Fitted, name: str, argument: str = "measure=") -> None:
    """Refuse a measure that the means of a fit do not have.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    name : str
        One of `MEASURES`.
    argument : str
        Who asks, for the message.
    """
    needs = MEASURES[name].needs
    positive, probability = _means_of(fitted)
    if (needs == "probabilities" and not probability) or (needs == "positive" and not positive):
        which = "probabilities" if needs == "probabilities" else "means that are positive"
        raise ModelError(
            f"{argument}{name!r} compares {which}; the means of the family "
            f"{fitted.family.name!r} with link {fitted.family.link.name!r} are not. Use "
            "'difference'" + (" or 'ratio'." if positive else "."),
            code="measure",
        )


def check_sampling(request: Request, uncertainty: Uncertainty) -> None:
    """Refuse combinations of options that have no meaning, with the reason.

    Parameters
    ----------
    request : Request
        What was asked.
    uncertainty : {"delta", "bootstrap"}
        Where standard errors come from.
    """
    if request.estimand == "conditional" and request.covariates == "sample":
        raise ModelError(
            "covariates='sample' asks what other clusters could have been sampled; "
            "estimand='conditional' is about these very clusters. Use covariates='fixed', or "
            "estimand='population'.",
            code="covariates",
        )
    if uncertainty == "delta":
        return
    if request.estimand == "conditional":
        raise ModelError(
            "uncertainty='bootstrap' draws other clusters; estimand='conditional' is about these "
            "very clusters. Use uncertainty='delta', or estimand='population'.",
            code="uncertainty",
        )
    if request.covariates == "sample" and not request.target.own:
        raise ModelError(
            "uncertainty='bootstrap' with covariates='sample' resamples the rows of the fit "
            "together with their clusters; a target population (data=) is not part of that. Use "
            "covariates='fixed', or uncertainty='delta'.",
            code="covariates",
        )
