"""The picture of bias against correlation."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.diagnostics.exogeneity.bias import BiasCurve
from ilk.plot.bias import draw_bias


def curve(term, own, slope):
    names = ("Intercept", "x", "z")
    rho = np.linspace(-0.9, 0.9, 7)
    return BiasCurve("g", term, names, np.array(slope), 1.0, np.zeros(3), rho, own, 0.3)


ERRORS = {("mean", "x"): 0.1, ("mean", "z"): 0.5}


def test_one_curve_is_in_units_of_the_coefficient():
    axis = draw_bias([curve("x", 1, [0.0, 0.2, 0.0])], ERRORS)
    line = axis.lines[2]
    assert line.get_ydata() == pytest.approx(0.2 * np.asarray(line.get_xdata()))
    assert axis.lines[3].get_ydata()[0] == pytest.approx(0.06)
    assert axis.get_ylabel() == "bias of x"
    assert axis.get_legend() is None


def test_several_are_in_standard_errors():
    curves = [curve("x", 1, [0.0, 0.2, 0.0]), curve("z", 2, [0.0, 0.0, 0.2])]
    axis = draw_bias(curves, ERRORS)
    assert axis.lines[2].get_ydata()[-1] == pytest.approx(0.9 * 2.0)
    assert axis.lines[4].get_ydata()[-1] == pytest.approx(0.9 * 0.4)
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["x, g", "z, g"]
