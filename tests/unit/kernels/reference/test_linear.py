"""The readable linear engine against dense algebra, differences and reference fits."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from ilk.covariance import covariance_structure
from ilk.kernels.contract import EngineData, LinearFactor, PredictorData, TermData
from ilk.kernels.reference import LinearEngine
from ilk.likelihood.brute_force import dense_effects, normal_loglik, profiled_normal_loglik
from ilk.model.factors import factor_map
from ilk.num.differences import jacobian

REFERENCE = Path(__file__).parents[3] / "reference"

INTERCEPT = (6, 1, 0)
SLOPE = (6, 2, 0)
CROSSED = (4, 1, 1)
NESTED = (12, 2, 2)


def problem(terms, n=60, p=3, seed=0, weighted=False, offset=False):
    rng = np.random.default_rng(seed)
    X = np.asfortranarray(np.column_stack([np.ones(n), rng.normal(size=(n, max(p - 1, 0)))])[:, :p])
    engine_terms, lam = [], []
    for levels, q, grouping in terms:
        codes = np.random.default_rng(100 + grouping).integers(0, levels, n)
        codes[:levels] = np.arange(levels)
        columns = None if q == 1 else np.column_stack([np.ones(n), rng.normal(size=(n, q - 1))])
        engine_terms.append(TermData.single(0, codes.astype(np.int32), levels, columns))
        lam.append(np.tril(rng.normal(size=(q, q))).ravel(order="F"))
    weights = rng.uniform(0.3, 3.0, n) if weighted else None
    shift = rng.normal(size=n) if offset else None
    data = EngineData(
        rng.normal(size=n) + 5.0, None, weights, (PredictorData(X, shift),), tuple(engine_terms)
    )
    return data, np.concatenate([np.zeros(0), *lam])


def lower(data):
    masks = [np.tril(np.ones((t.width, t.width))).ravel(order="F") for t in data.terms]
    return np.concatenate([np.zeros(0), *masks]) > 0.0


MODELS = [
    (INTERCEPT,),
    (SLOPE,),
    (SLOPE, CROSSED),
    (NESTED, CROSSED, INTERCEPT),
    (INTERCEPT, SLOPE),
    (),
]
models = pytest.mark.parametrize("terms", MODELS)
criteria = pytest.mark.parametrize("reml", [False, True])


@models
@criteria
@pytest.mark.parametrize("weighted", [False, True])
def test_value_and_estimates_are_those_of_dense_algebra(terms, reml, weighted):
    data, lam = problem(terms, weighted=weighted, offset=True)
    at = LinearEngine(data).evaluate(lam, reml=reml)
    value, beta, sigma2 = profiled_normal_loglik(data, lam, reml=reml)
    # half the sum of log weights is the caller's to add
    logs = 0.0 if data.weights is None else 0.5 * float(np.sum(np.log(data.weights)))
    assert at.value + logs == pytest.approx(value, abs=1e-9)
    np.testing.assert_allclose(at.beta, beta, atol=1e-10)
    assert at.sigma2 == pytest.approx(sigma2, rel=1e-10)


@models
@criteria
def test_gradient_matches_differences(terms, reml):
    data, lam = problem(terms, weighted=True)
    engine = LinearEngine(data)
    for point in (lam, 1e-3 * lam, 0.0 * lam):
        found = engine.evaluate(point, reml=reml).grad_lam
        expected = jacobian(
            lambda x: engine.evaluate(x, reml=reml, gradient=False).value, point, 1e-3
        )
        np.testing.assert_allclose(found[lower(data)], expected[lower(data)], atol=1e-7)


def test_profiled_value_is_the_maximum_over_beta_and_sigma():
    data, lam = problem((SLOPE, CROSSED))
    at = LinearEngine(data).evaluate(lam, reml=False)
    rng = np.random.default_rng(0)
    for _ in range(20):
        beta = at.beta + 0.05 * rng.normal(size=3)
        sigma2 = at.sigma2 * np.exp(0.05 * rng.normal())
        assert normal_loglik(data, beta, lam, sigma2) < at.value


@criteria
def test_frequency_weights_count_observations(reml):
    data, lam = problem((SLOPE,))
    times = np.random.default_rng(0).integers(1, 4, 60)
    counted = EngineData(data.response, None, times.astype(float), data.predictors, data.terms)
    long = EngineData(
        np.repeat(data.response, times), None, None,
        (PredictorData(np.asfortranarray(np.repeat(data.predictors[0].X, times, axis=0)), None),),
        tuple(
            TermData(
                t.predictors,
                np.repeat(t.codes, times),
                t.levels,
                np.repeat(t.columns, times, axis=0),
            )
            for t in data.terms
        ),
    )  # fmt: skip
    a = LinearEngine(counted, float(times.sum())).evaluate(lam, reml=reml)
    b = LinearEngine(long).evaluate(lam, reml=reml)
    assert a.value == pytest.approx(b.value, abs=1e-9)
    np.testing.assert_allclose(a.grad_lam, b.grad_lam, atol=1e-9)


@models
@criteria
def test_search_ends_at_a_maximum(terms, reml):
    data, _ = problem(terms, n=150)
    rng = np.random.default_rng(1)
    effects = sum(rng.normal(size=t.levels)[t.codes] for t in data.terms)
    data = EngineData(data.response + effects, None, None, data.predictors, data.terms)
    engine = LinearEngine(data)
    widths = [t.width for t in data.terms]
    factor = factor_map([covariance_structure("us") for _ in widths], widths)
    end = engine.fit(factor, reml=reml)
    assert end.status == "converged"
    assert end.evaluations < 40

    def value(theta):
        return engine.evaluate(factor(theta)[0], reml=reml, gradient=False).value

    assert end.value == pytest.approx(value(end.theta), abs=1e-10)
    for _ in range(20):
        trial = end.theta + 0.05 * rng.normal(size=len(end.theta))
        assert value(trial) <= end.value + 1e-8
    # from elsewhere
    again = engine.fit(factor, theta=np.full(len(end.theta), 0.6), reml=reml)
    assert again.value == pytest.approx(end.value, abs=2e-6)


def test_structures_that_are_not_linear_are_fitted_from_a_start():
    data, _ = problem((SLOPE,), n=150)
    engine = LinearEngine(data)
    structure = covariance_structure("cs")
    factor = factor_map([structure], [2])
    with pytest.raises(ValueError, match="needs a start"):
        engine.fit(factor, reml=True)
    end = engine.fit(factor, theta=structure.start(2), reml=True)
    free = engine.fit(factor_map([covariance_structure("us")], [2]), reml=True)
    assert end.value == pytest.approx(free.value, abs=1e-4)


@criteria
def test_information_and_slope_of_sigma(reml):
    data, _ = problem((SLOPE, CROSSED), n=200, seed=3)
    engine = LinearEngine(data)
    factor = factor_map([covariance_structure("us"), covariance_structure("diag")], [2, 1])
    theta = np.array([0.5, 0.1, 0.4, 0.6])
    information, slope = engine.information(factor, theta, np.full(4, 0.1), reml=reml)

    def gradient(x):
        lam, by_theta = factor(x)
        return by_theta.T @ engine.evaluate(lam, reml=reml).grad_lam

    np.testing.assert_allclose(information, -jacobian(gradient, theta, 1e-3), atol=1e-4)
    logs = jacobian(
        lambda x: np.log(engine.evaluate(factor(x)[0], reml=reml, gradient=False).sigma2),
        theta, 1e-3,
    )  # fmt: skip
    np.testing.assert_allclose(slope, logs, atol=1e-8)


def test_modes_and_covariances_agree_with_dense_algebra():
    data, lam = problem((SLOPE, CROSSED), weighted=True)
    engine = LinearEngine(data)
    at = engine.evaluate(lam, reml=True)
    z, X, w = dense_effects(data, lam)[0], data.predictors[0].X, data.weights[:, None]
    H = z.T @ (w * z) + np.eye(z.shape[1])
    u = np.linalg.solve(H, z.T @ (data.weights * (data.response - X @ at.beta)))
    np.testing.assert_allclose(engine.modes(), u, atol=1e-10)
    np.testing.assert_allclose(engine.cross_information(), z.T @ (w * X), atol=1e-9)
    v = np.diag(1.0 / data.weights) + z @ z.T
    expected = np.linalg.inv(X.T @ np.linalg.solve(v, X))
    np.testing.assert_allclose(engine.coefficient_covariance(), expected, atol=1e-10)
    rhs = np.random.default_rng(0).normal(size=(len(u), 2))
    np.testing.assert_allclose(engine.solve(rhs), np.linalg.solve(H, rhs), atol=1e-10)
    blocks = engine.conditional_covariance()
    P = at.sigma2 * np.linalg.inv(H)
    factor = lam[:4].reshape(2, 2, order="F")
    for level in range(6):
        here = slice(2 * level, 2 * level + 2)
        np.testing.assert_allclose(blocks[0][level], factor @ P[here, here] @ factor.T, atol=1e-10)
    for level in range(4):
        expected = lam[4] ** 2 * P[12 + level, 12 + level]
        assert blocks[1][level, 0, 0] == pytest.approx(expected, abs=1e-10)


def test_a_new_response_is_as_good_as_a_new_engine():
    data, lam = problem((SLOPE,))
    engine = LinearEngine(data)
    engine.evaluate(lam, reml=True)
    engine.set_response(data.response[::-1])
    with pytest.raises(ValueError, match="not evaluated"):
        engine.modes()
    other = EngineData(data.response[::-1].copy(), None, None, data.predictors, data.terms)
    fresh = LinearEngine(other).evaluate(lam, reml=True)
    assert engine.evaluate(lam, reml=True).value == fresh.value


def test_models_that_make_no_sense_are_refused():
    data, lam = problem((SLOPE,))
    two = EngineData(data.response, None, None, data.predictors * 2, data.terms)
    with pytest.raises(ValueError, match="predictors in a linear model"):
        LinearEngine(two)
    X = np.asfortranarray(np.ones((60, 2)))
    flat = EngineData(data.response, None, None, (PredictorData(X, None),), data.terms)
    with pytest.raises(np.linalg.LinAlgError, match="full rank"):
        LinearEngine(flat).evaluate(lam, reml=True)


def test_no_fixed_effects_and_a_perfect_fit():
    data, lam = problem((INTERCEPT,), p=0)
    assert np.isfinite(LinearEngine(data).evaluate(lam, reml=True).value)
    zero = EngineData(np.zeros(60), None, None, data.predictors, data.terms)
    assert LinearEngine(zero).evaluate(lam, reml=False, gradient=False).value == np.inf


# ---- reference fits --------------------------------------------------------------------------


def read(name):
    with (REFERENCE / "data" / name).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {key: [row[key] for row in rows] for key in rows[0]}


def codes(*columns):
    labels = [".".join(parts) for parts in zip(*columns, strict=True)]
    levels = {label: code for code, label in enumerate(dict.fromkeys(labels))}
    return np.array([levels[label] for label in labels], np.int32), len(levels)


def fitted(y, X, groupings, reml, columns=None):
    terms = tuple(TermData.single(0, *codes(*g), columns) for g in groupings)
    data = EngineData(
        np.array(y, float), None, None, (PredictorData(np.asfortranarray(X), None),), terms
    )
    engine = LinearEngine(data)
    widths = [t.width for t in terms]
    factor = factor_map([covariance_structure("us") for _ in terms], widths)
    return engine.fit(factor, reml=reml)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "response", "slope", "groupings", "reml", "case", "expected"),
    [
        ("sleepstudy.csv", "Reaction", "Days", [["Subject"]], True, None, -871.8141359791),
        ("sleepstudy.csv", "Reaction", "Days", [["Subject"]], False, None, -875.96967224),
        ("Dyestuff2.csv", "Yield", None, [["Batch"]], False, None, -81.436518327),
        ("Penicillin.csv", "diameter", None, [["plate"], ["sample"]], True, None, -165.4302944950),
        ("Pastes.csv", "strength", None, [["sample"], ["batch"]], True, None, -123.495372927),
    ],
)
def test_maximized_likelihoods_are_those_of_lme4(
    name, response, slope, groupings, reml, case, expected
):
    table = read(name)
    n = len(table[response])
    X = np.ones((n, 1))
    columns = None
    if slope:
        X = np.column_stack([X, np.array(table[slope], float)])
        columns = X.copy()
    end = fitted(table[response], X, [[table[c] for c in g] for g in groupings], reml, columns)
    assert end.status == "converged"
    assert end.value == pytest.approx(expected, abs=1e-6)


@pytest.mark.reference
def test_sleepstudy_in_full():
    cases = json.loads((REFERENCE / "cases.json").read_text(encoding="utf-8"))
    (case,) = [
        c
        for c in cases
        if c["data"] == "data/sleepstudy.csv"
        and c["model"]["formula"] == "Reaction ~ Days + (Days | Subject)"
        and c["model"]["REML"] is True
        and c["kind"] == "lmm"
    ][:1]
    table = read("sleepstudy.csv")
    X = np.column_stack([np.ones(180), np.array(table["Days"], float)])
    end = fitted(table["Reaction"], X, [[table["Subject"]]], True, X.copy())
    fixed = case["results"]["fixed"]
    np.testing.assert_allclose(end.beta, [f["estimate"] for f in fixed], rtol=1e-6)
    factor = np.array([[end.theta[0], 0.0], [end.theta[1], end.theta[2]]])
    deviations = np.sqrt(end.sigma2 * np.sum(factor**2, axis=1))
    np.testing.assert_allclose(deviations, case["results"]["varcorr"][0]["sd"], rtol=1e-4)
    assert end.value == pytest.approx(case["results"]["logLik"], abs=1e-6)


def test_an_empty_factor_map_is_enough_for_regression():
    data, _ = problem(())
    none = np.zeros(0, np.int32)
    end = LinearEngine(data).fit(
        LinearFactor(none, none, np.zeros(0), 0, 0, np.zeros(0)), reml=True
    )
    X, y = data.predictors[0].X, data.response
    np.testing.assert_allclose(end.beta, np.linalg.lstsq(X, y, rcond=None)[0])
