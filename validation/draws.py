"""Responses of every family drawn from NumPy's own distributions, in the documented moments.

Nothing here comes from `ilk.family`: the parameters of NumPy's generators are worked out from the
mean mu and the dispersion phi of `ilk.families`, and the links are written once more.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import optimize, special, stats

PROPORTIONS = {"binomial", "beta_binomial", "beta", "ordered_beta"}
REAL = {"gaussian", "student", "skew_normal"}
COUNTS = {
    "poisson",
    "negative_binomial_1",
    "negative_binomial_2",
    "generalized_poisson",
    "conway_maxwell_poisson",
}
ORDERED = {"cumulative", "adjacent_category", "continuation_ratio"}

INVERSE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda eta: eta,
    "log": np.exp,
    "logit": lambda eta: 1.0 / (1.0 + np.exp(-eta)),
    "probit": stats.norm.cdf,
    "cloglog": lambda eta: 1.0 - np.exp(-np.exp(eta)),
    "loglog": lambda eta: np.exp(-np.exp(-eta)),
    "cauchit": stats.cauchy.cdf,
    "softplus": lambda eta: np.logaddexp(0.0, eta),
    "power": lambda eta: eta**2.0,
    "inverse": lambda eta: 1.0 / eta,
    "inverse_squared": lambda eta: 1.0 / np.sqrt(eta),
    "sqrt": np.square,
}
"""Means of linear predictors, by link."""

LINK: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda mu: mu,
    "log": np.log,
    "logit": lambda mu: np.log(mu / (1.0 - mu)),
    "probit": stats.norm.ppf,
    "cloglog": lambda mu: np.log(-np.log(1.0 - mu)),
    "loglog": lambda mu: -np.log(-np.log(mu)),
    "cauchit": stats.cauchy.ppf,
    "softplus": lambda mu: mu + np.log(-np.expm1(-mu)),
    "power": lambda mu: mu**0.5,
    "inverse": lambda mu: 1.0 / mu,
    "inverse_squared": lambda mu: mu**-2.0,
    "sqrt": np.sqrt,
}
"""Linear predictors of means, by link."""


def response(
    family: str,
    mu: np.ndarray,
    phi: np.ndarray | float,
    rng: np.random.Generator,
    trials: np.ndarray | None = None,
    excess: np.ndarray | float = 0.0,
    shape: float = 0.0,
    cuts: tuple[float, float] = (-np.inf, np.inf),
    link: str = "logit",
) -> np.ndarray:
    """Draw one response per row.

    Parameters
    ----------
    family : str
        Name in the registry, `truncated_` and `hurdle_` before it where they belong.
    mu : (n,) array
        Means; probabilities where there are trials.
    phi : (n,) array or float
        Dispersion as in `ilk.families`; without meaning for families that have none.
    rng : numpy.random.Generator
        Source of randomness.
    trials : (n,) array, optional
        Numbers of trials; ones by default.
    excess : (n,) array or float
        Probability of an excess zero.
    shape : float
        Degrees of freedom of Student's t, alpha of the skew normal, power of Tweedie.
    cuts : (float, float)
        Thresholds of ordered beta, on the scale of the link.
    link : str
        Link of ordered beta.
    """
    for wrapper in ("truncated_", "hurdle_"):
        if family.startswith(wrapper):
            return _without_zeros(family.removeprefix(wrapper), mu, phi, rng, excess)
    n = np.ones(len(mu), int) if trials is None else np.asarray(trials, int)
    draws: dict[str, Callable[[], np.ndarray]] = {
        "gaussian": lambda: rng.normal(mu, np.sqrt(phi)),
        "student": lambda: mu + np.sqrt(phi) * rng.standard_t(shape, len(mu)),
        "skew_normal": lambda: _skew_normal(mu, phi, shape, rng),
        "binomial": lambda: rng.binomial(n, mu),
        "poisson": lambda: rng.poisson(mu),
        # NumPy: number of failures before k successes of probability p, mean k (1 - p) / p
        "negative_binomial_1": lambda: rng.negative_binomial(mu / phi, 1.0 / (1.0 + phi)),
        "negative_binomial_2": lambda: rng.negative_binomial(1.0 / phi, 1.0 / (1.0 + phi * mu)),
        "generalized_poisson": lambda: _progeny(mu, phi, rng),
        "conway_maxwell_poisson": lambda: _conway_maxwell(mu, phi, rng),
        "gamma": lambda: rng.gamma(1.0 / phi, phi * mu),
        "inverse_gaussian": lambda: rng.wald(mu, 1.0 / phi),
        "lognormal": lambda: rng.lognormal(np.log(mu) - 0.5 * phi, np.sqrt(phi)),
        "exponential": lambda: rng.exponential(mu),
        "weibull": lambda: mu / special.gamma(1.0 + phi) * rng.weibull(1.0 / phi, len(mu)),
        "tweedie": lambda: _sums_of_gammas(mu, phi, shape, rng),
        "beta": lambda: rng.beta(mu / phi, (1.0 - mu) / phi),
        "ordered_beta": lambda: _ordered_beta(mu, phi, cuts, link, rng),
        "beta_binomial": lambda: rng.binomial(n, rng.beta(mu / phi, (1.0 - mu) / phi)),
    }
    y = np.asarray(draws[family](), float)
    return np.where(rng.random(len(mu)) < excess, 0.0, y)


def category(
    family: str,
    link: str,
    eta: np.ndarray,
    thresholds: np.ndarray,
    rng: np.random.Generator,
    sigma: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Draw one category 0, ..., J - 1 per row.

    Parameters
    ----------
    family, link : str
        Names of an ordinal family and of its link.
    eta : (n,) array
        Linear predictors.
    thresholds : (J - 1,) array
        Thresholds.
    rng : numpy.random.Generator
        Source of randomness.
    sigma : (n,) array or float
        Scale of the latent variable of a cumulative model.
    """
    n, steps = len(eta), len(thresholds)
    if family == "cumulative":  # a latent variable
        noise = LINK[link](rng.uniform(size=n))
        return np.sum(eta[:, None] + (sigma * noise)[:, None] > thresholds, axis=1)
    if family == "continuation_ratio":  # stops on the way
        stops = rng.uniform(size=(n, steps)) < INVERSE[link](thresholds - eta[:, None])
        return np.where(stops.any(axis=1), stops.argmax(axis=1), steps)
    scores = np.concatenate([np.zeros((n, 1)), np.cumsum(eta[:, None] - thresholds, 1)], axis=1)
    return np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)


def _without_zeros(
    family: str,
    mu: np.ndarray,
    phi: np.ndarray | float,
    rng: np.random.Generator,
    excess: np.ndarray | float,
) -> np.ndarray:
    """Draw until it is not zero, then put the zeros of a hurdle."""
    wide = np.broadcast_to(phi, np.shape(mu))
    y = np.zeros(len(mu))
    while len(left := np.flatnonzero(y == 0.0)):
        y[left] = response(family, mu[left], wide[left], rng)
    return np.where(rng.random(len(mu)) < excess, 0.0, y)


def _skew_normal(
    mu: np.ndarray, phi: np.ndarray | float, alpha: float, rng: np.random.Generator
) -> np.ndarray:
    """Mean and variance given; |Z1| and Z2 make the skewness (Azzalini 1985)."""
    delta = alpha / np.hypot(1.0, alpha)
    half = np.abs(rng.normal(size=len(mu)))
    z = delta * half + np.sqrt(1.0 - delta**2) * rng.normal(size=len(mu))
    mean = delta * np.sqrt(2.0 / np.pi)
    return mu + np.sqrt(phi) * (z - mean) / np.sqrt(1.0 - mean**2)


def _progeny(mu: np.ndarray, phi: np.ndarray | float, rng: np.random.Generator) -> np.ndarray:
    """Total progeny of a branching process, for phi >= 1 (Consul and Famoye 1992)."""
    s = 1.0 / np.sqrt(np.broadcast_to(phi, np.shape(mu)))
    living = rng.poisson(s * mu)
    total = living.copy()
    while living.any():
        living = rng.poisson((1.0 - s) * living)
        total += living
    return total


def _conway_maxwell(
    mu: np.ndarray, phi: np.ndarray | float, rng: np.random.Generator
) -> np.ndarray:
    """Invert sums of exp(k log lambda - lgamma(k + 1) / phi), lambda found from the mean.

    Made for few different values of mu and phi together.
    """
    wide = np.broadcast_to(phi, np.shape(mu))
    pairs, which = np.unique(np.stack([mu, wide], axis=1), axis=0, return_inverse=True)
    k = np.arange(0.0, np.ceil(mu.max() + 60.0 * np.sqrt(wide.max() * mu.max() + 1.0)))
    y, u = np.zeros(len(mu)), rng.random(len(mu))
    for j, (mean, dispersion) in enumerate(pairs):

        def shares(rate: float, nu: float = 1.0 / dispersion) -> np.ndarray:
            logs = k * rate - nu * special.gammaln(k + 1.0)
            parts = np.exp(logs - logs.max())
            return np.asarray(parts / parts.sum())

        rate = optimize.brentq(lambda r, m=mean: k @ shares(r) - m, -60.0, 60.0, xtol=1e-13)
        rows = np.flatnonzero(which.ravel() == j)
        y[rows] = np.searchsorted(np.cumsum(shares(rate)), u[rows])
    return y


def _sums_of_gammas(
    mu: np.ndarray, phi: np.ndarray | float, power: float, rng: np.random.Generator
) -> np.ndarray:
    """Poisson many gamma variables (Jorgensen 1987)."""
    many = rng.poisson(mu ** (2.0 - power) / (phi * (2.0 - power)))
    shape = many * (2.0 - power) / (power - 1.0)
    size = phi * (power - 1.0) * mu ** (power - 1.0)
    return np.where(many > 0, rng.gamma(np.maximum(shape, 1e-300), size), 0.0)


def _ordered_beta(
    mu: np.ndarray,
    phi: np.ndarray | float,
    cuts: tuple[float, float],
    link: str,
    rng: np.random.Generator,
) -> np.ndarray:
    """Zero, between, or one by a latent variable (Kubinec 2022)."""
    latent = LINK[link](mu) - LINK[link](rng.uniform(size=len(mu)))
    y = rng.beta(mu / phi, (1.0 - mu) / phi)
    return np.where(latent < cuts[0], 0.0, np.where(latent > cuts[1], 1.0, y))
