r"""Coverage of intervals for standardized effects, in simulated data.

    python -m validation.standardization                # 2,000 data sets; writes results/

Data sets have 60 clusters of 4 to 12 rows, a logit link, a random intercept of standard deviation
1.2, a treatment of rows within clusters, a covariate of rows and one of clusters. The truth for
`covariates="fixed"` is the effect averaged over the very rows of the data set at the true
parameters; for `covariates="sample"` it is that of the population from which rows are drawn. Both
are computed by quadrature that is independent of the package (Gauss-Hermite, 80 nodes). Intervals
at 95 % of the risk difference and the risk ratio, by the delta method, and of the means.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.machine import describe

import ilk

RESULTS = Path(__file__).parent / "results" / "standardization.json"
SEED = 39
BETA = np.array([-0.8, 0.7, 0.6, -0.5, 0.4])  # intercept, treated, x, z, treated:x
SIGMA = 1.2
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def draw(rng: np.random.Generator) -> pd.DataFrame:
    """One data set."""
    sizes = rng.integers(4, 13, size=60)
    group = np.repeat(np.arange(60), sizes)
    frame = pd.DataFrame(
        {
            "treated": rng.integers(2, size=len(group)),
            "x": rng.normal(size=len(group)),
            "z": rng.normal(size=60)[group],
            "g": group,
        }
    )
    eta = predictor(frame, frame["treated"].to_numpy()) + SIGMA * rng.normal(size=60)[group]
    frame["y"] = (rng.random(len(group)) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    return frame


def predictor(frame: pd.DataFrame, treated: Any) -> np.ndarray:
    """Linear predictors without the random part."""
    x, z = frame["x"].to_numpy(), frame["z"].to_numpy()
    return BETA[0] + BETA[1] * treated + BETA[2] * x + BETA[3] * z + BETA[4] * treated * x


def risks(frame: pd.DataFrame) -> np.ndarray:
    """Average risk of the untreated and the treated, at the true parameters."""
    out = []
    for treated in (0.0, 1.0):
        eta = predictor(frame, treated)[:, None] + SIGMA * NODES
        out.append(float(np.mean((1.0 / (1.0 + np.exp(-eta))) @ WEIGHTS)))
    return np.array(out)


def targets(pair: np.ndarray) -> dict[str, float]:
    """Truths of the rows of a table."""
    return {
        "mean 0": pair[0],
        "mean 1": pair[1],
        "difference": pair[1] - pair[0],
        "ratio": pair[1] / pair[0],
    }


def population() -> np.ndarray:
    """Average risks of the population: x, z and the random intercept are all normal."""
    out = []
    for treated in (0.0, 1.0):
        spread = (BETA[2] + BETA[4] * treated) ** 2 + BETA[3] ** 2 + SIGMA**2
        eta = BETA[0] + BETA[1] * treated + np.sqrt(spread) * NODES
        out.append(float((1.0 / (1.0 + np.exp(-eta))) @ WEIGHTS))
    return np.array(out)


def study(count: int, first: int) -> dict[str, Any]:
    """Coverage by covariates and measure."""
    whole = targets(population())
    hits: dict[str, dict[str, list[bool]]] = {"fixed": {}, "sample": {}}
    widths: dict[str, list[float]] = {"fixed": [], "sample": []}
    unconverged, errors, error_of = 0, [], []
    for seed in range(first, first + count):
        frame = draw(np.random.default_rng([SEED, seed]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = ilk.fit("y ~ treated * x + z + (1 | g)", frame, family="binomial", quadrature=9)
        unconverged += not fit.verdict.converged
        for covariates, truths in (("fixed", targets(risks(frame))), ("sample", whole)):
            table = fit.standardize("treated", covariates=covariates).frame
            for i, (name, truth) in enumerate(truths.items()):
                inside = bool(table.conf_low[i] <= truth <= table.conf_high[i])
                hits[covariates].setdefault(name, []).append(inside)
            widths[covariates].append(float(table.conf_high[2] - table.conf_low[2]))
            if covariates == "fixed":
                errors.append(float(table.estimate[2] - truths["difference"]))
                error_of.append(float(table.std_error[2]))
    return {
        "coverage": {
            covariates: {name: float(np.mean(inside)) for name, inside in found.items()}
            for covariates, found in hits.items()
        },
        "mean_width_of_difference": {name: float(np.mean(w)) for name, w in widths.items()},
        "bias_of_difference": float(np.mean(errors)),
        "sd_of_difference": float(np.std(errors)),
        "mean_std_error_of_difference": float(np.mean(error_of)),
        "not_converged": unconverged,
    }


def main() -> None:
    """Run, print and record."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=2000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    start = time.monotonic()
    found = study(given.count, given.first)
    record = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seed": SEED,
        "data_sets": given.count,
        "seconds": round(time.monotonic() - start, 1),
        "ilk": ilk.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": describe(),
        **found,
    }
    given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
