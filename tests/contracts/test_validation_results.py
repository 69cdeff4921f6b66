"""What the stored validations must say, and that the documentation prints what is stored."""

from __future__ import annotations

import json
from typing import Any

from validation.quantile_residuals import cases

from ilk.family import FAMILIES

from .markdown import ROOT

RESULTS = ROOT / "validation" / "results"


def stored(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def test_quantile_residuals_are_normal_for_every_family_and_link() -> None:
    found = stored("quantile_residuals")["true_parameters"]
    assert found["sets"] >= 1000
    met = {label.split(" (again")[0] for label in found["cases"]}
    assert {case.label for case in cases()} == met
    assert all(any(label.startswith(f"{name}, ") for label in met) for name in FAMILIES)
    for label in met:
        again = [row for key, row in found["cases"].items() if key.startswith(f"{label} (again")]
        first = found["cases"][label]
        for key in ("p_uniform", "p_together", "p_beyond_3"):
            assert first[key] > 1e-4, label
            assert first[key] > 0.01 or again[0][key] > 0.01, label


def test_the_study_of_quantile_residuals_notices_small_errors() -> None:
    for label, row in stored("quantile_residuals")["controls"].items():
        assert row["p_together"] < 0.01, label
