"""Separation within clusters and across crossed factors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.fitted import Status
from ilk.fixed_effects.separation import crossed_direction

pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")


@pytest.fixture
def crossed() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n = 200
    return pd.DataFrame(
        {
            "g": rng.integers(0, 10, n),
            "h": rng.integers(0, 4, n),
            "x": rng.normal(size=n),
            "arm": rng.choice(["new", "old"], n),
            "y": rng.integers(0, 2, n),
            "count": rng.poisson(2.0, n),
        }
    )


@pytest.mark.parametrize(("response", "family"), [("y", "binomial"), ("count", "poisson")])
def test_crossed_factors(crossed, response, family):
    """A level without events is separated with crossed factors too, and named."""
    formula = f"{response} ~ x + arm"
    sound = ilk.fixed(formula, crossed, groups=["g", "h"], family=family)
    assert sound.verdict.status is Status.CONVERGED
    crossed.loc[crossed.arm == "old", response] = 0
    fit = ilk.fixed(formula, crossed, groups=["g", "h"], family=family)
    assert fit.verdict.status is Status.SEPARATED
    assert fit.verdict.reasons[0].terms == ("arm[T.old]",)


def test_crossed_direction_moves_cluster_effects():
    """A column that separates only together with the clusters' own effects is found."""
    g, h = np.repeat([0, 1, 2], 4), np.tile([0, 1, 0, 1], 3)
    level = np.array([0.0, 3.0, -2.0])[g] + np.array([0.0, 1.5])[h]
    y = np.tile([0.0, 0.0, 1.0, 1.0], 3)
    x = np.where(y == 1.0, 1.0, -1.0) - level
    found = crossed_direction(x[:, None], [g, h], [3, 2], y == 0.0, y == 1.0)
    assert found is not None
    assert found[0] > 0.0
    both = np.r_[y, 1.0 - y]  # every row with either outcome
    codes = [np.tile(g, 2), np.tile(h, 2)]
    none = crossed_direction(np.tile(x, 2)[:, None], codes, [3, 2], both == 0.0, both == 1.0)
    assert none is None


@pytest.mark.parametrize("fit", [ilk.fixed, ilk.conditional])
def test_robust_errors_of_infinite_coefficients(crossed, fit):
    """The sandwich would call them certain; the others keep their errors."""
    crossed.loc[crossed.arm == "old", "y"] = 0
    found = fit("y ~ x + arm", crossed, "g", "binomial", std_errors="cluster")
    assert found.verdict.status is Status.SEPARATED
    assert np.isnan(found.std_errors["arm[T.old]"])
    assert np.isfinite(found.std_errors["x"])
    found.summary()
