r"""Variances of all sources at given parameters, on the latent scale and on that of the response.

On the latent scale the sources add up,

.. math:: V = \sigma_f^2 + \sum_t v_t + \sigma_d^2,

:math:`\sigma_f^2` the sample variance of the fixed part, :math:`v_t` of each random term
(`ilk.variance.partition_sources`) and :math:`\sigma_d^2` of the distribution.

On the scale of the response the variance of a response is, with the moments taken over the
distribution of all random effects and averaged over rows,

.. math:: V = \operatorname{Var} M(\eta) + E \operatorname{Var}(\mu \mid \eta) + E\,V(\mu),

and a source can be given two shares of it.  The **whole** one, :math:`C_t = \operatorname{Var}
E(Y \mid b_t)`, is all that it explains alone; the sources interact there, and what they explain
together beyond each is a line of its own.  The **additive** one, :math:`\Psi^2 v_t` with
:math:`\Psi = E\, d\mu / d\eta`, is what it explains linearly, as in the response to selection (de
Villemereuil, Schielzeth, Nakagawa and Morrissey 2016, Genetics 204, 1281-1294).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.prediction.levels import row_share
from ilk.prediction.population import average, random_variance
from ilk.variance.distribution import Approximation, distribution_variance, mean_level
from ilk.variance.levels_of_variance import (
    Sample,
    is_additive,
    own_sample,
    predictors_at,
    sample_variance,
)
from ilk.variance.observed import response_variances
from ilk.variance.partition_sources import RowForms

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["LatentVariances", "ObservedVariances", "latent_variances", "observed_variances"]


@dataclass(frozen=True, slots=True)
class LatentVariances:
    """Variances on the scale of the linear predictor.

    Parameters
    ----------
    fixed : float
        Sample variance of the fixed part over the rows.
    population, realised : (T,) arrays
        Of each random term: of a row at average levels, and expected among the rows at hand.
    rest : float
        Residual, or what stands for the distribution.
    """

    fixed: float
    population: FloatArray
    realised: FloatArray
    rest: float


@dataclass(frozen=True, slots=True)
class ObservedVariances:
    """Variances on the scale of the response, of rows at average levels.

    Parameters
    ----------
    mean : float
        Mean of the response over rows and population.
    slope : float
        Psi, the mean of the derivative of the mean in the predictor.
    fixed : float
        Variance over rows of the population's mean.
    whole : (T,) array
        Variance that each random term explains alone.
    together : float
        What all explain together beyond the sum of these.
    additive : (T,) array
        Variance that each explains linearly.
    rest : float
        Mean variance of the distribution.
    """

    mean: float
    slope: float
    fixed: float
    whole: FloatArray
    together: float
    additive: FloatArray
    rest: float


def latent_variances(
    fitted: Fitted,
    psi: FloatArray,
    forms: RowForms,
    approximation: Approximation = "lognormal",
) -> LatentVariances:
    """Split the variance on the scale of the linear predictor.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    psi : (m,) array
        Flat parameter vector.
    forms : RowForms
        Of its rows.
    approximation : {"lognormal", "trigamma", "delta"}
        How a distribution with log link is taken to this scale.

    Returns
    -------
    LatentVariances
    """
    sample = own_sample(fitted)
    known, eta = predictors_at(fitted, psi, sample.cases)
    return LatentVariances(
        fixed=sample_variance(known[0], sample.weights),
        population=forms.population(psi),
        realised=forms.realised(psi),
        rest=_rest(fitted, psi, sample, eta, approximation),
    )


def _rest(
    fitted: Fitted,
    psi: FloatArray,
    sample: Sample,
    eta: list[FloatArray],
    approximation: Approximation,
) -> float:
    """Variance of the residual, or what stands for that of the distribution."""
    weights = sample.weights
    if fitted.model.linear:
        precision = sample.cases.precision
        inverse = np.ones(len(weights)) if precision is None else 1.0 / precision
        return float(np.exp(psi[-1]) * np.average(inverse, weights=weights))
    if is_additive(fitted):
        return float(np.average(fitted.family.variance(eta, None), weights=weights))
    place = mean_level(fitted.family, eta, _by_row(fitted, psi, sample)[0], weights)
    return distribution_variance(fitted.family, place, approximation)


def _by_row(fitted: Fitted, psi: FloatArray, sample: Sample) -> tuple[FloatArray, list[FloatArray]]:
    """Variance (n,) of the random part of each row at average levels, all and term by term."""
    rows = sample.cases.rows
    pairs = zip(sample.cases.columns, fitted.covariances_at(psi), strict=True)
    parts = [
        random_variance(columns, G, rows, row_share(fitted, sample.cases, t))
        for t, (columns, G) in enumerate(pairs)
    ]
    return sum(parts, np.zeros(rows)), parts


def observed_variances(fitted: Fitted, psi: FloatArray, sample: Sample) -> ObservedVariances:
    """Split the variance on the scale of the response, by quadrature.

    Parameters
    ----------
    fitted : Fitted
        The fit; of a binomial response a single trial counts.
    psi : (m,) array
        Flat parameter vector.
    sample : Sample
        Rows to average over.

    Returns
    -------
    ObservedVariances
    """
    _, eta = predictors_at(fitted, psi, sample.cases)
    variance, parts = _by_row(fitted, psi, sample)
    weights, family = sample.weights, fitted.family
    found = response_variances(family, eta, variance, [*parts, variance])
    shared = np.array([np.average(part, weights=weights) for part in found.shared])
    still = [np.zeros_like(variance) for _ in eta[1:]]
    slopes = average(family.mean, eta, [variance, *still], derivatives=True).by_eta[0]
    slope = float(np.average(slopes, weights=weights))
    own = np.array([np.average(part, weights=weights) for part in parts])
    return ObservedVariances(
        mean=float(np.average(found.mean, weights=weights)),
        slope=slope,
        fixed=sample_variance(found.mean, weights),
        whole=shared[:-1],
        together=float(shared[-1] - shared[:-1].sum()),
        additive=slope**2 * own,
        rest=float(np.average(found.total, weights=weights) - shared[-1]),
    )
