"""Coefficients of inbreeding: rows, columns and the tabular method."""

import numpy as np
import pytest
from tests.unit.covariance.levels.test_pedigree import _random, _tabular

from ilk.covariance.levels import inbreeding as module
from ilk.covariance.levels.inbreeding import generations, inbreeding
from ilk.covariance.levels.pedigree import Pedigree


@pytest.mark.parametrize(("table", "cost"), [(0, 0.0), (0, 1e9), (100, 1.0)])
@pytest.mark.parametrize("seed", [1, 2])
def test_rows_columns_and_tables_are_those_of_the_tabular_method(table, cost, seed, monkeypatch):
    monkeypatch.setattr(module, "_TABLE", table)
    monkeypatch.setattr(module, "_ROW_COST", cost)
    monkeypatch.setattr(module, "_CELLS", 600)
    sires, dams = _random(90, seed, selfing=True)
    F, _ = inbreeding(sires, dams, generations(range(90), sires, dams))
    np.testing.assert_allclose(F, np.diagonal(_tabular(sires, dams)) - 1.0, atol=1e-12)
    assert F.max() > 0.1


def test_generations_of_selfing_are_those_written_out():
    # 0, 1: founders; 2 = 0 x 1 selfed three times; 3: a founder selfed twice; 4 = 2 x 3; 5 = 2 x 4
    short = Pedigree(
        tuple("abcdef"),
        np.array([-1, -1, 0, -1, 2, 2]),
        np.array([-1, -1, 1, -1, 3, 4]),
        selfings=np.array([0, 0, 3, 2, 0, 1]),
    )
    rows = [(-1, -1), (-1, -1), (0, 1), (2, 2), (3, 3), (4, 4), (-1, -1), (6, 6), (7, 7)]
    rows += [(5, 8), (5, 9), (10, 10)]
    A = _tabular(*np.array(rows).T)
    at = [0, 1, 5, 8, 9, 11]
    np.testing.assert_allclose(short.covariance(np.zeros(0)), A[np.ix_(at, at)], atol=1e-12)
    np.testing.assert_allclose(short.F, np.diagonal(A)[at] - 1.0, atol=1e-12)


def test_a_long_line_has_its_generations():
    count = 3000
    sires = np.arange(-1, count - 1)
    depth = generations(range(count), sires, np.full(count, -1))
    np.testing.assert_array_equal(depth, np.arange(count))


@pytest.mark.parametrize("males", [20, 200])
def test_inbreeding_grows_as_it_should_in_a_small_population(males):
    rng = np.random.default_rng(1)
    size, count = 600, 40
    sires, dams = np.full(size * count, -1), np.full(size * count, -1)
    for g in range(1, count):
        before = (g - 1) * size
        sires[g * size : (g + 1) * size] = before + rng.integers(0, males, size)
        dams[g * size : (g + 1) * size] = before + rng.integers(300, 600, size)
    F, sampling = inbreeding(sires, dams, generations(range(size * count), sires, dams))
    mean = F.reshape(count, size).mean(axis=1)
    rate = 1.0 / (8.0 * males) + 1.0 / 2400.0  # Wright (1931)
    assert mean[-1] == pytest.approx(1.0 - (1.0 - rate) ** (count - 2), rel=0.25)
    assert np.all(sampling > 0.0)
