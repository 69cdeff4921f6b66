"""Whether the verdict's notice about the Laplace approximation comes when it should.

Data sets of many kinds are fitted by Laplace; the verdict's foresight (one gradient by quadrature,
no refit) is compared with what a refit by enough quadrature moves.  "Off" means that some parameter
moves by more than 0.25 of its standard errors, "fine" that none moves by more than 0.05.
``python -m validation.approximation > validation/results/approximation.json``
"""

from __future__ import annotations

import json
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd

import ilk
from ilk.diagnostics.approximation import approximation

SETS = 60
SEED = 20260

CROSSED = 10
"""Levels of a second factor, in the last kind."""

KINDS = [
    *(("binomial", size, sd, False) for size in (2, 4, 8, 20) for sd in (0.5, 1.0, 2.0)),
    *(("poisson", size, sd, False) for size in (3, 10) for sd in (0.5, 1.0)),
    ("negative_binomial_2", 5, 0.7, False),
    ("gamma", 4, 0.7, False),
    ("binomial", 6, 1.0, True),
    ("crossed binomial", 4, 1.0, False),
]


def simulate(kind: tuple[str, int, float, bool], seed: int) -> pd.DataFrame:
    """60 to 150 clusters with random intercepts, or intercepts and slopes."""
    family, size, sd, slopes = kind
    rng = np.random.default_rng([SEED, seed, size, int(10 * sd), len(family), slopes])
    levels = int(rng.integers(60, 151))
    group = np.repeat(np.arange(levels), size)
    x = rng.normal(size=levels * size)
    eta = rng.normal(-0.5, 0.5) + 0.5 * x + rng.normal(0.0, sd, levels)[group]
    if slopes:
        eta = eta + rng.normal(0.0, 0.7, levels)[group] * x
    item = rng.integers(0, CROSSED, len(eta))
    if family == "crossed binomial":
        eta = eta + rng.normal(0.0, 0.7, CROSSED)[item]
    if family.split()[-1] == "binomial":
        y = (rng.random(len(eta)) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    elif family == "poisson":
        y = rng.poisson(np.exp(eta))
    elif family == "negative_binomial_2":
        y = rng.poisson(np.exp(eta) * rng.gamma(2.0, 0.5, len(eta)))
    else:
        y = np.exp(eta) * rng.gamma(2.0, 0.5, len(eta))
    return pd.DataFrame({"y": y, "x": x, "g": group, "item": item})


def one(kind: tuple[str, int, float, bool], seed: int) -> dict[str, Any] | None:
    """Foresight and truth of one data set; None where the fit is no interior optimum."""
    data = simulate(kind, seed)
    random = "(x | g)" if kind[3] else "(1 | g)"
    crossed = kind[0].startswith("crossed ")
    if crossed:
        random = "(1 | g) + (1 | item)"
    link = {"link": "log"} if kind[0] == "gamma" else {}
    began = time.perf_counter()
    fit = ilk.fit(f"y ~ x + {random}", data, family=kind[0].split()[-1], **link)
    fitted = time.perf_counter()
    if fit.verdict.status.name != "CONVERGED":
        return None
    judged = time.perf_counter()
    found = approximation(fit.fitted, method="quadrature")
    assert found.worst is not None
    return {
        "kind": list(kind),
        "seed": seed,
        "flagged": any(reason.code == "laplace" for reason in fit.verdict.reasons),
        "shift": abs(found.worst.shift),
        "loglik": found.better_loglik - found.loglik,
        "fit_seconds": fitted - began,
        "verdict_seconds": judged - fitted,
    }


def main() -> None:
    """Run the study and print its results."""
    warnings.simplefilter("ignore")
    rows = [row for kind in KINDS for s in range(SETS) if (row := one(kind, s)) is not None]
    shift = np.array([row["shift"] for row in rows])
    flagged = np.array([row["flagged"] for row in rows])
    off, fine = shift > 0.25, shift <= 0.05
    summary = {
        "version": ilk.__version__,
        "seed": SEED,
        "sets": len(rows),
        "off": int(off.sum()),
        "off_flagged": float(flagged[off].mean()),
        "fine": int(fine.sum()),
        "fine_flagged": float(flagged[fine].mean()),
        "between_0.1_and_0.25": int(((shift > 0.1) & ~off).sum()),
        "between_flagged": float(flagged[(shift > 0.1) & ~off].mean()),
        "loglik_beyond_0.1_but_fine": int((np.abs([r["loglik"] for r in rows]) > 0.1)[fine].sum()),
        "median_verdict_over_fit_time": float(
            np.median([r["verdict_seconds"] / r["fit_seconds"] for r in rows])
        ),
    }
    kinds = [_kind(kind, [r for r in rows if r["kind"] == list(kind)]) for kind in KINDS]
    print(json.dumps({"summary": summary, "kinds": kinds}, indent=1))


def _kind(kind: tuple[str, int, float, bool], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Summary of one kind of data."""
    shift = np.quantile([row["shift"] for row in rows], [0.0, 0.5, 1.0])
    return {
        "family": kind[0],
        "rows_per_level": kind[1],
        "sd": kind[2],
        "slopes": kind[3],
        "sets": len(rows),
        "flagged": round(float(np.mean([row["flagged"] for row in rows])), 3),
        "shift_min_median_max": shift.round(3).tolist(),
    }


if __name__ == "__main__":
    main()
