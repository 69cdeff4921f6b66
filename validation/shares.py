r"""Coverage of 95 % intervals of intraclass correlations, explained variance and random effects.

    python -m validation.shares           # some minutes; writes results/shares.json

Each design draws new covariates, random effects and responses.  Intraclass correlation and R
squared are compared with their values at the true parameters and the covariates of the data set,
latent in all data sets and on the scale of the response in every eighth.  Intervals of random
effects hold the parameters ("conditional"), or count their uncertainty, around modes and means.
Likelihoods are integrated with nine nodes: the Laplace approximation would add a bias of its own.
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
from benchmarks.machine import describe

import ilk
from ilk.prediction.random_effects import random_effects
from ilk.variance.icc import icc
from ilk.variance.levels_of_variance import own_sample, variance_levels
from ilk.variance.r_squared import r_squared

RESULTS = Path(__file__).parent / "results" / "shares.json"
SEED = 11
EVERY = 8
NODES = 9
DESIGNS: dict[str, dict[str, Any]] = {
    "gaussian": {"family": "gaussian", "clusters": 30, "rows": 5, "sd": 0.7},
    "binomial": {"family": "binomial", "clusters": 50, "rows": 10, "sd": 1.0},
    "poisson": {"family": "poisson", "clusters": 40, "rows": 6, "sd": 0.6},
    "negative binomial 2": {
        "family": "negative_binomial_2",
        "clusters": 50,
        "rows": 8,
        "sd": 0.6,
    },
}
INTERCEPT, SLOPE, PHI = 0.3, 0.5, 0.4
EFFECTS = {
    "conditional": {},
    "full": {"uncertainty": "full"},
    "mean, full": {"estimate": "mean", "uncertainty": "full"},
}


def draw(rng: np.random.Generator, design: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """One data set, and its random effects."""
    J, n = design["clusters"], design["rows"]
    g, x = np.repeat(np.arange(J), n), rng.normal(size=J * n)
    b = design["sd"] * rng.normal(size=J)
    eta = INTERCEPT + SLOPE * x + b[g]
    family = design["family"]
    if family == "gaussian":
        y = eta + rng.normal(size=J * n)
    elif family == "binomial":
        y = (rng.random(J * n) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
    elif family == "poisson":
        y = rng.poisson(np.exp(eta)).astype(float)
    else:
        y = rng.poisson(rng.gamma(1.0 / PHI, PHI * np.exp(eta))).astype(float)
    return {"y": y, "x": x, "g": g}, b


def true_psi(fitted: Any, design: dict[str, Any]) -> Any:
    """The flat parameter vector of the truth; G is theta^2 (times sigma2) of one intercept."""
    dispersion = [np.log(PHI)] if design["family"] == "negative_binomial_2" else []
    tail = [design["sd"], 0.0] if fitted.model.linear else [design["sd"]]
    psi = np.array([INTERCEPT, SLOPE, *dispersion, *tail])
    if fitted.model.linear:  # theta is relative to sigma on the engine's scale
        theta = design["sd"]
        G = fitted.covariances_at(psi)[0][0, 0]
        psi[-2] = theta * design["sd"] / np.sqrt(G)
    assert np.isclose(fitted.covariances_at(psi)[0][0, 0], design["sd"] ** 2)
    return psi


def study(design: dict[str, Any], count: int) -> dict[str, Any]:
    """Coverage in one design."""
    rng = np.random.default_rng(SEED)
    hits: dict[str, list[float]] = {}
    for r in range(count):
        data, b = draw(rng, design)
        nodes = {} if design["family"] == "gaussian" else {"quadrature": NODES}
        fitted = ilk.fit("y ~ x + (1 | g)", data, family=design["family"], **nodes).fitted
        psi, sample = true_psi(fitted, design), own_sample(fitted)
        scales = ["latent"]
        if r % EVERY == 0 and not fitted.model.linear:
            scales.append("response")
        for scale in scales:
            truth = variance_levels(fitted, psi, sample, scale)  # type: ignore[arg-type]
            for name, shares, values in (
                ("icc", icc(fitted, scale=scale).shares, [truth.together / truth.adjusted]),  # type: ignore[arg-type]
                (
                    "r_squared",
                    r_squared(fitted, scale=scale).shares,  # type: ignore[arg-type]
                    [
                        truth.fixed / truth.total,
                        (truth.fixed + truth.together) / truth.total,
                    ],
                ),
            ):
                parts = ("adjusted",) if name == "icc" else ("marginal", "conditional")
                for k, (part, value) in enumerate(zip(parts, values, strict=True)):
                    low, high = shares.conf_low[k], shares.conf_high[k]
                    hit = np.nan if np.isnan(low) else float(low <= value <= high)
                    hits.setdefault(f"{name} {part}, {scale}", []).append(hit)
        for name, options in EFFECTS.items():
            found = random_effects(fitted, **options)[0]  # type: ignore[arg-type]
            inside = (found.conf_low[:, 0] <= b) & (b <= found.conf_high[:, 0])
            hits.setdefault(f"random effects, {name}", []).append(float(inside.mean()))
    return {
        name: {
            "coverage": round(float(np.nanmean(values)), 4),
            "data_sets": int(np.sum(~np.isnan(values))),
            "without_interval": int(np.sum(np.isnan(values))),
        }
        for name, values in hits.items()
    }


def main() -> None:
    """Run all designs and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    count = parser.parse_args().count
    machine, began = describe(), time.perf_counter()
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, design in DESIGNS.items():
            found[name] = study(design, count)
            print(name, json.dumps(found[name], indent=1), flush=True)
    record = {
        "date": datetime.date.today().isoformat(),
        "ilk": ilk.__version__,
        "numpy": np.__version__,
        "machine": machine,
        "seed": SEED,
        "seconds": round(time.perf_counter() - began),
        "data_sets": count,
        "designs": DESIGNS,
        "coverage": found,
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
