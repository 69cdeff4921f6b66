"""Reference grid: the rows that marginal means are averaged over, cell by cell.

A cell is a combination of levels of the factors asked about.  On the *reference* grid it holds one
row for each combination of the levels of all other factors, with numbers at their mean; how these
rows are weighed is the caller's choice.  On the *observed* grid it holds the rows of the fit with
the factors asked about set, and everything else as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.effects.target import Scenario, Target, make_target
from ilk.effects.variable import (
    Variable,
    check_value,
    coded_names,
    find_variable,
    has_lags,
    mean_factors,
    moved_columns,
)
from ilk.errors import DataError, ModelError
from ilk.formula.language import Call, walk
from ilk.frame import Column, Kept, Label, factor, numbers, own_column, quote
from ilk.prediction.levels import Estimand, check_choice
from ilk.prediction.rates import check_per

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["Block", "Grid", "GridKind", "Weights", "make_grid"]

GridKind: TypeAlias = Literal["reference", "observed"]
"""Which rows a cell holds."""

Weights: TypeAlias = Literal["equal", "proportional", "outer", "cells", "flat"]
"""How the other factors of a reference grid are weighed."""

_MAX_ROWS = 200_000
"""Largest reference grid."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of some cells.

    Parameters
    ----------
    target : Target
        The rows with their weights.
    settings : mapping of str to Label
        Columns that are set in all of them.
    cell : int or None
        The cell that all rows belong to; None if the target says it row by row.
    """

    target: Target
    settings: Mapping[str, Label]
    cell: int | None

    def scenario(
        self, grid: Grid, settings: Mapping[str, Label | Column] | None = None
    ) -> Scenario:
        """Make the rows, perhaps with further columns set.

        Parameters
        ----------
        grid : Grid
            The grid that the block belongs to.
        settings : mapping of str to value or Column, optional
            One value for all rows, or one for each.

        Returns
        -------
        Scenario
            With the cell of each row as its group.
        """
        made = self.target.scenario({**self.settings, **(settings or {})}, grid.estimand, grid.per)
        if self.cell is None:
            return made
        cells = np.full(made.cases.rows, self.cell, dtype=np.intp)
        return replace(made, groups=cells)


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells, and the rows that are averaged over in each.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    estimand : {"conditional", "typical", "population"}
        The question that the mean of each row answers.
    kind : {"reference", "observed"}
        Which rows.
    focal : tuple of str
        Columns whose combinations are the cells.
    cells : tuple of tuple
        Labels of each cell, in the order of `focal`.
    blocks : tuple of Block
        The rows.
    averaged : mapping of str to tuple
        Other columns of a reference grid that are averaged over, and their values.
    held : mapping of str to value
        Columns that have one value in all rows of a reference grid.
    means : tuple of str
        Those of them that are at the mean of the data.
    weights : {"equal", "proportional", "outer", "cells", "flat"}
        How rows of a reference grid are weighed.
    per : float or None
        Exposure of every row; None if the fit has none.
    notes : tuple of str
        What the grid rests on.
    """

    fitted: Fitted
    estimand: Estimand
    kind: GridKind
    focal: tuple[str, ...]
    cells: tuple[tuple[Label, ...], ...]
    blocks: tuple[Block, ...]
    averaged: Mapping[str, tuple[Label, ...]]
    held: Mapping[str, Label]
    means: tuple[str, ...]
    weights: Weights
    per: float | None
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.cells)

    def subset(self, names: Sequence[str]) -> tuple[tuple[Label, ...], ...]:
        """Labels of each cell in some of the columns.

        Parameters
        ----------
        names : sequence of str
            Of `focal`.
        """
        places = [self.focal.index(name) for name in names]
        return tuple(tuple(cell[i] for i in places) for cell in self.cells)


@dataclass(frozen=True, slots=True)
class _Axis:
    """A column of the grid and the values that it takes there.

    `level` is the position of each row of the fit among the values, -1 where it has none of them;
    None for numbers whose values were chosen, which cannot be counted in the data.
    """

    name: str
    values: tuple[Label, ...]
    column: Column
    level: IntArray | None
    at_mean: bool = False

    def filled(self, codes: IntArray) -> Column:
        """Column of the grid."""
        if self.level is not None:
            first = np.array([int(np.argmax(self.level == k)) for k in range(len(self.values))])
            return own_column(self.column, first[codes])
        chosen = np.array([float(v) for v in self.values])  # type: ignore[arg-type]
        return Column(self.name, "float", chosen[codes])


def make_grid(
    fitted: Fitted,
    focal: Sequence[str],
    *,
    at: Mapping[str, Any] | None = None,
    estimand: Estimand = "typical",
    weights: Weights | None = None,
    kind: GridKind | None = None,
    per: float = 1.0,
    moved: str | None = None,
) -> Grid:
    """Make the grid of a question.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    focal : sequence of str
        Columns whose combinations are the cells; one cell if there are none.
    at : mapping of str to values, optional
        Values of columns: those of a number instead of its mean, or fewer levels of a factor.
    estimand : {"typical", "population", "conditional"}
        The question that the mean of each row answers.
    weights : {"equal", "proportional", "outer", "cells", "flat"}, optional
        How the other factors of a reference grid are weighed; equally by default.
    kind : {"reference", "observed"}, optional
        The reference grid by default; the observed rows where the question needs them (conditional
        means; covariates split within and between clusters).
    per : float
        Units of exposure of every row, if the fit has an exposure.
    moved : str, optional
        Number that slopes are taken in; it is at its mean unless `at` says otherwise.

    Returns
    -------
    Grid

    Raises
    ------
    DataError, ModelError
        A column or level is not known, or values are lacking; the message says which.
    """
    check_choice("estimand", estimand, Estimand)
    exposed = "exposure" in fitted.design.arguments
    if exposed or per != 1.0:
        check_per(per, exposed=exposed)
    at = _check_at(fitted, at)
    kind, notes = _choose_kind(fitted, estimand, kind)
    if weights is not None:
        check_choice("weights", weights, Weights)
        if kind == "observed":
            raise ModelError(
                f"weights={weights!r} is for a reference grid; on the observed one all factors are "
                "as they are in the rows of the fit. Leave out weights=.",
                code="weights",
            )
    variables = [find_variable(fitted, name) for name in focal]
    axes = [_focal_axis(fitted, variable, at, moved) for variable in variables]
    for variable in variables:
        notes += variable.notes
    grid = Grid(
        fitted=fitted,
        estimand=estimand,
        kind=kind,
        focal=tuple(focal),
        cells=_product(axes),
        blocks=(),
        averaged=MappingProxyType({}),
        held=MappingProxyType({}),
        means=(),
        weights=weights or "equal",
        per=float(per) if exposed else None,
        notes=(*dict.fromkeys(notes), *_range_notes(fitted, at)),
    )
    rest = {name: values for name, values in at.items() if name not in focal}
    if kind == "observed":
        return _observed(grid, rest)
    others = [
        _other_axis(fitted, name, at, moved) for name in _settable(fitted) if name not in focal
    ]
    return _reference(grid, axes, others)


def _product(axes: Sequence[_Axis]) -> tuple[tuple[Label, ...], ...]:
    """Combinations of values, the last column running fastest."""
    cells: list[tuple[Label, ...]] = [()]
    for axis in axes:
        cells = [(*cell, value) for cell in cells for value in axis.values]
    return tuple(cells)


def _check_at(fitted: Fitted, at: Any) -> dict[str, tuple[Any, ...]]:
    """Values by column, each a tuple."""
    if at is None:
        return {}
    if not isinstance(at, Mapping):
        raise ModelError(
            f"at={at!r:.60}: give a dictionary of columns and values, such as "
            "at={'dose': [1, 2]}.",
            code="at",
        )
    found: dict[str, tuple[Any, ...]] = {}
    for name, given in at.items():
        variable = find_variable(fitted, name)
        one = isinstance(given, (str, bytes)) or not isinstance(given, Iterable)
        values = (given,) if one else tuple(given)
        if not values:
            raise ModelError(f"at={{{name!r}: ...}} has no value.", code="at")
        found[name] = tuple(dict.fromkeys(check_value(variable, value) for value in values))
    return found


def _choose_kind(
    fitted: Fitted, estimand: Estimand, kind: GridKind | None
) -> tuple[GridKind, list[str]]:
    """Decide which rows cells hold, and say why where the caller did not choose."""
    if kind is not None:
        check_choice("grid", kind, GridKind)
    if has_lags(fitted.formula):
        raise ModelError(
            "The formula looks at earlier rows (lag), which a grid does not have; use "
            "standardize(..., data=).",
            code="lag",
        )
    split = any(
        isinstance(part, Call) and part.function in ("within", "between")
        for f in mean_factors(fitted)
        for part in walk(f.expression)
    )
    known = estimand == "conditional" and bool(fitted.design.terms)
    if not (split or known):
        return kind or "reference", []
    why = (
        "the formula splits a covariate within and between clusters, and a reference grid has none"
        if split
        else "the question is about these very clusters, and a reference grid has none"
    )
    if kind == "reference":
        raise ModelError(f"grid='reference': {why}. Use grid='observed'.", code="grid")
    return "observed", ([] if kind else [f"The grid is the rows of the fit, because {why}."])


def _settable(fitted: Fitted) -> tuple[str, ...]:
    """Columns that the mean reads."""
    return tuple(
        dict.fromkeys(name for f in mean_factors(fitted) for name in moved_columns(f.expression))
    )


def _focal_axis(
    fitted: Fitted, variable: Variable, at: Mapping[str, tuple[Any, ...]], moved: str | None
) -> _Axis:
    name = variable.name
    if name in at:
        return _chosen(fitted, name, at[name], coded=bool(variable.values))
    if variable.values and name != moved:
        return _chosen(fitted, name, variable.values, coded=True)
    raise DataError(
        f"Column {name!r} holds numbers from {variable.low:g} to {variable.high:g}: say at which "
        f"values the means are wanted, such as at={{{name!r}: [{variable.low:.3g}, "
        f"{variable.high:.3g}]}}.",
        code="at",
    )


def _other_axis(
    fitted: Fitted, name: str, at: Mapping[str, tuple[Any, ...]], moved: str | None
) -> _Axis:
    """Column that is not asked about: its levels, or its mean."""
    column = fitted.design.data.column(name)
    found = fitted.design.data.distinct(name)
    coded = not column.numeric or name in coded_names(mean_factors(fitted))
    listed = coded or column.kind == "boolean" or len(found) <= 2
    if name in at:
        return _chosen(fitted, name, at[name], coded=listed)
    if listed and name != moved:
        return _chosen(fitted, name, found, coded=True)
    if coded:
        raise ModelError(f"{name!r} holds levels and has no slope.", code="slope")
    mean = float(np.average(numbers(column), weights=_row_weights(fitted)))
    return _Axis(name, (mean,), column, None, at_mean=True)


def _chosen(fitted: Fitted, name: str, values: tuple[Label, ...], *, coded: bool) -> _Axis:
    """Axis of given values: levels of the data, or numbers."""
    column = fitted.design.data.column(name)
    found = factor(column)
    place = {level: k for k, level in enumerate(values)}
    known = set(found.levels)
    if not coded or any(value not in known for value in values):
        return _Axis(name, values, column, None)
    lookup = np.array([place.get(level, -1) for level in found.levels], dtype=np.intp)
    return _Axis(name, values, column, lookup[found.codes])


def _range_notes(fitted: Fitted, at: Mapping[str, tuple[Label, ...]]) -> list[str]:
    """Say which values lie outside of the data."""
    notes = []
    for name, values in at.items():
        column = fitted.design.data.column(name)
        if not column.numeric or name in coded_names(mean_factors(fitted)):
            continue
        x = numbers(column)
        low, high = float(x.min()), float(x.max())
        outside = [v for v in values if not low <= float(v) <= high]  # type: ignore[arg-type]
        if outside:
            notes.append(
                f"Outside of the data, where {name} is {low:g} to {high:g}: "
                f"{', '.join(f'{v:g}' for v in outside[:5])}."
            )
    return notes


def _row_weights(fitted: Fitted) -> FloatArray:
    """(n,) how many observations each row of the fit stands for."""
    design = fitted.design
    weights = np.ones(design.data.rows)
    if design.frequency_weights is not None:
        weights = weights * design.frequency_weights
    if design.response.trials is not None:
        weights = weights * design.response.trials
    return weights


def _observed(grid: Grid, rest: Mapping[str, tuple[Label, ...]]) -> Grid:
    """Cells of the rows of the fit."""
    for name, values in rest.items():
        if len(values) > 1:
            raise ModelError(
                f"at={{{name!r}: ...}} has {len(values)} values, and {name!r} is not asked about: "
                "on the observed grid give one value, or ask for the means by it.",
                code="at",
            )
    held = {name: values[0] for name, values in rest.items()}
    target = make_target(grid.fitted)
    blocks = tuple(
        Block(target, MappingProxyType({**held, **dict(zip(grid.focal, cell, strict=True))}), k)
        for k, cell in enumerate(grid.cells)
    )
    return replace(grid, blocks=blocks, held=MappingProxyType(held))


def _reference(grid: Grid, focal: Sequence[_Axis], others: Sequence[_Axis]) -> Grid:
    """Cells of combinations of levels."""
    axes = (*focal, *others)
    sizes = [len(axis.values) for axis in axes]
    count = math.prod(sizes)
    if count > _MAX_ROWS:
        widest = sorted(axes, key=lambda axis: -len(axis.values))[:3]
        listed = ", ".join(f"{axis.name!r} ({len(axis.values)})" for axis in widest)
        raise ModelError(
            f"The reference grid would have {count} rows; the most values have {listed}. Give "
            "fewer by at=, or use grid='observed'.",
            code="too-large",
        )
    index = np.unravel_index(np.arange(count), sizes) if axes else ()
    codes = dict(zip((axis.name for axis in axes), index, strict=True))
    parts = {axis.name: axis.filled(codes[axis.name]) for axis in axes}
    weights = _grid_weights(grid, focal, others, codes, count)
    cells = np.arange(count) // max(1, math.prod(sizes[len(focal) :]))
    frame = Kept(grid.fitted.design.flavor, count, MappingProxyType(parts))
    target = Target(
        fitted=grid.fitted,
        frame=frame,
        own=False,
        weights=weights,
        groups=cells,
        subgroups=MappingProxyType({}),
        count=len(grid.cells),
        arguments=MappingProxyType(_known_offset(grid.fitted, count)),
        weighted_by=None,
        explicit=True,
    )
    return replace(
        grid,
        blocks=(Block(target, MappingProxyType({}), None),),
        averaged=MappingProxyType({a.name: a.values for a in others if len(a.values) > 1}),
        held=MappingProxyType({a.name: a.values[0] for a in others if len(a.values) == 1}),
        means=tuple(axis.name for axis in others if axis.at_mean),
    )


def _known_offset(fitted: Fitted, count: int) -> dict[str, Any]:
    """Offset that was an argument of the fit, at its mean in all rows."""
    column = fitted.design.argument_columns.get("offset")
    if column is None:
        return {}
    values = numbers(fitted.design.data.column(column))
    return {"offset": np.full(count, np.average(values, weights=_row_weights(fitted)))}


def _grid_weights(
    grid: Grid,
    focal: Sequence[_Axis],
    others: Sequence[_Axis],
    codes: Mapping[str, IntArray],
    count: int,
) -> FloatArray:
    """(N,) weight of each row of a reference grid within its cell."""
    rows = _row_weights(grid.fitted)
    counted = [a for a in others if a.level is not None and len(a.values) > 1]
    if grid.weights == "equal":
        return np.ones(count)
    if grid.weights == "outer":
        weights = np.ones(count)
        for axis in counted:
            weights = weights * _frequencies([axis], codes, rows)
        return weights
    if grid.weights == "proportional":
        return _frequencies(counted, codes, rows)
    here = [*(a for a in focal if a.level is not None), *counted]
    frequency = _frequencies(here, codes, rows)
    return frequency if grid.weights == "cells" else np.asarray(frequency > 0.0, dtype=np.float64)


def _frequencies(
    axes: Sequence[_Axis], codes: Mapping[str, IntArray], rows: FloatArray
) -> FloatArray:
    """(N,) number of observations that have the levels of each row of the grid."""
    sizes = [len(axis.values) for axis in axes]
    if not axes:
        return np.ones(len(next(iter(codes.values()), np.zeros(1))))
    levels = np.array([axis.level for axis in axes])
    present = np.all(levels >= 0, axis=0)
    seen = np.ravel_multi_index(tuple(levels[:, present]), sizes)
    total = np.bincount(seen, weights=rows[present], minlength=math.prod(sizes))
    return np.asarray(total[np.ravel_multi_index(tuple(codes[a.name] for a in axes), sizes)])


def cell_text(grid: Grid, cell: int) -> str:
    """Name a cell in messages.

    Parameters
    ----------
    grid : Grid
        The grid.
    cell : int
        Its position.
    """
    pairs: Iterator[tuple[str, Label]] = zip(grid.focal, grid.cells[cell], strict=True)
    return ", ".join(f"{name} = {quote(label)}" for name, label in pairs) or "the overall mean"
