r"""How often `fit.check()` finds fault with right models, and with ones that are wrong on purpose.

    python -m validation.checks_power               # what is missing; about half an hour
    python -m validation.checks_power --only "poisson" --sets 20

**Size.** 200 data sets of 300 rows in 30 clusters from the true model, for every family of the
registry that has a mean, and more (`RIGHT`): by check, the share of data sets with a p-value below
0.05, and the share in which the call as a whole, which counts how many checks it makes, speaks of a
problem.

**Power.** 100 data sets for each of the models of `WRONG`, which miss one thing that the data have.
The first third of them are fitted with that thing in the model, too, so that what is found is
found because of it.

Each part is stored when it is done, and parts that are there are not drawn again.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.machine import describe

import ilk

from .draws import INVERSE, response

RESULTS = Path(__file__).parent / "results" / "checks_power.json"
SEED = 20_261_207
CLUSTERS, SIZE = 30, 10
PHI = {
    "beta": 0.15,
    "beta_binomial": 0.3,
    "inverse_gaussian": 0.3,
    "gamma": 0.4,
    "lognormal": 0.4,
    "ordered_beta": 0.15,
    "generalized_poisson": 1.8,
}
SHAPE = {"student": 4.0, "skew_normal": 3.0, "tweedie": 1.6}
CUTS = (-1.5, 1.5)
SETS = {"right": 200, "wrong": 100}

Draw = Callable[[pd.DataFrame, np.random.Generator], np.ndarray]


@dataclass(frozen=True, slots=True)
class Right:
    """A true model: arguments of `ilk.fit`, and how the response is drawn."""

    arguments: dict[str, Any]
    draw: Draw
    formula: str = "y ~ x + z + (1 | g)"
    asked: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is missed: how the response is drawn, the wrong model and one that has it."""

    draw: Draw
    wrong: dict[str, Any]
    right: dict[str, Any]
    asked: dict[str, Any] = field(default_factory=dict)


def table(rng: np.random.Generator) -> pd.DataFrame:
    """Columns of every design: two covariates, trials, exposure, order, a crossed factor."""
    n = CLUSTERS * SIZE
    return pd.DataFrame(
        {
            "g": np.repeat(np.arange(CLUSTERS), SIZE),
            "h": rng.integers(0, 15, n),
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "m": rng.integers(5, 16, n),
            "t": rng.uniform(0.5, 4.0, n),
            "w": rng.uniform(0.4, 2.5, n),
            "when": np.tile(np.arange(SIZE), CLUSTERS),
        }
    )


def predictor(
    data: pd.DataFrame, rng: np.random.Generator, start: float = 0.0, sd: float = 0.5
) -> np.ndarray:
    """Linear predictor with x, z and random intercepts."""
    effects = sd * rng.normal(size=CLUSTERS)
    return np.asarray(start + 0.4 * data.x - 0.3 * data.z + effects[data.g])


def true_draw(family: str, link: str, **varies: str) -> Draw:
    """Draw from a model in which dispersion, excess zeros, exposure, ... may vary."""

    def draw(data: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
        eta = predictor(data, rng, 0.8 if link == "log" else 0.0)
        if "slope" in varies:
            eta = eta + 0.4 * rng.normal(size=CLUSTERS)[data.g] * data.x.to_numpy()
        if "crossed" in varies:
            eta = eta + 0.5 * rng.normal(size=15)[data.h]
        mu = INVERSE[link](eta) * (data.t.to_numpy() if "exposure" in varies else 1.0)
        phi = PHI.get(family, 0.6) * np.exp(("dispersion" in varies) * 0.5 * data.z.to_numpy())
        if "weights" in varies:
            phi = phi / data.w.to_numpy()
        trials = data.m.to_numpy() if "trials" in varies else None
        excess = 0.3 if "excess" in varies else 0.0
        return response(family, mu, phi, rng, trials, excess, SHAPE.get(family, 0.0), CUTS)

    return draw


RIGHT: dict[str, Right] = {
    "gaussian": Right({}, true_draw("gaussian", "identity")),
    "gaussian, random slope": Right(
        {}, true_draw("gaussian", "identity", slope="x"), "y ~ x + z + (1 + x | g)"
    ),
    "gaussian, dispersion ~ z": Right(
        {"dispersion": "~ z"}, true_draw("gaussian", "identity", dispersion="z")
    ),
    "gaussian, precision weights": Right(
        {"precision_weights": "w"}, true_draw("gaussian", "identity", weights="w")
    ),
    "binomial, 0/1": Right({"family": "binomial"}, true_draw("binomial", "logit")),
    "binomial, trials": Right(
        {"family": "binomial", "trials": "m"}, true_draw("binomial", "logit", trials="m")
    ),
    "poisson": Right(
        {"family": "poisson", "exposure": "t"}, true_draw("poisson", "log", exposure="t")
    ),
    "poisson, crossed factors": Right(
        {"family": "poisson"},
        true_draw("poisson", "log", crossed="h"),
        "y ~ x + z + (1 | g) + (1 | h)",
        {"group": "g"},
    ),
    "poisson, excess zeros": Right(
        {"family": "poisson", "zero_inflation": "~ 1"}, true_draw("poisson", "log", excess="1")
    ),
    "negative binomial 1": Right(
        {"family": "negative_binomial_1"}, true_draw("negative_binomial_1", "log")
    ),
    "negative binomial 2": Right(
        {"family": "negative_binomial_2"}, true_draw("negative_binomial_2", "log")
    ),
    "gamma": Right({"family": "gamma"}, true_draw("gamma", "log")),
    "inverse gaussian": Right(
        {"family": "inverse_gaussian"}, true_draw("inverse_gaussian", "log")
    ),
    "beta": Right({"family": "beta"}, true_draw("beta", "logit")),
    "beta binomial": Right(
        {"family": "beta_binomial", "trials": "m"}, true_draw("beta_binomial", "logit", trials="m")
    ),
    "student": Right({"family": "student"}, true_draw("student", "identity")),
    "skew normal": Right({"family": "skew_normal"}, true_draw("skew_normal", "identity")),
    "lognormal": Right({"family": "lognormal"}, true_draw("lognormal", "log")),
    "exponential": Right({"family": "exponential"}, true_draw("exponential", "log")),
    "weibull": Right({"family": "weibull"}, true_draw("weibull", "log")),
    "generalized Poisson": Right(
        {"family": "generalized_poisson"}, true_draw("generalized_poisson", "log")
    ),
    "hurdle Poisson": Right(
        {"family": "hurdle_poisson"}, true_draw("hurdle_poisson", "log", excess="1")
    ),
    "Conway-Maxwell-Poisson": Right(
        {"family": "conway_maxwell_poisson"}, true_draw("conway_maxwell_poisson", "log")
    ),
    "tweedie": Right({"family": "tweedie"}, true_draw("tweedie", "log")),
    "ordered beta": Right({"family": "ordered_beta"}, true_draw("ordered_beta", "logit")),
}  # fmt: skip
"""True models; every family of the registry that has a mean is among them."""


def _gaussian(
    change: Callable[[pd.DataFrame, np.ndarray, np.random.Generator], np.ndarray],
) -> Draw:
    """Gaussian responses with something of their own."""
    return lambda data, rng: change(data, predictor(data, rng), rng)


def _slope(data: pd.DataFrame, eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return eta + 0.7 * rng.normal(size=CLUSTERS)[data.g] * data.x + rng.normal(size=len(eta))


def _heavy(data: pd.DataFrame, eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return eta + rng.standard_t(3, size=len(eta))


def _spread(data: pd.DataFrame, eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return eta + np.exp(0.5 * data.z.to_numpy()) * rng.normal(size=len(eta))


def _fan(data: pd.DataFrame, eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return eta + np.exp(0.5 * eta) * rng.normal(size=len(eta))


def _curve(data: pd.DataFrame, eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return eta + 0.4 * (data.x**2 - 1.0) + rng.normal(size=len(eta))


def _group(data: pd.DataFrame, eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return eta + 0.6 * rng.normal(size=15)[data.h] + rng.normal(size=len(eta))


def _gross(data: pd.DataFrame, eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    wild = np.where(rng.random(len(eta)) < 0.02, 6.0, 1.0)
    return eta + wild * rng.normal(size=len(eta))


def _serial(data: pd.DataFrame, eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(size=(CLUSTERS, SIZE))
    for k in range(1, SIZE):
        noise[:, k] = 0.6 * noise[:, k - 1] + 0.8 * noise[:, k]
    return eta + noise.ravel()


def _lumps(data: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    effects = np.where(rng.random(CLUSTERS) < 0.15, 3.0, -0.5)  # a few clusters far away
    return np.asarray(0.4 * data.x - 0.3 * data.z + effects[data.g] + rng.normal(size=len(data)))


def _counts_with_slope(data: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    slope = 0.4 * rng.normal(size=CLUSTERS)[data.g] * data.x.to_numpy()
    return response("poisson", np.exp(predictor(data, rng, 0.8) + slope), 1.0, rng)


def _curved_counts(data: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    curve = 0.25 * (data.x.to_numpy() ** 2 - 1.0)
    return response("poisson", np.exp(predictor(data, rng, 0.8) + curve), 1.0, rng)


def _other_link(family: str, link: str, start: float, phi: float = 1.0) -> Draw:
    def draw(data: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
        eta = start + 0.8 * data.x.to_numpy() + 0.4 * rng.normal(size=CLUSTERS)[data.g]
        low = 0.15 if link in ("identity", "sqrt") else -np.inf
        return response(family, INVERSE[link](np.maximum(eta, low)), phi, rng)

    return draw


def _model(family: str = "gaussian", formula: str = "y ~ x + z + (1 | g)", **more: Any) -> Any:
    return {"formula": formula, "family": family, **more}


WRONG: dict[str, Wrong] = {
    "Poisson, of negative binomial counts": Wrong(
        true_draw("negative_binomial_2", "log"), _model("poisson"), _model("negative_binomial_2")
    ),
    "Poisson without excess zeros": Wrong(
        true_draw("poisson", "log", excess="1"),
        _model("poisson"),
        _model("poisson", zero_inflation="~ 1"),
    ),
    "negative binomial without excess zeros": Wrong(
        true_draw("negative_binomial_2", "log", excess="1"),
        _model("negative_binomial_2"),
        _model("negative_binomial_2", zero_inflation="~ 1"),
    ),
    "negative binomial 2, of type 1": Wrong(
        true_draw("negative_binomial_1", "log"),
        _model("negative_binomial_2"),
        _model("negative_binomial_1"),
    ),
    "binomial, of beta-binomial counts": Wrong(
        true_draw("beta_binomial", "logit", trials="m"),
        _model("binomial", trials="m"),
        _model("beta_binomial", trials="m"),
    ),
    "linear without random slope": Wrong(
        _gaussian(_slope), _model(), _model(formula="y ~ x + z + (1 + x | g)")
    ),
    "Poisson without random slope": Wrong(
        _counts_with_slope,
        _model("poisson"),
        _model("poisson", "y ~ x + z + (1 + x | g)"),
    ),
    "linear without a second factor": Wrong(
        _gaussian(_group), _model(), _model(formula="y ~ x + z + (1 | g) + (1 | h)"),
        {"group": "h"},
    ),
    "no random effects at all": Wrong(
        true_draw("gaussian", "identity"), _model(formula="y ~ x + z"), _model(), {"group": "g"}
    ),
    "linear, curve of x missing": Wrong(
        _gaussian(_curve), _model(), _model(formula="y ~ x + I(x**2) + z + (1 | g)")
    ),
    "Poisson, curve of x missing": Wrong(
        _curved_counts, _model("poisson"), _model("poisson", "y ~ x + I(x**2) + z + (1 | g)")
    ),
    "linear, t(3) errors": Wrong(_gaussian(_heavy), _model(), _model()),
    "linear, 2 % gross errors": Wrong(_gaussian(_gross), _model(), _model()),
    "linear, variance depends on z": Wrong(
        _gaussian(_spread), _model(), _model(dispersion="~ z")
    ),
    "linear, variance grows with the mean": Wrong(_gaussian(_fan), _model(), _model()),
    "linear, errors follow each other (0.6)": Wrong(
        _gaussian(_serial), _model(), _model(), {"time": "when"}
    ),
    "linear, a few clusters far away": Wrong(_lumps, _model(), _model()),
    "Poisson, exposure left out": Wrong(
        true_draw("poisson", "log", exposure="t"),
        _model("poisson"),
        _model("poisson", exposure="t"),
    ),
    "log link, of a linear Poisson mean": Wrong(
        _other_link("poisson", "identity", 3.0),
        _model("poisson", "y ~ x + (1 | g)"),
        _model("poisson", "y ~ x + (1 | g)", link="identity"),
    ),
    "log link, of a linear gamma mean": Wrong(
        _other_link("gamma", "identity", 3.0, 0.15),
        _model("gamma", "y ~ x + (1 | g)"),
        _model("gamma", "y ~ x + (1 | g)", link="identity"),
    ),
    "logit link, of cloglog probabilities": Wrong(
        _other_link("binomial", "cloglog", -0.3),
        _model("binomial", "y ~ x + (1 | g)"),
        _model("binomial", "y ~ x + (1 | g)", link="cloglog"),
    ),
}  # fmt: skip
"""Models that are wrong on purpose; where no model of the package is right, the same one twice."""


class Tally:
    """How often each check spoke."""

    def __init__(self) -> None:
        self.sets = 0
        self.small, self.problem, self.spoke, self.made = Counter(), Counter(), Counter(), Counter()
        self.any_problem = self.any_word = self.failed = 0
        self.seconds = 0.0

    def add(self, fit: ilk.Fit, data: pd.DataFrame, asked: dict[str, str], seed: int) -> None:
        """Check one fit."""
        columns = {argument: data[name].to_numpy() for argument, name in asked.items()}
        start = time.process_time()
        found = fit.check(seed=seed, **columns).checks.checks
        self.seconds += time.process_time() - start
        self.sets += 1
        keys: dict[str, list[Any]] = {}
        for one in found:
            if one.verdict != "skipped":
                key = "; ".join((one.code, one.title, one.estimand or "", one.where))
                keys.setdefault(key, []).append(one)
        for key, some in keys.items():
            p = [one.p_value for one in some if np.isfinite(one.p_value)]
            self.made[key] += bool(p)
            self.small[key] += bool(p) and min(p) * len(p) < 0.05
            self.problem[key] += any(one.verdict == "problem" for one in some)
            self.spoke[key] += any(one.verdict in ("problem", "note") for one in some)
        self.any_problem += any(one.verdict == "problem" for one in found)
        self.any_word += any(one.verdict in ("problem", "note") for one in found)

    def record(self) -> dict[str, Any]:
        """Shares."""
        n = max(self.sets, 1)
        return {
            "sets": self.sets,
            "failed": self.failed,
            "cpu_seconds_per_check": round(self.seconds / n, 3),
            "any_problem": self.any_problem / n,
            "any_problem_or_note": self.any_word / n,
            "checks": {
                key: {
                    "p_below_0.05": round(self.small[key] / self.made[key], 4)
                    if self.made[key] else None,
                    "problem": self.problem[key] / n,
                    "problem_or_note": self.spoke[key] / n,
                }
                for key in self.spoke
            },
        }  # fmt: skip


def right(label: str, sets: int) -> dict[str, Any]:
    """Check true models."""
    case, found = RIGHT[label], Tally()
    for s in range(sets):
        rng = np.random.default_rng([SEED, list(RIGHT).index(label), s])
        data = table(rng)
        data["y"] = case.draw(data, rng)
        fit = ilk.fit(case.formula, data, **case.arguments)
        found.add(fit, data, {"time": "when", **case.asked}, s)
    return found.record()


def wrong(label: str, sets: int) -> dict[str, Any]:
    """Check wrong models, and ones that have what these miss."""
    case, found = WRONG[label], {"wrong": Tally(), "right": Tally()}
    for s in range(sets):
        rng = np.random.default_rng([SEED, 1000 + list(WRONG).index(label), s])
        data = table(rng)
        data["y"] = case.draw(data, rng)
        models = {"wrong": case.wrong, "right": case.right}
        if case.wrong == case.right or s >= sets // 3:
            del models["right"]
        for kind, arguments in models.items():
            try:
                fit = ilk.fit(data=data, **arguments)
                found[kind].add(fit, data, case.asked, s)
            except ilk.IlkError:
                found[kind].failed += 1
    return {kind: tally.record() for kind, tally in found.items() if tally.sets}


def main() -> None:
    """Run the parts that are missing, print and record."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", help="parts whose name contains this")
    options.add_argument("--sets", type=int, help="data sets of each part")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    warnings.simplefilter("ignore")
    stored = json.loads(given.out.read_text()) if given.out.exists() else {}
    parts: dict[str, dict[str, Any]] = {key: stored.get(key, {}) for key in ("right", "wrong")}
    for kind, labels, function in (("wrong", WRONG, wrong), ("right", RIGHT, right)):
        for label in labels:
            if label in parts[kind] or (given.only and given.only not in label):
                continue
            parts[kind][label] = function(label, given.sets or SETS[kind])
            record = {
                "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "command": "python -m validation.checks_power",
                "seed": SEED,
                "clusters": CLUSTERS,
                "rows": CLUSTERS * SIZE,
                "ilk": ilk.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
                "machine": describe(),
                **parts,
            }
            given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            show(label, parts[kind][label])


def show(label: str, found: dict[str, Any]) -> None:
    """Print one part."""
    for kind, one in found.items() if "sets" not in found else [("right", found)]:
        print(
            f"{label} [{kind}]: problem {one['any_problem']:.2f}, problem or note "
            f"{one['any_problem_or_note']:.2f}; {one['cpu_seconds_per_check']} s",
            flush=True,
        )
        for key, row in one["checks"].items():
            if row["problem_or_note"] > 0.02 or (row["p_below_0.05"] or 0.0) > 0.07:
                print(f"    {key:80} {row}", flush=True)


if __name__ == "__main__":
    main()
