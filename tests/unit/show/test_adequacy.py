"""The answer about the random part, as text, HTML and frames."""

from __future__ import annotations

import pytest
from tests.fits import fit_of

import ilk


def test_text_html_and_frames() -> None:
    found = fit_of("sleepstudy").adequacy()
    assert "Do the data support the random part?" in found.text
    assert "Subject: 18 levels, 10 rows each, for 3 covariance parameters." in found.text
    assert "Simpler random parts" in found.text
    assert max(map(len, found.text.splitlines())) <= 140
    assert "<table" in found.html
    assert list(found.frame["term"]) == ["sd(Intercept)", "sd(Days)", "corr(Intercept ~ Days)"]
    simpler = found.simpler.frame
    assert list(simpler["formula"]) == [
        "Reaction ~ 1 + Days + (1 + Days || Subject)",
        "Reaction ~ 1 + Days + (1 | Subject)",
        "Reaction ~ 1 + Days",
    ]
    assert repr(found) == found.text
    assert found._repr_html_() == found.html
    assert "no coefficient moves." in found.text
    assert "e-1" not in found.text
    with pytest.raises(ilk.ModelError, match="no picture of this answer"):
        found.plot()


def test_no_refits_if_not_wanted() -> None:
    found = fit_of("sleepstudy").adequacy(refits=False)
    assert "Simpler" not in found.text
    assert len(found.simpler.frame) == 0
    assert len(found.notes) >= 2
