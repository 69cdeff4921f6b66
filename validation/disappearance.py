r"""Change within individuals by `ilk.within_between` in data sets drawn like `gull_mass`.

    python -m validation.disappearance        # a minute; writes results/disappearance.json

Means over data sets of the errors of the slope within gulls, its change, and the drop in the last
year, of the coverage of the slope's 95 % interval, and of the error of the slope of a model with a
random intercept and age alone.
"""

from __future__ import annotations

import datetime
import json
import warnings
from pathlib import Path

import numpy as np
from benchmarks.machine import describe
from numpy.random import RandomState

import ilk
from ilk.datasets import simulate, truth

RESULTS = Path(__file__).parent / "results" / "disappearance.json"
FIRST_SEED = 1000
SETS = 200


def one(seed: int) -> list[float]:
    """Errors of one data set."""
    simulate.RandomState = lambda _: RandomState(seed)  # type: ignore[assignment, misc]
    data = {name: np.array(values) for name, values in simulate.gull_mass().items()}
    made = ilk.within_between(data, "age", "gull", alive="alive")
    fit = ilk.fit(made.formula("mass"), made.data)
    age = f"I(age - {made.center:g})"
    plain = ilk.fit(f"mass ~ {age} + I((age - {made.center:g})**2) + (1 | gull)", data)
    real = truth.GULL_MASS
    slope = real["age"] + 2.0 * real["age_squared"] * (made.center - 8.0)
    error = fit.params["age_within"] - slope
    return [
        error,
        fit.params["age_within_squared"] - real["age_squared"],
        fit.params["within(age_terminal, gull)"] - real["terminal"],
        float(abs(error) < 1.96 * fit.std_errors["age_within"]),
        plain.params[age] - slope,
    ]


def main() -> None:
    """Run and record."""
    warnings.simplefilter("ignore")
    values = np.array([one(FIRST_SEED + k) for k in range(SETS)])
    names = ("slope", "squared", "terminal", "coverage", "slope_of_random_intercept_alone")
    record = {
        "date": datetime.date.today().isoformat(),
        "ilk": ilk.__version__,
        "numpy": np.__version__,
        "machine": describe(),
        "first_seed": FIRST_SEED,
        "sets": SETS,
        "mean": dict(zip(names, values.mean(axis=0).round(4).tolist(), strict=True)),
        "monte_carlo_error": dict(
            zip(names, (values.std(axis=0) / np.sqrt(SETS)).round(4).tolist(), strict=True)
        ),
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
