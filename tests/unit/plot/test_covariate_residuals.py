"""Residuals against a covariate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.plot.style import ORANGE

pytest.importorskip("matplotlib")


def test_a_curve_outside_of_its_envelope():
    rng = np.random.default_rng(1)
    x = rng.normal(size=200)
    frame = pd.DataFrame({"x": x, "y": x + x**2 + rng.normal(size=200)})
    answer = ilk.fit("y ~ x", frame).check("covariates", draws=100)
    axis = answer.plot("covariates")
    assert axis.get_xlabel() == "x"
    assert axis.lines[-1].get_color() == ORANGE
    curve = axis.lines[-1].get_ydata()
    assert curve[0] > 1.0
    assert min(curve) < 0.0
