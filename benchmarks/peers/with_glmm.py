"""glmm (PyPI, a Rust engine).

Its optional extras are off: Satterthwaite degrees of freedom and stored likelihood-ratio tables.
Its fit always contains standard errors; ``rx`` are the cheap ones (conditional on the variance
parameters), used here, so that its time is that of the fit alone.
"""

from __future__ import annotations

from importlib.metadata import version as _version
from typing import Any

import glmm

from benchmarks.cases import BenchmarkCase

from .outcome import Fit, Outcome

NAME = "glmm"
FAMILIES = {"negative_binomial_2": "negativebinomial"}
WALD = "rx"


def version() -> str:
    return _version("glmm")


def prepare(case: BenchmarkCase, frame: Any, wald: str | None = None) -> Fit:
    family = FAMILIES.get(case.family, case.family)

    def fit() -> Outcome:
        result = glmm.fit(
            frame,
            case.formula,
            family,
            reml=case.reml,
            satterthwaite=False,
            anova_test="Wald",
            wald_se=wald or WALD,
        )
        return Outcome(result.loglik, list(result.beta))

    return fit
