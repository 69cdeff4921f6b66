"""Every row under every scenario: the long table behind standardized means."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.effects.estimable import lost_rows, warn_of_lost
from ilk.effects.target import make_target
from ilk.effects.variable import check_value, find_variable
from ilk.errors import ModelError
from ilk.prediction.predict import Prediction, predict

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.frame import Label
    from ilk.prediction.levels import Estimand, NewLevels
    from ilk.prediction.predict import Interval
    from ilk.typing import FloatArray, IntArray

__all__ = ["Counterfactuals", "counterfactuals"]


@dataclass(frozen=True, slots=True)
class Counterfactuals:
    """Predictions of all rows under all scenarios, scenario by scenario.

    Parameters
    ----------
    row : (m,) array of int
        Position of the row in the data.
    settings : mapping of str to list
        (m,) values of each column that was set.
    prediction : Prediction
        (m,) predictions.
    flavor : str
        Make of the frame for the answer.
    exposure : (m,) array or None
        Exposure that each mean is for; None if the fit has none.
    """

    row: IntArray
    settings: Mapping[str, list[Label]]
    prediction: Prediction
    flavor: str
    exposure: FloatArray | None = None


def counterfactuals(
    fitted: Fitted,
    scenarios: Any,
    data: Any = None,
    *,
    estimand: Estimand = "population",
    interval: Interval = None,
    level: float = 0.95,
    new_levels: NewLevels = "error",
    per: float | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Counterfactuals:
    """Predict every row under every combination of settings.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    scenarios : mapping of str to value or sequence
        Columns and the values that each is set to.
    data : data frame, optional
        The rows; those of the fit by default.
    estimand, interval, level, new_levels
        As `predict` takes them.
    per : float, optional
        Exposure of every row, in place of its own: the means are rates per so many units.
    arguments : mapping, optional
        Trials, exposure and offset for the data.

    Returns
    -------
    Counterfactuals

    Raises
    ------
    DataError, ModelError
        A column cannot be set, or a value is none of its levels.
    """
    if not isinstance(scenarios, Mapping) or not scenarios:
        raise ModelError(
            "Scenarios are a dictionary of columns and the values to set, such as "
            "{'policy': [0, 1]}.",
            code="scenarios",
        )
    values = {name: _values(fitted, name, given) for name, given in scenarios.items()}
    for name in values:
        if estimand == "conditional" and name in fitted.formula.grouping_columns:
            raise ModelError(
                f"{name!r} is part of a grouping factor: set to another value, a row belongs to "
                "another cluster. Ask for estimand='population' or 'typical'.",
                code="grouping-variable",
            )
    target = make_target(fitted, data, moved=tuple(values), arguments=arguments)
    parts: list[Prediction] = []
    rows: list[IntArray] = []
    exposures: list[FloatArray] = []
    settings: dict[str, list[Label]] = {name: [] for name in values}
    lost, asked = 0, 0
    for combination in itertools.product(*values.values()):
        setting = dict(zip(values, combination, strict=True))
        scenario = target.scenario(setting, estimand, per)
        part = predict(
            fitted,
            scenario.cases,
            estimand=estimand,
            interval=interval,
            level=level,
            new_levels=new_levels,
        )
        untold = lost_rows(fitted, target.with_settings(setting), scenario.kept)
        parts.append(part if untold is None else part.without(untold))
        lost, asked = (
            lost + (0 if untold is None else int(untold.sum())),
            asked + len(part.estimate),
        )
        kept = np.arange(target.frame.rows) if scenario.kept is None else scenario.kept
        if per is not None or scenario.exposure is not None:
            own = scenario.exposure
            exposures.append(np.full(len(kept), float(per or 1.0)) if own is None else own)
        rows.append(fitted.design.rows.kept[kept] if target.own else kept)
        for name, value in setting.items():
            settings[name] += [value] * len(kept)
    if lost:
        warn_of_lost(fitted, lost, asked, stacklevel=4)
    return Counterfactuals(
        np.concatenate(rows),
        settings,
        _joined(parts),
        target.frame.flavor,
        np.concatenate(exposures) if exposures else None,
    )


def _values(fitted: Fitted, name: Any, given: Any) -> list[Label]:
    """Values of one column, checked."""
    variable = find_variable(fitted, name)
    one = isinstance(given, (str, bytes)) or getattr(given, "ndim", 1) == 0
    if one or not isinstance(given, Iterable):
        given = [given]
    values = list(dict.fromkeys(check_value(variable, value) for value in given))
    if not values:
        raise ModelError(f"No value is given for column {name!r}.", code="scenarios")
    return values


def _joined(parts: list[Prediction]) -> Prediction:
    """Predictions one after the other."""

    def all_of(name: str) -> FloatArray | None:
        found = [getattr(part, name) for part in parts]
        return None if found[0] is None else np.concatenate(found)

    first = parts[0]
    return Prediction(
        np.concatenate([part.estimate for part in parts]),
        first.estimand,
        first.interval,
        all_of("std_error"),
        all_of("conf_low"),
        all_of("conf_high"),
        None
        if first.strangers is None
        else (np.tile(first.strangers[0], len(parts)), first.strangers[1]),
    )
