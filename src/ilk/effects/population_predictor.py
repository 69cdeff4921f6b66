r"""The linear predictor of the population: the link of the mean averaged over random effects.

.. math:: \eta_M = g\left(E\, g^{-1}(\eta + \sqrt{v}\,x)\right), \qquad x \sim N(0, 1)

Where it has a closed form, that is used: :math:`\eta` for the identity, :math:`\eta + v/2` for the
logarithm, :math:`\eta/\sqrt{1 + v}` for the probit.  All else is integrated
(`ilk.prediction.population`); probabilities are averaged in the tail where they, or their
complements, are small, so that no digit is lost where they come near to one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import FitError, ModelError
from ilk.family.link import Cloglog, Identity, Log, Logit, Probit
from ilk.num.stable import special
from ilk.prediction.population import CLOSED_FORMS, Averaged, average

if TYPE_CHECKING:
    from ilk.family.link import AbstractLink
    from ilk.typing import BoolArray, FloatArray

__all__ = ["population_predictor"]

_RARE = -40.0
"""Below it, ten standard deviations of random effects included, probabilities are exponentials."""

_TAIL = 9.0
"""Standard deviations summed over."""

_CELLS = 1 << 18
"""Function values held at one time."""


def population_predictor(link: AbstractLink, eta: FloatArray, variance: FloatArray) -> Averaged:
    """Compute the link of the mean over the population of clusters.

    Parameters
    ----------
    link : AbstractLink
        The link.
    eta : (n,) array
        Linear predictors without the random parts.
    variance : (n,) array
        Variances of the random parts.

    Returns
    -------
    Averaged
        The population's linear predictors with their derivatives; where there is no variance they
        are `eta`, and the derivative in the variance is reported as zero.

    Raises
    ------
    ModelError
        The mean does not exist under this link.
    FitError
        A mean is 0 or 1 to rounding, so that its link is infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.family.link import Logit, Probit
    >>> population_predictor(Probit(), np.array([1.0]), np.array([3.0])).value
    array([0.5])
    >>> population_predictor(Logit(), np.array([1.0]), np.array([3.0])).value.round(6)
    array([0.661385])
    """
    random = variance > 0.0
    if not random.any():
        return _known(eta)
    if not link.averages:
        raise ModelError(
            f"The mean over the population does not exist for link {link.name!r}, whose normal "
            "random effects reach linear predictors without a finite mean: so there are no "
            "population-averaged coefficients. Those in one cluster are in fit.params.",
            code="population-mean",
        )
    found = _CLOSED.get(type(link), _averaged)(link, eta[random], variance[random])
    lost = int(np.sum(~np.isfinite(found.value)))
    if lost:
        raise FitError(
            f"In {lost} of {len(eta)} rows the mean over the population is 0 or 1 to rounding, so "
            "that its link is infinite and there are no population-averaged coefficients. Look "
            "for extreme values of the covariates, or for separation.",
            code="population-mean",
        )
    return _put(_known(eta), random, found)


def _known(eta: FloatArray) -> Averaged:
    return Averaged(eta.copy(), (np.ones_like(eta),), (np.zeros_like(eta),))


def _put(into: Averaged, rows: BoolArray, found: Averaged) -> Averaged:
    """Averages in which some rows are replaced."""
    into.value[rows] = found.value
    into.by_eta[0][rows] = found.by_eta[0]
    into.by_variance[0][rows] = found.by_variance[0]
    return into


def _identity(link: AbstractLink, eta: FloatArray, variance: FloatArray) -> Averaged:
    return _known(eta)


def _log(link: AbstractLink, eta: FloatArray, variance: FloatArray) -> Averaged:
    return Averaged(eta + 0.5 * variance, (np.ones_like(eta),), (np.full_like(eta, 0.5),))


def _probit(link: AbstractLink, eta: FloatArray, variance: FloatArray) -> Averaged:
    shrink = 1.0 / np.sqrt(1.0 + variance)
    return Averaged(eta * shrink, (shrink,), (-0.5 * eta * shrink**3,))


def _logit(link: AbstractLink, eta: FloatArray, variance: FloatArray) -> Averaged:
    """By symmetry always in the lower tail."""
    sign = np.where(eta > 0.0, -1.0, 1.0)
    low = _small(link, sign * eta, variance)
    return Averaged(sign * low.value, low.by_eta, (sign * low.by_variance[0],))


def _cloglog(link: AbstractLink, eta: FloatArray, variance: FloatArray) -> Averaged:
    """Probabilities where these are small, elsewhere their complements exp(-exp(eta))."""
    out, high = _known(eta), eta > 0.0
    if not high.all():
        out = _put(out, ~high, _small(link, eta[~high], variance[~high]))
    if high.any():
        out = _put(out, high, _survival(eta[high], np.sqrt(variance[high])))
    return out


def _small(link: AbstractLink, eta: FloatArray, variance: FloatArray) -> Averaged:
    """Probabilities that are small, where the link is a logarithm in the limit."""
    rare = eta + variance + 10.0 * np.sqrt(variance) < _RARE
    out = _log(link, eta, variance)
    return out if rare.all() else _put(out, ~rare, _averaged(link, eta[~rare], variance[~rare]))


def _survival(eta: FloatArray, deviation: FloatArray) -> Averaged:
    r"""Link of the complement :math:`1 - S`, with :math:`S = E \exp(-e^{\eta + sx})`.

    The integrand, :math:`\exp(-x^2/2 - e^{\eta + sx})`, is log-concave with its mode at
    :math:`-w/s`, :math:`w e^w = s^2 e^\eta`, and there has the curvature 1 + w.  It falls as fast
    as a normal density of that curvature on the right, of curvature 1 on the left, and decays in
    the strip of half width :math:`\pi/2s` around the real line: a trapezoidal sum over this range
    with a step to match gives the logarithm of S, however small S is.
    """
    w = np.real(special().lambertw(deviation**2 * np.exp(eta)))
    width = 1.0 / np.sqrt(1.0 + w)
    step = np.minimum(0.6 * width, 0.33 / deviation)
    nodes = int(np.ceil(np.max((_TAIL + _TAIL * width) / step)))
    out = [np.empty_like(eta) for _ in range(3)]
    for rows in np.array_split(np.arange(len(eta)), -(-len(eta) * nodes // _CELLS)):
        s, h = deviation[rows, None], step[rows, None]
        x = -(w[rows] / deviation[rows])[:, None] + (h * np.arange(nodes + 1) - _TAIL)
        hazard = np.exp(eta[rows, None] + s * x)
        height = -0.5 * x * x - hazard
        top = height.max(axis=1, keepdims=True)
        weight = np.exp(height - top)
        total = weight.sum(axis=1)
        averaged = -(np.log(total * h[:, 0] / np.sqrt(2.0 * np.pi)) + top[:, 0])
        first = np.sum(weight * hazard, axis=1) / total
        second = np.sum(weight * hazard * (hazard - 1.0), axis=1) / total
        out[0][rows] = np.log(averaged)
        out[1][rows] = first / averaged
        out[2][rows] = -0.5 * second / averaged
    return Averaged(out[0], (out[1],), (out[2],))


def _averaged(link: AbstractLink, eta: FloatArray, variance: FloatArray) -> Averaged:
    """Any link: the averaged mean, its link, and the chain rule."""
    if link.name in CLOSED_FORMS:
        mean = CLOSED_FORMS[link.name](eta, variance)
    else:
        mean = average(lambda e: link.inverse(e[0]), [eta], [variance], derivatives=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = link.link(mean.value)
        return _scaled(mean, value, 1.0 / link.derivative(value))


def _scaled(averaged: Averaged, value: FloatArray, scale: FloatArray) -> Averaged:
    """Another value, whose derivatives are those of the average times a factor."""
    return Averaged(value, (averaged.by_eta[0] * scale,), (averaged.by_variance[0] * scale,))


_CLOSED: dict[type, Callable[[AbstractLink, FloatArray, FloatArray], Averaged]] = {
    Identity: _identity,
    Log: _log,
    Probit: _probit,
    Logit: _logit,
    Cloglog: _cloglog,
}
"""Links of which more is known than their inverse."""
