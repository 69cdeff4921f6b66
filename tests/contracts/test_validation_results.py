"""What the stored validations must say, and that the documentation prints what is stored."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from validation.checks_power import RIGHT, WRONG
from validation.quantile_residuals import cases
from validation.recovery import TRUTHS
from validation.tables import PAGES, filled

from ilk.family import FAMILIES

from .markdown import ROOT

RESULTS = ROOT / "validation" / "results"


@pytest.mark.parametrize("name", PAGES)
def test_tables_of_the_documentation_are_the_stored_results(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"<!-- table: ", text)
    assert filled(text) == text, "python -m validation.tables"


def stored(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def test_quantile_residuals_are_normal_for_every_family_and_link() -> None:
    found = stored("quantile_residuals")["true_parameters"]
    assert found["sets"] >= 1000
    met = {label.split(" (again")[0] for label in found["cases"]}
    assert {case.label for case in cases()} == met
    ordered = [name for name, kind in FAMILIES.items() if getattr(kind, "ordered", True)]
    assert all(any(label.startswith(f"{name}, ") for label in met) for name in ordered)
    for label in met:
        again = [row for key, row in found["cases"].items() if key.startswith(f"{label} (again")]
        first = found["cases"][label]
        for key in ("p_uniform", "p_together", "p_beyond_3"):
            assert first[key] > 1e-4, label
            assert first[key] > 0.01 or again[0][key] > 0.01, label


def test_the_study_of_quantile_residuals_notices_small_errors() -> None:
    for label, row in stored("quantile_residuals")["controls"].items():
        assert row["p_together"] < 0.01, label


def test_parameters_of_every_family_are_recovered() -> None:
    found = stored("recovery")["families"]
    assert set(found) >= set(FAMILIES)
    assert set(found) == set(TRUTHS)
    for name, one in found.items():
        assert one["failed"] == 0, name
        chance = one["sets"] ** -0.5
        for label, row in one["parameters"].items():
            assert row["without_interval"] < 0.15 * one["sets"], (name, label)
            assert abs(row["bias_in_sd"]) < 0.5 + 3.0 * chance, (name, label)
            assert abs(row["coverage"] - 0.95) < 0.02 + 4.0 * 0.22 * chance, (name, label)


def test_rank_intervals_cover_and_probabilities_are_calibrated() -> None:
    found = stored("ranks")["results"]
    assert found["all"]["systems"] >= 2000
    for name, one in found.items():
        means = one["means"]
        assert 0.93 < means["rank"]["mean"] < 0.97, name
        assert 0.93 < means["rank, smallest third"]["mean"] < 0.97, name
        assert means["brier"]["mean"] < means["brier of no knowledge"]["mean"], name
        assert means["error of expected rank"]["mean"] < means["eb: error of rank"]["mean"], name
        if name != "trends":
            assert means["eb: error of rank"]["mean"] < means["raw: error of rank"]["mean"], name
            assert means["raw: rank"]["mean"] < means["rank"]["mean"], name
    for row in found["all"]["reliability"]["p_best"]:
        assert abs(row["said"] - row["was"]) < 0.01 + 0.05 * min(1.0, 4 * row["said"]), row


def test_shrunk_rates_are_nearer_to_the_truth() -> None:
    for name, found in stored("shrinkage")["results"].items():
        for part, errors in found["root_mean_square"].items():
            others = [value for key, value in errors.items() if key != "shrunk"]
            assert errors["shrunk"] < min(others), (name, part)


def test_checks_find_wrong_models_and_leave_right_ones_alone() -> None:
    found = stored("checks_power")
    assert set(RIGHT) == set(found["right"])
    assert set(WRONG) == set(found["wrong"])
    families = {case.arguments.get("family", "gaussian") for case in RIGHT.values()}
    assert families >= {name for name, kind in FAMILIES.items() if not kind.categorical}
    for label, one in found["right"].items():
        assert one["sets"] >= 200
        assert one["any_problem"] <= 0.1, label
        assert one["any_problem_or_note"] <= 0.35 or "approximation" in str(one["checks"]), label
        for check, row in one["checks"].items():
            assert row["problem"] <= 0.05, (label, check)
            assert (row["p_below_0.05"] or 0.0) <= 0.11, (label, check)
    for label in (
        "Poisson, of negative binomial counts",
        "Poisson without excess zeros",
        "binomial, of beta-binomial counts",
        "linear without random slope",
        "Poisson without random slope",
    ):
        assert found["wrong"][label]["wrong"]["any_problem"] >= 0.9, label


def test_shares_of_ancestry_and_neighborhood_are_recovered_at_three_overlaps() -> None:
    found = stored("partition_overlap")["results"]
    for overlap in ("strong", "partial", "none"):
        case = found[f"continuous, {overlap}"]
        assert case["data_sets"] >= 60
        for name, share in case["shares"].items():
            assert abs(share["bias"]) < 3.0 * share["bias_error"], (overlap, name)
            assert share["coverage"] > 0.9, (overlap, name)
    text = (ROOT / "docs" / "how-to" / "partition.md").read_text(encoding="utf-8")
    for name, case in found.items():
        outcome, overlap = name.split(", ")
        share = case["shares"]["lineage, realised"]
        assert (
            f"| {outcome} | {overlap} | {share['bias']:+.3f} ± {share['bias_error']:.3f} |" in text
        )
