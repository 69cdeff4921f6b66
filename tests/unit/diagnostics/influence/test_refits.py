"""Refits without some rows, against fits to data without them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.influence.influence import influence
from ilk.diagnostics.influence.refits import refitted_without


def data() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    g = np.repeat(list("abcdefghij"), 8)
    code = np.repeat(np.arange(10), 8)
    x = rng.normal(size=80)
    arm = np.where(code == 0, "old", np.where(code < 6, "new", "none"))
    eta = 0.3 + 0.5 * x + 0.6 * rng.normal(size=10)[code]
    return pd.DataFrame(
        {"g": g, "x": x, "arm": arm, "n": rng.poisson(np.exp(eta)), "y": eta + rng.normal(size=80)}
    )


@pytest.mark.parametrize(("formula", "family"), [("y ~ x", "gaussian"), ("n ~ x", "poisson")])
def test_refits_are_fits_to_the_other_rows(formula: str, family: str) -> None:
    frame = data()
    fit = ilk.fit(f"{formula} + (1 | g)", frame, family)
    found = influence(fit.fitted, "g", exact=["c", "h"])
    assert [found.levels[i] for i in np.flatnonzero(found.exact)] == ["c", "h"]
    for level in ("c", "h"):
        i = found.levels.index(level)
        alone = ilk.fit(f"{formula} + (1 | g)", frame[frame.g != level], family)
        table = alone.tidy()
        np.testing.assert_allclose(found.coef[i], np.asarray(alone.params), rtol=1e-4)
        np.testing.assert_allclose(found.error[i], np.asarray(alone.std_errors), rtol=1e-4)
        np.testing.assert_allclose(found.p_values[i], table.p_value[:2], rtol=1e-3)
        sd = [part.estimate for part in ilk.variance.variance_components(alone.fitted)]
        np.testing.assert_allclose(found.spread[i], sd, rtol=1e-4)


def test_displacement_is_the_fall_of_the_likelihood() -> None:
    frame = data()
    fitted = ilk.fit("n ~ x + (1 | g)", frame, "poisson").fitted
    found = influence(fitted, "g", exact="c")
    again, kept, known = refitted_without(fitted, np.flatnonzero(frame.g == "c"))
    assert kept.all()
    assert known.all()
    sd = np.sqrt(again.estimates.covariances[0][0, 0])
    there = fitted.marginal.at(np.append(again.coef, sd))
    fall = 2.0 * (fitted.point.value - there.value)
    assert found.displacement[found.levels.index("c")] == pytest.approx(fall, abs=1e-6)


def test_coefficients_that_mean_something_else_have_no_estimate() -> None:
    """The level 'new' is compared with 'none' in all rows; 'old' is in cluster a alone."""
    frame = data()
    fit = ilk.fit("y ~ x + arm + (1 | g)", frame)
    assert list(fit.params) == ["Intercept", "x", "arm[T.none]", "arm[T.old]"]
    found = influence(fit.fitted, "g", exact="a")
    i = found.levels.index("a")
    assert np.isnan(found.coef[i]).tolist() == [False, False, False, True]
    levels = pd.Categorical(frame.arm, ["old", "new", "none"])  # now the reference is in a alone
    fit = ilk.fit("y ~ x + arm + (1 | g)", frame.assign(arm=levels))
    for exact in (False, "a"):
        found = influence(fit.fitted, "g", exact=exact)
        assert np.isnan(found.coef[i]).tolist() == [True, False, True, True]
        assert not found.reasons[i]


def test_a_refit_without_a_maximum_says_why() -> None:
    frame = data().assign(b=lambda d: ((d.x > 0) != (d.g == "a")).astype(int))
    fit = ilk.fit("b ~ x + (1 | g)", frame, "binomial")
    found = influence(fit.fitted, "g", exact="a")
    i = found.levels.index("a")
    assert "separated" in found.reasons[i]
    assert np.isnan(found.coef[i]).all()
