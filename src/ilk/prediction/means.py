r"""The averaged mean of a family: closed form, product or integral, on either scale.

Most families have the inverse link of the first predictor as their mean, for which `average` or a
closed form is all there is.  Zero inflation multiplies it by the probability of a count proper;
where random effects of different predictors are independent, the average of the product

.. math:: E\,[\sigma(-\eta_z - b_z)\, \mu(\eta + b)]
          = E\,\sigma(-\eta_z - b_z)\; E\,\mu(\eta + b)

is the product of averages in one dimension.  A family of one's own that writes its ``mean`` anew is
integrated in as many dimensions as it has predictors with random effects, as are all means that
depend on several predictors with effects that are correlated (`ilk.prediction.correlated`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError
from ilk.family.base import AbstractFamily
from ilk.family.inflation import ZeroInflated
from ilk.family.link import is_registered
from ilk.num import jets
from ilk.prediction.correlated import average_correlated
from ilk.prediction.population import CLOSED_FORMS, Averaged, average

if TYPE_CHECKING:
    from ilk.family.link import AbstractLink
    from ilk.typing import FloatArray

__all__ = ["Scale", "averaged_mean", "is_inverse_link"]

Scale: TypeAlias = Literal["response", "link"]
"""Scale of means."""


def averaged_mean(
    family: AbstractFamily,
    eta: Sequence[FloatArray],
    variance: Sequence[FloatArray],
    *,
    covariance: FloatArray | None = None,
    scale: Scale = "response",
    derivatives: bool = True,
) -> Averaged:
    """Average the mean of a family over normal random parts of its predictors.

    Parameters
    ----------
    family : AbstractFamily
        Distribution and link.
    eta : sequence of K (n,) arrays
        Linear predictors without the random parts.
    variance : sequence of K (n,) arrays
        Variances of the random parts; zero where there are none.
    covariance : (n, K, K) array, optional
        Covariance matrices of the random parts, where those of different predictors are correlated.
    scale : {"response", "link"}
        Means, or the link of the mean of the first predictor (zero inflation is left out there).
    derivatives : bool
        Whether derivatives in all predictors and variances are needed; closed forms have them
        anyway.

    Returns
    -------
    Averaged

    Raises
    ------
    ModelError
        The mean does not exist.
    """
    if scale == "link" and family.categorical:  # a latent mean, linear in the random effects
        return _padded(CLOSED_FORMS["identity"](eta[0], variance[0]), eta)
    if scale == "link":
        first = _of_link(family.link, eta[0], variance[0], derivatives, linear=True)
        return _padded(first, eta)
    if covariance is not None:
        return average_correlated(family.mean, eta, covariance, derivatives=derivatives)
    if isinstance(family, ZeroInflated):
        counts = averaged_mean(family.base, eta[:-1], variance[:-1], derivatives=derivatives)
        proper = average(
            lambda e: jets.sigmoid(-e[0]), eta[-1:], variance[-1:], derivatives=derivatives
        )
        return _product(counts, proper)
    if is_inverse_link(family):
        return _padded(_of_link(family.link, eta[0], variance[0], derivatives), eta)
    return average(family.mean, eta, variance, derivatives=derivatives)


def is_inverse_link(family: AbstractFamily) -> bool:
    """Whether the mean is the inverse link of the first predictor."""
    return type(family).mean is AbstractFamily.mean


def _of_link(
    link: AbstractLink,
    eta: FloatArray,
    variance: FloatArray,
    derivatives: bool,
    *,
    linear: bool = False,
) -> Averaged:
    """Average of the inverse link, or (linear) the link of that average."""
    random = bool(np.any(variance))
    if linear and not random:
        return CLOSED_FORMS["identity"](eta, variance)
    if random and not link.averages:
        raise ModelError(
            f"The mean over the population does not exist for link {link.name!r}, whose normal "
            "random effects reach linear predictors without a finite mean. Ask for "
            "estimand='typical' instead.",
            code="population-mean",
        )
    if link.name in CLOSED_FORMS and is_registered(link):
        averaged = CLOSED_FORMS[link.name](eta, variance)
    else:
        averaged = average(lambda e: link.inverse(e[0]), [eta], [variance], derivatives=derivatives)
    return _on_link_scale(averaged, link) if linear else averaged


def _on_link_scale(averaged: Averaged, link: AbstractLink) -> Averaged:
    """Link of an averaged mean; derivatives by the chain rule."""
    eta = link.link(averaged.value)
    slope = link.derivative(eta)
    return Averaged(
        eta,
        tuple(d / slope for d in averaged.by_eta),
        tuple(d / slope for d in averaged.by_variance),
    )


def _padded(first: Averaged, eta: Sequence[FloatArray]) -> Averaged:
    """Derivatives of zero in the predictors that the mean does not depend on."""
    if not first.by_eta:
        return first
    rest = tuple(np.zeros_like(eta[0]) for _ in eta[1:])
    return Averaged(first.value, (*first.by_eta, *rest), (*first.by_variance, *rest))


def _product(a: Averaged, b: Averaged) -> Averaged:
    """Product of averages over predictors that follow each other; derivatives by Leibniz's rule."""
    by_eta = (*(d * b.value for d in a.by_eta), *(d * a.value for d in b.by_eta))
    by_variance = (*(d * b.value for d in a.by_variance), *(d * a.value for d in b.by_variance))
    return Averaged(a.value * b.value, by_eta, by_variance)
