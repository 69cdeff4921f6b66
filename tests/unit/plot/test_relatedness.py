"""The heat map of relatedness."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.unit.plot.structured import lineage, series

import ilk
from ilk.errors import FitError
from ilk.plot import draw_relatedness, relatedness, relatedness_table


def test_covariances_of_levels_with_data() -> None:
    fit, _ = lineage()
    table = relatedness_table(fit, "cell")
    assert sorted(table.levels) == list("abcde")
    place = {name: i for i, name in enumerate(table.levels)}
    # shared path over depth 3
    assert table.matrix[place["a"], place["b"]] == pytest.approx(2.0 / 3.0)
    assert table.matrix[place["a"], place["c"]] == pytest.approx(1.0 / 3.0)
    assert table.matrix[place["a"], place["e"]] == pytest.approx(0.0, abs=1e-12)
    assert abs(place["a"] - place["b"]) == 1
    assert abs(place["c"] - place["d"]) == 1


def test_parameters_are_those_of_the_fit() -> None:
    fit, _ = lineage("ou")
    table = relatedness_table(fit, "cell")
    parts = fit.variance_components().set_index("kind")
    place = {name: i for i, name in enumerate(table.levels)}
    assert table.matrix[place["a"], place["b"]] == pytest.approx(
        np.exp(-2.0 / parts.estimate["range"])
    )


def test_drawn() -> None:
    axis = relatedness(lineage()[0], "cell")
    assert [text.get_text() for text in axis.get_yticklabels()] == list(
        relatedness_table(lineage()[0], "cell").levels
    )


def test_negative_covariances_have_two_colors() -> None:
    V = np.array([[1.0, -0.5, 0.2], [-0.5, 1.0, 0.1], [0.2, 0.1, 1.0]])
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"a": np.repeat([0, 1, 2], 10), "y": rng.normal(size=30)})
    data["y"] += np.array([2.0, -2.0, 0.0])[data.a]
    fit = ilk.fit("y ~ 1 + (1 | a)", data, covariance={"a": ilk.covariance.known(V, [0, 1, 2])})
    axis = draw_relatedness(relatedness_table(fit, "a"))
    norm = axis.images[0].norm
    assert norm.vmin == -norm.vmax


def test_refusals() -> None:
    with pytest.raises(FitError, match="do not depend on each other"):
        relatedness_table(series(), "g")
