"""Coefficients that one cluster alone determines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.inference.robust.sole import sole_sources


def data():
    rng = np.random.default_rng(0)
    g = np.repeat(np.arange(30), 6)
    x = 1e4 + rng.normal(size=180)
    mean = np.exp(0.3 * (x - 1e4) + 0.7 * rng.normal(size=30)[g])
    frame = pd.DataFrame({"g": g, "x": x, "y": rng.poisson(mean)})
    frame["region"] = np.select([g == 3, g < 12], ["lone", "north"], "south")
    return frame


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR2", "CR3"])
def test_a_region_of_one_cluster(family, kind):
    """What rests on it has no robust error; it is the reference level of the others."""
    frame = data()
    fit = ilk.fit("y ~ x + region + (1 | g)", frame, family=family)
    names = [name for _, name in fit.fitted.names]
    found = fit.cov_with(kind)
    np.testing.assert_array_equal(sole_sources(fit.fitted, frame.g.to_numpy()), alone(names))
    np.testing.assert_array_equal(np.isnan(np.diag(found.matrix)), alone(names))
    np.testing.assert_array_equal(np.isnan(found.coefficient_df()), alone(names))
    assert "determined by one cluster alone" in found.kind


def alone(names):
    """The intercept and both contrasts rest on the lone region."""
    return np.array([name != "x" for name in names])


def test_another_reference():
    frame = data()
    frame["region"] = pd.Categorical(frame.region, ["south", "north", "lone"])
    fit = ilk.fit("y ~ x + region + (1 | g)", frame)
    found = fit.tidy(cov="CR2").set_index("term").std_error
    assert np.isnan(found["region[T.lone]"])
    assert found["region[T.north]"] > 0.0
    rest = frame[frame.region != "lone"]
    without = ilk.fit("y ~ x + region + (1 | g)", rest).tidy(cov="CR2").set_index("term").std_error
    assert found["region[T.north]"] == pytest.approx(without["region[T.north]"], rel=0.05)


def test_contrasts_of_the_others():
    """The intercept rests on the lone region, but the difference of the two others does not."""
    fit = ilk.fit("y ~ x + region + (1 | g)", data())
    found = fit.cov_with("CR2")
    assert np.isnan(found.df(np.array([0.0, 0.0, 1.0, 0.0])))
    assert found.df(np.array([0.0, 1.0, 0.0, 0.0])) > 5.0


def test_none():
    fit = ilk.fit("y ~ x + (1 | g)", data())
    assert not sole_sources(fit.fitted, data().g.to_numpy()).any()


def test_nothing_left():
    frame = data()
    frame["first"] = (frame.g == 0).astype(float)
    fit = ilk.fit("y ~ 0 + first + (0 + first | g)", frame[frame.g < 20])
    with pytest.raises(ilk.FitError, match="Every coefficient is determined by one cluster"):
        fit.cov_with("CR1")
