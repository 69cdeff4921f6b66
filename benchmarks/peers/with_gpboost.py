"""GPBoost (PyPI). It takes matrices, not formulas: those are made before the clock starts.

The Cholesky factorization is asked for: the default for crossed factors is a stochastic
approximation whose log-likelihood is off by more than one unit on small data.
"""

from __future__ import annotations

import os
import re
from importlib.metadata import version as _version
from typing import Any

import gpboost
import numpy as np
import pandas as pd

from benchmarks.cases import BenchmarkCase

from .outcome import Fit, Outcome

NAME = "gpboost"
LIKELIHOODS = {
    "gaussian": "gaussian",
    "binomial": "bernoulli_logit",
    "poisson": "poisson",
    "negative_binomial_2": "negative_binomial",
}


def version() -> str:
    return _version("gpboost")


def prepare(case: BenchmarkCase, frame: Any) -> Fit:
    left, right = case.formula.split("~")
    groups = re.findall(r"\(1 \| (\w+)\)", right)
    fixed = [w for w in re.sub(r"\([^)]*\)", "", right).replace(" ", "").split("+") if w]
    parts = [pd.get_dummies(frame[[name]], drop_first=True, dtype=float) for name in fixed]
    matrix = np.column_stack([np.ones(len(frame)), *(part.to_numpy(float) for part in parts)])
    labels = frame[groups].apply(lambda column: column.astype(str)).to_numpy()
    likelihood, weights = LIKELIHOODS[case.family], None
    if left.startswith("cbind("):
        likelihood = "binomial_logit"
        y = frame["proportion"].to_numpy(dtype=float)
        weights = frame["size"].to_numpy(dtype=float)
    else:
        y = frame[left.strip()].to_numpy(dtype=float)
    threads = int(os.environ.get("OMP_NUM_THREADS", "0")) or None

    def fit() -> Outcome:
        model = gpboost.GPModel(
            group_data=labels,
            likelihood=likelihood,
            weights=weights,
            num_parallel_threads=threads,
            matrix_inversion_method="cholesky",
        )
        model.fit(y=y, X=matrix)
        coefficients = np.asarray(model.get_coef(format_pandas=False), dtype=float).ravel()
        return Outcome(-float(model.get_current_neg_log_likelihood()), list(coefficients))

    return fit
