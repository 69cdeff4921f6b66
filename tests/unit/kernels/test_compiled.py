"""The compiled engines: derivatives against differences, consistency of everything they answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from ilk.kernels.contract import EngineData, LinearFactor, PredictorData, TermData

compiled = pytest.importorskip("ilk.kernels.compiled")

KEYS = compiled.density_names()
EXACT = 1e-18  # inner tolerance at which the modes carry no error into differences


@dataclass(frozen=True)
class KeyOnly:
    """A density that is known to the compiled engine by name."""

    key: str
    predictors: int


def predictors_of(key: str) -> int:
    family = key.split(":")[0]
    inflated = family.startswith("zero_inflated_")
    plain = family.removeprefix("zero_inflated_") in ("binomial", "poisson")
    return (1 if plain else 2) + inflated


def center_of(key: str) -> float:
    """A linear predictor of the mean that keeps away from the edge of its domain."""
    link = key.split(":")[1]
    return {"identity": 4.0, "inverse": 0.5, "inverse_squared": 0.3, "sqrt": 1.6}.get(link, 0.2)


def spread_of(key: str) -> float:
    link = key.split(":")[1]
    return {"identity": 0.4, "inverse": 0.03, "inverse_squared": 0.02, "sqrt": 0.2}.get(link, 0.5)


def response_of(key: str, n: int, rng: np.random.Generator):
    """Response and trials that the family could have produced."""
    family = key.split(":")[0].removeprefix("zero_inflated_")
    if family in ("binomial", "beta_binomial"):
        trials = rng.integers(1, 9, n).astype(float)
        y = rng.binomial(trials.astype(int), 0.45).astype(float)
        if key.startswith("zero_inflated"):
            y[rng.random(n) < 0.2] = 0.0
        return y, trials
    if family in ("poisson", "negative_binomial_1", "negative_binomial_2"):
        y = rng.poisson(rng.gamma(2.0, 1.3, n)).astype(float)
        if key.startswith("zero_inflated"):
            y[rng.random(n) < 0.2] = 0.0
        return y, None
    if family == "beta":
        return rng.beta(2.0, 2.5, n), None
    if family in ("gamma", "inverse_gaussian"):
        return rng.gamma(4.0, 0.6, n) + 0.2, None
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
        return (TermData(0, groups, 9, columns[structure]),)
    if structure == "uncorrelated":
        return (TermData(0, groups, 9, None), TermData(0, groups, 9, rng.normal(size=(n, 1))))
    if structure == "crossed":
        other = rng.integers(0, 5, n).astype(np.int32)
        return (TermData(0, groups, 9, columns["slope"]), TermData(0, other, 5, None))
    if structure == "nested":
        outer = (groups // 3).astype(np.int32)
        return (TermData(0, outer, 3, None), TermData(0, groups, 9, None))
    last = predictors_of(key) - 1
    if structure == "everywhere":
        return (TermData(0, groups, 9, columns["slope"]), TermData(last, groups, 9, None))
    if structure == "last_only":
        return (TermData(last, groups, 9, None),)
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
ONE_FACTOR = ["intercept", "slope", "three", "uncorrelated", "everywhere", "last_only"]


def problem(key: str, structure: str, seed: int = 0, n: int = 70):
    """An engine with a point (beta, lam) at which the log-likelihood is well defined."""
    rng = np.random.default_rng([seed, KEYS.index(key), STRUCTURES.index(structure)])
    K = predictors_of(key)
    y, trials = response_of(key, n, rng)
    spread = spread_of(key)
    predictors, beta = [], []
    for k in range(K):
        scale = spread if k == 0 else 0.3
        X = np.asfortranarray(np.column_stack([np.ones(n), scale * rng.normal(size=n)]))
        offset = scale * 0.3 * rng.normal(size=n) if k != 1 else None
        predictors.append(PredictorData(X, offset))
        beta += [center_of(key) if k == 0 else -0.7, 0.3 * rng.normal()]
    terms = terms_of(structure, key, n, rng)
    weights = rng.integers(1, 4, n).astype(float) if seed % 2 else None
    data = EngineData(y, trials, weights, tuple(predictors), terms)
    lam = []
    for term in terms:
        scale = 0.8 * spread if term.predictor == 0 else 0.4
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


@pytest.mark.parametrize("structure", ONE_FACTOR)
@pytest.mark.parametrize("key", KEYS)
def test_quadrature_gradient_is_the_slope_of_the_value(key, structure):
    check_gradient(*problem(key, structure, seed=1), nodes=5)
