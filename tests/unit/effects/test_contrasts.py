"""Contrasts of marginal means against coefficients, predictions and standardization."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ilk
from ilk.effects.contrasts import contrasts
from ilk.effects.means import marginal_means

from ...fits import fit_of
from .test_means import DATA, gap

pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")


@pytest.fixture(scope="module")
def binary() -> Any:
    return ilk.fit("y ~ arm + site + dose + (1 | g)", DATA, family="binomial")


def test_without_interactions_they_are_the_coefficients(binary: Any) -> None:
    found = contrasts(binary.fitted, "arm", "reference", adjust="none")
    tidy = binary.tidy()
    rows = tidy[tidy.term.isin(["arm[T.b]", "arm[T.c]"])]
    assert found.measure == "odds_ratio"
    assert found.references == ("a", "a")
    assert np.log(found.estimate) == pytest.approx(rows.estimate.to_numpy(), rel=1e-9)
    assert found.std_error / found.estimate == pytest.approx(rows.std_error.to_numpy(), rel=1e-7)
    assert found.statistic == pytest.approx(rows.statistic.to_numpy(), rel=1e-7)
    assert found.p_value == pytest.approx(rows.p_value.to_numpy(), rel=1e-6)
    assert np.log(found.conf_low) == pytest.approx(rows.conf_low.to_numpy(), rel=1e-7)


def test_measures_by_link(binary: Any) -> None:
    log = ilk.fit("count ~ arm + (1 | g)", DATA, family="poisson", exposure="days").fitted
    assert contrasts(log, "arm").measure == "ratio"
    assert contrasts(binary.fitted, "arm", scale="link").measure == "difference"
    probit = ilk.fit("y ~ arm + (1 | g)", DATA, family="binomial", link="probit").fitted
    assert contrasts(probit, "arm").measure == "difference"
    many = contrasts(log, "arm", per=1000.0, measure="difference")
    one = contrasts(log, "arm", measure="difference")
    assert many.estimate == pytest.approx(1000.0 * one.estimate)
    assert contrasts(log, "arm", per=1000.0).estimate == pytest.approx(
        contrasts(log, "arm").estimate
    )


@pytest.mark.parametrize("measure", ["difference", "ratio", "odds_ratio"])
@pytest.mark.parametrize("estimand", ["population", "typical", "conditional"])
def test_measures_equal_standardization_on_the_same_rows(
    binary: Any, measure: Any, estimand: Any
) -> None:
    found = contrasts(
        binary.fitted,
        "arm",
        "reference",
        measure=measure,
        estimand=estimand,
        average="mean",
        grid="observed",
        adjust="none",
    )
    other = binary.standardize("arm", measures=measure, estimand=estimand).frame
    other = other[other.measure == measure]
    assert found.estimate == pytest.approx(other.estimate.to_numpy(), rel=1e-10)
    assert found.std_error == pytest.approx(other.std_error.to_numpy(), rel=1e-8)
    assert found.conf_low == pytest.approx(other.conf_low.to_numpy(), rel=1e-7)


def test_families_by_group_are_judged_apart() -> None:
    fitted = ilk.fit("score ~ arm * site + (1 | g)", DATA).fitted
    found = contrasts(fitted, "arm", by="site")
    assert found.groups == (("x",),) * 3 + (("y",),) * 3
    for k, site in enumerate("xy"):
        alone = contrasts(fitted, "arm", at={"site": site})
        where = slice(3 * k, 3 * k + 3)
        assert found.estimate[where] == pytest.approx(alone.estimate)
        assert found.p_value[where] == pytest.approx(alone.p_value, abs=1e-9)
        assert found.conf_low[where] == pytest.approx(alone.conf_low)


def test_weights_of_ones_own_are_combinations_of_means() -> None:
    fitted = ilk.fit("score ~ arm * site + (1 | g)", DATA).fitted
    means = marginal_means(fitted, "arm").estimate
    found = contrasts(fitted, "arm", {"c against rest": {"c": 1, "a": -0.5, "b": -0.5}})
    assert found.estimate == pytest.approx([means[2] - 0.5 * (means[0] + means[1])])
    effects = contrasts(fitted, "arm", "effect")
    assert effects.estimate == pytest.approx(means - means.mean())


def test_intervals_and_p_values_agree(binary: Any) -> None:
    """An adjusted interval excludes the null where the adjusted p-value is below its level."""
    for adjust in ("mvt", "bonferroni", "scheffe", "none"):
        found = contrasts(binary.fitted, "arm", adjust=adjust, level=0.8)
        outside = (found.conf_low > 1.0) | (found.conf_high < 1.0)
        assert np.array_equal(outside, found.p_value < 0.2)


def test_simultaneous_critical_value_is_between_single_and_bonferroni(binary: Any) -> None:
    found = contrasts(binary.fitted, "arm")
    half = (np.log(found.conf_high) - np.log(found.conf_low)) / 2.0
    critical = half / (found.std_error / found.estimate)
    assert np.ptp(critical) < 1e-6
    assert stats.norm.isf(0.025) < critical[0] < stats.norm.isf(0.025 / 3)


def test_several_columns_and_slopes() -> None:
    fitted = ilk.fit("score ~ arm * dose + site + (1 | g)", DATA).fitted
    both = contrasts(fitted, ["arm", "site"], "reference", reference=("b", "y"))
    assert set(both.references) == {"b, y"}
    assert len(both.names) == 5
    slopes = contrasts(fitted, "arm", "reference", slope="dose", adjust="none")
    names = list(fitted.names)
    for k, arm in enumerate("bc"):
        i = names.index(("mean", f"arm[T.{arm}]:dose"))
        assert slopes.estimate[k] == pytest.approx(fitted.coef[i], rel=1e-8)
        assert slopes.std_error[k] == pytest.approx(np.sqrt(fitted.vcov[i, i]), rel=1e-6)


def test_contrasts_of_numbers_at_values() -> None:
    fitted = fit_of("gamma").fitted
    found = contrasts(fitted, "x", "sequential", at={"x": [-1.0, 0.0, 2.0]})
    slope = fitted.coef[1]
    assert np.log(found.estimate) == pytest.approx([slope, 2.0 * slope])


def test_contrasts_that_are_estimable_though_means_are_not() -> None:
    """Arms c and d are only at site y, a and b only at x: means over sites are not determined."""
    data = DATA.copy()
    data["arm"] = np.where(data.site == "x", data.arm.replace("c", "b"), "c")
    data.loc[(data.site == "y") & (data.dose > 3.0), "arm"] = "d"
    fitted = ilk.fit("score ~ site + arm + (1 | g)", data).fitted
    assert np.isnan(marginal_means(fitted, "arm").estimate).all()
    found = contrasts(fitted, "arm")
    known = {
        pair
        for pair, estimate in zip(
            zip(found.names, found.references, strict=True), found.estimate, strict=True
        )
        if np.isfinite(estimate)
    }
    assert known == {("b", "a"), ("d", "c")}
    alone = ilk.fit("score ~ arm + (1 | g)", data[data.site == "x"]).fitted
    assert alone is not None
    assert "Not estimable: 4 of 6 contrasts" in found.notes[-1]
    relabeled = data.assign(site=data.site.map({"x": "2", "y": "1"}))
    other = contrasts(ilk.fit("score ~ arm + site + (1 | g)", relabeled).fitted, "arm")
    assert other.estimate == pytest.approx(found.estimate, rel=1e-6, nan_ok=True)
    assert other.p_value == pytest.approx(found.p_value, rel=1e-4, nan_ok=True)


def test_empty_cells_leave_the_others_alone() -> None:
    fitted = ilk.fit("score ~ arm * site + (1 | g)", gap()).fitted
    found = contrasts(fitted, "arm", by="site")
    assert np.isnan(found.estimate).tolist() == [False] * 4 + [True] * 2
    assert np.isfinite(found.p_value[3])
    single = contrasts(fitted, "arm", at={"site": "y"}, adjust="none")
    assert found.p_value[3] == pytest.approx(single.p_value[0])


def test_reference_level_of_the_fit() -> None:
    fit = ilk.fit("score ~ C(arm, contr.treatment(base='c')) + C(stage) + (1 | g)", DATA)
    assert set(contrasts(fit.fitted, "arm", "reference").references) == {"c"}
    assert set(contrasts(fit.fitted, "stage", "reference").references) == {1}


def test_words(binary: Any) -> None:
    text = " ".join(binary.contrasts("arm", "reference", reference="b").text.split())
    assert "Odds ratios: every other level with b." in text
    assert "adjusted for 2 contrasts exactly" in text
    assert "Tested against 1, on the log scale" in text
    one_at_a_time = " ".join(binary.contrasts("arm", adjust="none").text.split())
    assert "not adjusted for the 3 contrasts" in one_at_a_time
    frame = binary.contrasts("arm", by="site").frame
    assert list(frame.columns) == [
        *("measure", "site", "level", "reference", "estimate", "std_error", "statistic", "df"),
        *("p_value", "conf_low", "conf_high", "scale", "estimand"),
    ]
    assert isinstance(frame, pd.DataFrame)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"variables": ()}, ("Name the columns",)),
        ({"variables": "dose"}, ("at={'dose'",)),
        ({"variables": "arm", "at": {"arm": "a"}}, ("single level (a)",)),
        ({"variables": "arm", "kind": "tukey"}, ("kind='tukey'", "'pairwise'")),
        ({"variables": "arm", "adjust": "tukey"}, ("adjust='tukey'", "'mvt'")),
        ({"variables": "arm", "measure": "odds"}, ("measure='odds'", "'odds_ratio'")),
        ({"variables": "arm", "measure": "ratio", "scale": "link"}, ("linear predictors",)),
        ({"variables": "arm", "measure": "ratio", "slope": "dose"}, ("slopes",)),
        ({"variables": "arm", "slope": "site"}, ("'site' holds levels",)),
        ({"variables": "arm", "slope": "arm"}, ("'arm'",)),
        ({"variables": "arm", "kind": "reference", "reference": "d"}, ("'d' is not one",)),
        ({"variables": "arm", "kind": {"x": [1, -1]}}, ("3 levels ('a', 'b', 'c')",)),
    ],
)
def test_refused(binary: Any, arguments: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(ilk.IlkError) as error:
        binary.contrasts(**arguments)
    for word in words:
        assert word in str(error.value)


def test_odds_ratios_are_of_probabilities() -> None:
    linear = ilk.fit("score ~ arm + (1 | g)", DATA)
    with pytest.raises(ilk.ModelError, match="compares probabilities"):
        linear.contrasts("arm", measure="odds_ratio")
    with pytest.raises(ilk.ModelError, match="positive"):
        linear.contrasts("arm", measure="ratio")
