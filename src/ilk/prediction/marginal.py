r"""Predicted means of marginal models: always the population's.

The linear predictor of a row is :math:`\eta = x'\beta + o`, its variance :math:`x' V x` with V the
covariance matrix of the coefficients, of the kind of the fit; confidence limits are those of
:math:`\eta`, taken through the inverse of the link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ilk.design.replay import replay
from ilk.errors import ModelError
from ilk.inference.wald import two_sided
from ilk.prediction.intervals import confidence_limits
from ilk.prediction.levels import Cases, check_choice
from ilk.prediction.means import Scale
from ilk.prediction.new_data import NewCases
from ilk.prediction.predict import Interval, Prediction
from ilk.prediction.rates import asked_exposure, at_exposure, check_per

if TYPE_CHECKING:
    from ilk.gee.fitted import GeeFitted

__all__ = ["marginal_cases", "predict_marginal", "refuse_distribution"]

POPULATION = "population"
"""The question that every mean of a marginal model answers."""


def marginal_cases(
    fitted: GeeFitted,
    data: Any = None,
    *,
    exposure: Any = None,
    offset: Any = None,
    per: float | None = None,
) -> NewCases:
    """Make the rows to predict from a frame.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    data : data frame or dict of columns, optional
        New rows; those of the fit by default.  The columns of clusters and order are not needed.
    exposure, offset : str or array, optional
        In place of the columns that the fit used.
    per : float, optional
        Exposure of every row, in place of its own: means are then rates per so many units.  New
        rows that do not have the column of the exposure are for one unit.

    Returns
    -------
    NewCases
    """
    part, design = fitted.model.part, fitted.design
    if data is None:
        if per is not None and exposure is not None:
            check_per(per, exposed=design.exposure is not None, exposure=exposure)
        known, exposed = at_exposure(design, part.offset, per)
        cases = Cases((part.X,), (known,), (), (), design.response.trials)
        return NewCases(cases, design.flavor, len(part.X), exposure=exposed)
    exposure = asked_exposure(design, fitted.model.family, data, exposure, per)
    new = replay(design, data, groups=False, exposure=exposure, offset=offset)
    cases = Cases((new.fixed[0].X,), (new.fixed[0].offset,), (), (), new.trials)
    return NewCases(cases, new.flavor, new.rows.total, new.rows.selection, new.exposure)


def predict_marginal(
    fitted: GeeFitted,
    cases: Cases,
    *,
    scale: Scale = "response",
    interval: Interval = None,
    level: float = 0.95,
) -> Prediction:
    """Predict the population's mean of each row.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    cases : Cases
        Rows to predict.
    scale : {"response", "link"}
        Means, or linear predictors.
    interval : {None, "confidence"}
        Interval of the mean.
    level : float
        Coverage.

    Returns
    -------
    Prediction

    Raises
    ------
    ModelError
        A prediction interval is asked for: a marginal model has means and variances but no
        distribution.
    """
    check_choice("scale", scale, Scale)
    check_choice("interval", interval, Interval)
    if interval not in (None, "confidence"):
        refuse_distribution()
    X, offset = cases.X[0], cases.offsets[0]
    eta = X @ fitted.coef if offset is None else X @ fitted.coef + offset
    link = fitted.family.link
    estimate = eta if scale == "link" else fitted.family.mean([eta])
    if interval is None:
        return Prediction(estimate, POPULATION)
    quantile = two_sided(level, fitted.df())
    error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", X, fitted.vcov, X, optimize=True), 0.0))
    if scale == "link":
        low, high = eta - quantile * error, eta + quantile * error
    else:
        error = error * np.abs(link.derivative(eta))
        low, high = confidence_limits(link, estimate, error, quantile)
    return Prediction(estimate, POPULATION, interval, error, low, high)


def refuse_distribution() -> NoReturn:
    """Say why there are no intervals for what has a distribution."""
    raise ModelError(
        "A marginal model has means and variances but no distribution, so there is no interval for "
        "a new cluster or observation: use interval='confidence', or ilk.fit.",
        code="interval",
    )
