"""ilk with standard errors from the joint observed information."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import BenchmarkCase

from .outcome import Fit, Outcome
from .with_ilk import call, mean_coefficients, version

__all__ = ["NAME", "prepare", "version"]

NAME = "ilk_se"


def prepare(case: BenchmarkCase, frame: Any) -> Fit:
    def fit() -> Outcome:
        result = call(case, frame)
        _ = result.std_errors
        return Outcome(float(result.loglik), mean_coefficients(result))

    return fit
