r"""Whether the search reaches the optimum, and the verdict says so when it does not.

    python -m validation.robustness                  # 1,000 data sets, resumes where it stopped
    python -m validation.robustness --count 100 --first 5000 --out /tmp/try.json

Each random data set (`random_models`) is fitted as a user would. Then the same marginal likelihood
is maximized by L-BFGS (SciPy, with the engine's exact gradient) from several random starts and from
the fit's own optimum with all parameters jittered. A *shortfall* is how far the fit's
log-likelihood stays below the best of these. Counted as failures are: an exception; a process that
dies; more than two minutes; a shortfall above 1e-6 where the verdict says "converged". The record
has a line per data set, date, seed and versions.
"""

from __future__ import annotations

import argparse
import datetime
import json
import multiprocessing
import os
import platform
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from benchmarks.machine import describe
from scipy.optimize import minimize

import ilk

from .random_models import random_model

RESULTS = Path(__file__).parent / "results"
TOLERANCE = 1e-6
STARTS = 4
UNDEFINED = 1e10
SECONDS = 120
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    path = Path(options.out) if options.out else RESULTS / "robustness.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.with_suffix(".lines")
    done = _resume(lines) if not options.fresh else {}
    seeds = [s for s in range(options.first, options.first + options.count) if s not in done]
    start = time.monotonic()
    with lines.open("a" if done else "w", encoding="utf-8") as record:
        for number, line in enumerate(_run(seeds, options.workers), start=1):
            done[line["seed"]] = line
            record.write(json.dumps(line) + "\n")
            record.flush()
            if number % 25 == 0 or number == len(seeds):
                print(f"{number} of {len(seeds)}, {time.monotonic() - start:.0f} s", flush=True)
    chosen = [done[s] for s in range(options.first, options.first + options.count) if s in done]
    report = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": describe(),
        "versions": _versions(),
        "seeds": [options.first, options.first + options.count - 1],
        "starts": STARTS,
        "summary": summarize(chosen),
        "data_sets": chosen,
    }
    path.write_text(_one_line_each(report), encoding="utf-8")
    lines.unlink()
    print(json.dumps(report["summary"], indent=1))
    print(f"written to {path}")
    return int(report["summary"]["failures"] > 0)


def _one_line_each(report: dict[str, Any]) -> str:
    """JSON with a line per data set."""
    head = json.dumps({**report, "data_sets": []}, indent=1)
    rows = ",\n".join(json.dumps(line) for line in report["data_sets"])
    return head.replace('"data_sets": []', f'"data_sets": [\n{rows}\n]') + "\n"


def check(seed: int) -> dict[str, Any]:
    """Fit one data set and look for a better optimum."""
    drawn = random_model(seed)
    line: dict[str, Any] = drawn.describe()
    start = time.perf_counter()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit = ilk.fit(drawn.formula, drawn.data, **drawn.keywords)
            verdict = fit.verdict
    except ilk.IlkError as problem:
        return {**line, "error": f"{type(problem).__name__}: {problem}", "refused": True}
    except Exception as problem:
        return {**line, "error": f"{type(problem).__name__}: {problem}", "refused": False}
    line["seconds"] = time.perf_counter() - start
    line["loglik"] = fit.loglik
    line["status"] = verdict.status.name
    line["reasons"] = [reason.code for reason in verdict.reasons]
    line["warnings"] = [type(w.message).__name__ for w in caught]
    line["evaluations"] = fit.fitted.search.evaluations
    line["decrement"] = fit.fitted.search.decrement
    line["shift"] = None if verdict.certificate is None else verdict.certificate.shift
    line["engine"] = fit.fitted.search.engine
    best = best_elsewhere(fit.fitted, np.random.default_rng([7, seed]))
    line["shortfall"] = best - fit.fitted.point.value
    return line


def best_elsewhere(fitted: Any, rng: np.random.Generator) -> float:
    """Return the highest value that L-BFGS finds from random starts and from near the optimum."""
    objective, center, spread = _objective(fitted)
    starts = [center + 0.2 * spread * rng.standard_normal(len(center))]
    starts += [center + spread * rng.standard_normal(len(center)) for _ in range(STARTS - 1)]
    best = -np.inf
    for begin in starts:
        result = minimize(
            objective,
            begin,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 500, "maxfun": 1000, "ftol": 1e-15, "gtol": 1e-8},
        )
        if result.fun < UNDEFINED:
            best = max(best, -float(result.fun))
    return best


def _objective(fitted: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    """Negative criterion with gradient, the fit's optimum, and how far apart to start."""
    marginal, point, model = fitted.marginal, fitted.point, fitted.model
    engine, factor = marginal.engine, marginal.factor
    marginal.state.point = None
    size = 0 if model.linear else len(point.beta)

    def linear(theta: np.ndarray) -> tuple[float, np.ndarray]:
        lam, jacobian = factor(theta)
        at = engine.evaluate(lam, reml=model.reml)
        return _negative(at.value, np.asarray(jacobian).T @ np.asarray(at.grad_lam))

    def general(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        lam, jacobian = factor(parameters[size:])
        at = engine.evaluate(parameters[:size], lam, nodes=model.nodes)
        if at.grad_beta is None or at.grad_lam is None:
            return UNDEFINED, np.zeros(len(parameters))
        gradient = [at.grad_beta, np.asarray(jacobian).T @ np.asarray(at.grad_lam)]
        return _negative(at.value, np.concatenate(gradient))

    theta_spread = np.full(len(point.theta), 0.5)
    if model.linear:
        return linear, np.asarray(point.theta), theta_spread
    center = np.concatenate([point.beta, point.theta])
    return general, center, np.concatenate([np.full(size, 0.3), theta_spread])


def _negative(value: float, gradient: np.ndarray) -> tuple[float, np.ndarray]:
    if not (np.isfinite(value) and np.all(np.isfinite(gradient))):
        return UNDEFINED, np.zeros(len(gradient))
    return -float(value), -gradient


def summarize(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Count failures, shortfalls and verdicts."""
    crashed = [line for line in lines if "error" in line and not line["refused"]]
    refused = [line for line in lines if "error" in line and line["refused"]]
    fits = [line for line in lines if "error" not in line]
    short = [line for line in fits if not line["shortfall"] <= TOLERANCE]
    # where the Laplace approximation breaks down its criterion has no maximum, and the fit says so
    silent = [
        line
        for line in short
        if line["status"] in {"CONVERGED", "BOUNDARY"}
        and "laplace_breakdown" not in line["reasons"]
    ]
    identified = [line for line in fits if line["status"] == "NOT_CONVERGED"]
    statuses: dict[str, int] = {}
    for line in fits:
        statuses[line["status"]] = statuses.get(line["status"], 0) + 1
    return {
        "data_sets": len(lines),
        "singular_by_construction": sum(line["singular_by_construction"] for line in lines),
        "failures": len(crashed) + len(refused) + len(silent),
        "exceptions": [{"seed": line["seed"], "error": line["error"]} for line in crashed],
        "refused": [{"seed": line["seed"], "error": line["error"]} for line in refused],
        "short_but_converged": [_short(line) for line in silent],
        "short_and_flagged": [_short(line) for line in short if line not in silent],
        "not_converged": [line["seed"] for line in identified],
        "statuses": statuses,
        "worst_shortfall": max((line["shortfall"] for line in fits), default=0.0),
        "median_evaluations": float(np.median([line["evaluations"] for line in fits] or [0])),
        "most_evaluations": max((line["evaluations"] for line in fits), default=0),
    }


def _short(line: dict[str, Any]) -> dict[str, Any]:
    keys = ("seed", "family", "formula", "design", "status", "shortfall", "reasons")
    return {key: line[key] for key in keys}


def _run(seeds: list[int], workers: int) -> Iterator[dict[str, Any]]:
    """Check all seeds in some processes; one that dies is found by running its seeds alone."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    context = multiprocessing.get_context("spawn")
    left = list(seeds)
    alone = 0
    while left:
        width = 1 if alone else workers
        batch = left[:1] if alone else list(left)
        alone = max(0, alone - 1)
        try:
            with ProcessPoolExecutor(width, mp_context=context) as pool:
                for future in as_completed([pool.submit(_timed_check, seed) for seed in batch]):
                    line = future.result()
                    left.remove(line["seed"])
                    yield line
        except BrokenProcessPool:
            if len(batch) > 1:
                alone = 4 * workers
                continue
            left.remove(batch[0])
            line = random_model(batch[0]).describe()
            yield {**line, "error": "the process died", "refused": False}


def _timed_check(seed: int) -> dict[str, Any]:
    def stop(*_: Any) -> None:
        raise TimeoutError(f"more than {SECONDS} seconds")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        return check(seed)
    except TimeoutError as problem:
        line = random_model(seed).describe()
        return {**line, "error": f"TimeoutError: {problem}", "refused": False}
    finally:
        signal.alarm(0)


def _resume(lines: Path) -> dict[int, dict[str, Any]]:
    if not lines.exists():
        return {}
    found = [json.loads(text) for text in lines.read_text(encoding="utf-8").splitlines() if text]
    return {line["seed"]: line for line in found}


def _versions() -> dict[str, str]:
    return {
        "ilk": ilk.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m validation.robustness")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", default=None)
    parser.add_argument("--fresh", action="store_true", help="forget what was done before")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
