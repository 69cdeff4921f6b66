"""Absorbed clusters against explicit dummies, other programs, and what cannot be estimated."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from tests.reference.data import case, table
from tests.within import CASES, clustered

import ilk
from ilk.errors import DataError, IdentificationWarning, ModelError
from ilk.fitted import Status
from ilk.fixed_effects import ABSORBED
from ilk.fixed_effects.newton import SCALE_FREE

pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")

IDS = ["-".join(filter(None, (family, link, *arguments))) for _, family, link, arguments in CASES]


@pytest.mark.parametrize("groups", ["g", ["g", "h"]], ids=["one", "crossed"])
@pytest.mark.parametrize(("y", "family", "link", "arguments"), CASES, ids=IDS)
def test_equals_explicit_dummies(y, family, link, arguments, groups):
    """Coefficients, errors, likelihood and means of the regression with dummies."""
    data = clustered()
    a = ilk.fixed(f"{y} ~ x + z", data, groups, family, link, **arguments)
    dummies = " + ".join(f"C({g})" for g in ([groups] if isinstance(groups, str) else groups))
    b = ilk.fit(f"{y} ~ x + z + {dummies}", data, family, link, **arguments)
    names = ["x", "z[T.b]", "z[T.c]"]
    assert np.array([a.params[n] - b.params[n] for n in names]) == pytest.approx(0.0, abs=1e-8)
    assert a.loglik == pytest.approx(b.loglik, abs=1e-7)
    assert a.fitted_values == pytest.approx(b.fitted_values[a.fitted.sample.used], rel=1e-7)
    errors = np.array([a.std_errors[n] / b.std_errors[n] for n in names])
    # the dispersion of these families is estimated with the residual degrees of freedom
    expected = errors[0] if family in SCALE_FREE else 1.0
    assert errors == pytest.approx(expected, rel=1e-5)  # theirs come from differences
    if family == "gaussian" and "frequency_weights" not in arguments and link is None:
        assert errors == pytest.approx(1.0, rel=1e-8)
    assert a.df_model == b.df_model
    assert a.verdict.status is Status.CONVERGED


@pytest.mark.parametrize(
    ("y", "family", "arguments"),
    [
        ("score", "gaussian", {}),
        ("yes", "binomial", {}),
        ("spread", "negative_binomial_2", {}),
        ("count", "poisson", {"exposure": "time"}),
    ],
)
def test_effects_and_predictions_equal_explicit_dummies(y, family, arguments):
    data = clustered()
    a = ilk.fixed(f"{y} ~ x + z", data, "g", family, **arguments)
    b = ilk.fit(f"{y} ~ 0 + C(g) + x + z", data, family, **arguments)
    names = [n for n in b.params if n.startswith("C(g)")]
    effects = a.effects()
    assert effects.estimate.to_numpy() == pytest.approx([b.params[n] for n in names], abs=1e-9)
    errors = np.array([b.std_errors[n] for n in names])
    assert effects.std_error.to_numpy() == pytest.approx(errors, rel=1e-6)
    ours, theirs = (fit.predict(data, interval="confidence") for fit in (a, b))
    assert ours.estimate.to_numpy() == pytest.approx(theirs.estimate.to_numpy(), rel=1e-9)
    assert ours.std_error.to_numpy() == pytest.approx(theirs.std_error.to_numpy(), rel=1e-6)
    again = a.predict(interval="confidence")
    assert again.conf_low.to_numpy() == pytest.approx(ours.conf_low.to_numpy(), rel=1e-12)


def test_effects_of_crossed_factors_are_centered():
    data = clustered()
    a = ilk.fixed("yes ~ x + z", data, ["g", "h"], "binomial")
    b = ilk.fit("yes ~ C(h) + C(g) + x + z", data, "binomial")
    names = list(b.params)
    levels = sorted(data.h.unique())
    C = np.zeros((len(levels), len(names)))
    for i, level in enumerate(levels[1:], 1):
        C[i, names.index(f"C(h)[T.{level}]")] = 1.0
    share = data.h.value_counts(normalize=True).loc[levels].to_numpy()
    C = C - share @ C
    effects = a.effects("h")
    assert effects.estimate.to_numpy() == pytest.approx(C @ np.array(b.params), abs=1e-9)
    errors = np.sqrt(np.einsum("ij,jk,ik->i", C, np.array(b.cov), C))
    assert effects.std_error.to_numpy() == pytest.approx(errors, rel=1e-6)
    ours, theirs = (fit.predict(data, interval="confidence") for fit in (a, b))
    assert ours.std_error.to_numpy() == pytest.approx(theirs.std_error.to_numpy(), rel=1e-6)


def test_other_programs():
    """R 4.2.2, stats::glm and stats::lm with factor(cluster), 2026-11-24."""
    cbpp = table(case("glmm-cbpp-laplace"))
    fit = ilk.fixed("incidence / size ~ C(period)", cbpp, "herd", "binomial")
    estimates = [-0.89357557448585101, -1.03163949752911610, -1.46420457770604173]
    errors = [0.31311277563723283, 0.33247481322237676, 0.43319790916443490]
    assert np.array(fit.params) == pytest.approx(estimates, rel=1e-7)
    assert np.array(fit.std_errors) == pytest.approx(errors, rel=1e-6)
    assert fit.loglik == pytest.approx(-76.39132793985118, rel=1e-9)


def test_cluster_robust_errors_are_those_of_the_explicit_sandwich():
    data = clustered()
    fit = ilk.fixed("count ~ x + z", data, "g", "poisson", std_errors="cluster")
    X = pd.get_dummies(data[["g", "z"]], columns=["g", "z"]).drop(columns="z_a").astype(float)
    X = np.column_stack([X.to_numpy(), data.x])
    mean = fit.fitted_values
    bread = np.linalg.inv(X.T @ (mean[:, None] * X))
    scores = (data["count"].to_numpy() - mean)[:, None] * X
    sums = pd.DataFrame(scores).groupby(data.g.to_numpy()).sum().to_numpy()
    V = bread @ sums.T @ sums @ bread
    G, n = 12, 240
    factor = G / (G - 1) * (n - 1) / (n - 4)
    assert fit.std_errors["x"] == pytest.approx(math.sqrt(factor * V[-1, -1]), rel=1e-8)
    assert set(fit.tidy().df) == {11.0}
    assert "12 clusters" in str(fit.summary())


def test_what_is_constant_in_clusters_is_marked():
    fit = ilk.fixed("score ~ x + c + z", clustered(), "g")
    assert math.isnan(fit.params["c"])
    assert fit.fitted.within.not_estimable == {("mean", "c"): ABSORBED}
    tidy = fit.tidy().set_index("term")
    assert tidy.note["c"] == ABSORBED
    assert tidy.note["x"] == ""
    assert "c (constant within clusters)" in str(fit.summary())
    assert fit.params["x"] == ilk.fixed("score ~ x + z", clustered(), "g").params["x"]


def test_combinations_within_clusters_are_marked():
    data = clustered().assign(twice=lambda d: 2.0 * d.x + d.c)
    fit = ilk.fixed("score ~ x + twice", data, "g")
    assert math.isnan(fit.params["twice"])
    assert "combination" in fit.tidy().set_index("term").note["twice"]


def test_clusters_without_variation_are_set_aside_and_named():
    data = clustered()
    count = data["count"].where(~data.g.isin(["g3", "g7"]), 0)
    data = data.assign(count=count)
    fit = ilk.fixed("count ~ x", data, "g", "poisson")
    rest = ilk.fixed("count ~ x", data[~data.g.isin(["g3", "g7"])], "g", "poisson")
    assert fit.params["x"] == rest.params["x"]
    assert fit.loglik == pytest.approx(rest.loglik, rel=1e-12)
    assert fit.df_clusters == 10
    assert any("2 of 12 levels of g" in note and "g3, g7" in note for note in fit.fitted.notes)
    effects = fit.effects().set_index("level")
    assert effects.estimate["g3"] == -math.inf
    assert np.isnan(effects.std_error["g3"])
    predicted = fit.predict(data)
    assert np.all(predicted.estimate[data.g == "g3"] == 0.0)
    assert len(predicted) == len(data)
    assert len(fit.fitted_values) == int((~data.g.isin(["g3", "g7"])).sum())


def test_crossed_factors_are_set_aside_until_nothing_changes():
    data = clustered()
    yes = data.yes.where(data.h != "h2", 1)  # h2 has events only ...
    yes = yes.where(~((data.g == "g5") & (data.h != "h2")), 0)  # ... without which g5 has none
    fit = ilk.fixed("yes ~ x", data.assign(yes=yes), ["g", "h"], "binomial")
    rest = data.assign(yes=yes)[(data.h != "h2") & (data.g != "g5")]
    assert fit.nobs == len(rest)
    again = ilk.fixed("yes ~ x", rest, ["g", "h"], "binomial")
    assert fit.params["x"] == pytest.approx(again.params["x"], rel=1e-10)
    effects = fit.effects().set_index("level").estimate
    assert (effects["h2"], effects["g5"]) == (np.inf, -np.inf)


def test_nothing_that_varies():
    data = clustered().assign(none=0)
    with pytest.raises(DataError, match="only zeros"):
        ilk.fixed("none ~ x", data, "g", "poisson")


@pytest.mark.parametrize(
    ("y", "family", "link", "warned"),
    [
        ("score", "gaussian", None, False),
        ("count", "poisson", None, False),
        ("cost", "gamma", None, False),
        ("cost", "inverse_gaussian", None, True),
        ("yes", "binomial", None, True),
        ("yes", "binomial", "probit", True),
        ("spread", "negative_binomial_2", None, True),
        ("share", "beta", None, True),
    ],
)
def test_short_clusters_are_warned_about_where_it_matters(y, family, link, warned):
    data = clustered().assign(short=np.arange(240) // 8)
    fit = ilk.fixed(f"{y} ~ x", data, "short", family, link)
    codes = [reason.code for reason in fit.verdict.reasons]
    assert ("incidental_parameters" in codes) == warned
    assert ("incidental" in str(fit.summary())) == warned


def test_pairs_double_the_log_odds_ratio():
    """With two rows per cluster the dummies' estimate is twice the conditional one, exactly."""
    rng = np.random.default_rng(5)
    pair = np.repeat(np.arange(300), 2)
    x = rng.normal(size=600)
    y = (rng.random(600) < 1.0 / (1.0 + np.exp(-x - rng.normal(size=300)[pair]))).astype(int)
    data = {"y": y, "x": x, "pair": pair}
    dummies, given = (
        ilk.fixed("y ~ x", data, "pair", "binomial"),
        ilk.conditional("y ~ x", data, "pair"),
    )
    assert dummies.params["x"] == pytest.approx(2.0 * given.params["x"], rel=1e-9)
    reason = dummies.verdict.reasons[0]
    assert "factor of about n / (n - 1) = 2" in reason.message
    assert "ilk.conditional" in reason.advice


def test_separation_is_found_and_named():
    data = clustered()
    data = data.assign(never=((data["count"] == 0) & (data.x < 0.3)).astype(float))
    with pytest.warns(IdentificationWarning, match="never separates"):
        fit = ilk.fixed("count ~ x + never", data, "g", "poisson")
    assert fit.verdict.status is Status.SEPARATED
    assert fit.verdict.reasons[0].terms == ("never",)


def test_formula_of_a_mixed_model():
    data = clustered()
    a, b = (
        ilk.fixed("score ~ x + (1 | g) + (1 | h)", data),
        ilk.fixed("score ~ x", data, ["g", "h"]),
    )
    assert np.array(a.params) == pytest.approx(np.array(b.params), rel=1e-12)
    nested = ilk.fixed("score ~ x + (1 | g/h)", data)
    assert nested.df_clusters == data.groupby(["g", "h"]).ngroups
    assert np.array(nested.params) == pytest.approx(
        np.array(ilk.fixed("score ~ x", data, "g:h").params), rel=1e-9
    )


@pytest.mark.parametrize(
    ("formula", "arguments", "words"),
    [
        ("score ~ x", {}, ("groups=", "hospital")),
        ("score ~ x + (1 + x | g)", {}, ("(1 + x | g)", "no counterpart")),
        ("score ~ x + (1 | g)", {"groups": "h"}, ("(1 | g)", "groups='h'")),
        ("score ~ x", {"groups": "gg"}, ("'gg'", "Did you mean 'g'")),
        ("score ~ x", {"groups": 3}, ("groups=3",)),
        ("score ~ x", {"groups": clustered()["g"]}, ("groups=<Series>: give the name",)),
        ("score ~ x", {"groups": ["g", "g"]}, ("twice",)),
        ("score ~ x", {"groups": "g", "std_errors": "hc3"}, ("'hc3'", "'cluster'")),
        ("score ~ x", {"groups": "g", "trials": "trials"}, ("trials=", "gaussian")),
        (
            "count ~ x",
            {"groups": "g", "family": ilk.families.zero_inflated(ilk.families.poisson())},
            ("zero_inflat", "ilk.fit"),
        ),
    ],
)
def test_bad_input(formula, arguments, words):
    with pytest.raises((ModelError, DataError)) as error:
        ilk.fixed(formula, clustered(), **arguments)
    for word in words:
        assert word in str(error.value)


def test_one_cluster_and_no_degrees_of_freedom():
    with pytest.raises(DataError, match="one cluster"):
        ilk.fixed("score ~ x", clustered().assign(g="a"), "g")
    with pytest.raises(DataError, match="nothing is left for the dispersion"):
        ilk.fixed("score ~ x", clustered().assign(g=range(240)), "g")


def test_new_clusters_and_other_values_of_constant_columns_are_refused():
    data = clustered()
    fit = ilk.fixed("score ~ x + c", data, "g")
    new = data.head(3).assign(g=["g1", "zz", "yy"])
    with pytest.raises(DataError, match=r"'yy', 'zz'.*says nothing about others"):
        fit.predict(new)
    with pytest.raises(DataError, match="'c' is constant within g"):
        fit.predict(data.head(3).assign(c=9.0))
    with pytest.raises(ModelError, match="neither a typical cluster nor the population"):
        fit.predict(data, estimand="population")


def test_rows_that_lack_a_value():
    data = clustered()
    new = data.head(4).copy()
    new.loc[1, "x"] = np.nan
    new.loc[2, "g"] = None
    predicted = ilk.fixed("score ~ x", data, "g").predict(new, interval="confidence")
    assert predicted.estimate.isna().tolist() == [False, True, True, False]
    gaps = data.copy()
    gaps.loc[::7, "x"] = np.nan
    fit = ilk.fixed("score ~ x", gaps, "g")
    assert fit.params["x"] == pytest.approx(
        ilk.fixed("score ~ x", gaps.dropna(), "g").params["x"], rel=1e-12
    )
    assert fit.augment().row.tolist() == gaps.dropna().index.tolist()


def test_levels_in_parts_that_share_nothing_are_not_compared():
    data = clustered()
    left = data.g.isin([f"g{i}" for i in range(6)]).to_numpy()
    data = data.assign(h=np.where(left, "left" + data.h, "right" + data.h))
    fit = ilk.fixed("score ~ x", data, ["g", "h"])
    assert fit.df_clusters == 12 + 14 - 2
    assert any("2 parts" in note for note in fit.fitted.notes)
    row = data[left].head(1).assign(h="righth1")
    assert np.isnan(fit.predict(row).estimate.iloc[0])


@pytest.mark.parametrize("kind", ["response", "pearson", "deviance", "quantile"])
def test_residuals(kind):
    data = clustered()
    a = ilk.fixed("count ~ x", data, "g", "poisson")
    b = ilk.fit("count ~ x + C(g)", data, "poisson")
    assert a.residuals(kind) == pytest.approx(b.residuals(kind), abs=1e-8)
