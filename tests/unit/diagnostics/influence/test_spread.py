"""Variance components as a function of the parameters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.influence.spread import spread_of
from ilk.variance import variance_components


def test_components_of_the_estimates_and_their_covariance() -> None:
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(30), 8)
    x = rng.normal(size=240)
    b = rng.normal(size=(30, 2)) * [0.8, 0.4]
    frame = pd.DataFrame({"g": g, "x": x, "y": x + b[g, 0] + b[g, 1] * x + rng.normal(size=240)})
    fitted = ilk.fit("y ~ x + (x | g)", frame).fitted
    spread = spread_of(fitted)
    parts = variance_components(fitted)
    np.testing.assert_allclose(spread.at(fitted.estimates.psi), [p.estimate for p in parts])
    np.testing.assert_allclose(spread.of(fitted.estimates), [p.estimate for p in parts])
    errors = np.sqrt(np.diag(np.linalg.inv(spread.inverse)))
    np.testing.assert_allclose(errors, [p.std_error for p in parts], rtol=1e-4)
    assert spread.count == 4
    moved = np.array([p.estimate for p in parts])
    moved[3] += parts[3].std_error
    assert spread.distance(np.array([moved]))[0] == pytest.approx(
        spread.inverse[3, 3] * parts[3].std_error ** 2 / 4
    )
    lost = np.full(len(fitted.estimates.psi), np.nan)
    assert np.isnan(spread.at(lost)).all()


def test_components_on_the_boundary_do_not_count() -> None:
    frame = pd.DataFrame({"g": np.repeat(np.arange(9), 8), "y": np.tile(np.arange(8.0), 9)})
    spread = spread_of(ilk.fit("y ~ 1 + (1 | g)", frame).fitted)
    assert spread.count == 1
    assert spread.inverse[0, 0] == 0.0
