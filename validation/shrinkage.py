r"""Raw, shrunk and pooled rates against the true ones: what shrinkage is worth.

    python -m validation.shrinkage          # two minutes; writes results/

100 systems of each of three designs of `validation/systems.py`.  The true rate of a level is what
its effect would give with the rows of all levels.  Estimates of it: *raw*, events over exposure;
*adjusted*, observed over expected times the overall rate; *shrunk*, `rate` of `fit.league_table`;
*pooled*, the overall rate for all.  Recorded are root mean square errors as shares of the standard
deviation of the true rates, for all levels, for the smallest and for the largest third, and in how
many systems the shrunk rates were nearer to the truth than the adjusted ones.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import platform
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.machine import describe

import ilk

from .systems import DESIGNS

RESULTS = Path(__file__).parent / "results" / "shrinkage.json"
SEED = 20_261_208
ESTIMATES = ("raw", "adjusted", "shrunk", "pooled")
USED = ("infections", "deaths", "scores")


def one(name: str, s: int) -> dict[str, dict[str, float]]:
    """Mean square errors of one system, by levels and estimate, over the variance of the truth."""
    design = DESIGNS[name]
    system = design.draw(np.random.default_rng([SEED, USED.index(name), s]))
    fit = ilk.fit(design.formula, system.table, **design.arguments)
    league = fit.league_table(design.group, draws=100, **design.asked).table
    overall = float(system.observed.sum() / system.size.sum())
    relative = league.comparison == "ratio"
    estimates = {
        "raw": system.observed / system.size,
        "adjusted": overall * league.ratio if relative else overall + league.ratio,
        "shrunk": league.rate,
        "pooled": np.full(len(system.size), overall),
    }
    truth = system.rate
    assert truth is not None
    third = np.quantile(system.size, (1.0 / 3.0, 2.0 / 3.0))
    parts = {
        "all": np.ones(len(truth), bool),
        "smallest third": system.size <= third[0],
        "largest third": system.size > third[1],
    }
    return {
        part: {
            key: float(np.mean((found[rows] - truth[rows]) ** 2) / np.var(truth))
            for key, found in estimates.items()
        }
        for part, rows in parts.items()
    }


def summarize(found: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Root mean squares over systems, and who wins."""
    return {
        "root_mean_square": {
            part: {
                key: round(math.sqrt(np.mean([one[part][key] for one in found])), 4)
                for key in ESTIMATES
            }
            for part in found[0]
        },
        "shrunk_nearer_than": {
            key: float(np.mean([one["all"]["shrunk"] < one["all"][key] for one in found]))
            for key in ESTIMATES
            if key != "shrunk"
        },
    }


def main() -> None:
    """Run, print and record."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--systems", type=int, default=100)
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    warnings.simplefilter("ignore")
    start = time.process_time()
    results = {}
    for name in USED:
        results[name] = summarize([one(name, s) for s in range(given.systems)])
        print(name, json.dumps(results[name], indent=1), flush=True)
    record = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": "python -m validation.shrinkage",
        "seed": SEED,
        "systems": given.systems,
        "cpu_seconds": round(time.process_time() - start),
        "ilk": ilk.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": describe(),
        "designs": {name: DESIGNS[name].words for name in USED},
        "results": results,
    }
    given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
