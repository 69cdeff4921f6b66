r"""Means of the cells of a grid with their derivatives, on the scale where they are averaged.

Rows are averaged either as linear predictors, :math:`\bar\eta = \sum_i w_i \eta_i`, and the average
taken to the scale of the answer, :math:`g^{-1}(\bar\eta)` (``"predictor"``), or as means,
:math:`\sum_i w_i g^{-1}(\eta_i)` (``"mean"``).  The two differ wherever rows with different
predictors are averaged through a link that bends.  The predictor of a population mean is the link
of that mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.effects.average import Averages, group_sums, row_means, stack, sum_rows
from ilk.effects.estimable import ESTIMABLE, estimability_gaps
from ilk.effects.grid import cell_text
from ilk.errors import ModelError
from ilk.num import jets
from ilk.prediction.levels import check_choice
from ilk.prediction.means import Scale, is_inverse_link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.effects.grid import Block, Grid
    from ilk.effects.target import Scenario
    from ilk.family.base import AbstractFamily
    from ilk.family.link import AbstractLink
    from ilk.frame import Column
    from ilk.typing import BoolArray, FloatArray

__all__ = [
    "Average",
    "CellMeans",
    "HowAveraged",
    "HowCompared",
    "averaging_scale",
    "cell_means",
    "lost_note",
    "on_scale",
    "scaled",
    "sum_block",
]

Average: TypeAlias = Literal["predictor", "mean"]
"""What is averaged over the rows of a cell."""

HowAveraged: TypeAlias = Literal["link", "response"]
"""Scale on which rows are averaged."""

HowCompared: TypeAlias = Literal["link", "response", "log", "logit"]
"""Scales that averages are taken to."""


@dataclass(frozen=True, slots=True)
class CellMeans:
    """Means of cells.

    Parameters
    ----------
    averages : Averages
        r means with their derivatives, on the scale where rows were averaged.
    gaps : (r, d) array
        By how much each misses the relations between columns of the fit: zero if the data
        determine it.
    linear : bool
        Whether the means are linear in the coefficients, so that a combination of means may be
        estimable that singly are not.
    scale : {"link", "response"}
        The scale.
    """

    averages: Averages
    gaps: FloatArray
    linear: bool
    scale: HowAveraged

    def combined_gaps(self, coefficients: FloatArray, *, linear: bool) -> BoolArray:
        """Find combinations that the data do not determine.

        Parameters
        ----------
        coefficients : (k, r) array
            Weight of each mean in each combination.
        linear : bool
            Whether means are combined on the scale where they were averaged.

        Returns
        -------
        (k,) array of bool
        """
        if self.gaps.shape[1] == 0:
            return np.zeros(len(coefficients), dtype=bool)
        if self.linear and linear:
            size = np.abs(coefficients).max(axis=1, initial=1.0)
            found = np.abs(coefficients @ self.gaps).max(axis=1) > ESTIMABLE * size
        else:
            lost = np.abs(self.gaps).max(axis=1) > ESTIMABLE
            found = (coefficients != 0.0) @ lost
        return np.asarray(found, dtype=bool)


def averaging_scale(family: AbstractFamily, average: Average | None, scale: Scale) -> HowAveraged:
    """Choose what is averaged: predictors, unless the mean is not a function of one.

    Parameters
    ----------
    family : AbstractFamily
        Family of the fit.
    average : {"predictor", "mean"} or None
        What the caller wants.
    scale : {"response", "link"}
        Scale of the answer.

    Returns
    -------
    {"link", "response"}
    """
    if average is not None:
        check_choice("average", average, Average)
    check_choice("scale", scale, Scale)
    plain = is_inverse_link(family)
    if scale == "response" and not plain and average == "predictor":
        raise ModelError(
            "average='predictor' with scale='response': the mean of this family is not a function "
            "of one linear predictor (excess zeros). Use average='mean', or scale='link' for the "
            "counts proper.",
            code="average",
        )
    if scale == "link" and not plain and average == "mean":
        raise ModelError(
            "average='mean' with scale='link': the mean of this family is not a function of one "
            "linear predictor (excess zeros). Use scale='response', or average='predictor' for "
            "the counts proper.",
            code="average",
        )
    if average is None:
        return "link" if plain or scale == "link" else "response"
    return "link" if average == "predictor" else "response"


def cell_means(grid: Grid, scale: HowAveraged) -> CellMeans:
    """Average the rows of each cell.

    Parameters
    ----------
    grid : Grid
        The grid.
    scale : {"link", "response"}
        Scale on which rows are averaged.

    Returns
    -------
    CellMeans
    """
    parts, gaps = [], []
    for block in grid.blocks:
        sums, missed, divisor = sum_block(grid, block, scale)
        parts.append(sums.divided(divisor))
        with np.errstate(divide="ignore", invalid="ignore"):
            gaps.append(missed / divisor[:, None])
    averages, gap = _joined(grid, parts, gaps)
    return CellMeans(averages, gap, is_linear(grid, scale), scale)


def is_linear(grid: Grid, scale: HowAveraged) -> bool:
    """Whether averages of rows are linear in the coefficients of the mean.

    Parameters
    ----------
    grid : Grid
        The grid.
    scale : {"link", "response"}
        Scale on which rows are averaged.
    """
    link = grid.fitted.family.link.name
    if scale == "response":
        return link == "identity" and is_inverse_link(grid.fitted.family)
    return grid.estimand != "population" or link in ("identity", "log")


def sum_block(
    grid: Grid,
    block: Block,
    scale: HowAveraged,
    moved: Column | None = None,
    factor: FloatArray | None = None,
) -> tuple[Averages, FloatArray, FloatArray]:
    """Sum the rows of a block within cells.

    Parameters
    ----------
    grid : Grid
        The grid.
    block : Block
        Its rows.
    scale : {"link", "response"}
        Scale on which rows are summed.
    moved : Column, optional
        A column that is set to other values in each row.
    factor : (n,) array, optional
        What rows are multiplied by, beside their weights.

    Returns
    -------
    sums : Averages
        By cell.
    gaps : (r, d) array
        Sums of the gaps of the rows, or of their sizes where the rows are not linear.
    divisor : (r,) array
        Sums of the weights.
    """
    made = block.scenario(grid, None if moved is None else {moved.name: moved})
    here = np.ones(1) if factor is None else factor if made.kept is None else factor[made.kept]
    rows = row_means(grid.fitted, made.cases, estimand=grid.estimand, scale=scale)
    weights = made.weights * here
    sums = sum_rows(grid.fitted, made.cases, rows, weights, made.groups, len(grid))
    gaps = _gaps(grid, block, made, moved)
    if not is_linear(grid, scale):
        gaps, weights = np.abs(gaps), np.abs(weights)
    return (
        sums,
        _by_cell(gaps * weights[:, None], made, len(grid)),
        _by_cell(made.weights[:, None], made, len(grid))[:, 0],
    )


def _by_cell(values: FloatArray, made: Scenario, count: int) -> FloatArray:
    """(r, d) sums of the columns of (n, d) values by cell."""
    sums = [group_sums(column, made.groups, count) for column in values.T]
    return np.array(sums).T.reshape(count, values.shape[1])


def _gaps(grid: Grid, block: Block, made: Scenario, moved: Column | None) -> FloatArray:
    design = grid.fitted.design
    if all(len(part.names) == len(part.all_names) for part in design.fixed):
        return np.zeros((made.cases.rows, 0))
    settings = {**block.settings, **({} if moved is None else {moved.name: moved})}
    return estimability_gaps(grid.fitted, block.target.with_settings(settings), made.kept)


def _joined(
    grid: Grid, parts: Sequence[Averages], gaps: Sequence[FloatArray]
) -> tuple[Averages, FloatArray]:
    """Cells of all blocks: a block has either all cells or one."""
    if len(parts) == 1:
        return parts[0], gaps[0]
    cells = [block.cell for block in grid.blocks]
    own = [part.take(np.array([k])) for k, part in zip(cells, parts, strict=True)]
    return stack(own), np.array([gap[k] for k, gap in zip(cells, gaps, strict=True)])


def lost_note(grid: Grid, lost: BoolArray, empty: BoolArray) -> tuple[str, ...]:
    """Name the cells whose mean the data do not determine, or that have no rows.

    Parameters
    ----------
    grid : Grid
        The grid.
    lost, empty : (r,) arrays of bool
        Cells that are not estimable, and cells over nothing.
    """
    notes = []
    for which, why in (
        (
            empty,
            f"no observation has these levels, so that weights={grid.weights!r} average over none",
        ),
        (
            lost & ~empty,
            "a mean that is averaged there depends on coefficients that the data do not determine "
            "(they were dropped from the fit)"
            + (
                "; weights='cells' or 'flat' average over the combinations that occur only"
                if grid.averaged and grid.weights in ("equal", "proportional", "outer")
                else ""
            ),
        ),
    ):
        if which.any():
            places = np.flatnonzero(which)
            named = "; ".join(cell_text(grid, int(k)) for k in places[:6])
            more = f"; and {len(places) - 6} more" if len(places) > 6 else ""
            notes.append(f"Not estimable: {named}{more}: {why}.")
    return tuple(notes)


def on_scale(
    link: AbstractLink, value: FloatArray, source: HowAveraged, target: HowCompared
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Take averages to another scale.

    Parameters
    ----------
    link : AbstractLink
        Link of the mean.
    value : (r,) array
        Averages.
    source : {"link", "response"}
        Scale that they are on.
    target : {"link", "response", "log", "logit"}
        Scale that is wanted: of the linear predictor, of the mean, of its logarithm or log odds.

    Returns
    -------
    value, first, second : (r,) arrays
        Values there, and their first and second derivatives in the averages.
    """
    one, zero = np.ones_like(value), np.zeros_like(value)
    if target == source or (source == "link" and target == link.name):
        return value, one, zero
    with np.errstate(all="ignore"):
        if source == "response" and target == "link":
            eta = link.link(value)
            inverse = link.inverse(jets.variables([eta], 2)[0])
            first = 1.0 / inverse.first[0]
            return eta, first, -inverse.second[0] * first**3
        x = jets.variables([value], 2)[0]
        mean = x if source == "response" else link.inverse(x)
        if target != "response":
            odds = jets.log(1.0 - mean) if target == "logit" else 0.0
            mean = jets.log(mean) - odds
        return mean.value, mean.first[0], mean.second[0]


def scaled(averages: Averages, value: FloatArray, slope: FloatArray) -> Averages:
    """Averages through a function of each.

    Parameters
    ----------
    averages : Averages
        r averages.
    value, slope : (r,) arrays
        Values of the function, and its derivatives.

    Returns
    -------
    Averages
    """
    return replace(
        averages,
        value=value,
        gradient=averages.gradient * slope[:, None],
        effects=None if averages.effects is None else averages.effects * slope,
    )
