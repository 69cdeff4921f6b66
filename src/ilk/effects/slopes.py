r"""Slopes on a grid: by how much the mean of a cell changes per unit of a number.

The derivative is taken through the whole design: splines, polynomials, interactions and random
slopes move along, for their columns are made again at nodes around each row's value
(`ilk.effects.scenarios.slope_nodes`).  With the average :math:`A` of a cell and its derivative
:math:`\dot A`, the slope on another scale h is :math:`h'(A)\,\dot A`, whose own derivative in the
parameters is :math:`h''(A)\,\dot A\,\partial A + h'(A)\,\partial \dot A`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.effects.average import Averages, stack
from ilk.effects.cells import (
    Average,
    CellMeans,
    HowAveraged,
    averaging_scale,
    cell_means,
    is_linear,
    lost_note,
    on_scale,
    sum_block,
)
from ilk.effects.degrees import spread_of
from ilk.effects.grid import Grid, GridKind, Weights, make_grid
from ilk.effects.means import names_of
from ilk.effects.scenarios import slope_nodes
from ilk.effects.variable import Variable, find_variable
from ilk.errors import ModelError
from ilk.inference.wald import check_level, quantiles

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.inference.chosen import DegreesOfFreedom
    from ilk.prediction.levels import Estimand
    from ilk.prediction.means import Scale
    from ilk.typing import FloatArray

__all__ = ["MarginalSlopes", "cell_slopes", "marginal_slopes", "slope_variable"]


@dataclass(frozen=True, slots=True)
class MarginalSlopes:
    """Slopes of the cells of a grid.

    Parameters
    ----------
    grid : Grid
        The grid.
    variable : str
        The number that slopes are in.
    by : tuple of str
        Columns whose combinations are the cells.
    estimate, std_error, conf_low, conf_high : (r,) arrays
        The numbers; nan where the data do not determine them.
    df : (r,) array
        Degrees of freedom of the intervals; infinite.
    scale : {"response", "link"}
        Scale of the mean.
    averaged : {"link", "response"}
        Scale on which rows were averaged.
    level : float
        Coverage of the intervals.
    notes : tuple of str
        What the numbers rest on.
    """

    grid: Grid
    variable: str
    by: tuple[str, ...]
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    df: FloatArray
    scale: Scale
    averaged: HowAveraged
    level: float
    notes: tuple[str, ...]


def marginal_slopes(
    fitted: Fitted,
    variable: str,
    *,
    by: str | Sequence[str] | None = None,
    at: Mapping[str, Any] | None = None,
    estimand: Estimand = "typical",
    scale: Scale = "response",
    average: Average | None = None,
    weights: Weights | None = None,
    grid: GridKind | None = None,
    per: float = 1.0,
    level: float = 0.95,
    df: DegreesOfFreedom | None = None,
) -> MarginalSlopes:
    """Estimate slopes on a grid.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    variable : str
        Number that slopes are in.
    by : str or sequence of str, optional
        Columns whose combinations are the cells.
    at : mapping of str to values, optional
        Values of columns, also of the variable: where the slope is taken.
    estimand, scale, average, weights, grid, per, level, df
        As for `marginal_means`.

    Returns
    -------
    MarginalSlopes
    """
    check_level(level)
    number = slope_variable(fitted, variable)
    groups = names_of((), by)[1]
    if variable in groups:
        raise ModelError(
            f"{variable!r} is what the slopes are in; where they are taken is said by "
            f"at={{{variable!r}: [...]}}, not by=.",
            code="variable",
        )
    many = isinstance((at or {}).get(variable), (list, tuple, range, np.ndarray))
    focal = (*groups, *((variable,) if many else ()))
    how = averaging_scale(fitted.family, average, scale)
    made = make_grid(
        fitted,
        focal,
        at=at,
        estimand=estimand,
        weights=weights,
        kind=grid,
        per=per,
        moved=variable,
    )
    slopes = cell_slopes(made, number, how, scale)
    empty = np.isnan(slopes.averages.value)
    lost = slopes.combined_gaps(np.eye(len(made)), linear=True) | empty
    value = np.where(lost, np.nan, slopes.averages.value)
    spread = spread_of(fitted, slopes.averages, df)
    error = np.where(lost, np.nan, spread.errors(slopes.averages))
    degrees = np.where(lost, np.nan, spread.df(slopes.averages))
    z = quantiles(level, degrees)
    return MarginalSlopes(
        grid=made,
        variable=variable,
        by=focal,
        estimate=value,
        std_error=error,
        conf_low=value - z * error,
        conf_high=value + z * error,
        df=degrees,
        scale=scale,
        averaged=how,
        level=level,
        notes=tuple(
            dict.fromkeys(
                (*number.notes, *made.notes, *spread.notes, *lost_note(made, lost, empty))
            )
        ),
    )


def slope_variable(fitted: Fitted, name: str) -> Variable:
    """Look up a number that slopes can be taken in.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    name : str
        Name of the column.

    Returns
    -------
    Variable
    """
    variable = find_variable(fitted, name)
    if variable.coded or variable.column.kind == "boolean":
        raise ModelError(
            f"Column {name!r} holds levels, and slopes are in numbers: ask for "
            f"contrasts({name!r}).",
            code="slope",
        )
    return variable


def cell_slopes(grid: Grid, variable: Variable, how: HowAveraged, scale: Scale) -> CellMeans:
    """Derivative of each cell's mean in a number.

    Parameters
    ----------
    grid : Grid
        The grid.
    variable : Variable
        The number.
    how : {"link", "response"}
        Scale on which rows are averaged.
    scale : {"link", "response"}
        Scale of the mean.

    Returns
    -------
    CellMeans
        Whose averages are the slopes.
    """
    rate, gaps = _averaged(grid, variable, how)
    if how == scale:
        return CellMeans(rate, gaps, is_linear(grid, how), how)
    mean = cell_means(grid, how)
    link = grid.fitted.family.link
    _, first, second = on_scale(link, mean.averages.value, how, scale)
    bend = second * rate.value
    effects = None
    if rate.effects is not None and mean.averages.effects is not None:
        effects = bend * mean.averages.effects + first * rate.effects
    moved = Averages(
        value=first * rate.value,
        gradient=bend[:, None] * mean.averages.gradient + first[:, None] * rate.gradient,
        weight=rate.weight,
        effects=effects,
    )
    both = np.concatenate([np.abs(gaps), np.abs(mean.gaps)], axis=1)
    linear = link.name == "identity" and is_linear(grid, how)
    return CellMeans(moved, gaps if linear else both, linear, how)


def _averaged(grid: Grid, variable: Variable, how: HowAveraged) -> tuple[Averages, FloatArray]:
    """Derivatives of averages on the scale where rows are averaged, with their gaps."""
    parts, gaps = [], []
    for block in grid.blocks:
        frame = block.target.with_settings(block.settings)
        total: Averages | None = None
        missed, divisor = np.zeros(()), np.zeros(())
        largest = 1.0
        for column, weight in slope_nodes(variable, frame.column(variable.name), frame.rows):
            sums, gap, divisor = sum_block(grid, block, how, column, weight)
            total = sums if total is None else _sum(total, sums)
            missed = missed + gap
            largest = max(largest, float(np.abs(weight).max()))
        assert total is not None
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = missed / (largest * divisor[:, None])
        averages = total.divided(divisor)
        if block.cell is None:
            return replace(averages, weight=divisor), gap
        parts.append(averages.take(np.array([block.cell])))
        gaps.append(gap[block.cell])
    return stack(parts), np.array(gaps)


def _sum(a: Averages, b: Averages) -> Averages:
    effects = None if a.effects is None or b.effects is None else a.effects + b.effects
    return Averages(a.value + b.value, a.gradient + b.gradient, a.weight + b.weight, effects)
