r"""Level of tests in linear mixed models with few unequal clusters.

    python -m validation.small_samples    # three minutes; writes results/small_samples.json

Clusters of 2 to 11 rows with a random intercept (standard deviation 1, as the residual's) and a
random slope (0.5) of x; a factor z with three levels between clusters.  Neither has an effect.  How
often do tests at 5 % say that it has, with normal, Satterthwaite's and Kenward-Roger's reference?
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks.machine import describe

import ilk

RESULTS = Path(__file__).parent / "results" / "small_samples.json"
SEED = 5
METHODS = ("normal", "satterthwaite", "kenward_roger")


def draw(rng: np.random.Generator, clusters: int) -> pd.DataFrame:
    """One data set."""
    g = np.repeat(np.arange(clusters), rng.integers(2, 12, clusters))
    x = rng.normal(size=len(g))
    y = rng.normal(size=clusters)[g] + 0.5 * rng.normal(size=clusters)[g] * x
    y += rng.normal(size=len(g))
    return pd.DataFrame({"y": y, "x": x, "z": (g % 3).astype(str), "g": g})


def main() -> None:
    """Count rejections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1000)
    sets = parser.parse_args().sets
    record = {"date": datetime.date.today().isoformat(), "machine": describe(), "seed": SEED}
    begun, designs = time.perf_counter(), {}
    for clusters in (9, 18, 36):
        rng = np.random.default_rng(SEED)
        rejected = {method: np.zeros(2) for method in METHODS}
        for _ in range(sets):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fit = ilk.fit("y ~ x + z + (1 + x | g)", draw(rng, clusters))
            for method in METHODS:
                rejected[method] += fit.anova(3, df=method).frame.p_value.to_numpy() < 0.05
        designs[f"{clusters} clusters"] = {
            method: dict(zip(("x", "z"), (count / sets).tolist(), strict=True))
            for method, count in rejected.items()
        }
    record |= {"sets": sets, "level": 0.05, "rejected": designs}
    record["seconds"] = round(time.perf_counter() - begun, 1)
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(designs, indent=1))


if __name__ == "__main__":
    main()
