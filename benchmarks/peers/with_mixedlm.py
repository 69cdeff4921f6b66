"""mixedlm (PyPI)."""

from __future__ import annotations

from importlib.metadata import version as _version
from typing import Any

import mixedlm
from mixedlm import families

from benchmarks.cases import BenchmarkCase

from .outcome import Fit, Outcome

NAME = "mixedlm"


def version() -> str:
    return _version("mixedlm")


def prepare(case: BenchmarkCase, frame: Any) -> Fit:
    formula, weights = case.formula, None
    if formula.startswith("cbind("):
        formula = "proportion ~" + formula.split("~")[1]
        weights = frame["size"].to_numpy(dtype=float)

    def fit() -> Outcome:
        if case.family == "gaussian":
            result = mixedlm.lmer(formula, frame, REML=bool(case.reml))
        elif case.family == "negative_binomial_2":
            result = mixedlm.glmer_nb(formula, frame)
        else:
            family = {"binomial": families.Binomial, "poisson": families.Poisson}[case.family]()
            result = mixedlm.glmer(formula, frame, family=family, weights=weights)
        loglik = result.logLik()
        return Outcome(float(getattr(loglik, "value", loglik)), list(result.fixef().values()))

    return fit
