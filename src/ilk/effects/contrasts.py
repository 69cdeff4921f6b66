r"""Contrasts of marginal means: weighted sums of means, their ratios, and families of them.

With means M of the cells and h the identity (difference), the logarithm (ratio) or the log odds
(odds ratio), a contrast with weights c is :math:`\theta = \sum_k c_k h(M_k)`; ratios are
:math:`e^\theta`, tested and limited on the scale of :math:`\theta`.  Standard errors come from the
joint covariance of the means, and so does the correlation of the contrasts, from which p-values and
intervals of the whole family follow (`ilk.effects.multiplicity`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.effects.cells import (
    Average,
    CellMeans,
    HowAveraged,
    HowCompared,
    averaging_scale,
    cell_means,
    on_scale,
    scaled,
)
from ilk.effects.contrast_weights import Kind, contrast_weights
from ilk.effects.degrees import spread_of
from ilk.effects.grid import Grid, GridKind, Weights, make_grid
from ilk.effects.means import names_of
from ilk.effects.multiplicity import Adjust, adjust_family
from ilk.effects.request import check_measure
from ilk.effects.slopes import cell_slopes, slope_variable
from ilk.effects.variable import moved_columns
from ilk.errors import ModelError
from ilk.inference.infinite import stands
from ilk.inference.wald import check_level
from ilk.prediction.levels import check_choice
from ilk.prediction.means import is_inverse_link

if TYPE_CHECKING:
    from ilk.effects.degrees import Spread
    from ilk.fitted import Fitted
    from ilk.frame import Label
    from ilk.inference.chosen import DegreesOfFreedom
    from ilk.prediction.levels import Estimand
    from ilk.prediction.means import Scale
    from ilk.typing import FloatArray

__all__ = ["Contrasts", "MeasureName", "contrasts"]

MeasureName: TypeAlias = Literal["difference", "ratio", "odds_ratio"]
"""How means are compared."""

_BY_LINK: Mapping[str, MeasureName] = {"logit": "odds_ratio", "log": "ratio"}
"""Measures that are contrasts of the linear predictor."""


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Contrasts of the cells of a grid, family by family.

    Parameters
    ----------
    grid : Grid
        The grid.
    variables, by : tuple of str
        Columns whose levels are compared, and those that set families apart.
    kind : str
        Which comparisons.
    slope : str or None
        Number whose slopes are compared; None if means are.
    measure : {"difference", "ratio", "odds_ratio"}
        How.
    groups : tuple of tuple
        Labels of the family of each contrast, in the order of `by`.
    names, references : tuple
        What each contrast compares, and with what; None where that is no single level.
    estimate, std_error, statistic, p_value, conf_low, conf_high, df : (k,) arrays
        The numbers; nan where the data do not determine them.
    adjust : str
        How each family is judged together.
    family : int
        Number of contrasts of a family.
    simultaneous : bool
        Whether the intervals of a family hold all at once.
    scale : {"response", "link"}
        Scale of differences.
    averaged : {"link", "response"}
        Scale on which rows were averaged.
    level : float
        Coverage of the intervals.
    notes : tuple of str
        What the numbers rest on.
    """

    grid: Grid
    variables: tuple[str, ...]
    by: tuple[str, ...]
    kind: str
    slope: str | None
    measure: MeasureName
    groups: tuple[tuple[Label, ...], ...]
    names: tuple[Label, ...]
    references: tuple[Label | None, ...]
    estimate: FloatArray
    std_error: FloatArray
    statistic: FloatArray
    p_value: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    df: FloatArray
    adjust: Adjust
    family: int
    simultaneous: bool
    scale: Scale
    averaged: HowAveraged
    level: float
    notes: tuple[str, ...]


def contrasts(
    fitted: Fitted,
    variables: str | Sequence[str],
    kind: Kind | Mapping[str, Any] = "pairwise",
    *,
    by: str | Sequence[str] | None = None,
    at: Mapping[str, Any] | None = None,
    measure: MeasureName | None = None,
    reference: Any = None,
    slope: str | None = None,
    adjust: Adjust = "mvt",
    estimand: Estimand = "typical",
    scale: Scale = "response",
    average: Average | None = None,
    weights: Weights | None = None,
    grid: GridKind | None = None,
    per: float = 1.0,
    level: float = 0.95,
    df: DegreesOfFreedom | None = None,
) -> Contrasts:
    """Compare means, or slopes, on a grid.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    variables : str or sequence of str
        Columns whose levels (combinations of levels) are compared.
    kind : str or mapping
        See `contrast_weights`.
    by : str or sequence of str, optional
        Columns; each combination of their levels is a family of its own.
    at : mapping of str to values, optional
        Values of columns; see `make_grid`.
    measure : {"difference", "ratio", "odds_ratio"}, optional
        How means are compared; by default the odds ratio for the logit link, the ratio for the
        log link, and otherwise, on the link scale and of slopes, the difference.
    reference : Label, optional
        Level that ``kind="reference"`` compares with; the reference level of the fit by default.
    slope : str, optional
        Compare the slopes in this number instead of the means.
    adjust : {"mvt", "holm", "bonferroni", "bh", "scheffe", "none"}
        How a family is judged together.
    estimand, scale, average, weights, grid, per, level, df
        As for `marginal_means`.

    Returns
    -------
    Contrasts
    """
    check_level(level)
    check_choice("adjust", adjust, Adjust)
    first, second = names_of(variables, by)
    if not first:
        raise ModelError("Name the columns whose levels are compared.", code="variable")
    how = averaging_scale(fitted.family, average, scale)
    made = make_grid(
        fitted,
        (*second, *first),
        at=at,
        estimand=estimand,
        weights=weights,
        kind=grid,
        per=per,
        moved=slope,
    )
    chosen, target = _choose_measure(fitted, measure, scale, slope)
    if slope is not None and slope in (*first, *second):
        raise ModelError(
            f"{slope!r} is both the number that slopes are in and a column that sets them apart.",
            code="variable",
        )
    if slope is None:
        cells = cell_means(made, how)
        values, first_derivative, _ = on_scale(
            fitted.family.link, cells.averages.value, how, target
        )
        straight = bool(np.all(first_derivative == 1.0))
        cells = replace(cells, averages=scaled(cells.averages, values, first_derivative))
    else:
        cells, straight = cell_slopes(made, slope_variable(fitted, slope), how, scale), True
    plan = contrast_weights(
        list(dict.fromkeys(made.subset(first))),
        kind,
        reference=reference,
        default=_reference(fitted, first),
    )
    groups = list(dict.fromkeys(made.subset(second)))
    spread = spread_of(fitted, cells.averages, df)
    families = [
        _family(spread, cells, plan.weights, g, straight, adjust, level) for g in range(len(groups))
    ]
    estimate, error, statistic, degrees, p, low, high = (
        np.concatenate([family[i] for family in families]) for i in range(7)
    )
    if chosen != "difference":
        with np.errstate(over="ignore"):
            estimate, low, high = np.exp(estimate), np.exp(low), np.exp(high)
            error = estimate * error
    return Contrasts(
        grid=made,
        variables=first,
        by=second,
        kind=kind if isinstance(kind, str) else "custom",
        slope=slope,
        measure=chosen,
        groups=tuple(group for group in groups for _ in plan.names),
        names=plan.names * len(groups),
        references=plan.references * len(groups),
        estimate=estimate,
        std_error=error,
        statistic=statistic,
        p_value=p,
        conf_low=low,
        conf_high=high,
        df=degrees,
        adjust=adjust,
        family=len(plan.names),
        simultaneous=len(plan.names) == 1 or adjust not in ("bh", "none"),
        scale=scale,
        averaged=how,
        level=level,
        notes=(
            *made.notes,
            *plan.notes,
            *spread.notes,
            *_lost_note(made, estimate, plan.names, groups),
            *_infinite_note(estimate, error),
        ),
    )


def _choose_measure(
    fitted: Fitted, measure: MeasureName | None, scale: Scale, slope: str | None
) -> tuple[MeasureName, HowCompared]:
    """How means are compared, and the scale on which contrasts are weighted sums."""
    if measure is not None:
        check_choice("measure", measure, MeasureName)
    plain = is_inverse_link(fitted.family)
    if measure is None:
        straight = slope is not None or scale == "link" or not plain
        measure = "difference" if straight else _BY_LINK.get(fitted.family.link.name, "difference")
    if measure == "difference":
        return measure, scale
    if slope is not None or scale == "link":
        what = "slopes" if slope is not None else "linear predictors"
        raise ModelError(
            f"measure={measure!r} compares means, not {what}; their contrasts are differences.",
            code="measure",
        )
    check_measure(fitted, measure)
    return measure, "log" if measure == "ratio" else "logit"


def _reference(fitted: Fitted, names: Sequence[str]) -> tuple[Label, ...] | None:
    """Levels of the columns that the fit takes as reference, bare or in ``C(...)``."""
    references = fitted.design.fixed[0].reference_levels
    known = {
        name: references[factor.text]
        for factor in fitted.design.fixed[0].recipe.terms.factors
        for name in moved_columns(factor.expression)
        if factor.text in references
    }
    if any(name not in known for name in names):
        return None
    return tuple(known[name] for name in names)


def _family(
    spread: Spread,
    cells: CellMeans,
    weights: FloatArray,
    group: int,
    straight: bool,
    adjust: Adjust,
    level: float,
) -> tuple[FloatArray, ...]:
    """Estimates, errors, statistics, df, p-values and limits of the contrasts of one family."""
    C = np.zeros((len(weights), len(cells.averages)))
    m = weights.shape[1]
    C[:, group * m : (group + 1) * m] = weights
    lost = cells.combined_gaps(C, linear=straight)
    known = cells.averages.value
    absent = np.isnan(known)
    lost |= (C != 0.0) @ absent
    filled = replace(cells.averages, value=np.where(absent, 0.0, known))
    if absent.any():  # of cells over nothing the derivatives are undefined too
        filled = scaled(filled, filled.value, np.where(absent, 0.0, 1.0))
        filled = replace(
            filled,
            gradient=np.nan_to_num(filled.gradient),
            effects=None if filled.effects is None else np.nan_to_num(filled.effects),
        )
    made = filled.combined(C)
    V, df = spread.covariance(made), spread.df(made)
    estimate = np.where(lost, np.nan, made.value)
    runs = ~stands(spread.fitted, made.gradient[:, : len(spread.fitted.coef)])
    error = np.where(lost | runs, np.nan, np.sqrt(np.maximum(np.diag(V), 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(error > 0.0, estimate / error, np.nan)
        R = V / np.outer(error, error)
    df = np.where(lost, np.nan, df)
    judged = adjust_family(statistic, R, adjust, level=level, df=df)
    half = judged.critical * error
    return estimate, error, statistic, df, judged.p_value, estimate - half, estimate + half


def _infinite_note(estimate: FloatArray, error: FloatArray) -> tuple[str, ...]:
    """Say how many contrasts have no finite estimate."""
    count = int(np.sum(np.isnan(error) & ~np.isnan(estimate)))
    if count == 0:
        return ()
    return (
        f"{count} of {len(estimate)} contrasts run to infinity with coefficients (see the "
        "verdict): what stands for their estimate is where the search ended.",
    )


def _lost_note(
    grid: Grid,
    estimate: FloatArray,
    names: Sequence[Label],
    groups: Sequence[tuple[Label, ...]],
) -> tuple[str, ...]:
    """Say how many contrasts the data do not determine."""
    lost = np.flatnonzero(np.isnan(estimate))
    if len(lost) == 0:
        return ()
    first = int(lost[0])
    where = ", ".join(map(str, groups[first // len(names)]))
    named = f"{names[first % len(names)]}" + (f" in {where}" if where else "")
    return (
        f"Not estimable: {len(lost)} of {len(estimate)} contrasts (first {named}) need a mean that "
        "the data do not determine (combinations of levels that do not occur, or coefficients that "
        "were dropped from the fit); the others are judged without them.",
    )
