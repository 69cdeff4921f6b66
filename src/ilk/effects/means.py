r"""Estimated marginal means: the mean of each cell of a grid, with standard errors and limits.

Averages over the rows of a cell (`ilk.effects.cells`) are taken to the scale of the answer, their
standard errors by the delta method from the joint covariance of all parameters; limits are made on
the scale of the link.  Searle, Speed and Milliken (1980) introduced them as population marginal
means of linear models; "population" has another meaning here, see `ilk.prediction.levels`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.effects.cells import (
    Average,
    HowAveraged,
    averaging_scale,
    cell_means,
    lost_note,
    on_scale,
    scaled,
)
from ilk.effects.degrees import spread_of
from ilk.effects.grid import Grid, GridKind, Weights, make_grid
from ilk.errors import ModelError
from ilk.inference.wald import check_level, quantiles
from ilk.prediction.intervals import confidence_limits

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.inference.chosen import DegreesOfFreedom
    from ilk.prediction.levels import Estimand
    from ilk.prediction.means import Scale
    from ilk.typing import FloatArray

__all__ = ["MarginalMeans", "marginal_means", "names_of"]


@dataclass(frozen=True, slots=True)
class MarginalMeans:
    """Means of the cells of a grid.

    Parameters
    ----------
    grid : Grid
        The grid.
    variables, by : tuple of str
        Columns that were asked about, and those that they are set apart by.
    estimate, std_error, conf_low, conf_high : (r,) arrays
        The numbers; nan where the data do not determine them.
    df : (r,) array
        Degrees of freedom of the intervals; infinite.
    scale : {"response", "link"}
        Scale of the numbers.
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
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    df: FloatArray
    scale: Scale
    averaged: HowAveraged
    level: float
    notes: tuple[str, ...]


def marginal_means(
    fitted: Fitted,
    variables: str | Sequence[str] = (),
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
) -> MarginalMeans:
    """Estimate means on a grid.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    variables : str or sequence of str
        Columns whose combinations of levels are asked about; none for the overall mean.
    by : str or sequence of str, optional
        Columns that set groups of means apart.
    at : mapping of str to values, optional
        Values of columns; see `make_grid`.
    estimand : {"typical", "population", "conditional"}
        The question that the mean of each row answers.
    scale : {"response", "link"}
        Scale of the means.
    average : {"predictor", "mean"}, optional
        What is averaged over the rows of a cell; see `averaging_scale` for the default.
    weights, grid, per
        See `make_grid`.
    level : float
        Coverage of the intervals.
    df : {None, "satterthwaite", "kenward_roger", "residual", "normal"}
        Degrees of freedom; see `ilk.effects.degrees`.

    Returns
    -------
    MarginalMeans
    """
    check_level(level)
    first, second = names_of(variables, by)
    how = averaging_scale(fitted.family, average, scale)
    made = make_grid(
        fitted, (*second, *first), at=at, estimand=estimand, weights=weights, kind=grid, per=per
    )
    cells = cell_means(made, how)
    empty = np.isnan(cells.averages.value)
    lost = cells.combined_gaps(np.eye(len(made)), linear=True) | empty
    link = fitted.family.link
    value, slope, _ = on_scale(link, cells.averages.value, how, scale)
    means = scaled(cells.averages, value, slope)
    spread = spread_of(fitted, means, df)
    error, degrees = spread.errors(means), spread.df(means)
    z = quantiles(level, degrees)
    if scale == "link":
        low, high = value - z * error, value + z * error
    else:
        low, high = confidence_limits(link, value, error, z)
    value, error, low, high, degrees = (
        np.where(lost, np.nan, x) for x in (value, error, low, high, degrees)
    )
    return MarginalMeans(
        grid=made,
        variables=first,
        by=second,
        estimate=value,
        std_error=error,
        conf_low=low,
        conf_high=high,
        df=degrees,
        scale=scale,
        averaged=how,
        level=level,
        notes=(*made.notes, *spread.notes, *lost_note(made, lost, empty)),
    )


def names_of(
    variables: str | Sequence[str], by: str | Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of columns as tuples, none of them twice.

    Parameters
    ----------
    variables, by : str, sequence of str, or None
        What the caller gave.

    Returns
    -------
    variables, by : tuple of str
    """
    found = []
    for label, given in (("variables", variables), ("by=", by)):
        names: tuple[Any, ...] = (given,) if isinstance(given, str) else tuple(given or ())
        wrong = next((name for name in names if not isinstance(name, str)), None)
        if wrong is not None:
            raise ModelError(f"{label}: give names of columns, not {wrong!r:.60}.", code="variable")
        found.append(names)
    both = (*found[0], *found[1])
    twice = next((name for name in both if both.count(name) > 1), None)
    if twice is not None:
        raise ModelError(
            f"{twice!r} is named twice; a column is either asked about or in by=.", code="variable"
        )
    return found[0], found[1]
