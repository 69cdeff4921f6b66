"""Predictions as a frame of the caller's, a row for each of the rows asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ilk.effects.estimable import lost_rows, warn_of_lost
from ilk.frame import answer, row_labels
from ilk.prediction import new_cases, predict, updated
from ilk.show.tidy import predictions

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.prediction import Estimand, Interval, NewLevels, Scale

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
    means = predict(
        fitted,
        cases.cases,
        estimand=estimand,
        scale=scale,
        interval=interval,
        level=level,
        new_levels=new_levels,
        effects=None if update is None else update.effects,
    )
    lost = None if data is None else lost_rows(fitted, data, cases.kept)
    if lost is not None:
        means = means.without(lost)
        warn_of_lost(fitted, int(lost.sum()), len(lost), stacklevel=3)
    columns = predictions(means, cases.exposure, fitted.design.exposure_name)
    index = fitted.design.rows.kept if data is None else row_labels(data)
    return answer(cases.spread(columns), cases.flavor, index)
