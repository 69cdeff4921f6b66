"""Coverage of 95% bootstrap intervals of every kind, for parameters of small mixed models.

    python -m validation.bootstrap_coverage       # writes results/bootstrap_coverage.json

Each data set is drawn anew, the model is fitted, and all four intervals are made from the same
parametric draws (BCa with refits without each cluster). Wald and profile intervals stand beside.
Shares are of the intervals that exist; BCa intervals beyond the draws are counted as missing.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ilk

RESULTS = Path(__file__).parent / "results" / "bootstrap_coverage.json"
SEED = 20_261_130
KINDS = ("percentile", "basic", "normal", "bca")


def linear(rng: np.random.Generator) -> tuple[Any, list[float]]:
    """15 clusters of 6 rows; a covariate within and one between clusters."""
    g = np.repeat(np.arange(15), 6)
    x, z = rng.normal(size=90), rng.normal(size=15)[g]
    y = 1.0 + 0.5 * x + 0.4 * z + 0.7 * rng.normal(size=15)[g] + rng.normal(size=90)
    frame = pd.DataFrame({"y": y, "x": x, "z": z, "g": g})
    return ilk.fit("y ~ x + z + (1 | g)", frame), [1.0, 0.5, 0.4, 0.7, 1.0]


def logistic(rng: np.random.Generator) -> tuple[Any, list[float]]:
    """40 clusters of 8 rows."""
    g = np.repeat(np.arange(40), 8)
    x, z = rng.normal(size=320), rng.normal(size=40)[g]
    eta = -0.3 + 0.6 * x + 0.4 * z + 0.8 * rng.normal(size=40)[g]
    y = (rng.random(320) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    frame = pd.DataFrame({"y": y, "x": x, "z": z, "g": g})
    return ilk.fit("y ~ x + z + (1 | g)", frame, family="binomial"), [-0.3, 0.6, 0.4, 0.8]


def covered(fit: Any, truth: np.ndarray, draws: int, seed: int) -> dict[str, np.ndarray]:
    """Whether each interval of each parameter holds the truth (1, 0), or is missing (nan)."""
    found = fit.bootstrap(draws=draws, seed=seed)
    tables = {kind: found.conf_int(method=kind) for kind in KINDS}
    tables |= {"wald": fit.conf_int(), "profile": fit.conf_int(method="profile")}
    answer = {}
    for name, table in tables.items():
        low, high = table.conf_low.to_numpy(), table.conf_high.to_numpy()
        missing = np.isnan(low) | np.isnan(high)
        answer[name] = np.where(missing, np.nan, (low <= truth) & (truth <= high))
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-sets", type=int, default=300)
    parser.add_argument("--draws", type=int, default=1999)
    parser.add_argument("--models", nargs="*", default=["linear", "logistic"])
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    answer: dict[str, Any] = {"draws": asked.draws, "seed": SEED, "level": 0.95}
    for model in (linear, logistic):
        if model.__name__ not in asked.models:
            continue
        hits: dict[str, list[np.ndarray]] = {}
        for k in range(asked.data_sets):
            fit, truth = model(np.random.default_rng([SEED, k]))
            for name, one in covered(fit, np.array(truth), asked.draws, k).items():
                hits.setdefault(name, []).append(one)
        terms = list(fit.tidy().term)
        answer[model.__name__] = {"data_sets": asked.data_sets} | {
            name: {
                "covered": dict(
                    zip(terms, np.nanmean(rows, axis=0).round(3).tolist(), strict=True)
                ),
                "missing": dict(
                    zip(terms, np.isnan(rows).mean(axis=0).round(3).tolist(), strict=True)
                ),
            }
            for name, rows in hits.items()
        }
        RESULTS.write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
