r"""Size and power of the tests of exogeneity, and the bias curve against simulation.

    python -m validation.exogeneity           # some minutes; writes results/exogeneity.json

Clusters of 2 to 10 rows; a covariate whose variance lies half between clusters; a random intercept
of standard deviation 1 whose correlation with the *realized* cluster mean of the covariate is rho.
Gaussian, binomial (logit, 9 nodes) and Poisson responses. Rejections are at 5 %. For the bias curve
the mean error of the coefficient is set against the curve of each data set at the true rho.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.machine import describe

import ilk
from ilk.diagnostics.exogeneity import exogeneity
from ilk.diagnostics.exogeneity.hausman import upper_tail

RESULTS = Path(__file__).parent / "results" / "exogeneity.json"
SEED = 23
CLUSTERS = 80
SLOPE = 0.5
CASES: dict[str, dict[str, Any]] = {
    "gaussian": {"family": "gaussian", "sd": 1.0},
    "binomial": {"family": "binomial", "quadrature": 9, "sd": 1.0},
    "poisson": {"family": "poisson", "sd": 0.6},
}


def draw(rng: np.random.Generator, family: str, sd: float, rho: float) -> pd.DataFrame:
    """One data set."""
    g = np.repeat(np.arange(CLUSTERS), rng.integers(2, 11, CLUSTERS))
    x = rng.normal(size=CLUSTERS)[g] + rng.normal(size=len(g))
    mean = pd.Series(x).groupby(g).mean().to_numpy()
    t = (mean - mean.mean()) / mean.std()
    b = sd * (rho * t + np.sqrt(1.0 - rho**2) * rng.normal(size=CLUSTERS))
    eta = SLOPE * x + b[g]
    if family == "gaussian":
        y = eta + rng.normal(size=len(g))
    elif family == "binomial":
        y = (rng.random(len(g)) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
    else:
        y = rng.poisson(np.exp(eta)).astype(float)
    return pd.DataFrame({"y": y, "x": x, "g": g})


def study(case: dict[str, Any], rho: float, sets: int, seed: int) -> dict[str, float]:
    """Rejections, and the bias found and expected."""
    rng = np.random.default_rng(seed)
    options = {k: v for k, v in case.items() if k != "sd"}
    rows = []
    for _ in range(sets):
        data = draw(rng, case["family"], case["sd"], rho)
        fit = ilk.fit("y ~ x + (1 | g)", data, **options)
        found = exogeneity(fit.fitted)
        test = found.groups[0]
        curve = test.curves[0] if test.curves else None
        within = test.covariates[0].within
        rows.append(
            (
                upper_tail(test.wald, test.df) < 0.05,
                upper_tail(test.likelihood_ratio, test.df) < 0.05,
                found.hausman.p_value < 0.05 if not found.hausman.reason else np.nan,
                fit.params["x"] - SLOPE,
                np.nan if curve is None else curve.at(rho)[curve.own],
                within - SLOPE,
                np.nan if curve is None else curve.implied,
            )
        )
    values = np.array(rows, dtype=float)
    defined = np.isfinite(values[:, 2])
    return {
        "rho": rho,
        "sets": sets,
        "wald_rejects": float(values[:, 0].mean()),
        "likelihood_ratio_rejects": float(values[:, 1].mean()),
        "hausman_rejects_where_defined": float(values[defined, 2].mean()),
        "hausman_defined": float(defined.mean()),
        "bias_of_random_effects": float(values[:, 3].mean()),
        "monte_carlo_error": float(values[:, 3].std() / np.sqrt(sets)),
        "bias_by_the_curve": float(np.nanmean(values[:, 4])),
        "bias_of_within": float(values[:, 5].mean()),
        "random_minus_within": float((values[:, 3] - values[:, 5]).mean()),
        "its_monte_carlo_error": float((values[:, 3] - values[:, 5]).std() / np.sqrt(sets)),
        "mean_implied_correlation": float(np.nanmean(values[:, 6])),
    }


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1000, help="data sets under exogeneity")
    parser.add_argument("--moved", type=int, default=300, help="data sets at other correlations")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    results = {
        name: [
            study(case, rho, arguments.moved if rho else arguments.sets, SEED + 100 * c + k)
            for k, rho in enumerate((0.0, 0.2, 0.4, 0.6))
        ]
        for c, (name, case) in enumerate(CASES.items(), start=1)
    }
    record = {
        "date": datetime.date.today().isoformat(),
        "ilk": ilk.__version__,
        "numpy": np.__version__,
        "machine": describe(),
        "seed": SEED,
        "seconds": round(time.perf_counter() - start),
        "results": results,
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for name, rows in results.items():
        for row in rows:
            print(name, {key: round(value, 4) for key, value in row.items()})


if __name__ == "__main__":
    main()
