"""Overdispersion: tests, alternatives, and models that describe it twice."""

from __future__ import annotations

import numpy as np
import pytest

import ilk
from ilk.plot.overdispersion import row_moments


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    n = 400
    g = np.repeat(np.arange(40), 10)
    x = rng.normal(size=n)
    mu = np.exp(1.0 + 0.4 * x + 0.5 * rng.normal(size=40)[g])
    p = 1.0 / (1.0 + np.exp(-(0.3 * x + rng.normal(size=n))))
    return {
        "g": g,
        "x": x,
        "y": rng.negative_binomial(2, 2.0 / (2.0 + mu)),
        "k": rng.poisson(mu),
        "s": rng.binomial(12, p),
        "size": np.full(n, 12),
    }


@pytest.fixture(scope="module")
def fit(data):
    return ilk.fit("y ~ x + (1 | g)", data, "poisson")


@pytest.fixture(scope="module")
def found(fit):
    return ilk.overdispersion(fit, draws=100)


def test_each_row_is_the_fit_of_that_model(data, found):
    frame = found.frame.set_index("model")
    asked = {
        "Poisson": ("", "poisson", {}),
        "negative binomial 1": ("", "negative_binomial_1", {}),
        "negative binomial 2": ("", "negative_binomial_2", {}),
        "Poisson + olre()": (" + olre()", "poisson", {"quadrature": {"g": 11, "olre()": 25}}),
        "zero-inflated Poisson": ("", "poisson", {"zero_inflation": "~ 1"}),
    }
    for name, (more, family, options) in asked.items():
        options = {"quadrature": 11, **options}
        one = ilk.fit(f"y ~ x + (1 | g){more}", data, family, **options)
        assert frame.loglik[name] == pytest.approx(one.loglik, abs=1e-6), name
        assert frame.aic[name] == pytest.approx(2.0 * frame.df[name] - 2.0 * one.loglik, abs=1e-5)
        place = one.fitted.names.index(("mean", "x"))
        assert frame["estimate[x]"][name] == pytest.approx(one.fitted.coef[place], abs=1e-5)
        error = np.sqrt(one.fitted.vcov[place, place])
        assert frame["std_error[x]"][name] == pytest.approx(error, rel=1e-3)
    assert frame.delta.min() == 0.0
    assert frame.delta["Poisson"] > 100.0


def test_words_and_picture(found):
    text = " ".join(found.text.split())
    assert "Poisson is worse by" in text
    assert "Variance is as the model says" in text
    assert "As many zeros as expected" in text
    assert "Coefficients of the mean" in found.html
    assert "11 nodes over g and 25 nodes over olre()" in text
    assert "integrated by quadrature here, so that AIC compare" in text
    assert found.profile is None
    with pytest.raises(ilk.ModelError, match="have a dispersion and an effect of each row"):
        found.plot(kind="profile")
    axis = found.plot()
    assert [line.get_label() for line in axis.lines][:3] == [
        "observed",
        "Poisson",
        "negative binomial 1",
    ]


def test_poisson_counts_have_no_sign_of_it(data):
    answer = ilk.fit("k ~ x + (1 | g)", data, "poisson").overdispersion(draws=100)
    assert answer.frame.aic.idxmin() == 0
    assert "no sign of overdispersion" in answer.text


def test_ratios_know_that_a_dispersion_is_not_negative(data, found):
    frame = found.frame.set_index("model")
    ratios = {one.larger: one for one in found.found.ratios}
    assert len(ratios) == 6
    assert ratios["zero-inflated negative binomial 2"].smaller == "negative binomial 2"
    for one in ratios.values():
        gain = 2.0 * (frame.loglik[one.larger] - frame.loglik[one.smaller])
        assert one.statistic == pytest.approx(max(gain, 0.0), abs=1e-9)
    assert "Tests of what each adds" in found.text
    none = ilk.fit("k ~ x + (1 | g)", data, "poisson", quadrature=11)
    over = ilk.fit("k ~ x + (1 | g)", data, "negative_binomial_2", quadrature=11)
    tested = ilk.compare(none, over).tests["p_value"].iloc[0]
    mine = {one.larger: one for one in none.overdispersion(draws=30).found.ratios}
    assert mine["negative binomial 2"].p_value == pytest.approx(tested, abs=1e-6)
    assert mine["negative binomial 2"].p_value > 0.05


def test_counts_among_trials(data):
    answer = ilk.fit("s ~ x", data, "binomial", trials="size").overdispersion(draws=100)
    assert answer.frame.model.tolist() == ["binomial", "beta-binomial", "binomial + olre()"]
    assert answer.frame.delta[0] > 50.0
    answer.plot()


def test_moments_with_row_effects_are_those_of_the_lognormal(data):
    fit = ilk.fit("y ~ x + olre()", data, "poisson", quadrature=11)
    mean, variance = row_moments(fit.fitted)
    (s2,) = fit.fitted.estimates.covariances[0].ravel()
    expected = np.exp(fit.fitted.coef[0] + fit.fitted.coef[1] * data["x"] + 0.5 * s2)
    np.testing.assert_allclose(mean, expected, rtol=1e-8)
    np.testing.assert_allclose(variance, expected + np.expm1(s2) * expected**2, rtol=1e-8)


def test_refusals(data, fit):
    single = ilk.fit("b ~ x", {"b": (data["y"] > 2).astype(int), "x": data["x"]}, "binomial")
    with pytest.raises(ilk.ModelError, match="single 0/1 outcomes"):
        single.overdispersion()
    with pytest.raises(ilk.ModelError, match="is for counts"):
        ilk.fit("x ~ 1 + (1 | g)", data).overdispersion()
    with pytest.raises(ilk.ModelError, match="takes a fit"):
        ilk.overdispersion("y ~ x")


def test_factors_that_cross_are_left_to_laplace_and_the_answer_says_so(data):
    rng = np.random.default_rng(5)
    crossed = {**data, "h": rng.integers(0, 9, len(data["g"]))}
    answer = ilk.fit("y ~ x + (1 | g) + (1 | h)", crossed, "poisson").overdispersion(draws=30)
    frame = answer.frame.set_index("model")
    assert frame.integration["Poisson"] == "Laplace"
    assert frame.integration["Poisson + olre()"].startswith("25 nodes over olre()")
    assert "Likelihoods are integrated differently" in " ".join(answer.text.split())


def test_without_random_effects_only_rows_are_integrated(data):
    answer = ilk.fit("y ~ x", data, "poisson").overdispersion(draws=30)
    assert answer.frame.integration.tolist() == ["", "", "", "25 nodes", "", "", ""]
    assert "integrated differently" not in answer.text


def test_both_at_once_are_weakly_identified(data):
    both = ilk.fit("y ~ x + (1 | g) + olre()", data, "negative_binomial_2")
    (reason,) = [r for r in both.verdict.reasons if r.code == "two_dispersions"]
    assert "weakly identified" in reason.message
    assert "without the dispersion" in reason.message
    assert "fit.overdispersion()" in reason.advice
    one = ilk.fit("y ~ x + (1 | g)", data, "negative_binomial_2")
    assert not [r for r in one.verdict.reasons if r.code == "two_dispersions"]
    # the ends of the profile are the models without the one and without the other
    rows = ilk.fit("y ~ x + (1 | g) + olre()", data, "poisson")
    best = max(both.loglik, one.loglik, rows.loglik)
    assert f"lower by {best - one.loglik:.2f} without the effects" in reason.message
    assert f"by {best - rows.loglik:.2f} without the dispersion" in reason.message


def test_profile_of_the_two_parameters(data):
    both = ilk.fit("y ~ x + (1 | g) + olre()", data, "negative_binomial_2")
    answer = both.overdispersion(draws=30)
    profile = answer.profile
    assert profile["dispersion"].is_monotonic_increasing
    assert profile["loss"].min() == 0.0
    # what one of the two does not explain the other does
    assert profile["sd(olre())"].iloc[0] > 0.5
    assert np.all(np.diff(profile["sd(olre())"]) < 1e-6)
    rows = ilk.fit("y ~ x + (1 | g) + olre()", data, "poisson", quadrature=11)
    assert profile["loglik"].iloc[0] == pytest.approx(rows.loglik, abs=1e-3)
    assert profile["sd(olre())"].iloc[0] == pytest.approx(
        np.sqrt(rows.fitted.estimates.covariances[1][0, 0]), abs=1e-3
    )
    assert "Profile of the dispersion and olre()" in answer.text
    axis = answer.plot()
    np.testing.assert_allclose(axis.lines[1].get_ydata(), profile["loss"])
    answer.plot(kind="variance")
    with pytest.raises(ilk.ModelError, match="'variance' and 'profile'"):
        answer.plot(kind="variances")


def test_effects_of_rows_do_not_hide_a_dispersion():
    newts = ilk.datasets.load("pond_newts")
    both = ilk.fit("newts ~ fish + (1 | pond) + olre()", newts, "negative_binomial_2")
    one = ilk.fit("newts ~ fish + (1 | pond)", newts, "negative_binomial_2")
    assert both.loglik >= one.loglik - 1e-6  # the larger model has its better optimum


def test_counts_without_zeros_are_compared_with_their_own_kind(data):
    some = data["y"] > 0
    positive = {name: values[some] for name, values in data.items()}
    answer = ilk.fit("y ~ x + (1 | g)", positive, "truncated_poisson").overdispersion(draws=30)
    assert answer.frame.model.tolist() == [
        "truncated Poisson",
        "truncated negative binomial 1",
        "truncated negative binomial 2",
        "truncated Poisson + olre()",
    ]
    nb = ilk.fit("y ~ x + (1 | g)", positive, "truncated_negative_binomial_2", quadrature=11)
    assert answer.frame.loglik[2] == pytest.approx(nb.loglik, abs=1e-5)
    hurdle = ilk.fit("y ~ x + (1 | g)", data, "hurdle_poisson").overdispersion(draws=30)
    assert hurdle.frame.model[2] == "hurdle negative binomial 2"
    assert hurdle.frame.delta[0] > 50.0
    hurdle.plot()
