"""Parameters of covariance structures: values, standard errors and intervals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.structured import PARENTS

import ilk
from ilk.num.differences import jacobian
from ilk.variance.components import component_values, variance_components


def series(groups: int = 25, steps: int = 8, rho: float = 0.6) -> pd.DataFrame:
    """Series with two rows at each time."""
    rng = np.random.default_rng(7)
    u = np.zeros((groups, steps))
    u[:, 0] = rng.normal(size=groups)
    for k in range(1, steps):
        u[:, k] = rho * u[:, k - 1] + math.sqrt(1.0 - rho**2) * rng.normal(size=groups)
    return pd.DataFrame(
        {
            "g": np.repeat(np.arange(groups), 2 * steps),
            "t": np.tile(np.repeat(np.arange(steps), 2), groups),
            "y": np.repeat(u.ravel(), 2) + 0.6 * rng.normal(size=2 * groups * steps),
        }
    )


def hessian(function, at: np.ndarray) -> np.ndarray:
    return jacobian(lambda x: jacobian(function, x, 1e-3), at, 1e-3)


@pytest.mark.parametrize("structure", ["ar1", "ou"])
def test_standard_errors_by_dense_algebra(structure: str) -> None:
    """The observed information of the whole likelihood, in the interval's own scale."""
    data = series()
    fit = ilk.fit(f"y ~ 1 + {structure}(t | g)", data, reml=False)
    parts = fit.variance_components().set_index(["group", "kind"])
    y = data.y.to_numpy().reshape(25, 16)
    step = np.repeat(np.arange(8), 2)
    lag = np.abs(step[:, None] - step)

    def loss(p: np.ndarray) -> float:
        mean, log_sd, free, log_sigma = p
        R = np.tanh(free) ** lag if structure == "ar1" else np.exp(-lag / np.exp(free))
        V = np.exp(2.0 * log_sd) * R + np.exp(2.0 * log_sigma) * np.eye(16)
        return -float(stats.multivariate_normal(np.full(16, mean), V).logpdf(y).sum())

    kind = {"ar1": "rho", "ou": "range"}[structure]
    value = parts.estimate["g", kind]
    at = np.array(
        [
            fit.fitted.coef[0],
            math.log(parts.estimate["g", "sd"]),
            math.atanh(value) if structure == "ar1" else math.log(value),
            math.log(parts.estimate["Residual", "sd"]),
        ]
    )
    assert -loss(at) == pytest.approx(fit.fitted.loglik, abs=1e-6)
    error = math.sqrt(np.linalg.inv(hessian(loss, at))[2, 2])
    z = stats.norm.ppf(0.975)
    back = math.tanh if structure == "ar1" else math.exp
    row = parts.loc[("g", kind)]
    assert row.conf_low == pytest.approx(back(at[2] - z * error), rel=2e-3)
    assert row.conf_high == pytest.approx(back(at[2] + z * error), rel=2e-3)
    slope = 1.0 - value**2 if structure == "ar1" else value
    assert row.std_error == pytest.approx(slope * error, rel=2e-3)


def test_rows_of_a_series() -> None:
    fit = ilk.fit("y ~ 1 + ou(t | g)", series())
    table = fit.variance_components()
    assert table.kind.tolist() == ["sd", "range", "half_life", "sd"]
    assert table.term.tolist() == ["t", "t", "t", "Residual"]
    by_kind = table.iloc[:3].set_index("kind")
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        ratio = by_kind.loc["half_life", column] / by_kind.loc["range", column]
        assert ratio == pytest.approx(math.log(2.0))
    assert fit.tidy().term.tolist() == [
        "Intercept", "sd(t)", "range(t)", "half_life(t)", "sd(Residual)",
    ]  # fmt: skip
    assert np.isnan(by_kind.correlation["range"])


def test_rho_is_a_correlation_in_tables() -> None:
    table = ilk.fit("y ~ 1 + ar1(t | g)", series()).variance_components()
    row = table[table.kind == "rho"].iloc[0]
    assert row.correlation == row.estimate


def test_lags_of_toeplitz_match_pairs_of_an_unstructured_matrix() -> None:
    fit = ilk.fit("y ~ 1 + toep(t | g)", series(40, 4))
    parts = variance_components(fit.fitted)
    lags = [p for p in parts if p.kind == "correlation"]
    assert [p.term for p in lags] == ["t, lag 1", "t, lag 2", "t, lag 3"]
    G = fit.fitted.estimates.covariances[0]
    R = G / np.sqrt(np.outer(np.diag(G), np.diag(G)))
    np.testing.assert_allclose([p.estimate for p in lags], R[0, 1:])


def test_parameters_over_levels_and_limits() -> None:
    frame = pd.DataFrame([(node, *above) for node, above in PARENTS.items()])
    frame.columns = ["node", "parent", "length"]
    tips = [f"t{i}" for i in range(12)]
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"tip": np.repeat(tips, 8)})
    data["y"] = rng.normal(size=12)[np.repeat(np.arange(12), 8)] + 0.2 * rng.normal(size=96)
    for model, kind in (("pagel", "lambda"), ("ou", "range")):
        tree = ilk.covariance.tree(frame, model=model)
        fit = ilk.fit("y ~ 1 + (1 | tip)", data, covariance={"tip": tree})
        table = fit.variance_components().set_index("kind")
        row = table.loc[kind]
        assert row.estimate == pytest.approx(
            float(tree.natural(fit.fitted.point.theta[1:])[0]), rel=1e-12
        )
        assert fit.tidy().term.iloc[2] == kind
        if row.boundary:
            assert np.isnan(row.conf_low)
        else:
            assert row.conf_low < row.estimate < row.conf_high


def test_zero_variance_leaves_nothing_known_of_the_rest() -> None:
    data = pd.DataFrame({"g": np.repeat(np.arange(10), 6), "t": np.tile(np.arange(6), 10)})
    pattern = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    data["y"] = np.tile(pattern, 10) + 0.1 * np.random.default_rng(1).normal(size=60)
    fit = ilk.fit("y ~ C(t) + homcs(0 + C(t) | g)", data)
    for part in variance_components(fit.fitted):
        if part.group == "g" and part.estimate == 0.0:
            assert part.boundary


def test_reduced_rank_is_no_boundary() -> None:
    rng = np.random.default_rng(5)
    b = rng.normal(size=(60, 1)) * np.array([1.0, 0.8, -0.7, 0.5])
    data = pd.DataFrame({"g": np.repeat(np.arange(60), 8), "k": np.tile(list("abcd"), 120)})
    data["y"] = b[data.g, data.k.map("abcd".index)] + 0.4 * rng.normal(size=480)
    fit = ilk.fit("y ~ k + rr(0 + k | g, d=1)", data)
    assert fit.fitted.verdict.status.name == "CONVERGED"
    assert not fit.variance_components().boundary.any()


def test_values_elsewhere_are_those_of_the_fit_at_the_fit() -> None:
    fit = ilk.fit("y ~ 1 + ou(t | g)", series()).fitted
    parts = variance_components(fit)
    estimates = fit.estimates
    found = component_values(
        parts, fit.model, estimates.covariances, fit.point.theta, estimates.sigma2
    )
    np.testing.assert_allclose(found, [part.estimate for part in parts])


def test_bootstrap_and_profile_have_the_same_rows() -> None:
    fit = ilk.fit("y ~ 1 + ar1(t | g)", series(), reml=False)
    profile = fit.conf_int(method="profile")
    assert profile.term.tolist() == fit.tidy().term.tolist()
    wald = fit.conf_int()
    np.testing.assert_allclose(profile.conf_low, wald.conf_low, atol=0.12)
    np.testing.assert_allclose(profile.conf_high, wald.conf_high, atol=0.12)


def test_standard_errors_of_another_program() -> None:
    """glmmTMB 1.1.5 (R 4.2.2, 2026-12-01): square roots of diag(vcov(m, full=TRUE)).

    ``glmmTMB(y ~ 1 + ou(t + 0 | g), REML=FALSE)`` of `series`, and ``glmmTMB(n ~ 1 + exp(pos + 0 |
    one), family=poisson)`` of the places below; its parameters are log sd and log range, or minus
    that.
    """
    rows = ilk.fit("y ~ 1 + ou(t | g)", series(), reml=False).variance_components()
    rows = rows.iloc[:2].set_index("kind")
    np.testing.assert_allclose(np.log(rows.estimate), [-0.198513, 0.163125], atol=3e-5)
    errors = np.sqrt([4.821249e-03, 0.0493161789])
    np.testing.assert_allclose(rows.std_error / rows.estimate, errors, rtol=1e-4)

    rng = np.random.default_rng(9)
    points = rng.uniform(0, 10, size=(40, 2)).round(3)
    distance = np.sqrt(((points[:, None] - points[None]) ** 2).sum(2))
    b = np.linalg.cholesky(np.exp(-distance / 2) + 1e-9 * np.eye(40)) @ rng.normal(size=40)
    site = np.repeat(np.arange(40), 5)
    data = pd.DataFrame({"site": site, "x": points[site, 0], "y": points[site, 1]})
    data["n"] = rng.poisson(np.exp(1 + 0.7 * b[site]))
    field = ilk.covariance.spatial("x", "y", kind="exp")
    fit = ilk.fit("n ~ 1 + (1 | site)", data, family="poisson", covariance={"site": field})
    assert fit.fitted.loglik == pytest.approx(-454.3012582, abs=1e-6)
    rows = fit.variance_components().set_index("kind")
    np.testing.assert_allclose(np.log(rows.estimate), [-0.032762, 1.739666], atol=5e-6)
    errors = np.sqrt([0.10033055, 0.52230995])
    np.testing.assert_allclose(rows.std_error / rows.estimate, errors, rtol=1e-4)
