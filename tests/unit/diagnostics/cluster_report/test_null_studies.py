"""p-values of one response, against those of each method called by itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.cluster_report.clusters import cluster_groupings
from ilk.diagnostics.cluster_report.null_studies import NullStudies, without_effect

METHODS = ("ignoring clusters", "cluster-robust", "robust, all factors", "GEE", "mixed model")


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(24), 6)
    data = pd.DataFrame({"g": g, "item": np.tile(np.arange(6), 24), "arm": (g % 2) * 1.0})
    eta = 0.4 * data.arm + 0.5 * rng.normal(size=24)[g] + 0.4 * rng.normal(size=6)[data["item"]]
    data["y"] = eta + rng.normal(size=144)
    data["tried"] = rng.integers(2, 7, 144)
    data["hit"] = rng.binomial(data.tried, 1.0 / (1.0 + np.exp(-eta)))
    data["days"] = rng.uniform(1.0, 3.0, 144)
    data["count"] = rng.poisson(data.days * np.exp(eta))
    return data


@pytest.mark.parametrize(
    ("response", "options"),
    [
        ("y", {}),
        ("count", {"family": "poisson", "exposure": "days"}),
        ("hit", {"family": "binomial", "trials": "tried"}),
    ],
)
def test_tests_are_those_of_each_method(response: str, options: dict[str, str]) -> None:
    data = frame()
    formula = f"{response} ~ arm"
    fit = ilk.fit(f"{formula} + (1 | g) + (1 | item)", data, **options)  # type: ignore[arg-type]
    factors = cluster_groupings(fit.fitted)
    work = NullStudies(fit.fitted, 1, METHODS, factors[0], factors, "CR2")
    new = np.asarray(fit.simulate(1, seed=2))[:, 0]
    found = work([new])[0]
    data[response] = new
    plain = ilk.fit(formula, data, **options)  # type: ignore[arg-type]
    mixed = fit.refit(new)
    both = plain.cov_with("CR1", [data["g"].to_numpy(), data["item"].to_numpy()])
    gee = ilk.gee(formula, data, groups="g", **options)  # type: ignore[arg-type]
    frames = [
        plain.tidy(),
        plain.tidy(cov=plain.cov_with("CR2", data["g"])),
        plain.tidy(cov=both),
        gee.tidy(),
        mixed.tidy(),
    ]
    expected = [float(table[table.term == "arm"].p_value.iloc[0]) for table in frames]
    np.testing.assert_allclose(found, expected, rtol=2e-4)


def test_the_effect_is_taken_away_and_nothing_else() -> None:
    fit = ilk.fit("y ~ arm + (1 | g)", frame()).fitted
    null = without_effect(fit, 1)
    assert null.coef.tolist() == [fit.coef[0], 0.0]
    np.testing.assert_allclose(null.estimates.psi[2:], fit.estimates.psi[2:])
    np.testing.assert_allclose(
        null.estimates.covariances[0], fit.estimates.covariances[0], rtol=1e-8
    )
