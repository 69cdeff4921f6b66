r"""Predicted probabilities of every category, their standard errors and intervals.

The probability of category j is a function of the linear predictors, averaged over random effects
as means are: :math:`P_j(\eta, v) = E\, p_j(\eta + \sqrt v\, x)`.  Standard errors are by the delta
method, limits on the scale of the logit, so that they stay between 0 and 1.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.family.categorical import AbstractCategorical
from ilk.family.link import Logit
from ilk.inference.wald import check_level, two_sided
from ilk.prediction.intervals import confidence_limits
from ilk.prediction.known import estimated
from ilk.prediction.levels import (
    assume,
    averaged_variance,
    check_choice,
    fixed_predictors,
    known_effects,
)
from ilk.prediction.population import average
from ilk.prediction.predict import Interval, Prediction, strangers_of
from ilk.prediction.uncertainty import estimation_variance

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.prediction.known import KnownEffects
    from ilk.prediction.levels import Cases, Estimand, NewLevels

__all__ = ["predict_categories"]


def predict_categories(
    fitted: Fitted,
    cases: Cases,
    *,
    estimand: Estimand = "conditional",
    interval: Interval = None,
    level: float = 0.95,
    new_levels: NewLevels = "error",
    effects: KnownEffects | None = None,
) -> list[Prediction]:
    """Predict the probability of every category in each row.

    Parameters
    ----------
    fitted : Fitted
        The fit, of a family of categories.
    cases : Cases
        Rows to predict.
    estimand : {"conditional", "typical", "population"}
        The question: these clusters, a cluster with random effects at zero, or the average over
        the distribution of the random effects.
    interval : {None, "confidence"}
        Interval of the probability.
    level : float
        Coverage.
    new_levels : {"error", "population", "typical"}
        What a conditional prediction does about levels that were not in the data.
    effects : KnownEffects, optional
        The random effects that the codes of the rows speak of; those of the fit by default.

    Returns
    -------
    list of J Prediction

    Raises
    ------
    ModelError
        An interval of single observations, or of clusters, is asked for.
    """
    family = fitted.family
    assert isinstance(family, AbstractCategorical)
    check_choice("interval", interval, Interval)
    if interval in ("cluster", "prediction"):
        raise ModelError(
            f"interval={interval!r} is for means; of the probabilities of categories there are "
            "confidence intervals, interval='confidence'.",
            code="interval",
        )
    z = two_sided(check_level(level))
    known = estimated(fitted) if effects is None else effects
    assumed = assume(fitted, cases, estimand, new_levels)
    strangers = strangers_of(assumed, estimand, new_levels)
    random = known_effects(fitted, cases, assumed, known.modes)
    eta = [a + b for a, b in zip(fixed_predictors(fitted, cases), random, strict=True)]
    variance = averaged_variance(fitted, cases, assumed, fitted.estimates.covariances)
    found = []
    for j in range(family.categories):
        probability = functools.partial(family.probability, j)
        averaged = average(probability, eta, variance, derivatives=interval is not None)
        estimate = averaged.value
        if interval is None:
            found.append(Prediction(estimate, estimand, strangers=strangers))
            continue
        error = np.sqrt(estimation_variance(fitted, cases, assumed, averaged, known))
        low, high = confidence_limits(Logit(), estimate, error, z)
        found.append(Prediction(estimate, estimand, interval, error, low, high, strangers))
    return found
