r"""The settings of a variable that averages are made for: levels, a step, and the nodes of a slope.

The average slope is the average over rows of the derivative of the mean in the variable, taken
through the whole design (splines, interactions, within-cluster deviations and random slopes move
along).  It is a combination of five averages,

.. math:: f'(x) \approx \frac{f(x-2h) - 8 f(x-h) + 8 f(x+h) - f(x+2h)}{12 h},

whose error is of order :math:`h^4`; rows within 2h of the end of the observed range use the
one-sided formula of the same order, for a spline basis is not defined outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.effects.variable import check_value, is_equal, is_finite_number
from ilk.errors import DataError, ModelError
from ilk.frame import Column, Label, numbers, quote

if TYPE_CHECKING:
    from ilk.effects.target import Target
    from ilk.effects.variable import Variable
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Setting", "level_settings", "slope_nodes"]

_SPACING = 5e-3
"""Distance of the nodes of a slope, in standard deviations of the variable."""

_CENTRAL = np.array([1.0, -8.0, 0.0, 8.0, -1.0]) / 12.0
_FORWARD = np.array([-25.0, 48.0, -36.0, 16.0, -3.0]) / 12.0


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the variable in all rows.

    Parameters
    ----------
    label : Label
        What tables call it.
    values : Label or Column
        One value, or one for each row.
    """

    label: Label
    values: Label | Column


def level_settings(
    variable: Variable, levels: Any, target: Target, step: float
) -> tuple[Setting, ...]:
    """Settings whose means are compared.

    Parameters
    ----------
    variable : Variable
        The variable.
    levels : sequence or None
        Values; by default all levels of a factor and both values of a number that has two, and
        else the rows as they are against all rows with `step` added.
    target : Target
        The rows.
    step : float
        The step of a number.

    Returns
    -------
    tuple of Setting
    """
    if levels is None:
        if variable.values:
            return tuple(Setting(value, value) for value in variable.values)
        observed, step = observed_values(variable, target), _check_step(step)
        label = f"observed {'+' if step >= 0 else '-'} {abs(step):g}"
        return (
            Setting("observed", float_column(variable, observed)),
            Setting(label, float_column(variable, observed + step)),
        )
    if isinstance(levels, (str, bytes)) or not hasattr(levels, "__iter__"):
        raise ModelError(
            f"levels={levels!r:.60}: give a list of values of {variable.name!r}.", code="levels"
        )
    values = list(dict.fromkeys(check_value(variable, value) for value in levels))
    if not values:
        raise ModelError("levels= is empty; give at least one value.", code="levels")
    return tuple(Setting(value, value) for value in values)


def slope_nodes(
    variable: Variable, base: Label | Column, rows: int
) -> list[tuple[Column, FloatArray]]:
    """Settings, and weights of the rows in them, whose weighted sum is the slope of each row.

    Parameters
    ----------
    variable : Variable
        A number.
    base : Label or Column
        Where the slope is taken: one value, or the rows' own.
    rows : int
        Number N of rows.

    Returns
    -------
    list of (Column, (N,) array)
    """
    x = numbers(base) if isinstance(base, Column) else np.full(rows, float(base))  # type: ignore[arg-type]
    h = _SPACING * float(np.std(numbers(variable.column)))
    inside = (x >= variable.low) & (x <= variable.high)
    left = inside & (x - 2.0 * h < variable.low)
    right = inside & (x + 2.0 * h > variable.high) & ~left
    nodes = []
    for k in range(5):
        shift = np.where(left, k, np.where(right, -k, k - 2))
        weight = np.where(left, _FORWARD[k], np.where(right, -_FORWARD[k], _CENTRAL[k])) / h
        if np.any(weight):
            nodes.append((float_column(variable, x + h * shift), weight))
    return nodes


def observed_values(variable: Variable, target: Target) -> FloatArray:
    """(N,) values of the variable in the rows of a target.

    Parameters
    ----------
    variable : Variable
        A number.
    target : Target
        The rows.
    """
    if variable.name not in target.frame:
        raise DataError(
            f"The target data have no column {variable.name!r}, from whose values the step or the "
            "slope starts; add it, or give levels=.",
            code="unknown-column",
        )
    column = target.frame.column(variable.name)
    if not column.numeric:
        raise DataError(
            f"Column {variable.name!r} holds {column.kind} values here and numbers in the data of "
            "the fit.",
            code="column-type",
        )
    return numbers(column)


def float_column(variable: Variable, values: FloatArray) -> Column:
    """Column of numbers under the variable's name, missing where they are nan.

    Parameters
    ----------
    variable : Variable
        The variable.
    values : (N,) array
        The numbers.

    Returns
    -------
    Column
    """
    missing = np.isnan(values)
    gone = bool(missing.any())
    return Column(variable.name, "float", values, None, missing if gone else None, not gone)


def reference_position(
    fitted: Fitted, variable: Variable, settings: Sequence[Setting], reference: Any
) -> int:
    """Find the setting that others are compared with.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    variable : Variable
        The variable.
    settings : sequence of Setting
        The settings.
    reference : object
        Its label; by default the reference level of the factor in the fit, else the first.

    Returns
    -------
    int
    """
    labels = [setting.label for setting in settings]
    if reference is None:
        known = fitted.design.fixed[0].reference_levels.get(variable.name)
        return labels.index(known) if known in labels else 0
    for position, label in enumerate(labels):
        if is_equal(label, reference):
            return position
    raise ModelError(
        f"reference={reference!r:.60} is not one of the levels compared "
        f"({', '.join(map(quote, labels))}).",
        code="reference",
    )


def _check_step(step: Any) -> float:
    if is_finite_number(step) and step != 0:
        return float(step)
    raise ModelError(f"step={step!r:.60}: give a number other than zero.", code="step")
