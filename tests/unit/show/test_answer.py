"""Answers say their question, write sensible digits, and escape what comes from the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ilk.errors import ModelError
from ilk.show.answer import Answer

COLUMNS = {
    "policy": ["old", "new"],
    "estimate": np.array([0.123456, 12.3456]),
    "std_error": np.array([0.0123, 1.23]),
    "p_value": np.array([0.0421, 1e-9]),
    "conf_low": np.array([0.0993, 9.93]),
    "conf_high": np.array([0.1476, 14.8]),
    "n": [1200, 30],
    "estimand": ["population", "population"],
}


def make(**changes):
    given = {
        "title": "Means",
        "question": "How large is the mean?",
        "columns": COLUMNS,
        "flavor": "pandas",
        "words": ("policy",),
        "hidden": ("estimand",),
        "notes": ("Assumed: nothing.",),
    }
    return Answer(**{**given, **changes})


def test_text_has_the_question_and_the_digits_that_errors_are_worth():
    text = make().text
    lines = text.splitlines()
    assert lines[:2] == ["Means", "  How large is the mean?"]
    assert "0.1235" in text
    assert "12.35" in text
    assert "<0.001" in text
    assert "1,200" in text
    assert "95% interval" in text
    assert "population" not in text
    assert lines[-1].strip() == "Assumed: nothing."
    assert repr(make()) == text


def test_html_escapes_labels():
    answer = make(columns={**COLUMNS, "policy": ["<script>", "a&b"]}, question="<b>?")
    for harmful in ("<script>", "<b>?"):
        assert harmful not in answer.html
    assert "&lt;script&gt;" in answer._repr_html_()


def test_the_frame_is_the_callers_and_complete():
    assert isinstance(make().frame, pd.DataFrame)
    frame = make(flavor="polars").frame
    assert isinstance(frame, pl.DataFrame)
    assert frame.columns == list(COLUMNS)


def test_long_tables_are_cut_in_text_only():
    answer = make(columns={"policy": ["a"] * 500, "estimate": np.ones(500)})
    assert "300 more rows are in .frame." in answer.text
    assert len(answer.frame) == 500


def test_a_picture_is_drawn_if_there_is_one():
    with pytest.raises(ModelError, match="no picture"):
        make().plot()
    assert make(picture=lambda ax: ("drawn", ax)).plot("axes") == ("drawn", "axes")
