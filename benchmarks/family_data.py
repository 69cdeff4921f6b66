"""One response of every family, simulated: the tables of the family cases.

All share two covariates and a random intercept; the linear predictor of the responses differs in
its constant only.  The draws come from NumPy alone, not from the families that are timed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

SIZES = {"families_small": (2_000, 100), "families_large": (50_000, 2_000)}
"""Rows and groups."""

THRESHOLDS = (-2.0, -0.5, 0.7, 2.0)


def table(name: str, seed: int) -> pd.DataFrame:
    """All responses for one size."""
    n, groups = SIZES[name]
    rng = np.random.default_rng(seed)
    g = rng.integers(0, groups, n)
    x, z = rng.standard_normal(n), rng.integers(0, 2, n).astype(float)
    eta = 0.3 * x - 0.4 * z + 0.5 * rng.standard_normal(groups)[g]
    present, codes = np.unique(g, return_inverse=True)
    group = pd.Categorical.from_codes(codes, [f"g{level:06d}" for level in present])
    frame = pd.DataFrame({"x": x, "z": z, "g": group})
    return frame.assign(**_counts(eta, rng), **_amounts(eta, rng), **_shares(eta, rng))


def _counts(eta: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    mu = np.exp(0.9 + eta)

    def overdispersed() -> np.ndarray:
        return rng.poisson(mu * rng.gamma(2.0, 0.5, len(mu)))

    zero = rng.random(len(mu)) < 0.25
    positive = _positive(lambda: rng.poisson(mu))
    # Waiting times with shape 2 make counts with less variance than Poisson's.
    waits = np.cumsum(rng.gamma(2.0, 0.5, (60, len(mu))), axis=0)
    return {
        "count": rng.poisson(mu),
        "clumped": rng.poisson(rng.gamma(mu / 1.5, 1.5)),
        "overdispersed": overdispersed(),
        "many_zeros": np.where(zero, 0, overdispersed()),
        "positive": positive,
        "positive_overdispersed": _positive(overdispersed),
        "hurdle": np.where(zero, 0, positive),
        "regular": np.sum(waits < mu, axis=0),
    }


def _positive(draw: Callable[[], np.ndarray]) -> np.ndarray:
    """Draw until no count is zero."""
    y = draw()
    while np.any(y == 0):
        y = np.where(y == 0, draw(), y)
    return y


def _amounts(eta: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    n, mu = len(eta), np.exp(0.9 + eta)
    power, phi = 1.6, 1.5
    number = rng.poisson(mu ** (2.0 - power) / (phi * (2.0 - power)))
    shape = (2.0 - power) / (power - 1.0)
    amount = rng.gamma(number * shape, phi * (power - 1.0) * mu ** (power - 1.0))
    return {
        "amount": np.where(number > 0, amount, 0.0),
        "duration": rng.gamma(2.0, mu / 2.0),
        "passage": rng.wald(mu, 2.0 * mu),
        "size": mu * np.exp(0.6 * rng.standard_normal(n)),
        "lifetime": mu * rng.weibull(1.5, n),
        "heavy_tailed": eta + rng.standard_t(4.0, n),
        "skewed": eta + np.abs(rng.standard_normal(n)) + 0.4 * rng.standard_normal(n),
    }


def _shares(eta: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    p = 1.0 / (1.0 + np.exp(-eta))
    share = np.clip(rng.beta(4.0 * p, 4.0 * (1.0 - p)), 1e-6, 1.0 - 1e-6)
    latent = eta + rng.logistic(size=len(eta))
    chance = rng.beta(3.0 * p, 3.0 * (1.0 - p))
    successes = rng.binomial(10, chance)
    nominal = np.argmax(
        np.stack([0 * eta, eta, 0.5 - eta, 0.5 * eta]) + rng.gumbel(size=(4, len(eta))), axis=0
    )
    return {
        "share": share,
        "score": np.where(latent < -2.0, 0.0, np.where(latent > 2.5, 1.0, share)),
        "successes": successes,
        "failures": 10 - successes,
        "grade": np.searchsorted(THRESHOLDS, latent),
        "kind": nominal,
    }
