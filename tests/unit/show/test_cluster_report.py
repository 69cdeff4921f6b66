"""The report on clusters as text, HTML, frames."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import fit_of

import ilk

SCORES = ilk.datasets.load("classroom_scores")


@pytest.fixture(scope="module")
def eczema():
    """A binary response: conditional and population coefficients differ."""
    data = ilk.datasets.load("eczema_trial")
    fit = ilk.fit("clear ~ treatment + week + (1 | patient)", data, family="binomial")
    return fit, fit.cluster_report(simulate=20, seed=1, terms="week")


def test_frame(eczema) -> None:
    fit, report = eczema
    frame = report.frame
    assert list(frame.columns) == [
        "term", "method", "estimand", "estimate", "std_error", "ratio", "design_effect",
    ]  # fmt: skip
    assert len(frame) == 3 * 5
    week = frame[frame.term == "week"].set_index(["method", "estimand"])
    conditional = week.loc["mixed model", "conditional"]
    population = week.loc["mixed model", "population"]
    ignored = week.loc["ignoring clusters", "population"]
    assert conditional.estimate == pytest.approx(fit.params["week"])
    assert (conditional.ratio, population.ratio) == (1.0, 1.0)
    assert np.isnan(conditional.design_effect)  # of another coefficient
    assert ignored.ratio == pytest.approx(ignored.std_error / population.std_error)
    gee = week.loc["GEE", "population"]
    assert gee.design_effect == pytest.approx((gee.std_error / ignored.std_error) ** 2)


def test_one_question_where_the_link_is_the_identity() -> None:
    report = ilk.fit("score ~ method + prior + (1 | school)", SCORES).cluster_report()
    assert set(report.frame.estimand) == {"population"}
    assert len(report.frame) == 3 * 4
    assert np.all(np.isfinite(report.frame.design_effect))
    assert "effects on the population's mean are the same" in report.text


def test_text_and_html(eczema) -> None:
    text = eczema[1].text
    for words in (
        "What does it cost to ignore that rows of clear come in clusters?",
        "treatment[T.placebo] is constant within patient: ignoring clusters makes its standard",
        "week varies within patient only: ignoring clusters makes its standard error too large",
        "Compare like with like.",
        "Clusters of 1,154 rows",
        "Intraclass correlations, covariates held",
        "Design effect of a mean",
        "Design effects of the coefficients that ignore clusters",
        "False positives of tests at the level 0.05, by simulation",
    ):
        assert words in text
    assert max(map(len, text.splitlines())) <= 110
    html = eczema[1].html
    assert html.count("<table") == 6
    assert "False positives" in html
    assert repr(eczema[1]) == text


def test_the_mixed_model_of_a_plain_fit() -> None:
    plain = ilk.fit("score ~ method + prior", SCORES)
    report = plain.cluster_report(SCORES["school"])
    assert isinstance(report.mixed, ilk.Fit)
    assert "school" in report.mixed.random_effects().group.tolist()
    assert "the mixed model is the same with (1 | school) added" in report.text.replace("\n ", "")
    assert report.false_positives is None


def test_frames_of_the_callers_kind() -> None:
    polars = pytest.importorskip("polars")
    data = polars.DataFrame(dict(SCORES))
    report = ilk.fit("score ~ prior", data).cluster_report(data["school"])
    assert isinstance(report.frame, polars.DataFrame)
    assert report.design_effects.frame["group"].to_list() == ["school"]
    table = {name: np.asarray(SCORES[name]) for name in SCORES}
    assert ilk.fit("score ~ prior", table).cluster_report(table["school"]).report.group == "cluster"


def test_a_loaded_fit_gives_the_same_report(tmp_path) -> None:
    fit = fit_of("cbpp")
    fit.save(tmp_path / "fit.ilk")
    assert ilk.load(tmp_path / "fit.ilk").cluster_report().text == fit.cluster_report().text
    assert "Clusters of 842 trials" in fit.cluster_report().text
