"""The exact distribution against closed forms of balanced data and against refits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.stats import f as f_distribution
from tests.fits import fit_of

import ilk
from ilk.inference.comparison.nesting import columns_of
from ilk.inference.comparison.reduced import without_term
from ilk.inference.comparison.restricted_lrt import MAX_LEVELS, Spectrum, ratio_draws, spectrum
from ilk.simulate import simulate


def of(fit, t=0):
    term = fit.design.terms[t]
    return spectrum(fit, columns_of(term)[:, 0], term.grouping.codes, len(term.grouping.levels))


@pytest.mark.parametrize("reml", [True, False])
def test_balanced_one_way_layout(reml):
    """The ratio is a function of the F statistic, whose distribution is known."""
    groups, size = 6, 5
    n = groups * size
    found = Spectrum(np.array([5.0]), np.array([groups - 1.0]), np.full(groups, float(size)), n, 1)
    sample = ratio_draws(found, reml=reml, draws=60_000, seed=1)
    scale, terms = (n - 1, groups - 1) if reml else (n, groups)

    def ratio(F):  # at the maximum over a = 1 + size * lambda
        between, within = (groups - 1) * F, float(n - groups)
        a = F * (groups - 1) / terms
        return scale * np.log((between + within) / (within + between / a)) - terms * np.log(a)

    for t in (0.5, 1.0, 2.0, 4.0):
        F = brentq(lambda F, t=t: ratio(F) - t, terms / (groups - 1), 200.0)
        tail = f_distribution.sf(F, groups - 1, n - groups)
        assert np.mean(sample >= t) == pytest.approx(tail, abs=0.004)
    zero = f_distribution.cdf(terms / (groups - 1), groups - 1, n - groups)
    assert np.mean(sample < 1e-6) == pytest.approx(zero, abs=0.01)


def test_eigenvalues_are_those_of_the_matrices():
    fit = fit_of("weighted").fitted
    found = of(fit)
    w = fit.design.precision_weights
    X = fit.design.fixed[0].X * np.sqrt(w)[:, None]
    Z = np.eye(len(fit.design.terms[0].grouping.levels))[fit.design.terms[0].grouping.codes]
    Z = Z * np.sqrt(w)[:, None]
    left = Z - X @ np.linalg.lstsq(X, Z, rcond=None)[0]
    mu = np.sort(np.linalg.eigvalsh(Z.T @ left))
    np.testing.assert_allclose(
        np.repeat(found.mu, found.multiplicity.astype(int)), mu[mu > 1e-9 * mu[-1]], rtol=1e-7
    )
    np.testing.assert_allclose(np.sort(found.xi), np.sort(np.linalg.eigvalsh(Z.T @ Z)))
    assert (found.n, found.p) == (fit.nobs, 2)


def test_balanced_slopes_need_no_large_matrix():
    fit = fit_of("sleepstudy").fitted
    term = fit.design.terms[0]
    found = spectrum(fit, term.columns[:, 1], term.grouping.codes, 18)
    Z = np.eye(18)[term.grouping.codes] * term.columns[:, [1]]
    X = fit.design.fixed[0].X
    mu = np.linalg.eigvalsh(Z.T @ (Z - X @ np.linalg.lstsq(X, Z, rcond=None)[0]))
    assert found.multiplicity.sum() == 17
    np.testing.assert_allclose(found.mu[-1], mu[-1])
    np.testing.assert_allclose(found.multiplicity @ found.mu, mu.sum())


def test_many_unequal_levels_have_no_spectrum_but_equal_ones_do():
    levels = MAX_LEVELS + 1
    rng = np.random.default_rng(3)
    codes = np.repeat(np.arange(levels), 2)
    frame = pd.DataFrame({"y": rng.normal(size=2 * levels), "g": codes})
    balanced = of(ilk.fit("y ~ 1 + (1 | g)", frame).fitted)
    assert balanced.mu.tolist() == pytest.approx([2.0])
    assert balanced.multiplicity.tolist() == [levels - 1]
    assert of(ilk.fit("y ~ 1 + (1 | g)", frame.iloc[1:]).fitted) is None


@pytest.mark.slow
def test_refits_to_simulated_responses_have_this_distribution():
    rng = np.random.default_rng(6)
    codes = rng.integers(0, 7, 40)
    frame = pd.DataFrame({"x": rng.normal(size=40), "g": codes, "y": rng.normal(size=40)})
    fit = ilk.fit("y ~ x + (1 | g)", frame).fitted
    bare = without_term(fit, 0)
    ratios = []
    for y in simulate(bare, 1_500, seed=1).T:
        data = frame.assign(y=y)
        large = ilk.fit("y ~ x + (1 | g)", data)
        small = ilk.fit("y ~ x", data, reml=True)
        ratios.append(2.0 * (large.loglik - small.loglik))
    sample = ratio_draws(of(fit), reml=True, draws=50_000, seed=2)
    for t in (0.2, 1.0, 2.5):
        assert np.mean(np.array(ratios) >= t) == pytest.approx(np.mean(sample >= t), abs=0.025)
