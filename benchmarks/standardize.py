"""Time of standardization beside that of a plain prediction of the same rows.

    python -m benchmarks.standardize              # a million rows; writes results/standardize.json

Both take the same frame. The prediction is the population's mean of every row as it is, without
intervals; standardization sets a two-valued treatment in all rows, averages over them, and gives
means, difference and ratio with standard errors. Rounds alternate; the ratio is that of medians.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ilk

from .machine import describe

RESULTS = Path(__file__).parent / "results" / "standardize.json"
SEED = 20_261_124


def simulate(rows: int, clusters: int, rng: np.random.Generator) -> pd.DataFrame:
    """Binary, count and Gaussian responses in clusters, with a treatment and four covariates."""
    group = rng.integers(clusters, size=rows)
    frame = pd.DataFrame(
        {
            "treated": rng.integers(2, size=rows),
            "age": rng.normal(size=rows),
            "dose": rng.normal(size=rows),
            "sex": rng.choice(["f", "m"], size=rows),
            "site": rng.choice(list("abcd"), size=rows),
            "hospital": group,
        }
    )
    eta = (
        -0.6 * frame.treated + 0.4 * frame.age + 0.2 * frame.treated * frame.age + 0.3 * frame.dose
    ) + rng.normal(size=clusters)[group]
    frame["event"] = (rng.random(rows) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    frame["count"] = rng.poisson(np.exp(0.5 * eta))
    frame["score"] = eta + rng.normal(size=rows)
    return frame


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "logit": ("event ~ treated * age + dose + sex + site + (1 | hospital)", {"family": "binomial"}),
    "logit, random slope": (
        "event ~ treated * age + dose + sex + site + (1 + treated | hospital)",
        {"family": "binomial"},
    ),
    "logit, continuous slope": (
        "event ~ treated * age + dose + sex + site + (1 + age | hospital)",
        {"family": "binomial"},
    ),
    "log": ("count ~ treated * age + dose + sex + site + (1 | hospital)", {"family": "poisson"}),
    "identity": ("score ~ treated * age + dose + sex + site + (1 | hospital)", {}),
}


def measure(rows: int, rounds: int) -> dict[str, Any]:
    """Median seconds of both, and their ratio, by case."""
    rng = np.random.default_rng(SEED)
    small, large = simulate(20_000, 400, rng), simulate(rows, 400, rng)
    found = {}
    for name, (formula, keywords) in CASES.items():
        fit = ilk.fit(formula, small, **keywords)
        fit.standardize("treated", data=small)  # what a fit computes once, it has computed
        predicted, standardized = [], []
        for _ in range(rounds):
            predicted.append(_seconds(fit.predict, large, estimand="population"))
            standardized.append(_seconds(fit.standardize, "treated", data=large))
        times = statistics.median(predicted), statistics.median(standardized)
        found[name] = {
            "predict": round(times[0], 3),
            "standardize": round(times[1], 3),
            "ratio": round(times[1] / times[0], 2),
        }
        print(f"{name:26s} predict {times[0]:.2f} s, standardize {times[1]:.2f} s, "
              f"ratio {times[1] / times[0]:.2f}")  # fmt: skip
    return found


def _seconds(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> float:
    start = time.perf_counter()
    function(*arguments, **keywords)
    return time.perf_counter() - start


def main() -> None:
    """Measure, print and record."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    record = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seed": SEED,
        "rows": given.rows,
        "rounds": given.rounds,
        "ilk": ilk.__version__,
        "machine": describe(),
        "cases": measure(given.rows, given.rounds),
    }
    given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
