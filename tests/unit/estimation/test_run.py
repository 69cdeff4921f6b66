"""Estimation: boundary, separation, verdicts, starts, automatic quadrature."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from tests.fits import fit_of

import ilk
from ilk.estimation.run import refit, refitter
from ilk.fitted import Status
from ilk.simulate import simulate


def grouped(seed: int, groups: int = 30, size: int = 8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = groups * size
    return pd.DataFrame({"g": np.repeat(np.arange(groups), size), "x": rng.normal(size=n)})


def test_raw_years_reach_the_optimum() -> None:
    """(year | g) with years 2001-2020 is the model with centered years."""
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(40), 20)
    year = np.tile(np.arange(2001, 2021), 40)
    b = rng.normal(0, [2.0, 0.3], (40, 2))
    y = 5 + 0.2 * (year - 2010) + b[g, 0] + b[g, 1] * (year - 2010) + rng.normal(size=800)
    data = pd.DataFrame({"y": y, "year": year, "centered": year - 2010.5, "g": g})
    raw = ilk.fit("y ~ year + (year | g)", data, reml=False)
    centered = ilk.fit("y ~ centered + (centered | g)", data, reml=False)
    assert raw.loglik == pytest.approx(centered.loglik, abs=1e-7)
    assert raw.std_errors["year"] == pytest.approx(centered.std_errors["centered"], rel=1e-5)


@pytest.mark.parametrize("family", ["gaussian", "poisson", "binomial"])
def test_no_variance_is_an_exact_zero(family: str) -> None:
    """Groups more alike than chance: the variance is zero, exactly, and said to be so."""
    data = grouped(1)
    rng = np.random.default_rng(2)
    base = np.tile(np.arange(8.0), 30)
    if family == "gaussian":
        data["y"] = base + 0.01 * rng.normal(size=len(data))
    elif family == "poisson":
        data["y"] = base.astype(int)
    else:
        data["y"] = (base > 3).astype(int)
    fit = ilk.fit("y ~ 1 + (1 | g)", data, family=family)
    assert fit.verdict.status is Status.BOUNDARY
    assert fit.verdict.converged
    assert fit.fitted.estimates.covariances[0][0, 0] == 0.0
    (reason,) = (r for r in fit.verdict.reasons if r.code == "singular_covariance")
    assert reason.terms == ("1 | g",)


def test_separation_is_named() -> None:
    data = grouped(3)
    rng = np.random.default_rng(3)
    data["arm"] = np.tile(["a", "b"], len(data) // 2)
    data["y"] = np.where(data["arm"] == "b", 0, rng.integers(0, 2, len(data)))
    with pytest.warns(ilk.IlkWarning, match=r"arm\[T\.b\]"):
        fit = ilk.fit("y ~ arm + x + (1 | g)", data, family="binomial")
    assert fit.verdict.status is Status.SEPARATED
    assert not fit.verdict.converged


def test_start_from_another_fit() -> None:
    data = grouped(4)
    data["y"] = np.random.default_rng(4).poisson(np.exp(0.3 * data["x"]))
    fit = ilk.fit("y ~ x + (1 | g)", data, family="poisson")
    again = ilk.fit("y ~ x + (1 | g)", data, family="poisson", start=fit)
    assert again.loglik == pytest.approx(fit.loglik, abs=1e-8)
    with pytest.raises(ilk.ModelError, match="other coefficients"):
        ilk.fit("y ~ 1 + (1 | g)", data, family="poisson", start=fit)


def test_automatic_quadrature_settles() -> None:
    """Pairs with a large variance: Laplace is far off, the automatic rule is not."""
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(200), 3)
    x = rng.normal(size=600)
    eta = x + rng.normal(0, 2.5, 200)[g]
    y = (rng.random(600) < 1 / (1 + np.exp(-eta))).astype(int)
    data = pd.DataFrame({"y": y, "x": x, "g": g})
    auto = ilk.fit("y ~ x + (1 | g)", data, family="binomial", quadrature="auto")
    fine = ilk.fit("y ~ x + (1 | g)", data, family="binomial", quadrature=61)
    laplace = ilk.fit("y ~ x + (1 | g)", data, family="binomial")
    assert auto.loglik == pytest.approx(fine.loglik, abs=5e-3)
    assert abs(laplace.loglik - fine.loglik) > 0.5
    assert auto.fitted.model.nodes > 1


def test_automatic_quadrature_says_why_it_stayed_with_laplace() -> None:
    data = grouped(6)
    data["z"], data["w"], data["v"] = np.random.default_rng(1).normal(size=(3, len(data)))
    data["y"] = np.random.default_rng(2).poisson(2.0, len(data))
    fit = ilk.fit("y ~ 1 + (0 + x + z + w + v || g)", data, family="poisson", quadrature="auto")
    assert fit.fitted.model.nodes == 1
    assert any("stayed with the Laplace" in reason.message for reason in fit.verdict.reasons)


def test_no_random_terms_is_a_plain_model() -> None:
    """A GLM, and ordinary least squares."""
    data = grouped(8)
    rng = np.random.default_rng(88)
    data["y"] = 2.0 + data["x"] + rng.normal(size=len(data))
    fit = ilk.fit("y ~ x", data)
    X = np.column_stack([np.ones(len(data)), data["x"]])
    coef, rss = np.linalg.lstsq(X, data["y"], rcond=None)[:2]
    np.testing.assert_allclose(np.asarray(fit.params), coef, rtol=1e-10)
    assert fit.sigma**2 == pytest.approx(rss[0] / len(data), rel=1e-9)
    data["k"] = rng.poisson(np.exp(0.5 + 0.3 * data["x"]))
    poisson = ilk.fit("k ~ x", data, family="poisson")
    mu = np.exp(X @ np.asarray(poisson.params))
    np.testing.assert_allclose(X.T @ (data["k"] - mu), 0.0, atol=1e-6)


def test_a_perfect_fit_is_refused() -> None:
    data = grouped(8)
    data["y"] = 2.0 + 2.0 * data["x"]
    with pytest.raises(ilk.FitError, match="'y' exactly"):
        ilk.fit("y ~ x + (1 | g)", data)


def test_frequency_weights_are_repeated_rows() -> None:
    data = grouped(9)
    rng = np.random.default_rng(9)
    data["k"] = rng.poisson(2.0, len(data))
    data["w"] = rng.integers(1, 4, len(data))
    repeated = data.loc[data.index.repeat(data["w"])]
    for family, response in (("poisson", "k"), ("gaussian", "x")):
        weighted = ilk.fit(f"{response} ~ 1 + (1 | g)", data, family, frequency_weights="w")
        rows = ilk.fit(f"{response} ~ 1 + (1 | g)", repeated, family)
        assert weighted.loglik == pytest.approx(rows.loglik, rel=1e-9)
        assert weighted.nobs == rows.nobs
        np.testing.assert_allclose(
            np.asarray(weighted.std_errors), np.asarray(rows.std_errors), rtol=1e-4
        )


def test_search_options_are_checked() -> None:
    for wrong in ({"max_steps": 0}, {"tolerance": -1.0}, {"threads": 0}):
        with pytest.raises(ilk.ModelError, match=next(iter(wrong))):
            ilk.Search(**wrong)


def test_threads_do_not_change_a_bit() -> None:
    rng = np.random.default_rng(10)
    n = 60_000
    data = pd.DataFrame({"g": rng.integers(0, 6000, n), "x": rng.normal(size=n)})
    data["k"] = rng.poisson(np.exp(0.2 * data["x"] + rng.normal(0, 0.5, 6000)[data["g"]]))
    one, two = (
        ilk.fit("k ~ x + (1 | g)", data, "poisson", search=ilk.Search(threads=t)) for t in (1, 2)
    )
    assert one.loglik == two.loglik
    np.testing.assert_array_equal(one.fitted.coef, two.fitted.coef)


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_a_fit_repeats_bit_for_bit(family: str) -> None:
    data = grouped(3)
    data["y"] = np.random.default_rng(4).poisson(2.0, len(data))
    one, two = (ilk.fit("y ~ x + (x | g)", data, family=family).fitted for _ in range(2))
    assert one.loglik == two.loglik
    np.testing.assert_array_equal(one.estimates.psi, two.estimates.psi)
    np.testing.assert_array_equal(one.psi_covariance(), two.psi_covariance())
    for a, b in zip(one.estimates.modes, two.estimates.modes, strict=True):
        np.testing.assert_array_equal(a, b)


def test_observation_level_effects_take_few_evaluations() -> None:
    """Nested factors down to the row: the first curvature knows how they compete."""
    evaluations = []
    for seed in range(5, 10):
        rng = np.random.default_rng(seed)
        brood = np.repeat(np.arange(100), 4)
        place = brood // 2
        eta = 0.5 + 0.7 * rng.normal(size=50)[place] + 0.6 * rng.normal(size=100)[brood]
        y = rng.poisson(np.exp(eta + 0.5 * rng.normal(size=400)))
        data = pd.DataFrame({"y": y, "row": np.arange(400), "brood": brood, "place": place})
        fit = ilk.fit("y ~ 1 + (1 | row) + (1 | brood) + (1 | place)", data, family="poisson")
        assert fit.fitted.verdict.status is Status.CONVERGED
        evaluations.append(fit.fitted.search.evaluations)
    assert np.mean(evaluations) < 10.5


def test_a_good_fit_is_silent() -> None:
    data = grouped(12)
    data["k"] = np.random.default_rng(12).poisson(2.0, len(data))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ilk.fit("k ~ x + (1 | g)", data, "poisson").summary()


@pytest.mark.parametrize("name", ["sleepstudy", "cbpp", "salamanders"])
def test_refits_do_not_depend_on_one_another(name):
    fitted = fit_of(name).fitted
    Y = simulate(fitted, 4, seed=1)
    again = refitter(fitted.model, fitted.estimates.psi)
    forth = [again(Y[:, j]) for j in range(4)]
    back = [again(Y[:, j]) for j in (3, 1, 0, 2)]
    for one, other in zip(forth, (back[2], back[1], back[3], back[0]), strict=True):
        np.testing.assert_array_equal(one.estimates.psi, other.estimates.psi)
        np.testing.assert_array_equal(one.estimates.modes[0], other.estimates.modes[0])
    assert forth[0].loglik == pytest.approx(refit(fitted, Y[:, 0]).loglik, abs=1e-6)
