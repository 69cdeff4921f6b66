"""Bootstrap of likelihood ratios: the exact distribution where that is known, and bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.inference.bootstrap.ratios import bootstrap_null
from ilk.inference.comparison.likelihood_ratio import likelihood_ratio
from ilk.inference.comparison.reduced import without_term
from ilk.inference.comparison.restricted_lrt import ratio_draws, spectrum


@pytest.fixture(scope="module")
def frame():
    """A few clusters without any variance between them."""
    rng = np.random.default_rng(12)
    data = pd.DataFrame({"x": rng.normal(size=48), "g": np.arange(48) % 6})
    data["y"] = data.x + rng.normal(size=48)
    data["k"] = rng.poisson(np.exp(0.5 + 0.2 * data.x))
    data["n"] = 2
    return data


def test_it_is_the_exact_distribution_of_a_variance(frame):
    large = ilk.fit("y ~ x + (1 | g)", frame).fitted
    small = without_term(large, 0)
    by_refits = bootstrap_null(small, large, 600, 1).draws
    found = spectrum(large, np.ones(48), large.design.terms[0].grouping.codes, 6)
    sample = ratio_draws(found, reml=True, draws=30_000, seed=1)
    for t in (1e-6, 0.5, 1.5):
        assert np.mean(by_refits >= t) == pytest.approx(np.mean(sample >= t), abs=0.06)


def test_counts_in_few_clusters(frame):
    """Maximum likelihood finds too little variance: p-values of the mixture are too large."""
    large = ilk.fit("k ~ x + (1 | g)", frame, "poisson").fitted
    small = without_term(large, 0)
    null = bootstrap_null(small, large, 300, 2)
    assert null.label == "bootstrap, 300 refits"
    assert 0.5 < np.mean(null.draws < 1e-6) < 0.8
    assert null.p_value(2.0) < 0.5 * 0.157 + 0.03


def test_draws_do_not_depend_on_how_many_there_are(frame):
    large = ilk.fit("k ~ x + (1 | g)", frame, "poisson").fitted
    small = without_term(large, 0)
    few, more = (bootstrap_null(small, large, count, 3).draws for count in (5, 12))
    np.testing.assert_allclose(few, more[:5], atol=1e-9)
    found = [likelihood_ratio(small, large, "bootstrap", 100, 4) for _ in range(2)]
    assert found[0] == found[1]


def test_rows_that_stand_for_several_cannot_be_drawn(frame):
    large = ilk.fit("y ~ x + (1 | g)", frame, frequency_weights="n").fitted
    small = without_term(large, 0)
    with pytest.raises(ilk.ModelError, match="frequency weights"):
        bootstrap_null(small, large, 100, 1)
    both = ilk.fit("y ~ x + (1 + x || g)", frame, frequency_weights="n").fitted
    assert likelihood_ratio(small, both).null.endswith("an upper bound")
