"""Histograms of draws."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from tests.fits import fit_of

from ilk.errors import ModelError


@pytest.fixture(scope="module")
def answer():
    return fit_of("salamanders").bootstrap(draws=60, seed=1)


def test_all_numbers_have_a_panel(answer):
    axes = answer.plot()
    assert len(axes) == len(answer.estimate)
    titles = [axis.get_title(loc="left") for axis in axes]
    assert titles[0] == "Intercept"
    assert "zero_inflation: Intercept" in titles
    heights = sum(patch.get_height() for patch in axes[0].patches)
    assert heights == 60
    plt.close("all")


def test_one_number_on_given_axes(answer):
    figure, axis = plt.subplots()
    assert answer.plot("sd(Intercept)", axis) is axis
    line = axis.lines[-1].get_xdata()
    row = answer.frame.set_index("term").loc["sd(Intercept)"]
    np.testing.assert_allclose(line, [row.conf_low, row.conf_high])
    plt.close(figure)
    with pytest.raises(ModelError, match="term='sd' is no number of the bootstrap"):
        answer.plot("sd")
    with pytest.raises(ModelError, match="One axis shows one number"):
        answer.plot(ax=axis)


def test_groups_are_named_where_there_are_several():
    axes = fit_of("penicillin").bootstrap(draws=40, seed=1).plot()
    titles = [axis.get_title(loc="left") for axis in axes]
    assert titles[1:] == ["sd(Intercept), plate", "sd(Intercept), sample", "sd(Residual)"]
    plt.close("all")
