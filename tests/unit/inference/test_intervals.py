"""One table of intervals, whatever the method."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fits import FITS, fit_of

from ilk.errors import ModelError
from ilk.inference.intervals import intervals


@pytest.mark.parametrize("name", list(FITS))
def test_wald_intervals_are_those_of_the_table_of_parameters(name):
    fit = fit_of(name)
    found, table = intervals(fit.fitted, 0.9), fit.tidy(0.9)
    for column in ("component", "term", "estimand"):
        assert list(getattr(found, column)) == [
            None if value is None or value != value else value for value in table[column]
        ]
    for column in ("estimate", "conf_low", "conf_high"):
        np.testing.assert_array_equal(getattr(found, column), table[column])


@pytest.mark.parametrize("name", ["cbpp", "sleepstudy", "salamanders"])
def test_methods_have_the_same_rows(name):
    fitted = fit_of(name).fitted
    wald, profile = intervals(fitted), intervals(fitted, method="profile")
    for column in ("component", "group", "term", "estimand"):
        assert getattr(wald, column) == getattr(profile, column)
    assert profile.notes
    kind = "profile (ML)" if fitted.model.reml else "profile"
    assert set(profile.method) == {kind}


def test_options_of_wald_intervals():
    fit = fit_of("sleepstudy")
    normal, student = intervals(fit.fitted, df="normal"), intervals(fit.fitted)
    assert normal.conf_high[0] < student.conf_high[0]


@pytest.mark.parametrize("level", [95, 0.0, 1.0, "high"])
def test_bad_levels(level):
    with pytest.raises(ModelError, match="level="):
        intervals(fit_of("cbpp").fitted, level)
