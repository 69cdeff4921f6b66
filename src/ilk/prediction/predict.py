r"""Predicted means, their standard errors and intervals.

The prediction of a row is :math:`M(\eta, v)` of `ilk.prediction.population` at the linear
predictors and variances of `ilk.prediction.levels`; its standard error is made in
`ilk.prediction.uncertainty`, its limits in `ilk.prediction.intervals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError
from ilk.inference.small_sample.satterthwaite import satterthwaite
from ilk.inference.wald import check_level, quantiles, two_sided
from ilk.prediction.intervals import cluster_limits, confidence_limits, observation_quantiles
from ilk.prediction.known import KnownEffects, estimated
from ilk.prediction.levels import (
    Assumed,
    Cases,
    Estimand,
    NewLevels,
    assume,
    averaged_covariance,
    averaged_variance,
    check_choice,
    drawn_variances,
    fixed_predictors,
    known_effects,
)
from ilk.prediction.means import Scale, averaged_mean
from ilk.prediction.population import Averaged
from ilk.prediction.uncertainty import estimation_variance

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import BoolArray, FloatArray

__all__ = ["Interval", "Prediction", "Scale", "predict", "strangers_of"]

Interval: TypeAlias = Literal["confidence", "cluster", "prediction", None]
"""Kind of interval around predictions."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predictions of n rows.

    Parameters
    ----------
    estimate : (n,) array
        Predicted means; linear predictors on the scale of the link.
    estimand : str
        The question that they answer.
    interval : str or None
        What the limits are for: ``"confidence"``, ``"cluster"`` or ``"prediction"``.
    std_error, conf_low, conf_high : (n,) arrays or None
        Standard errors of the estimates and limits of the interval; None without an interval.
    strangers : (BoolArray, str) or None
        Of conditional predictions: rows (n,) whose levels were all new, and the question that is
        answered for them instead.
    """

    estimate: FloatArray
    estimand: str
    interval: str | None = None
    std_error: FloatArray | None = None
    conf_low: FloatArray | None = None
    conf_high: FloatArray | None = None
    strangers: tuple[BoolArray, str] | None = None

    @property
    def estimands(self) -> list[str]:
        """The question that each row answers."""
        if self.strangers is None:
            return [self.estimand] * len(self.estimate)
        new, instead = self.strangers
        return [instead if stranger else self.estimand for stranger in new.tolist()]

    def without(self, rows: BoolArray) -> Prediction:
        """Predictions with nan in some rows.

        Parameters
        ----------
        rows : (n,) array of bool
            Which.
        """

        def blank(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else np.where(rows, np.nan, values)

        return replace(
            self,
            estimate=np.where(rows, np.nan, self.estimate),
            std_error=blank(self.std_error),
            conf_low=blank(self.conf_low),
            conf_high=blank(self.conf_high),
        )


def predict(
    fitted: Fitted,
    cases: Cases,
    *,
    estimand: Estimand = "conditional",
    scale: Scale = "response",
    interval: Interval = None,
    level: float = 0.95,
    new_levels: NewLevels = "error",
    effects: KnownEffects | None = None,
) -> Prediction:
    """Predict the mean of each row.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Rows to predict.
    estimand : {"conditional", "typical", "population"}
        The question: these clusters, a cluster with random effects at zero, or the average over
        the distribution of the random effects.
    scale : {"response", "link"}
        Means, or linear predictors of the mean.  On the scale of the link the population's
        prediction is the link of its mean; zero inflation is left out there.
    interval : {None, "confidence", "cluster", "prediction"}
        Interval of the mean, for the mean of a new cluster, or for a new observation.
    level : float
        Coverage.
    new_levels : {"error", "population", "typical"}
        What a conditional prediction does about levels that were not in the data.
    effects : KnownEffects, optional
        The random effects that the codes of the rows speak of; those of the fit by default.

    Returns
    -------
    Prediction
    """
    check_choice("scale", scale, Scale)
    check_choice("interval", interval, Interval)
    level = check_level(level)
    known = estimated(fitted) if effects is None else effects
    assumed = assume(fitted, cases, estimand, new_levels)
    strangers = strangers_of(assumed, estimand, new_levels)
    if interval == "prediction" and scale == "link":
        raise ModelError(
            "interval='prediction' is for new observations, which have no link scale: use "
            "scale='response'.",
            code="interval",
        )
    eta = [
        fixed + random
        for fixed, random in zip(
            fixed_predictors(fitted, cases),
            known_effects(fitted, cases, assumed, known.modes),
            strict=True,
        )
    ]
    G, family = fitted.estimates.covariances, fitted.family
    variance = averaged_variance(fitted, cases, assumed, G)
    both = averaged_covariance(fitted, cases, assumed, G, family.mean_parameters)
    averaged = averaged_mean(
        family, eta, variance, covariance=both, scale=scale, derivatives=interval is not None
    )
    if interval is None:
        return Prediction(averaged.value, estimand, strangers=strangers)
    error = np.sqrt(estimation_variance(fitted, cases, assumed, averaged, known))
    if interval == "confidence":
        z = _quantiles(fitted, cases, estimand, level)
        if scale == "link":
            low, high = averaged.value - z * error, averaged.value + z * error
        else:
            low, high = confidence_limits(fitted.family.link, averaged.value, error, z)
    else:
        center = _uncertain_predictor(fitted, cases, assumed, eta, known)
        if interval == "cluster":
            drawn = drawn_variances(fitted, cases, assumed)
            low, high = cluster_limits(fitted.family, eta, center, *drawn, two_sided(level), scale)
        else:
            both = averaged_covariance(fitted, cases, assumed, G, family.parameters)
            low, high = _observation_limits(fitted, cases, eta, center, variance, both, level)
    return Prediction(averaged.value, estimand, interval, error, low, high, strangers)


def _quantiles(
    fitted: Fitted, cases: Cases, estimand: Estimand, level: float
) -> float | FloatArray:
    """Quantiles for the mean of each row: t where it is a sum of a linear model's coefficients."""
    if not fitted.model.linear or (fitted.design.terms and estimand == "conditional"):
        return two_sided(level)
    if not fitted.design.terms:
        return two_sided(level, float(fitted.nobs - len(fitted.coef)))
    return quantiles(level, satterthwaite(fitted).dfs(cases.X[0]))


def strangers_of(
    assumed: Assumed, estimand: Estimand, new_levels: NewLevels
) -> tuple[BoolArray, str] | None:
    """Rows of which nothing is known, where a conditional prediction was asked for.

    Parameters
    ----------
    assumed : Assumed
        Which effects are known.
    estimand, new_levels
        The question.

    Returns
    -------
    (BoolArray, str) or None
        The rows (n,), and the question that is answered for them instead.
    """
    if estimand != "conditional" or new_levels == "error" or not assumed.known:
        return None
    new: BoolArray = ~np.any(assumed.known, axis=0)
    return (new, new_levels) if new.any() else None


def _uncertain_predictor(
    fitted: Fitted,
    cases: Cases,
    assumed: Assumed,
    eta: Sequence[FloatArray],
    effects: KnownEffects,
) -> FloatArray:
    """(n,) variance of the estimated predictor of the mean itself."""
    one, none = np.ones(cases.rows), np.zeros(cases.rows)
    first = (one, *(none for _ in eta[1:]))  # derivative one in it, zero in all else
    of_predictor = Averaged(eta[0], first, (none,) * len(eta))
    return estimation_variance(fitted, cases, assumed, of_predictor, effects)


def _observation_limits(
    fitted: Fitted,
    cases: Cases,
    eta: Sequence[FloatArray],
    uncertain: FloatArray,
    variance: Sequence[FloatArray],
    covariance: FloatArray | None,
    level: float,
) -> tuple[FloatArray, FloatArray]:
    """Limits for a new observation of each row."""
    family = fitted.family
    spread = [uncertain + variance[0]]
    if covariance is not None:
        covariance = covariance.copy()
        covariance[:, 0, 0] += uncertain
    elif family.name == "gaussian" and family.link.name == "identity":
        residual = _residual_variance(fitted, cases, eta)
        half = two_sided(level) * np.sqrt(spread[0] + residual)
        return eta[0] - half, eta[0] + half
    tails = (0.5 * (1.0 - level), 0.5 * (1.0 + level))
    low, high = observation_quantiles(
        family, eta, [*spread, *variance[1:]], cases.trials, tails, covariance
    )
    if cases.trials is not None:
        return low / cases.trials, high / cases.trials
    return low, high


def _residual_variance(
    fitted: Fitted, cases: Cases, eta: Sequence[FloatArray]
) -> FloatArray | float:
    if not fitted.model.linear:
        return fitted.family.variance(eta, None)
    sigma2 = fitted.estimates.sigma2
    return sigma2 if cases.precision is None else sigma2 / cases.precision
