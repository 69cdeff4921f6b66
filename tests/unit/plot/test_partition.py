"""Picture of a partition."""

from __future__ import annotations

from tests.fits import fit_of


def test_bars_add_up_and_sources_are_named():
    answer = fit_of("binary").partition()
    axis = answer.plot()
    labels = [text.get_text() for text in axis.get_yticklabels()]
    assert "latent, realised" in labels
    assert "g" in labels
    assert "fixed part" in labels
    first = [p for p in axis.patches if p.get_y() > -0.5]
    assert abs(sum(p.get_width() for p in first) - 1.0) < 1e-9
    assert axis.get_xlabel() == "share of the variance"
