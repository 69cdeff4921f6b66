r"""Rank intervals cover the true ranks, and P(best tenth) is what it says.

    python -m validation.ranks                      # what is missing of 2,000 systems
    python -m validation.ranks --only scores --pieces 1

Systems with known effects are drawn from five designs (`validation/systems.py`), fitted, and asked
for `fit.league_table`.  The run is cut in pieces of 200 systems; each is stored in
`results/ranks.json` when it is done, and pieces that are there are not drawn again (delete the file
after a change of the table's method).

Recorded are, by design: the share of levels whose true rank lies in the 95 % rank interval (all
levels, those in the smallest third by exposure, and those without events), the same for effects and
rates, the width of the intervals in ranks and as a share of the table, root mean square errors of
ranks, and how often levels were truly among the best tenth by what P(best tenth), or P(rate above a
threshold), said.

Three tables that people use instead are judged by the same truth:

* **raw**: ranks of raw rates, with intervals from each level's own rate (Gamma and Beta posteriors
  with Jeffreys' prior; normal), that is without pooling;
* **eb**: ranks of the estimated effects, as a list;
* **marginal**: draws of each level by its own conditional mean and standard deviation, parameters
  held, as though levels were unrelated.

Standard errors are between systems, whose levels go together.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import platform
import time
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.machine import describe
from scipy import stats

import ilk

from .systems import DESIGNS, Design, System

RESULTS = Path(__file__).parent / "results" / "ranks.json"
SEED = 20_261_206
PIECE = 200
PIECES = {"infections": 2, "deaths": 2, "scores": 3, "readmissions": 2, "trends": 1}
BINS = np.array([0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
DRAWS = 1000

Sums = dict[str, list[float]]
Tally = dict[str, list[list[float]]]


def ranks_of(values: np.ndarray, low_is_first: bool) -> np.ndarray:
    """Ranks (..., L); ties share their mean rank."""
    return np.asarray(stats.rankdata(values if low_is_first else -values, axis=-1))


def rank_limits(draws: np.ndarray, low_is_first: bool) -> tuple[np.ndarray, np.ndarray]:
    """95 % limits of ranks from draws (S, L)."""
    low, high = np.quantile(
        ranks_of(draws, low_is_first), (0.025, 0.975), axis=0, method="inverted_cdf"
    )
    return low, high


def raw_draws(design: Design, system: System, rng: np.random.Generator) -> np.ndarray:
    """Draws (S, L) of each level's rate from its own data."""
    y, n, shape = system.observed, system.size, (DRAWS, len(system.size))
    family = design.arguments.get("family", "gaussian")
    if family == "poisson":
        return rng.gamma(y + 0.5, 1.0 / n, shape)
    if family == "binomial":
        return rng.beta(y + 0.5, n - y + 0.5, shape)
    codes = system.table[design.group].to_numpy()
    within = system.table["y"].to_numpy() - (y / n)[codes]
    sd = math.sqrt(float(within @ within) / (len(codes) - len(n)))
    return rng.normal(y / n, sd / np.sqrt(n), shape)


def one(design: Design, seed: list[int]) -> tuple[dict[str, float], dict[str, Any]]:
    """Means over the levels of one system, and what goes into the tables of probabilities."""
    rng = np.random.default_rng(seed)
    system = design.draw(rng)
    fit = ilk.fit(design.formula, system.table, **design.arguments)
    league = fit.league_table(design.group, **design.asked, seed=seed[-1]).table
    low_first, L = league.low_is_first, len(system.effect)
    truth = ranks_of(system.effect, low_first)
    small = system.size <= np.quantile(system.size, 1.0 / 3.0)
    best = truth <= league.best
    held = (league.rank_low <= truth) & (truth <= league.rank_high)
    found = {
        "tied": float(league.tied),
        "rank": held.mean(),
        "rank, smallest third": held[small].mean(),
        "rank, no events": _mean(held, system.observed == 0),
        "effect": _inside(league.effect_low, system.effect, league.effect_high),
        "width": np.mean(league.rank_high - league.rank_low + 1.0),
        "width, share": np.mean(league.rank_high - league.rank_low + 1.0) / L,
        "error of expected rank": np.mean((league.expected_rank - truth) ** 2) / L**2,
        "brier": np.mean((league.p_best - best) ** 2),
        "brier of no knowledge": np.mean((league.best / L - best) ** 2),
        "rankability": league.rankability,
    }
    tables: dict[str, Any] = {"p_best": (league.p_best, best)}
    means, sds = _marginal(fit, design)
    low, high = rank_limits(rng.normal(means, sds, (DRAWS, L)), low_first)
    found["marginal: rank"] = _inside(low, truth, high)
    eb = ranks_of(means, low_first)
    found["eb: error of rank"] = np.mean((eb - truth) ** 2) / L**2
    found["eb: first tenth true"] = best[eb <= league.best].mean()
    if system.rate is not None:
        found["rate"] = _inside(league.rate_low, system.rate, league.rate_high)
        tables["p_above"] = (league.p_above, system.rate > league.threshold)
        raw = ranks_of(system.observed / system.size, low_first)
        low, high = rank_limits(raw_draws(design, system, rng), low_first)
        inside = (low <= truth) & (truth <= high)
        found["raw: rank"] = inside.mean()
        found["raw: rank, smallest third"] = inside[small].mean()
        found["raw: width, share"] = np.mean(high - low + 1.0) / L
        found["raw: error of rank"] = np.mean((raw - truth) ** 2) / L**2
        found["raw: first tenth true"] = best[np.argsort(raw, kind="stable")[: league.best]].mean()
        found["raw: no events, truly best tenth"] = _mean(best, system.observed == 0)
    return {key: float(value) for key, value in found.items()}, tables


def _marginal(fit: ilk.Fit, design: Design) -> tuple[np.ndarray, np.ndarray]:
    """Conditional means (L,) and standard deviations of what is ranked, parameters held."""
    table = fit.random_effects(uncertainty="conditional")
    term = design.asked.get("term", "Intercept")
    mine = table[(table["group"] == design.group) & (table["term"] == term)]
    return mine["estimate"].to_numpy(float), mine["std_error"].to_numpy(float)


def _inside(low: np.ndarray, truth: np.ndarray, high: np.ndarray) -> float:
    return float(np.mean((low <= truth) & (truth <= high)))


def _mean(values: np.ndarray, where: np.ndarray) -> float:
    return float(values[where].mean()) if where.any() else math.nan


def piece(name: str, k: int) -> dict[str, Any]:
    """Sums over 200 systems."""
    design, start = DESIGNS[name], time.process_time()
    sums: Sums = defaultdict(lambda: [0.0, 0.0, 0.0])  # systems, sum, sum of squares
    tables: Tally = {key: [[0.0] * 3 for _ in BINS[1:]] for key in ("p_best", "p_above")}
    for s in range(PIECE):
        seed = [SEED, list(DESIGNS).index(name), k * PIECE + s]
        found, probabilities = one(design, seed)
        for key, value in found.items():
            if not math.isnan(value):
                sums[key] = [a + b for a, b in zip(sums[key], (1.0, value, value**2), strict=True)]
        for key, (p, true) in probabilities.items():
            where = np.clip(np.searchsorted(BINS, p, side="right") - 1, 0, len(BINS) - 2)
            for b, said, is_so in zip(where, p, true, strict=True):
                old = tables[key][b]
                tables[key][b] = [old[0] + 1.0, old[1] + float(said), old[2] + float(is_so)]
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": describe()["commit"],
        "cpu_seconds": round(time.process_time() - start, 1),
        "sums": dict(sums),
        "tables": tables,
    }


def summarize(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    """Means with standard errors between systems, and reliability tables."""
    keys = {key: None for one in pieces for key in one["sums"]}
    means: dict[str, dict[str, float]] = {}
    for key in keys:
        n, total, squares = np.sum([one["sums"][key] for one in pieces if key in one["sums"]], 0)
        error = math.sqrt(max(squares / n - (total / n) ** 2, 0.0) / n)
        means[key] = {"mean": round(total / n, 5), "std_error": round(error, 5)}
    return {
        "systems": PIECE * len(pieces),
        "means": means,
        "reliability": {
            key: reliability(np.sum([one["tables"][key] for one in pieces], axis=0))
            for key in ("p_best", "p_above")
        },
    }


def reliability(table: np.ndarray) -> list[dict[str, float]]:
    """By bin of the probability: levels, mean probability, share that was so, its 95 % limits."""
    rows = []
    for low, high, (count, said, so) in zip(BINS[:-1], BINS[1:], table, strict=True):
        if count:
            limits = stats.binomtest(int(so), int(count)).proportion_ci(0.95, "exact")
            rows.append(
                {
                    "from": float(low),
                    "to": float(high),
                    "levels": int(count),
                    "said": round(said / count, 4),
                    "was": round(so / count, 4),
                    "low": round(float(limits.low), 4),
                    "high": round(float(limits.high), 4),
                }
            )
    return rows


def together(pieces: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Summaries by design, and of all designs with their tables added."""
    found = {name: summarize(some) for name, some in pieces.items() if some}
    everything = [one for some in pieces.values() for one in some]
    return {"all": summarize(everything), **found}


def main() -> None:
    """Run the pieces that are missing, print and record."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", default=",".join(DESIGNS))
    options.add_argument("--pieces", type=int, help="of each design; all by default")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    warnings.simplefilter("ignore")
    stored = json.loads(given.out.read_text()) if given.out.exists() else {}
    pieces: dict[str, list[dict[str, Any]]] = stored.get("pieces", {})
    for name in given.only.split(","):
        done = pieces.setdefault(name, [])
        for k in range(len(done), given.pieces or PIECES[name]):
            done.append(piece(name, k))
            record = {
                "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "command": "python -m validation.ranks",
                "seed": SEED,
                "ilk": ilk.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
                "machine": describe(),
                "designs": {key: DESIGNS[key].words for key in DESIGNS},
                "results": together(pieces),
                "pieces": pieces,
            }
            given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            print(name, k, done[-1]["cpu_seconds"], flush=True)
            for key, value in record["results"][name]["means"].items():
                print(f"  {key:36} {value['mean']:8.4f} +- {value['std_error']:.4f}", flush=True)


if __name__ == "__main__":
    main()
