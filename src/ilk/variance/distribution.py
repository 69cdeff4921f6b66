r"""The variance that the distribution of the response adds on the scale of the linear predictor.

What varies between rows of the same cluster has, on the scale of the link, the variance of a latent
variable where there is one: :math:`\sigma^2` of the linear model, :math:`\pi^2/3`, 1 and
:math:`\pi^2/6` behind a binary outcome with logit, probit and complementary log-log link.  For the
log link, with :math:`c = V(\lambda)/\lambda^2` the squared coefficient of variation at the mean
level :math:`\lambda`, three approximations are in use (Nakagawa, Johnson and Schielzeth 2017,
table 1, where they are written out family by family):

.. math:: \log(1 + c) \text{ (lognormal)}, \qquad \psi_1(1/c) \text{ (trigamma)}, \qquad
          c \text{ (delta)}.

Any other link takes the delta method, :math:`V(\lambda)\, (d\eta/d\mu)^2`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError
from ilk.num.stable import special
from ilk.prediction.population import average

if TYPE_CHECKING:
    from ilk.family.base import AbstractFamily
    from ilk.typing import FloatArray

__all__ = ["Approximation", "describe", "distribution_variance", "mean_level"]

Approximation: TypeAlias = Literal["lognormal", "trigamma", "delta"]
"""How the variance of a distribution with log link is taken to the scale of the link."""

_NAMES = {"logit": "pi^2/3", "probit": "1", "cloglog": "pi^2/6", "loglog": "pi^2/6"}


def _has_threshold(family: AbstractFamily) -> bool:
    return (family.takes_trials or family.has_latent) and family.link.latent_variance is not None


def distribution_variance(
    family: AbstractFamily, level: FloatArray, approximation: Approximation
) -> float:
    """Variance of the distribution on the scale of the link.

    Parameters
    ----------
    family : AbstractFamily
        Distribution and link.
    level : (K,) array
        Linear predictors at which it is taken; see `mean_level`.
    approximation : {"lognormal", "trigamma", "delta"}
        For the log link.

    Returns
    -------
    float

    Examples
    --------
    >>> import ilk, numpy as np
    >>> from ilk.family import make_family
    >>> round(distribution_variance(make_family("poisson"), np.log([2.0]), "lognormal"), 6)
    0.405465
    """
    if _has_threshold(family):
        if "zero_inflation" in family.parameters:
            raise ModelError(
                f"The family {family.name!r} has no latent variable whose variance is known; ask "
                "for scale='response'.",
                code="latent-scale",
            )
        threshold = family.link.latent_variance
        if threshold is None or not math.isfinite(threshold):
            raise ModelError(
                f"The latent variable of link {family.link.name!r} has no finite variance; ask for "
                "scale='response'.",
                code="latent-scale",
            )
        return threshold
    if family.categorical:
        raise ModelError(
            f"Categories of family {family.name!r} are not a single latent variable with a known "
            "variance that is cut at thresholds, so that there is no latent scale to share out; "
            "a cumulative model without scale effects has one.",
            code="latent-scale",
        )
    eta = [np.array([value]) for value in level]
    variance = float(family.variance(eta, None)[0])
    if family.link.name == "log":
        relative = variance / float(family.mean(eta)[0]) ** 2
        if approximation == "delta":
            return relative
        if approximation == "trigamma":
            return float(special().polygamma(1, 1.0 / relative))
        return math.log1p(relative)
    return variance / float(family.link.derivative(eta[0])[0]) ** 2


def describe(family: AbstractFamily, approximation: Approximation) -> str:
    """Say which variance stands for the distribution, as a part of a sentence."""
    if _has_threshold(family):
        trial = " of a single trial" if family.name == "beta_binomial" else ""
        return f"{_NAMES[family.link.name]}, that of the latent variable{trial}"
    if family.link.name == "log":
        return {
            "lognormal": "log(1 + V / mean^2)",
            "trigamma": "trigamma(mean^2 / V)",
            "delta": "V / mean^2",
        }[approximation] + " at the mean level, V the variance of the distribution"
    return "the variance at the mean level over the squared slope of the mean (delta method)"


def mean_level(
    family: AbstractFamily,
    predictors: Sequence[FloatArray],
    variance: FloatArray,
    weights: FloatArray,
) -> FloatArray:
    """Linear predictors of a row of average mean, the population's mean averaged over rows.

    Parameters
    ----------
    family : AbstractFamily
        Distribution and link.
    predictors : sequence of K (n,) arrays
        Fixed parts and offsets.
    variance : (n,) array
        Variance of the random part of the mean's predictor.
    weights : (n,) array
        Weights of the rows.

    Returns
    -------
    (K,) array
        Of the mean: the link of the averaged mean (of the counts proper, where there are excess
        zeros); of a dispersion: the logarithm of the averaged dispersion; of excess zeros: the
        logit of their averaged probability.  Under a link without a mean of the population that of
        typical clusters is taken.
    """
    link = family.link
    if not link.averages:
        means = link.inverse(predictors[0])
    elif link.name == "log":
        means = np.exp(predictors[0] + 0.5 * variance)
    else:
        means = average(lambda eta: link.inverse(eta[0]), [predictors[0]], [variance]).value
    level = [float(link.link(np.array(np.average(means, weights=weights))))]
    for name, eta in zip(family.parameters[1:], predictors[1:], strict=True):
        if name == "zero_inflation":
            share = float(np.average(special().expit(eta), weights=weights))
            level.append(float(special().logit(share)))
        else:
            level.append(float(np.log(np.average(np.exp(eta), weights=weights))))
    return np.array(level)
