"""Cubic interpolation: exact for cubics, at nodes and between."""

from __future__ import annotations

import numpy as np
import pytest

from ilk.ranking.interpolation import cubic_weights


def test_cubics_are_exact() -> None:
    nodes, places = np.arange(9.0), np.linspace(0.0, 8.0, 57)
    weights = cubic_weights(9, places)
    for power in range(4):
        assert weights @ nodes**power == pytest.approx(places**power, abs=1e-9)
    assert weights.sum(axis=1) == pytest.approx(1.0)


def test_nodes_keep_their_values() -> None:
    assert cubic_weights(6, np.arange(6.0)) == pytest.approx(np.eye(6))
