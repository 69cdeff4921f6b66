"""statsmodels' MixedLM: linear models with one grouping factor."""

from __future__ import annotations

from importlib.metadata import version as _version
from typing import Any

import statsmodels.formula.api as smf

from benchmarks.cases import BenchmarkCase

from .outcome import Fit, Outcome

NAME = "statsmodels"


def version() -> str:
    return _version("statsmodels")


def prepare(case: BenchmarkCase, frame: Any) -> Fit:
    fixed, bar = case.formula.split(" + (")
    random, group = (part.strip(" ()") for part in bar.split("|"))

    def fit() -> Outcome:
        model = smf.mixedlm(fixed, frame, groups=frame[group], re_formula=f"~ {random}")
        result = model.fit(reml=bool(case.reml))
        return Outcome(float(result.llf), list(result.fe_params))

    return fit
