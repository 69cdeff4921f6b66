"""Times of predictions on a million rows: a typical cluster, the population, known clusters.

Run ``python -m benchmarks.predictions``.  The figures go to standard output and, as data, to
``results/predictions/``; each is the best of several repetitions, so that other work on the machine
counts as little as possible.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ilk
from benchmarks.machine import describe
from ilk.family.link import find_link
from ilk.prediction.population import average

ROWS, CLUSTERS, SEED, REPETITIONS = 1_000_000, 20_000, 1, 5
RESULTS = Path(__file__).parent / "results" / "predictions"


def best(action: Callable[[], Any]) -> float:
    """Shortest of several times of an action, in seconds."""
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def averages() -> dict[str, float]:
    """Times of averaging means with their derivatives, by link and variances."""
    rng = np.random.default_rng(SEED)
    eta = 2.0 * rng.normal(size=ROWS)
    variances = {
        "one variance": np.full(ROWS, 1.3),
        "eight variances": rng.choice(np.linspace(0.1, 9.0, 8), ROWS),
        "a variance per row": (0.5 + 0.6 * rng.normal(size=ROWS)) ** 2 + 0.2,
    }
    times = {}
    for name in ("logit", "cloglog"):
        link = find_link(name)
        for label, v in variances.items():

            def run(link: Any = link, v: Any = v) -> Any:
                return average(lambda e: link.inverse(e[0]), [eta], [v], derivatives=True)

            times[f"average with derivatives, {name}, {label}"] = best(run)
    return times


def predictions() -> dict[str, float]:
    """Times of `fit.predict` on the rows of a logistic fit."""
    rng = np.random.default_rng(SEED)
    data = pd.DataFrame(
        {
            "x": rng.normal(size=ROWS),
            "treated": rng.integers(0, 2, ROWS),
            "cluster": rng.integers(0, CLUSTERS, ROWS),
        }
    )
    eta = -1.0 + 0.5 * data.x + 0.4 * data.treated + rng.normal(size=CLUSTERS)[data.cluster]
    data["died"] = (rng.random(ROWS) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
    fit = ilk.fit("died ~ x + treated + (1 | cluster)", data, family="binomial")
    fit.fitted.psi_covariance()
    later = data[data.cluster == 3].assign(cluster=-1)
    return {
        "predict, typical": best(lambda: fit.predict(data, estimand="typical")),
        "predict, population": best(lambda: fit.predict(data, estimand="population")),
        "predict, population, with interval": best(
            lambda: fit.predict(data, estimand="population", interval="confidence")
        ),
        "predict, conditional": best(lambda: fit.predict(data)),
        "predict, one cluster observed later": best(lambda: fit.predict(later, observed=later)),
    }


def main() -> None:
    """Time, print and record."""
    times = {**averages(), **predictions()}
    for label, seconds in times.items():
        print(f"{label:55} {seconds:7.3f} s")
    now = datetime.now(UTC)
    record = {
        "date": now.isoformat(timespec="seconds"),
        "machine": describe(),
        "rows": ROWS,
        "clusters": CLUSTERS,
        "seed": SEED,
        "repetitions": REPETITIONS,
        "seconds": {label: round(seconds, 4) for label, seconds in times.items()},
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{now:%Y-%m-%dT%H%M%SZ}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
