"""Moves of coefficients as a picture."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.diagnostics.sensitivity import Refit, Sensitivity
from ilk.errors import ModelError
from ilk.plot.sensitivity import draw_sensitivity, sensitivity_picture

pytest.importorskip("matplotlib")


def _refit(name: str, estimate: list[float], group: str | None = "g") -> Refit:
    values = np.array(estimate)
    return Refit(name, group, "(1 | g)", values, np.full(2, 0.5), -10.0, 30.0, "converged", True)


def test_moves_are_in_standard_errors_of_the_fit():
    base, moved = _refit("as fitted", [1.0, 2.0], None), _refit("intercepts only", [1.5, 2.0])
    table = sensitivity_picture(Sensitivity(("a", "b"), (base, moved), np.nan, ()), 0.9)
    np.testing.assert_allclose(table.shift, [[1.0, 0.0]])
    np.testing.assert_allclose(table.half, 1.644854, rtol=1e-5)
    axis = draw_sensitivity(table)
    assert [text.get_text() for text in axis.get_yticklabels()] == ["a", "b"]
    assert axis.get_legend().get_texts()[0].get_text() == "intercepts only"


def test_nothing_to_draw():
    base = _refit("as fitted", [1.0, 2.0], None)
    gone = _refit("t(4) effects", [np.nan, np.nan])
    with pytest.raises(ModelError, match="nothing to draw"):
        sensitivity_picture(Sensitivity(("a", "b"), (base, gone), np.nan, ()))
