"""The four pictures of a league table, from a fit."""

from __future__ import annotations

import pytest

import ilk
from ilk.errors import ModelError
from ilk.plot.league import draw_league


@pytest.fixture(scope="module")
def fitted():
    data = ilk.datasets.load("hospital_infections")
    formula = "infections ~ policy + severity + (1 | hospital)"
    return ilk.fit(formula, data, family="poisson", exposure="patient_days")


@pytest.fixture(scope="module")
def answer(fitted):
    return fitted.league_table("hospital", per=1000, draws=200)


@pytest.mark.parametrize("kind", ["ranks", "caterpillar", "shrinkage", "funnel"])
def test_every_kind(answer, kind: str) -> None:
    axis = answer.plot(kind=kind)
    axis.figure.canvas.draw()
    assert axis.get_xlabel()
    assert axis.get_ylabel()


def test_words_of_the_rate_and_a_given_axis(answer) -> None:
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    assert answer.plot(ax, kind="shrinkage") is ax
    assert ax.get_ylabel() == "infections per 1,000 patient_days"


def test_unknown_kind(fitted, answer) -> None:
    with pytest.raises(ModelError, match="kind='funel'"):
        draw_league(fitted.fitted, answer.table, "funel")
