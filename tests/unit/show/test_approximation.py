"""The answer about the approximation in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.fits import fit_of
from tests.unit.diagnostics.test_approximation import answers

import ilk
from ilk.diagnostics.approximation import approximation
from ilk.show.approximation import _judgment


def test_the_judgment_and_the_table():
    fit = ilk.fit("y ~ x + (1 | g)", answers(), "binomial")
    answer = fit.approximation()
    assert answer.notes[0].startswith("sd(Intercept) of g is too small by 0.")
    assert answer.notes[0].endswith("fit with quadrature='auto'.")
    frame = answer.frame
    assert list(frame.columns)[:6] == [
        "component",
        "group",
        "term",
        "estimate",
        "better",
        "std_error",
    ]
    np.testing.assert_allclose(frame.difference / frame.std_error, frame["shift"])
    assert list(frame.estimand)[:2] == ["conditional", "conditional"]
    assert "<table" in answer.html
    assert "shift in SE" in answer.text
    auto = ilk.fit("y ~ x + (1 | g)", answers(), "binomial", quadrature="auto")
    (note,) = [r for r in auto.verdict.reasons if r.code == "quadrature"]
    assert f"off by {frame['shift'].max():.2f} standard errors" in note.message
    assert auto.approximation().notes[0].startswith("Quadrature with")
    assert "good enough" in auto.approximation().notes[0]


def test_exact():
    answer = fit_of("sleepstudy").approximation()
    assert answer.notes == (
        "The likelihood of this fit is exact: there is nothing to approximate.",
    )


def test_importance_sampling_shows_its_error():
    fit = ilk.fit("y ~ x + (1 | g)", answers(30), "binomial")
    answer = fit.approximation(method="importance", draws=200)
    assert "MC error" in answer.text
    assert "Monte Carlo error" in answer.notes[1]
    assert "of 200 draws effective" in answer.notes[2]


def test_words_by_size():
    found = approximation(ilk.fit("y ~ x + (1 | g)", answers(30), "binomial").fitted)
    row = found.parameters[0]

    def judged(shift, **changes):
        moved = replace(row, better=row.estimate + shift * row.std_error)
        return _judgment(replace(found, parameters=(moved,), **changes))

    assert judged(0.004) == "Laplace is good enough: no parameter moves by more than 0.01 " + (
        "standard errors."
    )
    assert judged(0.043).startswith("Laplace is near enough: no parameter moves by more than 0.05")
    assert judged(-0.5).startswith("Intercept is off by 0.50 standard errors: fit with")
    assert "more nodes" in judged(0.5, fit_by="quadrature with 5 nodes")
    assert judged(0.5, method="importance").endswith("quadrature='auto', which integrates g.")
    assert judged(0.5, method="importance", integrable=()).endswith("beside those of the fit.")
    unknown = replace(row, std_error=np.nan)
    assert "cannot be judged" in _judgment(replace(found, parameters=(unknown,)))


def test_picture():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axis = ilk.fit("y ~ x + (1 | g)", answers(30), "binomial").approximation().plot()
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        "Intercept",
        "x",
        "sd(Intercept)",
    ]
    low, high = axis.get_xlim()
    assert low == -high
    matplotlib.pyplot.close(axis.figure)
