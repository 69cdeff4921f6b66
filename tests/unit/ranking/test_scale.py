"""Scales: rates and back, thresholds that cannot be, links that fall or turn."""

from __future__ import annotations

import math

import numpy as np
import pytest

import ilk
from ilk.errors import ModelError
from ilk.ranking.scale import Scale
from ilk.ranking.standards import make_standard
from ilk.ranking.target import choose_target

from ...fits import fit_of
from ...tables import table


def _scale(fit, group, term=None, per=1.0):
    standard = make_standard(fit.fitted, group, "case_mix", "typical")
    target = choose_target(fit.fitted, group, term, standard.weights, standard.fixed)
    return Scale(standard, target, per)


@pytest.mark.parametrize(
    ("name", "group", "per"),
    [("cbpp", "herd", 100.0), ("ticks", "BROOD", 10.0), ("sleepstudy", "Subject", 1.0)],
)
def test_threshold_is_the_inverse_of_the_rate(name, group, per) -> None:
    scale = _scale(fit_of(name), group, per=per)
    for share in (0.6, 1.0, 1.4):
        effect = scale.effect_at(share * scale.center)
        assert scale.values(np.array([effect])) == pytest.approx(share * scale.center, rel=2e-4)


def test_slopes_are_ratios_with_a_log_link() -> None:
    fit = fit_of("gamma")
    scale = _scale(fit, "g", "x")
    assert scale.quantity == "slope"
    assert scale.center == pytest.approx(math.exp(fit.params["x"]))
    assert scale.effect_at(1.0) == 0.0
    assert scale.values(np.array([0.1])) == pytest.approx(math.exp(0.1))
    linear = _scale(fit_of("sleepstudy"), "Subject", "Days")
    assert linear.effect_at(-3.0) == -3.0
    assert linear.center == pytest.approx(fit_of("sleepstudy").params["Days"])


def test_falling_links() -> None:
    fit = ilk.fit("cost ~ (1 | g)", table(), family="gamma", link="inverse")
    scale = _scale(fit, "g")
    assert not scale.rising
    low, high = scale.limits(np.array([-0.02]), np.array([0.02]))
    assert low < scale.center < high
    effect = scale.effect_at(1.1 * scale.center)
    assert effect < 0.0
    assert scale.values(np.array([effect])) == pytest.approx(1.1 * scale.center, rel=1e-3)
    assert scale.effect_at(1e6) < -1e-3  # no pole in between


def test_square_root_link_turns() -> None:
    fit = ilk.fit("count ~ x + (1 | g)", table(), family="poisson", link="sqrt")
    scale = _scale(fit, "g")
    eta = scale.standard.predictors()[0]
    for effect in (-4.0, -0.3, 0.8):
        score = np.abs(np.array([effect + scale.fold]))
        assert scale.values(score) == pytest.approx(np.mean((eta + effect) ** 2))
    assert scale.effect_at(1e-9) == -math.inf


@pytest.mark.parametrize(
    ("name", "group", "term", "threshold", "words"),
    [
        ("cbpp", "herd", None, 1.2, "between 0 and 1"),
        ("ticks", "BROOD", None, -1.0, "above 0"),
        ("gamma", "g", "x", 0.0, "possible ratio"),
        ("cbpp", "herd", None, "high", "give a number"),
        ("cbpp", "herd", None, math.inf, "give a number"),
    ],
)
def test_impossible_thresholds(name, group, term, threshold, words) -> None:
    with pytest.raises(ModelError, match=words):
        _scale(fit_of(name), group, term).effect_at(threshold)


def test_units() -> None:
    with pytest.raises(ModelError, match="compares means"):
        _scale(fit_of("sleepstudy"), "Subject", per=1000)
    with pytest.raises(ModelError, match="positive number"):
        _scale(fit_of("cbpp"), "herd", per=0)
    with pytest.raises(ModelError, match="between 0 and 100"):
        _scale(fit_of("cbpp"), "herd", per=100).effect_at(100.0)
