"""Which models are special cases of others, and what the larger ones add."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.fits import data_of

import ilk
from ilk.inference.comparison.nesting import find_nesting


@pytest.fixture(scope="module")
def frame():
    """Clusters with two names each, two covariates and counts."""
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"x": rng.normal(size=160), "z": rng.normal(size=160)})
    data["g"] = np.repeat(np.arange(20), 8)
    data["other"] = [f"level {19 - g}" for g in data.g]
    data["h"] = np.tile(np.arange(8), 20)
    b = rng.normal(size=(20, 2))[data.g]
    data["y"] = data.x + b[:, 0] + b[:, 1] * data.x + rng.normal(size=160)
    data["count"] = rng.poisson(np.exp(0.5 * b[:, 0])) * rng.integers(0, 2, 160)
    data["x10"] = 10.0 * data.x + 3.0
    return data


def nest(frame, small, large):
    return find_nesting(*(ilk.fit(f, frame, reml=False).fitted for f in (small, large)))


@pytest.mark.parametrize(
    ("small", "large", "free", "variances", "matrices"),
    [
        ("y ~ x", "y ~ x + z", 1, 0, ()),
        ("y ~ x", "y ~ x + (1 | g)", 0, 1, ()),
        ("y ~ 1", "y ~ x + (1 | g)", 1, 1, ()),
        ("y ~ x + (1 | g)", "y ~ x + (1 + x | g)", 1, 1, ()),
        ("y ~ x + (1 | g)", "y ~ x + (1 + x || g)", 0, 1, ()),
        ("y ~ x + (1 + x || g)", "y ~ x + (1 + x | g)", 1, 0, ()),
        ("y ~ x + (1 | g) + (0 + x | g)", "y ~ x + (1 + x | g)", 1, 0, ()),
        ("y ~ x + (1 + x || g)", "y ~ x + (1 + x + z | g)", 3, 1, ()),
        ("y ~ x + (1 | g)", "y ~ x + (1 + x + z | g)", 2, 0, (2,)),
        ("y ~ x", "y ~ x + (1 + x | g)", 0, 0, (2,)),
        ("y ~ x", "y ~ x + (1 + x || g)", 0, 2, ()),
        ("y ~ x", "y ~ x + (1 | g) + (1 | h)", 0, 2, ()),
        ("y ~ x + (1 | g)", "y ~ x + (1 | other) + (1 | h)", 0, 1, ()),
        ("y ~ x + (1 + x | g)", "y ~ x10 + (1 + x10 | g) + (1 | h)", 0, 1, ()),
        ("y ~ x + (0 + x10 | g)", "y ~ x + (1 + x | g)", 1, 1, ()),
        ("y ~ x + homcs(1 + x | g)", "y ~ x + cs(1 + x | g)", 1, 0, ()),
    ],
)
def test_what_the_larger_model_adds(frame, small, large, free, variances, matrices):
    found = nest(frame, small, large)
    assert not isinstance(found, str), found
    assert (found.free, found.variances, found.matrices) == (free, variances, matrices)
    cones = variances + sum(r * (r + 1) // 2 for r in matrices)
    assert found.difference == free + cones


@pytest.mark.parametrize(
    ("small", "large", "reason"),
    [
        ("y ~ x", "y ~ z + (1 | g)", "the other lacks x in the mean"),
        ("y ~ x + (1 | g)", "y ~ x + z + (1 | h)", "no random term that contains (1 | g)"),
        ("y ~ x + (1 + x | g)", "y ~ x + z + (1 | g) + (1 | h) + (0 + x | h)", "no random"),
        ("y ~ x + (0 + x10 | g)", "y ~ x + (1 + x || g)", "no random term that contains"),
        ("y ~ x + (1 | g)", "y ~ x", "no fewer parameters"),
        ("y ~ x + offset(z)", "y ~ x + (1 | g)", "the offsets of the mean differ"),
        ("y ~ x", "y ~ x + cs(1 + x | g)", "its correlation has no meaning"),
    ],
)
def test_reasons_why_models_are_not_nested(frame, small, large, reason):
    assert reason in nest(frame, small, large)


def families(frame, small, large):
    fits = (
        ilk.fit("count ~ x + (1 | g)", frame, family, zero_inflation=inflation).fitted
        for family, inflation in (small, large)
    )
    return find_nesting(*fits)


def test_limits_of_families(frame):
    poisson, nb2 = ("poisson", None), ("negative_binomial_2", None)
    found = families(frame, poisson, nb2)
    assert (found.dispersion, found.inflation, found.free) == (True, False, 0)
    found = families(frame, poisson, ("negative_binomial_1", "~ 1"))
    assert (found.dispersion, found.inflation, found.variances) == (True, True, 2)
    assert "no meaning" in families(frame, poisson, ("poisson", "~ x"))
    assert "no limit" in families(frame, ("negative_binomial_1", None), (nb2[0], "~ 1"))


def test_links_must_agree():
    data = data_of("cbpp")
    logit = ilk.fit("incidence / size ~ 1 + (1 | herd)", data, "binomial").fitted
    probit = ilk.fit("incidence / size ~ period + (1 | herd)", data, "binomial", "probit").fitted
    assert find_nesting(logit, probit) == "the links differ"
