"""Scaling changes nothing but the rounding: the way back is exact."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ilk.model import Model
from ilk.model.scaling import scale_model

Maker = Callable[..., Model]


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 60
    return pd.DataFrame(
        {
            "g": np.repeat(np.arange(10), 6),
            "year": rng.integers(2001, 2021, n),
            "size": 1e8 * rng.uniform(1.0, 2.0, n),
            "y": 1e5 + rng.normal(size=n),
            "w": rng.uniform(0.5, 2.0, n),
            "count": rng.poisson(3.0, n),
        }
    )


@pytest.mark.parametrize(
    "formula", ["y ~ year + size + (year | g)", "y ~ 0 + year + (0 + size | g)", "y ~ 1 + (1 | g)"]
)
def test_linear_predictor_is_the_same(formula: str, data: pd.DataFrame, model: Maker) -> None:
    """X coef + Z b on the user's scale is center + scale (X_s beta + Z_s b_s)."""
    m = model(formula, data)
    scaled = scale_model(m)
    rng = np.random.default_rng(1)
    beta = rng.normal(size=len(scaled.coef_shift))
    effects = rng.normal(size=(10, scaled.data.terms[0].width))
    inner = scaled.data.predictors[0].X @ beta
    columns = scaled.data.terms[0].columns
    z = np.ones((len(inner), 1)) if columns is None else columns
    inner = inner + np.einsum("ij,ij->i", z, effects[scaled.data.terms[0].codes])
    b = effects @ scaled.term_maps[0].T
    (outer,) = m.linear_predictors(scaled.coef(beta), [b])
    np.testing.assert_allclose(outer, scaled.center + scaled.scale * inner, rtol=1e-9)


def test_columns_become_moderate(data: pd.DataFrame, model: Maker) -> None:
    """Raw years and sizes of 1e8 reach the engine with mean 0 and spread near 1."""
    scaled = scale_model(model("y ~ year + size + (year | g)", data))
    X = scaled.data.predictors[0].X
    assert np.all(np.abs(X[:, 1:].mean(axis=0)) < 1e-6)
    assert np.all((X[:, 1:].std(axis=0) > 0.5) & (X[:, 1:].std(axis=0) < 2.0))
    columns = scaled.data.terms[0].columns
    assert columns is not None
    assert abs(columns[:, 1].mean()) < 1e-9
    assert abs(scaled.data.response.mean()) < 1e-6


def test_scales_are_powers_of_two(data: pd.DataFrame, model: Maker) -> None:
    """Scaling alone costs no rounding."""
    scaled = scale_model(model("y ~ 0 + size + (0 + size | g)", data))
    mantissa, _ = np.frexp([scaled.scale, scaled.coef_map[0, 0], scaled.term_maps[0][0, 0]])
    np.testing.assert_array_equal(np.abs(mantissa), 0.5)


def test_beta_inverts_coef(data: pd.DataFrame, model: Maker) -> None:
    """From the user's coefficients to the engine's and back."""
    scaled = scale_model(model("y ~ year + size + (year | g)", data))
    coef = np.array([3.0, -0.2, 1e-8])
    np.testing.assert_allclose(scaled.coef(scaled.beta(coef)), coef, rtol=1e-9)


def test_diagonal_structures_are_scaled_but_not_centered(data: pd.DataFrame, model: Maker) -> None:
    """Centering would correlate an intercept with its slope."""
    scaled = scale_model(model("y ~ year + (year || g)", data))
    T = scaled.term_maps[0] / scaled.scale
    np.testing.assert_array_equal(T, np.diag(np.diag(T)))


def test_precision_weights_are_an_offset(data: pd.DataFrame, model: Maker) -> None:
    """phi_i = phi / w_i where the dispersion has a formula; multipliers in the linear model."""
    modeled = model("y ~ year + (1 | g)", data, dispersion="~ year", precision_weights="w")
    scaled = scale_model(modeled)
    offset = scaled.data.predictors[1].offset
    assert offset is not None
    expected = -np.log(data["w"].to_numpy()) - 2.0 * np.log(scaled.scale)
    np.testing.assert_allclose(offset, expected, rtol=1e-12)
    assert scaled.data.weights is None
    linear = scale_model(model("y ~ year + (1 | g)", data, precision_weights="w"))
    np.testing.assert_array_equal(linear.data.weights, data["w"])


def test_counts_are_left_alone(data: pd.DataFrame, model: Maker) -> None:
    """Only a Gaussian response with identity link is scaled."""
    scaled = scale_model(model("count ~ year + (1 | g)", data, "poisson"))
    assert (scaled.center, scaled.scale) == (0.0, 1.0)
    np.testing.assert_array_equal(scaled.data.response, data["count"])
