"""Studies drawn from a fit."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import ilk
from ilk.errors import ModelError
from ilk.inference.studies import Studies, drawn_unit, strata_of


def _trial():
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(9), 4)
    arm = (g < 6) * 1.0
    return ilk.fit("y ~ arm + (1 | g)", {"y": rng.normal(size=36), "arm": arm, "g": g}).fitted


def test_arms_keep_their_shares():
    fitted = _trial()
    _, codes, _ = drawn_unit(fitted, None)
    strata, kept = strata_of(fitted, [1], codes)
    assert kept == ("arm",)
    assert sorted(len(members) for members in strata) == [3, 6]
    work = Studies(fitted, (1,), fitted.coef[[1]], strata, 12, None, "wald")
    assert sorted(work._shares()) == [4, 8]
    values = work([np.random.default_rng(0)])[0]
    assert values[-1] == 48.0
    assert 0.0 <= values[0] <= 1.0


def test_an_effect_that_varies_makes_no_strata():
    fitted = _trial()
    _, codes, _ = drawn_unit(fitted, None)
    assert len(strata_of(fitted, [0], codes)[0]) == 1


def test_units():
    rng = np.random.default_rng(2)
    a, b = (part.ravel() for part in np.indices((6, 5)))
    data = {"y": rng.normal(size=30), "a": a, "b": b}
    fitted = ilk.fit("y ~ 1 + (1 | a) + (1 | b)", data).fitted
    name, codes, fixed = drawn_unit(fitted, "a")
    assert name == "a"
    assert fixed == {"b"}
    np.testing.assert_array_equal(codes, a)
    with pytest.raises(ModelError, match="cross"):
        drawn_unit(fitted, None)
    with pytest.raises(ModelError, match="no grouping factor"):
        drawn_unit(fitted, "c")


def test_work_travels_to_other_processes():
    data = ilk.datasets.load("classroom_scores")
    fit = ilk.fit("score ~ method + prior + (1 | school)", data).fitted
    strata, _ = strata_of(fit, [1], fit.design.terms[0].grouping.codes)
    work = Studies(fit, (1,), np.array([-2.0]), strata, 10, None, "wald")
    there = pickle.loads(pickle.dumps(work))
    one, other = (w([np.random.default_rng(3)])[0] for w in (work, there))
    np.testing.assert_allclose(one, other, rtol=1e-6)
