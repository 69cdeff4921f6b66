"""What is ranked: combinations, their variances, unknown names."""

from __future__ import annotations

import numpy as np
import pytest

import ilk
from ilk.errors import DataError, ModelError
from ilk.ranking.standards import make_standard
from ilk.ranking.target import choose_target, conditional_variances, own_terms

from ...answers import counts
from ...fits import data_of, fit_of


def _target(fit, group, term=None):
    standard = make_standard(fit.fitted, group, "case_mix")
    return choose_target(fit.fitted, group, term, standard.weights, standard.fixed)


def test_overall_effect_does_not_depend_on_the_origin_of_a_slope() -> None:
    """Days from 0 and days from 100: the same combination, to rounding."""
    fit = fit_of("sleepstudy")
    data = data_of("sleepstudy").assign(late=lambda d: d.Days + 100.0)
    other = ilk.fit("Reaction ~ late + (1 + late | Subject)", data)
    pairs = [(_target(f, "Subject"), f.fitted) for f in (fit, other)]
    a, b = (target.combine(fitted.estimates.modes) for target, fitted in pairs)
    assert a == pytest.approx(b, rel=1e-3)
    assert pairs[0][0].name == "mean"
    v, w = (target.prior_variance(fitted.estimates.covariances) for target, fitted in pairs)
    assert v == pytest.approx(w, rel=1e-3)


def test_variances_count_the_covariance_between_terms() -> None:
    """Two terms of one factor are correlated given the data; blocks by term do not show it."""
    data = counts().assign(x=lambda d: d.x + 2.0)
    fit = ilk.fit("y ~ x + (1 | person) + (0 + x | person)", data, family="poisson")
    target = _target(fit, "person")
    joint = fit.joint_covariance("person", uncertainty="conditional")
    levels = len(target.levels)
    rows = np.hstack([np.eye(levels), target.weights[1][0] * np.eye(levels)])
    _, error = joint.combine(rows)
    assert conditional_variances(fit.fitted, target) == pytest.approx(error**2)


def test_own_terms_are_those_of_the_factor_and_inside_it() -> None:
    fit = ilk.fit("y ~ (1 | school/person) + (1 | item)", counts(), family="poisson")
    names = [term.grouping.name for term in fit.fitted.design.terms]
    own = {names[t] for t in own_terms(fit.fitted, "school")}
    assert own == {"school", "school:person"}
    assert [names[t] for t in own_terms(fit.fitted, "item")] == ["item"]


def test_unknown_names_are_refused() -> None:
    fit = fit_of("sleepstudy")
    with pytest.raises(DataError, match="Did you mean 'Subject'"):
        _target(fit, "Subjects")
    with pytest.raises(DataError, match="Did you mean 'Days'"):
        _target(fit, "Subject", "Day")
    with pytest.raises(DataError, match="grouping factor"):
        _target(fit, 3)
    plain = ilk.fit("y ~ x", counts(), family="poisson")
    with pytest.raises(ModelError, match=r"add \(1 \| person\)"):
        _target(plain, "person")


def test_effects_on_the_dispersion_are_not_ranked() -> None:
    data = counts(60, 6)
    fit = ilk.fit(
        "y ~ x + (1 | item)",
        data,
        family="negative_binomial_2",
        dispersion="~ 1 + (1 | school)",
    )
    with pytest.raises(ModelError, match="'school' has random effects in the dispersion only"):
        _target(fit, "school")
