"""How alike structures are: dense traces, random draws, three overlaps, words."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import ilk
from ilk.errors import ModelError
from ilk.variance.alike import alike, split_of


@functools.cache
def tissue(diffusion, family="gaussian", n=120):
    cells = ilk.datasets.simulate_cells(n, diffusion=diffusion, seed=5)
    field = ilk.covariance.spatial(cells.data.x, cells.data.y, names=list(cells.data.place))
    left = {"gaussian": "marker", "binomial": "fate"}[family]
    return ilk.fit(
        f"{left} ~ 1 + (1 | cell) + (1 | place)",
        cells.data,
        family=family,
        covariance={"cell": cells.tree, "place": field},
    ).fitted


def test_information_is_that_of_dense_matrices():
    fitted = tissue(0.1)
    found = alike(fitted)
    K = []
    for over, term in zip(fitted.dependences, fitted.design.terms, strict=True):
        codes = term.grouping.codes
        K.append(np.linalg.inv(over.levels.precision(over.theta).dense())[np.ix_(codes, codes)])
    K.append(np.eye(len(codes)))
    v = [*(G[0, 0] for G in fitted.estimates.covariances), fitted.estimates.sigma2]
    V = sum(a * b for a, b in zip(v, K, strict=True))
    one, inverse = np.ones((len(V), 1)), np.linalg.inv(V)
    P = inverse - inverse @ one @ one.T @ inverse / (one.T @ inverse @ one)
    expected = [[0.5 * np.trace(P @ a @ P @ b) for b in K] for a in K]
    np.testing.assert_allclose(found.information, expected, rtol=1e-6)
    np.testing.assert_allclose(found.variances, v)
    kept = 1.0 / (np.diag(expected) * np.diag(np.linalg.inv(expected)))
    np.testing.assert_allclose(found.kept, kept, rtol=1e-6)


@pytest.mark.parametrize("family", ["gaussian", "binomial"])
def test_random_draws_agree_with_exact_traces(family):
    fitted = tissue(0.1, family)
    exact, drawn = alike(fitted), alike(fitted, draws=200, seed=1, exact=0)
    assert drawn.draws == 200
    off = ~np.eye(len(exact.names), dtype=bool)
    assert np.all(np.abs(drawn.alike - exact.alike)[off] < 4.0 * drawn.alike_error[off] + 1e-3)
    assert np.all(np.abs(drawn.kept - exact.kept) < 4.0 * drawn.kept_error + 5e-3)
    again = alike(fitted, draws=200, seed=1, exact=0)
    np.testing.assert_array_equal(again.alike, drawn.alike)


def test_three_overlaps_are_told():
    cosines = [alike(tissue(d)).alike[0, 1] for d in (0.0, 0.1, 1.0)]
    assert cosines[0] > cosines[1] > cosines[2]


def test_the_same_structure_twice_cannot_be_told_apart():
    rng = np.random.default_rng(0)
    K = np.exp(-np.abs(np.subtract.outer(np.arange(60), np.arange(60))) / 5.0)
    y = np.linalg.cholesky(K) @ rng.normal(size=60)
    names = list(range(60))
    data = {
        "y": np.repeat(y, 2) + 0.5 * rng.normal(size=120),
        "a": np.repeat(names, 2),
        "b": np.repeat(names, 2),
    }
    near = np.exp(-np.abs(np.subtract.outer(np.arange(60), np.arange(60))) / 5.5)
    fit = ilk.fit(
        "y ~ 1 + (1 | a) + (1 | b)",
        data,
        covariance={
            "a": ilk.covariance.known(K, names=names),
            "b": ilk.covariance.known(near, names=names),
        },
    )
    found = alike(fit.fitted)
    assert found.alike[0, 1] > 0.98
    split = split_of(found, 0, 1)
    assert split.verdict == "not"
    assert split.high - split.low > 0.8
    assert "cannot tell a from b" in fit.partition().text
    table = fit.partition().alike().frame
    assert table.verdict.tolist() == ["not"]


def test_factors_that_cross_are_told_apart():
    rng = np.random.default_rng(1)
    a, b = np.repeat(np.arange(20), 20), np.tile(np.arange(20), 20)
    y = rng.normal(size=20)[a] + rng.normal(size=20)[b] + 0.5 * rng.normal(size=400)
    fitted = ilk.fit("y ~ 1 + (1 | a) + (1 | b)", {"y": y, "a": a, "b": b}).fitted
    found = alike(fitted)
    assert found.alike[0, 1] < 0.01
    assert split_of(found, 0, 1).verdict in ("apart", "roughly")


def test_a_single_term_has_nothing_to_be_told_from():
    fit = ilk.fit("y ~ 1 + (1 | a)", {"y": np.arange(12.0) % 5, "a": np.repeat([1, 2, 3], 4)})
    with pytest.raises(ModelError, match="single random term"):
        fit.partition().alike()
