r"""Random data sets, each with the model to fit and, for a third of them, a singular optimum.

Everything follows from one seed per data set. The designs vary in the family, the number of
grouping factors (one, nested, crossed), of random effects per level (1 to 3), of rows and groups
(many groups of two or three rows among them), in whether slopes are centered (years such as 2009),
and in the scale of covariates and of Gaussian responses (1e-8 to 1e8). A third have random effects
of a lower rank than the model: none at all, or slopes that are a multiple of the intercepts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

FAMILIES = (
    "gaussian",
    "gaussian",
    "gaussian",
    "bernoulli",
    "binomial",
    "poisson",
    "negative_binomial_1",
    "negative_binomial_2",
    "gamma",
    "inverse_gaussian",
    "beta",
    "beta_binomial",
    "zero_inflated_poisson",
)

COUNTS_OF_TRIALS = (2, 12)


@dataclass(frozen=True, slots=True)
class RandomModel:
    """A data set and the call that fits it."""

    seed: int
    family: str
    formula: str
    keywords: dict[str, Any]
    data: pd.DataFrame
    singular: bool
    design: str
    slope_scale: float
    response_scale: float

    def describe(self) -> dict[str, Any]:
        """Return what is recorded of it."""
        return {
            "seed": self.seed,
            "family": self.family,
            "formula": self.formula,
            "rows": len(self.data),
            "groups": int(self.data["g"].nunique()),
            "singular_by_construction": self.singular,
            "design": self.design,
            "slope_scale": self.slope_scale,
            "response_scale": self.response_scale,
        }


def random_model(seed: int) -> RandomModel:
    """Return the data set of a seed."""
    rng = np.random.default_rng([20240611, seed])
    family = FAMILIES[seed % len(FAMILIES)]
    singular = bool(rng.random() < 1 / 3)
    design = str(rng.choice(["one", "one", "nested", "crossed"]))
    q = int(rng.choice([1, 1, 2, 2, 3]))
    groups = int(rng.integers(6, 41))
    size = int(rng.integers(3, 20)) if rng.random() < 0.8 else int(rng.integers(2, 4))
    n = groups * size
    # As many random effects as rows cannot be told from a Gaussian residual.
    q = min(q, size - 1)
    design = "one" if design == "nested" and size < 5 else design

    g = rng.permutation(np.repeat(np.arange(groups), size))
    scale = float(10.0 ** rng.uniform(-8, 8)) if rng.random() < 0.4 else 1.0
    x = rng.standard_normal(n)
    z = rng.integers(0, 2, n).astype(float)
    years = bool(rng.random() < 0.25)
    column = 2001.0 + rng.integers(0, 20, n) if years else scale * x
    standard = (column - column.mean()) / column.std()

    effects, terms = _effects(rng, g, q, standard, z, singular)
    second, extra = _second_factor(rng, design, g, n, groups, singular)
    eta = 0.3 * standard - 0.4 * z + effects + second
    y, response_scale, columns = _response(rng, family, eta, g, singular)
    data = pd.DataFrame({"y": y, "x": column, "z": z, "g": [f"g{i}" for i in g], **columns})
    if extra is not None:
        data["h"] = [f"h{i}" for i in extra]
    formula, keywords = _call(family, terms, design)
    if family == "gaussian" and rng.random() < 0.5:
        keywords["reml"] = False
    kind = f"{design}, q = {q}" + (", years" if years else "")
    return RandomModel(seed, family, formula, keywords, data, singular, kind, scale, response_scale)


def _effects(
    rng: np.random.Generator,
    g: np.ndarray,
    q: int,
    x: np.ndarray,
    z: np.ndarray,
    singular: bool,
) -> tuple[np.ndarray, str]:
    """Contribution of the random effects of g, and the term that models them."""
    columns = np.column_stack([np.ones(len(x)), x, z])[:, :q]
    groups = int(g.max()) + 1
    factor = np.tril(rng.normal(0.0, 0.4, (q, q)))
    factor[np.diag_indices(q)] = rng.uniform(0.2, 1.0, q)
    if singular:
        factor[:, 1:] = 0.0
        if q == 1 or rng.random() < 0.5:
            factor[:] = 0.0
    b = rng.standard_normal((groups, q)) @ factor.T
    bar = "||" if q > 1 and rng.random() < 0.3 else "|"
    term = f"(1 {bar} g)" if q == 1 else f"(1 + {' + '.join(['x', 'z'][: q - 1])} {bar} g)"
    return np.einsum("ij,ij->i", columns, b[g]), term


def _second_factor(
    rng: np.random.Generator, design: str, g: np.ndarray, n: int, groups: int, singular: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Contribution and codes of a second grouping factor, if the design has one."""
    if design == "one":
        return np.zeros(n), None
    levels = int(rng.integers(4, 13))
    h = rng.integers(0, 3 if design == "nested" else levels, n)
    sd = 0.0 if singular and rng.random() < 0.5 else 0.5
    cell = g * 3 + h if design == "nested" else h
    return sd * rng.standard_normal(int(cell.max()) + 1)[cell], h


def _call(family: str, term: str, design: str) -> tuple[str, dict[str, Any]]:
    left = {"binomial": "y / trials", "beta_binomial": "y / trials"}.get(family, "y")
    second = {"one": "", "nested": " + (1 | g:h)", "crossed": " + (1 | h)"}[design]
    formula = f"{left} ~ x + z + {term}{second}"
    names = {"bernoulli": "binomial", "zero_inflated_poisson": "poisson"}
    keywords: dict[str, Any] = {"family": names.get(family, family)}
    if family == "zero_inflated_poisson":
        keywords["zero_inflation"] = "~ 1"
    if family in {"gamma", "inverse_gaussian"}:
        keywords["link"] = "log"
    return formula, keywords


def _response(
    rng: np.random.Generator, family: str, eta: np.ndarray, g: np.ndarray, singular: bool
) -> tuple[np.ndarray, float, dict[str, np.ndarray]]:
    """Draw the response; Gaussian ones on a random scale and far from zero."""
    n = len(eta)
    if family == "gaussian":
        noise = rng.standard_normal(n)
        if singular and rng.random() < 0.5:
            noise -= (np.bincount(g, noise) / np.bincount(g))[g]
        scale = float(10.0 ** rng.uniform(-8, 8)) if rng.random() < 0.4 else 1.0
        shift = float(rng.choice([0.0, 0.0, 1e3])) * scale
        return shift + scale * (eta + noise), scale, {}
    mu = np.exp(np.clip(0.8 + eta, -6, 6))
    probability = 1.0 / (1.0 + np.exp(-eta))
    if family == "bernoulli":
        return (rng.random(n) < probability).astype(float), 1.0, {}
    if family in {"binomial", "beta_binomial"}:
        trials = rng.integers(*COUNTS_OF_TRIALS, n)
        if family == "beta_binomial":
            probability = rng.beta(probability / 0.3, (1.0 - probability) / 0.3)
        y = rng.binomial(trials, probability).astype(float)
        return y, 1.0, {"trials": trials.astype(float)}
    draws = {
        "poisson": lambda: rng.poisson(mu),
        "negative_binomial_1": lambda: rng.negative_binomial(mu / 0.8, 1.0 / 1.8),
        "negative_binomial_2": lambda: rng.negative_binomial(2.0, 2.0 / (2.0 + mu)),
        "gamma": lambda: rng.gamma(3.0, mu / 3.0),
        "inverse_gaussian": lambda: rng.wald(mu, 3.0),
        "beta": lambda: _inside(rng.beta(probability / 0.15, (1.0 - probability) / 0.15)),
        "zero_inflated_poisson": lambda: rng.poisson(mu) * (rng.random(n) > 0.25),
    }
    return np.asarray(draws[family](), dtype=float), 1.0, {}


def _inside(y: np.ndarray) -> np.ndarray:
    """Keep a proportion strictly between 0 and 1."""
    return np.clip(y, 1e-6, 1.0 - 1e-6)


def log_range(values: list[float]) -> str:
    """Describe the powers of ten that positive numbers span."""
    return f"1e{math.floor(math.log10(min(values)))} to 1e{math.ceil(math.log10(max(values)))}"
