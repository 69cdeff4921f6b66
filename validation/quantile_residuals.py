r"""Quantile residuals of the true model are standard normal: every family and link of the registry.

    python -m validation.quantile_residuals        # some minutes; writes results/

**True parameters.** 1,000 data sets of 200 rows for each family with each of its links, with and
without trials, dispersion that varies between rows, excess zeros, counts without zeros, and
hurdles; responses are drawn from NumPy's distributions (`validation/draws.py`), not from the
package.  Each data set gives the
p-value of a Kolmogorov-Smirnov test of its residuals; the 1,000 p-values are tested for uniformity,
all 200,000 residuals are tested together, and the share beyond 3 is compared with 0.0027 by a
binomial test.  Of 3 tests of 150 cases some have p-values near 0.001 by chance: a case with
one below 0.01 is drawn again, five times as large, and both are recorded.  Three controls, whose
parameters are told slightly wrong, show what the tests would notice.

**Estimated parameters.** 200 data sets of 300 rows in 30 clusters, fitted by `ilk.fit`; residuals
around the fitted means, random effects at their modes.  These are *not* exactly normal: estimates
draw the fit towards its data, so that residuals spread a little less than the errors and the test
rejects less often than it says.  That is recorded, not required to be otherwise.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy
from benchmarks.machine import describe
from scipy import stats

import ilk
from ilk.diagnostics.residuals import row_residuals
from ilk.family import FAMILIES, make_family

from .draws import COUNTS, INVERSE, LINK, ORDERED, PROPORTIONS, REAL, category, response

RESULTS = Path(__file__).parent / "results" / "quantile_residuals.json"
SEED = 20_261_205
ROWS = 200
CLUSTERS, SIZE = 30, 10
PHI = {
    "beta": 0.15,
    "ordered_beta": 0.15,
    "beta_binomial": 0.3,
    "inverse_gaussian": 0.3,
    "gamma": 0.4,
    "generalized_poisson": 1.8,
}
SHAPE = {"student": 4.0, "skew_normal": 3.0, "tweedie": 1.6}
"""As `validation.draws` takes it."""

SHAPE_PREDICTOR = {"student": np.log(3.0), "skew_normal": 3.0, "tweedie": np.log(0.6 / 0.4)}
"""The same on the scale of the predictor: log(nu - 1), alpha, logit(power - 1)."""

CUTS = (-1.5, 1.0)
THRESHOLDS = np.array([-1.2, 0.1, 1.4])
POWER = "power(0.5)"


@dataclass(frozen=True, slots=True)
class Case:
    """A family with a link, and which parameters vary."""

    family: str
    link: str
    trials: bool = False
    dispersion: bool = False  # differs between rows
    inflated: bool = False

    @property
    def label(self) -> str:
        """Words for the record."""
        parts = [f"{self.family}, {self.link}"]
        parts += ["trials"] * self.trials + ["dispersion by row"] * self.dispersion
        return ", ".join(parts + ["excess zeros"] * self.inflated)

    def make(self) -> Any:
        """Family of the package."""
        made = make_family(self.family, self.link, zero_inflated=self.inflated)
        if self.family not in ORDERED:
            return made
        made = made.with_levels(tuple("abcd"))
        return made.with_formulas(("dispersion",)) if self.dispersion else made


def cases() -> Iterator[Case]:
    """All of the registry."""
    for name, kind in FAMILIES.items():
        if kind.categorical and not kind.ordered:
            continue  # no order, no distribution function
        varies = "dispersion" in getattr(kind(), "parameters", ()) or name == "cumulative"
        for k, link in enumerate(kind.links):
            link = POWER if link == "power" else link
            for trials in (False, True) if kind.takes_trials else (False,):
                yield Case(name, link, trials)
                if k == 0 and varies:
                    yield Case(name, link, trials, dispersion=True)
                if k == 0 and name in COUNTS | {"binomial", "beta_binomial"}:
                    yield Case(name, link, trials, inflated=True)
        if name in COUNTS:
            yield Case(f"truncated_{name}", kind.links[0])
        if name in COUNTS or kind.has_zero is False:
            yield Case(f"hurdle_{name}", kind.links[0])


def means(case: Case, rng: np.random.Generator, n: int) -> np.ndarray:
    """Means over the range that the family and the link take."""
    family = case.family.removeprefix("truncated_").removeprefix("hurdle_")
    if family in PROPORTIONS:
        return rng.uniform(0.03, 0.97, n)
    if family in REAL and case.link == "identity":
        return rng.normal(0.0, 3.0, n)
    mu = np.exp(rng.uniform(np.log(0.05 if family in COUNTS else 0.3), np.log(20.0), n))
    few = np.exp(np.linspace(np.log(0.05), np.log(20.0), 40))
    return rng.choice(few, n) if family == "conway_maxwell_poisson" else mu


def exact(case: Case, sets: int, rng: np.random.Generator, error: float = 0.0) -> dict[str, float]:
    """Tests of the residuals at the true parameters, or with an error of the last one."""
    n, family = sets * ROWS, case.make()
    phi = PHI.get(case.family.removeprefix("truncated_").removeprefix("hurdle_"), 0.6)
    spread = rng.normal(size=n) if case.dispersion else np.zeros(n)
    if case.family == "generalized_poisson":  # a branching process from phi = 1 on
        spread = np.abs(spread)
    log_phi = np.log(phi) + 0.6 * np.round(spread, 0 if "conway" in case.family else 9)
    if case.family in ORDERED:
        log_phi = 0.5 * spread
        etas = {"mean": rng.normal(size=n), "dispersion": log_phi}
        etas |= {f"threshold_{j + 1}": np.full(n, cut) for j, cut in enumerate(THRESHOLDS)}
        y = category(case.family, case.link, etas["mean"], THRESHOLDS, rng, np.exp(log_phi))
        y, trials = y.astype(float), None
    else:
        mu, logit_excess = means(case, rng, n), -0.5 + rng.normal(size=n)
        trials = rng.integers(1, 13, n).astype(float) if case.trials else None
        inflated = case.inflated or case.family.startswith("hurdle_")
        excess = inflated * INVERSE["logit"](logit_excess)
        shape = SHAPE.get(case.family, 0.0)
        name = "power" if case.link == POWER else case.link
        y = response(case.family, mu, np.exp(log_phi), rng, trials, excess, shape, CUTS, name)
        if case.family == "beta" or case.family == "hurdle_beta":
            y = np.where(y > 0.0, np.clip(y, 1e-300, 1.0 - 1e-16), y)
        etas = {
            "mean": LINK[name](mu),
            "dispersion": log_phi,
            "shape": np.full(n, SHAPE_PREDICTOR.get(case.family, 0.0)),
            "threshold_1": np.full(n, CUTS[0]),
            "threshold_2": np.full(n, CUTS[1]),
            "zero_inflation": logit_excess,
        }
    eta = [etas[name] for name in family.parameters]
    eta[-1] = eta[-1] + error
    found = row_residuals(family, y, trials, eta, None, "quantile", int(rng.integers(2**31)))
    by_set = [stats.kstest(r, "norm").pvalue for r in found.reshape(sets, ROWS)]
    far = int(np.sum(np.abs(found) > 3.0))
    return {
        "p_uniform": float(stats.kstest(by_set, "uniform").pvalue),
        "p_together": float(stats.kstest(found, "norm").pvalue),
        "beyond_3": far / n,
        "p_beyond_3": float(stats.binomtest(far, n, 2.0 * stats.norm.sf(3.0)).pvalue),
        "mean": float(found.mean()),
        "sd": float(found.std()),
    }


CONTROLS = {
    "gaussian, variance 3 % too large": (Case("gaussian", "identity"), np.log(1.03)),
    "poisson, means 2 % too large": (Case("poisson", "log"), np.log(1.02)),
    "beta binomial, dispersion 15 % too large": (
        Case("beta_binomial", "logit", trials=True), np.log(1.15),
    ),
}  # fmt: skip
"""What the study must notice."""

FITTED: dict[str, dict[str, Any]] = {
    "gaussian": {"family": "gaussian"},
    "gaussian, log link": {"family": "gaussian", "link": "log"},
    "gaussian, precision weights": {"family": "gaussian", "precision_weights": "w"},
    "gaussian, dispersion ~ z": {"family": "gaussian", "dispersion": "~ z"},
    "bernoulli": {"family": "binomial"},
    "binomial": {"family": "binomial", "trials": "m"},
    "poisson": {"family": "poisson", "exposure": "t"},
    "poisson, excess zeros ~ z": {"family": "poisson", "zero_inflation": "~ z"},
    "negative binomial 1": {"family": "negative_binomial_1"},
    "negative binomial 2": {"family": "negative_binomial_2", "exposure": "t"},
    "negative binomial 2, dispersion ~ z": {"family": "negative_binomial_2", "dispersion": "~ z"},
    "negative binomial 2, excess zeros": {"family": "negative_binomial_2", "zero_inflation": "~ 1"},
    "gamma": {"family": "gamma"},
    "gamma, precision weights": {"family": "gamma", "precision_weights": "w"},
    "inverse gaussian": {"family": "inverse_gaussian"},
    "beta": {"family": "beta"},
    "beta, dispersion ~ z": {"family": "beta", "dispersion": "~ z"},
    "beta binomial": {"family": "beta_binomial", "trials": "m"},
    "binomial, excess zeros": {"family": "binomial", "trials": "m", "zero_inflation": "~ 1"},
}
"""Models that are fitted, as arguments of `ilk.fit`."""


def draw(arguments: dict[str, Any], rng: np.random.Generator) -> pd.DataFrame:
    """One data set of a model that is to be fitted."""
    family = arguments["family"]
    g = np.repeat(np.arange(CLUSTERS), SIZE)
    n = len(g)
    table = pd.DataFrame(
        {
            "g": g,
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "w": rng.uniform(0.3, 3.0, n),
            "m": rng.integers(3, 13, n),
            "t": rng.uniform(0.5, 4.0, n),
        }
    )
    link = arguments.get("link", FAMILIES[family].links[0])
    eta = 0.4 * table.x + 0.5 * rng.normal(size=CLUSTERS)[g] + (link == "log") * 0.8
    mu = INVERSE[link](eta.to_numpy()) * (table.t.to_numpy() if "exposure" in arguments else 1.0)
    log_phi = np.log(PHI.get(family, 0.6)) + ("dispersion" in arguments) * 0.4 * table.z
    phi = np.exp(log_phi.to_numpy()) / (
        table.w.to_numpy() if "precision_weights" in arguments else 1
    )
    excess = 0.0
    if "zero_inflation" in arguments:
        excess = INVERSE["logit"](
            -0.8 + 0.7 * table.z.to_numpy() * ("z" in arguments["zero_inflation"])
        )
    trials = table.m.to_numpy() if "trials" in arguments else None
    table["y"] = response(family, mu, phi, rng, trials, excess)
    return table


def estimated(arguments: dict[str, Any], sets: int, rng: np.random.Generator) -> dict[str, Any]:
    """Tests of the residuals of fits."""
    rejected, spread, center = [], [], []
    for _ in range(sets):
        fit = ilk.fit("y ~ x + (1 | g)", draw(arguments, rng), **arguments)
        found = np.asarray(fit.residuals(kind="quantile", seed=int(rng.integers(2**31))))
        rejected.append(stats.kstest(found, "norm").pvalue < 0.05)
        spread.append(found.std())
        center.append(found.mean())
    return {
        "rejected_at_5_percent": float(np.mean(rejected)),
        "mean": float(np.mean(center)),
        "sd": float(np.mean(spread)),
    }


def main() -> None:
    """Run, print and record."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--sets", type=int, default=1000, help="data sets at true parameters")
    options.add_argument("--fits", type=int, default=200, help="data sets that are fitted")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    true, controls, fitted = {}, {}, {}
    for k, case in enumerate(cases()):
        true[case.label] = found = exact(case, given.sets, np.random.default_rng([SEED, k]))
        if min(v for key, v in found.items() if key.startswith("p_")) < 0.01:
            again = f"{case.label} (again, {5 * given.sets} sets)"
            true[again] = exact(case, 5 * given.sets, np.random.default_rng([SEED, 250 + k]))
        print(case.label, {key: float(f"{v:.3g}") for key, v in found.items()})
    for k, (label, (case, error)) in enumerate(CONTROLS.items()):
        rng = np.random.default_rng([SEED, 500 + k])
        controls[label] = exact(case, given.sets, rng, error)
        print(label, controls[label])
    for k, (label, arguments) in enumerate(FITTED.items()):
        rng = np.random.default_rng([SEED, 1000 + k])
        fitted[label] = estimated(arguments, given.fits, rng)
        print(label, fitted[label], flush=True)
    record = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": "python -m validation.quantile_residuals",
        "seed": SEED,
        "seconds": round(time.perf_counter() - start),
        "ilk": ilk.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "machine": describe(),
        "true_parameters": {"sets": given.sets, "rows": ROWS, "cases": true},
        "controls": controls,
        "estimated_parameters": {
            "sets": given.fits, "clusters": CLUSTERS, "rows": CLUSTERS * SIZE, "cases": fitted,
        },
    }  # fmt: skip
    given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
