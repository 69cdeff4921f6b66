"""A stand-in for a fit."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest

from ilk import datasets
from ilk.formula import parse

matplotlib.use("Agg")


class FakeFit:
    """Closed-form answers of a Poisson model with an effect of each hospital."""

    sd = 0.6
    formula = parse("infections ~ policy + severity + month + (1 | hospital)")
    fitted = SimpleNamespace(design=SimpleNamespace(arguments={}, binomial=False))

    def __init__(self) -> None:
        self.data = datasets.load("hospital_infections")
        rng = np.random.default_rng(1)
        self.levels = sorted(set(self.data["hospital"]))
        self.b = rng.normal(0.0, self.sd, len(self.levels))

    def random_effects(self, group=None):
        spread = np.linspace(0.05, 0.4, len(self.levels))
        first = pd.DataFrame(
            {
                "group": group,
                "level": self.levels,
                "term": "Intercept",
                "estimate": self.b,
                "conf_low": self.b - 1.96 * spread,
                "conf_high": self.b + 1.96 * spread,
            }
        )
        second = first.assign(term="month", estimate=0.05 * self.b)
        return pd.concat([first, second], ignore_index=True)

    def tidy(self):
        return pd.DataFrame(
            {
                "component": ["mean", "mean", "mean", "mean"],
                "group": [None, None, None, "hospital"],
                "term": ["Intercept", "policy", "severity", "Intercept"],
                "estimate": [-6.0, -0.35, 0.3, 0.6],
                "conf_low": [-6.2, -0.5, 0.2, 0.5],
                "conf_high": [-5.8, -0.2, 0.4, 0.7],
            }
        )

    def predict(
        self, data=None, *, estimand="conditional", scale="response", interval=None, level=0.95,
        new_levels="error",
    ):  # fmt: skip
        data = pd.DataFrame(self.data if data is None else data)
        eta = -6.0 - 0.35 * data["policy"] + 0.3 * data["severity"] + np.log(data["patient_days"])
        if estimand == "population":
            eta = eta + 0.5 * self.sd**2
        if estimand == "conditional":
            eta = eta + data["hospital"].map(dict(zip(self.levels, self.b, strict=True)))
        mean = np.exp(eta.to_numpy(dtype=float))
        return pd.DataFrame({"estimate": mean, "conf_low": 0.9 * mean, "conf_high": 1.1 * mean})


@pytest.fixture(scope="session")
def fake_fit() -> FakeFit:
    return FakeFit()


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
