r"""Shares of ancestry and neighborhood at three overlaps of the two: bias and coverage.

    python -m validation.partition_overlap --minutes 20    # writes results/partition_overlap.json

Tissues of cells (`ilk.datasets.simulate_cells`) with shares of 0.4 for ancestry, 0.3 for the
neighborhood and 0.3 for chance.  How far cells wander from where they were born decides how alike
the two structures are.  Each tissue has a continuous outcome, a binary one of every cell, and ten
binary ones of every cell, fitted by restricted likelihood (of binary ones by the Laplace
approximation, which is poor for single 0/1 outcomes); the range of the field is estimated.
Shares of the population and those realised among the cells at hand, on the latent scale, are
compared with their values at the true parameters; intervals are those of the delta method.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.machine import describe

import ilk
from ilk.variance.partition import divide, partition

RESULTS = Path(__file__).parent / "results" / "partition_overlap.json"
OVERLAPS = {"strong": 0.0, "partial": 0.1, "none": 1.0}
"""Diffusion of the cells: relatives are neighbors, somewhat so, not at all."""

CELLS, TRIALS, FIRST_SEED, MOST = 300, 10, 1000, 200
OUTCOMES = {
    "continuous": ("marker", "gaussian"),
    "0/1": ("fate", "binomial"),
    "ten 0/1": ("fates / tries", "binomial"),
}
"""Left side of the formula, and family."""

SOURCES = ("lineage", "neighborhood", "noise")
MEASURES = ("realised", "population")
FORMULA = " ~ 1 + (1 | cell) + (1 | place)"


def one(overlap: str, seed: int, outcome: str) -> dict[str, Any]:
    """Estimates, intervals and true values of one tissue and outcome."""
    cells = ilk.datasets.simulate_cells(CELLS, diffusion=OVERLAPS[overlap], seed=seed)
    data, (left, family) = cells.data, OUTCOMES[outcome]
    data["tries"], data["fates"] = TRIALS, repeated(cells, seed)
    field = ilk.covariance.spatial(data.x, data.y, names=list(data.place))
    fit = ilk.fit(
        left + FORMULA,
        data,
        family=family,
        covariance={"cell": cells.tree, "place": field},
        reml=True,
    )
    found = partition(fit.fitted, scale="latent", fixed=False)
    rows = len(found.rows)
    return {
        "overlap": overlap,
        "seed": seed,
        "outcome": outcome,
        "verdict": fit.verdict.status.name,
        "log_range": float(fit.fitted.point.theta[2]),
        "truth": true_shares(fit.fitted, cells.truth.field_range),
        "estimate": found.shares.estimate[:rows].tolist(),
        "low": found.shares.conf_low[:rows].tolist(),
        "high": found.shares.conf_high[:rows].tolist(),
    }


def repeated(cells: Any, seed: int) -> Any:
    """Counts (n,) of ten binary outcomes of each cell, from the effects that made its fate."""
    places = cells.tree.places()
    ancestry = dict(zip(cells.table.node, cells.truth.lineage, strict=True))
    assert set(places) <= set(ancestry)
    sd = cells.truth.sd["fate"]
    eta = sd["lineage"] * np.array([ancestry[c] for c in cells.data.cell])
    eta = eta + sd["neighborhood"] * cells.truth.neighborhood
    return np.random.default_rng(seed).binomial(TRIALS, 1.0 / (1.0 + np.exp(-eta)))


def true_shares(fitted: Any, field_range: float) -> list[float]:
    """Realised shares and those of the population, at the true parameters."""
    forms = divide(fitted, "latent", fixed=False).forms
    theta = (np.zeros(0), np.array([math.log(field_range)]))
    over = [replace(d, theta=t) for d, t in zip(fitted.dependences, theta, strict=True)]
    sizes = np.array([0.4, 0.3])
    realised = np.array([forms.form(t, d).item() for t, d in enumerate(over)]) * sizes
    out: list[float] = []
    for parts in (realised, sizes):
        whole = float(parts.sum()) + 0.3
        out += [*(parts / whole).tolist(), 0.3 / whole]
    return out


def run(raw: Path, minutes: float) -> list[dict[str, Any]]:
    """Work through the tissues until the time is over; what is on file is not done again."""
    done = [json.loads(line) for line in raw.read_text().splitlines()] if raw.exists() else []
    seen = {(r["overlap"], r["seed"], r["outcome"]) for r in done}
    end = time.monotonic() + 60.0 * minutes
    for seed in range(FIRST_SEED, FIRST_SEED + MOST):
        for overlap in OVERLAPS:
            for outcome in OUTCOMES:
                if (overlap, seed, outcome) in seen:
                    continue
                if time.monotonic() > end:
                    return done
                done.append(one(overlap, seed, outcome))
                with raw.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(done[-1]) + "\n")
    return done


def summary(done: list[dict[str, Any]]) -> dict[str, Any]:
    """Bias with its Monte Carlo error, spread and coverage, by outcome and overlap."""
    out: dict[str, Any] = {}
    for outcome in OUTCOMES:
        for overlap in OVERLAPS:
            some = [r for r in done if (r["outcome"], r["overlap"]) == (outcome, overlap)]
            if len(some) < 2:
                continue
            truth, found, low, high = (
                np.array([r[name] for r in some], dtype=np.float64)
                for name in ("truth", "estimate", "low", "high")
            )
            errors = found - truth
            inside = np.where(np.isnan(low), np.nan, (low <= truth) & (truth <= high))
            table = {}
            for k, name in enumerate(f"{s}, {m}" for m in MEASURES for s in SOURCES):
                table[name] = {
                    "true": round(float(truth[:, k].mean()), 4),
                    "bias": round(float(errors[:, k].mean()), 4),
                    "bias_error": round(float(errors[:, k].std(ddof=1) / math.sqrt(len(some))), 4),
                    "sd": round(float(errors[:, k].std(ddof=1)), 4),
                    "coverage": round(float(np.nanmean(inside[:, k])), 4),
                    "without_interval": int(np.isnan(inside[:, k]).sum()),
                }
            verdicts = [r["verdict"] for r in some]
            out[f"{outcome}, {overlap}"] = {
                "data_sets": len(some),
                "verdicts": {v: verdicts.count(v) for v in sorted(set(verdicts))},
                "median_range": round(math.exp(np.median([r["log_range"] for r in some])), 4),
                "shares": table,
            }
    return out


def main() -> None:
    """Run until the time is over and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--raw", type=Path, default=Path("/tmp/partition_overlap.jsonl"))
    asked = parser.parse_args()
    machine, began = describe(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = run(asked.raw, asked.minutes)
    record = {
        "date": datetime.date.today().isoformat(),
        "ilk": ilk.__version__,
        "numpy": np.__version__,
        "machine": machine,
        "first_seed": FIRST_SEED,
        "seconds": round(time.process_time() - began),
        "cells": CELLS,
        "trials": TRIALS,
        "field_range": 0.1,
        "diffusion": OVERLAPS,
        "interval": "delta",
        "level": 0.95,
        "results": summary(done),
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
