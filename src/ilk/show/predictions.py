"""Predictions as a frame of the caller's, a row for each of the rows asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.effects.estimable import lost_rows, warn_of_lost
from ilk.frame import answer, row_labels
from ilk.prediction import new_cases, predict, updated
from ilk.prediction.levels import check_choice
from ilk.prediction.means import Scale
from ilk.prediction.positions import with_positions
from ilk.prediction.quantities import check_interval, quantities, quantity_column
from ilk.prediction.related import related
from ilk.show.tidy import by_category, predictions

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.prediction import Estimand, Interval, NewLevels
    from ilk.prediction.quantities import Of

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
    of: Of | None = None,
    scores: Any = None,
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
    of, scores
        What is asked of a category, see `ilk.prediction.quantities.quantities`.

    Returns
    -------
    frame
        A row per row of the data, of the make of the data and with its index; of the rows of the
        fit with their positions in its data.
    """
    fitted = with_positions(fitted, data, estimand)
    update = updated(fitted, data, observed, estimand) or related(fitted, data, estimand)
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
    check_choice("scale", scale, Scale)
    asked = quantities(fitted, of, scores, linear=scale == "link")
    check_interval(fitted, interval, of)
    means = [predict(part.fitted, cases.cases, scale=scale, **question) for part in asked]
    lost = None if data is None else lost_rows(fitted, data, cases.kept)
    if lost is not None:
        means = [part.without(lost) for part in means]
        warn_of_lost(fitted, int(lost.sum()), len(lost), stacklevel=3)
    name = fitted.design.exposure_name
    parts = [cases.spread(predictions(part, cases.exposure, name)) for part in means]
    index = fitted.design.rows.kept if data is None else row_labels(data)
    if asked[0].label is None:
        return answer(parts[0], cases.flavor, index)
    index = None if index is None else np.repeat(index, len(parts))
    every = by_category(parts, [part.label for part in asked], quantity_column(asked[0], ()))
    return answer(every, cases.flavor, index)
