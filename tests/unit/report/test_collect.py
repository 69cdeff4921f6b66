"""What a report collects, for every kind of model."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk import datasets
from ilk.report import collect, render, write

MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "rates": (
        "hospital_infections",
        "infections ~ policy + severity + month + (1 + month | hospital)",
        {"family": "poisson", "exposure": "patient_days"},
    ),
    "nested": ("classroom_scores", "score ~ method + prior + (1 | school/classroom)", {}),
    "crossed": (
        "essay_marks",
        "points ~ prompt + experience + (1 | essay) + (1 | rater)",
        {"family": "binomial", "trials": "items"},
    ),
    "binary": (
        "eczema_trial",
        "clear ~ week * treatment + severity + (1 | patient)",
        {"family": "binomial"},
    ),
    "zeros": (
        "pond_newts",
        "newts ~ cover + log(depth) + (1 | pond)",
        {
            "family": "negative_binomial_2",
            "zero_inflation": "~ fish",
            "exposure": "minutes",
        },
    ),
    "plain": ("classroom_scores", "score ~ method + prior", {}),
    "intercept": ("classroom_scores", "score ~ 1 + (1 | school)", {}),
}


@pytest.fixture(scope="module", params=sorted(MODELS))
def case(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    name, formula, options = MODELS[request.param]
    data = datasets.load(name)
    return request.param, collect(ilk.fit(formula, data, **options), data)


def sections(report: dict[str, Any]) -> list[str]:
    return [part["id"] for part in report["sections"]]


def test_reports_are_plain_data(case: tuple[str, dict[str, Any]]) -> None:
    _, report = case
    assert json.loads(json.dumps(report)) == report


def test_reports_render(case: tuple[str, dict[str, Any]]) -> None:
    _, report = case
    page = render(report)
    assert page.count("<svg") == sum(part["picture"] is not None for part in report["sections"])
    assert "nan" not in page.lower().replace("nano", "")


def test_every_kind_of_model_has_its_sections(case: tuple[str, dict[str, Any]]) -> None:
    kind, report = case
    found = sections(report)
    assert "coefficients" in found
    wanted = {
        "rates": ["effect-policy", "league", "coefficients", "random-part"],
        "nested": ["effect-method", "levels-school", "random-part"],
        "crossed": ["effect-prompt", "levels-essay", "levels-rater", "random-part"],
        "binary": ["effect-week", "levels-patient", "effect-treatment"],
        "zeros": ["effect-cover", "effect-depth", "league"],
        "plain": ["effect-method", "effect-prior"],
        "intercept": ["levels-school"],
    }[kind]
    assert [name for name in wanted if name not in found] == []


def test_two_answers(case: tuple[str, dict[str, Any]]) -> None:
    kind, report = case
    if kind in ("plain", "intercept"):
        assert report["answers"] is None
        return
    typical, population = report["answers"]
    assert (typical["estimand"], population["estimand"]) == ("typical", "population")
    if kind == "nested":
        assert typical["difference"] == pytest.approx(population["difference"])
    if kind in ("rates", "zeros"):
        assert typical["ratio"] == pytest.approx(population["ratio"])
        assert abs(population["difference"][0]) > abs(typical["difference"][0])
    if kind in ("crossed", "binary"):
        assert abs(population["difference"][0]) < abs(typical["difference"][0])


def test_league_table_shrinks_the_small() -> None:
    name, formula, options = MODELS["rates"]
    data = datasets.load(name)
    report = collect(ilk.fit(formula, data, **options), data)
    table = next(part["table"] for part in report["sections"] if part["id"] == "league")
    labels = [column["label"] for column in table["columns"]]
    columns = dict(zip(labels, zip(*table["rows"], strict=True), strict=True))
    raw, shrunken, rank = (
        np.array(columns[n]) for n in ("raw rate", "shrunken rate", "expected rank")
    )
    days, infections = np.array(columns["patient days"]), np.array(columns["infections"])
    total = data.groupby("hospital")["infections"].sum()
    assert dict(zip(columns["hospital"], infections, strict=True)) == total.to_dict()
    assert list(rank) == sorted(rank)
    # Nobody without infections in a few hundred days is called the best, though all raw ranks say
    # so, and the largest hospitals keep what they had.
    lucky = (infections == 0) & (days < 2500)
    assert lucky.sum() >= 4
    assert np.flatnonzero(lucky).min() > 0
    assert np.max(np.array(columns["raw rank"])[lucky]) < 7
    assert np.std(np.log(shrunken)) < np.std(np.log(np.maximum(raw, 0.5)))
    ratio = np.array(columns["O / E"])
    np.testing.assert_allclose(ratio, infections / np.array(columns["expected"]))
    assert np.sum(columns["P(among lowest 6)"]) == pytest.approx(6.0, abs=1e-6)


def test_the_league_has_pictures_of_ranks_and_a_funnel(case: tuple[str, dict[str, Any]]) -> None:
    kind, report = case
    found = {part["id"]: part["picture"] for part in report["sections"] if part["picture"]}
    assert ("funnel" in found) == ("ranks" in found) == (kind in ("rates", "zeros"))
    if "ranks" in found:
        assert found["league"]["kind"] == "shrinkage"
        assert found["ranks"]["data"]["coverage"] == 0.95


def test_numbers_of_trials_that_vary() -> None:
    data = datasets.load("essay_marks")
    data["items"] = data["items"] + np.arange(len(data)) % 3
    fit = ilk.fit("points ~ experience + (1 | essay)", data, family="binomial", trials="items")
    report = collect(fit, data)
    assert 0 < report["answers"][0]["before"] < 1
    assert {"league", "ranks", "funnel"} <= set(sections(report))


def test_any_factor_can_be_ranked() -> None:
    data = datasets.load("classroom_scores")
    fit = ilk.fit("score ~ method + prior + (1 | school/classroom)", data)
    report = collect(fit, data, rank="school")
    assert "league" in sections(report)
    assert "levels-school" not in sections(report)
    assert "levels-school-3a-classroom" in sections(report)
    table = next(part["table"] for part in report["sections"] if part["id"] == "league")
    assert "difference" in [column["label"] for column in table["columns"]]
    assert render(report).count("<svg") >= 4
    with pytest.raises(ilk.errors.DataError, match="pupil"):
        collect(fit, data, rank="pupil")


@pytest.mark.parametrize("flavor", ["pandas", "polars", "pyarrow", "dict"])
def test_any_frame(flavor: str) -> None:
    if flavor != "dict":
        pytest.importorskip(flavor)
    name, formula, options = MODELS["rates"]
    data = datasets.load(name, flavor)
    report = collect(ilk.fit(formula, data, **options), data)
    assert report["answers"][0]["before"] == pytest.approx(2.6, abs=0.3)


def test_hostile_names_from_end_to_end(tmp_path) -> None:
    import pandas as pd

    rng = np.random.default_rng(0)
    evil = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a\x1b[31m\x00b", "$x_1"]
    group = np.array([evil[i % 4] + str(i % 12) for i in range(240)], dtype=object)
    data = pd.DataFrame(
        {
            "y": rng.poisson(3.0, 240),
            "<b onmouseover=alert(1)>": rng.normal(size=240),
            "kind": np.where(rng.random(240) < 0.5, "</svg><script>alert(1)</script>", "<i>"),
            "group": group,
        }
    )
    fit = ilk.fit("y ~ `<b onmouseover=alert(1)>` + kind + (1 | group)", data, family="poisson")
    page = write(fit, data, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img" not in page
    assert "<b " not in page
    assert "<i>" not in page
    assert "\x1b" not in page
    assert "\x00" not in page


def test_numbers_that_name_levels() -> None:
    data = datasets.load("hospital_infections")
    formula = "infections ~ C(month) + policy + (1 | hospital)"
    fit = ilk.fit(formula, data, family="poisson", exposure="patient_days")
    report = collect(fit, data)
    assert "effect-month" in sections(report)
    (month,) = [part for part in report["sections"] if part["id"] == "effect-month"]
    assert month["picture"]["data"]["values"] == list(range(24))
    assert report["answers"] is None


def test_link_without_a_population_mean() -> None:
    data = datasets.load("classroom_scores")
    fit = ilk.fit("score ~ method + (1 | school)", data, family="gamma", link="inverse")
    report = collect(fit, data)
    assert report["answers"] is None
    assert "does not exist" in report["sections"][0]["text"][0]


def test_missing_values_bools_and_categories() -> None:
    import pandas as pd

    data = datasets.load("hospital_infections").head(600)
    data["early"] = data["month"] < 12
    data["size"] = pd.Categorical(np.where(data["beds"] > 20, "large", "small"))
    data["empty"] = np.nan
    data.loc[data.index[::50], "severity"] = np.nan
    fit = ilk.fit(
        "infections ~ early + size + severity + (1 | hospital)",
        data,
        family="poisson",
        exposure="patient_days",
    )
    report = collect(fit, data)
    assert "effect-early" in sections(report)
    assert "effect-size" in sections(report)
    assert any("left out" in item["value"] for item in report["model"])


def test_findings_are_notes() -> None:
    data = datasets.load("hospital_infections")
    options = {"family": "poisson", "exposure": "patient_days"}
    report = collect(ilk.fit("infections ~ severity", data, **options), data)
    (note,) = report["notes"]
    assert note.startswith("warning: The 1,440 rows come from 60 levels of 'hospital'")
    assert "60 levels of &#39;hospital&#39;" in render(report)
    silent = ilk.fit("infections ~ severity", data, silence=("ignored-clusters",), **options)
    assert collect(silent, data)["notes"] == []


def test_ordered_categories_are_told_by_a_higher_one():
    rng = np.random.default_rng(4)
    ward, x = np.repeat(np.arange(12), 10), np.tile([0, 1], 60)
    code = np.digitize(0.8 * x + rng.normal(0, 0.6, 12)[ward] + rng.logistic(size=120), [0.0, 1.5])
    data = pd.DataFrame({"ward": ward, "x": x, "code": code})
    fit = ilk.fit("code ~ x + (1 | ward)", data, "cumulative")
    report = collect(fit, data)
    typical = report["answers"][0]
    assert typical["detail"][0] == "probability of code = 1 or higher"
    at_least = fit.means("x", of="at_least").frame
    wanted = at_least[at_least.category == 1].estimate.tolist()
    assert [typical["before"], typical["after"]] == pytest.approx(wanted)
    assert "Effect of x" in [part["title"] for part in report["sections"]]
    nominal = collect(ilk.fit("code ~ x", data, "multinomial"), data)
    assert nominal["answers"] is None
