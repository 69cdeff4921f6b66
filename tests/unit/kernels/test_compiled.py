"""The compiled engines: derivatives against differences, consistency of everything they answer."""

from __future__ import annotations

import copy
import gc
import re
import signal
import time
import zlib
from dataclasses import dataclass, replace

import numpy as np
import pytest

from ilk.family import make_family
from ilk.kernels import reference
from ilk.kernels.contract import EngineData, LinearFactor, PredictorData, TermData

compiled = pytest.importorskip("ilk.kernels.compiled", exc_type=ImportError)

# Families of categories with four of them; test_any_number_of_categories takes other numbers.
KEYS = [key for key in compiled.density_names() if key.count(":") == 1 or key.endswith(":4")]
COUNTS = (
    "poisson",
    "negative_binomial_1",
    "negative_binomial_2",
    "generalized_poisson",
    "conway_maxwell_poisson",
)
EXACT = 1e-18  # inner tolerance at which the modes carry no error into differences


@dataclass(frozen=True)
class KeyOnly:
    """A density that is known to the compiled engine by name."""

    key: str
    predictors: int


def predictors_of(key: str) -> int:
    return len(family_of(key).parameters)


def center_of(key: str) -> float:
    """A linear predictor of the mean that keeps away from the edge of its domain."""
    link = key.split(":")[1]
    return {"identity": 4.0, "inverse": 0.5, "inverse_squared": 0.3, "sqrt": 1.6}.get(link, 0.2)


def other_center_of(key: str, k: int) -> float:
    """A linear predictor other than the mean: thresholds ascend, counts are all possible."""
    family = family_of(key)
    name = family.parameters[k]
    if name.startswith("threshold_"):
        return -2.3 + 1.2 * float(name.removeprefix("threshold_"))
    return 0.7 if family.name == "generalized_poisson" else -0.7


def spread_of(key: str) -> float:
    link = key.split(":")[1]
    return {"identity": 0.25, "inverse": 0.03, "inverse_squared": 0.02, "sqrt": 0.2}.get(link, 0.5)


def response_of(key: str, n: int, rng: np.random.Generator):
    """Response and trials that the family could have produced."""
    name, _, *categories = key.split(":")
    if categories:
        return rng.integers(0, int(categories[0]), n).astype(float), None
    family = re.sub("^(zero_inflated|truncated|hurdle)_", "", name)
    if family in ("binomial", "beta_binomial"):
        trials = rng.integers(1, 9, n).astype(float)
        y = rng.binomial(trials.astype(int), 0.45).astype(float)
        if key.startswith("zero_inflated"):
            y[rng.random(n) < 0.2] = 0.0
        return y, trials
    if family in COUNTS:
        y = rng.poisson(rng.gamma(2.0, 1.3, n)).astype(float)
        if name.startswith(("truncated", "hurdle")):
            y += 1.0
        if name.startswith(("zero_inflated", "hurdle")):
            y[rng.random(n) < 0.2] = 0.0
        return y, None
    if family == "tweedie":
        return np.where(rng.random(n) < 0.3, 0.0, rng.gamma(2.0, 0.7, n)), None
    if family == "ordered_beta":
        return np.clip(rng.beta(1.0, 1.2, n) * 1.6 - 0.3, 0.0, 1.0), None
    if family == "beta":
        return rng.beta(2.0, 2.5, n), None
    if family in ("gamma", "inverse_gaussian", "lognormal", "exponential", "weibull"):
        y = rng.gamma(4.0, 0.6, n) + 0.2
        return np.where(rng.random(n) < 0.2, 0.0, y) if name.startswith("hurdle") else y, None
    return rng.normal(center_of(key), 0.8, n), None


def terms_of(structure: str, key: str, n: int, rng: np.random.Generator) -> tuple[TermData, ...]:
    groups = rng.integers(0, 9, n).astype(np.int32)
    intercept = np.ones(n)
    columns = {
        "intercept": None,
        "slope": np.column_stack([intercept, rng.normal(size=n)]),
        "three": np.column_stack([intercept, rng.normal(size=(n, 2))]),
        "four": np.column_stack([intercept, rng.normal(size=(n, 3))]),
    }
    if structure in columns:
        return (TermData.single(0, groups, 9, columns[structure]),)
    if structure == "uncorrelated":
        return (
            TermData.single(0, groups, 9, None),
            TermData.single(0, groups, 9, rng.normal(size=(n, 1))),
        )
    if structure == "crossed":
        other = rng.integers(0, 5, n).astype(np.int32)
        return (TermData.single(0, groups, 9, columns["slope"]), TermData.single(0, other, 5, None))
    if structure == "nested":
        outer = (groups // 3).astype(np.int32)
        return (TermData.single(0, outer, 3, None), TermData.single(0, groups, 9, None))
    last = predictors_of(key) - 1
    if structure == "everywhere":
        return (
            TermData.single(0, groups, 9, columns["slope"]),
            TermData.single(last, groups, 9, None),
        )
    if structure == "last_only":
        return (TermData.single(last, groups, 9, None),)
    raise AssertionError(structure)


STRUCTURES = [
    "intercept",
    "slope",
    "three",
    "four",
    "uncorrelated",
    "crossed",
    "nested",
    "everywhere",
    "last_only",
]
INTEGRABLE = [
    "intercept", "slope", "three", "uncorrelated", "everywhere", "last_only", "nested"
]  # fmt: skip


def problem(key: str, structure: str, seed: int = 0, n: int = 70):
    """An engine with a point (beta, lam) at which the log-likelihood is well defined."""
    rng = np.random.default_rng([seed, zlib.crc32(key.encode()), STRUCTURES.index(structure)])
    K = predictors_of(key)
    y, trials = response_of(key, n, rng)
    spread = spread_of(key)
    predictors, beta = [], []
    for k in range(K):
        scale = spread if k == 0 else 0.3
        X = np.asfortranarray(np.column_stack([np.ones(n), scale * rng.normal(size=n)]))
        offset = scale * 0.3 * rng.normal(size=n) if k != 1 else None
        predictors.append(PredictorData(X, offset))
        center = center_of(key) if k == 0 else other_center_of(key, k)
        beta += [center, 0.3 * rng.normal()]
    terms = terms_of(structure, key, n, rng)
    weights = rng.integers(1, 4, n).astype(float) if seed % 2 else None
    data = EngineData(y, trials, weights, tuple(predictors), terms)
    lam = []
    for term in terms:
        scale = 0.8 * spread if term.within(0) else 0.4
        factor = scale * np.eye(term.width) + 0.2 * scale * np.tril(
            rng.normal(size=(term.width, term.width))
        )
        lam.append(factor.ravel(order="F"))
    engine = compiled.LaplaceEngine(data, KeyOnly(key, K))
    return engine, data, np.array(beta), np.concatenate(lam)


def lower_positions(data: EngineData) -> np.ndarray:
    """Positions in lam of the elements on and below the diagonals."""
    positions, offset = [], 0
    for term in data.terms:
        q = term.width
        positions += [offset + i + j * q for j in range(q) for i in range(j, q)]
        offset += q * q
    return np.array(positions)


def unstructured(data: EngineData) -> LinearFactor:
    rows = lower_positions(data).astype(np.int32)
    m, size = len(rows), data.lambda_size
    return LinearFactor(rows, np.arange(m, dtype=np.int32), np.ones(m), m, size, np.zeros(size))


def check_gradient(engine, data, beta, lam, nodes: int) -> None:
    def value(b, x):
        at = engine.evaluate(b, x, nodes=nodes, gradient=False, tolerance=EXACT)
        assert at.converged
        return at.value

    at = engine.evaluate(beta, lam, nodes=nodes, tolerance=EXACT)
    assert at.converged
    assert at.value == pytest.approx(value(beta, lam), rel=1e-11, abs=1e-10)
    size = max(1.0, np.max(np.abs(at.grad_beta)), np.max(np.abs(at.grad_lam)))
    for j in range(len(beta)):
        step = np.zeros(len(beta))
        step[j] = 1e-5
        slope = (value(beta + step, lam) - value(beta - step, lam)) / 2e-5
        assert at.grad_beta[j] == pytest.approx(slope, abs=2e-6 * size)
    for j in lower_positions(data):
        step = np.zeros(len(lam))
        step[j] = 1e-5
        slope = (value(beta, lam + step) - value(beta, lam - step)) / 2e-5
        assert at.grad_lam[j] == pytest.approx(slope, abs=2e-6 * size)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("key", KEYS)
def test_laplace_gradient_is_the_slope_of_the_value(key, structure):
    check_gradient(*problem(key, structure), nodes=1)


@pytest.mark.parametrize("structure", INTEGRABLE)
@pytest.mark.parametrize("key", KEYS)
def test_quadrature_gradient_is_the_slope_of_the_value(key, structure):
    check_gradient(*problem(key, structure, seed=1), nodes=5)


# ---- The NumPy engine is the readable truth ------------------------------------------------------


def family_of(key: str):
    name, link, *categories = key.split(":")
    inflated = name.startswith("zero_inflated_")
    plain = name.removeprefix("zero_inflated_").removeprefix("scaled_")
    family = make_family(plain, link, zero_inflated=inflated)
    if categories:
        family = family.with_levels(tuple(range(int(categories[0]))))
    return family.with_formulas(["dispersion"]) if name.startswith("scaled_") else family


def close(a, b, tolerance=1e-8):
    a, b = np.asarray(a), np.asarray(b)
    scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("key", KEYS)
def test_agrees_with_the_reference_engine(key, structure):
    engine, data, beta, lam = problem(key, structure, seed=2)
    twin = reference.LaplaceEngine(data, family_of(key))
    node_counts = [1, 5] if structure in INTEGRABLE else [1]
    for nodes in node_counts:
        mine = engine.evaluate(beta, lam, nodes=nodes, tolerance=EXACT)
        theirs = twin.evaluate(beta, lam, nodes=nodes, tolerance=EXACT)
        close(mine.value, theirs.value)
        close(mine.grad_beta, theirs.grad_beta)
        lower = lower_positions(data)
        close(mine.grad_lam[lower], theirs.grad_lam[lower])
    engine.evaluate(beta, lam, tolerance=EXACT)
    twin.evaluate(beta, lam, tolerance=EXACT)
    close(engine.modes(), twin.modes())
    for a, b in zip(engine.conditional_covariance(), twin.conditional_covariance(), strict=True):
        close(a, b)
    close(engine.cross_information(), twin.cross_information())
    close(engine.fixed_information(), twin.fixed_information())
    rhs = np.random.default_rng(0).normal(size=(len(engine.modes()), 3))
    close(engine.solve(rhs), twin.solve(rhs))


@pytest.mark.parametrize("categories", [2, 3, 5, 11])
@pytest.mark.parametrize("key", [key for key in KEYS if key.endswith(":4")])
def test_any_number_of_categories(key, categories):
    key = key.removesuffix("4") + str(categories)
    family, n = family_of(key), 150
    rng = np.random.default_rng(categories)
    predictors, beta = [], []
    for k in range(family.predictors):
        predictors.append(PredictorData(np.ones((n, 1), order="F"), 0.2 * rng.normal(size=n)))
        beta.append(0.2 if k == 0 else 0.7 * other_center_of(key, k))
    term = TermData.single(0, rng.integers(0, 9, n).astype(np.int32), 9, None)
    y = rng.integers(0, categories, n).astype(float)
    data = EngineData(y, None, None, tuple(predictors), (term,))
    mine, theirs = (
        engine(data, family).evaluate(np.array(beta), np.array([0.8]), tolerance=EXACT)
        for engine in (compiled.LaplaceEngine, reference.LaplaceEngine)
    )
    close(mine.value, theirs.value)
    close(mine.grad_beta, theirs.grad_beta)
    close(mine.grad_lam, theirs.grad_lam)


def test_thresholds_out_of_order_are_impossible():
    family = family_of("cumulative:logit:3")
    ones = PredictorData(np.ones((4, 1), order="F"), None)
    term = TermData.single(0, np.zeros(4, np.int32), 1, None)
    data = EngineData(np.array([0.0, 1.0, 1.0, 2.0]), None, None, (ones,) * 3, (term,))
    engine = compiled.LaplaceEngine(data, family)
    for beta, possible in (([0.0, -0.5, 0.5], True), ([0.0, 0.5, 0.5], False)):
        at = engine.evaluate(np.array(beta), np.array([0.5]), gradient=False)
        assert np.isfinite(at.value) == possible


# ---- Fits ----------------------------------------------------------------------------------------


def simulated(n_levels=40, per_level=12, q=1, seed=0, family="poisson"):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(n_levels), per_level).astype(np.int32)
    n = len(codes)
    x = rng.normal(size=n)
    columns = None if q == 1 else np.column_stack([np.ones(n), x])
    b = rng.normal(size=(n_levels, q)) * 0.6
    eta = 0.4 + 0.3 * x + (b[codes, 0] if q == 1 else np.sum(columns * b[codes], axis=1))
    if family == "poisson":
        y = rng.poisson(np.exp(eta)).astype(float)
    else:
        y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    X = np.asfortranarray(np.column_stack([np.ones(n), x]))
    terms = (TermData.single(0, codes, n_levels, columns),)
    return EngineData(y, None, None, (PredictorData(X, None),), terms)


def poisson_engine(data, threads=1):
    return compiled.LaplaceEngine(data, KeyOnly("poisson:log", 1), threads)


def test_fit_ends_where_the_gradient_vanishes():
    data = simulated(q=2)
    engine, factor = poisson_engine(data), unstructured(data)
    fit = engine.fit(factor, beta=np.zeros(2))
    assert fit.status == "converged"
    assert fit.decrement < 1e-8
    at = engine.evaluate(fit.beta, factor(fit.theta)[0], tolerance=EXACT)
    assert fit.value == pytest.approx(at.value, abs=1e-8)
    information = engine.information(
        factor, fit.beta, fit.theta, np.sqrt(np.diag(fit.inverse_hessian))
    )
    gradient = np.concatenate([at.grad_beta, factor(fit.theta)[1].T @ at.grad_lam])
    assert gradient @ np.linalg.solve(information, gradient) / 2 < 1e-7
    assert np.all(np.linalg.eigvalsh(information) > 0)


def test_fit_with_quadrature_agrees_with_many_nodes():
    data = simulated(family="binomial", n_levels=60, per_level=6)
    engine, factor = compiled.LaplaceEngine(data, KeyOnly("binomial:logit", 1)), unstructured(data)
    few = engine.fit(factor, beta=np.zeros(2), nodes=15)
    many = engine.fit(factor, beta=np.zeros(2), nodes=41)
    assert few.status == many.status == "converged"
    assert few.value == pytest.approx(many.value, abs=1e-6)
    warm = engine.fit(
        factor, beta=few.beta, theta=few.theta, inverse_hessian=few.inverse_hessian, nodes=15
    )
    assert warm.value == pytest.approx(few.value, abs=1e-7)
    assert warm.evaluations <= 2


def test_factor_maps_may_be_linear_or_functions():
    data = simulated(q=2)
    engine = poisson_engine(data)
    linear = LinearFactor(
        np.array([0, 3], np.int32), np.zeros(2, np.int32), np.ones(2), 1, 4, np.zeros(4)
    )
    by_function = engine.fit(lambda theta: linear(theta), beta=np.zeros(2), theta=np.array([0.5]))
    by_arrays = engine.fit(linear, beta=np.zeros(2))
    assert by_function.value == pytest.approx(by_arrays.value, abs=1e-6)
    close(by_function.theta, by_arrays.theta, 1e-3)

    def failing(theta):
        raise RuntimeError("no factor here")

    with pytest.raises(RuntimeError, match="no factor here"):
        engine.fit(failing, beta=np.zeros(2), theta=np.array([0.5]))
    with pytest.raises(ValueError, match="needs a start"):
        engine.fit(failing, beta=np.zeros(2))
    assert engine.fit(linear, beta=np.zeros(2)).value == by_arrays.value


def test_refit_does_not_depend_on_what_was_fitted_before():
    data, other = simulated(seed=1), simulated(seed=2)
    factor = unstructured(data)
    engine = poisson_engine(data)
    first = engine.fit(factor, beta=np.zeros(2))
    warm = {"beta": first.beta, "theta": first.theta, "inverse_hessian": first.inverse_hessian}
    engine.set_response(other.response)
    refit = engine.fit(factor, **warm)
    fresh = poisson_engine(EngineData(other.response, None, None, data.predictors, data.terms))
    again = fresh.fit(factor, **warm)
    assert refit.value == again.value
    assert np.array_equal(refit.theta, again.theta)


def test_a_model_without_random_effects_is_fitted():
    rng = np.random.default_rng(0)
    n = 300
    X = np.asfortranarray(np.column_stack([np.ones(n), rng.normal(size=n)]))
    y = rng.negative_binomial(2, 0.4, n).astype(float)
    data = EngineData(y, None, None, (PredictorData(X, None), PredictorData(X[:, :1], None)), ())
    engine = compiled.LaplaceEngine(data, KeyOnly("negative_binomial_2:log", 2))
    none = np.zeros(0, np.int32)
    factor = LinearFactor(none, none, np.zeros(0), 0, 0, np.zeros(0))
    fit = engine.fit(factor, beta=np.array([0.5, 0.0, 0.0]))
    twin = reference.LaplaceEngine(data, family_of("negative_binomial_2:log"))
    at = twin.evaluate(fit.beta, np.zeros(0))
    assert fit.status == "converged"
    assert fit.value == pytest.approx(at.value, abs=1e-9)
    assert np.max(np.abs(at.grad_beta)) < 1e-2
    assert engine.modes().shape == (0,)
    close(engine.fixed_information(), twin.fixed_information())
    assert engine.conditional_covariance() == []


def test_zero_is_kept_where_it_is_the_maximum_and_left_where_it_is_not():
    rng = np.random.default_rng(3)
    codes = np.repeat(np.arange(30), 8).astype(np.int32)
    X = np.ones((240, 1), order="F")
    terms = (TermData.single(0, codes, 30, None),)
    constant = np.tile([0.0, 1.0, 2.0, 3.0], 60)  # less spread between groups than by chance
    data = EngineData(constant, None, None, (PredictorData(X, None),), terms)
    factor = unstructured(data)
    fit = poisson_engine(data).fit(factor, beta=np.array([0.4]))
    assert fit.status == "converged"
    assert abs(fit.theta[0]) < 1e-3

    y = rng.poisson(np.exp(rng.normal(size=30)[codes])).astype(float)
    data = EngineData(y, None, None, data.predictors, terms)
    engine = poisson_engine(data)
    best = engine.fit(factor, beta=np.array([0.4]))
    stuck = engine.fit(
        factor,
        beta=best.beta,
        theta=np.array([1e-7]),
        inverse_hessian=np.diag([0.01, 0.1]),
    )
    assert stuck.value == pytest.approx(best.value, abs=1e-6)


# ---- Cells, threads, interruption ----------------------------------------------------------------


def many_rows(crossed: bool, seed=0):
    rng = np.random.default_rng(seed)
    n, levels = 60000, 4000
    codes = rng.integers(0, levels, n).astype(np.int32)
    X = np.asfortranarray(np.column_stack([np.ones(n), rng.normal(size=n)]))
    b = 0.5 * rng.normal(size=levels)
    y = rng.poisson(np.exp(0.2 + 0.3 * X[:, 1] + b[codes])).astype(float)
    outer = (codes % (7 if crossed else 97)).astype(np.int32)
    terms = (
        TermData.single(0, outer, int(outer.max()) + 1, None),
        TermData.single(0, codes, levels, None),
    )
    return EngineData(y, None, None, (PredictorData(X, None),), terms)


def test_results_do_not_depend_on_threads_or_the_order_of_rows():
    data = many_rows(crossed=False)
    factor = unstructured(data)
    lam = np.array([0.3, 0.5])
    beta = np.array([0.1, 0.2])
    one, two = poisson_engine(data), poisson_engine(data, threads=2)
    a, b = (e.evaluate(beta, lam, tolerance=EXACT) for e in (one, two))
    assert a.value == b.value
    assert np.array_equal(a.grad_lam, b.grad_lam)
    modes = one.modes()
    assert np.array_equal(modes, two.modes())
    fits = [engine.fit(factor, beta=np.zeros(2)) for engine in (one, two)]
    assert fits[0].value == fits[1].value
    assert np.array_equal(fits[0].theta, fits[1].theta)

    order = np.random.default_rng(1).permutation(len(data.response))
    shuffled = EngineData(
        data.response[order],
        None,
        None,
        (PredictorData(np.asfortranarray(data.predictors[0].X[order]), None),),
        tuple(TermData.single(0, t.codes[order], t.levels, None) for t in data.terms),
    )
    engine = poisson_engine(shuffled)
    c = engine.evaluate(beta, lam, tolerance=EXACT)
    assert c.value == pytest.approx(a.value, rel=1e-13)
    close(engine.modes(), modes, 1e-10)
    close(c.grad_lam, a.grad_lam, 1e-10)


def test_cells_answer_for_the_whole():
    data = many_rows(crossed=False)
    n, levels = 3000, 60  # the same questions where everything is a single cell
    small = EngineData(
        data.response[:n],
        None,
        None,
        (PredictorData(np.asfortranarray(data.predictors[0].X[:n]), None),),
        (TermData.single(0, data.terms[1].codes[:n] % levels, levels, None),),
    )
    wide = EngineData(
        np.tile(small.response, 12),
        None,
        None,
        (PredictorData(np.asfortranarray(np.tile(small.predictors[0].X, (12, 1))), None),),
        (
            TermData.single(
                0,
                np.concatenate([small.terms[0].codes + levels * k for k in range(12)]).astype(
                    np.int32
                ),
                12 * levels,
                None,
            ),
        ),
    )
    beta, lam = np.array([0.1, 0.2]), np.array([0.4])
    one, twelve = poisson_engine(small), poisson_engine(wide)
    a = one.evaluate(beta, lam, tolerance=EXACT)
    b = twelve.evaluate(beta, lam, tolerance=EXACT)
    assert b.value == pytest.approx(12 * a.value, rel=1e-12)
    close(b.grad_beta, 12 * a.grad_beta, 1e-9)
    close(twelve.modes(), np.tile(one.modes(), 12))
    close(twelve.conditional_covariance()[0], np.tile(one.conditional_covariance()[0], (12, 1, 1)))
    close(twelve.cross_information(), np.tile(one.cross_information(), (12, 1)))
    close(twelve.fixed_information(), 12 * one.fixed_information())
    rhs = np.random.default_rng(0).normal(size=(levels, 2))
    close(twelve.solve(np.tile(rhs, (12, 1))), np.tile(one.solve(rhs), (12, 1)))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an interval timer")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_long_evaluation_is_interrupted_within_a_second(threads):
    rng = np.random.default_rng(0)
    n, levels = 120000, 6000
    X = np.ones((n, 1), order="F")
    terms = tuple(
        TermData.single(0, rng.integers(0, levels, n).astype(np.int32), levels, None)
        for _ in range(2)
    )
    data = EngineData(
        rng.poisson(1.0, n).astype(float), None, None, (PredictorData(X, None),), terms
    )
    engine = poisson_engine(data, threads)

    class Alarm(Exception):
        pass

    def ring(number, frame):
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        begin = time.monotonic()
        with pytest.raises(Alarm):
            engine.fit(unstructured(data), beta=np.zeros(1))
        assert time.monotonic() - begin < 1.3
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an interval timer")
def test_the_construction_of_a_linear_engine_is_interrupted():
    rng = np.random.default_rng(0)
    n, levels = 600_000, 20_000
    terms = tuple(
        TermData.single(0, rng.integers(0, levels, n).astype(np.int32), levels, None)
        for _ in range(2)
    )
    X = np.ones((n, 1), order="F")
    data = EngineData(rng.normal(size=n), None, None, (PredictorData(X, None),), terms)

    class Alarm(Exception):
        pass

    def ring(number, frame):
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(Alarm):
            compiled.LinearEngine(data)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


# ---- Bad input -----------------------------------------------------------------------------------


def test_input_of_the_wrong_size_is_refused():
    data = simulated()
    engine, factor = poisson_engine(data), unstructured(data)
    with pytest.raises(ValueError, match="beta has length 3"):
        engine.evaluate(np.zeros(3), np.ones(1))
    with pytest.raises(ValueError, match="lam has length 2"):
        engine.evaluate(np.zeros(2), np.ones(2))
    with pytest.raises(ValueError, match="response has length 1"):
        engine.set_response(np.zeros(1))
    with pytest.raises(ValueError, match="inverse_hessian must be"):
        engine.fit(factor, beta=np.zeros(2), theta=np.ones(1), inverse_hessian=np.eye(2))
    with pytest.raises(ValueError, match="no compiled density"):
        compiled.LaplaceEngine(data, KeyOnly("poisson:nothing", 1))
    with pytest.raises(ValueError, match="has 2 predictors"):
        compiled.LaplaceEngine(data, KeyOnly("gamma:log", 1))
    with pytest.raises(RuntimeError, match="has not been evaluated"):
        poisson_engine(data).modes()


def test_quadrature_needs_nested_factors_of_few_effects():
    for structure, why in (("crossed", "nested in each other"), ("four", "at most 3")):
        engine, _, beta, lam = problem("poisson:log", structure)
        with pytest.raises(ValueError, match=why):
            engine.evaluate(beta, lam, nodes=3)


def test_points_without_a_value_are_reported_not_raised():
    engine, _, beta, lam = problem("poisson:log", "intercept")
    at = engine.evaluate(np.array([np.nan, 0.0]), lam)
    assert not at.converged
    assert at.value == -np.inf
    assert at.grad_beta is None
    good = engine.evaluate(beta, lam)
    assert good.converged
    far = engine.evaluate(np.array([1e4, 0.0]), lam)
    assert not far.converged or np.isfinite(far.value)
    assert engine.evaluate(beta, lam).value == pytest.approx(good.value, abs=1e-7)


# ---- The linear engine ---------------------------------------------------------------------------


def linear_problem(structure: str, seed=0, n=90):
    rng = np.random.default_rng([seed, STRUCTURES.index(structure)])
    terms = terms_of(structure, "gaussian:identity", n, rng)
    X = np.asfortranarray(np.column_stack([np.ones(n), rng.normal(size=n)]))
    y = 3.0 + 0.5 * X[:, 1] + rng.normal(size=n)
    for term in terms:
        b = 0.7 * rng.normal(size=(term.levels, term.width))
        columns = np.ones((n, 1)) if term.columns is None else term.columns
        y = y + np.sum(columns * b[term.codes], axis=1)
    weights = rng.uniform(0.5, 2.0, n) if seed % 2 else None
    offset = rng.normal(size=n) if seed % 2 else None
    data = EngineData(y, None, weights, (PredictorData(X, offset),), terms)
    lam = []
    for term in terms:
        factor = np.eye(term.width) + 0.2 * np.tril(rng.normal(size=(term.width, term.width)))
        lam.append(factor.ravel(order="F"))
    return data, np.concatenate(lam)


LINEAR_STRUCTURES = ["intercept", "slope", "three", "uncorrelated", "crossed", "nested"]


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("structure", LINEAR_STRUCTURES)
def test_linear_engine_agrees_with_the_reference_engine(structure, seed, reml):
    data, lam = linear_problem(structure, seed)
    mine, twin = compiled.LinearEngine(data), reference.LinearEngine(data)
    a, b = (engine.evaluate(lam, reml=reml) for engine in (mine, twin))
    lower = lower_positions(data)
    close(a.value, b.value)
    close(a.beta, b.beta)
    close(a.sigma2, b.sigma2)
    close(a.grad_lam[lower], b.grad_lam[lower])
    close(mine.modes(), twin.modes())
    for left, right in zip(
        mine.conditional_covariance(), twin.conditional_covariance(), strict=True
    ):
        close(left, right)
    close(mine.cross_information(), twin.cross_information())
    close(mine.coefficient_covariance(), twin.coefficient_covariance())
    for columns in (1, 3, 5):
        rhs = np.random.default_rng(0).normal(size=(len(mine.modes()), columns))
        close(mine.solve(rhs), twin.solve(rhs))

    factor = unstructured(data)
    fits = [engine.fit(factor, reml=reml) for engine in (mine, twin)]
    assert fits[0].status == "converged"
    assert fits[0].value > fits[1].value - 1e-6
    theta, scale = fits[0].theta, np.full(len(fits[1].theta), 0.1)
    for left, right in zip(
        mine.information(factor, theta, scale, reml=reml),
        twin.information(factor, theta, scale, reml=reml),
        strict=True,
    ):
        close(left, right, 1e-5)


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("structure", ["three", "crossed"])
def test_linear_engines_find_the_same_maximum(structure, reml):
    """With three effects both come by a saddle: a column of the factor that has vanished."""
    data, _ = linear_problem(structure)
    factor = unstructured(data)
    ends = [
        engine.fit(factor, reml=reml)
        for engine in (compiled.LinearEngine(data), reference.LinearEngine(data))
    ]
    assert ends[0].value == pytest.approx(ends[1].value, abs=1e-6)


def test_linear_refit_is_a_fit_of_the_new_response():
    data, _ = linear_problem("slope")
    other, _ = linear_problem("slope", seed=2)
    factor = unstructured(data)
    engine = compiled.LinearEngine(data)
    engine.fit(factor, reml=True)
    engine.set_response(other.response)
    fresh = compiled.LinearEngine(
        EngineData(other.response, None, None, data.predictors, data.terms)
    )
    a, b = (x.fit(factor, reml=True, theta=np.array([0.5, 0.0, 0.5])) for x in (engine, fresh))
    assert a.value == pytest.approx(b.value, rel=1e-12)
    close(a.beta, b.beta)


def test_the_linear_engine_keeps_the_arrays_it_refers_to():
    data, _ = linear_problem("slope")
    factor = unstructured(data)
    start = np.array([0.5, 0.0, 0.5])
    response = data.response + np.sin(np.arange(len(data.response)))
    engine = compiled.LinearEngine(copy.deepcopy(data))
    engine.set_response(response.copy())
    gc.collect()
    overwritten = [np.full_like(response, np.nan) for _ in range(20)]  # where they would have been
    mine = engine.fit(factor, reml=True, theta=start)
    fresh = compiled.LinearEngine(replace(data, response=response))
    theirs = fresh.fit(factor, reml=True, theta=start)
    assert mine.value == theirs.value
    assert len(overwritten) == 20


@pytest.mark.parametrize("reml", [False, True])
def test_a_start_with_sampled_traces_leads_to_the_maximum(reml):
    """Two large crossed terms, one with slopes: traces at the start are estimated from samples."""
    rng = np.random.default_rng(4)
    n, levels = 9000, (700, 400, 6)
    codes = [rng.integers(0, count, n).astype(np.int32) for count in levels]
    x = rng.normal(size=n)
    slope = np.column_stack([np.ones(n), x])
    y = 2.0 + 0.3 * x + rng.normal(size=n)
    b = rng.normal(size=(400, 2)) * [0.8, 0.4]
    y += 0.6 * rng.normal(size=700)[codes[0]] + np.sum(slope * b[codes[1]], axis=1)
    y += 0.5 * rng.normal(size=6)[codes[2]]
    terms = tuple(
        TermData.single(0, code, count, slope if count == 400 else None)
        for code, count in zip(codes, levels, strict=True)
    )
    X = np.asfortranarray(slope)
    data = EngineData(y, None, None, (PredictorData(X, None),), terms)
    factor = unstructured(data)
    engine = compiled.LinearEngine(data)
    fit = engine.fit(factor, reml=reml)
    assert fit.status == "converged"
    assert fit.decrement < 1e-8
    assert fit.evaluations <= 6
    lam, jacobian = factor(fit.theta)
    gradient = jacobian.T @ engine.evaluate(lam, reml=reml).grad_lam
    information, _ = engine.information(factor, fit.theta, np.full(5, 0.05), reml=reml)
    assert 0.5 * gradient @ np.linalg.solve(information, gradient) < 1e-7
    again = engine.fit(factor, reml=reml)
    assert np.array_equal(again.theta, fit.theta)
    assert again.value == fit.value
