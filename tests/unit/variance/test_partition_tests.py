"""Tests of sources: likelihood ratios without each, permutations of names of levels."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from tests.fits import fit_of

import ilk
from ilk.errors import ModelError
from ilk.variance.partition_tests import permutation_test, source_tests


@functools.cache
def lineage(share=0.7):
    cells = ilk.datasets.simulate_cells(
        100, diffusion=1.0, shares={"lineage": share, "neighborhood": 0.0}, seed=1
    )
    return ilk.fit("marker ~ 1 + (1 | cell)", cells.data, covariance={"cell": cells.tree}).fitted


def test_likelihood_ratio_is_that_of_the_model_without():
    fitted = lineage()
    (test,) = source_tests(fitted)
    assert test.source.structure == "tree"
    assert test.ratio.statistic == pytest.approx(2.0 * (fitted.loglik - test.loglik_without))
    assert test.ratio.p_value < 0.01


def test_a_structure_that_matters_is_found():
    found = permutation_test(lineage(), "cell", 199)
    assert found.p_value == 1 / 200
    assert found.p_error == pytest.approx(np.sqrt(0.005 * 0.995 / 200))
    assert found.levels == 100
    again = permutation_test(lineage(), "cell", 199)
    np.testing.assert_array_equal(again.permuted, found.permuted)
    assert permutation_test(lineage(), "cell", 199, seed=5).permuted[0] != found.permuted[0]


def test_score_is_the_quadratic_form_less_its_expectation():
    fitted = lineage()
    found = permutation_test(fitted, "cell", 19)
    y = fitted.design.response.y
    r = (y - y.mean()) / np.var(y, ddof=1)
    over, codes = fitted.dependences[0], fitted.design.terms[0].grouping.codes
    C = np.linalg.inv(over.levels.precision(over.theta).dense())[np.ix_(codes, codes)]
    n = len(y)
    H = (np.eye(n) - 1.0 / n) / np.var(y, ddof=1)
    assert found.observed == pytest.approx(r @ C @ r - np.trace(C @ H), rel=0.1)


def test_likelihood_ratios_of_permutations():
    found = permutation_test(lineage(), "cell", 19, statistic="likelihood_ratio")
    (test,) = source_tests(lineage())
    assert found.observed == pytest.approx(test.ratio.statistic)
    assert np.all(found.permuted >= 0.0)
    assert found.p_value == 0.05


def test_p_values_of_no_structure_are_spread():
    rng = np.random.default_rng(3)
    cells = ilk.datasets.simulate_cells(60, diffusion=1.0, seed=2)
    p = []
    for _ in range(30):
        data = {"y": rng.normal(size=60), "cell": list(cells.data.cell)}
        fit = ilk.fit("y ~ 1 + (1 | cell)", data, covariance={"cell": cells.tree})
        p.append(permutation_test(fit.fitted, "cell", 39).p_value)
    assert 0.3 < np.mean(p) < 0.7
    assert np.mean(np.array(p) <= 0.1) < 0.3


def test_a_field_is_compared_at_several_ranges():
    cells = ilk.datasets.simulate_cells(
        80, diffusion=1.0, shares={"lineage": 0.0, "neighborhood": 0.7}, seed=1
    )
    data = cells.data
    field = ilk.covariance.spatial(data.x, data.y, names=list(data.place))
    fit = ilk.fit("marker ~ 1 + (1 | place)", data, covariance={"place": field})
    assert permutation_test(fit.fitted, "place", 99).p_value <= 0.02


def test_table_has_both_tests():
    fit = ilk.Fit(lineage())
    table = fit.partition().tests(permutations=39).frame
    assert table.p_permuted[0] == pytest.approx(0.025)
    assert fit.partition().permutation("cell", 39).p_value == pytest.approx(0.025)


def test_independent_levels_have_no_structure_to_permute():
    with pytest.raises(ModelError, match="independent of each other") as caught:
        permutation_test(fit_of("sleepstudy").fitted, "Subject")
    assert caught.value.code == "independent"
    with pytest.raises(ModelError, match="no such source"):
        permutation_test(lineage(), "cells")
    with pytest.raises(ModelError, match="from 19"):
        permutation_test(lineage(), "cell", 3)


def test_an_interrupted_test_keeps_what_is_done(monkeypatch):
    from ilk.variance import partition_tests

    fitted, calls = lineage(), [0]

    def refits(*_):
        def again(_order):
            calls[0] += 1
            if calls[0] > 25:
                raise KeyboardInterrupt
            return 0.0

        return again

    monkeypatch.setattr(partition_tests, "_refits", refits)
    found = permutation_test(fitted, "cell", 99, statistic="likelihood_ratio")
    assert found.interrupted
    assert len(found.permuted) == 25
