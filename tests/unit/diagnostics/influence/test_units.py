"""What is left out as a whole, and which rows hang together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.influence.units import ROWS, blocks_of, deleted_units


def data() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"g": np.repeat(list("abcdef"), 6), "h": np.tile([1, 2, 3], 12)})
    frame["s"] = np.where(frame.g < "d", "north", "south")
    frame["x"] = rng.normal(size=36)
    frame["y"] = frame.x + rng.normal(size=36)
    return frame


def test_levels_rows_and_labels_of_the_caller() -> None:
    frame = data()
    frame.loc[3, "x"] = np.nan
    design = ilk.fit("y ~ x + (1 | g)", frame).fitted.design
    unit = deleted_units(design, "g")
    assert unit.labels == tuple("abcdef")
    assert [len(rows) for rows in unit.members()] == [5, 6, 6, 6, 6, 6]
    rows = deleted_units(design)
    assert rows.name == ROWS
    assert rows.labels[3] == 4  # row 3 of the data is not used
    given = deleted_units(design, frame["s"])
    assert (given.name, given.labels) == ("s", ("north", "south"))
    assert [len(rows) for rows in given.members()] == [17, 18]
    assert deleted_units(design, "x").count == 35


def test_what_cannot_be_left_out() -> None:
    frame = data()
    design = ilk.fit("y ~ x + (1 | g)", frame).fitted.design
    with pytest.raises(ilk.ModelError, match=r"group='k' is no grouping factor .* Single rows"):
        deleted_units(design, "k")
    with pytest.raises(ilk.DataError, match=r"label for each of the 36 rows .* not 3 labels"):
        deleted_units(design, [1, 2, 3])
    with pytest.raises(ilk.ModelError, match="All rows lie in one level of 'one'"):
        deleted_units(design, pd.Series(np.ones(36), name="one"))
    holes = frame["s"].where(frame.index != 5)
    with pytest.raises(ilk.DataError, match="has no value in row 5"):
        deleted_units(design, holes)


def test_blocks_of_nested_and_crossed_factors() -> None:
    frame = data()
    nested = ilk.fit("y ~ x + (1 | s/g)", frame).fitted.design
    assert blocks_of(nested).tolist() == [0] * 18 + [1] * 18
    assert len(set(blocks_of(ilk.fit("y ~ x", frame).fitted.design))) == 36
    crossed = ilk.fit("y ~ x + (1 | g) + (1 | h)", frame).fitted.design
    assert set(blocks_of(crossed)) == {0}
    frame["h"] = frame.h + 10 * (frame.g >= "d")  # two groups of crossing levels
    split = ilk.fit("y ~ x + (1 | g) + (1 | h)", frame).fitted.design
    assert blocks_of(split).tolist() == [0] * 18 + [1] * 18
