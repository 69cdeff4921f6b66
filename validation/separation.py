r"""Whether every separated data set is called so, and no other.

    python -m validation.separation                  # 360 separated sets, 2,000 others

Separated sets are made: a threshold on one column (complete), on a combination of two, with ties of
both outcomes at the threshold (quasi-complete), a level or a cell of two factors without events, an
arm of zero counts, zeros that a column predicts (zero inflation), clusters with one outcome each.
All others are drawn from the same designs; whether they overlap is decided by the dual program:
weights of at least t > 0 on all rows at a limit, any on the others, that balance all columns
(Stiemke's lemma).  Each set is fitted as a user would; the record says what was found, in how many
sets the culprit was named, and how large the estimates of separated coefficients were without a
standard error.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
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
from scipy.optimize import linprog

import ilk
from ilk.model.separation import has_limits, outcome_signs

RESULTS = Path(__file__).parent / "results"
PART = {"separation": "mean", "separated_inflation": "zero_inflation"}
CODES = {"separation", "separated_inflation", "separated_within", "homogeneous_groups"}


@dataclass(frozen=True)
class Case:
    """A data set with its model, and the names one of which the verdict must mention."""

    formula: str
    data: pd.DataFrame
    family: Any
    culprits: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


def _table(rng: np.random.Generator) -> pd.DataFrame:
    """Clusters of 4 to 10 rows with numeric columns of various scales and two factors."""
    sizes = rng.integers(4, 11, rng.integers(6, 15))
    n = int(sizes.sum())
    return pd.DataFrame(
        {
            "g": np.repeat(np.arange(len(sizes)), sizes),
            "x": rng.normal(size=n) * 10.0 ** rng.integers(-3, 4),
            "year": 2000.0 + rng.integers(0, 20, n),
            "z": rng.normal(size=n),
            "arm": rng.choice(["a", "b", "c"], n, p=[0.45, 0.4, 0.15]),
            "sex": rng.choice(["f", "m"], n),
        }
    )


def _draw(rng: np.random.Generator, table: pd.DataFrame, family: str) -> np.ndarray:
    """Outcomes that depend on z, arm and the cluster."""
    eta = 0.8 * table["z"] + 0.6 * (table["arm"] == "b") + rng.normal(0.0, 0.7, 99)[table["g"]]
    if family == "binomial":
        return np.asarray(rng.random(len(table)) < 1.0 / (1.0 + np.exp(-eta)), dtype=int)
    return np.asarray(rng.poisson(np.exp(0.3 + 0.5 * eta)))


def complete(rng: np.random.Generator) -> Case:
    """A threshold on one column."""
    table = _table(rng)
    column = str(rng.choice(["x", "z", "year"]))
    jitter = table[column] + (1e-3 * rng.random(len(table)) if column == "year" else 0.0)
    table[column] = jitter
    cut = np.quantile(table[column], rng.uniform(0.2, 0.8))
    table["y"] = (table[column] > cut).astype(int)
    link = str(rng.choice(["logit", "probit", "cloglog"]))
    formula = str(rng.choice(["y ~ x + z + year + (1 | g)", "y ~ x + z + year + arm + (1 | g)"]))
    return Case(formula, table, ilk.families.binomial(link), (column,))


def combination(rng: np.random.Generator) -> Case:
    """A threshold on a combination of two columns."""
    table = _table(rng)
    score = table["x"] / table["x"].std() + rng.uniform(0.3, 2.0) * table["z"]
    table["y"] = (score > np.quantile(score, rng.uniform(0.3, 0.7))).astype(int)
    return Case("y ~ x + z + arm + (1 | g)", table, "binomial", ("x", "z"))


def quasi(rng: np.random.Generator) -> Case:
    """Both outcomes at the threshold only."""
    table = _table(rng)
    table["dose"] = rng.integers(0, 6, len(table)).astype(float)
    cut = int(rng.integers(1, 5))
    at = (table["dose"] == cut).to_numpy()
    table["y"] = np.where(at, rng.permutation(at.size) % 2, (table["dose"] > cut).astype(int))
    return Case("y ~ dose + sex + (1 | g)", table, "binomial", ("dose",))


def level(rng: np.random.Generator) -> Case:
    """A level without events, or with nothing else; trials in half of the sets."""
    table = _table(rng)
    value = int(rng.integers(0, 2))
    table.loc[table.index[:2], "arm"] = "c"
    y = _draw(rng, table, "binomial")
    there = (table["arm"] == "c").to_numpy()
    if rng.random() < 0.5:
        trials = rng.integers(1, 6, len(table))
        count = rng.binomial(trials, 0.4)
        table["m"] = trials
        table["y"] = np.where(there, value * trials, count)
        return Case("y ~ arm + z + (1 | g)", table, "binomial", ("arm[T.c]",), {"trials": "m"})
    table["y"] = np.where(there, value, y)
    return Case("y ~ arm + z + (1 | g)", table, "binomial", ("arm[T.c]",))


def cell(rng: np.random.Generator) -> Case:
    """A cell of two factors without events."""
    table = _table(rng)
    table.loc[table.index[:2], ["arm", "sex"]] = ["c", "m"]
    there = ((table["arm"] == "c") & (table["sex"] == "m")).to_numpy()
    table["y"] = np.where(there, 0, _draw(rng, table, "binomial"))
    return Case("y ~ arm * sex + z + (1 | g)", table, "binomial", ("arm[T.c]:sex[T.m]", "arm[T.c]"))


def zero_arm(rng: np.random.Generator) -> Case:
    """An arm of zero counts."""
    table = _table(rng)
    table.loc[table.index[:2], "arm"] = "c"
    there = (table["arm"] == "c").to_numpy()
    table["y"] = np.where(there, 0, _draw(rng, table, "poisson"))
    family = str(rng.choice(["poisson", "negative_binomial_2", "negative_binomial_1"]))
    return Case("y ~ arm + z + (1 | g)", table, family, ("arm[T.c]",))


def inflated(rng: np.random.Generator) -> Case:
    """Zeros wherever a column is high, in a zero-inflated model of counts without it."""
    table = _table(rng)
    cut = np.quantile(table["x"], 0.6)
    counts = np.maximum(_draw(rng, table, "poisson"), 1)
    table["y"] = np.where(table["x"] > cut, 0, counts)
    return Case("y ~ z + (1 | g)", table, "poisson", ("x",), {"zero_inflation": "~ x"})


def clusters(rng: np.random.Generator) -> Case:
    """Clusters with one outcome each."""
    table = _table(rng)
    outcome = rng.permutation(100) % 2
    table["y"] = outcome[table["g"]]
    return Case("y ~ z + (1 | g)", table, "binomial", ("g",))


SEPARATED: tuple[Callable[[np.random.Generator], Case], ...] = (
    complete,
    combination,
    quasi,
    level,
    cell,
    zero_arm,
    inflated,
    clusters,
)


def ordinary(rng: np.random.Generator) -> Case:
    """A set from the same designs whose outcomes are drawn from a model."""
    table = _table(rng)
    kind = int(rng.integers(0, 5))
    formula = str(
        rng.choice(
            ["y ~ x + z + (1 | g)", "y ~ arm + z + (1 | g)", "y ~ arm * sex + year + (1 | g)"]
        )
    )
    if kind < 3:
        table["y"] = _draw(rng, table, "binomial")
        return Case(formula, table, ilk.families.binomial(("logit", "probit", "cloglog")[kind]))
    table["y"] = _draw(rng, table, "poisson")
    return Case(formula, table, ("poisson", "negative_binomial_2")[kind - 3])


def overlaps(fit: ilk.Fit) -> bool:
    """Whether the data of a fit overlap, by the dual program."""
    model = fit.fitted.model
    X = model.design.fixed[0].X
    center, spread = X.mean(axis=0), X.std(axis=0)
    constant = spread == 0.0
    X = np.where(constant, X, (X - center) / np.where(constant, 1.0, spread))
    sign = outcome_signs(model)
    n = len(sign)
    # weights on rows at a limit are at least t; all weights sum to at most n
    signed = np.where(sign == 0.0, 1.0, sign)[:, None] * X
    balance = np.column_stack([signed.T, np.zeros(X.shape[1])])
    free = sign != 0.0
    least = np.column_stack([-np.eye(n)[free], np.ones(int(free.sum()))])
    found = linprog(
        np.append(np.zeros(n), -1.0),
        A_ub=least,
        b_ub=np.zeros(len(least)),
        A_eq=balance,
        b_eq=np.zeros(len(balance)),
        bounds=[(0.0, 1.0) if f else (-1.0, 1.0) for f in free] + [(0.0, 1.0)],
        method="highs-ipm",
    )
    return bool(found.status == 0 and -found.fun > 1e-6)


def one_sided(fit: ilk.Fit) -> bool:
    """Whether some cluster factor has one outcome per level."""
    y, codes = fit.fitted.design.response.y, fit.fitted.design.terms[0].grouping.codes
    events, rows = np.bincount(codes, weights=y), np.bincount(codes)
    return fit.fitted.family.name == "binomial" and bool(np.all((events == 0) | (events == rows)))


def judge(case: Case) -> tuple[ilk.Fit, list[Any]]:
    """Fit a set; the reasons that speak of separation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ilk.fit(case.formula, case.data, family=case.family, **case.options)
    return fit, [reason for reason in fit.verdict.reasons if reason.code in CODES]


def separated_sets(seed: int, per_kind: int) -> dict[str, Any]:
    """Fit separated sets of every kind."""
    out: dict[str, Any] = {}
    for number, make in enumerate(SEPARATED):
        tally: Counter[str] = Counter()
        missed = []
        for i in range(per_kind):
            case = make(np.random.default_rng([seed, number, i]))
            fit, reasons = judge(case)
            said = " ".join(reason.message for reason in reasons)
            tally["sets"] += 1
            tally["found"] += bool(reasons)
            tally["named"] += any(name in said for name in case.culprits)
            tally["status_separated"] += fit.verdict.status.name == "SEPARATED"
            errors = np.asarray(fit.std_errors)
            lost = {(PART[r.code], n) for r in reasons if r.code in PART for n in r.terms}
            shown = [
                name
                for name, error in zip(fit.std_errors.names, errors, strict=True)
                if name in lost and np.isfinite(error)
            ]
            tally["infinite_with_std_error"] += bool(shown)
            if not reasons:
                missed.append(i)
        out[make.__name__] = {**tally, "missed": missed}
    return out


def ordinary_sets(seed: int, count: int) -> dict[str, Any]:
    """Fit sets that overlap until there are enough of them."""
    alarms, made, kept, others, disagree = [], 0, 0, 0, []
    while kept < count:
        case = ordinary(np.random.default_rng([seed, 99, made]))
        made += 1
        fit, reasons = judge(case)
        truth = not has_limits(fit.fitted.model) or overlaps(fit)
        if not truth or one_sided(fit):
            others += 1
            if not reasons:
                disagree.append(made - 1)
            continue
        kept += 1
        if reasons:
            alarms.append([made - 1, reasons[0].code])
    return {
        "sets": kept,
        "false_alarms": alarms,
        "separated_by_chance": others,
        "of_these_missed": disagree,
    }


def main(arguments: list[str]) -> int:
    """Run and record."""
    parser = argparse.ArgumentParser(prog="python -m validation.separation")
    parser.add_argument("--per-kind", type=int, default=45)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=20261130)
    parser.add_argument("--out", default=str(RESULTS / "separation.json"))
    options = parser.parse_args(arguments)
    start = time.monotonic()
    report = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": describe(),
        "versions": {"ilk": ilk.__version__, "numpy": np.__version__},
        "seed": options.seed,
        "separated": separated_sets(options.seed, options.per_kind),
        "ordinary": ordinary_sets(options.seed, options.count),
        "seconds": 0.0,
    }
    report["seconds"] = round(time.monotonic() - start, 1)
    Path(options.out).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    kinds = report["separated"].values()
    found, sets = sum(k["found"] for k in kinds), sum(k["sets"] for k in kinds)
    alarms = len(report["ordinary"]["false_alarms"])
    print(f"{found} of {sets} separated sets found; {alarms} false alarms in {options.count} sets")
    missed = report["ordinary"]["of_these_missed"]
    return int(found < sets or alarms > 0 or bool(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
