"""Penalized estimates against brglm2 and against pseudo-observations in glm() (R)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk

RECORD = json.loads((Path(__file__).parent / "penalized.json").read_text(encoding="utf-8"))
DATA = pd.DataFrame(RECORD["data"])


@pytest.mark.parametrize(
    "case", RECORD["cases"], ids=lambda c: f"{c['penalty']}-{c['outcome']}-{c['link']}"
)
def test_penalized_estimates_agree(case: dict[str, Any]) -> None:
    fit = ilk.fit(
        f"{case['outcome']} ~ x + arm",
        DATA,
        family=case["family"],
        link=case["link"],
        trials="m" if case["outcome"] == "s" else None,
        penalty="firth" if case["penalty"] == "firth" else ilk.LogF(case["m"]),
        search=ilk.Search(tolerance=1e-14),
    )
    np.testing.assert_allclose(np.asarray(fit.params), case["coef"], rtol=1e-6, atol=1e-6)
    if "loglik" in case:
        assert fit.loglik == pytest.approx(case["loglik"], abs=1e-6)
    if "std_error" in case:
        np.testing.assert_allclose(np.asarray(fit.std_errors), case["std_error"], rtol=1e-5)
