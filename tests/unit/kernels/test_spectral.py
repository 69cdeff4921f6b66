"""Rotated linear mixed models: every number against the dense engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk import kernels
from ilk.covariance import kinship
from ilk.kernels import LinearFactor, linear_engine, linear_engine_name, reference
from ilk.kernels.contract import EngineData, PrecisionPattern, PredictorData, TermData
from ilk.kernels.spectral import SpectralEngine, spectrum_of

CASES = ["a row each", "some rows each", "repeated rows", "some levels", "weights", "offset"]


def engine_data(case: str, *, sd: float = 1.0, seed: int = 1) -> tuple[EngineData, np.ndarray]:
    """Data, and the elements of Q with log|Q|."""
    rng = np.random.default_rng(seed)
    L = 12
    codes = {
        "a row each": rng.permutation(L),
        "repeated rows": np.repeat(np.arange(L), 3),
        "some levels": np.array([0, 2, 3, 5, 5, 7, 8, 8, 8, 11]),
    }.get(case, rng.integers(0, L, 40))
    n = len(codes)
    root = rng.normal(size=(L, 2 * L)) / np.sqrt(2 * L)
    structure = kinship(root @ root.T, range(L))
    Q = structure.precision(np.zeros(0))
    X = np.asfortranarray(np.column_stack([np.ones(n), rng.normal(size=n)]))
    y = rng.normal(size=n) + sd * (root @ rng.normal(size=2 * L))[codes]
    pattern = PrecisionPattern(Q.rows, Q.columns, spectrum=structure.spectrum())
    data = EngineData(
        response=y,
        trials=None,
        weights=rng.uniform(0.5, 2.0, n) if case == "weights" else None,
        predictors=(PredictorData(X, rng.normal(size=n) if case == "offset" else None),),
        terms=(TermData.single(0, codes.astype(np.int32), L, None, pattern),),
    )
    return data, np.append(Q.values, Q.log_det)


def linear_factor(elements: np.ndarray) -> LinearFactor:
    one = np.zeros(1, np.int32)
    size = len(elements) + 1
    return LinearFactor(one, one, np.ones(1), 1, size, np.concatenate([[0.0], elements]))


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_agrees_with_the_dense_engine(case: str, reml: bool) -> None:
    data, elements = engine_data(case)
    mine, dense = SpectralEngine(data), reference.LinearEngine(data)
    rhs = np.random.default_rng(2).normal(size=(12, 3))
    for relative in (0.0, 0.7, 3.0):
        lam = np.concatenate([[relative], elements])
        a, b = mine.evaluate(lam, reml=reml), dense.evaluate(lam, reml=reml)
        assert a.value == pytest.approx(b.value, abs=1e-9)
        assert a.sigma2 == pytest.approx(b.sigma2, rel=1e-9)
        np.testing.assert_allclose(a.beta, b.beta, rtol=1e-9)
        assert len(a.grad_lam) == data.lambda_size
        assert a.grad_lam[0] == pytest.approx(b.grad_lam[0], abs=1e-9)
        np.testing.assert_allclose(mine.modes(), dense.modes(), atol=1e-9)
        np.testing.assert_allclose(mine.solve(rhs), dense.solve(rhs), atol=1e-9)
        np.testing.assert_allclose(mine.cross_information(), dense.cross_information(), atol=1e-12)
        np.testing.assert_allclose(
            mine.conditional_covariance()[0], dense.conditional_covariance()[0], atol=1e-9
        )
        np.testing.assert_allclose(
            mine.coefficient_covariance(), dense.coefficient_covariance(), rtol=1e-9
        )


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_search_and_curvature(case: str, reml: bool) -> None:
    data, elements = engine_data(case, sd=1.5, seed=92)
    factor = linear_factor(elements)
    mine, dense = SpectralEngine(data), reference.LinearEngine(data)
    a, b = mine.fit(factor, reml=reml), dense.fit(factor, theta=np.ones(1), reml=reml)
    assert a.status == "converged"
    assert a.value >= b.value - 1e-10
    assert abs(a.theta[0]) == pytest.approx(abs(b.theta[0]), rel=2e-3)
    one = np.ones(1)
    found, slope = mine.information(factor, a.theta, one, reml=reml)
    wanted, other = dense.information(factor, a.theta, 0.1 * one, reml=reml)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(slope, other, rtol=1e-9)
    np.testing.assert_allclose(a.inverse_hessian, np.linalg.inv(found), rtol=1e-9)

    def curved(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lam, jacobian = factor(np.exp(theta))
        return lam, jacobian * np.exp(theta)

    again = mine.fit(curved, theta=np.zeros(1), reml=reml)
    assert np.exp(again.theta[0]) == pytest.approx(a.theta[0], rel=1e-5)
    away = np.array([0.3])
    found, _ = mine.information(curved, away, one, reml=reml)
    wanted, _ = dense.information(curved, away, one, reml=reml)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_no_variance_is_found_at_zero() -> None:
    data, elements = engine_data("some rows each", sd=0.0, seed=8)
    found = SpectralEngine(data).fit(linear_factor(elements), reml=True)
    assert found.status == "converged"
    assert found.theta[0] == 0.0
    near = SpectralEngine(data).evaluate(np.append(0.05, elements), reml=True)
    assert near.value < found.value


def test_another_response() -> None:
    data, elements = engine_data("offset")
    engine, y = SpectralEngine(data), np.random.default_rng(5).normal(size=40)
    engine.set_response(y)
    lam = np.append(0.8, elements)
    fresh = SpectralEngine(replace(data, response=y))
    assert engine.evaluate(lam, reml=True).value == fresh.evaluate(lam, reml=True).value
    engine.set_response(data.response)
    with pytest.raises(ValueError, match="not evaluated anything"):
        engine.modes()


def without_spectrum(data: EngineData) -> EngineData:
    term = data.terms[0]
    return replace(data, terms=(replace(term, precision=replace(term.precision, spectrum=None)),))


def with_slopes(data: EngineData) -> EngineData:
    n = len(data.response)
    return replace(data, terms=(replace(data.terms[0], columns=np.full((n, 1), 2.0)),))


def with_members(data: EngineData) -> EngineData:
    term = data.terms[0]
    codes = np.column_stack([term.codes, term.codes[::-1]])
    half = np.full(codes.shape, 0.5)
    return replace(data, terms=(replace(term, codes=codes, weights=half),))


def with_another_term(data: EngineData) -> EngineData:
    other = TermData.single(0, data.terms[0].codes % 3, 3, None)
    return replace(data, terms=(*data.terms, other))


@pytest.mark.parametrize("change", [without_spectrum, with_slopes, with_members, with_another_term])
def test_other_models_are_left_to_the_other_engines(
    change: Callable[[EngineData], EngineData],
) -> None:
    data, _ = engine_data("some rows each")
    assert isinstance(linear_engine(data), SpectralEngine)
    assert linear_engine_name(data) == "spectral"
    other = change(data)
    assert spectrum_of(other) is None
    assert linear_engine_name(other) != "spectral"
    with pytest.raises(ValueError, match="one random intercept"):
        SpectralEngine(other)


@pytest.mark.parametrize("reml", [True, False])
def test_answers_of_a_fit_do_not_depend_on_the_engine(
    reml: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(6)
    root = rng.normal(size=(25, 60)) / np.sqrt(60)
    names = [f"i{k}" for k in range(25)]
    frame = pd.DataFrame({"id": np.array(names)[rng.integers(0, 24, 70)], "x": rng.normal(size=70)})
    effect = dict(zip(names, root @ rng.normal(size=60), strict=True))
    frame["y"] = 3.0 + 0.4 * frame.x + frame.id.map(effect) + 0.7 * rng.normal(size=70)

    def answers() -> list[np.ndarray]:
        fit = ilk.fit(
            "y ~ x + (1 | id)",
            frame,
            covariance={"id": kinship(root @ root.T, names)},
            reml=reml,
            search=ilk.Search(tolerance=1e-13),
        )
        effects, components = fit.random_effects(), fit.variance_components()
        return [
            np.array([fit.loglik]),
            np.asarray(fit.params),
            np.asarray(fit.std_errors),
            effects[["estimate", "std_error"]].to_numpy(),
            components[["sd", "conf_low", "conf_high"]].to_numpy(),
            np.asarray(fit.tidy()["df"], dtype=float),
            fit.predict(frame.head(5)).estimate,
        ]

    rotated = answers()
    monkeypatch.setattr(kernels, "spectrum_of", lambda data: None)
    for a, b in zip(rotated, answers(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6)
