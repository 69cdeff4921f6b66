"""Where the time of a fit goes: stages of the cases in which a goal is missed or nearly so.

    python -m benchmarks.stages             # grouseticks, InstEval, sleepstudy, cbpp

Each stage is timed inside of fits as users make them (CPU time, exclusive of the stages in it);
the mean of the fastest half of the fits is reported. Writes results/stages.json, which
`benchmarks.compare` puts below the tables.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import ilk
from ilk.kernels import compiled

from .data import load
from .machine import describe
from .peers.with_ilk import call
from .suites import by_name

RESULTS = Path(__file__).parent / "results" / "stages.json"

STAGES: tuple[tuple[str, str | type, str], ...] = (
    ("formula", "ilk.api", "parse"),
    ("design from the frame", "ilk.api", "build"),
    ("scaling, engine", "ilk.estimation.run", "marginal_likelihood"),
    ("search (compiled)", compiled.LaplaceEngine, "fit"),
    ("search (compiled)", compiled.LinearEngine, "fit"),
    ("last evaluations (compiled)", compiled.LaplaceEngine, "evaluate"),
    ("last evaluations (compiled)", compiled.LinearEngine, "evaluate"),
    ("separation and other faults", "ilk.estimation.run", "separations"),
    ("separation and other faults", "ilk.estimation.run", "find_faults"),
)
REST = "all else"


class Clock:
    """CPU seconds by stage; what runs inside of another stage is not counted twice."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._running: list[str] = []
        self._since = 0.0

    def enter(self, stage: str) -> None:
        self._book()
        self._running.append(stage)

    def leave(self) -> None:
        self._book()
        self._running.pop()

    def _book(self) -> None:
        now = time.process_time()
        if self._running:
            stage = self._running[-1]
            self.spent[stage] = self.spent.get(stage, 0.0) + now - self._since
        self._since = now

    def watch(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give the same function, its time booked under the stage."""

        def timed(*arguments: Any, **keywords: Any) -> Any:
            self.enter(stage)
            try:
                return function(*arguments, **keywords)
            finally:
                self.leave()

        return timed


def measure(name: str, fits: int) -> dict[str, float]:
    """Milliseconds by stage of one case."""
    case = by_name(name)
    frame = load(case.table)[list(case.columns)]
    clock = Clock()
    with ExitStack() as patches:
        for stage, home, attribute in STAGES:
            owner = importlib.import_module(home) if isinstance(home, str) else home
            watched = clock.watch(stage, getattr(owner, attribute))
            patches.enter_context(patch.object(owner, attribute, watched))
        whole = clock.watch(REST, lambda: call(case, frame))
        runs = []
        for _ in range(fits + 3):
            clock.spent = {}
            whole()
            runs.append(clock.spent)
    fast = sorted(runs, key=lambda run: sum(run.values()))[: max(1, fits // 2)]
    stages = dict.fromkeys([*(stage for stage, _, _ in STAGES), REST])
    spent = {s: 1e3 * statistics.fmean(run.get(s, 0.0) for run in fast) for s in stages}
    return {stage: round(time_, 4) for stage, time_ in spent.items() if time_ > 0.0}


def main() -> None:
    """Measure, print and record."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", default="grouseticks,insteval,sleepstudy,cbpp")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    found = {}
    for name in given.only.split(","):
        found[name] = measure(name, 10 if name == "insteval" else 200)
        total = sum(found[name].values())
        print(f"{by_name(name).title}: {total:.3g} ms")
        for stage, spent in found[name].items():
            print(f"  {stage:32s} {spent:8.3f} ms  {spent / total:5.1%}")
    record = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "ilk": ilk.__version__,
        "machine": describe(),
        "cases": found,
    }
    given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
