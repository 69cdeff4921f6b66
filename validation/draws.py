"""Responses of every family drawn from NumPy's own distributions, in the documented moments.

Nothing here comes from `ilk.family`: the parameters of NumPy's generators are worked out from the
mean mu and the dispersion phi of `ilk.families`, and the links are written once more.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

PROPORTIONS = {"binomial", "beta_binomial", "beta"}
COUNTS = {"poisson", "negative_binomial_1", "negative_binomial_2"}

INVERSE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda eta: eta,
    "log": np.exp,
    "logit": lambda eta: 1.0 / (1.0 + np.exp(-eta)),
    "probit": stats.norm.cdf,
    "cloglog": lambda eta: 1.0 - np.exp(-np.exp(eta)),
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
) -> np.ndarray:
    """Draw one response per row.

    Parameters
    ----------
    family : str
        Name in the registry.
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
    """
    n = np.ones(len(mu), int) if trials is None else np.asarray(trials, int)
    draws: dict[str, Callable[[], np.ndarray]] = {
        "gaussian": lambda: rng.normal(mu, np.sqrt(phi)),
        "binomial": lambda: rng.binomial(n, mu),
        "poisson": lambda: rng.poisson(mu),
        # NumPy: number of failures before k successes of probability p, mean k (1 - p) / p
        "negative_binomial_1": lambda: rng.negative_binomial(mu / phi, 1.0 / (1.0 + phi)),
        "negative_binomial_2": lambda: rng.negative_binomial(1.0 / phi, 1.0 / (1.0 + phi * mu)),
        "gamma": lambda: rng.gamma(1.0 / phi, phi * mu),
        "inverse_gaussian": lambda: rng.wald(mu, 1.0 / phi),
        "beta": lambda: rng.beta(mu / phi, (1.0 - mu) / phi),
        "beta_binomial": lambda: rng.binomial(n, rng.beta(mu / phi, (1.0 - mu) / phi)),
    }
    y = np.asarray(draws[family](), float)
    return np.where(rng.random(len(mu)) < excess, 0.0, y)
