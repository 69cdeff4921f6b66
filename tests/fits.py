"""A few small fits of different kinds, each made once: what tests of questions ask."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import ilk

from .reference.data import case, table


def data_of(name: str) -> pd.DataFrame:
    """Data of a fit."""
    return _DATA[name]()


@cache
def fit_of(name: str) -> Any:
    """The fit of this name; see `FITS`."""
    formula, keywords = FITS[name]
    return ilk.fit(formula, data_of(name), **keywords)


@cache
def _table(identifier: str) -> pd.DataFrame:
    return table(case(identifier))


def _positive() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    group = np.repeat(np.arange(24), 8)
    x = rng.normal(size=192)
    b = rng.normal(size=(24, 2)) @ np.array([[0.5, 0.2], [0.0, 0.3]])
    mu = np.exp(0.5 + 0.3 * x + b[group, 0] + b[group, 1] * x)
    return pd.DataFrame({"y": rng.gamma(4.0, mu / 4.0), "x": x, "g": [f"g{i}" for i in group]})


def _binary() -> pd.DataFrame:
    rng = np.random.default_rng(12)
    group = np.repeat(np.arange(40), 6)
    x = rng.normal(size=240)
    b = 1.2 * rng.normal(size=40)[group]
    p = 1.0 / (1.0 + np.exp(0.3 - x - b))
    frame = pd.DataFrame({"x": x, "g": group, "sex": rng.choice(["f", "m"], 240)})
    frame["y"] = np.where(rng.random(240) < p, "yes", "no")
    return frame


_DATA = {
    "sleepstudy": lambda: _table("lmm-sleepstudy-slope-reml"),
    "dyestuff2": lambda: _table("lmm-dyestuff2-singular-ml"),
    "penicillin": lambda: _table("lmm-penicillin-crossed-reml"),
    "cbpp": lambda: _table("glmm-cbpp-laplace"),
    "ticks": lambda: _table("glmm-grouseticks-olre"),
    "salamanders": lambda: _table("fam-zinb2-salamanders"),
    "gamma": _positive,
    "binary": _binary,
    "weighted": lambda: _positive().assign(w=np.linspace(0.5, 2.0, 192)),
}

FITS: dict[str, tuple[str, dict[str, Any]]] = {
    "sleepstudy": ("Reaction ~ Days + (1 + Days | Subject)", {}),
    "dyestuff2": ("Yield ~ 1 + (1 | Batch)", {"reml": False}),
    "penicillin": ("diameter ~ 1 + (1 | plate) + (1 | sample)", {}),
    "cbpp": ("incidence / size ~ period + (1 | herd)", {"family": "binomial"}),
    "ticks": ("TICKS ~ YEAR + (1 | BROOD) + (1 | LOCATION)", {"family": "poisson"}),
    "salamanders": (
        "count ~ mined + (1 | site)",
        {"family": "negative_binomial_2", "zero_inflation": "~ mined"},
    ),
    "gamma": ("y ~ x + (1 + x | g)", {"family": "gamma", "link": "log"}),
    "binary": ("y ~ x * sex + (1 | g)", {"family": "binomial"}),
    "weighted": ("y ~ x + (1 | g)", {"precision_weights": "w"}),
}
"""Formula and arguments by name."""
