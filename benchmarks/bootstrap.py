"""Refits per second of the bootstrap, beside those of lme4's bootMer and of a plain loop of refit.

    python -m benchmarks.bootstrap                # writes results/bootstrap.json

All draw responses from the fitted model, fit it again, and keep coefficients and variance
components. ilk runs in one thread, in two threads and in two processes; lme4 in one.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

import ilk

from .machine import describe

HERE = Path(__file__).parent
DATA = HERE.parent / "tests" / "reference" / "data"
RESULTS = HERE / "results" / "bootstrap.json"

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "sleepstudy": ("Reaction ~ Days + (1 + Days | Subject)", {}),
    "Penicillin": ("diameter ~ 1 + (1 | plate) + (1 | sample)", {}),
    "cbpp": ("incidence / size ~ C(period) + (1 | herd)", {"family": "binomial"}),
    "simulated_linear": ("y ~ x + (1 + x | g)", {}),
    "simulated_binary": ("event ~ x + (1 | g)", {"family": "binomial"}),
}


def simulated() -> pd.DataFrame:
    """20,000 rows in 400 clusters."""
    rng = np.random.default_rng(20_261_130)
    g = rng.integers(400, size=20_000)
    x = rng.normal(size=20_000)
    eta = 0.3 * x + rng.normal(size=400)[g] + 0.3 * rng.normal(size=400)[g] * x
    frame = pd.DataFrame({"y": eta + rng.normal(size=20_000), "x": x, "g": g})
    return frame.assign(event=(rng.random(20_000) < 1.0 / (1.0 + np.exp(-eta))).astype(int))


def frame_of(case: str) -> pd.DataFrame:
    return simulated() if case.startswith("simulated") else pd.read_csv(DATA / f"{case}.csv")


def rates(case: str, draws: int) -> dict[str, float]:
    """Refits per second in one thread, two threads and two processes."""
    formula, keywords = CASES[case]
    fit = ilk.fit(formula, frame_of(case), **keywords)

    def rate(**options: Any) -> float:
        began = time.perf_counter()
        found = fit.bootstrap(draws=draws, seed=1, **options)
        return len(found.draws) / (time.perf_counter() - began)

    answer = {"one": rate(), "two_threads": rate(n_jobs=2)}
    with joblib.parallel_config(backend="loky"):
        fit.bootstrap(draws=40, seed=1, n_jobs=2)  # starts the processes
        answer["two_processes"] = rate(n_jobs=2)
    return answer


def peers(draws: int) -> dict[str, Any]:
    """Refits per second of lme4."""
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            frame_of(case).to_csv(Path(folder) / f"{case}.csv", index=False)
        command = ["Rscript", str(HERE / "peers" / "bootstrap.R"), folder, str(draws)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--peer-draws", type=int, default=20)
    arguments = parser.parse_args()
    found: dict[str, Any] = {"machine": describe(), "draws": arguments.draws}
    found["lme4"] = peers(arguments.peer_draws)
    found["ilk"] = {case: rates(case, arguments.draws) for case in CASES}
    found["date"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({"lme4": found["lme4"], "ilk": found["ilk"]}, indent=1))


if __name__ == "__main__":
    main()
