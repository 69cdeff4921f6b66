import numpy as np

from ilk.frame import Column, listing, quote, unknown_column
from ilk.frame.column import empty_column, sorted_text, with_missing


def test_numeric_columns():
    assert Column("x", "float", np.zeros(1)).numeric
    assert not Column("x", "text", np.zeros(1, int), ("a",)).numeric


def test_text_is_sorted_with_its_codes():
    column = sorted_text("t", np.array([0, 1, -1, 0]), ["z", "a"])
    assert column.levels == ("a", "z")
    assert column.values.tolist() == [1, 0, -1, 1]
    assert column.missing.tolist() == [False, False, True, False]


def test_missing_numbers():
    column = with_missing("x", np.array([1.0, 2.0]), np.array([False, True]))
    assert np.isnan(column.values[1])
    assert with_missing("x", np.array([1, 2]), np.array([False, False])).missing is None


def test_nothing_at_all():
    assert empty_column("x", 0).finite
    assert (
        unknown_column("x", []).message == "The data have no column 'x'. The data have no columns."
    )


def test_long_labels_are_cut():
    assert len(quote("x" * 10**6)) == 80
    assert listing(["a", "b", "c"], 2) == "'a', 'b', ..."
    long = unknown_column("y" * 10**5, ["x" * 10**6] * 3)
    assert len(long.message) < 1000
