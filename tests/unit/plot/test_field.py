"""The map of a field."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.plot.structured import line, lineage, places, series

from ilk.errors import FitError, ModelError
from ilk.plot import draw_field, field, field_table


def test_effects_stand_at_their_places() -> None:
    fit, points = places()
    table = field_table(fit, "site")
    np.testing.assert_array_equal(table.points, points)
    effects = fit.random_effects("site")
    np.testing.assert_allclose(table.estimate, effects.estimate)
    np.testing.assert_allclose(table.std_error, effects.std_error)
    assert table.observed.tolist() == [True] * 30 + [False] * 10
    assert table.std_error[30:].mean() > table.std_error[:30].mean()


def test_places_on_the_globe_are_degrees() -> None:
    fit, points = places(geographic=True)
    table = field_table(fit, "site")
    assert table.axes == ("longitude", "latitude")
    np.testing.assert_allclose(table.points, points, atol=1e-9)


def test_drawn_in_colors() -> None:
    table = field_table(places()[0], "site")
    axis = draw_field(table)
    filled, rings = axis.collections
    assert len(filled.get_offsets()) == 30
    assert len(rings.get_offsets()) == 10
    low, high = np.argmin(table.estimate[:30]), np.argmax(table.estimate[:30])
    colors = filled.get_facecolor()
    assert colors[low, 2] > colors[high, 2]  # blue below zero
    assert colors[low, 0] < colors[high, 0]
    assert field(places()[0], "site", what="sd").get_aspect() == 1.0


def test_a_line_is_a_curve() -> None:
    fit, x = line()
    table = field_table(fit, "site")
    np.testing.assert_array_equal(table.points[:, 0], x)
    axis = field(fit, "site")
    np.testing.assert_allclose(axis.lines[-1].get_xdata(), x)
    np.testing.assert_allclose(axis.lines[-1].get_ydata(), table.estimate)
    assert field(fit, "site", what="sd").get_ylabel().startswith("standard deviation")


def test_field_of_a_level() -> None:
    fit = series("exp")
    table = field_table(fit, "g", level=3)
    effects = fit.random_effects("g")
    np.testing.assert_allclose(table.estimate, effects.estimate[effects.level == 3])
    assert table.points[:, 0].tolist() == list(range(10))
    with pytest.raises(FitError, match="no level 99"):
        field_table(fit, "g", level=99)


def test_given_places() -> None:
    fit, _ = lineage()
    centers = {name: (i, i % 2) for i, name in enumerate(fit.random_effects("cell").level)}
    assert field_table(fit, "cell", places=centers).points.shape == (len(centers), 2)
    with pytest.raises(ModelError, match="places= lacks 1 of"):
        field_table(fit, "cell", places={k: v for k, v in centers.items() if k != "a"})


def test_refusals() -> None:
    with pytest.raises(FitError, match="have no places; pass places="):
        field_table(lineage()[0], "cell")
    with pytest.raises(FitError, match="no random effects of 'x'"):
        field_table(lineage()[0], "x")
    with pytest.raises(FitError, match="no random effect 'slope'; it has Intercept"):
        field_table(places()[0], "site", "slope")
    with pytest.raises(ModelError, match="choose 'effect' or 'sd'"):
        field(places()[0], "site", what="mean")
