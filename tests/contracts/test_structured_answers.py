"""Every question of a fit with structures over or within levels answers right, or says why not.

Four fits, Gaussian and binary, of a tree with latent nodes and of series with gaps.  A question of
the table either has its value checked against dense algebra or against other fits, or is refused
with a sentence and a code.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import chi2, norm

import ilk
from ilk.fit import Fit
from ilk.inference.small_sample.kenward_roger import kenward_roger
from ilk.inference.small_sample.satterthwaite import satterthwaite
from tests.structured import RESPONSES, SERIES, TREE, UNSEEN, Dense, data_of, fit_of, tree

KINDS = ("tree", "ar1")
FAMILIES = ("gaussian", "binomial")
GROUP = {"tree": "tip", "ar1": "unit"}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=ilk.IlkWarning)
        yield


def _formula(kind: str, family: str, random: str | None = None) -> str:
    return f"{RESPONSES[family]} ~ {random or (TREE if kind == 'tree' else SERIES)}"


def _fit(formula: str, kind: str, family: str, **options: Any) -> Fit:
    over = {"covariance": {"tip": tree()}} if kind == "tree" and "(1" in formula else {}
    return ilk.fit(formula, options.pop("data", data_of(kind)), family, **over, **options)


def _std_errors(dense: Dense, weights: Any, coefficients: Any) -> Any:
    """Standard errors of combinations of coefficients and random effects, all uncertain."""
    P = dense.X.shape[1]

    def values(psi: Any) -> Any:
        return coefficients @ psi[:P] + weights @ dense.modes(psi)

    J, V = dense.slope(values), dense.fit.fitted.psi_covariance()
    held = np.einsum("ij,jk,ik->i", weights, dense.conditional(dense.psi), weights)
    return np.sqrt(held + np.einsum("ij,jk,ik->i", J, V, J))


# What answers


def random_effects(fit: Fit, kind: str, family: str) -> None:
    dense = Dense(fit)
    modes, C = dense.modes(dense.psi), dense.conditional(dense.psi)
    table = fit.random_effects()
    assert table.estimate.to_numpy() == pytest.approx(modes, abs=1e-8)
    assert table.std_error.to_numpy() == pytest.approx(np.sqrt(np.diag(C)), rel=1e-7)
    prior = np.diag(dense.prior(dense.psi))
    assert table.shrinkage.to_numpy() == pytest.approx(1.0 - np.diag(C) / prior, abs=1e-7)
    full = fit.random_effects(uncertainty="full")
    P = dense.X.shape[1]
    expected = _std_errors(dense, np.eye(len(C)), np.zeros((len(C), P)))
    assert full.std_error.to_numpy() == pytest.approx(expected, rel=1e-5)
    half = norm.ppf(0.975) * full.std_error
    assert (full.conf_high - full.estimate).to_numpy() == pytest.approx(half.to_numpy())
    if kind == "tree":
        seen = data_of(kind).groupby("tip").size()
        assert dict(zip(table.level, table.n, strict=True)) == {
            level: float(seen.get(level, 0)) for level in table.level
        }
        assert {*UNSEEN, "n0"} <= set(table.level[table.n == 0.0])


def joint_covariance(fit: Fit, kind: str, family: str) -> None:
    dense = Dense(fit)
    D, V = dense.slope(dense.modes), fit.fitted.psi_covariance()
    found = fit.joint_covariance()
    expected = dense.conditional(dense.psi) + D @ V @ D.T
    assert found.matrix == pytest.approx(expected, rel=1e-5, abs=1e-7)


def loglik(fit: Fit, kind: str, family: str) -> None:
    assert fit.loglik == pytest.approx(Dense(fit).loglik(), abs=1e-9)


def predictions(fit: Fit, kind: str, family: str) -> None:
    dense = Dense(fit)
    Z, X = dense.Z, dense.X
    eta = X @ np.asarray(fit.params)[: X.shape[1]] + Z @ dense.modes(dense.psi)
    found = fit.predict(interval="confidence", scale="link")
    assert found.estimate.to_numpy() == pytest.approx(eta, abs=1e-8)
    assert found.std_error.to_numpy() == pytest.approx(_std_errors(dense, Z, X), rel=1e-5)
    G = fit.fitted.estimates.covariances[0][0, 0]
    fixed = X @ np.asarray(fit.params)
    population = fit.predict(estimand="population").estimate.to_numpy()
    if family == "gaussian":
        assert population == pytest.approx(fixed)
        limits = fit.predict(interval="prediction")
        spread = np.sqrt(found.std_error**2 + fit.sigma**2)
        assert limits.conf_high.to_numpy() == pytest.approx(
            (found.estimate + norm.ppf(0.975) * spread).to_numpy()
        )
        return
    x, w = np.polynomial.hermite_e.hermegauss(60)
    average = expit(fixed[:, None] + np.sqrt(G) * x) @ w / w.sum()
    assert population == pytest.approx(average, rel=1e-7)
    assert fit.predict(estimand="typical").estimate.to_numpy() == pytest.approx(expit(fixed))


def simulations(fit: Fit, kind: str, family: str) -> None:
    dense, count = Dense(fit), 4000
    drawn = fit.simulate(count, seed=1)
    if family == "binomial":
        x, w = np.polynomial.hermite_e.hermegauss(60)
        G = fit.fitted.estimates.covariances[0][0, 0]
        fixed = dense.X @ np.asarray(fit.params)
        sd = np.sqrt(np.diag(dense.Z @ dense.prior(dense.psi) @ dense.Z.T))
        expected = expit(fixed[:, None] + sd[:, None] * x) @ w / w.sum()
        assert np.all(np.abs(drawn.mean(axis=1) - expected) < 4.5 * 0.5 / np.sqrt(count))
        assert G > 0.0
        return
    V = dense.V(dense.psi)
    found = np.cov(drawn)
    error = np.sqrt((np.outer(np.diag(V), np.diag(V)) + V**2) / count)
    assert np.all(np.abs(found - V) < 5.0 * error)


def refit(fit: Fit, kind: str, family: str) -> None:
    again = fit.refit(fit.fitted.design.response.y)
    assert again.loglik == pytest.approx(fit.loglik, abs=1e-7)
    y = fit.simulate(1, seed=4)[:, 0]
    data = data_of(kind).assign(**{RESPONSES[family]: y})
    fresh = _fit(_formula(kind, family), kind, family, data=data)
    assert fit.refit(y).loglik == pytest.approx(fresh.loglik, abs=1e-6)


def bootstrap(fit: Fit, kind: str, family: str) -> None:
    found = fit.bootstrap(draws=60, seed=3).frame
    first = fit.refit(fit.simulate(1, seed=3)[:, 0])
    assert np.all(np.isfinite(found.std_error))
    slope = found[found.term == "x"].iloc[0]
    assert slope.std_error == pytest.approx(fit.std_errors["x"], rel=0.5)
    assert first.fitted.model.covariances == fit.fitted.model.covariances


def residuals(fit: Fit, kind: str, family: str) -> None:
    dense = Dense(fit)
    mean = fit.predict().estimate.to_numpy()
    assert fit.residuals() == pytest.approx(dense.y - mean)
    quantile = fit.residuals("quantile")
    if family == "gaussian":
        assert quantile == pytest.approx((dense.y - mean) / fit.sigma)
    else:
        high = norm.ppf(np.where(dense.y == 1.0, 1.0, 1.0 - mean))
        low = norm.ppf(np.where(dense.y == 1.0, 1.0 - mean, 0.0))
        assert np.all((quantile >= low) & (quantile <= high))
    for name in ("pearson", "deviance"):
        assert np.all(np.isfinite(fit.residuals(name)))


def checks(fit: Fit, kind: str, family: str) -> None:
    found = fit.check(draws=100).frame
    influence = found[found.check == "influence"] if "check" in found else found
    assert len(found) > 5
    assert influence is not None
    assert not (found.verdict == "problem").any()


def save_and_load(fit: Fit, kind: str, family: str, path: Any) -> None:
    fit.save(path / "fit.ilk")
    again = ilk.load(path / "fit.ilk")
    assert again.loglik == fit.loglik
    rows = data_of(kind).head(7)
    if kind == "ar1":
        rows = rows.assign(time=[0.0, 1, 2, 3, 4, 5, 6])
    one, other = (f.predict(rows, interval="confidence") for f in (fit, again))
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)
    assert again.simulate(2, seed=5) == pytest.approx(fit.simulate(2, seed=5))


def degrees_of_freedom(fit: Fit, kind: str, family: str) -> None:
    if family == "binomial":
        _refused(lambda: fit.test("x = 0", df="satterthwaite"))
        _refused(lambda: fit.test("x = 0", df="kenward_roger"))
        return
    dense = Dense(fit)
    P = dense.X.shape[1]
    A = fit.fitted.psi_covariance()[P:, P:]
    slopes, phi = dense.slope(dense.phi)[..., P:], dense.phi(dense.psi)
    found = satterthwaite(fit.fitted)
    assert found.covariance == pytest.approx(phi, rel=1e-8)
    for c in (*np.eye(P), np.array([1.0, 0.5, -1.0])):
        g = np.einsum("i,ijk,j->k", c, slopes, c)
        assert found.df(c) == pytest.approx(2.0 * (c @ phi @ c) ** 2 / (g @ A @ g), rel=1e-4)
    if kind == "ar1":
        _refused(lambda: kenward_roger(fit.fitted))
        return
    V, X = dense.V(dense.psi), dense.X
    inverse = np.linalg.inv(V)
    fitted = fit.fitted
    unit = dense.Z @ dense.prior(dense.psi) @ dense.Z.T / fitted.estimates.covariances[0][0, 0]
    ways = [unit, np.eye(len(V))]
    P_ = [-X.T @ inverse @ W @ inverse @ X for W in ways]
    Q = [[X.T @ inverse @ a @ inverse @ b @ inverse @ X for b in ways] for a in ways]
    E = [
        [
            np.trace(inverse @ a @ inverse @ b)
            - 2.0 * np.trace(phi @ Q[i][j])
            + np.trace(phi @ P_[i] @ phi @ P_[j])
            for j, b in enumerate(ways)
        ]
        for i, a in enumerate(ways)
    ]
    W = 2.0 * np.linalg.inv(np.array(E))
    middle = sum(W[i, j] * (Q[i][j] - P_[i] @ phi @ P_[j]) for i in range(2) for j in range(2))
    adjusted = phi + 2.0 * phi @ middle @ phi
    assert kenward_roger(fitted).adjusted == pytest.approx(adjusted, rel=1e-6)


def intraclass(fit: Fit, kind: str, family: str) -> None:
    G = fit.fitted.estimates.covariances[0][0, 0]
    noise = fit.sigma**2 if family == "gaussian" else np.pi**2 / 3.0
    found = fit.icc().frame
    adjusted = found[found.measure == "adjusted"].iloc[0]
    assert adjusted.estimate == pytest.approx(G / (G + noise), rel=1e-6)


def explained(fit: Fit, kind: str, family: str) -> None:
    G = fit.fitted.estimates.covariances[0][0, 0]
    fixed = np.var(Dense(fit).X @ np.asarray(fit.params))
    noise = fit.sigma**2 if family == "gaussian" else np.pi**2 / 3.0
    found = fit.r_squared().frame.set_index("measure").estimate
    total = fixed + G + noise
    assert found["marginal"] == pytest.approx(fixed / total, rel=0.03)
    assert found["conditional"] == pytest.approx((fixed + G) / total, rel=0.03)


def variances_tested(fit: Fit, kind: str, family: str) -> None:
    found = fit.random_effect_tests(draws=2000).frame.iloc[0]
    small = ilk.fit(
        _formula(kind, family, "x + z"), data_of(kind), family, reml=fit.fitted.model.reml
    )
    assert found.loglik_without == pytest.approx(small.loglik, abs=1e-6)
    assert found.statistic == pytest.approx(2.0 * (fit.loglik - small.loglik), abs=1e-6)
    if kind == "ar1":
        assert np.isnan(found.p_value)
        assert "method='bootstrap'" in found.null
        drawn = fit.random_effect_tests(method="bootstrap", draws=100).frame.iloc[0]
        assert 0.0 < drawn.p_value < 0.2
    elif family == "binomial":
        assert found.p_value == pytest.approx(0.5 * chi2.sf(found.statistic, 1))
    else:
        assert "exact restricted" in found.null
        assert found.p_value < 0.01


def wald(fit: Fit, kind: str, family: str) -> None:
    found = fit.test("x = 0").frame.iloc[0]
    assert found.estimate == pytest.approx(fit.params["x"])
    assert found.std_error == pytest.approx(fit.std_errors["x"])
    assert list(fit.anova().frame.term) == ["x", "z"]


def dropped(fit: Fit, kind: str, family: str) -> None:
    random = (TREE if kind == "tree" else SERIES).replace("x + ", "")
    small = _fit(_formula(kind, family, random), kind, family, reml=False)
    table = fit.drop_one().frame
    column = next(c for c in table if "loglik" in c)
    assert table[table.term == "x"][column].iloc[0] == pytest.approx(small.loglik, abs=1e-5)


def profiles(fit: Fit, kind: str, family: str) -> None:
    table = fit.conf_int(method="profile")
    found = table[table.term == "x"].iloc[0]
    assert found.conf_low < fit.params["x"] < found.conf_high
    ml = _fit(_formula(kind, family), kind, family, reml=False)
    shifted = data_of(kind).assign(o=found.conf_high * data_of(kind).x)
    random = (TREE if kind == "tree" else SERIES).replace("x + ", "")
    held = _fit(
        _formula(kind, family, f"{random} + offset(o)"), kind, family, data=shifted, reml=False
    )
    assert 2.0 * (ml.loglik - held.loglik) == pytest.approx(chi2.ppf(0.95, 1), abs=1e-3)


def conditional_aic(fit: Fit, kind: str, family: str) -> None:
    if family == "binomial":
        return
    from ilk.inference.comparison.conditional_aic import conditional_aic as ask

    def mean(y: Any) -> Any:
        again = fit.refit(y)
        return again.fitted_values

    y, step = Dense(fit).y, 0.02  # searches end where the gain is below 1e-8
    trace = 0.0
    for i in range(len(y)):
        up, down = y.copy(), y.copy()
        up[i] += step
        down[i] -= step
        trace += (mean(up)[i] - mean(down)[i]) / (2.0 * step)
    assert ask(fit.fitted).df == pytest.approx(trace + 1.0, abs=0.05)


def league(fit: Fit, kind: str, family: str) -> None:
    table = fit.league_table(GROUP[kind], draws=4000, seed=2).frame
    seen = data_of(kind)[GROUP[kind]].unique()
    assert set(table.level) == set(seen)
    if kind == "ar1":
        return
    full = fit.random_effects(uncertainty="full").set_index("level")
    own = full.loc[list(table.level)]
    width = (table.effect_high - table.effect_low).to_numpy()
    assert width == pytest.approx((own.conf_high - own.conf_low).to_numpy(), rel=0.3)
    order = np.corrcoef(table.expected_rank, own.estimate.rank())[0, 1]
    assert order > 0.9


def standardized(fit: Fit, kind: str, family: str) -> None:
    found = fit.standardize("z").frame
    difference = found[found.measure == "difference"].estimate.iloc[0]
    low, high = (
        fit.predict(data_of(kind).assign(z=z), estimand="population").estimate.mean()
        for z in (0, 1)
    )
    assert difference == pytest.approx(high - low, rel=1e-6)


def marginal_means(fit: Fit, kind: str, family: str) -> None:
    data = data_of(kind)
    grid = pd.DataFrame(
        {"x": [data.x.mean()] * 2, "z": [0, 1], "time": 4.4, "tip": "t0", "unit": "0"}
    )
    typical = fit.predict(grid, estimand="typical").estimate.to_numpy()
    assert fit.means("z").frame.estimate.to_numpy() == pytest.approx(typical)
    contrast = fit.contrasts("z").frame.estimate.iloc[0]
    if family == "gaussian":
        assert contrast == pytest.approx(typical[1] - typical[0])
    else:
        assert np.log(contrast) == pytest.approx(np.diff(logit(typical))[0])
    assert np.isfinite(fit.slopes("x").frame.estimate.iloc[0])


def marginal_coefficients(fit: Fit, kind: str, family: str) -> None:
    found = fit.marginal_coefficients().frame.set_index("term")
    ratio = found.estimate["x"] / fit.params["x"]
    assert ratio == pytest.approx(1.0) if family == "gaussian" else 0.5 < ratio < 1.0


def exogenous(fit: Fit, kind: str, family: str) -> None:
    found = fit.exogeneity().frame
    group = GROUP[kind]
    random = f"{TREE if kind == 'tree' else SERIES} + between(x, {group}) + between(z, {group})"
    wide = _fit(_formula(kind, family, random), kind, family, reml=False)
    base = _fit(_formula(kind, family), kind, family, reml=False)
    whole = found[found.term == "(all)"].iloc[0]
    expected = chi2.sf(2.0 * (wide.loglik - base.loglik), 2)
    assert whole.p_likelihood_ratio == pytest.approx(expected, rel=1e-3)


def against_fixed(fit: Fit, kind: str, family: str) -> None:
    found = fit.against_fixed().frame
    random = found[(found.model == "random") & (found.term == "x")].iloc[0]
    assert random.estimate == pytest.approx(fit.params["x"])


def other_random_parts(fit: Fit, kind: str, family: str) -> None:
    found = fit.sensitivity().frame
    if kind == "ar1":
        assert "as fitted" in set(found.model)
        return
    wide = _fit(_formula(kind, family, "x + z + (1 + x | tip)"), kind, family)
    slope = found[(found.model == "slope of x too") & (found.term == "x")].iloc[0]
    assert slope.estimate == pytest.approx(wide.params["x"], rel=1e-3)


def left_out(fit: Fit, kind: str, family: str) -> None:
    group = GROUP[kind]
    table = fit.influence(group, exact=True).frame
    level = data_of(kind)[group].iloc[0]
    rest = data_of(kind)[data_of(kind)[group] != level]
    again = _fit(_formula(kind, family), kind, family, data=rest)
    row = table[table.level.astype(str) == str(level)].iloc[0]
    moved = (fit.params["x"] - again.params["x"]) / fit.std_errors["x"]
    assert row["dfbetas[x]"] == pytest.approx(moved, rel=1e-3)


def adequate(fit: Fit, kind: str, family: str) -> None:
    found = fit.adequacy(refits=False).frame
    assert found.levels.iloc[0] == len(data_of(kind)[GROUP[kind]].unique())


def compared(fit: Fit, kind: str, family: str) -> None:
    small = ilk.fit(
        _formula(kind, family, "x + z"), data_of(kind), family, reml=fit.fitted.model.reml
    )
    found = ilk.compare(small, fit).frame
    assert found.loglik.tolist() == pytest.approx([small.loglik, fit.loglik])


def counterfactual(fit: Fit, kind: str, family: str) -> None:
    found = fit.counterfactuals({"z": [1]})
    direct = fit.predict(data_of(kind).assign(z=1), estimand="population").estimate
    conditional = fit.predict(data_of(kind).assign(z=1)).estimate
    same = [np.allclose(found.estimate, e) for e in (direct, conditional)]
    assert any(same)


def shown(fit: Fit, kind: str, family: str) -> None:
    for text in (fit.summary(), fit.methods(), fit.caveats(), fit.lint()):
        assert len(str(text)) > 10
    assert len(fit.tidy()) > 3
    assert len(fit.glance()) == 1
    assert len(fit.augment()) == len(data_of(kind))
    assert np.all(np.isfinite(fit.conf_int().estimate))


Answer = Callable[[Fit, str, str], None]

ANSWERS: tuple[Answer, ...] = (
    random_effects,
    joint_covariance,
    loglik,
    predictions,
    simulations,
    refit,
    bootstrap,
    residuals,
    checks,
    degrees_of_freedom,
    intraclass,
    explained,
    variances_tested,
    wald,
    dropped,
    profiles,
    conditional_aic,
    league,
    standardized,
    marginal_means,
    marginal_coefficients,
    exogenous,
    against_fixed,
    other_random_parts,
    left_out,
    adequate,
    compared,
    counterfactual,
    shown,
)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
def test_an_answer_is_right(answer: Answer, kind: str, family: str) -> None:
    answer(fit_of(kind, family), kind, family)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_holds_the_structures(kind: str, family: str, tmp_path: Any) -> None:
    save_and_load(fit_of(kind, family), kind, family, tmp_path)


# What is refused


def _refused(ask: Callable[[], Any]) -> str:
    with pytest.raises(ilk.ModelError) as caught:
        ask()
    assert str(caught.value).endswith(".") or str(caught.value).endswith(")")
    return str(caught.value.code)


REFUSED: dict[str, Callable[[Fit], Any]] = {
    "cluster-robust": lambda fit: fit.cov_with("CR2"),
    "cluster-robust rows": lambda fit: fit.cov_with("CR0", cluster="z"),
    "drawing clusters": lambda fit: fit.bootstrap(kind="cluster", draws=20),
    "means by clusters drawn": lambda fit: fit.standardize("z", uncertainty="bootstrap"),
    "one step": lambda fit: fit.influence("tip"),
    "one step of rows": lambda fit: fit.influence(),
    "studies": lambda fit: fit.power({"x": 0.3}, 10, draws=5),
    "cluster report": lambda fit: fit.cluster_report(),
    "later clusters": lambda fit: fit.predict(
        data_of("tree").head(2).assign(tip="new"), observed=data_of("tree").assign(tip="new")
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("what", REFUSED)
def test_what_takes_levels_for_independent_is_refused(what: str, family: str) -> None:
    assert _refused(lambda: REFUSED[what](fit_of("tree", family))) == "dependent-levels"


def test_quadrature_and_importance_sampling_are_refused() -> None:
    assert _refused(fit_of("tree", "binomial").approximation) == "dependent-levels"
