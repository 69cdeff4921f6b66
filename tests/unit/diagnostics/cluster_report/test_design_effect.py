"""Design effects against covariance matrices written out in full, and against simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.cluster_report.clusters import cluster_groupings
from ilk.diagnostics.cluster_report.design_effect import design_effects


def frame(seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(18), rng.integers(1, 9, 18))
    n = len(g)
    item = rng.integers(0, 7, n)
    sub = g * 2 + rng.integers(0, 2, n)
    x, z = rng.normal(size=n) + 0.5 * rng.normal(size=18)[g], rng.normal(size=18)[g]
    y = x + rng.normal(size=18)[g] + rng.normal(size=36)[sub] + rng.normal(size=7)[item]
    out = pd.DataFrame({"g": g, "sub": sub, "item": item, "x": x, "z": z})
    out["y"] = y + rng.normal(size=n)
    out["p"] = rng.poisson(np.exp(0.4 + 0.2 * x + 0.5 * rng.normal(size=18)[g]))
    out["n"] = rng.integers(1, 6, n)
    out["k"] = rng.binomial(out["n"], 1.0 / (1.0 + np.exp(-x - rng.normal(size=18)[g])))
    return out


def matrices(fit: ilk.Fit) -> tuple[np.ndarray, float]:
    """Covariance matrix of the responses of a linear model with random intercepts, and a total."""
    fitted = fit.fitted
    n = fitted.model.rows
    V = fitted.estimates.sigma2 * np.eye(n)
    for term, G in zip(fitted.design.terms, fitted.estimates.covariances, strict=True):
        V += G[0, 0] * (term.grouping.codes[:, None] == term.grouping.codes[None, :])
    return V, float(V[0, 0])


@pytest.mark.parametrize(
    "random", ["(1 | g)", "(1 | g) + (1 | sub)", "(1 | g) + (1 | item)", "(1 | g/sub) + (1 | item)"]
)
def test_linear_models_in_full(random: str) -> None:
    data = frame()
    fit = ilk.fit(f"y ~ x + z + {random}", data)
    V, total = matrices(fit)
    n = len(V)
    groupings = cluster_groupings(fit.fitted)
    found = design_effects(fit.fitted, groupings)
    # variance of the mean over that of as many independent responses
    assert found.design_effect.max() == pytest.approx(V.sum() / (n * total), rel=1e-8)
    assert ("all" in found.groups) == ("item" in random)
    for g, grouping in enumerate(groupings):
        share = grouping.codes[:, None] == grouping.codes[None, :]
        np.fill_diagonal(share, False)
        assert found.mates[g] == pytest.approx(share.sum() / n)
        assert found.correlation[g] == pytest.approx(V[share].mean() / total, rel=1e-8)


def test_one_factor_is_kish() -> None:
    fit = ilk.fit("y ~ x + (1 | g)", frame())
    found = design_effects(fit.fitted, cluster_groupings(fit.fitted))
    m = np.bincount(fit.fitted.design.terms[0].grouping.codes)
    kish = (m.std() ** 2 / m.mean() ** 2 + 1.0) * m.mean()
    icc = fit.icc().frame
    row = icc[icc.measure == "adjusted"].iloc[0]
    assert found.correlation[0] == pytest.approx(row.estimate)
    assert found.design_effect[0] == pytest.approx(1.0 + (kish - 1.0) * row.estimate)
    assert found.effect_low[0] == pytest.approx(1.0 + (kish - 1.0) * row.conf_low)
    assert found.effective[0, 2] == pytest.approx(m.sum() / found.effect_low[0])


def test_counts_are_correlated_on_the_scale_of_the_response() -> None:
    """By simulation: variance of the mean of counts, relative to that of independent ones."""
    fit = ilk.fit("p ~ 1 + (1 | g)", frame(), family="poisson")
    found = design_effects(fit.fitted, cluster_groupings(fit.fitted))
    drawn = np.asarray(fit.fitted.model.design.response.y)
    draws = np.asarray(fit.simulate(20_000, seed=3))
    assert draws.shape == (len(drawn), 20_000)
    effect = draws.mean(axis=0).var() / (draws.var(axis=1).mean() / len(drawn))
    assert found.scale == "response"
    assert found.design_effect[0] == pytest.approx(effect, rel=0.05)


def test_trials_are_units() -> None:
    """Trials in one table say the same as trials in rows of their own."""
    data = frame()
    short = ilk.fit("k ~ x + z + (1 | g)", data, family="binomial", trials="n")
    long = pd.concat(
        [
            data.loc[data.index.repeat(data.k), ["g", "x", "z"]].assign(b=1),
            data.loc[data.index.repeat(data.n - data.k), ["g", "x", "z"]].assign(b=0),
        ]
    )
    rows = ilk.fit("b ~ x + z + (1 | g)", long, family="binomial")
    one, other = (design_effects(f.fitted, cluster_groupings(f.fitted)) for f in (short, rows))
    # correlations are averages over rows, which are not the same rows
    np.testing.assert_allclose(one.design_effect, other.design_effect, rtol=0.02)
    np.testing.assert_allclose(one.mates, other.mates)
    assert one.units == other.units


def test_no_mean_no_response_scale() -> None:
    data = frame().assign(t=lambda d: np.random.default_rng(4).gamma(3.0, 1.0, len(d)) + 0.1)
    fit = ilk.fit("t ~ 1 + (1 | g)", data, family="gamma", link="inverse")
    found = design_effects(fit.fitted, cluster_groupings(fit.fitted))
    assert found.scale == "latent"
    assert found.design_effect[0] >= 1.0
