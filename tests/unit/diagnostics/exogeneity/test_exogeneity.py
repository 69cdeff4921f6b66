"""Random effects and covariates: tests, refit, bias curve, and what cannot be asked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import ilk
from ilk.diagnostics.contextual import extend, mean_groupings
from ilk.diagnostics.exogeneity import exogeneity
from ilk.diagnostics.exogeneity.bias import gls_shift
from ilk.errors import ModelError

pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")


def confounded(seed=1, clusters=60, size=5, balanced=True):
    """Clusters with high x have high effects."""
    rng = np.random.default_rng(seed)
    sizes = np.full(clusters, size) if balanced else rng.integers(1, 2 * size, clusters)
    g = np.repeat(np.arange(clusters), sizes)
    n = len(g)
    center = rng.normal(size=clusters)
    b = 0.6 * center + 0.8 * rng.normal(size=clusters)
    data = pd.DataFrame({"g": g, "h": rng.integers(0, 8, n)})
    data["x"] = center[g] + rng.normal(size=n)
    data["z"] = rng.normal(size=n)
    data["f"] = rng.choice(list("abc"), n)
    data["c"] = rng.normal(size=clusters)[g]
    data["t"] = data.groupby("g").cumcount()
    data["w"] = rng.integers(1, 4, n)
    data["y"] = 0.5 * data.x + b[g] + rng.normal(size=n)
    data["count"] = rng.poisson(np.exp(0.3 * data.x + 0.5 * b[g]))
    data["event"] = (rng.random(n) < 1 / (1 + np.exp(-0.5 * data.x - b[g]))).astype(int)
    return data


def with_mean(data, column="x"):
    return data.assign(m=data.groupby("g")[column].transform("mean"))


def row(answer, term, group="g"):
    frame = answer.frame
    return frame[(frame.term == term) & (frame.group == group)].iloc[0]


def test_wald_and_likelihood_ratio_are_those_of_the_extended_model():
    data = with_mean(confounded(balanced=False))
    answer = ilk.fit("y ~ x + (1 | g)", data).exogeneity()
    wide = ilk.fit("y ~ x + m + (1 | g)", data)
    found = row(answer, "x")
    assert found.estimate == pytest.approx(wide.params["m"], abs=1e-7)
    assert found.std_error == pytest.approx(wide.std_errors["m"], rel=1e-6)
    assert found.within == pytest.approx(wide.params["x"], abs=1e-7)
    assert found.wald == pytest.approx((wide.params["m"] / wide.std_errors["m"]) ** 2, rel=1e-5)
    assert found.p_value == pytest.approx(chi2.sf(found.wald, 1), rel=1e-9)
    ml = [ilk.fit(f, data, reml=False) for f in ("y ~ x + m + (1 | g)", "y ~ x + (1 | g)")]
    assert found.likelihood_ratio == pytest.approx(2 * (ml[0].loglik - ml[1].loglik), abs=1e-5)
    assert any("REML" in note for note in answer.notes)
    share = data.m.var() / data.x.var()
    assert found.implied_correlation > 0.3
    assert found.share_between == pytest.approx(share, rel=1e-9)
    both = answer.frame[answer.frame.term == "(all)"].iloc[0]
    assert both.wald == pytest.approx(found.wald)


def test_each_covariate_and_all_together():
    data = confounded()
    answer = ilk.fit("y ~ x + f + c + (1 | g)", data, reml=False).exogeneity()
    assert answer.formula == "y ~ x + f + c + (1 | g) + between(x, g) + between(f, g)"
    full = ilk.fit(answer.formula, data, reml=False)
    for term, df in (("x", 1), ("f", 2)):
        rest = answer.formula.replace(f" + between({term}, g)", "")
        ratio = 2 * (full.loglik - ilk.fit(rest, data, reml=False).loglik)
        assert row(answer, term).likelihood_ratio == pytest.approx(ratio, abs=1e-5)
        assert row(answer, term).df == df
    null = ilk.fit("y ~ x + f + c + (1 | g)", data, reml=False)
    ratio = 2 * (full.loglik - null.loglik)
    assert row(answer, "(all)").likelihood_ratio == pytest.approx(ratio, abs=1e-5)
    assert row(answer, "(all)").df == 3
    assert answer.proposed.loglik == pytest.approx(full.loglik, abs=1e-8)
    assert answer.proposed.formula.text == answer.formula
    assert any(note.startswith("c: constant within g") for note in answer.notes)


def test_balanced_linear_case_is_the_fixed_effects_estimate():
    data = confounded()
    fit = ilk.fit("y ~ x + z + (1 | g)", data)
    found = exogeneity(fit.fitted)
    fixed = ilk.fixed("y ~ x + z", data, "g")
    within = {c.term: c.within for c in found.groups[0].covariates}
    for name in ("x", "z"):
        assert within[name] == pytest.approx(fixed.params[name], abs=1e-8)


def test_wald_is_hausman_at_common_variances_in_the_balanced_linear_case():
    data = with_mean(confounded())
    found = exogeneity(ilk.fit("y ~ x + (1 | g)", data).fitted)
    wide = found.groups[0].extended
    s2, size = wide.estimates.sigma2, 5
    V = s2 * np.eye(size) + wide.estimates.covariances[0][0, 0]
    X = np.column_stack([np.ones(len(data)), data.x]).reshape(-1, size, 2)
    y = data.y.to_numpy().reshape(-1, size)
    A = np.einsum("gia,ij,gjb->ab", X, np.linalg.inv(V), X)
    random = np.linalg.solve(A, np.einsum("gia,ij,gj->a", X, np.linalg.inv(V), y))[1]
    d = (data.x - data.m).to_numpy()
    fixed = d @ data.y / (d @ d)
    hausman = (random - fixed) ** 2 / (s2 / (d @ d) - np.linalg.inv(A)[1, 1])
    assert found.groups[0].wald == pytest.approx(hausman, rel=1e-6)
    assert found.hausman.statistic == pytest.approx(hausman, rel=0.15)  # its own variances
    assert found.hausman.p_value == pytest.approx(chi2.sf(found.hausman.statistic, 1))


def dense_shift(fit, shift, weights):
    """The same by matrices of n rows and columns."""
    fitted = fit.fitted
    X = fitted.model.parts["mean"].X
    V = np.diag(1.0 / weights)
    for term, G in zip(fitted.design.terms, fitted.estimates.covariances, strict=True):
        Z = np.ones((len(X), 1)) if term.columns is None else term.columns
        same = term.grouping.codes[:, None] == term.grouping.codes
        V = V + same * (Z @ G @ Z.T)
    Vi = np.linalg.inv(V)
    return np.linalg.solve(X.T @ Vi @ X, X.T @ Vi @ shift)


def test_shift_is_generalized_least_squares():
    data = confounded(balanced=False)
    shift = np.random.default_rng(0).normal(size=(len(data), 2))
    fit = ilk.fit("y ~ x + f + (1 + z | g) + (1 | h)", data, frequency_weights="w")
    assert gls_shift(fit.fitted, shift) == pytest.approx(
        dense_shift(fit, shift, data.w.to_numpy() / fit.sigma**2), abs=1e-9
    )
    fit = ilk.fit("y ~ x + (1 | g)", data, precision_weights="w")
    assert gls_shift(fit.fitted, shift) == pytest.approx(
        dense_shift(fit, shift, data.w.to_numpy() / fit.sigma**2), abs=1e-9
    )
    fit = ilk.fit("count ~ x + (1 | g) + (1 | h)", data, "poisson")
    assert gls_shift(fit.fitted, shift) == pytest.approx(
        dense_shift(fit, shift, fit.fitted_values), abs=1e-6
    )
    fit = ilk.fit("event ~ x + (1 | g)", data, "binomial")
    p = fit.fitted_values
    assert gls_shift(fit.fitted, shift) == pytest.approx(
        dense_shift(fit, shift, p * (1 - p)), abs=1e-6
    )


def test_bias_removed_at_common_variances_gives_the_within_estimate():
    """``b_random = b_within + shift(means @ contextual)`` holds exactly at the same variances."""
    data = confounded(balanced=False)
    fit = ilk.fit("y ~ x + z + c + (1 | g)", data)
    wide = exogeneity(fit.fitted).groups[0].extended
    X = wide.model.parts["mean"].X
    s2, sb = wide.estimates.sigma2, wide.estimates.covariances[0][0, 0]
    g = data.g.to_numpy()
    Vi = np.linalg.inv(s2 * np.eye(len(g)) + sb * (g[:, None] == g))
    A = X[:, :4]
    left = np.linalg.solve(A.T @ Vi @ A, A.T @ Vi)
    random = left @ data.y.to_numpy()
    means = X[:, 4:] @ wide.coef[4:]
    assert random - left @ means == pytest.approx(wide.coef[:4], abs=1e-7)


def test_curve_is_the_response_of_the_estimates_to_shifted_clusters():
    """Poisson: a known shift of the clusters moves the estimates as the curve says."""
    rng = np.random.default_rng(3)
    data = with_mean(confounded(clusters=150))
    own = 0.6 * rng.normal(size=150)[data.g]
    data["count"] = rng.poisson(np.exp(0.5 + 0.3 * data.x + own))
    fit = ilk.fit("count ~ x + (1 | g)", data, "poisson")
    curve = exogeneity(fit.fitted).groups[0].curves[0]
    middle = data.groupby("g").m.first()
    t = (data.m - middle.mean()) / middle.std(ddof=0)
    sd = float(np.sqrt(fit.fitted.estimates.covariances[0][0, 0]))
    moved = [
        ilk.fit("count ~ x + (1 | g)", data.assign(o=-e * sd * t), "poisson", offset="o")
        for e in (-0.05, 0.05)
    ]
    slope = (moved[1].params["x"] - moved[0].params["x"]) / 0.1
    assert curve.slope[curve.own] == pytest.approx(slope, rel=0.15)
    steep = 0.9 / np.sqrt(1 - 0.81 * (1 - curve.rest))
    assert curve.bias[0, curve.own] == pytest.approx(-steep * curve.slope[curve.own])


def test_curve_of_one_covariate_in_balanced_data_is_the_closed_form():
    data = with_mean(confounded())
    fit = ilk.fit("y ~ x + (1 | g)", data)
    curve = exogeneity(fit.fitted).groups[0].curves[0]
    s2, sb2, size = fit.sigma**2, fit.fitted.estimates.covariances[0][0, 0], 5
    means = data.groupby("g").m.first()
    within = ((data.x - data.m) ** 2).sum()
    between = size * ((means - means.mean()) ** 2).sum()
    theta = s2 / (s2 + size * sb2)
    share = theta * between / (within + theta * between)
    spread = means.std(ddof=0)
    assert curve.slope[curve.own] == pytest.approx(np.sqrt(sb2) / spread * share, rel=1e-8)
    assert curve.rest == pytest.approx((1 - share) ** 2, rel=1e-8)
    total = np.sqrt(sb2 / (1 - 0.25 * (1 - curve.rest)))
    assert curve.at(0.5)[curve.own] == pytest.approx(0.5 * total / spread * share, rel=1e-8)


def test_several_factors_and_random_slopes():
    data = confounded()
    data["s"] = data.g // 6
    answer = ilk.fit("y ~ x + z + (1 | s) + (1 + z | s:g)", data).exogeneity()
    assert list(answer.frame.group) == ["s"] * 3 + ["s:g"] * 3
    assert answer.formula.endswith("between(x, s:g) + between(z, s:g)")
    assert answer.proposed.verdict.converged
    alone = ilk.fit("y ~ x + z + (1 | s) + (1 + z | s:g)", data).exogeneity("s:g")
    assert list(alone.frame.group) == ["s:g"] * 3
    pd.testing.assert_frame_equal(
        alone.frame, answer.frame[answer.frame.group == "s:g"].reset_index(drop=True)
    )


def test_interactions_bases_and_full_codings():
    data = confounded()
    for formula, df in (
        ("y ~ x:f + (1 | g)", 3),
        ("y ~ x * z + (1 | g)", 3),
        ("y ~ poly(x, 2) + (1 | g)", 2),
        ("y ~ 0 + f + x + (1 | g)", 3),
        ("y ~ f * x + (1 | g)", 5),
        ("y ~ I(x**2) + log(abs(z)) + (1 | g)", 2),
        ("y ~ C(f, Sum) + c:x + (1 | g)", 3),
    ):
        fit = ilk.fit(formula, data)
        found = exogeneity(fit.fitted).groups[0]
        part = fit.fitted.model.parts["mean"]
        means = pd.DataFrame(part.X).groupby(data.g.to_numpy()).transform("mean").to_numpy()
        rank = np.linalg.matrix_rank(np.column_stack([part.X, means]))
        assert found.df == df == rank - part.X.shape[1], formula
        # the columns of the extended model span all cluster means
        both = np.column_stack([found.extended.model.parts["mean"].X, means])
        assert np.linalg.matrix_rank(both) == rank, formula


def test_names_that_need_backticks():
    data = confounded().rename(columns={"x": "body mass", "g": "the class"})
    answer = ilk.fit("y ~ `body mass` + (1 | `the class`)", data).exogeneity()
    assert answer.formula.endswith("between(`body mass`, `the class`)")
    assert answer.proposed.verdict.converged


@pytest.mark.parametrize(
    ("formula", "family", "more"),
    [
        ("count ~ x + (1 | g)", "poisson", {"exposure": "w"}),
        ("count ~ x + offset(z) + (1 | g)", "negative_binomial_2", {}),
        ("event ~ x + f + (1 | g)", "binomial", {"quadrature": 7}),
        ("count ~ x + (1 | g)", "poisson", {"zero_inflation": "~ 1"}),
        ("y ~ x + (1 | g)", "gaussian", {"dispersion": "~ z"}),
        ("event ~ x + (1 | g)", "binomial", {"frequency_weights": "w"}),
        ("event ~ x + (1 + x | g) + olre()", "binomial", {"trials": "w"}),
    ],
)
def test_families_and_arguments(formula, family, more):
    data = confounded(clusters=80)
    fit = ilk.fit(formula, data, family, **more)
    answer = fit.exogeneity()
    proposed = ilk.fit(answer.formula, data, family, **more)
    assert answer.proposed.loglik == pytest.approx(proposed.loglik, abs=1e-6)
    found = row(answer, "x")
    assert found.estimate == pytest.approx(proposed.params["between(x, g)"], abs=1e-5)
    assert np.isfinite(found.likelihood_ratio)
    if "zero_inflation" in more or "dispersion" in more:
        assert np.isnan(answer.hausman.statistic)
        assert "cannot be absorbed" in answer.hausman.reason
        assert "not defined" in answer.text


def test_short_binary_clusters_are_compared_with_the_conditional_likelihood():
    data = confounded(clusters=80)
    fit = ilk.fit("event ~ x + (1 | g)", data, "binomial", quadrature=7)
    hausman = fit.exogeneity().hausman
    assert hausman.estimator == "conditional likelihood"
    conditional = ilk.conditional("event ~ x + (1 | g)", data)
    assert hausman.difference[0] == pytest.approx(
        fit.params["x"] - conditional.params["x"], abs=1e-8
    )


def test_hausman_that_is_not_defined_says_so():
    data = confounded(seed=5)
    data["y"] = np.random.default_rng(0).normal(size=len(data))  # no cluster effects: equal errors
    answer = ilk.fit("y ~ x + z + (1 | g)", data).exogeneity()
    if np.isnan(answer.hausman.statistic):
        assert "not positive definite" in answer.hausman.reason
        assert np.isnan(answer.hausman.p_value)
    assert np.isfinite(row(answer, "(all)").wald)


def test_saved_fits_and_other_frames(tmp_path):
    data = confounded()
    fit = ilk.fit("y ~ x + f + (1 | g)", data)
    fit.save(tmp_path / "fit.ilk")
    again = ilk.load(tmp_path / "fit.ilk").exogeneity()
    pd.testing.assert_frame_equal(fit.exogeneity().frame, again.frame, rtol=1e-6)
    polars = pytest.importorskip("polars")
    answer = ilk.fit("y ~ x + f + (1 | g)", polars.DataFrame(data.to_dict("list"))).exogeneity()
    assert isinstance(answer.frame, polars.DataFrame)
    assert isinstance(answer.curve.frame, polars.DataFrame)


def test_curve_frame_and_picture():
    pytest.importorskip("matplotlib").use("Agg")
    answer = ilk.fit("y ~ x + z + (1 | g)", confounded()).exogeneity()
    frame = answer.curve.frame
    assert list(frame.columns) == [
        *("group", "covariate", "term", "correlation", "bias", "fitted", "adjusted")
    ]
    assert len(frame) == 2 * 3 * 19
    assert frame.adjusted.to_numpy() == pytest.approx((frame.fitted - frame.bias).to_numpy())
    assert frame.bias[frame.correlation == 0.0].eq(0.0).all()
    assert "standard error" in answer.plot().get_ylabel()
    assert answer.html.startswith("<div")
    assert repr(answer) == answer.text


NUMBERS = [
    *("share_between", "random", "within", "estimate", "std_error", "wald", "df"),
    *("likelihood_ratio", "implied_correlation"),
]


def test_frequency_weights_are_repeated_rows():
    data = confounded(balanced=False)
    longer = data.loc[data.index.repeat(data.w)].reset_index(drop=True)
    formula = "y ~ x + f * z + (1 | g) + (1 | h)"
    one = ilk.fit(formula, data, frequency_weights="w").exogeneity()
    two = ilk.fit(formula, longer).exogeneity()
    pd.testing.assert_frame_equal(one.frame[NUMBERS], two.frame[NUMBERS], rtol=1e-5, atol=1e-7)
    assert one.curve.frame.bias.to_numpy() == pytest.approx(
        two.curve.frame.bias.to_numpy(), abs=1e-8
    )
    assert one.hausman.statistic == pytest.approx(two.hausman.statistic, rel=1e-5)


def test_units_and_origins_change_no_test():
    data = confounded(balanced=False)
    moved = data.assign(x=2000.0 + 1e-6 * data.x)
    one, two = (ilk.fit("y ~ x + (1 | g)", d).exogeneity().frame for d in (data, moved))
    same = ["share_between", "wald", "likelihood_ratio", "implied_correlation"]
    pd.testing.assert_frame_equal(one[same], two[same], rtol=1e-4)


def test_functions_of_the_callers():
    fit = ilk.fit("y ~ square(x) + (1 | g)", confounded(), functions={"square": lambda x: x**2})
    answer = fit.exogeneity()
    assert answer.formula == "y ~ square(x) + (1 | g) + between(square(x), g)"
    assert answer.proposed.verdict.converged


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ within(x, g) + between(x, g) + z + (1 | g)",
        "y ~ x + between(x, g) + z + (1 | g)",
    ],
)
def test_means_that_the_fit_has_are_tested_as_they_are(formula):
    data = confounded(balanced=False)
    reference = ilk.fit("y ~ x + z + (1 | g)", data).exogeneity()
    answer = ilk.fit(formula, data).exogeneity()
    for term in ("x", "z", "(all)"):
        one, two = row(answer, term), row(reference, term)
        for name in ("share_between", "within", "estimate", "std_error", "wald"):
            assert one[name] == pytest.approx(two[name], rel=1e-5, nan_ok=True), (term, name)
        assert one.likelihood_ratio == pytest.approx(two.likelihood_ratio, abs=1e-5)
    assert any("cluster means over g are terms of the fit" in note for note in answer.notes)
    assert answer.formula == f"{formula} + between(z, g)"


def test_a_fit_that_has_all_means_is_its_own_proposal():
    data = confounded().rename(columns={"x": "body mass"})
    formula = "count ~ within(`body mass`, g) + between(`body mass`, g) + (1 | g)"
    fit = ilk.fit(formula, data, "poisson")
    answer = fit.exogeneity()
    assert answer.formula == formula
    assert answer.proposed.loglik == fit.loglik
    difference = fit.params["between(`body mass`, g)"] - fit.params["within(`body mass`, g)"]
    assert row(answer, "body mass").estimate == pytest.approx(difference)
    plain = ilk.fit("count ~ `body mass` + (1 | g)", data, "poisson")
    ratio = 2 * (fit.loglik - plain.loglik)
    assert row(answer, "body mass").likelihood_ratio == pytest.approx(ratio, abs=1e-5)
    assert answer.curve.frame.empty
    with pytest.raises(ModelError, match="no picture"):
        answer.plot()


def test_factors_within_and_between():
    data = confounded(balanced=False)
    reference = ilk.fit("y ~ f + (1 | g)", data).exogeneity()
    answer = ilk.fit("y ~ within(f, g) + between(f, g) + (1 | g)", data).exogeneity()
    assert row(answer, "f").wald == pytest.approx(row(reference, "f").wald, rel=1e-5)
    assert row(answer, "f").df == 2


# What cannot be asked


def test_no_random_effects():
    with pytest.raises(ModelError, match="no random effects of clusters"):
        ilk.fit("y ~ x", confounded()).exogeneity()


def test_unknown_group():
    with pytest.raises(ModelError, match=r"group='gg' is no grouping factor.*there are g"):
        ilk.fit("y ~ x + (1 | g)", confounded()).exogeneity("gg")


def test_nothing_varies_within_clusters():
    with pytest.raises(ModelError, match="c: constant within g, so that nothing can be tested"):
        ilk.fit("y ~ c + (1 | g)", confounded()).exogeneity()
    with pytest.raises(ModelError, match="t: the same mean in every level of g"):
        ilk.fit("y ~ t + (1 | g)", confounded()).exogeneity()
    data = with_mean(confounded())
    with pytest.raises(ModelError, match="x: the means over g are in the model already"):
        ilk.fit("y ~ x + m + (1 | g)", data).exogeneity()


def test_clusters_of_one_row_are_counted():
    data = confounded(balanced=False)
    single = int((data.groupby("g").size() == 1).sum())
    notes = ilk.fit("y ~ x + (1 | g)", data).exogeneity().notes
    assert any(note.startswith(f"{single} of 60 levels of g ha") for note in notes)


def test_lags_are_refused_with_advice():
    data = confounded()
    fit = ilk.fit("y ~ lag(x) + (1 | g)", data)
    with pytest.raises(ModelError, match=r"lag\(\)"):
        fit.exogeneity()


def test_extension_leaves_the_model_alone_when_nothing_is_to_add():
    fit = ilk.fit("y ~ c + (1 | g)", confounded())
    found = extend(fit.fitted, mean_groupings(fit.fitted))
    assert found.model is fit.fitted.model
    assert found.constant == ("c",)
