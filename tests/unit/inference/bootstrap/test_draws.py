"""Draws: values and failures sorted, samples with gaps set aside."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.errors import FitError
from ilk.inference.bootstrap.draws import sorted_draws

ABOUT = ("cluster", "school", 12, 7)


def test_values_and_failures_are_sorted():
    outcomes = [np.array([1.0, 2.0]), "no optimum", np.array([3.0, np.nan]), "no rank", "no rank"]
    outcomes += [np.array([5.0, 6.0])] * 2
    draws = sorted_draws(np.zeros(2), outcomes, *ABOUT)
    np.testing.assert_array_equal(draws.index, [0, 2, 5, 6])
    np.testing.assert_array_equal(draws.values[:2], [[1, 2], [3, np.nan]])
    assert draws.reasons == {"no rank": 2, "no optimum": 1}
    assert draws.failed == 3
    assert (draws.kind, draws.unit, draws.units, draws.seed) == ABOUT
    whole = draws.complete()
    np.testing.assert_array_equal(whole.index, [0, 5, 6])
    assert whole.reasons["the statistic is not finite"] == 1


@pytest.mark.parametrize("good", [0, 1, 3])
def test_most_must_succeed(good):
    outcomes = [np.ones(1)] * good + ["nothing"] * 4
    with pytest.raises(FitError, match=rf"4 of {good + 4} refits .*\(school\).* because: nothing"):
        sorted_draws(np.ones(1), outcomes, *ABOUT)
    assert len(sorted_draws(np.ones(1), [*outcomes, *[np.ones(1)] * 4], *ABOUT).values) == good + 4
