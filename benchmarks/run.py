"""Times ilk and its peers on the cases, interleaved in one run.

    python -m benchmarks.run                         # everything, one thread each
    python -m benchmarks.run --only cbpp,verbagg --peers ilk,glmm
    python -m benchmarks.run --threads 0             # all threads
    python -m benchmarks.run --suite families --peers ilk,ilk_se,glmmTMB,ordinal

The peers from PyPI are run with the interpreter named by PEERS_PYTHON (an environment of its own
with ``pip install glmm mixedlm gpboost statsmodels pyarrow``), the others through Rscript. Each
peer is one process per case that loads the data once. A first fit is measured for memory; then
the peers take turns, so that what else happens on the machine meets all of them. A short fit is
repeated within its turn. CPU seconds count all threads of the process.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from .cases import BenchmarkCase, base
from .data import SEED, available
from .machine import describe
from .suites import SUITES
from .workers import Worker, installed

RESULTS = Path(__file__).parent / "results"
PEERS = (
    "ilk",
    "ilk_se",
    "glmm",
    "glmm_se",
    "glmm_default",
    "mixedlm",
    "gpboost",
    "statsmodels",
    "lme4",
    "glmmTMB",
    "ordinal",
)
TURN = 0.25  # seconds of fits per turn, for short fits
MOST_PER_TURN = 100
REFITS = ("sleepstudy", "cbpp")


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    peers = [peer for peer in options.peers.split(",") if installed(peer)]
    missing = sorted(set(options.peers.split(",")) - set(peers))
    if missing:
        print(f"not installed here, left out: {', '.join(missing)}")
    cases = SUITES[options.suite]
    chosen = [case for case in cases if not options.only or case.name in options.only.split(",")]
    threads = options.threads or (os.cpu_count() or 1)
    start, path = time.monotonic(), None
    record: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": describe(),
        "threads": threads,
        "suite": options.suite,
        "seed": SEED,
        "seconds": 0.0,
        "versions": {},
        "results": [],
    }
    for case in chosen:
        if not available(case.table):
            print(f"{case.name}: its data need R and its packages, left out")
            continue
        if options.seconds:
            case = replace(case, seconds=options.seconds)
        record["results"] += run_case(case, peers, threads, options.repeats, record["versions"])
        record["seconds"] = round(time.monotonic() - start, 1)
        path = _save(record, options.suite, options.out)  # each time: a long run may be cut short
    print(f"{record['seconds']:.0f} s; written to {path}")
    return 0


def run_case(
    case: BenchmarkCase,
    peers: list[str],
    threads: int,
    repeats: int | None,
    versions: dict[str, str],
) -> list[dict[str, Any]]:
    """All peers on one case."""
    workers: dict[str, Worker] = {}
    results: dict[str, dict[str, Any]] = {}
    print(f"\n{case.title}")
    for peer in peers:
        reason = case.without.get(base(peer))
        if reason is not None:
            results[peer] = {"case": case.name, "peer": peer, "without": reason}
            continue
        workers[peer] = Worker(peer, case, threads)
        versions[peer] = workers[peer].version
        results[peer] = _first(workers[peer], case)
    active = [peer for peer in workers if "cpu" in results[peer]]
    for turn in range(case.repeats if repeats is None else repeats):
        for peer in active[turn % len(active) :] + active[: turn % len(active)] if active else ():
            _turn(workers[peer], case, results[peer])
    for peer in active:
        if peer == "ilk" and case.name in REFITS:
            answer = workers[peer].ask(60.0, do="refit", times=2000)
            results[peer]["refits_per_second"] = answer.get("per_second", answer.get("error"))
    for worker in workers.values():
        worker.stop()
    _accuracy(list(results.values()))
    for result in results.values():
        _print(result)
    return [_summary(result) for result in results.values()]


def _first(worker: Worker, case: BenchmarkCase) -> dict[str, Any]:
    """Run the first fit: memory, and whether the peer can do it at all in the time."""
    result: dict[str, Any] = {"case": case.name, "peer": worker.peer}
    worker.ask(60.0, do="warm_up")
    before = worker.forget_peak()
    answer = worker.ask(case.seconds, do="fit", times=1)
    result["memory_mb"] = max(0.0, worker.peak() - before)
    result.update(answer)
    return result


def _turn(worker: Worker, case: BenchmarkCase, result: dict[str, Any]) -> None:
    shortest = min(result["cpu"])
    if sum(result["cpu"]) + shortest > case.seconds:
        return
    times = min(MOST_PER_TURN, max(1, math.ceil(TURN / max(shortest, 1e-6))))
    answer = worker.ask(2.0 * case.seconds, do="fit", times=times)
    if "cpu" in answer:
        result["cpu"] += answer["cpu"]
        result["wall"] += answer["wall"]


def _accuracy(results: list[dict[str, Any]]) -> None:
    """Distance of each fit from the one with the highest log-likelihood among the exact peers."""
    fits = [r for r in results if isinstance(r.get("loglik"), float)]
    trusted = [r for r in fits if base(r["peer"]) not in {"gpboost", "statsmodels"}]
    if not trusted:
        return
    best = max(trusted, key=lambda r: r["loglik"])
    for result in fits:
        result["loglik_gap"] = result["loglik"] - best["loglik"]
        if len(result["coefficients"]) == len(best["coefficients"]):
            result["coefficient_gap"] = max(
                abs(a - b) / max(1.0, abs(b))
                for a, b in zip(result["coefficients"], best["coefficients"], strict=True)
            )


def _summary(result: dict[str, Any]) -> dict[str, Any]:
    if "cpu" not in result:
        return result
    summary = {name: value for name, value in result.items() if name not in {"cpu", "wall"}}
    for clock in ("cpu", "wall"):
        values = result[clock]
        summary[clock] = {
            "min": min(values),
            "median": statistics.median(values),
            "first": values[0],
            "fits": len(values),
        }
    return summary


def _print(result: dict[str, Any]) -> None:
    name = f"  {result['peer']:12s}"
    if "cpu" in result:
        shortest, median = 1e3 * min(result["cpu"]), 1e3 * statistics.median(result["cpu"])
        refits = result.get("refits_per_second")
        print(
            f"{name}{shortest:12.3f} ms cpu (median {median:.3f}, {len(result['cpu'])} fits)"
            f"{result['memory_mb']:9.1f} MB  loglik {result['loglik']:.6f}"
            f" ({result.get('loglik_gap', math.nan):+.1e})"
            f"  coef {result.get('coefficient_gap', math.nan):.1e}"
            + (f"  {refits} refits/s" if refits else ""),
            flush=True,
        )
    elif "timeout" in result:
        print(f"{name} more than {result['timeout']:.0f} s", flush=True)
    else:
        print(f"{name} {result.get('without') or result.get('error')}", flush=True)


def _save(record: dict[str, Any], suite: str, out: str | None) -> Path:
    RESULTS.mkdir(exist_ok=True)
    stamp = record["date"].replace(":", "").replace("+0000", "Z")
    name = "" if suite == next(iter(SUITES)) else f"{suite}-"
    path = Path(out) if out else RESULTS / f"{stamp}-{name}threads{record['threads']}.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return path


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--suite", default="classics", choices=SUITES, help="suite of cases")
    parser.add_argument("--only", default="", help="names of cases, with commas")
    parser.add_argument("--peers", default=",".join(PEERS), help="names of peers, with commas")
    parser.add_argument("--repeats", type=int, default=None, help="turns per peer")
    parser.add_argument(
        "--seconds", type=float, default=None, help="cap of a peer's fits of a case"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads per peer; 0: all")
    parser.add_argument("--out", default=None, help="file for the results")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
