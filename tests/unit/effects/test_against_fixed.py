"""Fixed, random and correlated random effects side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.within import clustered

import ilk
from ilk.errors import ModelError

pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")


def side(answer, model):
    frame = answer.frame
    return frame[frame.model == model].set_index("term")


def test_sides_are_the_fits_of_their_own():
    data = clustered()
    fit = ilk.fit("count ~ x + z + c + (1 | g)", data, "poisson", exposure="time")
    answer = fit.against_fixed()
    fixed = ilk.fixed("count ~ x + z + c", data, "g", "poisson", exposure="time")
    ours = side(answer, "fixed")
    for name in ("x", "z[T.b]", "z[T.c]"):
        assert ours.estimate[name] == pytest.approx(fixed.params[name], rel=1e-9)
        assert ours.std_error[name] == pytest.approx(fixed.std_errors[name], rel=1e-9)
        assert side(answer, "random").estimate[name] == fit.params[name]
    assert np.isnan(ours.estimate["c"])
    assert side(answer, "fixed").df_clusters.iloc[0] == 12
    assert side(answer, "random").df_clusters.iloc[0] == 1
    means = data.assign(z_b=(data.z == "b") * 1.0, z_c=(data.z == "c") * 1.0)
    for name in ("x", "z_b", "z_c"):
        means[f"m_{name}"] = means.groupby("g")[name].transform("mean")
    wider = ilk.fit(
        "count ~ x + z + c + m_x + m_z_b + m_z_c + (1 | g)", means, "poisson", exposure="time"
    )
    correlated = side(answer, "correlated")
    assert correlated.estimate["x"] == pytest.approx(wider.params["x"], abs=1e-5)
    assert correlated.estimate["between(x, g)"] == pytest.approx(wider.params["m_x"], abs=1e-4)
    assert correlated.df_clusters.iloc[0] == 4


def test_gaussian_correlated_effects_equal_fixed_ones():
    """Mundlak (1978): in a Gaussian random-intercept model the two coincide."""
    answer = ilk.fit("score ~ x + z + (1 | g)", clustered()).against_fixed()
    a, b = side(answer, "fixed"), side(answer, "correlated")
    assert a.estimate.to_numpy() == pytest.approx(b.estimate[a.index].to_numpy(), abs=1e-7)


def test_confounded_clusters_show():
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(80), 6)
    u = rng.normal(size=80)[g]
    x = u + rng.normal(size=480)
    data = pd.DataFrame({"y": 0.5 * x + 1.5 * u + rng.normal(size=480), "x": x, "g": g})
    answer = ilk.fit("y ~ x + (1 | g)", data).against_fixed()
    estimates = answer.frame.set_index("model").estimate
    assert abs(estimates["fixed"] - 0.5) < 0.15
    assert estimates["random"] - estimates["fixed"] > 0.1
    assert "spent on" in answer.text
    assert "spent on" in answer.html


def test_a_loaded_fit_answers_as_well(tmp_path):
    data = clustered()
    fit = ilk.fit(
        "events ~ x * z + (1 + x | g) + (1 | h)",
        data,
        "binomial",
        trials=data.trials.to_numpy(),
        frequency_weights="times",
    )
    fit.save(tmp_path / "fit")
    again = ilk.load(tmp_path / "fit").against_fixed("g").frame
    pd.testing.assert_frame_equal(again, fit.against_fixed("g").frame)
    assert "Random slopes (1 + x | g)" in fit.against_fixed("g").text


@pytest.mark.parametrize(
    ("formula", "arguments", "group", "words"),
    [
        ("score ~ x", {}, None, "no random effects"),
        ("score ~ 1 + (1 | g)", {}, None, "no covariates"),
        ("score ~ x + (1 | g)", {}, "gg", "Did you mean 'g'"),
        ("count ~ x + (1 | g)", {"family": "poisson", "zero_inflation": "~ 1"}, None, "zero"),
        ("score ~ x + (1 | g)", {"dispersion": "~ x"}, None, "dispersion"),
    ],
)
def test_bad_input(formula, arguments, group, words):
    fit = ilk.fit(formula, clustered(), **arguments)
    with pytest.raises(ModelError, match=words):
        fit.against_fixed(group)


def test_intervals_are_those_of_the_fits():
    fit = ilk.fit("score ~ x + z + (1 | g)", clustered())
    own = fit.tidy().set_index("term")
    fixed = ilk.fixed("score ~ x + z", clustered(), "g").tidy().set_index("term")
    answer = fit.against_fixed()
    for name in ("x", "z[T.b]"):
        assert side(answer, "random").conf_low[name] == pytest.approx(own.conf_low[name])
        assert side(answer, "fixed").conf_low[name] == pytest.approx(fixed.conf_low[name])
