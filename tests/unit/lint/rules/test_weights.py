"""Weights of the other kind."""

from __future__ import annotations

import numpy as np
from tests.findings import clustered, codes, found

DATA = clustered().assign(
    n=lambda d: np.random.default_rng(1).integers(1, 9, len(d)), v=lambda d: d["x"] ** 2 + 0.1
)
FORMULA = "y ~ x + (1 | school)"


def test_precision_weights_that_look_like_frequencies() -> None:
    finding = found("weights-like-frequencies", FORMULA, DATA, precision_weights="n")
    assert finding.severity == "note"
    assert finding.terms == ("n",)
    assert "frequency_weights=" in finding.fix


def test_other_precision_weights_are_fine() -> None:
    assert codes(FORMULA, DATA, precision_weights="v") == ()
    assert codes(FORMULA, DATA, precision_weights=np.full(len(DATA), 3.0)) == ()


def test_the_trials_of_a_proportion_are_no_frequencies() -> None:
    data = DATA.assign(share=1.0 / DATA["n"])
    assert codes("share ~ x + (1 | school)", data, "binomial", precision_weights="n") == ()


def test_frequency_weights_that_are_fractions() -> None:
    finding = found("fractional-frequencies", FORMULA, DATA, frequency_weights="v")
    assert finding.severity == "warning"
    assert codes(FORMULA, DATA, frequency_weights="n") == ()
