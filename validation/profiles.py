"""Profile limits of coefficients of random models, against refits with the coefficient held.

    python -m validation.profiles            # 500 models, half a minute; results/profiles.json

A coefficient that is held at a value is an offset.  For each of the models of `random_models`, the
two limits of the slope's 95 percent interval are put into the offset of a fit without its column;
twice the loss of log-likelihood must be the square of 1.96.  Fits of the held models start from
nothing that the profile knew.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import ilk
from ilk.errors import IlkError
from ilk.inference.wald import two_sided

from .random_models import random_model

RESULTS = Path(__file__).parent / "results" / "profiles.json"

_MOST_ROWS = 2000


def check(seed: int) -> dict[str, Any] | None:
    """Both limits of one model; None if the model is too large."""
    model = random_model(seed)
    if len(model.data) > _MOST_ROWS:
        return None
    keywords = dict(model.keywords)
    if model.family == "gaussian":
        keywords["reml"] = False
    record: dict[str, Any] = {"seed": seed, "family": model.family, "formula": model.formula}
    try:
        fit = ilk.fit(model.formula, model.data, **keywords)
        frame = fit.conf_int(method="profile", parameters=("mean", "x"))
    except IlkError as error:
        return {**record, "refused": error.code}
    formula = model.formula.replace("x + z", "z", 1)
    x = model.data["x"].to_numpy()
    for name in ("conf_low", "conf_high"):
        limit = float(frame[name].iloc[0])
        if not math.isfinite(limit):
            record[name] = repr(limit)
            continue
        held = ilk.fit(formula, model.data, **{**keywords, "offset": limit * x})
        if held.loglik > fit.loglik:  # where the Laplace approximation breaks down
            record[name] = "the held model ended above the fit"
            continue
        record[name] = math.sqrt(max(0.0, 2.0 * (fit.loglik - held.loglik))) - two_sided(0.95)
    return record


def main() -> None:
    """Check, print what is off, and record."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--models", type=int, default=500)
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    warnings.simplefilter("ignore")
    records = [found for seed in range(given.models) if (found := check(seed)) is not None]
    ends = ("conf_low", "conf_high")
    off = [
        abs(record[name])
        for record in records
        for name in ends
        if isinstance(record.get(name), float)
    ]
    unfinished = [r for r in records if "refused" in r or any(type(r.get(n)) is str for n in ends)]
    for record in unfinished:
        print(record)
    summary = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "ilk": ilk.__version__,
        "models": len(records),
        "limits": len(off),
        "off_by_more_than_1e-4_in_zeta": [
            r for r in records if any(type(r.get(n)) is float and abs(r[n]) > 1e-4 for n in ends)
        ],
        "largest_error_of_the_others": float(f"{max(e for e in off if e <= 1e-4):.2g}"),
        "median_error": float(f"{np.median(off):.2g}"),
        "without_finite_limits": unfinished,
    }
    print({k: v for k, v in summary.items() if k != "without_finite_limits"})
    given.out.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
