"""Quantile plot of random effects."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk

pytest.importorskip("matplotlib")


def data() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(30), 6)
    x, b = rng.normal(size=180), rng.normal(size=(30, 2))
    b[7, 0] = 7.0
    y = b[g, 0] + b[g, 1] * x + rng.normal(size=180)
    return pd.DataFrame({"g": g, "x": x, "y": y})


def test_levels_outside_are_named_and_columns_told_apart():
    axis = ilk.fit("y ~ x + (1 | g)", data()).check("effects", draws=100).plot("effects")
    assert "7" in [text.get_text() for text in axis.texts]
    axis = ilk.fit("y ~ x + (1 + x | g)", data()).check("effects", draws=100).plot("effects")
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert labels == ["Intercept", "x"]
