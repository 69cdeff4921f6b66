"""Arguments that a family has no use for."""

from __future__ import annotations

import pytest

from ilk.errors import ModelError
from ilk.families import beta_binomial, binomial, gamma, poisson
from ilk.family import refuse_foreign_arguments


def test_trials_are_for_counts_of_successes():
    refuse_foreign_arguments(binomial(), trials="n")
    refuse_foreign_arguments(beta_binomial(), trials="n")
    with pytest.raises(ModelError, match=r"trials= is for .* not for family 'poisson'"):
        refuse_foreign_arguments(poisson(), trials="n")


def test_a_formula_of_the_dispersion_needs_one():
    refuse_foreign_arguments(gamma(), formulas={"dispersion": "~ x"})
    with pytest.raises(ModelError, match="'binomial' has no dispersion"):
        refuse_foreign_arguments(binomial(), formulas={"dispersion": "~ x"})
