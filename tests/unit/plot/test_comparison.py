"""The picture of a comparison."""

from __future__ import annotations

import pytest
from tests.fits import data_of, fit_of

import ilk


def test_distances_from_the_best_model():
    one = ilk.fit("diameter ~ 1 + (1 | plate)", data_of("penicillin"))
    answer = ilk.compare(one, fit_of("penicillin"), names=["plates", "both"])
    axis = answer.plot()
    assert [text.get_text() for text in axis.get_yticklabels()] == ["plates", "both"]
    labels = axis.get_legend_handles_labels()[1]
    assert labels == ["AIC", "BIC", "conditional AIC"]
    points = axis.collections[1].get_offsets()
    assert points[:, 0].tolist() == pytest.approx(answer.frame.delta.tolist())
