"""Every family: what was simulated is found again, with a random intercept.

One small data set each; the study `validation.recovery`, whose simulations these are, has hundreds.
"""

from __future__ import annotations

import numpy as np
import pytest
from validation.recovery import TRUTHS, arguments, labels, simulate

import ilk


@pytest.mark.parametrize("name", TRUTHS)
def test_what_was_simulated_is_recovered(name: str) -> None:
    data, known = simulate(name, np.random.default_rng([4, *name.encode()]))
    fit = ilk.fit("y ~ x + (1 | g)", data, **arguments(name))
    assert fit.verdict.converged
    table = fit.tidy()
    found = dict(zip(labels(table, name == "multinomial"), table.itertuples(), strict=True))
    assert set(found) == set(known)
    for label, row in found.items():
        width = row.conf_high - row.conf_low
        assert np.isfinite(width), label
        assert abs(row.estimate - known[label]) < width, label  # four standard errors
        assert width < 3.0 * (1.0 + abs(known[label])), label  # the data say something
