"""Pictures of influence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.influence.influence import influence
from ilk.plot.influence import (
    dfbetas_picture,
    draw_dfbetas,
    draw_influence,
    influence_picture,
)

pytest.importorskip("matplotlib")


def data(levels: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    code = np.repeat(np.arange(levels), 6)
    x = rng.normal(size=6 * levels)
    y = 0.5 * rng.normal(size=levels)[code] + rng.normal(size=6 * levels)
    frame = pd.DataFrame({"g": [f"clinic {c}" for c in code], "x": x, "y": y})
    return frame.assign(y=frame.y + np.where(code == 2, 3.0 * x, 0.0))


def test_levels_that_stick_out_are_named():
    found = influence(ilk.fit("y ~ x + (1 | g)", data(50)).fitted, "g")
    table = influence_picture(found)
    assert table.levels[table.named[0]] == "clinic 2"
    assert table.usual == 4 / 50
    axis = draw_influence(table)
    assert "clinic 2" in [text.get_text() for text in axis.texts]
    assert axis.get_xlabel() == "g, 50 in their order"


def test_few_levels_have_their_names_below():
    fit = ilk.fit("y ~ x + (1 | g)", data())
    axis = fit.influence("g").plot()
    assert [text.get_text() for text in axis.get_xticklabels()][:2] == ["clinic 0", "clinic 1"]


def test_moves_of_the_coefficients():
    found = influence(ilk.fit("y ~ x + (1 | g)", data()).fitted, "g")
    table = dfbetas_picture(found)
    assert table.terms == ("Intercept", "x")
    axis = draw_dfbetas(table)
    assert "clinic 2" in [text.get_text() for text in axis.texts]
    assert axis.get_xlabel().startswith("how far each g raises the estimate")


def test_nothing_to_draw():
    found = influence(ilk.fit("y ~ 0 + (1 | g)", data()).fitted, "g")
    with pytest.raises(ilk.ModelError, match="no Cook's distances"):
        influence_picture(found)
    with pytest.raises(ilk.ModelError, match="no coefficients"):
        dfbetas_picture(found)


def test_pictures_of_the_check():
    answer = ilk.fit("y ~ x + (1 | g)", data()).check("influence")
    axis = answer.plot("influence")
    assert axis.get_ylabel() == "Cook's distance"
