"""glmm as it is called without options.

That contains standard errors from the joint information, Satterthwaite degrees of freedom for
linear models, and likelihood-ratio tables (which refit the model) for Poisson models.
"""

from __future__ import annotations

from typing import Any

import glmm

from benchmarks.cases import BenchmarkCase

from .outcome import Fit, Outcome
from .with_glmm import FAMILIES, version

__all__ = ["NAME", "prepare", "version"]

NAME = "glmm_default"


def prepare(case: BenchmarkCase, frame: Any) -> Fit:
    family = FAMILIES.get(case.family, case.family)

    def fit() -> Outcome:
        result = glmm.fit(frame, case.formula, family, reml=case.reml)
        return Outcome(result.loglik, list(result.beta))

    return fit
