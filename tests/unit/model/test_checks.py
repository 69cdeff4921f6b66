"""Separation and identifiability."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.errors import DataError, ModelError
from ilk.model import Model
from ilk.model.checks import check_identified, homogeneous_groups

Maker = Callable[..., Model]


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_homogeneous_groups(model: Maker) -> None:
    data = frame(y=np.repeat([0, 1, 1, 0], 5), g=np.repeat(list("abcd"), 5))
    assert homogeneous_groups(model("y ~ 1 + (1 | g)", data, "binomial")) == "g"
    data.loc[0, "y"] = 1
    assert homogeneous_groups(model("y ~ 1 + (1 | g)", data, "binomial")) is None


def test_saturated_term_is_refused(model: Maker) -> None:
    data = frame(y=np.arange(6.0), g=list("abcdef"))
    with pytest.raises(DataError, match=r"1 \| g"):
        check_identified(model("y ~ 1 + (1 | g)", data))


def test_levels_with_a_known_structure_need_no_repetition() -> None:
    """One row per individual: relatives tell the variance of the levels from the residual."""
    rng = np.random.default_rng(1)
    K = 0.5 * np.eye(40) + 0.5 * np.kron(np.eye(10), np.ones((4, 4)))
    names = [f"i{k}" for k in range(40)]
    data = frame(y=np.linalg.cholesky(K) @ rng.normal(size=40) + rng.normal(size=40), g=names)
    fit = ilk.fit("y ~ 1 + (1 | g)", data, covariance={"g": ilk.covariance.known(K, names)})
    assert fit.verdict.converged


def test_equal_partitions_are_refused_by_any_name(model: Maker) -> None:
    data = frame(y=np.arange(12.0) ** 1.5, g=np.repeat([1, 2, 3], 4), h=np.repeat(list("zyx"), 4))
    with pytest.raises(ModelError, match="cannot be told apart"):
        check_identified(model("y ~ 1 + (1 | g) + (1 | h)", data))
