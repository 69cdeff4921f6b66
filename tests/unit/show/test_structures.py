"""What summaries, methods and caveats say of covariance structures."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from tests.unit.plot.structured import lineage, places, series

import ilk
from ilk.errors import ConvergenceWarning


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", str(text))


def wide(structure: str, groups: int, steps: int, **options):
    """Series of many steps."""
    rng = np.random.default_rng(8)
    u = np.zeros((groups, steps))
    u[:, 0] = rng.normal(size=groups)
    for k in range(1, steps):
        u[:, k] = 0.7 * u[:, k - 1] + np.sqrt(0.51) * rng.normal(size=groups)
    rows = groups * steps
    data = pd.DataFrame(
        {"g": np.repeat(np.arange(groups), steps), "t": np.tile(np.arange(steps), groups)}
    )
    data["y"] = u.ravel() + 0.5 * rng.normal(size=rows)
    return ilk.fit(f"y ~ 1 + {structure}(t | g)", data, **options)


def test_a_long_series_is_one_row_and_rho() -> None:
    fit = wide("ar1", 30, 40)
    text = fit.summary().text
    random = text[text.index("Random effects") : text.index("Correlation parameters")]
    assert len(random.strip().splitlines()) == 4
    assert "rho (t)" in text
    assert "first-order autoregression: correlation rho^h at h steps" in flat(text)
    assert "rho: correlation of neighboring steps" in text
    assert len(fit.variance_components()) == 3


def test_many_lags_are_cut() -> None:
    with pytest.warns(ConvergenceWarning):  # two steps will do for a table
        fit = wide("toep", 40, 18, search=ilk.Search(max_steps=2))
    summary = fit.summary()
    (table,) = (t for t in summary.tables if t.title == "Correlation parameters")
    assert len(table.rows) == 9
    assert re.match(r"9 more: ", table.rows[-1][1])
    (table,) = (t for t in summary.tables if t.title == "Random effects")
    assert len(table.rows) == 2
    assert re.match(r"18 effects: ", table.rows[0][1])
    assert len(fit.variance_components()) == 18 + 17 + 1


def test_many_pairs_are_cut() -> None:
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"g": np.repeat(np.arange(80), 22), "k": np.tile(range(11), 160)})
    data["y"] = rng.normal(size=80)[data.g] + 0.5 * rng.normal(size=len(data))
    fit = ilk.fit("y ~ 1 + rr(0 + C(k) | g, d=1)", data)
    (table,) = (t for t in fit.summary().tables if t.title == "Random effects")
    assert any(row[1].startswith("55 pairs: ") for row in table.rows)
    assert (fit.variance_components().kind == "correlation").sum() == 55


def test_structures_of_levels_are_named() -> None:
    text = flat(lineage()[0].summary().text)
    assert "groups cell: 5 levels with data of 10" in text
    assert "cell: Brownian motion along a tree of 6 tips and 11 nodes (known)" in text
    assert "The variance of cell is that of an average tip." in text
    assert "Correlation parameters" not in text
    text = flat(places()[0].summary().text)
    assert "site: 30 levels with data of 40" in text
    assert "(estimated: range)" in text
    assert "the correlation at distance d is exp(-d/range); it has fallen to 0.05 at" in text


def test_html_has_the_same_rows() -> None:
    html = places()[0].summary().html
    assert "Correlation parameters" in html
    assert "The variance of site is that of any place." in html


@pytest.mark.parametrize(
    ("structure", "words"),
    [
        (lambda: ilk.covariance.known(np.eye(3) + 1.0, list("abc")), "mean diagonal is 2.00"),
        (
            lambda: ilk.covariance.precision(np.eye(3), list("abc")),
            "per unit of the inverse of the given matrix",
        ),
        (
            lambda: ilk.covariance.neighbors({"a": ["b"], "b": ["a", "c"], "c": ["b"]}),
            "of a typical area",
        ),
        (
            lambda: ilk.covariance.pedigree({"individual": list("abc"), "sire": [None, None, "a"],
                                             "dam": [None, None, "b"]}),
            "in the base population",
        ),
    ],
)  # fmt: skip
def test_whose_variance(structure, words: str) -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"a": np.repeat(list("abc"), 12)})
    data["y"] = np.repeat([1.0, -1.0, 0.3], 12) + 0.5 * rng.normal(size=36)
    fit = ilk.fit("y ~ 1 + (1 | a)", data, covariance={"a": structure()})
    assert words in flat(fit.summary().text)
    assert words in flat(fit.methods())


def test_methods() -> None:
    text = str(series().methods())
    assert "effects at 10 times (week), with first-order autoregressive correlations" in text
    text = str(lineage()[0].methods())
    assert "(n = 5 with data, 10 in all)" in text
    assert "Effects of the levels of cell were correlated with each other: Brownian" in text
    assert "(Felsenstein 1985; Hadfield and Nakagawa 2010)" in text


def test_caveats() -> None:
    codes = lineage()[0].caveats().codes
    assert "structure_known" in codes
    assert "whose_answer" in codes
    assert "normal_random_effects" not in codes
    assert "spatial_confounding" not in codes
    few = next(c for c in lineage()[0].caveats() if c.code == "few_clusters")
    assert "cell: 5 levels" in few.sentence


def test_covariates_of_places_compete_with_the_field() -> None:
    rng = np.random.default_rng(2)
    points = rng.uniform(0.0, 10.0, size=(30, 2))
    site = np.repeat(np.arange(30), 3)
    data = pd.DataFrame(
        {"site": site, "x": points[site, 0], "y": points[site, 1], "dose": rng.normal(size=90)}
    )
    data["height"] = points[site, 1] + 0.1
    data["z"] = np.sin(data.x) + 0.3 * rng.normal(size=90)
    field = ilk.covariance.spatial("x", "y", method="vecchia", neighbors=8)
    fit = ilk.fit("z ~ dose + height + (1 | site)", data, covariance={"site": field})
    found = {c.code: c.sentence for c in fit.caveats()}
    assert "(height) shares its variation with the field of site" in found["spatial_confounding"]
    assert "its 8 nearest" in found["approximate_field"]
    levels = fit.fitted.model.covariances[0].levels
    lost = levels.lost(fit.fitted.point.theta[1:])
    assert f"it loses {lost:.2g} in log-likelihood" in found["approximate_field"]
    assert "The field of site is approximate (Vecchia)" in flat(fit.summary().text)
    fit = ilk.fit("z ~ dose + (1 | site)", data, covariance={"site": field})
    assert "spatial_confounding" not in fit.caveats().codes


def areas(model: str):
    """A map of 25 areas."""
    pairs = [(i, i + 1) for i in range(24) if (i + 1) % 5] + [(i, i + 5) for i in range(20)]
    borders = pd.DataFrame(pairs, columns=["first", "second"])
    rng = np.random.default_rng(4)
    area = np.repeat(np.arange(25), 3)
    data = pd.DataFrame({"area": area, "y": np.sin(area // 5) + 0.4 * rng.normal(size=75)})
    structure = ilk.covariance.neighbors(borders, model=model)
    return ilk.fit("y ~ 1 + (1 | area)", data, covariance={"area": structure})


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("icar", "that of a typical area"),
        ("bym2", "phi: share of the variance that is in space"),
        ("leroux", "1 the intrinsic autoregression"),
        ("car", "is not scaled: it is divided by the number of neighbors"),
    ],
)
def test_maps_count_their_areas(model: str, words: str) -> None:
    """A map computes with values beside its areas; readers know areas alone."""
    fit = areas(model)
    text = flat(fit.summary().text)
    assert "groups area: 25 levels structure" in text
    assert words in text
    assert "(n = 25)" in str(fit.methods())


def test_structures_of_your_own() -> None:
    rng = np.random.default_rng(5)
    lag = np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    own = ilk.covariance.custom(
        covariance=lambda theta: np.tanh(theta[0]) ** lag,
        start=[0.3],
        natural={"rho": lambda theta: np.tanh(theta[0])},
    )
    data = pd.DataFrame({"g": np.repeat(np.arange(40), 6), "k": np.tile(list("abc"), 80)})
    data["y"] = rng.normal(size=40)[data.g] + rng.normal(size=240)
    fit = ilk.fit("y ~ k + mine(0 + k | g)", data, covariance={"mine": own})
    text = fit.summary().text
    assert "mine(0 + k | g): a structure of the user's own" in flat(text)
    assert re.search(r"rho \(k\) +0\.", text)
    assert "correlation of any two" not in text
    assert "with a covariance structure of our own" in str(fit.methods())


def test_levels_by_another_factor() -> None:
    rng = np.random.default_rng(6)
    data = pd.DataFrame({"g": np.repeat(np.arange(40), 12), "t": np.tile(np.arange(6), 80)})
    data["sex"] = np.where(data.g % 2 == 0, "F", "M")
    u = np.cumsum(0.5 * rng.normal(size=(40, 6)), axis=1)
    data["y"] = u[data.g, data.t] + 0.4 * rng.normal(size=480)
    fit = ilk.fit("y ~ 1 + ar1(t | g, by=sex)", data)
    terms = fit.variance_components().term.tolist()
    assert terms[:4] == ["sex[F]:t", "sex[F]:t", "sex[M]:t", "sex[M]:t"]
    assert "for each level of g (n = 20) where sex = F" in str(fit.methods())


def test_what_boundary_means() -> None:
    text = flat(lineage("ou")[0].summary().text)  # the range has left the tree
    assert "a standard deviation may have no value of its own" in text
    assert "boundary: at the end of what it can be" in text
    assert "this part of the covariance matrix is singular" not in text
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 10, size=(50, 2))
    site = np.repeat(np.arange(50), 3)
    data = pd.DataFrame({"site": site, "x": points[site, 0], "y": points[site, 1]})
    data["z"] = rng.normal(size=150)
    field = ilk.covariance.spatial("x", "y", kind="exp")
    fit = ilk.fit("z ~ 1 + (1 | site)", data, covariance={"site": field})
    assert fit.variance_components().estimate[0] == 0.0
    assert "this part of the covariance matrix is singular" in flat(fit.summary().text)
