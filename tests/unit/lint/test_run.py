"""All rules together: precision on models that are right, order, speed."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.findings import clustered
from tests.reference.data import HERE, cases, table
from tests.reference.translate import FAMILIES, call

import ilk
from ilk.lint.run import findings
from ilk.model.setup import plan, set_up
from ilk.show.lint import LintAnswer

SLOPE, FEW, LEFT_OUT = (
    "within-treatment-without-slope",
    "cluster-level-treatment",
    "ignored-clusters",
)

NOTED = {"hospital_infections": (SLOPE,), "classroom_scores": (SLOPE,)}
"""Findings of the models that the catalog recommends; none for all others."""


@pytest.mark.parametrize("name", ilk.datasets.names())
def test_the_models_of_our_own_data(name: str) -> None:
    def look(formula: str, data: Any, quadrature: int = 1, **keywords: Any) -> LintAnswer:
        return ilk.lint(formula, data, **keywords)

    names = SimpleNamespace(fit=look, within_between=ilk.within_between)
    *before, call_of_fit = ilk.datasets.describe(name).model.split("; ")
    scope = {"ilk": names, "data": ilk.datasets.load(name)}
    exec("\n".join(before), scope)
    found = eval(call_of_fit, scope)
    assert found.codes == NOTED.get(name, ())
    assert all(finding.severity == "note" for finding in found)


EXPECTED = {
    "bacteria": {FEW},  # three drugs, 14 to 21 children each
    "owls": {SLOPE},  # the food treatment alternates within nests
    "ordbeta": {SLOPE},  # simulated: trt varies within g
    "weights": {"weights-like-frequencies"},
    "gee": {LEFT_OUT},  # the formulas of marginal models name no clusters
}


@pytest.mark.parametrize("full", [False, True], ids=["columns-used", "all-columns"])
def test_reference_cases_are_clean_but_for_what_is_meant(full: bool) -> None:
    for case in cases():
        if case["model"]["family"] not in FAMILIES:
            continue
        asked = call(case)
        keywords = {k: v for k, v in asked.keywords.items() if k in KEYWORDS}
        data = table(case)
        if full:
            raw = pd.read_csv(HERE / case["data"])
            data = data.assign(**{name: raw[name] for name in raw if name not in data})
        codes = set(ilk.lint(asked.formula, data, **keywords).codes)
        allowed = [names for part, names in EXPECTED.items() if part in case["id"].split("-")]
        assert codes <= set().union(*allowed), (case["id"], codes)


KEYWORDS = (
    *("family", "link", "dispersion", "zero_inflation", "trials", "exposure", "offset"),
    *("frequency_weights", "precision_weights"),
)


def test_warnings_come_first() -> None:
    data = clustered().assign(case=1)
    found = ilk.lint("y ~ x + case + treatment + (1 | kind) + (1 | school)", data)
    severities = [finding.severity for finding in found]
    assert severities == sorted(severities, reverse=True)
    assert set(severities) == {"note", "warning"}


def test_the_design_alone_is_enough() -> None:
    data = clustered()
    asked = plan(
        "y ~ school_id + (1 | kind)",
        data,
        "gaussian",
        None,
        formulas={},
        trials=None,
        functions=None,
    )
    codes = [finding.code for finding in findings(set_up(asked), asked.family)]
    assert codes == ["identifier-as-number", "few-levels"]


def test_a_hundred_thousand_rows() -> None:
    rng = np.random.default_rng(1)
    n = 100_000
    data = {
        "count": rng.poisson(2.0, n),
        "treatment": rng.integers(0, 2, n),
        "school": rng.integers(0, 500, n).astype(str).astype(object),
        "patient_id": rng.integers(0, 30_000, n),
        "year": rng.integers(1990, 2010, n),
        **{f"x{j}": rng.normal(size=n) for j in range(20)},
    }
    asked = plan(
        "count ~ x1 * treatment + (1 + year | school) + (1 | patient_id)",
        pd.DataFrame(data),
        "poisson",
        None,
        formulas={},
        trials=None,
        functions=None,
    )
    design = set_up(asked)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        findings(design, asked.family, asked.frame)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.2  # 0.04 s on an idle machine
