"""Errors carry codes, travel between processes, and spell names right."""

import pickle

import pytest

from ilk import errors
from ilk.errors import (
    DataError,
    FitError,
    FormulaError,
    IlkError,
    ModelError,
    closest,
    did_you_mean,
)


@pytest.mark.parametrize(
    ("kind", "code"),
    [(FormulaError, "formula"), (DataError, "data"), (ModelError, "model"), (FitError, "fit")],
)
def test_every_error_has_a_stable_code_and_can_be_pickled(kind, code):
    assert kind("Something is wrong.").code == code
    error = pickle.loads(pickle.dumps(kind("Column 'y' is missing.", code="unknown-column")))
    assert isinstance(error, IlkError)
    assert type(error) is kind
    assert (str(error), error.code) == ("Column 'y' is missing.", "unknown-column")


def test_warnings_have_one_root():
    kinds = [getattr(errors, name) for name in errors.__all__ if name.endswith("Warning")]
    assert len(kinds) > 1
    assert all(issubclass(kind, errors.IlkWarning) for kind in kinds)


def test_nearest_spelling():
    names = ["Intercept", "age", "treatment", "poisson"]
    assert closest("Possion", names) == "poisson"
    assert closest("AGE", names) == "age"
    assert closest("tretment", names) == "treatment"
    assert closest("xyz", names) is None
    assert did_you_mean("tretment", names) == " Did you mean 'treatment'?"
    assert did_you_mean("xyz", names) == ""
