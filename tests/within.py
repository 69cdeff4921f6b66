"""Data for fits within clusters: two crossed factors, a response for each family."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd


@cache
def clustered() -> pd.DataFrame:
    """240 rows in 12 levels of g, crossed with 7 of h."""
    rng = np.random.default_rng(1)
    n = 240
    g, h = rng.integers(0, 12, n), rng.integers(0, 7, n)
    x = rng.normal(size=n) + 0.1 * g
    z = rng.choice(list("abc"), n)
    trials = rng.integers(3, 9, n)
    eta = 0.4 * x + 0.1 * g - 0.5 + 0.3 * (z == "b")
    chance = 1.0 / (1.0 + np.exp(-eta))
    return pd.DataFrame(
        {
            "g": [f"g{i}" for i in g],
            "h": [f"h{i}" for i in h],
            "x": x,
            "z": z,
            "c": (g % 3).astype(float),
            "trials": trials,
            "weight": rng.uniform(0.5, 2.0, n),
            "times": rng.integers(1, 4, n),
            "time": rng.uniform(1.0, 5.0, n),
            "score": eta + rng.normal(size=n),
            "yes": rng.binomial(1, chance),
            "events": rng.binomial(trials, chance),
            "count": rng.poisson(np.exp(eta)),
            "spread": rng.negative_binomial(2, 2.0 / (2.0 + np.exp(eta))),
            "cost": rng.gamma(3.0, np.exp(eta) / 3.0),
            "share": np.clip(rng.beta(3.0 * chance, 3.0 * (1.0 - chance)), 0.001, 0.999),
        }
    )


CASES: tuple[tuple[str, str, str | None, dict[str, Any]], ...] = (
    ("score", "gaussian", None, {}),
    ("score", "gaussian", None, {"precision_weights": "weight"}),
    ("score", "gaussian", None, {"frequency_weights": "times"}),
    ("cost", "gaussian", "log", {}),
    ("yes", "binomial", None, {}),
    ("yes", "binomial", "probit", {}),
    ("yes", "binomial", "cloglog", {}),
    ("events", "binomial", None, {"trials": "trials", "frequency_weights": "times"}),
    ("events", "beta_binomial", None, {"trials": "trials"}),
    ("count", "poisson", None, {"exposure": "time", "offset": "weight"}),
    ("count", "poisson", "sqrt", {}),
    ("spread", "negative_binomial_2", None, {"exposure": "time"}),
    ("spread", "negative_binomial_1", None, {}),
    ("cost", "gamma", None, {"precision_weights": "weight"}),
    ("cost", "gamma", "inverse", {}),
    ("cost", "inverse_gaussian", None, {}),
    ("share", "beta", None, {}),
)
"""Response, family, link and arguments of fits to `clustered`."""
