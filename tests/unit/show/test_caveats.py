"""Caveats: those that apply, none that do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.fits import FITS, data_of, fit_of

import ilk
from ilk.errors import ModelError


def codes(fit, **keywords):
    return set(fit.caveats(**keywords).codes)


@pytest.mark.parametrize("name", sorted(FITS))
def test_each_is_a_sentence_with_advice(name):
    found = fit_of(name).caveats()
    assert len(found) == len(found.codes) == len(set(found.codes)) == len(list(found))
    for item in found:
        assert item.sentence[0].isupper() or item.sentence[0] in "'("
        assert item.sentence.endswith(".")
        assert item.advice.endswith(".")
    assert list(found.frame.columns) == ["code", "sentence", "advice"]
    assert max(map(len, found.text.splitlines())) <= 100
    assert repr(found) == found.text
    assert found[0].code == found[:1][0].code == "association"
    assert str(found[0]) == f"{found[0].sentence} {found[0].advice}"


def test_linear_models():
    found = codes(fit_of("sleepstudy"))
    assert {"exogeneity", "normal_random_effects", "few_clusters", "extrapolation"} <= found
    assert not {"conditional", "noncollapsible", "laplace", "same_slopes", "exposure"} & found
    assert "same_slopes" in codes(fit_of("weighted"))
    assert "singular_covariance" in codes(fit_of("dyestuff2"))


def test_binary_models():
    found = codes(fit_of("binary"))
    assert {"conditional", "noncollapsible", "laplace", "reference_levels"} <= found
    nodes = ilk.fit(FITS["binary"][0], data_of("binary"), family="binomial", quadrature=9)
    assert "laplace" not in codes(nodes)
    assert "few_clusters" not in codes(nodes)


def test_counts():
    assert {"zero_inflation", "conditional"} <= codes(fit_of("salamanders"))
    assert "noncollapsible" not in codes(fit_of("ticks"))
    assert "laplace" not in codes(fit_of("salamanders"))
    data = data_of("gamma").assign(n=lambda d: np.round(5 * d.y), days=10.0, o=0.1)
    fit = ilk.fit("n ~ x + offset(o) + (1 | g)", data, family="poisson", exposure="days")
    text = " ".join(fit.caveats().text.split())
    assert "proportional to days" in text
    assert "coefficient of o is fixed at one" in text


def test_few_and_fewest_clusters():
    data = data_of("gamma")
    few = data[data.g.isin([f"g{i}" for i in range(7)])]
    linear = " ".join(ilk.fit("y ~ x + (1 | g)", few).caveats().text.split())
    assert "the variance is poorly determined" in linear
    assert "tidy(df='kenward_roger')" in linear
    fit = ilk.fit("y ~ x + (1 | g)", few, family="gamma", link="log")
    assert "too optimistic" in " ".join(fit.caveats().text.split())


def test_separation_is_among_them():
    data = data_of("binary").assign(z=lambda d: (d.y == "yes").astype(float))
    with pytest.warns(ilk.IlkWarning, match="separated"):
        fit = ilk.fit("y ~ z + (1 | g)", data, family="binomial")
    assert "separation" in codes(fit)


def test_rows_and_columns_left_out():
    data = data_of("gamma").assign(w=lambda d: 2 * d.x)
    data.loc[3, "x"] = np.nan
    found = codes(ilk.fit("y ~ x + w + (1 | g)", data))
    assert {"dropped_rows", "dropped_columns"} <= found


def test_covariates_of_clusters_do_not_go_with_their_effects_within():
    data = data_of("gamma")
    data["size"] = data.g.str.slice(1).astype(float)
    found = codes(ilk.fit("y ~ size + (1 | g)", data))
    assert not {"exogeneity", "same_slopes"} & found


def test_numbers_that_are_codes_have_no_range():
    data = data_of("gamma").assign(year=np.resize([1, 2, 3, 4], 192))
    found = ilk.fit("y ~ C(year) + (1 | g)", data).caveats()
    assert "extrapolation" not in found.codes
    assert "C(year)" in found.text


def test_models_without_random_effects():
    found = codes(ilk.fit("y ~ x", data_of("gamma")))
    assert found == {"association", "extrapolation"}


def test_what_the_design_says():
    fit = fit_of("cbpp")
    assert "which the model does not know" in fit.caveats()[0].sentence
    assert "observational" in fit.caveats(design="observational")[0].sentence
    assert "is causal" in fit.caveats(design="randomized")[0].sentence
    assert "is causal" in fit.summary(design="randomized").text
    assert "is causal" in fit.summary(design="randomized").html
    with pytest.raises(ModelError, match="design='trial' is not known"):
        fit.caveats(design="trial")
    with pytest.raises(ModelError, match="design="):
        fit.summary(design="random")


def test_html_is_escaped():
    data = data_of("gamma").rename(columns={"g": "<script>g</script>"})
    fit = ilk.fit("y ~ x + (1 | `<script>g</script>`)", data)
    assert "<script>" not in fit.caveats().html
    assert "<script>" not in fit.marginal_coefficients().html


def test_frames_are_of_the_callers_kind():
    assert isinstance(fit_of("cbpp").caveats().frame, pd.DataFrame)


def test_exposure_is_proportional_under_the_link_log_only():
    data = ilk.datasets.load("counseling_rates")
    for family, words in (("poisson", "proportional to opportunities:"), ("gaussian", "is not")):
        fit = ilk.fit("counseled ~ training", data, family, exposure="opportunities")
        (item,) = [item for item in fit.caveats() if item.code == "exposure"]
        assert words in item.sentence
        assert ("exposure_check" in item.advice) == (family == "poisson")
