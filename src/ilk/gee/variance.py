r"""What a marginal model takes from a family: variance function and quasi-likelihood.

The variance of a row is :math:`\phi\, v(\mu) / w`, w the trials of a proportion times the precision
weight.  For the negative binomial (2) and beta-binomial families the dispersion is not such a
factor: there v has the family's phi inside, estimated so that the mean of the squared standardized
residuals is one, and the scale is one.

The quasi-likelihood of a row is :math:`Q = \int_y^\mu w (y - t) / v(t)\, dt` (Wedderburn 1974,
Biometrika 61, p. 439) up to a term in y, such as :math:`y \log\mu - \mu` for counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.family.inflation import ZeroInflated
from ilk.num.stable import xlogy

if TYPE_CHECKING:
    from ilk.family.base import AbstractFamily
    from ilk.typing import FloatArray

__all__ = ["Marginal", "marginal_family"]

_AT_ONE = {"negative_binomial_1": 0.5, "beta": 2.0}
"""v(mu) over the variance at phi = 1, where that is not one: mu, and mu (1 - mu)."""

_LOG_PHI = (-25.0, 25.0)
"""Range of the log dispersion inside of a variance function."""


_QUASI_NODES = 16


@dataclass(frozen=True, slots=True)
class Marginal:
    """Moments of a family, without its likelihood.

    Parameters
    ----------
    family : AbstractFamily
        The family.
    shaped : bool
        Whether its dispersion changes the shape of the variance function.
    """

    family: AbstractFamily
    shaped: bool

    def variance(self, eta: FloatArray, trials: FloatArray | None, log_phi: float) -> FloatArray:
        """Variance function (n,) of the response, or of the proportion of one trial.

        Parameters
        ----------
        eta : (n,) array
            Linear predictor.
        trials : (n,) array or None
            Number of trials; the variance of a proportion is v over them.
        log_phi : float
            Log dispersion, for families where it is part of the shape.
        """
        predictors = [eta]
        if self.family.has_dispersion:
            predictors.append(np.full(len(eta), log_phi if self.shaped else 0.0))
        v = self.family.variance(predictors, trials)
        if trials is not None:
            v = v / trials
        return _AT_ONE.get(self.family.name, 1.0) * v

    def find_log_phi(
        self, eta: FloatArray, trials: FloatArray | None, squares: FloatArray
    ) -> float:
        """Log dispersion at which standardized residuals have mean square one.

        Parameters
        ----------
        eta : (n,) array
            Linear predictor.
        trials : (n,) array or None
            Number of trials.
        squares : (n,) array
            Squared residuals times w.

        Returns
        -------
        float
            An end of the range if there is none.
        """
        from scipy.optimize import brentq

        def excess(log_phi: float) -> float:
            return float(np.mean(squares / self.variance(eta, trials, log_phi))) - 1.0

        low, high = _LOG_PHI
        if excess(low) <= 0.0:
            return low
        return high if excess(high) >= 0.0 else float(brentq(excess, low, high, xtol=1e-12))

    def quasi(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        eta: FloatArray,
        log_phi: float,
    ) -> FloatArray | None:
        """Quasi-likelihood (n,) at scale one, before precision weights; None if undefined.

        Parameters
        ----------
        y : (n,) array
            Response; counts of successes where there are trials.
        trials : (n,) array or None
            Number of trials.
        eta : (n,) array
            Linear predictor.
        log_phi : float
            Log dispersion.
        """
        family, link = self.family, self.family.link
        mu = family.mean([eta])
        n = np.ones_like(y) if trials is None else trials
        phi = float(np.exp(log_phi))
        match family.name:
            case "gaussian":
                return -0.5 * (y - mu) ** 2
            case "poisson" | "negative_binomial_1":
                return _times(y, link.log_inverse(eta)) - mu
            case "binomial" | "beta" | "beta_binomial":
                value = _times(y, link.log_inverse(eta)) + _times(n - y, link.log_complement(eta))
                if family.name == "beta_binomial":
                    value = value / (1.0 + (n - 1.0) * phi / (1.0 + phi))
                return value
            case "gamma":
                return -y / mu - np.log(mu)
            case "inverse_gaussian":
                return -0.5 * y / mu**2 + 1.0 / mu
            case "negative_binomial_2":
                return xlogy(y, mu / (1.0 + phi * mu)) - np.log1p(phi * mu) / phi
        if not family.has_unit_deviance:
            return self._integral(y, eta, log_phi) if trials is None else None
        deviance = family.unit_deviance(y, trials, mu, phi if self.shaped else 1.0)
        return -0.5 * deviance

    def _integral(self, y: FloatArray, eta: FloatArray, log_phi: float) -> FloatArray:
        """Quasi-likelihood (n,) by its definition, the integral of (y - mu) / v over mu."""
        center = float(self.family.link.link(np.array([np.mean(y)]))[0])
        start = center if np.isfinite(center) else 0.0
        half = 0.5 * (eta - start)
        total = np.zeros_like(eta)
        for node, weight in zip(*np.polynomial.legendre.leggauss(_QUASI_NODES), strict=True):
            at = start + half * (1.0 + node)
            slope = self.family.link.derivative(at)
            score = (y - self.family.mean([at])) / self.variance(at, None, log_phi)
            total += weight * half * slope * score
        return total


def _times(x: FloatArray, log: FloatArray) -> FloatArray:
    """X times a logarithm, zero where x is."""
    return np.where(x == 0.0, 0.0, x * np.where(x == 0.0, 0.0, log))


def marginal_family(family: AbstractFamily) -> Marginal:
    """Take the moments of a family; refuse one whose mean is not the link's.

    Parameters
    ----------
    family : AbstractFamily
        The family.

    Raises
    ------
    ModelError
        It is zero-inflated, or has parameters that the equations do not know.
    """
    if isinstance(family, ZeroInflated):
        raise ModelError(
            f"Family {family.name!r}: generalized estimating equations model the overall mean, "
            f"excess zeros included; use family={family.base.name!r}, whose scale and robust "
            "standard errors take them in.",
            code="zero-inflated",
        )
    if family.categorical:
        raise ModelError(
            f"Family {family.name!r}: generalized estimating equations model a mean, which "
            "categories do not have; ilk.fit gives their probabilities in the population, with "
            "cov_with('CR2') for robust standard errors.",
            code="family-not-marginal",
        )
    plain = family.mean_parameters == family.parameters[:1]
    try:
        shaped = _is_shaped(family) if plain else False
    except (IndexError, TypeError, ValueError):  # it takes predictors that there are not
        plain = False
    if not plain:
        raise ModelError(
            f"Family {family.name!r}: generalized estimating equations know a mean and a "
            "dispersion, and its moments depend on other parameters as well.",
            code="family-not-marginal",
        )
    return Marginal(family, shaped)


def _is_shaped(family: AbstractFamily) -> bool:
    """Whether the dispersion does more than multiply the variance."""
    if not family.has_dispersion:
        return False
    low, high = family.mean_range.low, family.mean_range.high
    means = np.array([0.2, 0.5, 0.8])
    if not np.isfinite(high):
        means = (low if np.isfinite(low) else 0.0) + np.array([0.5, 1.0, 4.0])
    eta = family.link.link(means)
    trials = np.array([1.0, 3.0, 10.0]) if family.takes_trials else None
    ratio = family.variance([eta, np.ones(3)], trials) / family.variance([eta, np.zeros(3)], trials)
    return not np.allclose(ratio, ratio[0], rtol=1e-9)
