"""The lists that parametrized tests go through: families, links, structures, data sets.

One row here is what a new family, structure or data set needs to be met by every relation and
contract of the suite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

ROWS = 120
GROUPS = 12


@dataclass(frozen=True)
class FamilyCase:
    """A family as a call of `ilk.fit`: the response column, the arguments, the links it has."""

    name: str
    left: str
    keywords: dict[str, Any]
    links: tuple[str, ...]
    predictors: tuple[str, ...] = ("mean",)
    dispersed: bool = False

    @property
    def linear(self) -> bool:
        """Whether the model is the linear mixed model, with its own engine."""
        return self.name == "gaussian"


FAMILIES: tuple[FamilyCase, ...] = (
    FamilyCase(
        "gaussian", "score", {"family": "gaussian"}, ("identity",), ("mean",), dispersed=True
    ),
    FamilyCase("bernoulli", "died", {"family": "binomial"}, ("logit", "probit", "cloglog")),
    FamilyCase(
        "binomial", "events / trials", {"family": "binomial"}, ("logit", "probit", "cloglog")
    ),
    FamilyCase("poisson", "count", {"family": "poisson"}, ("log", "sqrt")),
    FamilyCase(
        "negative_binomial_1",
        "count",
        {"family": "negative_binomial_1"},
        ("log",),
        ("mean", "dispersion"),
        dispersed=True,
    ),
    FamilyCase(
        "negative_binomial_2",
        "count",
        {"family": "negative_binomial_2"},
        ("log",),
        ("mean", "dispersion"),
        dispersed=True,
    ),
    FamilyCase(
        "gamma",
        "cost",
        {"family": "gamma"},
        ("log", "inverse"),
        ("mean", "dispersion"),
        dispersed=True,
    ),
    FamilyCase(
        "inverse_gaussian",
        "cost",
        {"family": "inverse_gaussian"},
        ("log", "inverse"),
        ("mean", "dispersion"),
        dispersed=True,
    ),
    FamilyCase(
        "lognormal",
        "cost",
        {"family": "lognormal"},
        ("log", "inverse"),
        ("mean", "dispersion"),
        dispersed=True,
    ),
    FamilyCase("exponential", "cost", {"family": "exponential"}, ("log", "inverse")),
    FamilyCase(
        "weibull",
        "cost",
        {"family": "weibull"},
        ("log", "inverse"),
        ("mean", "dispersion"),
        dispersed=True,
    ),
    FamilyCase(
        "beta",
        "share",
        {"family": "beta"},
        ("logit", "probit", "cloglog"),
        ("mean", "dispersion"),
        dispersed=True,
    ),
    FamilyCase(
        "beta_binomial",
        "events / trials",
        {"family": "beta_binomial"},
        ("logit", "probit", "cloglog"),
        ("mean", "dispersion"),
        dispersed=True,
    ),
    FamilyCase(
        "student",
        "score",
        {"family": "student"},
        ("identity", "log"),
        ("mean", "dispersion", "shape"),
        dispersed=True,
    ),
    FamilyCase(
        "skew_normal",
        "lifetime",
        {"family": "skew_normal"},
        ("identity", "log"),
        ("mean", "dispersion", "shape"),
        dispersed=True,
    ),
    FamilyCase(
        "generalized_poisson",
        "count",
        {"family": "generalized_poisson"},
        ("log",),
        ("mean", "dispersion"),
        dispersed=True,
    ),
    FamilyCase(
        "conway_maxwell_poisson",
        "count",
        {"family": "conway_maxwell_poisson"},
        ("log",),
        ("mean", "dispersion"),
        dispersed=True,
    ),
    FamilyCase(
        "tweedie",
        "rain",
        {"family": "tweedie"},
        ("log",),
        ("mean", "dispersion", "shape"),
        dispersed=True,
    ),
    FamilyCase(
        "ordered_beta",
        "cover",
        {"family": "ordered_beta"},
        ("logit",),
        ("mean", "dispersion", "threshold_1", "threshold_2"),
        dispersed=True,
    ),
    FamilyCase("truncated_poisson", "litter", {"family": "truncated_poisson"}, ("log",)),
    FamilyCase(
        "hurdle_gamma",
        "rain",
        {"family": "hurdle_gamma"},
        ("log",),
        ("mean", "dispersion", "zero_inflation"),
        dispersed=True,
    ),
    FamilyCase(
        "zero_inflated_poisson",
        "visits",
        {"family": "poisson", "zero_inflation": "~ 1"},
        ("log",),
        ("mean", "zero_inflation"),
    ),
    FamilyCase(
        "zero_inflated_negative_binomial_2",
        "visits",
        {"family": "negative_binomial_2", "zero_inflation": "~ 1"},
        ("log",),
        ("mean", "dispersion", "zero_inflation"),
        dispersed=True,
    ),
    FamilyCase(
        "gaussian_log",
        "cost",
        {"family": "gaussian", "link": "log"},
        ("log",),
        ("mean", "dispersion"),
        dispersed=True,
    ),
)


def with_exponent(link: str) -> str:
    """Name of a link as it is asked for: that of a power has an exponent."""
    return "power(0.5)" if link == "power" else link


# Covariance structures of a term with q random effects, and their number of parameters.
COVARIANCES: dict[str, Callable[[int], int]] = {
    "us": lambda q: q * (q + 1) // 2,
    "diag": lambda q: q,
    "cs": lambda q: q + 1,
}


@dataclass(frozen=True)
class DesignCase:
    """Random terms, the grouping columns they use, and what may be asked of them."""

    name: str
    terms: str
    single: bool = False
    width: int = 1
    tags: tuple[str, ...] = field(default=())


DESIGNS: tuple[DesignCase, ...] = (
    DesignCase("intercept", "(1 | g)", single=True),
    DesignCase("slope", "(1 + x | g)", single=True, width=2),
    DesignCase("independent", "(1 + x || g)", width=2),
    DesignCase("nested", "(1 | g) + (1 | g:h)"),
    DesignCase("crossed", "(1 | g) + (1 | h)"),
)


def table(seed: int = 3) -> pd.DataFrame:
    """120 rows in 12 groups crossed with 5 others, a response for every family.

    Two covariates act on every response and both factors have an effect; the draws are such that
    no optimum is on the boundary for a random intercept of g.
    """
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(GROUPS), ROWS // GROUPS)
    h = rng.integers(0, 5, ROWS)
    x, z = rng.normal(0.0, 1.0, ROWS), rng.integers(0, 2, ROWS).astype(float)
    effects = 0.6 * rng.standard_normal(GROUPS)[g] + 0.4 * rng.standard_normal(5)[h]
    eta = 0.4 * x - 0.3 * z + effects + 0.4 * rng.standard_normal(GROUPS)[g] * x
    probability = 1.0 / (1.0 + np.exp(-eta))
    mean = np.exp(0.9 + eta)
    trials = rng.integers(3, 12, ROWS)
    count = rng.negative_binomial(2.0, 2.0 / (2.0 + mean))
    more = np.random.default_rng([seed, 1])  # of columns that came later: the others stay
    storms = more.poisson(0.6 * mean)
    latent = eta + more.logistic(size=ROWS)
    inside = more.beta(4 * probability, 4 * (1 - probability))
    return pd.DataFrame(
        {
            "score": 5.0 + 2.0 * eta + rng.normal(0.0, 1.5, ROWS),
            "died": (rng.random(ROWS) < probability).astype(float),
            "events": rng.binomial(trials, rng.beta(3 * probability, 3 * (1 - probability))),
            "trials": trials,
            "count": count,
            "visits": count * (rng.random(ROWS) > 0.25),
            "cost": rng.gamma(4.0, np.exp(1.0 + 0.5 * eta) / 4.0),
            "share": np.clip(rng.beta(4 * probability, 4 * (1 - probability)), 0.01, 0.99),
            "lifetime": 2.0 * eta
            + 1.5 * (np.abs(more.normal(size=ROWS)) + 0.2 * more.normal(size=ROWS)),
            "rain": np.where(storms > 0, more.gamma(2.0 * np.maximum(storms, 1), 0.7), 0.0),
            "cover": np.where(latent < -2.0, 0.0, np.where(latent > 2.0, 1.0, inside)),
            "litter": np.maximum(more.poisson(mean), 1),
            "x": x,
            "z": z,
            "g": [f"g{i:02d}" for i in g],
            "h": [f"h{i}" for i in h],
            "repeats": rng.integers(1, 4, ROWS),
            "precision": rng.uniform(0.5, 2.0, ROWS),
        }
    )


DATASETS: dict[str, Callable[[], pd.DataFrame]] = {"groups": table}
