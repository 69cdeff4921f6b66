"""Pedigrees against the tabular method."""

import numpy as np
import pandas as pd
import pytest

from ilk.covariance.levels.pedigree import Pedigree
from ilk.covariance.levels.read_pedigree import pedigree
from ilk.errors import DataError


def _tabular(sires, dams):
    """Relationship matrix by the recursive definition; parents stand before children."""
    n = len(sires)
    A = np.zeros((n, n))
    for i in range(n):
        s, d = sires[i], dams[i]
        for j in range(i):
            A[i, j] = A[j, i] = 0.5 * sum(A[j, p] for p in (s, d) if p >= 0)
        A[i, i] = 1.0 + (0.5 * A[s, d] if s >= 0 and d >= 0 else 0.0)
    return A


def _random(n, seed, selfing=False):
    rng = np.random.default_rng(seed)
    sires, dams = np.full(n, -1), np.full(n, -1)
    for i in range(6, n):
        recent = np.arange(max(0, i - 12), i)
        sires[i], dams[i] = rng.choice(recent, 2, replace=selfing)
        if rng.random() < 0.15:
            sires[i] = -1
        if rng.random() < 0.15:
            dams[i] = -1
    return sires, dams


@pytest.mark.parametrize("selfing", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_inverse_is_that_of_the_tabular_method(seed, selfing):
    sires, dams = _random(60, seed, selfing)
    pedigree = Pedigree(tuple(range(60)), sires, dams)
    A = _tabular(sires, dams)
    np.testing.assert_allclose(pedigree.F, np.diagonal(A) - 1.0, atol=1e-12)
    assert pedigree.F.max() > 0.05
    found = pedigree.precision(np.zeros(0))
    np.testing.assert_allclose(found.dense() @ A, np.eye(60), atol=1e-10)
    assert found.log_det == pytest.approx(-np.linalg.slogdet(A)[1])


def test_order_of_the_individuals_does_not_matter():
    sires, dams = _random(40, 7)
    A = _tabular(sires, dams)
    shuffle = np.random.default_rng(0).permutation(40)
    back = np.argsort(shuffle)
    moved = [np.where(p[shuffle] >= 0, back[p[shuffle]], -1) for p in (sires, dams)]
    pedigree = Pedigree(tuple(shuffle.tolist()), *moved)
    np.testing.assert_allclose(pedigree.F, np.diagonal(A)[shuffle] - 1.0, atol=1e-12)


def test_groups_stand_for_unknown_parents():
    # 0, 1: groups; 2: parents of groups 0 and 1; 3: founder; 4: of 2 and 3
    sires = np.array([-1, -1, 0, -1, 2])
    dams = np.array([-1, -1, 1, -1, 3])
    group = np.array([True, True, False, False, False])
    pedigree = Pedigree(("g1", "g2", "a", "b", "c"), sires, dams, group, group_variance=0.5)
    covariance = np.linalg.inv(pedigree.precision(np.zeros(0)).dense())
    assert covariance[2, 2] == pytest.approx(1.0 + 0.25)  # 1 of its own, 0.5 (1/4 + 1/4)
    assert covariance[0, 2] == pytest.approx(0.25)
    assert covariance[4, 4] == pytest.approx(0.5 + 0.25 * 1.25 + 0.25)


def test_bad_pedigrees_are_named():
    with pytest.raises(DataError, match="'a' is its own parent"):
        Pedigree(("a", "b"), np.array([0, -1]), np.array([-1, -1]))
    with pytest.raises(DataError, match=r"is its own ancestor: 'a' <- 'b' <- 'a'"):
        Pedigree(("a", "b", "c"), np.array([1, 0, 0]), np.array([-1, -1, -1]))
    with pytest.raises(DataError, match="more than once in the pedigree: 'a'"):
        Pedigree(("a", "a"), np.array([-1, -1]), np.array([-1, -1]))


MRODE = [(3, 1, 2), (4, 1, None), (5, 4, 3), (6, 5, 2)]
"""Mrode (2005), Linear Models for the Prediction of Animal Breeding Values, table 2.1."""


def test_published_relationships():
    rows = pd.DataFrame(MRODE, columns=["individual", "sire", "dam"])
    found = pedigree(rows, selfing=True)
    A = found.covariance(np.zeros(0))
    at = found.codes([1, 2, 3, 4, 5, 6], "animal")
    expected = [
        [1.0, 0.0, 0.5, 0.5, 0.5, 0.25],
        [0.0, 1.0, 0.5, 0.0, 0.25, 0.625],
        [0.5, 0.5, 1.0, 0.25, 0.625, 0.563],
        [0.5, 0.0, 0.25, 1.0, 0.625, 0.313],
        [0.5, 0.25, 0.625, 0.625, 1.125, 0.688],
        [0.25, 0.625, 0.563, 0.313, 0.688, 1.125],
    ]
    np.testing.assert_allclose(A[np.ix_(at, at)], expected, atol=6e-4)
    frame = found.inbreeding.set_index("individual").inbreeding
    assert frame[5] == pytest.approx(0.125)
    assert frame[6] == pytest.approx(0.125)


def test_published_breeding_values():
    # Mrode (2005), example 3.1: gains of calves with the variances 20 and 40
    calves = pd.DataFrame(
        [(4, 1, None, 1, 4.5), (5, 3, 2, 0, 2.9), (6, 1, 2, 0, 3.9), (7, 4, 5, 1, 3.5),
         (8, 3, 6, 1, 5.0)],
        columns=["individual", "sire", "dam", "male", "gain"],
    )  # fmt: skip
    found = pedigree(calves)
    Q = found.precision(np.zeros(0)).dense()
    X = np.stack([calves.male, 1 - calves.male], axis=1).astype(float)
    Z = np.zeros((5, 8))
    Z[np.arange(5), found.codes(calves.individual.tolist(), "animal")] = 1.0
    left = np.block([[X.T @ X, X.T @ Z], [Z.T @ X, Z.T @ Z + 2.0 * Q]])
    solution = np.linalg.solve(left, np.concatenate([X.T, Z.T]) @ calves.gain.to_numpy())
    np.testing.assert_allclose(solution[:2], [4.358, 3.404], atol=6e-4)
    at = found.codes(range(1, 9), "animal")
    expected = [0.098, -0.019, -0.041, -0.009, -0.186, 0.177, -0.249, 0.183]
    np.testing.assert_allclose(solution[2:][at], expected, atol=6e-4)


def test_groups_and_selfings_are_checked():
    rows = {"individual": ["b", "c"], "sire": ["g1", "b"], "dam": ["g2", "b"], "times": [0.5, 1]}
    with pytest.raises(
        DataError, match=r"'b' has 0\.5 generations of selfing in the column 'times'"
    ):
        pedigree(rows, groups=("g1", "g2"), selfings="times")
    with pytest.raises(DataError, match="rows of their own in the pedigree: 'b'"):
        pedigree(rows, groups=("b",), selfing=True)
    with pytest.raises(DataError, match="parents of nobody in the pedigree: 'g3'"):
        pedigree(rows, groups=("g1", "g3"), selfing=True)
    rows["times"] = [0, 2]
    assert pedigree(rows, selfings="times").F[1] == pytest.approx(1.0 - 0.5 * 0.25)
