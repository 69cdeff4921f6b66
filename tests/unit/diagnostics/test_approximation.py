"""Better approximations of a fit: refits by quadrature, and importance sampling beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.diagnostics.approximation import approximation
from ilk.errors import ModelError


def answers(clusters=60, size=4, *, family="binomial", level=0.0, seed=5, items=0, width=1):
    """Clusters of answers, items beside them, or several effects per cluster."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(clusters), size)
    data = pd.DataFrame({"g": g, "x": rng.normal(size=len(g))})
    eta = level + 0.7 * data.x + rng.normal(0.0, 1.5, clusters)[g]
    for j in range(1, width):
        data[f"z{j}"] = rng.normal(size=len(g))
        eta = eta + 0.8 * rng.normal(size=clusters)[g] * data[f"z{j}"]
    if items:
        data["item"] = rng.integers(0, items, len(g))
        eta = eta + rng.normal(0.0, 0.7, items)[data["item"]]
    chance = 1.0 / (1.0 + np.exp(-eta))
    data["y"] = (
        rng.poisson(np.exp(level + 0.2 * (eta - level)))
        if family == "poisson"
        else (rng.random(len(g)) < chance).astype(int)
    )
    return data


def shifts(found):
    return np.array([row.shift for row in found.parameters])


@pytest.mark.parametrize(
    ("formula", "nodes"),
    [("y ~ x + (1 | g)", 41), ("y ~ x + (z1 | g)", 15), ("y ~ x + (1 | h / g)", 25)],
)
def test_quadrature_is_the_refit(formula, nodes):
    data = answers(80, 6, width=2).assign(h=lambda d: d.g // 6)
    fit = ilk.fit(formula, data, "binomial")
    found = approximation(fit.fitted)
    full = ilk.fit(formula, data, "binomial", quadrature=nodes)
    table, rough = full.tidy(), fit.tidy()
    assert (found.method, found.settled, found.left) == ("quadrature", True, ())
    assert [row.term for row in found.parameters] == list(table.term)
    np.testing.assert_allclose([r.better for r in found.parameters], table.estimate, atol=2e-3)
    np.testing.assert_allclose([r.estimate for r in found.parameters], rough.estimate)
    known = np.isfinite(table.std_error)
    expected = ((table.estimate - rough.estimate) / table.std_error)[known]
    np.testing.assert_allclose(shifts(found)[known], expected, atol=0.01)
    assert found.better_loglik == pytest.approx(full.loglik, abs=1e-3)
    assert found.worst.shift > 0.2


def test_importance_sampling_agrees_with_quadrature():
    fit = ilk.fit("y ~ x + (z1 | g)", answers(80, 6, width=2), "binomial")
    exact = approximation(fit.fitted, method="quadrature")
    found = approximation(fit.fitted, method="importance", draws=400)
    noise = np.array([row.sampling for row in found.parameters])
    assert np.all(noise < 0.03)
    np.testing.assert_array_less(abs(shifts(found) - shifts(exact)), 4.0 * noise + 0.01)
    assert abs(found.better_loglik - exact.better_loglik) < 5.0 * found.loglik_error + 0.01
    errors = [[row.std_error for row in one.parameters] for one in (found, exact)]
    np.testing.assert_allclose(errors[0], errors[1], rtol=0.03)
    again = approximation(fit.fitted, method="importance", draws=400)
    np.testing.assert_array_equal(shifts(found), shifts(again))


def test_crossed_factors_go_beyond_quadrature_over_one():
    fit = ilk.fit("y ~ x + (1 | g) + (1 | item)", answers(items=6), "binomial")
    one = approximation(fit.fitted, method="quadrature")
    both = approximation(fit.fitted, draws=150)
    assert (one.left, both.left) == (("item",), ())
    assert (both.method, both.integrable) == ("importance", ("g",))
    assert both.effective > 30
    np.testing.assert_allclose(shifts(both)[:3], shifts(one)[:3], atol=0.1)
    assert shifts(both)[2] > 0.2


@pytest.mark.slow
def test_many_effects_per_level_are_sampled(monkeypatch):
    data = answers(60, 8, width=4, seed=1)
    fit = ilk.fit("y ~ x + (1 + z1 + z2 + z3 || g)", data, "binomial")
    found = approximation(fit.fitted, draws=600)
    assert (found.method, found.integrable) == ("importance", ())
    assert np.all(shifts(found)[2:] > 0.3)  # standard deviations are too small by Laplace
    # with as many effects as quadrature takes, from the same start, the same comes out
    fit = ilk.fit("y ~ x + (z1 || g)", data, "binomial")
    exact = approximation(fit.fitted)
    monkeypatch.setattr("ilk.diagnostics.approximation._nearest", lambda fitted: fitted)
    found = approximation(fit.fitted, method="importance", draws=300)
    np.testing.assert_allclose(shifts(found), shifts(exact), atol=0.06)
    errors = [[row.std_error for row in one.parameters] for one in (found, exact)]
    np.testing.assert_allclose(errors[0], errors[1], rtol=0.03)


def test_exact_and_fine():
    linear = approximation(fit_of("sleepstudy").fitted)
    assert linear.method == "exact"
    assert not shifts(linear).any()
    counts = ilk.fit("y ~ x + (1 | g)", answers(size=8, family="poisson", level=4.0), "poisson")
    found = approximation(counts.fitted)
    assert np.abs(shifts(found)).max() < 0.01
    assert found.settled


def test_more_nodes_than_the_fit_has():
    fit = ilk.fit("y ~ x + (1 | g)", answers(), "binomial", quadrature=5)
    found = approximation(fit.fitted)
    assert found.fit_by == "quadrature with 5 nodes"
    assert 0.0 < np.abs(shifts(found)).max() < 0.2
    given = approximation(fit.fitted, nodes=7)
    assert given.better_by == "quadrature with 7 nodes"
    most = ilk.fit("y ~ x + (1 | g)", answers(), "binomial", quadrature=51)
    with pytest.raises(ModelError, match="51 nodes already"):
        approximation(most.fitted)


def test_what_is_refused():
    fitted = fit_of("binary").fitted
    with pytest.raises(ModelError, match="'auto', 'quadrature' and 'importance'"):
        approximation(fitted, method="exact")
    with pytest.raises(ModelError, match="nodes= is for quadrature"):
        approximation(fitted, 5, "importance")
    for draws in (10, 150.0, "many", True):
        with pytest.raises(ModelError, match="from 100"):
            approximation(fitted, draws=draws)
    with pytest.raises(ModelError, match="seed='x': give a whole number"):
        approximation(fitted, seed="x")
    with pytest.raises(ModelError, match="quadrature=0"):
        approximation(fitted, nodes=0)
    data = data_of("binary").assign(z=lambda d: (d.y == "yes").astype(float))
    with pytest.warns(ilk.IlkWarning, match="separated"):
        separated = ilk.fit("y ~ z + (1 | g)", data, family="binomial")
    with pytest.raises(ModelError, match="compares optima"):
        approximation(separated.fitted)


def test_too_few_effective_draws_are_no_answer(monkeypatch):
    fit = ilk.fit("y ~ x + (1 | g) + (1 | item)", answers(items=6), "binomial")
    monkeypatch.setattr("ilk.diagnostics.sampled_engine.ENOUGH", 1e6)
    monkeypatch.setattr("ilk.diagnostics.approximation.ENOUGH", 1e6)
    with pytest.raises(ModelError, match="cannot tell"):
        approximation(fit.fitted, method="importance", draws=100)
    assert approximation(fit.fitted, draws=100).method == "quadrature"
