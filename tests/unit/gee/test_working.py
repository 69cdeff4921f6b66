"""Working correlations: whitening is the inverse, moments are the same by any way of summing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ilk.errors import DataError, ModelError
from ilk.gee import pairs
from ilk.gee.clusters import Clusters, arrange
from ilk.gee.pairs import lag_moments
from ilk.gee.waves import Fixed, MDependent, Unstructured
from ilk.gee.working import AbstractWorking, Autoregressive, Compound, Independence


def clusters(seed: int = 0, count: int = 12, waves: int = 6, *, nested: int = 0) -> Clusters:
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(count), waves)
    times = np.tile(np.arange(waves, dtype=float), count)
    keep = rng.random(len(codes)) < 0.8
    codes, times = codes[keep], times[keep]
    inner = [(rng.integers(0, 2 + level, len(codes)) + 10 * codes) for level in range(nested)]
    for outer, deeper in itertools.pairwise(inner):
        deeper += 100 * outer
    return arrange(codes, range(count), times, order="t", distinct=True, subgroups=inner)


def blocks(structure: AbstractWorking, alpha: np.ndarray) -> list[np.ndarray]:
    """R of each cluster from the whitening of unit vectors."""
    found = structure.clusters
    out = []
    for start, size in zip(found.starts, found.sizes, strict=True):
        units = np.zeros((len(found.rows), size))
        units[start : start + size] = np.eye(size)
        W = structure.whiten(alpha, units)
        assert W is not None
        W = W[start : start + size]
        out.append(np.linalg.inv(W.T @ W))
    return out


def test_autoregressive_whitening_is_the_inverse() -> None:
    found = clusters()
    for rho in (0.7, -0.4, 0.0):
        R = blocks(Autoregressive.of(found), np.array([rho]))
        for block, start in zip(R, found.starts, strict=True):
            at = found.positions[start : start + len(block)]
            apart = np.abs(np.subtract.outer(at, at))
            np.testing.assert_allclose(block, rho**apart, atol=1e-10)


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_compound_whitening_is_the_inverse(levels: int) -> None:
    found = clusters(nested=levels, waves=9)
    structure = Compound.of(found, ("g", "a", "b")[: levels + 1])
    alpha = np.array([0.2, 0.35, 0.6])[: levels + 1]
    for block, start in zip(blocks(structure, alpha), found.starts, strict=True):
        stop = start + len(block)
        expected = np.full(block.shape, alpha[0])
        for level, inner in enumerate(found.inner, start=1):
            same = np.equal.outer(inner[start:stop], inner[start:stop])
            expected[same] = alpha[level]
        np.fill_diagonal(expected, 1.0)
        np.testing.assert_allclose(block, expected, atol=1e-10)


def test_dense_whitening_is_the_inverse() -> None:
    found = clusters()
    T = 6
    R = 0.5 ** np.abs(np.subtract.outer(np.arange(T), np.arange(T))) + 0.1
    np.fill_diagonal(R, 1.0)
    fixed = Fixed.of(found, R, "t")
    free = Unstructured.of(found, "t")
    for structure, alpha in ((fixed, np.zeros(0)), (free, R[np.triu_indices(T, 1)])):
        for block, start in zip(blocks(structure, alpha), found.starts, strict=True):
            at = found.times[start : start + len(block)].astype(int)
            np.testing.assert_allclose(block, R[np.ix_(at, at)], atol=1e-10)


def test_m_dependent_whitening_is_the_inverse() -> None:
    found = clusters()
    structure = MDependent.of(found, 2, "t")
    for block, start in zip(blocks(structure, np.array([0.4, 0.1])), found.starts, strict=True):
        at = found.positions[start : start + len(block)]
        apart = np.abs(np.subtract.outer(at, at)).astype(int)
        table = np.array([1, 0.4, 0.1, 0, 0, 0, 0])
        np.testing.assert_allclose(block, table[apart], atol=1e-10)


def test_invalid_correlations_are_seen() -> None:
    found = clusters()
    one = np.ones((len(found.rows), 1))
    assert Compound.of(found, ("g",)).whiten(np.array([-0.5]), one) is None
    assert Compound.of(found, ("g",)).whiten(np.array([1.0]), one) is None
    assert Autoregressive.of(found).whiten(np.array([1.1]), one) is None
    assert MDependent.of(found, 1, "t").whiten(np.array([0.9]), one) is None
    assert Independence(found).whiten(np.zeros(0), one) is one


def test_sums_by_distance_are_the_same_three_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    found = clusters(waves=40, count=30)  # more than 32 steps: fast transforms
    e = np.random.default_rng(1).normal(size=len(found.rows))
    fast = lag_moments(found)
    assert fast.cells is not None
    monkeypatch.setattr(pairs, "_DENSE", 0)
    slow = lag_moments(found)
    assert slow.cells is None
    assert fast.lags.tolist() == slow.lags.tolist()
    assert fast.counts.tolist() == slow.counts.tolist()
    np.testing.assert_allclose(fast.sums(e), slow.sums(e), atol=1e-9)
    direct = np.zeros(40)
    for start, size in zip(found.starts, found.sizes, strict=True):
        at, values = found.positions[start : start + size], e[start : start + size]
        for j in range(size):
            for k in range(j + 1, size):
                direct[int(at[k] - at[j])] += values[j] * values[k]
    np.testing.assert_allclose(slow.sums(e), direct[slow.lags.astype(int)], atol=1e-9)


def test_fractional_distances_have_a_correlation() -> None:
    rng = np.random.default_rng(4)
    codes = np.repeat(np.arange(300), 5)
    times = np.concatenate([np.sort(rng.uniform(0, 4, 5)) for _ in range(300)])
    found = arrange(codes, range(300), times, order="t", distinct=True)
    assert not found.whole
    e = np.empty(len(codes))
    for k in range(300):
        at = times[5 * k : 5 * k + 5]
        R = 0.5 ** np.abs(np.subtract.outer(at, at))
        e[5 * k : 5 * k + 5] = np.linalg.cholesky(R) @ rng.normal(size=5)
    alpha = Autoregressive.of(found).estimate(e, 1.0)
    assert alpha[0] ** (1 / found.step) == pytest.approx(0.5, abs=0.06)


def test_what_cannot_be_estimated_is_refused() -> None:
    found = clusters(count=4)
    with pytest.raises(ModelError, match="15 correlations for the 6 values of t, too many for 4"):
        Unstructured.of(found, "t")
    lone = arrange(
        np.array([0, 0, 1, 1, 2, 2]),
        range(3),
        np.array([1.0, 2, 2, 3, 1, 2]),
        order="t",
        distinct=True,
    )
    with pytest.raises(DataError, match="No cluster has both t = 1 and t = 3"):
        Unstructured.of(lone, "t")
    with pytest.raises(ModelError, match="lags=2: no two rows of a cluster are 2 steps apart"):
        MDependent.of(lone, 2, "t")
    odd = arrange(
        np.array([0, 0, 0, 1]), range(2), np.array([1.0, 2, 3.5, 1]), order="t", distinct=True
    )
    with pytest.raises(DataError, match="not whole multiples"):
        MDependent.of(odd, 1, "t")
    with pytest.raises(ModelError, match="has 6 values in the rows used"):
        Fixed.of(found, np.eye(3), "t")
    with pytest.raises(ModelError, match="no correlation matrix"):
        Fixed.of(found, 2 * np.eye(6), "t")
    single = arrange(
        np.array([0, 0, 1, 1]),
        range(2),
        np.arange(4.0),
        order="t",
        distinct=False,
        subgroups=[np.array([0, 1, 2, 3])],
    )
    with pytest.raises(ModelError, match="has a single row"):
        Compound.of(single, ("g", "s"))
    same = arrange(
        np.array([0, 0, 1, 1]),
        range(2),
        np.arange(4.0),
        order="t",
        distinct=False,
        subgroups=[np.array([0, 0, 1, 1])],
    )
    with pytest.raises(ModelError, match="cannot be told apart"):
        Compound.of(same, ("g", "s"))
