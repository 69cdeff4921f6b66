"""Measures of influence by hand, and what cannot be asked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.influence.influence import influence


def data() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    g = np.repeat(list("abcdefghijkl"), 6)
    code = np.repeat(np.arange(12), 6)
    x = rng.normal(size=72)
    y = 0.2 * x + 0.5 * rng.normal(size=12)[code] + rng.normal(size=72)
    y += np.where(code == 2, 3.0 * x, 0.0)  # one cluster makes the slope
    return pd.DataFrame({"g": g, "x": x, "y": y, "b": (y > 0).astype(int)})


def test_measures_are_as_defined() -> None:
    frame = data()
    fit = ilk.fit("y ~ x + (1 | g)", frame)
    found = influence(fit.fitted, "g", exact=True)
    alone = ilk.fit("y ~ x + (1 | g)", frame[frame.g != "c"])
    V, W = np.asarray(fit.cov), np.asarray(alone.cov)
    delta = np.asarray(fit.params) - np.asarray(alone.params)
    i = found.levels.index("c")
    assert found.cook[i] == pytest.approx(delta @ np.linalg.solve(V, delta) / 2, rel=1e-4)
    assert found.dfbetas[i] == pytest.approx(delta / np.asarray(fit.std_errors), rel=1e-4)
    ratio = np.linalg.det(W) / np.linalg.det(V)
    assert found.covratio[i] == pytest.approx(ratio, rel=1e-3)
    assert found.order[0] == i
    assert found.size.tolist() == [6.0] * 12


def test_conclusions_that_hang_on_one_cluster() -> None:
    found = influence(ilk.fit("y ~ x + (1 | g)", data()).fitted, "g")
    i = found.levels.index("c")
    assert found.p_value[1] < 0.05 < found.p_values[i, 1]
    assert np.argwhere(found.lost).tolist() == [[i, 1]]
    assert not found.gained.any()
    assert not found.undetermined.any()
    strict = influence(ilk.fit("y ~ x + (1 | g)", data()).fitted, "g", level=0.9999999)
    assert not strict.lost.any()


def test_levels_are_chosen_by_label_or_text() -> None:
    frame = data().assign(k=lambda d: np.repeat(np.arange(12), 6))
    fitted = ilk.fit("y ~ x + (1 | k)", frame).fitted
    for exact in (3, [3], "3", np.array([3])):
        found = influence(fitted, "k", exact=exact).exact
        assert np.flatnonzero(found).tolist() == [2, 3]  # without 2 the step is too long
    with pytest.raises(ilk.DataError, match=r"exact=99 is no level of 'k', of which there are 12"):
        influence(fitted, "k", exact=99)
    with pytest.raises(ilk.DataError, match=r"exact='x' is no row, of which there are 72"):
        influence(fitted, exact=["x"])


def test_penalized_fits_are_refitted_only() -> None:
    fitted = ilk.fit("b ~ x + (1 | g)", data(), "binomial", penalty="firth").fitted
    with pytest.raises(ilk.ModelError, match="use exact=True"):
        influence(fitted, "g", exact="c")
    found = influence(fitted, "g", exact=True)
    alone = ilk.fit("b ~ x + (1 | g)", data().query("g != 'c'"), "binomial", penalty="firth")
    assert found.coef[2] == pytest.approx(np.asarray(alone.params), rel=1e-3)
    assert np.isnan(found.displacement).all()


@pytest.mark.filterwarnings("ignore::ilk.errors.IdentificationWarning")
def test_fits_without_a_maximum_are_refused() -> None:
    frame = data().assign(s=lambda d: (d.x > 0).astype(int))
    fitted = ilk.fit("s ~ x", frame, "binomial").fitted
    with pytest.raises(ilk.FitError, match="separated"):
        influence(fitted, "rows")


def test_models_without_coefficients_or_variances() -> None:
    found = influence(ilk.fit("y ~ 0 + (1 | g)", data()).fitted, "g")
    assert found.coef.shape == (12, 0)
    assert np.isnan(found.cook).all()
    assert np.isfinite(found.cook_spread).all()
    found = influence(ilk.fit("b ~ x", data(), "binomial").fitted, "rows")
    assert found.spread.shape == (72, 0)
    assert np.isfinite(found.cook).all()
