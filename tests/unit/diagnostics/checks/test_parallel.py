"""Covariates that act alike on every cut, and others: against fits with formulas of thresholds."""

import numpy as np
import pandas as pd
import pytest

import ilk

LEVELS = ["poor", "fair", "good"]


def table(apart=0.0, seed=2, groups=20, rows=12):
    """Cumulative responses; the effect of the treatment on the upper cut differs by `apart`."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), rows)
    treated = np.tile([0, 1], len(g) // 2)
    x = rng.normal(size=len(g))
    latent = 0.5 * x + rng.normal(0, 0.6, groups)[g] + rng.logistic(size=len(g))
    code = (latent > -0.5 - 0.8 * treated).astype(int) + (latent > 1.5 - (0.8 + apart) * treated)
    return pd.DataFrame({"g": g, "treated": treated, "x": x, "y": np.array(LEVELS)[code]})


def fit_of(data, formula="y ~ treated + x + (1 | g)", **options):
    return ilk.fit(formula, data, ilk.families.cumulative(levels=LEVELS), **options)


def rows(fit):
    return {c.where: c for c in fit.check("parallel").checks["parallel"]}


def test_departures_are_found_where_they_are():
    found = rows(fit_of(table(apart=1.6)))
    assert found["treated"].verdict == "problem"
    assert found["treated"].p_adjusted < 0.01
    assert found["x"].verdict == "ok"
    assert "poor | fair" in found["treated"].sentence
    low, high = found["treated"].detail["effects"][:, 0]
    assert high - low > 0.8


def test_the_ratio_is_that_of_two_fits():
    data = table()
    fit = fit_of(data)
    free = fit_of(data, "y ~ x + (1 | g)", parameters={"thresholds": "~ treated"})
    found = rows(fit)["treated"]
    assert found.statistic == pytest.approx(2.0 * (free.loglik - fit.loglik), abs=1e-5)
    cuts = [-free.fitted.coef[j] for j in (2, 4)]
    np.testing.assert_allclose(found.detail["effects"][:, 0], cuts, atol=1e-3)


def test_what_is_free_already_is_left_out():
    data = table()
    free = fit_of(data, "y ~ x + (1 | g)", parameters={"thresholds": "~ treated"})
    assert set(rows(free)) == {"x"}
    structured = ilk.families.cumulative(levels=LEVELS, thresholds="equidistant")
    for fit in (
        ilk.fit("y ~ x + (1 | g)", data, structured),
        ilk.fit("x ~ treated + (1 | g)", data),
    ):
        (only,) = fit.check("parallel").checks["parallel"]
        assert only.verdict == "skipped"


@pytest.mark.parametrize("name", ["adjacent_category", "continuation_ratio"])
def test_other_ordered_families_are_compared_too(name):
    family = getattr(ilk.families, name)(levels=LEVELS)
    fit = ilk.fit("y ~ treated + x", table(apart=1.6), family)
    free = ilk.fit("y ~ x", table(apart=1.6), family, parameters={"thresholds": "~ treated"})
    found = rows(fit)["treated"]
    assert found.statistic == pytest.approx(2.0 * (free.loglik - fit.loglik), abs=1e-5)
    assert found.verdict == "problem"


def test_check_of_categories_is_of_their_numbers():
    fit = fit_of(table())
    found = fit.check(["uniformity", "dispersion", "zeros"]).checks
    assert {c.verdict for c in found["uniformity"]} == {"ok"}
    assert found["zeros"][0].verdict == "skipped"
    y = pd.Categorical(table().y, categories=LEVELS, ordered=True).codes
    p = fit.fitted_values
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    mean = p @ np.arange(3.0)
    np.testing.assert_allclose(fit.residuals(), y - mean, atol=1e-12)
    spread = p @ np.arange(3.0) ** 2 - mean**2
    np.testing.assert_allclose(fit.residuals("pearson"), (y - mean) / np.sqrt(spread))
    rows = fit.augment()
    np.testing.assert_allclose(rows.fitted, p[np.arange(len(y)), y])
    assert rows.y.tolist() == table().y.tolist()


def test_categories_without_order_have_no_more_or_less():
    fit = ilk.fit("y ~ x", table(), "multinomial")
    for ask in (fit.check, fit.residuals, lambda: fit.league_table("g")):
        with pytest.raises(ilk.ModelError, match="no order"):
            ask()
    assert len(fit.residuals("quantile")) == len(table())
