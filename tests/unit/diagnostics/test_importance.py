"""Sums over draws against brute force on tiny data, and their gradient against differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ilk.diagnostics.importance import effective_size, make_rule, work_of
from ilk.diagnostics.sampled_engine import SampledEngine
from ilk.family import make_family
from ilk.kernels import laplace_engine
from ilk.kernels.contract import EngineData, PredictorData, TermData
from ilk.kernels.reference.rows import row_design
from ilk.likelihood.brute_force import grid_loglik

BINOMIAL = make_family("binomial")
BETA = np.array([0.2, 0.5])


def data_with(codes, columns, family="binomial", rows=24):
    """Answers that do not depend on anything, in clusters."""
    rng = np.random.default_rng(1)
    X = np.asfortranarray(np.column_stack([np.ones(rows), rng.normal(size=rows)]))
    y = rng.poisson(40.0, rows) if family == "poisson" else rng.random(rows) < 0.5
    terms = tuple(
        TermData.single(0, np.asarray(c, dtype=np.int32), int(max(c)) + 1, z)
        for c, z in zip(codes, columns, strict=True)
    )
    return EngineData(y.astype(float), None, None, (PredictorData(X, None),), terms)


def slopes(width, rows=24):
    return np.column_stack([np.ones(rows), np.random.default_rng(2).normal(size=(rows, width - 1))])


CROSSED = ([np.repeat([0, 1], 12), np.tile([0, 1], 12)], [None, None], np.array([1.5, 1.2]))
PARTS = (
    [
        np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3] * 2),
        np.array([0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3] * 2),
    ],
    [None, None],
    np.array([1.5, 1.2]),
)
ONE = ([np.repeat([0, 1], 12)], [slopes(2)], np.array([1.5, 0.3, 0.0, 0.8]))
WIDE = (
    [np.repeat([0, 1], 12), np.tile([0, 1, 2], 8)],
    [slopes(4), None],
    np.append((1.3 * np.eye(4)).ravel(), 0.9),
)


@pytest.mark.parametrize("case", [CROSSED, PARTS, ONE])
def test_value_is_that_of_brute_force(case):
    codes, columns, lam = case
    data = data_with(codes, columns)
    exact = grid_loglik(data, BINOMIAL, BETA, lam, spacing=0.6, extent=6.0)
    joint = laplace_engine(data, BINOMIAL)
    laplace = joint.evaluate(BETA, lam, gradient=False).value
    engines = [SampledEngine(data, BINOMIAL, joint, 400, seed) for seed in range(6)]
    values = [engine.evaluate(BETA, lam, gradient=False).value for engine in engines]
    error = np.std(values, ddof=1) / np.sqrt(6)
    assert abs(exact - laplace) > 0.03
    assert abs(np.mean(values) - exact) < min(4.0 * error + 1e-4, 0.01)
    assert all(engine.effective > 100 for engine in engines)


@pytest.mark.parametrize("case", [CROSSED, PARTS, ONE, WIDE])
def test_gradient_is_that_of_differences(case):
    codes, columns, lam = case
    data = data_with(codes, columns)
    engine = SampledEngine(data, BINOMIAL, laplace_engine(data, BINOMIAL), 60, 3)
    at = engine.evaluate(BETA, lam, tolerance=1e-18)
    x = np.concatenate([BETA, lam])
    found = np.concatenate([at.grad_beta, at.grad_lam])
    for j in range(len(x)):
        ends = []
        for step in (1e-4, -1e-4):
            moved = x.copy()
            moved[j] += step
            there = engine.evaluate(moved[:2], moved[2:], gradient=False, tolerance=1e-18)
            ends.append(there.value)
        assert found[j] == pytest.approx((ends[0] - ends[1]) / 2e-4, abs=2e-6)


def test_normal_posteriors_leave_nothing_to_correct():
    family = make_family("poisson")
    data = data_with(CROSSED[0], CROSSED[1], "poisson")
    beta, lam = np.array([np.log(40.0), 0.0]), np.array([0.3, 0.2])
    joint = laplace_engine(data, family)
    laplace = joint.evaluate(beta, lam, gradient=False).value
    engine = SampledEngine(data, family, joint, 400, 0)
    assert engine.evaluate(beta, lam).value == pytest.approx(laplace, abs=0.01)
    assert engine.effective > 380


def test_points_have_the_moments_of_the_normal_distribution():
    rows = row_design(data_with(ONE[0], ONE[1]))
    rule = make_rule(rows, 4000, 0)
    weights = np.exp(rule.inner_weights)
    assert rule.drawn
    np.testing.assert_allclose(weights.sum(axis=0), 1.0, atol=0.01)
    np.testing.assert_allclose(np.einsum("kl,klq->lq", weights, rule.inner**2), 1.0, atol=0.05)
    assert work_of(rows, 4000) == 4000 * 24
    crossed = row_design(data_with(PARTS[0], PARTS[1]))
    rule = make_rule(crossed, 2000, 0)
    assert (rule.parts, rule.drawn) == (2, False)
    weights = np.exp(rule.outer_weights)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0, atol=0.02)
    own = weights[:, rule.rest_part]
    np.testing.assert_allclose(np.sum(own * rule.outer, axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.sum(own * rule.outer**2, axis=0), 1.0, atol=0.1)


def test_draws_stand_where_the_sum_over_levels_has_its_mode(monkeypatch):
    rng = np.random.default_rng(4)
    person, item = np.repeat(np.arange(150), 3), rng.integers(0, 15, 450)
    eta = 2.0 * rng.normal(size=150)[person] + 2.0 * rng.normal(size=15)[item]
    data = data_with([person, item], [None, None], rows=450)
    data = replace(data, response=(rng.random(450) < 1 / (1 + np.exp(-eta))).astype(float))
    lam = np.array([2.0, 2.0])

    def look(seed):
        engine = SampledEngine(data, BINOMIAL, laplace_engine(data, BINOMIAL), 200, seed)
        value = engine.evaluate(np.zeros(2), lam, gradient=False).value
        return value, engine.effective

    around = [look(seed) for seed in range(4)]
    monkeypatch.setattr(
        "ilk.diagnostics.sampled_engine.centered", lambda conditional, mode, rule: rule
    )
    aside = [look(seed) for seed in range(4)]
    assert min(e for _, e in around) > 140 > 100 > max(e for _, e in aside)
    spread = [np.std([v for v, _ in some], ddof=1) for some in (around, aside)]
    gap = np.mean([v for v, _ in around]) - np.mean([v for v, _ in aside])
    assert spread[0] < 0.3 * spread[1]
    assert abs(gap) < 3.0 * spread[1]


def test_effective_size():
    assert effective_size(np.zeros(7)) == pytest.approx(7.0)
    assert effective_size(np.array([0.0, -800.0])) == pytest.approx(1.0)
