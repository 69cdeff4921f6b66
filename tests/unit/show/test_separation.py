"""The answer about separation, as text, HTML and frame."""

from __future__ import annotations

import warnings

import pandas as pd

import ilk

DATA = pd.DataFrame(
    {
        "died": [0, 1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0],
        "arm": ["a"] * 4 + ["b"] * 4 + ["a", "a", "c", "c"],
        "ward": [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 3, 3],
        "age": [3.0, 1.0, 2.0, 5.0, 4.0, 2.5, 3.5, 1.5, 2.2, 3.1, 4.4, 0.6],
    }
)


def test_text_html_and_frame() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ilk.IlkWarning)
        fit = ilk.fit("died ~ arm + (1 | ward)", DATA, family="binomial")
        held = ilk.fit("died ~ arm + (1 | ward)", DATA, family="binomial", penalty="firth")
    found = fit.separation()
    assert "In 2 of 12 rows the outcome is predicted perfectly" in found.text
    assert "-inf" in found.text
    assert "<table" in found.html
    assert list(found.frame["finite"]) == [True, True, False]
    assert set(found.frame["estimand"]) == {"conditional"}
    assert "The penalty holds arm[T.c]" in held.separation().text


def test_overlap_and_families_without_limits() -> None:
    fit = ilk.fit("died ~ age", DATA, family="binomial")
    assert "No direction of the coefficients separates" in fit.separation().text
    none = ilk.fit("age ~ died", DATA).separation()
    assert "nothing can be separated" in none.text
    assert "std. error" not in none.text + none.html  # no heads without rows
