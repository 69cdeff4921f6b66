"""What a picture asks of a fit, and how it reads the answer.

Pictures stand below the facade that users hold and do not import it; any object that answers the
questions below can be drawn.
"""

from __future__ import annotations

from typing import Any, Protocol

import narwhals as nw
import numpy as np

from ilk.errors import FitError
from ilk.formula.language import Call, column_names, walk
from ilk.formula.spec import FormulaSpec
from ilk.typing import FloatArray, IntArray

__all__ = [
    "Drawable",
    "coded_columns",
    "column",
    "columns_of",
    "rows_of_effect",
    "trials_column",
    "with_whole_trials",
]


class Drawable(Protocol):
    """A fit, as far as pictures are concerned."""

    @property
    def formula(self) -> FormulaSpec:
        """The formulas, as they were understood."""

    @property
    def fitted(self) -> Any:
        """The record of the fit."""

    def random_effects(self, group: str | None = None) -> Any:
        """Frame with a row per level and term."""

    def tidy(self) -> Any:
        """Frame with a row per parameter."""

    def predict(
        self,
        data: Any = None,
        *,
        estimand: Any = "conditional",
        scale: Any = "response",
        interval: Any = None,
        level: float = 0.95,
        new_levels: Any = "error",
    ) -> Any:
        """Predictions, with an interval if asked for."""


def columns_of(frame: Any) -> dict[str, Any]:
    """Columns of a data frame of any library as NumPy arrays.

    Parameters
    ----------
    frame : pandas, polars or pyarrow frame, or a dict of arrays
        The frame.

    Returns
    -------
    dict of str to ndarray
        Columns by name.
    """
    if isinstance(frame, dict):
        return {str(name): np.asarray(values) for name, values in frame.items()}
    data = nw.from_native(frame, eager_only=True)
    return {name: data[name].to_numpy() for name in data.columns}


def rows_of_effect(columns: dict[str, Any], group: str, term: str | None) -> tuple[str, IntArray]:
    """Find the rows of a random effect of levels that depend on each other.

    Parameters
    ----------
    columns : dict of str to ndarray
        Frame of the random effects of a factor.
    group : str
        Grouping factor.
    term : str or None
        Random effect; None for the first.

    Returns
    -------
    term : str
        The random effect.
    rows : ndarray of int
        Its rows.

    Raises
    ------
    FitError
        The factor has no such effect.
    """
    names = [str(name) for name in columns["term"]]
    wanted = names[0] if term is None else term
    if wanted not in names:
        raise FitError(
            f"{group!r} has no random effect {wanted!r}; it has {', '.join(dict.fromkeys(names))}.",
            code="unknown-term",
        )
    there = zip(names, columns["group"], strict=True)  # independent levels have another group
    return wanted, np.flatnonzero([name == wanted and str(g) == group for name, g in there])


def coded_columns(formula: FormulaSpec) -> frozenset[str]:
    """Columns whose numbers are names of levels, because the formula says ``C(...)``.

    Parameters
    ----------
    formula : FormulaSpec
        The formulas of a fit.

    Returns
    -------
    frozenset of str
        Names of columns.
    """
    factors = [factor for part in formula.predictors for factor in part.fixed.factors]
    calls = [part for factor in factors for part in walk(factor.expression)]
    return frozenset(
        name
        for call in calls
        if isinstance(call, Call) and call.function == "C"
        for name in column_names(call)
    )


def trials_column(fit: Drawable) -> str | None:
    """Column that holds the numbers of trials, which must be whole.

    Parameters
    ----------
    fit : Drawable
        The fit.

    Returns
    -------
    str or None
        Its name; None if there is no such column.
    """
    design = fit.fitted.design
    arguments: dict[str, str | None] = dict(design.arguments)
    return arguments.get("trials", arguments.get("precision_weights") if design.binomial else None)


def with_whole_trials(fit: Drawable, held: dict[str, Any]) -> dict[str, Any]:
    """Values at which columns are held, a mean number of trials rounded.

    Parameters
    ----------
    fit : Drawable
        The fit.
    held : dict of str to object
        Values by column.

    Returns
    -------
    dict of str to object
    """
    trials = trials_column(fit)
    if trials is None or not isinstance(held.get(trials), float):
        return held
    return {**held, trials: max(round(held[trials]), 1)}


def column(columns: dict[str, Any], name: str) -> FloatArray:
    """Return one column as float64."""
    return np.asarray(columns[name], dtype=np.float64)
