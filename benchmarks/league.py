"""Time of a league table of 20,000 hospitals.

    python -m benchmarks.league                   # writes results/league.json

Counts with an exposure, one row and ten rows for each hospital, patients with a yes or no, and a
Gaussian score; the table with its frame and its text. Seconds are those of one thread's processor
time, since other programs may run beside, and of the clock.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ilk

from .machine import describe

RESULTS = Path(__file__).parent / "results" / "league.json"
SEED = 20_261_130


def simulate(hospitals: int, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Counts, binary and Gaussian responses of hospitals with a covariate."""
    g = np.repeat(np.arange(hospitals), rows)
    b = 0.4 * rng.normal(size=hospitals)[g]
    x = rng.normal(size=len(g))
    days = rng.lognormal(5.0, 1.0, len(g))
    return pd.DataFrame(
        {
            "infections": rng.poisson(np.exp(-4.0 + 0.2 * x + b) * days),
            "died": (rng.random(len(g)) < 1.0 / (1.0 + np.exp(2.0 - 0.2 * x - b))).astype(int),
            "score": b + 0.2 * x + rng.normal(size=len(g)),
            "x": x,
            "days": days,
            "hospital": g,
        }
    )


CASES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "counts": ("infections ~ x + (1 | hospital)", 1, {"family": "poisson", "exposure": "days"}),
    "counts, 10 rows": (
        "infections ~ x + (1 | hospital)",
        10,
        {"family": "poisson", "exposure": "days"},
    ),
    "patients": ("died ~ x + (1 | hospital)", 10, {"family": "binomial"}),
    "scores": ("score ~ x + (1 | hospital)", 10, {}),
    "slopes of scores": ("score ~ x + (1 + x | hospital)", 10, {}),
}


def measure(hospitals: int, rounds: int) -> dict[str, Any]:
    """Median seconds and peak of memory by case."""
    rng = np.random.default_rng(SEED)
    found = {}
    for name, (formula, rows, keywords) in CASES.items():
        fit = ilk.fit(formula, simulate(hospitals, rows, rng), **keywords)
        term = "x" if "slopes" in name else None
        fit.league_table("hospital", term=term, draws=100)  # imports, and what a fit keeps
        clock, processor = [], []
        for _ in range(rounds):
            start = time.perf_counter(), time.process_time()
            answer = fit.league_table("hospital", term=term)
            text, frame = answer.text, answer.frame
            clock.append(time.perf_counter() - start[0])
            processor.append(time.process_time() - start[1])
        tracemalloc.start()
        fit.league_table("hospital", term=term)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        found[name] = {
            "rows": hospitals * rows,
            "draws": answer.table.draws,
            "processor": round(statistics.median(processor), 2),
            "clock": round(statistics.median(clock), 2),
            "peak_mb": round(peak / 2**20),
        }
        print(f"{name:18s} {found[name]}  {len(frame):,} levels, {len(text.splitlines())} lines")
    return found


def main() -> None:
    """Measure, print and record."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--hospitals", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    record = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seed": SEED,
        "hospitals": given.hospitals,
        "ilk": ilk.__version__,
        "machine": describe(),
        "cases": measure(given.hospitals, given.rounds),
    }
    given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
