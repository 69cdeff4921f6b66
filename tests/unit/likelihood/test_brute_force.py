"""The referee itself, against closed forms."""

import numpy as np
import pytest
from scipy import stats

from ilk.family import make_family
from ilk.kernels.contract import EngineData, PredictorData, TermData
from ilk.likelihood.brute_force import (
    dense_effects,
    grid_loglik,
    laplace_loglik,
    normal_loglik,
    profiled_normal_loglik,
)

N = 10
X = np.asfortranarray(np.column_stack([np.ones(N), np.linspace(-1.0, 1.0, N)]))
BETA = np.array([0.4, -0.3])
CODES = np.arange(N, dtype=np.int32) % 3
Y = np.random.default_rng(0).normal(size=N) + X @ BETA


def _data(response, predictors=1, columns=None, trials=None):
    parts = (PredictorData(X, None), PredictorData(np.ones((N, 1), order="F"), None))
    terms = (TermData.single(0, CODES, 3, columns),)
    return EngineData(response, trials, None, parts[:predictors], terms)


@pytest.mark.parametrize("columns", [None, X.copy()])
def test_gaussian_grid_and_laplace_are_the_normal_likelihood(columns):
    family = make_family("gaussian")
    lam = np.array([0.8]) if columns is None else np.array([0.8, 0.3, 0.0, 0.5])
    log_phi = -0.4
    data = _data(Y, 2, columns)
    beta = np.append(BETA, log_phi)
    constant = family.constant(Y, None).sum()
    relative = lam / np.exp(0.5 * log_phi)
    plain = _data(Y, 1, columns)
    exact = normal_loglik(plain, BETA, relative, np.exp(log_phi))
    assert grid_loglik(data, family, beta, lam) + constant == pytest.approx(exact, abs=1e-10)
    assert laplace_loglik(data, family, beta, lam) + constant == pytest.approx(exact, abs=1e-10)


def test_normal_likelihood_is_a_multivariate_normal_density():
    lam = np.array([0.7])
    data = _data(Y)
    z = dense_effects(data, lam)[0]
    v = 1.3 * (np.eye(N) + z @ z.T)
    expected = stats.multivariate_normal(X @ BETA, v).logpdf(Y)
    assert normal_loglik(data, BETA, lam, 1.3) == pytest.approx(expected, abs=1e-12)


def test_restricted_likelihood_is_that_of_error_contrasts():
    """Up to the determinant of X'X, REML is the density of residual contrasts K'y."""
    lam = np.array([0.7])
    data = _data(Y)
    contrasts = np.linalg.svd(X)[0][:, 2:]
    value, _, sigma2 = profiled_normal_loglik(data, lam, reml=True)
    z = dense_effects(data, lam)[0]
    v = sigma2 * (np.eye(N) + z @ z.T)
    density = stats.multivariate_normal(np.zeros(N - 2), contrasts.T @ v @ contrasts)
    expected = density.logpdf(contrasts.T @ Y) - 0.5 * np.linalg.slogdet(X.T @ X)[1]
    assert value == pytest.approx(expected, abs=1e-10)


def test_a_poisson_margin_by_one_dimensional_integrals():
    """A Poisson level effect integrated on the grid equals one-dimensional quadrature."""
    from scipy import integrate

    counts = np.array([0, 1, 4, 2, 0, 3, 1, 1, 2, 0], float)
    family, lam = make_family("poisson"), np.array([0.9])
    data = _data(counts)
    total = 0.0
    for level in range(3):
        rows = level == CODES

        def integrand(u, rows=rows):
            mu = np.exp(X[rows] @ BETA + 0.9 * u)
            return float(np.prod(stats.poisson.pmf(counts[rows], mu)) * stats.norm.pdf(u))

        total += np.log(integrate.quad(integrand, -9, 9, epsabs=1e-14)[0])
    found = grid_loglik(data, family, BETA, lam) + family.constant(counts, None).sum()
    assert found == pytest.approx(total, abs=1e-9)


def test_rows_without_effects_and_too_many_effects():
    family = make_family("poisson")
    counts = np.ones(N)
    none = EngineData(counts, None, None, (PredictorData(X, None),), ())
    expected = family.log_density(counts, None, [X @ BETA]).sum()
    assert grid_loglik(none, family, BETA, np.zeros(0)) == pytest.approx(expected)
    wide = EngineData(
        counts, None, None, (PredictorData(X, None),),
        (TermData.single(0, CODES, 3, np.ones((N, 5))),),
    )  # fmt: skip
    with pytest.raises(ValueError, match="too many"):
        grid_loglik(wide, family, BETA, np.eye(5).ravel())


def test_crossed_effects_are_integrated_together():
    family = make_family("binomial")
    y = np.array([0, 1, 1, 0, 1, 0, 1, 1, 0, 1], float)
    codes = (np.arange(N) // 5).astype(np.int32)
    data = EngineData(
        y, None, None, (PredictorData(X, None),),
        (TermData.single(0, codes, 2, None), TermData.single(0, np.zeros(N, np.int32), 1, None)),
    )  # fmt: skip
    lam = np.array([0.6, 0.5])
    coarse = grid_loglik(data, family, BETA, lam, spacing=0.4, extent=7.0)
    fine = grid_loglik(data, family, BETA, lam, spacing=0.25, extent=7.0)
    assert coarse == pytest.approx(fine, abs=1e-10)
    assert fine == pytest.approx(laplace_loglik(data, family, BETA, lam), abs=0.05)
