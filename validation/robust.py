r"""Coverage of 95 % intervals from robust covariance matrices, where the random part is wrong.

    python -m validation.robust           # some minutes; writes results/robust.json

Clusters of 4 to 12 rows; x varies within clusters, z between them.  In the designs called *omitted
slope* the slope of x varies between clusters and the model has a random intercept only; in those
called *right* it does not.  What intervals should cover in a wrong model is what its estimates tend
to: the estimate from one data set of 6,000 clusters.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.machine import describe

import ilk
from ilk.inference import coefficient_table

RESULTS = Path(__file__).parent / "results" / "robust.json"
SEED = 41
KINDS = ("model", "CR0", "CR1", "CR2", "CR3")
MANY = 6_000
DESIGNS: dict[str, dict[str, Any]] = {
    "gaussian, right": {"family": "gaussian", "clusters": 20, "slope": 0.0},
    "gaussian, omitted slope": {"family": "gaussian", "clusters": 20, "slope": 0.7},
    "gaussian, omitted slope, 10 clusters": {"family": "gaussian", "clusters": 10, "slope": 0.7},
    "poisson, right": {"family": "poisson", "clusters": 30, "slope": 0.0},
    "poisson, omitted slope": {"family": "poisson", "clusters": 30, "slope": 0.4},
    "binomial, right": {"family": "binomial", "clusters": 40, "slope": 0.0},
    "binomial, omitted slope": {"family": "binomial", "clusters": 40, "slope": 1.0},
}


def draw(rng: np.random.Generator, family: str, clusters: int, slope: float) -> pd.DataFrame:
    """One data set."""
    g = np.repeat(np.arange(clusters), rng.integers(4, 13, clusters))
    x, z = rng.normal(size=len(g)), rng.normal(size=clusters)[g]
    eta = 0.5 * z + x * (0.3 + slope * rng.normal(size=clusters)[g])
    eta += (0.5 if family == "poisson" else 1.0) * rng.normal(size=clusters)[g]
    if family == "gaussian":
        y = eta + rng.normal(size=len(g))
    elif family == "poisson":
        y = rng.poisson(np.exp(0.5 + eta)).astype(float)
    else:
        y = (rng.random(len(g)) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
    return pd.DataFrame({"y": y, "x": x, "z": z, "g": g})


def fit(data: pd.DataFrame, family: str) -> Any:
    """The model of all designs."""
    return ilk.fit("y ~ x + z + (1 | g)", data, family=family)


def study(design: dict[str, Any], sets: int, seed: int) -> dict[str, Any]:
    """Coverage and mean width by kind, of the coefficients of x and z."""
    rng = np.random.default_rng(seed)
    target = fit(draw(rng, design["family"], MANY, design["slope"]), design["family"]).fitted.coef
    inside = np.full((sets, len(KINDS), 3), np.nan)
    width, df = inside.copy(), inside.copy()
    refused: dict[str, int] = {}
    for s in range(sets):
        found = fit(draw(rng, **design), design["family"])
        for k, kind in enumerate(KINDS):
            try:
                table = coefficient_table(found.fitted, 0.95, found.cov_with(kind))
            except ilk.IlkError as error:
                refused[error.code] = refused.get(error.code, 0) + 1
                continue
            inside[s, k] = (table.conf_low <= target) & (target <= table.conf_high)
            width[s, k] = table.conf_high - table.conf_low
            df[s, k] = table.df
    return {
        "sets": sets,
        "target": {"x": float(target[1]), "z": float(target[2])},
        "refused": refused,
        "monte_carlo_error": round(float(np.sqrt(0.95 * 0.05 / sets)), 4),
        "coverage": _table(np.nanmean(inside, axis=0)),
        "median_width": _table(np.nanmedian(width, axis=0)),
        "median_df": _table(np.nanmedian(df, axis=0)),
    }


def _table(values: np.ndarray) -> dict[str, dict[str, float | str]]:
    """By kind and coefficient."""
    return {
        kind: {
            name: round(float(value), 4) if np.isfinite(value) else "infinite"
            for name, value in zip(("x", "z"), row[1:], strict=True)
        }
        for kind, row in zip(KINDS, values, strict=True)
    }


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=500, help="data sets per design")
    sets = parser.parse_args().sets
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    results = {
        name: study(design, sets, SEED + k) for k, (name, design) in enumerate(DESIGNS.items())
    }
    record = {
        "date": datetime.date.today().isoformat(),
        "ilk": ilk.__version__,
        "numpy": np.__version__,
        "machine": describe(),
        "seed": SEED,
        "seconds": round(time.perf_counter() - start),
        "designs": DESIGNS,
        "results": results,
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for name, found in results.items():
        print(name, found["refused"])
        for kind in KINDS:
            print(f"  {kind:6} {found['coverage'][kind]} {found['median_df'][kind]}")


if __name__ == "__main__":
    main()
