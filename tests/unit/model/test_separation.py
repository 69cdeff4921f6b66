"""Separation: found by programs, disproved by weights, described in the user's terms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from ilk.model import Model
from ilk.model.separation import has_limits, outcome_signs, separating_direction

Maker = Callable[..., Model]


def overlap_by_dual(sign: np.ndarray, X: np.ndarray) -> bool:
    """Stiemke's alternative: weights of at least one on rows at a limit balance the columns."""
    free = sign != 0.0
    if np.linalg.matrix_rank(X) < X.shape[1]:
        raise ValueError("columns must be independent")
    balance = (np.where(free, sign, 1.0)[:, None] * X).T
    bounds = [(1.0, None) if f else (None, None) for f in free]
    found = linprog(np.zeros(len(X)), A_eq=balance, b_eq=np.zeros(X.shape[1]), bounds=bounds)
    return bool(found.status == 0)


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_primal_and_dual_agree_on_small_integers(model: Maker, family: str) -> None:
    """Ties, empty cells and thresholds come about by themselves in tables of few values."""
    rng = np.random.default_rng(7)
    tally = {True: 0, False: 0}
    while min(tally.values()) < 15:
        n = int(rng.integers(6, 14))
        data = pd.DataFrame(
            {
                "y": rng.integers(0, 2, n),
                "x": rng.integers(0, 4, n).astype(float),
                "z": rng.integers(0, 2, n).astype(float),
            }
        )
        made = model("y ~ x + z", data, family)
        X = made.design.fixed[0].X
        if X.shape[1] < 3 or len(set(data["y"])) < 2:
            continue
        found = separating_direction(made)
        assert (found is None) == overlap_by_dual(outcome_signs(made), X)
        tally[found is None] += 1
        if found is None:
            continue
        moved = outcome_signs(made) * (X @ found.direction)
        assert moved.min() > -1e-6
        assert moved.max() > 1e-4


def test_what_stands_is_what_the_rest_determines(model: Maker) -> None:
    """Coefficients without an estimate: those that rows that never move do not determine."""
    rng = np.random.default_rng(8)
    arm = np.repeat(["a", "b", "c"], 20)
    y = rng.integers(0, 2, 60)
    y[arm == "a"] = 0  # the reference: the intercept goes, and with it all contrasts with it
    data = pd.DataFrame({"y": y, "arm": arm, "x": rng.normal(size=60)})
    found = separating_direction(model("y ~ arm + x", data, "binomial"))
    assert found is not None
    assert found.infinite == ("Intercept", "arm[T.b]", "arm[T.c]")
    assert found.rows == 20
    y = rng.integers(0, 2, 60)
    y[arm == "c"] = 1
    found = separating_direction(model("y ~ arm + x", data.assign(y=y), "binomial"))
    assert found is not None
    assert (found.names, found.infinite) == (("arm[T.c]",), ("arm[T.c]",))
    assert found.upward


def test_two_levels_are_both_found(model: Maker) -> None:
    """One direction hides nothing: rows that another moves are looked for in what is left."""
    rng = np.random.default_rng(9)
    arm, site = rng.choice(list("abc"), 120), rng.choice(list("pqr"), 120)
    y = rng.integers(0, 2, 120)
    y[arm == "c"] = 1
    y[(site == "r") & (arm != "c")] = 0
    data = pd.DataFrame({"y": y, "arm": arm, "site": site})
    found = separating_direction(model("y ~ arm + site", data, "binomial"))
    assert found is not None
    assert found.infinite == ("arm[T.c]", "site[T.r]")
    assert found.rows == int(np.sum((arm == "c") | (site == "r")))


def test_few_columns_are_named(model: Maker) -> None:
    """A combination of two columns among six."""
    rng = np.random.default_rng(10)
    X = rng.normal(size=(80, 6))
    data = pd.DataFrame(X, columns=list("uvwabc"))
    data["y"] = (X[:, 0] + 2.0 * X[:, 1] > 0.1).astype(int)
    found = separating_direction(model("y ~ u + v + w + a + b + c", data, "binomial"))
    assert found is not None
    assert {"u", "v"} <= set(found.names)
    assert len(found.names) < 6
    assert len(found.infinite) == 7


def test_many_rows_are_answered_by_a_sample(model: Maker) -> None:
    """Overlap of 30,000 rows, a rare level of 12 rows that separates, and a combination."""
    rng = np.random.default_rng(11)
    n = 30_000
    x, z = rng.normal(size=(2, n))
    rare = np.zeros(n)
    rare[rng.choice(n, 12, replace=False)] = 1.0
    y = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(int)
    data = pd.DataFrame({"x": x, "z": z, "rare": rare})
    y[np.flatnonzero(rare)[:2]] = 0, 1
    assert separating_direction(model("y ~ x + z + rare", data.assign(y=y), "binomial")) is None
    y[rare == 1.0] = 1
    found = separating_direction(model("y ~ x + z + rare", data.assign(y=y), "binomial"))
    assert found is not None
    assert (found.names, found.infinite, found.rows) == (("rare",), ("rare",), 12)
    y = (x + 0.5 * z > 0.2).astype(int)
    found = separating_direction(model("y ~ x + z + rare", data.assign(y=y), "binomial"))
    assert found is not None
    assert set(found.names) == {"x", "z"}
    assert found.rows == n


def test_units_do_not_matter(model: Maker) -> None:
    """Raw years and columns of tiny and huge scale."""
    rng = np.random.default_rng(12)
    year = rng.integers(2001, 2021, 90).astype(float)
    x = rng.normal(size=90)
    y = (year > 2010).astype(int)
    data = pd.DataFrame({"year": year, "x": 1e-8 * x, "w": 1e8 * rng.normal(size=90), "y": y})
    found = separating_direction(model("y ~ year + x + w", data, "binomial"))
    assert found is not None
    assert found.names == ("year",)


def test_trials_between_the_limits_hold_still(model: Maker) -> None:
    x = np.arange(8.0)
    data = pd.DataFrame({"x": x, "n": 5.0, "y": [0, 0, 0, 0, 5, 5, 5, 5]})
    assert separating_direction(model("y ~ x", data, "binomial", trials="n")) is not None
    data.loc[3, "y"] = 2  # one row between: its predictor may not move, all others still can
    found = separating_direction(model("y ~ x", data, "binomial", trials="n"))
    assert found is not None
    assert found.rows == 7
    data.loc[5, "y"] = 3  # two rows between, at different x, hold both coefficients
    assert separating_direction(model("y ~ x", data, "binomial", trials="n")) is None


def test_rows_of_no_weight_say_nothing(model: Maker) -> None:
    x = np.arange(8.0)
    y = np.array([0, 1, 0, 0, 1, 1, 1, 1])
    data = pd.DataFrame({"x": x, "y": y, "w": [1.0, 0.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0]})
    assert separating_direction(model("y ~ x", data, "binomial")) is None
    weighted = model("y ~ x", data, "binomial", frequency_weights="w")
    found = separating_direction(weighted)
    assert found is not None
    assert found.names == ("x",)


@pytest.mark.parametrize("family", ["gamma", "gaussian", "beta"])
def test_other_families_have_no_limits(model: Maker, family: str) -> None:
    x = np.linspace(0.1, 0.9, 20)
    made = model("y ~ x", pd.DataFrame({"x": x, "y": x**2}), family)
    assert not has_limits(made)
    assert separating_direction(made) is None


def test_complete_separation_names_the_column(model: Maker) -> None:
    x = np.linspace(-1.0, 1.0, 40)
    groups = np.tile(list("abcd"), 10)
    data = pd.DataFrame(
        {"y": (x > 0.1).astype(int), "x": x, "z": np.tile([0.0, 1.0], 20), "g": groups}
    )
    found = separating_direction(model("y ~ x + z + (1 | g)", data, "binomial"))
    assert found is not None
    assert found.names == ("x",)
    assert found.rows >= 38


def test_quasi_separation_by_a_level(model: Maker) -> None:
    """A level in which nothing ever happens."""
    rng = np.random.default_rng(2)
    arm = np.repeat(["a", "b", "c"], 20)
    y = rng.integers(0, 2, 60)
    y[arm == "c"] = 0
    data = pd.DataFrame({"y": y, "arm": arm, "g": np.tile(np.arange(10), 6)})
    found = separating_direction(model("y ~ arm + (1 | g)", data, "binomial"))
    assert found is not None
    assert found.names == ("arm[T.c]",)
    assert found.rows == 20


def test_zero_arm_of_counts(model: Maker) -> None:
    rng = np.random.default_rng(3)
    arm = np.repeat([0, 1], 30)
    y = np.where(arm == 1, 0, rng.poisson(2.0, 60))
    data = pd.DataFrame({"y": y, "arm": arm, "g": np.arange(60) % 6})
    found = separating_direction(model("y ~ arm + (1 | g)", data, "poisson"))
    assert found is not None
    assert found.names == ("arm",)


def test_no_false_alarm(model: Maker) -> None:
    """Ordinary data overlap."""
    rng = np.random.default_rng(4)
    for _ in range(50):
        x, z = rng.normal(size=(2, 50))
        y = (rng.random(50) < 1 / (1 + np.exp(-x))).astype(int)
        data = pd.DataFrame({"y": y, "x": x, "z": z, "g": np.arange(50) % 5})
        assert separating_direction(model("y ~ x + z + (1 | g)", data, "binomial")) is None
