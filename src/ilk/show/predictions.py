"""Predictions as a frame of the caller's, a row for each of the rows asked about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.effects.estimable import lost_rows, warn_of_lost
from ilk.family.categorical import AbstractCategorical
from ilk.frame import answer, row_labels
from ilk.prediction import new_cases, predict, updated
from ilk.prediction.categories import predict_categories
from ilk.prediction.levels import check_choice
from ilk.prediction.means import Scale
from ilk.show.tidy import predictions

if TYPE_CHECKING:
    from ilk.family.base import AbstractFamily
    from ilk.fitted import Fitted
    from ilk.prediction import Estimand, Interval, NewLevels

__all__ = ["predicted"]


def predicted(
    fitted: Fitted,
    data: Any = None,
    *,
    estimand: Estimand = "conditional",
    scale: Scale = "response",
    interval: Interval = None,
    level: float = 0.95,
    new_levels: NewLevels = "error",
    observed: Any = None,
    per: float | None = None,
    trials: Any = None,
    exposure: Any = None,
    offset: Any = None,
) -> Any:
    """Predict means of the rows of a frame; see `ilk.Fit.predict`.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    data : frame, optional
        Rows to predict; those of the fit by default.
    estimand, scale, interval, level, new_levels
        The question, see `ilk.prediction.predict.predict`.
    observed : frame, optional
        Rows with responses of clusters that came after the fit.
    per : float, optional
        Units of exposure that the means are for.
    trials, exposure, offset : str or array, optional
        In place of the columns that the fit used.

    Returns
    -------
    frame
        A row per row of the data, of the make of the data and with its index; of the rows of the
        fit with their positions in its data.
    """
    update = updated(fitted, data, observed, estimand)
    cases = new_cases(
        fitted,
        data,
        estimand,
        trials=trials,
        exposure=exposure,
        offset=offset,
        per=per,
        design=None if update is None else update.design,
    )
    question: dict[str, Any] = {
        "estimand": estimand,
        "interval": interval,
        "level": level,
        "new_levels": new_levels,
        "effects": None if update is None else update.effects,
    }
    each = fitted.family.categorical and scale != "link"
    if each:
        check_choice("scale", scale, Scale)
        means = predict_categories(fitted, cases.cases, **question)
    else:
        means = [predict(fitted, cases.cases, scale=scale, **question)]
    lost = None if data is None else lost_rows(fitted, data, cases.kept)
    if lost is not None:
        means = [part.without(lost) for part in means]
        warn_of_lost(fitted, int(lost.sum()), len(lost), stacklevel=3)
    name = fitted.design.exposure_name
    parts = [cases.spread(predictions(part, cases.exposure, name)) for part in means]
    index = fitted.design.rows.kept if data is None else row_labels(data)
    if not each:
        return answer(parts[0], cases.flavor, index)
    index = None if index is None else np.repeat(index, len(parts))
    return answer(_by_category(parts, fitted.family), cases.flavor, index)


def _by_category(parts: Sequence[dict[str, Any]], family: AbstractFamily) -> dict[str, Any]:
    """Tables of each category as one, the categories of a row below each other."""
    assert isinstance(family, AbstractCategorical)
    rows = len(parts[0]["estimate"])
    columns: dict[str, Any] = {"category": list(family.levels) * rows}
    for name, values in parts[0].items():
        every = [part[name] for part in parts]
        if isinstance(values, np.ndarray):
            columns[name] = np.stack(every, axis=1).ravel()
        else:
            columns[name] = [word for words in zip(*every, strict=True) for word in words]
    return columns
