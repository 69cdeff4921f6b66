"""Information on variances at zero: known limits, and tests that keep their level."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.inference.comparison.likelihood_ratio import null_distribution
from ilk.inference.comparison.nesting import find_nesting
from ilk.inference.comparison.null_scores import cone_information
from ilk.simulate import simulate


def data(rows=300, seed=1, groups=30):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": rng.normal(size=rows), "g": np.arange(rows) % groups})
    frame["h"] = (np.arange(rows) // 30) % 10
    frame["y"] = frame.x + rng.normal(size=rows)
    frame["count"] = rng.poisson(np.exp(0.3 + 0.2 * frame.x))
    return frame


def test_crossed_balanced_factors_carry_separate_information():
    frame = data()
    small = ilk.fit("y ~ x", frame, reml=True).fitted
    large = ilk.fit("y ~ x + (1 | g) + (1 | h)", frame).fitted
    J, sizes = cone_information(small, large, find_nesting(small, large), 1)
    assert sizes == [1, 1]
    sigma4 = small.estimates.sigma2**2
    # tr(P Z Z' P Z Z') / 2 with group sizes 10 and 30, the mean taken off
    np.testing.assert_allclose(np.diag(J) * sigma4, [0.5 * 29 * 100, 0.5 * 9 * 900], rtol=0.2)
    assert abs(J[0, 1]) < 0.1 * np.sqrt(J[0, 0] * J[1, 1])


def test_information_of_slopes_is_that_of_the_matrices():
    frame = data()
    small = ilk.fit("y ~ x", frame, reml=True).fitted
    large = ilk.fit("y ~ x + (1 + x || g)", frame).fitted
    J, _ = cone_information(small, large, find_nesting(small, large), 2)
    X = small.design.fixed[0].X
    P = np.eye(300) - X @ np.linalg.pinv(X)
    Z = np.eye(30)[frame.g]
    V = [Z @ Z.T, (Z * frame.x.to_numpy()[:, None]) @ (Z * frame.x.to_numpy()[:, None]).T, P]
    full = np.array([[0.5 * np.trace(P @ a @ P @ b) for b in V] for a in V])
    exact = full[:2, :2] - np.outer(full[:2, 2], full[:2, 2]) / full[2, 2]
    np.testing.assert_allclose(J * small.estimates.sigma2**2, exact, rtol=0.25, atol=60.0)


def test_dispersion_and_excess_zeros_overlap():
    """Both scores are high where there are more zeros and more large counts than expected."""
    frame = data()
    small = ilk.fit("count ~ x", frame, "poisson").fitted
    large = ilk.fit("count ~ x", frame, "negative_binomial_2", zero_inflation="~ 1").fitted
    J, sizes = cone_information(small, large, find_nesting(small, large), 3)
    assert sizes == [1, 1]
    correlation = J[0, 1] / np.sqrt(J[0, 0] * J[1, 1])
    mu = small.mean
    # exact moments of (y - mu)^2 - y and 1{y = 0} / f(0) - 1, mean profiled out
    exact = np.sum(mu**2) / np.sqrt(np.sum(2 * mu**2) * np.sum(np.expm1(mu) - mu))
    assert correlation == pytest.approx(exact, abs=0.12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("small", "large", "family"),
    [
        ("y ~ x", "y ~ x + (1 + x | g)", "gaussian"),
        ("y ~ x", "y ~ x + (1 | g) + (1 | h)", "gaussian"),
        ("count ~ x", "count ~ x + (1 + x | g)", "poisson"),
    ],
)
def test_tests_keep_their_level(small, large, family):
    # maximum likelihood, unlike the restricted one, needs many groups for its limit
    frame = data(seed=5) if family == "gaussian" else data(1_600, 5, 200)
    keywords = {"reml": True} if family == "gaussian" else {}
    a = ilk.fit(small, frame, family, **keywords).fitted
    b = ilk.fit(large, frame, family, **keywords).fitted
    null = null_distribution(a, b, find_nesting(a, b))
    assert "simulated mixture" in null.label
    name, p = a.design.response.name, []
    for y in simulate(a, 400, seed=6).T:
        again = frame.assign(**{name: y})
        wide = ilk.fit(large, again, family, **keywords).loglik
        slim = ilk.fit(small, again, family, **keywords).loglik
        p.append(null.p_value(max(2.0 * (wide - slim), 0.0)))
    for level in (0.05, 0.2, 0.4):
        assert np.mean(np.array(p) <= level) == pytest.approx(level, abs=0.25 * level + 0.02)
