r"""Coverage of 95 % intervals: fixed effects, variance components, intraclass correlations.

    python -m validation.coverage                 # 2,000 data sets of each design; writes results/
    python -m validation.coverage --only poisson --count 200

Four designs, each with 50 clusters of 5 to 11 rows, a covariate x of rows and one z of clusters:
a linear mixed model with random slopes (REML), a logistic (9 quadrature nodes), a Poisson and a
negative binomial one with random intercepts (Laplace). Intervals are what the calls give without
options: Wald intervals of coefficients (with Satterthwaite degrees of freedom in the linear model)
and of standard deviations, profile likelihood intervals of both, the delta-method interval of the
adjusted intraclass correlation on the latent scale, whose truth is worked out here from the
parameters and the covariates of the data set (Nakagawa, Johnson and Schielzeth 2017).

An interval that could not be computed counts as one that misses, and is counted by itself too.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import platform
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.machine import describe

import ilk

RESULTS = Path(__file__).parent / "results" / "coverage.json"
SEED = 20_261_130
CLUSTERS = 50
BLOCK = 50  # data sets that a process works through at a time
PHI = 0.5  # of the negative binomial


@dataclass(frozen=True)
class Case:
    """A design: the formula, the arguments of the fit, the truth, and how a response is drawn."""

    formula: str
    arguments: dict[str, Any]
    truth: dict[str, float]
    draw: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    distribution: Callable[[float], float]  # variance on the latent scale at a mean level


def _logistic(eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (rng.random(len(eta)) < 1.0 / (1.0 + np.exp(-eta))).astype(int)


def _negative_binomial(eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    size = 1.0 / PHI
    return rng.negative_binomial(size, size / (size + np.exp(eta)))


CASES = {
    "linear": Case(
        "y ~ x + z + (1 + x | g)",
        {},
        {
            "Intercept": 1.0, "x": 0.5, "z": 0.3, "sd(Intercept)": 1.0, "sd(x)": 0.5,
            "correlation(Intercept ~ x)": 0.3, "sd(Residual)": 1.0,
        },
        lambda eta, rng: eta + rng.normal(size=len(eta)),
        lambda level: 1.0,
    ),
    "logistic": Case(
        "y ~ x + z + (1 | g)",
        {"family": "binomial", "quadrature": 9},
        {"Intercept": -0.4, "x": 0.7, "z": 0.4, "sd(Intercept)": 1.2},
        _logistic,
        lambda level: math.pi**2 / 3.0,
    ),
    "poisson": Case(
        "y ~ x + z + (1 | g)",
        {"family": "poisson"},
        {"Intercept": 0.2, "x": 0.4, "z": 0.3, "sd(Intercept)": 0.7},
        lambda eta, rng: rng.poisson(np.exp(eta)),
        lambda level: math.log1p(1.0 / level),
    ),
    "negative_binomial_2": Case(
        "y ~ x + z + (1 | g)",
        {"family": "negative_binomial_2"},
        {
            "Intercept": 0.8, "x": 0.4, "z": 0.3, "sd(Intercept)": 0.7,
            "dispersion: Intercept": math.log(PHI),
        },
        _negative_binomial,
        lambda level: math.log1p(1.0 / level + PHI),
    ),
}  # fmt: skip


def draw(case: Case, rng: np.random.Generator) -> pd.DataFrame:
    """One data set."""
    group = np.repeat(np.arange(CLUSTERS), rng.integers(5, 12, size=CLUSTERS))
    frame = pd.DataFrame(
        {"x": rng.normal(size=len(group)), "z": rng.normal(size=CLUSTERS)[group], "g": group}
    )
    eta = fixed(case, frame)
    effects = rng.normal(size=(CLUSTERS, 2)) @ np.linalg.cholesky(covariance(case)).T
    eta += effects[group, 0] + effects[group, 1] * frame.x
    frame["y"] = case.draw(np.asarray(eta), rng)
    return frame


def fixed(case: Case, frame: pd.DataFrame) -> pd.Series:
    """Linear predictors without random effects."""
    truth = case.truth
    return truth["Intercept"] + truth["x"] * frame.x + truth["z"] * frame.z


def covariance(case: Case) -> np.ndarray:
    """Covariance matrix of intercepts and slopes."""
    truth = case.truth
    sd = np.array([truth["sd(Intercept)"], truth.get("sd(x)", 1e-150)])
    r = truth.get("correlation(Intercept ~ x)", 0.0)
    return np.outer(sd, sd) * np.array([[1.0, r], [r, 1.0]])


def intraclass(case: Case, frame: pd.DataFrame) -> float:
    """True adjusted intraclass correlation on the latent scale."""
    columns = np.column_stack([np.ones(len(frame)), frame.x])
    spread = np.einsum("ij,jk,ik->i", columns, covariance(case), columns)
    level = float(np.mean(np.exp(fixed(case, frame) + 0.5 * spread)))
    between = float(spread.mean())
    return between / (between + case.distribution(level))


def one(name: str, seed: int) -> dict[str, bool | None]:
    """Whether each interval holds the truth; None where there is no interval."""
    case = CASES[name]
    frame = draw(case, np.random.default_rng([SEED, list(CASES).index(name), seed]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ilk.fit(case.formula, frame, **case.arguments)
        found: dict[str, bool | None] = {"converged": bool(fit.verdict.converged)}
        for method in ("wald", "profile"):
            table = fit.conf_int(method=method)
            for row in table.itertuples():
                own = row.component == "dispersion" and not row.term.startswith("sd(")
                term = f"dispersion: {row.term}" if own else row.term
                key = f"{method}: {term}"
                found[key] = _inside(row.conf_low, case.truth[term], row.conf_high)
        table = fit.icc().frame.iloc[0]
        found["icc"] = _inside(table.conf_low, intraclass(case, frame), table.conf_high)
    return found


def _inside(low: float, truth: float, high: float) -> bool | None:
    return None if math.isnan(low) or math.isnan(high) else bool(low <= truth <= high)


def block(task: tuple[str, int, int]) -> list[dict[str, bool | None]]:
    """Several data sets."""
    name, first, count = task
    return [one(name, seed) for seed in range(first, first + count)]


def summarize(found: list[dict[str, bool | None]]) -> dict[str, Any]:
    """Coverage by interval, and how many intervals there were not."""
    names = [name for name in found[0] if name != "converged"]
    lacking = {name: sum(row[name] is None for row in found) for name in names}
    return {
        "coverage": {name: float(np.mean([row[name] is True for row in found])) for name in names},
        "no_interval": {name: count for name, count in lacking.items() if count},
        "not_converged": sum(row["converged"] is False for row in found),
    }


def main() -> None:
    """Run, print and record."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=2000)
    options.add_argument("--only", default=",".join(CASES))
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    start = time.monotonic()
    designs: dict[str, Any] = {}
    with ProcessPoolExecutor(given.processes) as pool:
        for name in given.only.split(","):
            tasks = [
                (name, first, min(BLOCK, given.count - first))
                for first in range(0, given.count, BLOCK)
            ]
            rows = [row for part in pool.map(block, tasks) for row in part]
            designs[name] = summarize(rows)
            print(name, json.dumps(designs[name], indent=1), flush=True)
    record = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seed": SEED,
        "data_sets": given.count,
        "seconds": round(time.monotonic() - start, 1),
        "ilk": ilk.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": describe(),
        "designs": designs,
    }
    given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
