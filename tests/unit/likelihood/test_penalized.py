"""Penalized marginal likelihood: gradients, optima by brute force, and what fits keep of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import ilk
from ilk.fitted import Status
from ilk.likelihood.brute_force import grid_loglik
from ilk.likelihood.penalized import PenalizedMarginal


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """An arm without events among others with them."""
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(12), 6)
    x = 2000.0 + rng.integers(0, 10, 72)
    arm = np.tile(["a", "b", "c"], 24)
    eta = 0.3 * (x - 2005) + rng.normal(0, 1.0, 12)[g]
    y = (rng.random(72) < 1 / (1 + np.exp(-eta))).astype(int)
    counts = rng.poisson(np.exp(0.4 * eta))
    y[arm == "c"] = counts[arm == "c"] = 0
    return pd.DataFrame({"y": y, "k": counts, "x": x, "arm": arm, "g": g})


CASES = {
    "Firth": ("y", "binomial", {"penalty": "firth"}),
    "Firth, probit": ("y", ilk.families.binomial("probit"), {"penalty": "firth"}),
    "Firth, counts": ("k", "poisson", {"penalty": "firth"}),
    "Firth, quadrature": ("y", "binomial", {"penalty": "firth", "quadrature": 9}),
    "log-F": ("y", "binomial", {"penalty": "log_f"}),
    "normal": ("k", "negative_binomial_2", {"penalty": ilk.Normal(1.5)}),
}


@pytest.fixture(scope="module", params=list(CASES))
def fit(request: pytest.FixtureRequest, data: pd.DataFrame) -> ilk.Fit:
    response, family, options = CASES[request.param]
    return ilk.fit(f"{response} ~ x + arm + (1 | g)", data, family=family, **options)


def test_penalized_estimates_are_finite_and_certain(fit: ilk.Fit) -> None:
    assert fit.verdict.converged
    assert -8.0 < fit.params["arm[T.c]"] < -1.0
    assert np.all(np.isfinite(np.asarray(fit.std_errors)[:4]))
    assert "penalized" in {reason.code for reason in fit.verdict.reasons}
    (held,) = (r for r in fit.verdict.reasons if r.code == "held_by_penalty")
    assert held.terms == ("arm[T.c]",)


def test_gradient_is_that_of_the_penalty(fit: ilk.Fit) -> None:
    marginal = fit.fitted.marginal
    assert isinstance(marginal, PenalizedMarginal)
    beta = fit.fitted.point.beta + 0.1
    for j in range(len(beta)):
        e = np.zeros(len(beta))
        e[j] = 1e-5
        ahead, behind = marginal.penalty(beta + e)[0], marginal.penalty(beta - e)[0]
        assert marginal.penalty(beta)[1][j] == pytest.approx((ahead - behind) / 2e-5, abs=2e-7)


def test_estimates_maximize_the_sum(fit: ilk.Fit) -> None:
    fitted = fit.fitted
    errors = np.sqrt(np.diag(fitted.psi_covariance()))
    errors = np.where(np.isfinite(errors), errors, 0.0)
    rng = np.random.default_rng(1)
    best = fitted.marginal.at(fitted.estimates.psi).value
    for _ in range(10):
        step = rng.normal(size=len(errors)) * errors
        assert fitted.marginal.at(fitted.estimates.psi + 0.02 * step).value <= best + 1e-9


def test_information_includes_the_curvature_of_the_penalty(fit: ilk.Fit) -> None:
    """Second differences of the penalized criterion at the optimum."""
    fitted = fit.fitted
    psi, covariance = fitted.estimates.psi, fitted.psi_covariance()
    direction = covariance[:, 2] / np.sqrt(covariance[2, 2])  # of profile curvature one
    value = [fitted.marginal.at(psi + h * direction).value for h in (-0.05, 0.0, 0.05)]
    assert (2 * value[1] - value[0] - value[2]) / 0.05**2 == pytest.approx(1.0, rel=5e-3)


def test_loglik_is_without_the_penalty(fit: ilk.Fit) -> None:
    fitted = fit.fitted
    plain = fitted.marginal.inner.at(fitted.estimates.psi).value  # type: ignore[attr-defined]
    assert fit.loglik == pytest.approx(plain + fitted.marginal.scaled.value_shift, abs=1e-9)
    assert np.isnan(fit.aic)
    assert np.isnan(fit.bic)
    text = fit.summary().text
    assert "without the penalty" in text
    assert "penalty: " in text
    assert "penalized" in fit.methods().text


def test_saved_and_loaded(fit: ilk.Fit, tmp_path: Path) -> None:
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk")
    assert again.fitted.model.penalty == fit.fitted.model.penalty
    np.testing.assert_array_equal(np.asarray(again.params), np.asarray(fit.params))
    assert str(again.verdict) == str(fit.verdict)


def test_refits_and_predictions_keep_the_penalty(fit: ilk.Fit, data: pd.DataFrame) -> None:
    again = fit.refit(fit.fitted.design.response.y)
    np.testing.assert_allclose(
        np.asarray(again.params)[1:4], np.asarray(fit.params)[1:4], atol=2e-4
    )
    assert again.fitted.model.penalty == fit.fitted.model.penalty
    new = fit.predict(data.head(3), estimand="population", interval="confidence")
    assert np.all(np.isfinite(np.asarray(new["conf_high"])))


def test_a_mixed_optimum_by_brute_force(data: pd.DataFrame) -> None:
    """The integrals on a grid, Firth's penalty written out, a search without derivatives."""
    few = data[data["g"] < 6]
    fit = ilk.fit("y ~ arm + (1 | g)", few, family="binomial", penalty="firth", quadrature=41)
    marginal = fit.fitted.marginal
    engine_data, family = marginal.scaled.data, fit.fitted.family
    X = engine_data.predictors[0].X

    def target(psi: np.ndarray) -> float:
        mu = 1.0 / (1.0 + np.exp(-(X @ psi[:3])))
        W = mu * (1.0 - mu)
        loglik = grid_loglik(engine_data, family, psi[:3], np.abs(psi[3:]))
        return -loglik - 0.5 * float(np.linalg.slogdet(X.T @ (W[:, None] * X))[1])

    point = fit.fitted.point
    start = np.concatenate([point.beta, point.theta]) + 0.05
    found = minimize(target, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10})
    np.testing.assert_allclose(found.x[:3], point.beta, atol=1e-3)
    np.testing.assert_allclose(np.abs(found.x[3:]), np.abs(point.theta), atol=1e-3)


def test_log_f_is_pseudo_observations(data: pd.DataFrame) -> None:
    """Rows with the column at one and all else, the intercept too, at zero."""
    fit = ilk.fit("y ~ arm", data, family="binomial", penalty=ilk.LogF(2))
    b, c = (data["arm"] == "b").astype(float), (data["arm"] == "c").astype(float)
    rows = pd.DataFrame({"one": 1.0, "b": b, "c": c, "y": data["y"], "n": 1.0})
    pseudo = pd.DataFrame({"one": 0.0, "b": [1.0, 0.0], "c": [0.0, 1.0], "y": 1.0, "n": 2.0})
    both = pd.concat([rows, pseudo])
    plain = ilk.fit("y ~ 0 + one + b + c", both, family="binomial", trials="n")
    np.testing.assert_allclose(np.asarray(fit.params), np.asarray(plain.params), atol=1e-5)
    np.testing.assert_allclose(np.asarray(fit.std_errors), np.asarray(plain.std_errors), rtol=1e-4)


def test_a_wide_normal_changes_nothing(data: pd.DataFrame) -> None:
    plain = ilk.fit("k ~ x + (1 | g)", data, family="poisson")
    wide = ilk.fit("k ~ x + (1 | g)", data, family="poisson", penalty=ilk.Normal(1e6))
    np.testing.assert_allclose(np.asarray(wide.params), np.asarray(plain.params), atol=1e-5)
    assert wide.loglik == pytest.approx(plain.loglik, abs=1e-8)
    assert wide.verdict.status is Status.CONVERGED


def test_quadrature_is_chosen_with_a_penalty(data: pd.DataFrame) -> None:
    auto = ilk.fit(
        "y ~ x + arm + (1 | g)", data, family="binomial", penalty="firth", quadrature="auto"
    )
    fine = ilk.fit("y ~ x + arm + (1 | g)", data, family="binomial", penalty="firth", quadrature=61)
    errors = np.asarray(fine.std_errors)
    assert np.all(np.abs(np.asarray(auto.params) - np.asarray(fine.params)) < 0.02 * errors)


@pytest.mark.parametrize(
    ("formula", "options", "words"),
    [
        ("x ~ arm + (1 | g)", {"penalty": "firth"}, "linear mixed model"),
        ("k ~ arm", {"family": "negative_binomial_2", "penalty": "firth"}, "binomial and poisson"),
        ("k ~ 1 + (1 | g)", {"family": "poisson", "penalty": "log_f"}, "no other coefficients"),
        ("y ~ arm", {"family": "binomial", "penalty": "lasso"}, "is not known"),
    ],
)
def test_misuse_is_refused(
    data: pd.DataFrame, formula: str, options: dict[str, str], words: str
) -> None:
    with pytest.raises(ilk.ModelError, match=words) as caught:
        ilk.fit(formula, data, **options)
    assert caught.value.code == "penalty"
