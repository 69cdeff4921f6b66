"""Time of profile-likelihood intervals, beside lme4's.

    python -m benchmarks.profiles              # writes results/profiles.json

Both find 95 percent limits of all parameters of a fit that is there already: `Fit.conf_int` with
``method="profile"``, and lme4's ``confint(fit, method = "profile")`` with its usual settings, each
in a process of one thread; seconds are of the processor.  The limits are compared too, in units of
a standard error.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
from tests.reference.data import case, table

import ilk

from .machine import describe

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "profiles.json"
DATA = HERE.parent / "tests" / "reference" / "data"

CASES: dict[str, dict[str, Any]] = {
    "sleepstudy": {
        "case": "lmm-sleepstudy-slope-reml",
        "formula": "Reaction ~ Days + (1 + Days | Subject)",
        "keywords": {"reml": False},
        "lme4": "lmer(Reaction ~ Days + (1 + Days | Subject), d, REML = FALSE)",
        "order": ["sd(Intercept)", "correlation(Intercept ~ Days)", "sd(Days)", "sd(Residual)",
                  "Intercept", "Days"],
    },
    "cbpp": {
        "case": "glmm-cbpp-laplace",
        "formula": "incidence / size ~ period + (1 | herd)",
        "keywords": {"family": "binomial"},
        "lme4": "glmer(cbind(incidence, size - incidence) ~ factor(period) + (1 | herd), d, "
                "binomial)",
        "order": ["sd(Intercept)", "Intercept", "period[T.2]", "period[T.3]", "period[T.4]"],
    },
}  # fmt: skip
"""What is fitted, and lme4's order of the parameters."""


def by_ilk(found: dict[str, Any], rounds: int) -> tuple[float, np.ndarray]:
    """Median seconds, and limits (k, 2) in the order of lme4."""
    fit = ilk.fit(found["formula"], table(case(found["case"])), **found["keywords"])
    frame = fit.conf_int(method="profile")
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        frame = fit.conf_int(method="profile")
        seconds.append(time.process_time() - start)
    limits = frame.set_index("term").loc[found["order"], ["conf_low", "conf_high"]].to_numpy()
    return statistics.median(seconds), limits


def by_lme4(name: str, found: dict[str, Any]) -> tuple[float, np.ndarray] | None:
    """Seconds and limits of one run in R; None where there is no R with lme4."""
    if shutil.which("Rscript") is None:
        return None
    script = f"""
    suppressMessages({{library(lme4); library(jsonlite)}})
    d <- read.csv({json.dumps(str(DATA / (name + ".csv")))}); fit <- {found["lme4"]}
    t <- system.time(ci <- suppressMessages(confint(fit, method = "profile", quiet = TRUE)))
    cat(toJSON(list(seconds = t[["user.self"]] + t[["sys.self"]], limits = unname(ci)), digits = 10,
               auto_unbox = TRUE))
    """
    done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    return float(answer["seconds"]), np.array(answer["limits"], dtype=float)


def main() -> None:
    """Measure, print and record."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    cases = {}
    for name, found in CASES.items():
        seconds, limits = by_ilk(found, given.rounds)
        cases[name] = {"ilk": round(seconds, 4)}
        peer = by_lme4(name, found)
        if peer is not None:
            error = (limits[:, 1] - limits[:, 0]) / 3.92
            cases[name]["lme4"] = round(peer[0], 3)
            cases[name]["ratio"] = round(peer[0] / seconds, 1)
            apart = np.max(np.abs(limits - peer[1]) / error[:, None])
            cases[name]["greatest difference in standard errors"] = float(f"{apart:.2g}")
        print(name, cases[name])
    record = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "rounds": given.rounds,
        "ilk": ilk.__version__,
        "machine": describe(),
        "seconds": cases,
    }
    given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
