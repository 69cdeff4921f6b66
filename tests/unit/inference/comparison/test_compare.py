"""Which comparisons are made, and which are refused and why."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk.inference.comparison.compare import compare


@pytest.fixture(scope="module")
def frame():
    """Two grouping factors, counts and successes."""
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"x": rng.normal(size=120), "g": np.arange(120) % 12})
    data["y"] = 3.0 + data.x + rng.normal(size=12)[data.g] + rng.normal(size=120)
    data["k"] = rng.poisson(np.exp(0.4 * data.x))
    data["hit"] = (data.x + rng.logistic(size=120) > 0).astype(int)
    data["w"] = rng.uniform(1, 2, 120)
    data["n"] = 2
    return data


def fitted(formula, data, *args, **keywords):
    return ilk.fit(formula, data, *args, **keywords).fitted


def test_criteria_and_weights(frame):
    a = fitted("y ~ x + (1 | g)", frame, reml=False)
    b = fitted("y ~ 1 + (1 | g)", frame, reml=False)
    found = compare([a, b], ["slope", "mean"])
    assert found.names == ("slope", "mean")
    np.testing.assert_allclose(found.aic, [2 * 4 - 2 * a.loglik, 2 * 3 - 2 * b.loglik])
    np.testing.assert_allclose(found.delta, found.aic - found.aic[0])
    ratio = np.exp(-0.5 * (found.aic[1] - found.aic[0]))
    np.testing.assert_allclose(found.weights, [1 / (1 + ratio), ratio / (1 + ratio)])
    (test,) = found.tests
    assert (test.small, test.large, test.ratio.null) == (1, 0, "chi2(1)")


def test_models_of_different_families_have_full_constants(frame):
    fits = [
        fitted("k ~ x + (1 | g)", frame, family)
        for family in ("poisson", "negative_binomial_1", "negative_binomial_2")
    ]
    found = compare(fits)
    assert found.names == ("model 1", "model 2", "model 3")
    assert [(test.small, test.large) for test in found.tests] == [(0, 1), (0, 2)]
    assert all(test.ratio.null == "0.5 chi2(0) + 0.5 chi2(1)" for test in found.tests)


def test_what_vanished_is_told():
    both = fit_of("dyestuff2").fitted
    bare = fitted("Yield ~ 1", data_of("dyestuff2"))
    found = compare([bare, both])
    (where, reason) = found.collapsed[0]
    assert where == 1
    assert "(1 | Batch)" in reason.message


def refused(a, b, *words):
    with pytest.raises(ilk.ModelError) as caught:
        compare([a, b], ["first", "second"])
    message = str(caught.value)
    assert message.count(". ") <= 1
    for word in words:
        assert word in message


def test_other_rows_and_responses_are_refused(frame):
    a = fitted("y ~ x + (1 | g)", frame)
    both = ("first", "second")
    refused(a, fitted("y ~ x + (1 | g)", frame[1:]), *both, "different rows, 120 and 119")
    shuffled = frame.iloc[::-1]
    refused(a, fitted("y ~ x + (1 | g)", shuffled), *both, "different values of the response 'y'")
    refused(a, fitted("log(y + 9) ~ x + (1 | g)", frame), *both, "'log(y + 9)'", "link")
    weighted = fitted("y ~ x + (1 | g)", frame, precision_weights="w")
    refused(a, weighted, *both, "precision_weights=")


def test_densities_and_probabilities_are_not_compared(frame):
    refused(
        fitted("k ~ x + (1 | g)", frame, "poisson"),
        fitted("k ~ x + (1 | g)", frame, reml=False),
        "first and second",
        "a density and a probability",
    )


def test_restricted_likelihoods(frame):
    a = fitted("y ~ x + (1 | g)", frame)
    refused(a, fitted("y ~ x + (1 | g)", frame, reml=False), "one restricted (REML)", "reml=")
    refused(a, fitted("y ~ 1 + (1 | g)", frame), "different fixed parts", "reml=False")
    shifted = frame.assign(z=2.0 * frame.x - 1.0)
    # the same space in other columns: a flat prior of other coefficients
    refused(a, fitted("y ~ z + (1 | g)", shifted), "the same in other columns", "reml=False")
    turned = frame.assign(z=-frame.x - 3.0)
    b = fitted("y ~ z + (1 | g)", turned)
    assert len(compare([a, b]).tests) == 0
    assert a.loglik == pytest.approx(b.loglik, abs=1e-6)


def test_approximations_must_agree(frame):
    a = fitted("hit ~ x + (1 | g)", frame, "binomial")
    b = fitted("hit ~ x + (1 | g)", frame, "binomial", quadrature=7)
    refused(a, b, "Laplace and quadrature with 7 nodes", "quadrature=")
    exact = fitted("hit ~ x", frame, "binomial")
    assert len(compare([exact, b]).tests) == 1


def test_what_is_no_maximum_or_no_likelihood_is_refused(frame):
    good = fitted("hit ~ x + (1 | g)", frame, "binomial")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        apart = fitted("hit ~ hit2 + x", frame.assign(hit2=frame.hit), "binomial")
        stopped = fitted("hit ~ x + (1 | g)", frame, "binomial", search=ilk.Search(max_steps=1))
    refused(good, apart, "second", "separated")
    if not stopped.verdict.converged:
        refused(good, stopped, "second", "not converged")
    marginal = ilk.gee("hit ~ x", frame, groups="g", family="binomial").fitted
    refused(good, marginal, "second is a fit of ilk.gee, which", "ilk.fit")
    refused(good, "hit ~ x", "second", "not a fit")
    firth = fitted("hit ~ x + (1 | g)", frame, "binomial", penalty="firth")
    refused(good, firth, "second", "penalized")


def test_names_and_numbers_of_models(frame):
    a = fitted("y ~ x + (1 | g)", frame)
    with pytest.raises(ilk.ModelError, match="two or more"):
        compare([a])
    with pytest.raises(ilk.ModelError, match="a different name for each"):
        compare([a, a], ["same", "same"])
    with pytest.raises(ilk.ModelError, match="a different name for each"):
        compare([a, a], "ab")
    with pytest.raises(ilk.ModelError, match="method='exact'"):
        compare([a, a], method="exact")
    with pytest.raises(ilk.ModelError, match=r"draws=1\.5"):
        compare([a, a], draws=1.5)
