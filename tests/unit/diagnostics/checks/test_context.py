"""What check functions work with."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import fit_of
from tests.tables import table

import ilk
from ilk.diagnostics.checks.context import defines, make_context


def test_nothing_is_drawn_before_it_is_asked_for() -> None:
    context = make_context(fit_of("gamma").fitted, draws=30)
    assert not context.conditional.known
    context.simulated("population")
    assert context.population.known
    assert not context.conditional.known
    assert context.estimands == ("conditional", "population")


@pytest.mark.parametrize("name", ["gamma", "cbpp", "salamanders", "sleepstudy", "weighted"])
def test_exact_residuals_agree_with_those_of_draws(name: str) -> None:
    context = make_context(fit_of(name).fitted, draws=999)
    simulated = context.conditional()
    exact = context.exact(simulated)
    assert exact is not None
    assert context.exact(context.population()) is None
    if not simulated.discrete:
        assert np.abs(exact - simulated.residuals[:, 0]).max() < 5 * 0.5 / np.sqrt(999)
    else:  # both are randomized within the same steps
        assert np.corrcoef(exact, simulated.residuals[:, 0])[0, 1] > 0.5


def test_parts_that_families_define() -> None:
    fit = ilk.fit("visits ~ 1", table(), family="poisson", zero_inflation="~ 1")
    assert defines(fit.fitted.family, "cdf")
    assert defines(fit.fitted.family, "draw")
