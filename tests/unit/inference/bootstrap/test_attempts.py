"""A refit gives numbers, or the reason why not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import fit_of

from ilk.errors import FitError, ModelError
from ilk.inference.bootstrap.attempts import attempt, sound


def fitted():
    return fit_of("cbpp").fitted


def test_numbers_come_through():
    found = attempt(fitted, lambda f: f.coef, 4)
    np.testing.assert_array_equal(found, fitted().coef)
    np.testing.assert_array_equal(
        attempt(fitted, lambda f: [1.0, np.inf, np.nan], 3), [1.0, np.nan, np.nan]
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FitError("It failed.", code="x"), "It failed"),
        (np.linalg.LinAlgError("Singular matrix"), "Singular matrix"),
        (OverflowError("too large"), "too large"),
        (ZeroDivisionError(), "ZeroDivisionError"),
    ],
)
def test_reasons_are_kept(error, reason):
    def statistic(_):
        raise error

    assert attempt(fitted, statistic, 1) == reason


def test_faults_of_the_statistic_are_no_failures_of_refits():
    def wrong(_):
        raise KeyError("period")

    with pytest.raises(KeyError):
        attempt(fitted, wrong, 1)
    with pytest.raises(ModelError, match="4 numbers for the fit, but 2"):
        attempt(fitted, lambda f: f.coef[:2], 4)
    assert attempt(fitted, lambda f: [np.nan], 1) == "the statistic is not finite"


def test_a_search_without_an_optimum_is_not_sound():
    from dataclasses import replace

    good = fitted()
    assert sound(good) is good
    bad = replace(good, point=replace(good.point, status="max_steps", decrement=1.0))
    with pytest.raises(FitError, match="did not end at an optimum"):
        sound(bad)
