"""A vector with names: a mapping and an array at once."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.inference.labelled import Labelled

NAMES = (
    ("mean", "Intercept"),
    ("mean", "age"),
    ("dispersion", "Intercept"),
    ("zero_inflation", "sex[T.m]"),
)
VALUES = Labelled(np.array([1.5, -0.25, 3.0, np.nan]), NAMES, NAMES[3:])


def test_lookups_by_name_pair_and_label():
    assert VALUES["Intercept"] == 1.5
    assert VALUES["dispersion", "Intercept"] == 3.0
    assert VALUES["dispersion: Intercept"] == 3.0
    assert np.isnan(VALUES["sex[T.m]"])


def test_it_is_a_mapping():
    assert list(VALUES) == ["Intercept", "age", "dispersion: Intercept", "zero_inflation: sex[T.m]"]
    assert dict(VALUES)["age"] == -0.25
    assert len(VALUES) == 4
    assert "age" in VALUES
    assert "weight" not in VALUES


def test_it_is_an_array():
    np.testing.assert_array_equal(np.asarray(VALUES), [1.5, -0.25, 3.0, np.nan])
    assert np.asarray(VALUES, dtype=np.float32).dtype == np.float32
    assert np.exp(VALUES)[0] == np.exp(1.5)


def test_it_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        VALUES.array[0] = 2.0
    copy = np.array(VALUES)
    copy[0] = 9.0
    assert VALUES["Intercept"] == 1.5


def test_a_wrong_name_gets_the_nearest():
    with pytest.raises(KeyError, match="Did you mean 'age'"):
        VALUES["agee"]


def test_printing_marks_what_is_not_estimable():
    lines = repr(VALUES).splitlines()
    assert lines[1].split() == ["age", "-0.25"]
    assert lines[3].endswith("nan  not estimable")
    assert repr(Labelled(np.zeros(0), ())) == "(no coefficients)"


def test_a_missing_standard_error_is_not_a_missing_coefficient():
    assert repr(Labelled(np.array([np.nan]), NAMES[:1])).split() == ["Intercept", "nan"]


def test_names_and_numbers_must_match():
    with pytest.raises(ValueError, match="numbers"):
        Labelled(np.zeros(2), NAMES)
