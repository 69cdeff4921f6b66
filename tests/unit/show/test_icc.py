"""Intraclass correlations in words."""

from __future__ import annotations

from tests.fits import fit_of


def test_text_says_which_scale():
    text = fit_of("cbpp").icc().text
    assert "on the scale of the linear predictor" in " ".join(text.split())
    assert "pi^2/3, that of the latent variable" in " ".join(text.split())
    exact = fit_of("cbpp").icc(scale="response")
    assert "linear predictor" not in exact.question
    assert any(note.startswith("Exact variances") for note in exact.notes)
    assert "linear predictor" not in fit_of("penicillin").icc().question


def test_columns():
    frame = fit_of("ticks").icc().frame
    assert list(frame) == [
        "group",
        "measure",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "scale",
        "estimand",
    ]
    assert frame.group.tolist() == ["BROOD", "BROOD", "LOCATION", "LOCATION", "all", "all"]
    assert set(frame.scale) == {"latent"}
    assert set(frame.estimand) == {"population"}


def test_settings_come_first_and_take_no_name_of_the_table():
    answer = fit_of("sleepstudy").icc(at={"Days": [0, 9]})
    assert next(iter(answer.frame)) == "Days"
    assert "<td" in answer.html
    assert any("Johnson" in note for note in answer.notes)
