"""Kenward-Roger by blocks against the formulas with n x n matrices."""

import numpy as np
import pandas as pd
import pytest
from tests.fits import fit_of
from tests.unit.inference.small_sample import dense

import ilk
from ilk import ModelError
from ilk.inference.small_sample import blocks
from ilk.inference.small_sample.kenward_roger import kenward_roger, match_moments


def _data(seed=1, n=60):
    rng = np.random.default_rng(seed)
    inner = rng.integers(0, 14, n)
    data = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "a": rng.choice(["p", "q", "r"], n),
            "g": inner // 3,
            "h": inner,
            "k": rng.integers(0, 5, n),
            "w": rng.uniform(0.3, 3.0, n),
        }
    )
    effect = rng.normal(size=(14, 2))[inner]
    data["y"] = 1 + data.x + effect[:, 0] + effect[:, 1] * data.x + rng.normal(size=n)
    data["y"] += rng.normal(size=5)[data.k]
    return data


_FULL = [np.array(m, float) for m in ([[1, 0], [0, 0]], [[0, 1], [1, 0]], [[0, 0], [0, 1]])]
_ONE = [np.ones((1, 1))]
_DIAGONAL = [np.diag([1.0, 0.0]), np.diag([0.0, 1.0])]
_COMMON = [np.eye(3), np.ones((3, 3))]

CASES = {
    "slopes": ("y ~ x + a + (1 + x | h)", {}, [_FULL]),
    "weighted": ("y ~ x + a + (1 + x | h)", {"precision_weights": "w"}, [_FULL]),
    "nested": ("y ~ x + a + (1 | g/h)", {}, [_ONE, _ONE]),
    "crossed": ("y ~ x + (1 | h) + diag(1 + x | k)", {}, [_ONE, _DIAGONAL]),
    "homogeneous": ("y ~ x + homcs(0 + a | h)", {}, [_COMMON]),
}


@pytest.mark.parametrize("name", CASES)
def test_against_dense_matrices(name):
    formula, options, bases = CASES[name]
    fitted = ilk.fit(formula, _data(), **options).fitted
    ours = kenward_roger(fitted)
    adjusted, joint = dense.kenward_roger(fitted, bases)
    np.testing.assert_allclose(ours.adjusted, adjusted, rtol=1e-6, atol=1e-9)
    P = len(fitted.coef)
    for row in np.eye(P):
        df, scale = joint(row[None])
        assert ours.df(row) == pytest.approx(df, rel=1e-6)
        assert scale == pytest.approx(1.0)
    L = np.eye(P)[1:]
    assert ours.joint(L) == pytest.approx(joint(L), rel=1e-6)


def test_frequency_weights_are_rows():
    data = _data()
    data["times"] = np.random.default_rng(2).integers(1, 4, len(data))
    few = kenward_roger(ilk.fit("y ~ x + (1 + x | h)", data, frequency_weights="times").fitted)
    many = data.loc[data.index.repeat(data.times)].reset_index(drop=True)
    all_rows = kenward_roger(ilk.fit("y ~ x + (1 + x | h)", many).fitted)
    np.testing.assert_allclose(few.adjusted, all_rows.adjusted, rtol=1e-4)
    for row in np.eye(2):
        assert few.df(row) == pytest.approx(all_rows.df(row), rel=1e-4)


def test_columns_far_from_zero_change_nothing():
    data = _data().assign(year=lambda d: 2000.0 + d.x)
    near = kenward_roger(ilk.fit("y ~ x + (1 + x | h)", data).fitted)
    far = kenward_roger(ilk.fit("y ~ year + (1 + year | h)", data).fitted)
    slope = np.array([0.0, 1.0])
    assert far.df(slope) == pytest.approx(near.df(slope), rel=1e-4)
    assert far.adjusted[1, 1] == pytest.approx(near.adjusted[1, 1], rel=1e-4)


def test_balanced_data_give_the_exact_f_test():
    """One-way layout: the mean has levels - 1 degrees of freedom, and nothing is adjusted."""
    fitted = ilk.fit("diameter ~ 1 + (1 | sample)", _balanced()).fitted
    found = kenward_roger(fitted)
    assert found.df(np.ones(1)) == pytest.approx(5.0, rel=1e-6)
    assert found.adjusted[0, 0] == pytest.approx(fitted.vcov[0, 0], rel=1e-6)


def _balanced():
    rng = np.random.default_rng(4)
    sample = np.repeat(np.arange(6), 8)
    return pd.DataFrame(
        {"sample": sample, "diameter": rng.normal(size=6)[sample] + rng.normal(size=48)}
    )


def test_too_many_crossed_effects_are_refused(monkeypatch):
    monkeypatch.setattr(blocks, "MAX_CONNECTED", 20)
    fitted = fit_of("penicillin").fitted
    with pytest.raises(ModelError, match=r"30 by 30 .* at most 20 .*satterthwaite"):
        kenward_roger(fitted)


@pytest.mark.parametrize(
    ("formula", "options", "words"),
    [
        ("y ~ x + (1 | h)", {"reml": False}, "reml=True"),
        ("y ~ x", {}, "are for linear mixed models"),
        ("y ~ x + cs(0 + a | h)", {}, "'cs' with 3 effects"),
    ],
)
def test_refusals(formula, options, words):
    fitted = ilk.fit(formula, _data(), **options).fitted
    with pytest.raises(ModelError, match=words):
        kenward_roger(fitted)


def test_no_uncertainty_is_a_chi_square():
    assert match_moments(0.0, 0.0, 2) == (np.inf, 1.0)
