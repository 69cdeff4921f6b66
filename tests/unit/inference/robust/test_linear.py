"""Robust covariance matrices of linear mixed models against dense formulas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.inference.robust import cr2 as robust_cr2
from ilk.inference.robust.covariance import robust_covariance
from ilk.inference.robust.linear import linear_rows
from ilk.inference.robust.units import independent_units

from .dense import marginal_covariance, parts, sandwich

KINDS = ("CR0", "CR1", "CR2", "CR3")


def nested(seed=3):
    """Nine schools of 2 to 26 rows in classes of unequal size; one school of two rows."""
    rng = np.random.default_rng(seed)
    sizes = np.array([2, 3, 4, 7, 9, 12, 17, 21, 26])
    school = np.repeat(np.arange(9), sizes)
    n = len(school)
    room = school * 10 + rng.integers(0, 3, n)
    x, z = rng.normal(size=n) + 0.4 * school, rng.normal(size=9)[school]
    y = 5 + 0.5 * x - 0.3 * z + rng.normal(size=9)[school] + 0.4 * x * rng.normal(size=9)[school]
    y += rng.normal(size=n) + 0.7 * rng.normal(size=90)[room]
    return pd.DataFrame(
        {"y": y, "x": x, "z": z, "school": school, "room": room, "w": rng.uniform(0.5, 2.0, n)}
    )


MODELS = {
    "intercept": ("y ~ x + z + (1 | school)", {}),
    "slope, ML": ("y ~ x + (x | school)", {"reml": False}),
    "diagonal": ("y ~ x + z + (x || school)", {}),
    "nested": ("y ~ x + z + (1 | school / room)", {}),
    "offset": ("y ~ x + offset(z) + (1 | school)", {}),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kind", KINDS)
def test_dense_formulas(name, kind):
    formula, keywords = MODELS[name]
    data = nested()
    fitted = ilk.fit(formula, data, **keywords).fitted
    found = robust_covariance(fitted, kind)
    matrix, df = sandwich(fitted, kind, data.school.to_numpy())
    np.testing.assert_allclose(found.matrix, matrix, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(found.coefficient_df(), df, rtol=1e-7)
    assert "9 clusters of 'school'" in found.kind


@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR3"])
def test_precision_weights(kind):
    data = nested()
    fitted = ilk.fit("y ~ x + (1 | school)", data, precision_weights="w").fitted
    matrix, df = sandwich(fitted, kind, data.school.to_numpy())
    found = robust_covariance(fitted, kind)
    np.testing.assert_allclose(found.matrix, matrix, rtol=1e-7)
    np.testing.assert_allclose(found.coefficient_df(), df, rtol=1e-7)


def test_bias_reduction_leaves_no_bias_with_precision_weights():
    """Under the model, the expectation of CR2 is the model's own covariance matrix."""
    data = nested()
    fitted = ilk.fit("y ~ x + (1 | school)", data, precision_weights="w").fitted
    X, V, W, M, _ = parts(fitted)
    residual_maker = np.eye(len(X)) - X @ M @ X.T @ W
    rows = linear_rows(fitted)
    unit = independent_units(fitted.design)[0]
    expected = np.zeros((2, 2))
    root = np.linalg.cholesky(residual_maker @ V @ residual_maker.T + 1e-14 * np.eye(len(X)))
    scale = fitted.marginal.scaled.scale
    for column in root.T:  # the estimator is quadratic: sum it over a root of the covariance
        moved = replace(rows, residual=column / scale)
        expected += robust_cr2.bias_reduced(moved, unit).covariance()
    np.testing.assert_allclose(expected, M, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_frequency_weights_are_rows(kind):
    data = nested()
    times = np.random.default_rng(4).integers(1, 4, len(data))
    weighted = ilk.fit("y ~ x + (1 | school)", data, frequency_weights=times).fitted
    written_out = ilk.fit("y ~ x + (1 | school)", data.loc[data.index.repeat(times)]).fitted
    a, b = robust_covariance(weighted, kind), robust_covariance(written_out, kind)
    np.testing.assert_allclose(a.matrix, b.matrix, rtol=1e-5)
    np.testing.assert_allclose(a.coefficient_df(), b.coefficient_df(), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_frequency_weights_of_independent_rows(kind):
    data = nested()
    times = np.random.default_rng(4).integers(1, 4, len(data))
    weighted = ilk.fit("y ~ x + z", data, frequency_weights=times).fitted
    written_out = ilk.fit("y ~ x + z", data.loc[data.index.repeat(times)]).fitted
    a, b = robust_covariance(weighted, kind), robust_covariance(written_out, kind)
    np.testing.assert_allclose(a.matrix, b.matrix, rtol=1e-10)
    np.testing.assert_allclose(a.coefficient_df(), b.coefficient_df(), rtol=1e-10)
    assert f"{times.sum()} rows" in a.kind


def test_the_jackknife():
    """CR3 is the sum of squares of what leaving out a cluster does to generalized least squares."""
    data = nested()
    fitted = ilk.fit("y ~ x + z + (1 | school)", data).fitted
    X, V, *_ = parts(fitted)
    y, codes = data.y.to_numpy(), data.school.to_numpy()
    changes = []
    for code in np.unique(codes):
        rest = codes != code
        W = np.linalg.inv(V[np.ix_(rest, rest)])
        changes.append(np.linalg.solve(X[rest].T @ W @ X[rest], X[rest].T @ W @ y[rest]))
    moves = np.array(changes) - fitted.coef
    found = robust_covariance(fitted, "CR3").matrix
    np.testing.assert_allclose(found, moves.T @ moves, rtol=1e-8)


def test_batches_do_not_matter(monkeypatch):
    fitted = ilk.fit("y ~ x + z + (1 | school / room)", nested()).fitted
    whole = robust_covariance(fitted, "CR2")
    monkeypatch.setattr(robust_cr2, "_ELEMENTS", 100)
    pieces = robust_covariance(fitted, "CR2")
    np.testing.assert_allclose(pieces.matrix, whole.matrix, rtol=1e-10)
    np.testing.assert_allclose(pieces.coefficient_df(), whole.coefficient_df(), rtol=1e-10)


def test_a_contrast_has_degrees_of_freedom_of_its_own():
    """Recoding the columns changes neither the variance of a contrast nor its df."""
    data = nested()
    data["u"] = data.x + 2.0 * data.z
    one = robust_covariance(ilk.fit("y ~ x + z + (1 | school)", data).fitted, "CR2")
    two = robust_covariance(ilk.fit("y ~ u + z + (1 | school)", data).fitted, "CR2")
    contrast = np.array([0.0, -2.0, 1.0])  # b_z - 2 b_x, which is the coefficient of z beside u
    assert contrast @ one.matrix @ contrast == pytest.approx(two.matrix[2, 2], rel=1e-6)
    assert one.df(contrast) == pytest.approx(two.coefficient_df()[2], rel=1e-6)


def test_on_the_boundary():
    """A variance of zero: the sandwich of least squares, by clusters."""
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"x": rng.normal(size=60), "g": np.tile(np.arange(10), 6)})
    e = rng.normal(size=60)
    data["y"] = data.x + e - pd.Series(e).groupby(data.g).transform("mean")
    fitted = ilk.fit("y ~ x + (1 | g)", data).fitted
    assert fitted.verdict.status is ilk.fitted.Status.BOUNDARY
    plain = ilk.fit("y ~ x", data).fitted
    for kind in KINDS:
        np.testing.assert_allclose(
            robust_covariance(fitted, kind).matrix,
            robust_covariance(plain, kind, data.g).matrix,
            rtol=1e-6,
        )


def crossed(levels, rows):
    rng = np.random.default_rng(6)
    a, b = rng.integers(0, levels, rows), rng.integers(0, levels - 3, rows)
    x = rng.normal(size=rows)
    slope = 1 + 0.5 * rng.normal(size=levels)[a]
    y = slope * x + rng.normal(size=levels)[a] + rng.normal(size=levels)[b]
    return pd.DataFrame({"y": y + rng.normal(size=rows), "x": x, "a": a, "b": b})


def test_crossed_factors():
    """Sum of products of all pairs of rows that share a level, of contributions h e."""
    data = crossed(25, 250)
    a, b = data.a.to_numpy(), data.b.to_numpy()
    fit = ilk.fit("y ~ x + (1 | a) + (1 | b)", data)
    X, _, W, M, e = parts(fit.fitted)
    effects = (W @ X) * e[:, None] @ M
    shared = (a[:, None] == a) | (b[:, None] == b)
    found = fit.cov_with("CR0")
    np.testing.assert_allclose(found.matrix, effects.T @ shared @ effects, rtol=1e-6)
    np.testing.assert_array_equal(found.coefficient_df(), [21.0, 21.0])
    assert "multiway; clusters: 25 of 'a' and 22 of 'b'" in found.kind
    by_factor = [np.array([effects[c == k].sum(axis=0) for k in np.unique(c)]) for c in (a, b)]
    cells = a * 25 + b
    pairs = np.array([effects[cells == k].sum(axis=0) for k in np.unique(cells)])
    expected = sum(len(s) / (len(s) - 1) * s.T @ s for s in by_factor)
    expected -= len(pairs) / (len(pairs) - 1) * pairs.T @ pairs
    np.testing.assert_allclose(fit.cov_with("CR1").matrix, expected, rtol=1e-6)


def test_crossed_factors_of_few_levels():
    """The multiway estimate may have negative variances, and is then refused."""
    rng = np.random.default_rng(6)
    a, b = rng.integers(0, 12, 150), rng.integers(0, 9, 150)
    x = rng.normal(size=150) + 0.5 * b
    y = 1 + x + rng.normal(size=12)[a] + rng.normal(size=9)[b] + rng.normal(size=150)
    data = pd.DataFrame({"y": y, "x": x, "a": a, "b": b})
    with pytest.raises(ilk.FitError, match="over 'a' and 'b' is no covariance matrix") as caught:
        ilk.fit("y ~ x + (1 | a) + (1 | b)", data).cov_with("CR1")
    assert caught.value.code == "indefinite"


def test_the_estimator_sees_what_the_model_leaves_out():
    """Slopes that vary and are not modelled: robust errors grow to those of the right model."""
    rng = np.random.default_rng(12)
    g = np.repeat(np.arange(60), 10)
    x = rng.normal(size=600)
    y = x * (1 + rng.normal(size=60)[g]) + rng.normal(size=60)[g] + rng.normal(size=600)
    data = pd.DataFrame({"y": y, "x": x, "g": g})
    wrong, right = ilk.fit("y ~ x + (1 | g)", data), ilk.fit("y ~ x + (x | g)", data)
    robust = np.sqrt(wrong.cov_with("CR2").matrix[1, 1])
    assert wrong.std_errors["x"] < 0.6 * robust
    assert robust == pytest.approx(right.std_errors["x"], rel=0.2)


def test_marginal_covariance_is_that_of_the_model():
    """The test's own n x n matrix gives the model's covariance of the coefficients."""
    fitted = ilk.fit("y ~ x + z + (1 | school / room)", nested()).fitted
    X = fitted.design.fixed[0].X
    W = np.linalg.inv(marginal_covariance(fitted))
    np.testing.assert_allclose(np.linalg.inv(X.T @ W @ X), fitted.vcov, rtol=1e-6)
