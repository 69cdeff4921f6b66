"""Boundary fits: what vanished, where levels meet, and the reduced model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.estimation.vanished import vanished_directions
from ilk.fitted import Reason, Status


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(20)
    g = np.repeat(np.arange(30), 12)
    x = rng.uniform(0.0, 10.0, 360)
    z = rng.normal(size=360)
    common = rng.normal(size=30)
    noise = rng.normal(size=360)
    for level in range(30):  # neither lines nor sizes of the noise differ between levels
        there = g == level
        columns = np.column_stack([np.ones(12), x[there], z[there]])
        rest = noise[there] - columns @ np.linalg.lstsq(columns, noise[there], rcond=None)[0]
        noise[there] = rest / rest.std()
    return pd.DataFrame(
        {
            "g": g,
            "h": rng.integers(0, 8, 360),
            "x": x,
            "z": z,
            # all lines meet at x = 4
            "y": 2.0 + common[g] * (x - 4.0) + noise,
            "noise": noise,
        }
    )


def note(fit: ilk.Fit) -> Reason:
    (reason,) = (r for r in fit.verdict.reasons if r.code == "singular_covariance")
    return reason


def test_levels_that_meet_at_a_point(data: pd.DataFrame) -> None:
    fit = ilk.fit("y ~ x + (x | g)", data)
    assert fit.verdict.status is Status.BOUNDARY
    (found,) = vanished_directions(fit.fitted.marginal, fit.fitted.point.theta)
    assert (found.rank, found.zero) == (1, ())
    # v'b = 0 in every level
    modes = fit.fitted.estimates.modes[0]
    np.testing.assert_allclose(modes @ found.combinations[0], 0.0, atol=1e-3 * np.abs(modes).max())
    meeting = found.combinations[0][1] / found.combinations[0][0]
    assert meeting == pytest.approx(4.0, abs=0.05)
    assert f"levels do not differ at x = {meeting:.4g}" in note(fit).message
    assert "y ~ x + (x || g)" in note(fit).advice


def test_points_beyond_the_data_are_not_named(data: pd.DataFrame) -> None:
    far = data.assign(w=data["x"] + 100.0)
    fit = ilk.fit("y ~ w + (w | g)", far)
    assert "w = 104" in note(fit).message
    rng = np.random.default_rng(5)
    common = rng.normal(size=30)[far["g"]]
    off = far.assign(y=common * (1.0 + 0.1 * far["x"]) + far["noise"])
    fit = ilk.fit("y ~ x + (x | g)", off)  # lines meet at x = -10
    assert "in every level" in note(fit).message


def test_a_term_without_variance_can_be_left_out(data: pd.DataFrame) -> None:
    """The reduced model that is proposed has the same likelihood and estimates."""
    fit = ilk.fit("y ~ x + z + (0 + x | g) + (1 | h)", data, reml=False)
    reason = note(fit)
    assert reason.terms == ("1 | h",)
    formula = "y ~ x + z + (0 + x | g)"
    assert formula in reason.advice
    less = ilk.fit(formula, data, reml=False)
    assert less.loglik == pytest.approx(fit.loglik, abs=1e-8)
    np.testing.assert_allclose(np.asarray(less.params), np.asarray(fit.params), atol=1e-6)
    np.testing.assert_allclose(np.asarray(less.std_errors), np.asarray(fit.std_errors), rtol=1e-4)


def test_reml_is_spelled_out_where_it_is_not_the_default(data: pd.DataFrame) -> None:
    flat = data.assign(y=np.tile(np.arange(12.0), 30))
    fit = ilk.fit("y ~ 1 + (1 | g)", flat)
    assert "y ~ 1 (with reml=True)" in note(fit).advice
    less = ilk.fit("y ~ 1", flat, reml=True)
    assert less.loglik == pytest.approx(fit.loglik, abs=1e-8)


def test_an_effect_without_variance_can_be_left_out(data: pd.DataFrame) -> None:
    fit = ilk.fit("y ~ x + z + (x + z || g)", data)
    reason = note(fit)
    assert "the variance of z in (1 + x + z || g) is estimated as zero" in reason.message
    formula = "y ~ x + z + (x || g)"
    assert formula in reason.advice
    assert ilk.fit(formula, data).loglik == pytest.approx(fit.loglik, abs=1e-6)


def test_combinations_of_several_effects(data: pd.DataFrame) -> None:
    fit = ilk.fit("y ~ x + z + (x + z | g)", data)
    (found,) = vanished_directions(fit.fitted.marginal, fit.fitted.point.theta)
    modes = fit.fitted.estimates.modes[0]
    for v in found.combinations:
        np.testing.assert_allclose(modes @ v, 0.0, atol=1e-3 * np.abs(modes).max())
    assert f"they vary in {found.rank} of 3 directions" in note(fit).message
    assert "in all levels" in note(fit).message


def test_random_effects_of_other_predictors(data: pd.DataFrame) -> None:
    """The formula that is proposed is that of the argument."""
    fit = ilk.fit("y ~ x + (x | g)", data, dispersion="~ z + (1 | g)")
    (reason,) = (r for r in fit.verdict.reasons if r.terms == ("1 | g",))
    assert "dispersion='~ z' has the same estimates" in reason.advice


def test_no_note_inside_the_parameter_space(data: pd.DataFrame) -> None:
    fit = ilk.fit("y ~ x + (0 + x | g)", data)
    assert fit.verdict.status is Status.CONVERGED
    assert vanished_directions(fit.fitted.marginal, fit.fitted.point.theta) == []


def test_independent_effects_are_not_proposed_where_they_are_already() -> None:
    rng = np.random.default_rng(3)
    g, arm = np.repeat(np.arange(30), 12), np.tile(["a", "b", "c"], 120)
    y = rng.normal(size=30)[g] + rng.normal(size=30)[g] * (arm == "b") + rng.normal(size=360)
    for level in range(30):  # the effect of c does not vary
        y[(g == level) & (arm == "c")] += (
            y[(g == level) & (arm == "a")].mean() - y[(g == level) & (arm == "c")].mean()
        )
    fit = ilk.fit("y ~ arm + (1 + arm || g)", pd.DataFrame({"y": y, "g": g, "arm": arm}))
    advice = note(fit).advice
    assert "the variance of arm[T.c]" in note(fit).message
    assert advice.endswith("fit.adequacy() compares simpler ones.")
    changes = fit.adequacy(refits=True).simpler.frame.change.tolist()
    assert changes == ["no effect of arm in (1 + arm || g)", "no (1 + arm || g)"]
    assert fit.random_effect_tests(method="chi_bar").frame.term.tolist() == ["arm", "(all)"]
