"""Power in words."""

from __future__ import annotations

from tests.fits import fit_of


def test_text():
    answer = fit_of("cbpp").power({"period[T.2]": -1.0}, [15], draws=20, seed=2)
    text = " ".join(answer.text.split())
    assert "drawn from the fit with the coefficient set to the effect" in text
    assert "z test" in text
    assert "seed 2" in text
    assert answer.frame.effect.tolist() == [-1.0]
    assert "<td" in answer.html


def test_levels_that_are_kept_are_named():
    answer = fit_of("penicillin").power({"Intercept": 23.0}, 4, cluster="plate", draws=4, seed=1)
    assert any("levels of sample are those of the fit" in note for note in answer.notes)
    assert answer.frame.term.tolist() == ["Intercept"]
