"""Four methods side by side, each against the call that gives it by itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.cluster_report import cluster_report


def frame(seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(45), rng.integers(2, 7, 45))
    n = len(g)
    x, arm = rng.normal(size=n), (np.arange(45) % 2)[g]
    eta = 0.2 + 0.4 * x + 0.3 * arm + 0.6 * rng.normal(size=45)[g]
    data = pd.DataFrame({"g": g, "x": x, "arm": arm, "days": rng.uniform(1, 4, n)})
    data["w"] = rng.integers(1, 4, n)
    data["count"] = rng.poisson(np.exp(eta) * data.days)
    data["tried"] = rng.integers(2, 7, n)
    data["hit"] = rng.binomial(data.tried, 1 / (1 + np.exp(-eta)))
    data["y"] = eta + rng.normal(size=n)
    return data


CALLS = [
    ("y", {}),
    ("y", {"frequency_weights": "w"}),
    ("y", {"precision_weights": "days"}),
    ("count", {"family": "poisson", "exposure": "days"}),
    ("count", {"family": "negative_binomial_2", "exposure": "days"}),
    ("hit", {"family": "binomial", "trials": "tried"}),
]


@pytest.mark.parametrize(("response", "options"), CALLS)
def test_each_method_is_what_its_own_call_gives(response: str, options: dict[str, str]) -> None:
    data = frame()
    fit = ilk.fit(f"{response} ~ x + arm + (1 | g)", data, **options)  # type: ignore[arg-type]
    found = cluster_report(fit.fitted)
    plain = ilk.fit(f"{response} ~ x + arm", data, **options)  # type: ignore[arg-type]
    gee = ilk.gee(f"{response} ~ x + arm", data, groups="g", **options)  # type: ignore[arg-type]
    marginal = fit.marginal_coefficients().frame
    robust = plain.cov_with("CR2", data["g"])
    expected = {
        ("ignoring clusters", "population"): (plain.params, plain.std_errors),
        ("cluster-robust", "population"): (plain.params, np.sqrt(np.diag(robust.matrix))),
        ("GEE", "population"): (gee.params, gee.std_errors),
        ("mixed model", "conditional"): (fit.params, fit.std_errors),
        ("mixed model", "population"): (marginal.estimate, marginal.std_error),
    }
    assert [(side.method, side.estimand) for side in found.sides] == list(expected)
    for side in found.sides:
        estimate, error = (np.asarray(v)[:3] for v in expected[side.method, side.estimand])
        np.testing.assert_allclose(side.estimate, estimate, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(side.std_error, error, rtol=1e-6)
    assert found.notes == ()


def test_crossed_factors_have_a_method_for_all() -> None:
    data = frame()
    data["item"] = np.arange(len(data)) % 9
    fit = ilk.fit("count ~ x + (1 | g) + (1 | item)", data, family="poisson")
    found = cluster_report(fit.fitted)
    side = found.side("robust, all factors")
    assert side is not None
    plain = ilk.fit("count ~ x", data, family="poisson")
    matrix = plain.cov_with("CR1", [data["g"].to_numpy(), data["item"].to_numpy()]).matrix
    np.testing.assert_allclose(side.std_error, np.sqrt(np.diag(matrix)), rtol=1e-8)
    np.testing.assert_allclose(
        found.places.realized, np.diag(matrix) / np.diag(plain.cov.matrix), rtol=1e-6
    )
    assert any("may share a level of item" in note for note in found.notes)
    one = cluster_report(fit.fitted, "item")  # asked for: nothing but these
    assert (one.group, one.side("robust, all factors")) == ("item", None)


def test_what_cannot_be_had_is_left_out_with_the_reason() -> None:
    data = frame().assign(none=lambda d: d["count"] * (d.index % 3 > 0))
    inflated = ilk.fit("none ~ x + (1 | g)", data, family="poisson", zero_inflation="~ 1")
    found = cluster_report(inflated.fitted)
    assert found.side("GEE") is None
    assert any(note.startswith("GEE is left out") for note in found.notes)
    firth = ilk.fit("y > 0.5 ~ x + (1 | g)".replace("y > 0.5", "up"),
                    data.assign(up=data.y > 0.5), family="binomial", penalty="firth")  # fmt: skip
    found = cluster_report(firth.fitted)
    assert [side.method for side in found.sides] == ["ignoring clusters"] + 2 * ["mixed model"]
    assert np.all(np.isnan(found.places.realized))
    few = ilk.fit("y ~ x + arm + days + w + (1 | g)", data[data.g < 5])
    found = cluster_report(few.fitted)
    assert found.side("cluster-robust") is None
    assert any("5 clusters of" in note for note in found.notes)


def test_other_clusters_than_those_of_the_model() -> None:
    data = frame().assign(region=lambda d: d.g // 3)
    fit = ilk.fit("y ~ x + (1 | g)", data)
    found = cluster_report(fit.fitted, data["region"])
    assert found.sizes.groups == ("g", "region")
    assert any("no random effects of region" in note for note in found.notes)
    rows = cluster_report(fit.fitted, np.arange(len(data)) % 7)
    assert any("may share a level of g" in note for note in rows.notes)


def test_few_clusters_are_refused_by_their_name() -> None:
    data = frame().query("g < 3").assign(site=lambda d: d.g)
    found = cluster_report(ilk.fit("y ~ x + arm + (1 | site)", data).fitted)
    assert "cluster-robust" not in [side.method for side in found.sides]
    assert any(
        "3 clusters of 'site' cannot show how 3 coefficients" in note for note in found.notes
    )
