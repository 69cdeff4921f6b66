"""Pictures of checks."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import fit_of

import ilk
from ilk.errors import ModelError
from ilk.plot.checks import PICTURES, pictured
from ilk.plot.style import BLUE, ORANGE


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(30), 10)
    mu = np.exp(0.8 + 0.5 * rng.normal(size=30)[g])
    x = rng.normal(size=300)
    y = rng.negative_binomial(1.5, 1.5 / (1.5 + mu))
    fit = ilk.fit("y ~ x + (1 | g)", {"y": y, "g": g, "x": x}, family="poisson")
    time = np.tile(np.arange(10), 30)
    return fit.check(
        time=time,
        coordinates=(x, rng.normal(size=300)),
        relatedness={"g": np.exp(-np.abs(np.subtract.outer(np.arange(30.0), np.arange(30.0))))},
    )


def test_panel_has_all(found) -> None:
    axes = found.plot()
    titles = [axis.get_title(loc="left") for axis in axes]
    assert "Mean and variance" in titles
    assert "Neighbors in time: time within g" in titles
    assert len(axes) == sum(bool(pictured(found.checks, kind)) for kind in PICTURES)


@pytest.mark.parametrize("kind", ["qq", "pattern", "dispersion", "zeros", "groups", "time"])
def test_one_picture(found, kind: str) -> None:
    axis = found.plot(kind)
    assert axis.get_xlabel()
    assert axis.get_ylabel()


def test_pictures_show_the_numbers(found) -> None:
    detail = found["uniformity"][0].detail
    line = found.plot("qq").lines[-1]
    assert line.get_color() == ORANGE
    np.testing.assert_allclose(line.get_ydata(), detail["observed"])
    zeros = found.plot("zeros")
    assert zeros.lines[-1].get_xdata()[0] == found["zeros"][0].statistic
    points = np.concatenate([c.get_offsets() for c in found.plot("dispersion").collections[1:]])
    seen = found["dispersion"][0].detail
    np.testing.assert_allclose(np.sort(points[:, 1]), np.sort(seen["variance"]))
    good = fit_of("binary").check("uniformity").plot("qq")
    assert good.lines[-1].get_color() == BLUE


def test_the_worst_check_is_drawn(found) -> None:
    able = pictured(found.checks, "dispersion")
    assert able[0].verdict == "problem"


def test_on_axes_of_ones_own(found) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    axis = pyplot.subplots()[1]
    assert found.plot("outliers", ax=axis) is axis


def test_what_cannot_be_drawn(found) -> None:
    with pytest.raises(ModelError, match="Did you mean 'zeros'"):
        found.plot("zero")
    with pytest.raises(ModelError, match="was not made or has no picture"):
        fit_of("binary").check("outliers").plot("time")
    with pytest.raises(ModelError, match="No check of this answer"):
        fit_of("binary").check("convergence").plot()
    with pytest.raises(ModelError, match="give kind="):
        found.plot(ax=object())
