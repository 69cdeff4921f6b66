"""Design effects of coefficients: in full for linear models, by simulation for others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.cluster_report.clusters import two_fits
from ilk.diagnostics.cluster_report.inflation import expected_inflation
from ilk.estimation.run import refitter


def frame(seed: int = 5, clusters: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(clusters), rng.integers(2, 12, clusters))
    n = len(g)
    x, z = rng.normal(size=n) + 0.4 * rng.normal(size=clusters)[g], (g % 2) * 1.0
    u, s = 0.6 * rng.normal(size=clusters)[g], 0.5 * rng.normal(size=clusters)[g]
    data = pd.DataFrame({"g": g, "item": rng.integers(0, 7, n), "sub": 2 * g + (x > 0)})
    data["x"], data["z"], data["days"] = x, z, np.exp(rng.normal(size=n))
    data["y"] = (0.3 + s) * x + u + rng.normal(size=7)[data["item"]] + rng.normal(size=n)
    data["p"] = rng.poisson(data.days * np.exp(0.3 + 0.3 * x + u))
    data["tried"] = rng.integers(1, 6, n)
    data["b"] = rng.binomial(1, 1.0 / (1.0 + np.exp(-0.3 * x - 1.5 * u)))
    data["k"] = rng.binomial(data.tried, 1.0 / (1.0 + np.exp(-0.3 * x - 1.5 * u)))
    return data


def expected(fit: ilk.Fit) -> np.ndarray:
    two = two_fits(fit.fitted)
    return expected_inflation(two.plain, two.mixed)


@pytest.mark.parametrize(
    "random",
    ["(1 | g)", "(x | g)", "(x || g) + (1 | item)", "(1 | g/sub) + (1 | item)", "(0 + x | g)"],
)
def test_linear_models_in_full(random: str) -> None:
    """Sandwich of least squares with the covariance matrix written out."""
    fit = ilk.fit(f"y ~ x + z + {random}", frame())
    fitted = fit.fitted
    V = fitted.estimates.sigma2 * np.eye(fitted.model.rows)
    for term, G in zip(fitted.design.terms, fitted.estimates.covariances, strict=True):
        Z = np.ones((len(V), 1)) if term.columns is None else term.columns
        same = term.grouping.codes[:, None] == term.grouping.codes[None, :]
        V += same * (Z @ G @ Z.T)
    X = fitted.model.fitted_parts[0].X
    bread = np.linalg.inv(X.T @ X)
    naive = np.mean(np.diag(V)) * np.diag(bread)
    exact = np.diag(bread @ X.T @ V @ X @ bread) / naive
    np.testing.assert_allclose(expected(fit), exact, rtol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("response", "options"),
    [
        ("p", {"family": "poisson", "exposure": "days"}),
        ("b", {"family": "binomial"}),
        ("k", {"family": "binomial", "trials": "tried"}),
    ],
)
def test_simulated_estimates_vary_as_expected(response: str, options: dict[str, str]) -> None:
    """Variance of refits that ignore clusters, over the one that they report."""
    fit = ilk.fit(f"{response} ~ x + z + (1 | g)", frame(), **options)  # type: ignore[arg-type]
    two = two_fits(fit.fitted)
    again = refitter(two.plain.model, two.plain.estimates.psi)
    draws = np.ascontiguousarray(np.asarray(fit.simulate(600, seed=1)).T)
    fits = [again(y) for y in draws]
    actual = np.var([f.coef for f in fits], axis=0)
    reported = np.mean([np.diag(f.vcov) for f in fits], axis=0)
    np.testing.assert_allclose(expected(fit), actual / reported, rtol=0.25)


def test_trials_are_units() -> None:
    """Trials in one table say the same as trials in rows of their own."""
    data = frame()
    short = ilk.fit("k ~ x + z + (1 | g)", data, family="binomial", trials="tried")
    kept = ["g", "x", "z"]
    hits = data.loc[data.index.repeat(data.k), kept].assign(b=1)
    misses = data.loc[data.index.repeat(data.tried - data.k), kept].assign(b=0)
    long = ilk.fit("b ~ x + z + (1 | g)", pd.concat([hits, misses]), family="binomial")
    np.testing.assert_allclose(expected(short), expected(long), rtol=1e-4)
    weights = ilk.fit("b ~ x + z + (1 | g)", data, family="binomial", frequency_weights="tried")
    rows = data.loc[data.index.repeat(data.tried)]
    repeated = ilk.fit("b ~ x + z + (1 | g)", rows, family="binomial")
    np.testing.assert_allclose(expected(weights), expected(repeated), rtol=1e-4)


def test_overdispersion_counts() -> None:
    """Counts vary more than Poisson's with random effects, also without any shared cluster."""
    data = frame().assign(row=lambda d: np.arange(len(d)))
    fit = ilk.fit("p ~ 1 + (1 | g) + olre()", data, family="poisson", exposure="days")
    assert expected(fit)[0] > 2.0


def test_models_without_such_variances() -> None:
    data = frame().assign(none=lambda d: d["p"] * (d.index % 3 > 0))
    inflated = ilk.fit("none ~ x + (1 | g)", data, family="poisson", zero_inflation="~ 1")
    elsewhere = ilk.fit("y ~ x + (1 | g)", data, dispersion="~ (1 | g)")
    for fit in (inflated, elsewhere):
        assert np.all(np.isnan(expected(fit)))
