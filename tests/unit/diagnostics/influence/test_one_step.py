"""One step against refits: nested, crossed and inner levels, rows; all kinds of models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.influence.influence import influence
from ilk.diagnostics.influence.one_step import counted_coefficients
from ilk.diagnostics.influence.record import Influence


def data(seed: int = 3, clusters: int = 24, rows: int = 8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = clusters * rows
    g, h = np.repeat(np.arange(clusters), rows), np.tile(np.arange(rows), clusters)
    x, z = rng.normal(size=n), rng.normal(size=clusters)[g]
    b, c = rng.normal(size=(clusters, 2)) * [0.6, 0.3], 0.4 * rng.normal(size=rows)
    eta = 0.4 + 0.5 * x + 0.3 * z + b[g, 0] + b[g, 1] * x + c[h]
    mu, m = np.exp(eta), rng.integers(3, 12, n)
    p = 1.0 / (1.0 + np.exp(0.5 - eta))
    return pd.DataFrame(
        {
            "g": g,
            "h": h,
            "s": g // 4,
            "x": x,
            "z": z,
            "m": m,
            "e": rng.uniform(0.5, 3.0, n),
            "w": rng.uniform(0.5, 2.0, n),
            "k": rng.integers(1, 4, n),
            "y": eta + rng.normal(size=n),
            "n": rng.poisson(mu),
            "c": rng.poisson(mu * np.exp(0.5 * np.linspace(-1.5, 1.5, rows))[h]),
            "nb": rng.negative_binomial(2, 2.0 / (2.0 + mu)),
            "zi": rng.poisson(mu) * rng.binomial(1, 0.75, n),
            "p": rng.binomial(m, p),
            "b": rng.binomial(1, p),
            "ga": rng.gamma(3.0, mu / 3.0),
        }
    )


def both(formula: str, group: Any, **options: Any) -> tuple[Influence, Influence]:
    """Steps, and refits without the four most influential and four others."""
    fitted = ilk.fit(formula, data(), **options).fitted
    step = influence(fitted, group)
    some = [step.levels[i] for i in (*step.order[:4], *step.order[6:10])]
    return step, influence(fitted, group, exact=some)


MODELS: list[tuple[str, Any, dict[str, Any], float]] = [
    ("y ~ x + z + (1 + x | g)", "g", {}, 0.1),
    ("y ~ x + z + (1 + x | g)", "g", {"reml": False}, 0.1),
    ("y ~ x + (1 | g) + (1 | h)", "h", {}, 0.1),
    ("y ~ x + (1 | s/g)", "s:g", {}, 0.1),
    ("y ~ x + (1 | g)", None, {"precision_weights": "w"}, 0.1),
    ("y ~ x + (1 | g)", "g", {"frequency_weights": "k"}, 0.1),
    ("y ~ x + z", None, {}, 1e-8),
    ("y ~ x + cs(1 + x | g)", "g", {}, 0.1),
    ("y ~ x + (1 | g)", "g", {"dispersion": "~ z"}, 0.1),
    ("n ~ x + (1 | g)", "g", {"family": "poisson", "exposure": "e"}, 0.1),
    ("c ~ x + (1 | g) + (1 | h)", "g", {"family": "poisson"}, 0.1),
    ("n ~ x + (1 | g)", None, {"family": "poisson", "frequency_weights": "k"}, 0.1),
    ("n ~ x + z", None, {"family": "poisson"}, 0.1),
    ("nb ~ x + (1 | g)", "g", {"family": "negative_binomial_2"}, 0.1),
    ("zi ~ x + (1 | g)", "g", {"family": "poisson", "zero_inflation": "~ 1"}, 0.1),
    ("p ~ x + (1 | g)", "g", {"family": "binomial", "trials": "m"}, 0.1),
    ("b ~ x + (1 | g)", "g", {"family": "binomial", "quadrature": 7}, 0.1),
    ("ga ~ x + (1 | g)", "g", {"family": "gamma"}, 0.1),
]


@pytest.mark.parametrize(("formula", "group", "options", "error"), MODELS)
def test_steps_are_close_to_refits(
    formula: str, group: Any, options: dict[str, Any], error: float
) -> None:
    step, exact = both(formula, group, **options)
    some, used = exact.exact, exact.counted
    assert not any(exact.reasons)
    moved = (exact.estimate - exact.coef)[some][:, used] / exact.std_error[used]
    found = (step.estimate - step.coef)[some][:, used] / step.std_error[used]
    assert np.abs(moved).max() > 0.2  # there is something to find
    assert np.abs(found - moved).max() < error * np.abs(moved).max()
    assert np.corrcoef(step.cook[some], exact.cook[some])[0, 1] > 0.99
    assert np.corrcoef(step.displacement[some], exact.displacement[some])[0, 1] > 0.95
    np.testing.assert_allclose(step.error[some], exact.error[some], rtol=0.25)
    for j, part in enumerate(exact.parts):
        if not part.boundary:
            assert np.corrcoef(step.spread[some, j], exact.spread[some, j])[0, 1] > 0.75


def test_long_steps_are_not_believed() -> None:
    """Without level 3 of h the step of a variance that is nearly zero leads far away."""
    fitted = ilk.fit("n ~ x + (1 | g) + (1 | h)", data(), "poisson").fitted
    found, exact = influence(fitted, "h"), influence(fitted, "h", exact=True)
    assert found.exact.any()
    assert not found.exact.all()
    np.testing.assert_allclose(found.coef[found.exact], exact.coef[found.exact], atol=1e-5)
    assert np.abs(found.dfbetas - exact.dfbetas).max() < 0.12


def test_leverages_sum_to_the_coefficients() -> None:
    step, _ = both("y ~ x + z + (1 + x | g)", "g")
    assert step.leverage.sum() == pytest.approx(3.0, abs=1e-8)
    step = influence(ilk.fit("n ~ x + (1 | g)", data(), "poisson").fitted, "g")
    assert step.leverage.sum() == pytest.approx(2.0, abs=1e-4)


def test_a_dispersion_without_formula_is_not_counted() -> None:
    frame = data()
    single = ilk.fit("nb ~ x + (1 | g)", frame, "negative_binomial_2").fitted
    assert counted_coefficients(single).tolist() == [True, True, False]
    several = ilk.fit("nb ~ x + (1 | g)", frame, "negative_binomial_2", dispersion="~ z").fitted
    assert counted_coefficients(several).all()


def test_workers_do_not_matter() -> None:
    fitted = ilk.fit("n ~ x + (1 | g)", data(), "poisson").fitted
    one, two = influence(fitted, "g"), influence(fitted, "g", n_jobs=2)
    np.testing.assert_array_equal(one.coef, two.coef)


def test_large_crossed_data_use_the_curvature_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = ilk.fit("n ~ x + (1 | g) + (1 | h)", data(), "poisson").fitted
    precise = influence(fitted, "g")
    monkeypatch.setattr("ilk.diagnostics.influence.one_step._VISITS", 1.0)
    rough = influence(fitted, "g")
    assert rough.held
    assert not precise.held
    assert np.corrcoef(rough.cook, precise.cook)[0, 1] > 0.9
