import numpy as np
import pytest

from ilk.design.rows import choose_rows
from ilk.errors import DataError


def mask(*rows, total=5):
    out = np.zeros(total, dtype=bool)
    out[list(rows)] = True
    return out


def test_all_rows():
    rows = choose_rows(5, {"x": None}, {})
    assert rows.kept.tolist() == [0, 1, 2, 3, 4]
    assert rows.selection is None
    assert rows.note is None


def test_some_rows():
    rows = choose_rows(5, {"x": mask(1), "y": mask(1, 4)}, {"w = 0": mask(0)})
    assert rows.selection.tolist() == [2, 3]
    assert rows.dropped == {"x": 1, "y": 2, "w = 0": 1}
    assert "3 of 5 rows" in rows.note


def test_no_row():
    with pytest.raises(DataError, match="None of the 5 rows"):
        choose_rows(5, {"x": np.ones(5, bool)}, {})
    assert len(choose_rows(5, {"x": np.ones(5, bool)}, {}, allow_none=True).kept) == 0


def test_rows_without_information_are_no_missing_values():
    assert choose_rows(5, {}, {"w = 0": mask(0)}, "error").kept.tolist() == [1, 2, 3, 4]
