"""Separation and identifiability."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ilk.errors import DataError, ModelError
from ilk.model import Model
from ilk.model.checks import check_identified, homogeneous_groups
from ilk.model.separation import separating_direction

Maker = Callable[..., Model]


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_complete_separation_names_the_column(model: Maker) -> None:
    x = np.linspace(-1.0, 1.0, 40)
    groups = np.tile(list("abcd"), 10)
    data = frame(y=(x > 0.1).astype(int), x=x, z=np.tile([0.0, 1.0], 20), g=groups)
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
    data = frame(y=y, arm=arm, g=np.tile(np.arange(10), 6))
    found = separating_direction(model("y ~ arm + (1 | g)", data, "binomial"))
    assert found is not None
    assert found.names == ("arm[T.c]",)
    assert found.rows == 20


def test_zero_arm_of_counts(model: Maker) -> None:
    rng = np.random.default_rng(3)
    arm = np.repeat([0, 1], 30)
    data = frame(y=np.where(arm == 1, 0, rng.poisson(2.0, 60)), arm=arm, g=np.arange(60) % 6)
    found = separating_direction(model("y ~ arm + (1 | g)", data, "poisson"))
    assert found is not None
    assert found.names == ("arm",)


def test_no_false_alarm(model: Maker) -> None:
    """Ordinary data overlap."""
    rng = np.random.default_rng(4)
    for _ in range(50):
        x, z = rng.normal(size=(2, 50))
        y = (rng.random(50) < 1 / (1 + np.exp(-x))).astype(int)
        data = frame(y=y, x=x, z=z, g=np.arange(50) % 5)
        assert separating_direction(model("y ~ x + z + (1 | g)", data, "binomial")) is None


def test_homogeneous_groups(model: Maker) -> None:
    data = frame(y=np.repeat([0, 1, 1, 0], 5), g=np.repeat(list("abcd"), 5))
    assert homogeneous_groups(model("y ~ 1 + (1 | g)", data, "binomial")) == "g"
    data.loc[0, "y"] = 1
    assert homogeneous_groups(model("y ~ 1 + (1 | g)", data, "binomial")) is None


def test_saturated_term_is_refused(model: Maker) -> None:
    data = frame(y=np.arange(6.0), g=list("abcdef"))
    with pytest.raises(DataError, match=r"1 \| g"):
        check_identified(model("y ~ 1 + (1 | g)", data))


def test_equal_partitions_are_refused_by_any_name(model: Maker) -> None:
    data = frame(y=np.arange(12.0) ** 1.5, g=np.repeat([1, 2, 3], 4), h=np.repeat(list("zyx"), 4))
    with pytest.raises(ModelError, match="cannot be told apart"):
        check_identified(model("y ~ 1 + (1 | g) + (1 | h)", data))
