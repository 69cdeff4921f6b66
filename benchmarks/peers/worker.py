"""``python -m benchmarks.peers.worker PEER CASE``: reads commands, one JSON object per line.

``{"do": "warm_up"}``            fits a tiny model of the same kind, so that imports are done
``{"do": "fit", "times": k}``    fits k times; answers CPU and wall seconds of each, and the result
``{"do": "refit", "times": k}``  ilk only: k fits of new responses with the same design
``{"do": "quit"}``
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
import traceback
import warnings
from typing import Any

from benchmarks.cases import BenchmarkCase, base
from benchmarks.data import load
from benchmarks.suites import by_name

# A tiny model of the same kind, which is not the one to be timed.
TINY = {"gaussian": "sleepstudy", "binomial": "cbpp", "poisson": "grouseticks"}
OTHER = "salamanders_nb2"


def main(peer: str, name: str) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a peer prints must not disturb the answers
    warnings.simplefilter("ignore")
    module = importlib.import_module(f"benchmarks.peers.with_{peer}")
    case = by_name(name)
    frame = load(case.table)[list(case.columns)]
    prepared = module.prepare(case, frame)
    gc.collect()
    answers.write(json.dumps({"ready": True, "version": module.version()}) + "\n")
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "quit":
            return
        try:
            answer = _answer(command, module, case, frame, prepared)
        except Exception as problem:
            traceback.print_exc()
            answer = {"error": f"{type(problem).__name__}: {problem}"[:300]}
        answers.write(json.dumps(answer) + "\n")


def _answer(
    command: dict[str, Any], module: Any, case: BenchmarkCase, frame: Any, prepared: Any
) -> dict[str, Any]:
    if command["do"] == "warm_up":
        name = TINY.get(case.family, "grouseticks")
        tiny = by_name(OTHER if name == case.name else name)
        if base(module.NAME) not in tiny.without:
            module.prepare(tiny, load(tiny.table)[list(tiny.columns)])()
        return {"done": True}
    if command["do"] == "refit":
        return {"per_second": module.refits_per_second(case, frame, command["times"])}
    return timed(prepared, command["times"])


def timed(fit: Any, times: int) -> dict[str, Any]:
    """CPU and wall seconds of each of some fits, and the outcome of the last."""
    cpu, wall = [], []
    outcome = None
    gc.collect()
    for _ in range(times):
        outcome = None
        start_wall, start_cpu = time.perf_counter(), time.process_time()
        outcome = fit()
        cpu.append(time.process_time() - start_cpu)
        wall.append(time.perf_counter() - start_wall)
    return {
        "cpu": cpu,
        "wall": wall,
        "loglik": float(outcome.loglik),
        "coefficients": [float(value) for value in outcome.coefficients],
    }


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
