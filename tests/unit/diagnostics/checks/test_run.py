"""All checks of a fit: which ones, many p-values, every kind of fit."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.fits import FITS, fit_of
from tests.tables import DESIGNS, FAMILIES, DesignCase, FamilyCase, table

import ilk
from ilk.diagnostics.checks import check
from ilk.diagnostics.checks.registry import CHECKS
from ilk.diagnostics.checks.run import false_discovery
from ilk.errors import IdentificationWarning, ModelError
from ilk.family.base import AbstractFamily
from ilk.family.link import AbstractLink, Identity
from ilk.num import jets


def test_false_discovery_rate_is_scipys() -> None:
    p = np.random.default_rng(0).random(20) ** 2
    np.testing.assert_allclose(false_discovery(p), stats.false_discovery_control(p))
    assert len(false_discovery(np.array([]))) == 0


@pytest.mark.parametrize("case", FAMILIES, ids=lambda case: case.name)
def test_every_family(case: FamilyCase) -> None:
    found = check(ilk.fit(f"{case.left} ~ x + (1 | g)", table(), **case.keywords).fitted, draws=40)
    assert {one.code for one in found.checks} <= set(CHECKS)
    assert len(found["uniformity"]) == 2
    for one in found.checks:
        assert one.verdict in ("ok", "note", "problem", "skipped")
        assert one.sentence.endswith(".")
        assert bool(one.advice) <= (one.verdict in ("note", "problem"))
    for residuals in found.residuals.values():
        assert np.all((residuals > 0) & (residuals < 1))


@pytest.mark.parametrize("case", DESIGNS, ids=lambda case: case.name)
def test_every_design(case: DesignCase) -> None:
    found = check(ilk.fit(f"count ~ x + {case.terms}", table(), family="poisson").fitted, draws=40)
    assert found.worst in ("note", "problem")  # the counts are negative binomial


@pytest.mark.parametrize("name", FITS)
def test_every_fit(name: str) -> None:
    found = check(fit_of(name).fitted, draws=60)
    assert found.worst in ("ok", "note", "problem")


def test_without_random_terms_both_estimands_are_one() -> None:
    found = check(ilk.fit("score ~ x", table()).fitted)
    assert list(found.residuals) == ["conditional"]
    assert {one.estimand for one in found.checks} == {"conditional", None}
    assert found.worst == "ok"


def test_exposure_and_offset() -> None:
    rng = np.random.default_rng(1)
    days = rng.uniform(1, 30, size=300)
    y = rng.poisson(0.3 * days)
    found = check(ilk.fit("y ~ 1", {"y": y, "d": days}, family="poisson", exposure="d").fitted)
    assert found.worst == "ok"
    wrong = check(ilk.fit("y ~ 1", {"y": y, "d": days}, family="poisson").fitted)
    assert wrong.worst == "problem"


def test_missing_rows_keep_their_places() -> None:
    data = table()
    data.loc[[3, 10], "score"] = np.nan
    found = check(ilk.fit("score ~ x + (1 | g)", data).fitted, checks="uniformity", draws=40)
    assert len(found.rows) == 118


def test_frequency_weights() -> None:
    data = table()
    fit = ilk.fit("count ~ x + (1 | g)", data, family="poisson", frequency_weights="repeats")
    found = check(fit.fitted, checks="uniformity", draws=40)
    assert len(found.rows) == data["repeats"].sum()


def test_loaded_fits_answer_the_same(tmp_path: Path) -> None:
    fit = fit_of("gamma")
    fit.save(tmp_path / "a.ilk")
    again = ilk.load(tmp_path / "a.ilk")
    one, two = (check(f.fitted, draws=40) for f in (fit, again))
    np.testing.assert_allclose(
        [c.p_value for c in one.checks], [c.p_value for c in two.checks], rtol=1e-6
    )


def test_seeds_make_it_repeatable() -> None:
    one, two, other = (check(fit_of("binary").fitted, draws=40, seed=s) for s in (1, 1, 2))
    p = [[c.p_value for c in found.checks] for found in (one, two, other)]
    np.testing.assert_allclose(p[0], p[1], rtol=1e-6)
    assert not np.array_equal(p[0], p[2], equal_nan=True)
    a, b = (found.residuals["conditional"] for found in (one, two))
    np.testing.assert_allclose(a, b, rtol=1e-12)


def test_only_what_was_asked_for_is_made() -> None:
    found = check(fit_of("binary").fitted, checks=("outliers", "convergence", "outliers"))
    assert [one.code for one in found.checks] == ["outliers", "convergence"]
    assert list(found.residuals) == ["conditional"]
    assert list(check(fit_of("binary").fitted, checks="convergence").residuals) == []
    with pytest.raises(ModelError, match="Did you mean 'dispersion'"):
        check(fit_of("binary").fitted, checks=("dispersal",))


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"draws": 5}, "draws=5"),
        ({"draws": True}, "draws=True"),
        ({"seed": -1}, "seed=-1"),
        ({"alpha": 1.5}, "alpha=1.5"),
    ],
)
def test_bad_numbers(keywords: dict, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        check(fit_of("binary").fitted, **keywords)


def test_fractional_frequency_weights_are_refused() -> None:
    data = table().assign(w=1.5)
    fit = ilk.fit("count ~ x", data, family="poisson", frequency_weights="w")
    with pytest.raises(ModelError, match="whole"):
        check(fit.fitted)


def test_links_that_give_impossible_means() -> None:
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(30), 10)
    y = rng.poisson(np.maximum(2.0 + 0.8 * rng.normal(size=30), 0.6)[g])
    fit = ilk.fit("y ~ 1 + (1 | g)", {"y": y, "g": g}, family="poisson", link="identity")
    answer = fit.check()
    assert [one.estimand for one in answer["uniformity"]] == ["conditional"]
    assert any("means that it cannot have" in note for note in answer.notes)
    related = fit.check("related", relatedness={"g": np.ones((30, 30))})["related"][0]
    assert related.verdict == "skipped"


def test_a_model_without_variance() -> None:
    x = np.linspace(-1.0, 1.0, 40)
    with pytest.warns(IdentificationWarning):
        fit = ilk.fit("y ~ x", {"y": (x > 0).astype(float), "x": x}, family="binomial")
    found = check(fit.fitted, checks=("dispersion", "zeros", "uniformity"))
    assert found["dispersion"][0].verdict == "skipped"
    with pytest.warns(IdentificationWarning):
        none = ilk.fit("y ~ x", {"y": np.zeros(40), "x": x}, family="poisson")
    assert "do not vary" in check(none.fitted, checks="dispersion")["dispersion"][0].sentence


def test_columns_that_were_left_out_and_few_rows() -> None:
    data = table().assign(twice=lambda d: 2 * d["x"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ilk.fit("score ~ x + twice + (1 | g)", data)
    assert check(fit.fitted, draws=40).worst != "skipped"
    few = ilk.fit("y ~ x", {"y": [1.0, 2.0, 3.5, 3.0, 5.0], "x": [0.0, 1.0, 2.0, 3.0, 4.0]})
    assert check(few.fitted, checks=("uniformity", "dispersion"), draws=40).worst == "ok"


@dataclass(frozen=True)
class Bare(AbstractFamily):
    """A family of one's own, without draws."""

    name = "bare"
    parameters = ("mean", "dispersion")
    link: AbstractLink = field(default_factory=Identity)

    def log_density(self, y, trials, eta):
        """Gaussian."""
        z = (y - eta[0]) * jets.exp(-0.5 * eta[1])
        return -0.5 * z * z - 0.5 * eta[1]


@dataclass(frozen=True)
class Drawn(Bare):
    """The same with draws."""

    name = "drawn"

    def draw(self, eta, trials, rng):
        """Gaussian."""
        return rng.normal(eta[0], np.exp(0.5 * eta[1]))


def test_families_of_ones_own() -> None:
    data = table()
    found = check(ilk.fit("score ~ x + (1 | g)", data, family=Bare()).fitted)
    (one,) = found["uniformity"]
    assert one.verdict == "skipped"
    assert "does not define its random draws" in one.sentence
    assert found["convergence"][0].verdict == "ok"
    drawn = check(ilk.fit("score ~ x + (1 | g)", data, family=Drawn()).fitted)
    gaussian = check(ilk.fit("score ~ x + (1 | g)", data, reml=False).fitted)
    assert drawn.worst == gaussian.worst == "ok"
    p, q = ([c.p_value for c in f["uniformity"]] for f in (drawn, gaussian))
    np.testing.assert_allclose(p, q, atol=0.05)


def test_polars_and_dictionaries() -> None:
    pl = pytest.importorskip("polars")
    data = pl.from_pandas(table()[["score", "x", "g"]])
    answer = ilk.fit("score ~ x + (1 | g)", data).check(draws=40)
    assert isinstance(answer.frame, pl.DataFrame)
    assert isinstance(answer.residuals, pl.DataFrame)
    assert isinstance(fit_of("binary").check("outliers").frame, pd.DataFrame)
