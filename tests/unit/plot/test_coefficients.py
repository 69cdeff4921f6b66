"""The picture of coefficients."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.plot import coefficients, coefficients_table, draw_coefficients
from ilk.plot.coefficients import Coefficients


def test_table_holds_the_mean_without_intercept(fake_fit) -> None:
    table = coefficients_table(fake_fit)
    assert table.terms == ("policy", "severity")
    np.testing.assert_allclose(table.estimate, [-0.35, 0.3])


def test_ratios(fake_fit) -> None:
    table = coefficients_table(fake_fit, ratio=True)
    np.testing.assert_allclose(table.high, np.exp([-0.2, 0.4]))
    axis = coefficients(fake_fit, ratio=True)
    axis.figure.canvas.draw()
    assert axis.get_xscale() == "log"
    assert "1" in [label.get_text() for label in axis.get_xticklabels()]


@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0, 9.0])
def test_ticks_of_ratios_span_the_intervals(spread: float) -> None:
    table = Coefficients(
        ("a", "b"), np.ones(2), np.exp([-spread, -0.1]), np.exp([spread, 0.1]), ratio=True
    )
    axis = draw_coefficients(table)
    axis.figure.canvas.draw()
    assert len(axis.get_xticks()) >= 3


def test_no_coefficients() -> None:
    empty = np.zeros(0)
    draw_coefficients(Coefficients((), empty, empty, empty, ratio=True)).figure.canvas.draw()
