"""ilk: the fit alone. Standard errors are computed when asked for; `with_ilk_se` asks."""

from __future__ import annotations

import os
import time
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as _version
from typing import Any

import numpy as np

import ilk
from benchmarks.cases import BenchmarkCase

from .outcome import Fit, Outcome

NAME = "ilk"


def version() -> str:
    try:
        return _version("ilk")
    except PackageNotFoundError:
        return str(getattr(ilk, "__version__", "source tree"))


def call(case: BenchmarkCase, frame: Any) -> Any:
    """One fit of a case."""
    keywords: dict[str, Any] = {"family": case.family}
    if case.reml is not None:
        keywords["reml"] = case.reml
    if case.zero_inflation is not None:
        keywords["zero_inflation"] = case.zero_inflation
    if os.environ.get("ILK_BENCHMARK_THREADS"):
        keywords["search"] = ilk.Search(threads=int(os.environ["ILK_BENCHMARK_THREADS"]))
    return ilk.fit(case.formula, frame, **keywords)


def mean_coefficients(fit: Any) -> list[float]:
    """Coefficients of the mean: the first ones, in the order of the formula."""
    table = fit.fitted
    count = table.model.design.fixed[0].X.shape[1]
    return [float(value) for value in np.asarray(table.coef)[:count]]


def prepare(case: BenchmarkCase, frame: Any) -> Fit:
    def fit() -> Outcome:
        result = call(case, frame)
        return Outcome(float(result.loglik), mean_coefficients(result))

    return fit


def refits_per_second(case: BenchmarkCase, frame: Any, times: int) -> float:
    """Fits per CPU second of responses drawn from the fit, the design kept."""
    fit = call(case, frame)
    responses = fit.simulate(8, seed=1)
    columns = [
        np.asarray(responses[:, i] if hasattr(responses, "shape") else responses[i])
        for i in range(8)
    ]
    fit.refit(columns[0])
    start = time.process_time()
    for i in range(times):
        fit.refit(columns[i % 8])
    return times / (time.process_time() - start)
