"""Restricted likelihood of any family: coefficients as one more, very wide term."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import ilk


def data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(15), 5)
    x = rng.normal(size=75)
    y = rng.poisson(np.exp(0.4 + 0.3 * x + rng.normal(0.0, 0.7, 15)[g]))
    return pd.DataFrame({"y": y, "x": x, "g": [f"g{k}" for k in g]})


def test_a_precision_matrix_keeps_its_place_behind_the_factors() -> None:
    """The identity as a known precision matrix changes nothing."""
    frame, formula = data(), "y ~ x + (1 | g)"
    names = [f"g{k}" for k in range(15)]
    one = ilk.covariance.precision(sparse.eye(15, format="csc"), names)
    plain = ilk.fit(formula, frame, family="poisson", reml=True)
    known = ilk.fit(formula, frame, family="poisson", reml=True, covariance={"g": one})
    assert known.loglik == pytest.approx(plain.loglik, abs=1e-6)
    np.testing.assert_allclose(np.asarray(known.params), np.asarray(plain.params), atol=1e-4)


def test_a_varying_precision_matrix_keeps_its_place() -> None:
    """Correlations along a chain whose range is estimated; the gradient decides on convergence."""
    frame = data()
    names = [f"g{k}" for k in range(15)]
    chain = sparse.diags([np.ones(14), np.ones(14)], [-1, 1]).toarray()
    over = ilk.covariance.neighbors(chain, names, model="leroux")
    fit = ilk.fit("y ~ x + (1 | g)", frame, family="poisson", reml=True, covariance={"g": over})
    assert fit.verdict.converged
