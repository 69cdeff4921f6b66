"""Separation and identifiability."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

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


def test_equal_partitions_are_refused_by_any_name(model: Maker) -> None:
    data = frame(y=np.arange(12.0) ** 1.5, g=np.repeat([1, 2, 3], 4), h=np.repeat(list("zyx"), 4))
    with pytest.raises(ModelError, match="cannot be told apart"):
        check_identified(model("y ~ 1 + (1 | g) + (1 | h)", data))
