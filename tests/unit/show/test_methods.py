"""The paragraph on methods: right for every kind of model, and safe."""

from __future__ import annotations

import re

import numpy as np
import pytest
from tests.fits import FITS, data_of, fit_of
from tests.unit.show.test_html import check

import ilk
from ilk.errors import ModelError


def text(name, **keywords):
    return fit_of(name).methods(**keywords).text


@pytest.mark.parametrize("name", sorted(FITS))
def test_it_is_a_paragraph_of_sentences(name):
    found = fit_of(name).methods()
    assert "\n" not in found.text
    assert "  " not in found.text
    assert not re.search(r"[a-z]\. [a-z]|\.\.|,,| ,|\bnan\b|None", found.text)
    assert found.text.endswith(".")
    assert str(found) == repr(found) == found.text
    check(found.html)


def test_linear_models():
    found = text("sleepstudy")
    assert found.startswith(
        "Reaction was modeled by a linear mixed model with a normal distribution and an identity "
        "link"
    )
    assert "restricted maximum likelihood (REML)" in found
    assert (
        "an intercept and a slope of Days for each level of Subject (n = 18), correlated" in found
    )
    assert "Laplace" not in found
    assert "as well" in found
    assert "Parameters were estimated by maximum likelihood." in text("dyestuff2")
    assert "independent between terms" in text("penicillin")


def test_generalized_models():
    found = text("cbpp")
    assert "The proportion incidence / size was modeled" in found
    assert "Laplace approximation" in found
    assert "conditional effects" in found
    assert "smaller (about 0.96 times these)" in found
    assert "The probability of y = 'yes' was modeled" in text("binary")
    assert "depended on x, sex and x:sex" in text("binary")
    nodes = ilk.fit(FITS["cbpp"][0], data_of("cbpp"), family="binomial", quadrature=9)
    assert "adaptive Gauss-Hermite quadrature with 9 nodes" in nodes.methods().text


def test_zero_inflation_and_dispersion():
    found = text("salamanders")
    assert "mixed with excess zeros" in found
    assert "The logit of an excess zero depended on mined." in found
    fit = ilk.fit("y ~ x + (1 | g)", data_of("gamma"), family="gamma", dispersion="~ x")
    assert "The log dispersion depended on x." in fit.methods().text


def test_offsets_exposures_and_weights():
    assert "The variance of each row was divided by w." in text("weighted")
    data = data_of("gamma").assign(n=lambda d: np.round(5 * d.y), days=10.0, k=2, o=0.1)
    fit = ilk.fit(
        "n ~ x + offset(o) + (1 | g)",
        data,
        family="poisson",
        exposure="days",
        frequency_weights="k",
    )
    found = fit.methods().text
    assert "The logarithm of the exposure days entered with coefficient one." in found
    assert "offset(o)" in found or "o entered with coefficient one" in found
    assert "Each row stood for k identical rows." in found
    assert "standing for 384 observations" in found
    plain = ilk.fit("n ~ x + (1 | g)", data, family="poisson", exposure=np.full(192, 3.0))
    assert "The logarithm of the exposure entered with coefficient one." in plain.methods().text


def test_missing_rows_and_no_random_effects():
    data = data_of("gamma").copy()
    data.loc[[0, 5], "x"] = np.nan
    found = ilk.fit("y ~ x", data).methods().text
    assert "Of 192 rows 190 were used; the others lacked values or information (x: 2)." in found
    assert "linear model with" in found
    assert "conditional" not in found
    assert "Random effects" not in found


def test_the_design_is_said_if_it_is_known():
    assert "associations" not in text("cbpp")
    assert "observational" in text("cbpp", design="observational")
    assert "assigned at random" in text("cbpp", design="randomized")
    with pytest.raises(ModelError, match="Did you mean 'randomized'"):
        fit_of("cbpp").methods(design="randomised")


def test_levels():
    assert "90% intervals" in text("cbpp", level=0.9)
    with pytest.raises(ModelError, match="level"):
        fit_of("cbpp").methods(level=90)


def test_names_from_the_data_are_harmless():
    data = data_of("gamma").rename(columns={"x": "<b>x</b>\x1b[31m"})
    fit = ilk.fit("y ~ `<b>x</b>\x1b[31m` + (1 | g)", data)
    assert "\x1b" not in fit.methods().text
    assert "<b>" not in fit.methods().html


def test_redundant_columns_are_named():
    data = data_of("sleepstudy").assign(again=lambda d: 2 * d["Days"] + 1)
    found = ilk.fit("Reaction ~ Days + again + (1 | Subject)", data).methods().text
    assert "again was left out, because other columns say the same." in found
    assert "left out" not in text("sleepstudy")


def test_the_covariance_matrix_and_degrees_of_freedom_that_are_reported():
    found = text("sleepstudy", df="kenward_roger")
    assert "adjusted for the estimation of the variances (Kenward-Roger)" in found
    assert "use t distributions with Kenward-Roger degrees of freedom." in found
    found = text("sleepstudy", cov="CR2")
    assert (
        "Standard errors of coefficients are CR2, cluster-robust with bias-reduced linearization "
        "(18 clusters of 'Subject');" in found
    )
    assert "degrees of freedom of the robust variance." in found
    assert "normal distribution (infinite" in text("sleepstudy", df="normal")
    assert "clusters - 1 degrees of freedom" in text("penicillin", cov="CR1")
    assert "take the variance parameters as known" in text("cbpp", cov="conditional")
    with pytest.raises(ModelError, match="is not known"):
        text("sleepstudy", df="kr")
