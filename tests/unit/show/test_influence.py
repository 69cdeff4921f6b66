"""Influence in words and as frames."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.fits import fit_of

import ilk
from ilk.show.influence_words import changed_conclusions


def data(pull: float = 3.0) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    g = np.repeat(list("abcdefghijkl"), 6)
    code = np.repeat(np.arange(12), 6)
    x = rng.normal(size=72)
    y = 0.2 * x + 0.5 * rng.normal(size=12)[code] + rng.normal(size=72)
    return pd.DataFrame({"g": g, "x": x, "y": y + np.where(code == 2, pull * x, 0.0)})


def words(answer: ilk.show.influence.InfluenceAnswer) -> str:
    return " ".join(answer.text.split())


def test_frames_and_text() -> None:
    answer = fit_of("sleepstudy").influence("Subject")
    frame = answer.frame
    assert list(frame.columns[:6]) == [
        "level",
        "rows",
        "cook_distance",
        "cook_distance_spread",
        "displacement",
        "covratio",
    ]
    assert frame.cook_distance.is_monotonic_decreasing
    assert frame.level[frame.method == "refit"].tolist() == ["332"]  # far from all rows
    assert set(frame.estimand) == {"conditional"}
    assert {"dfbetas[Intercept]", "dfbetas[Days]"} <= set(frame.columns)
    text = words(answer)
    assert "How would the estimates change without each level of Subject?" in text
    assert "Subject 309 has the largest Cook's distance" in text
    assert "No conclusion hangs on one of them" in text
    assert "8 more rows are in .frame." in text
    long = answer.estimates.frame
    assert len(long) == 18 * 6
    assert long.term[:6].tolist() == [
        "Intercept",
        "Days",
        "sd(Intercept)",
        "sd(Days)",
        "corr(Intercept ~ Days)",
        "sd(Residual)",
    ]
    moved = (long.all_rows - long.estimate)[long.term == "Days"]
    error = fit_of("sleepstudy").std_errors["Days"]
    assert long.dfbetas[long.term == "Days"].to_numpy() == pytest.approx(moved / error)
    assert "<table" in answer.html


def test_the_cluster_that_makes_a_conclusion_is_named() -> None:
    fit = ilk.fit("y ~ x + (1 | g)", data())
    answer = fit.influence("g", exact="c")
    ((unit, coefficient, text),) = changed_conclusions(answer.influence)
    assert (answer.influence.levels[unit], coefficient) == ("c", 1)
    assert text == "no longer significant"
    assert "Conclusions that hang on one of them" in answer.text
    assert "no longer significant" in answer.text
    long = answer.estimates.frame.query("level == 'c' and term == 'x'")
    assert long.change.tolist() == ["no longer significant"]
    assert long.method.tolist() == ["refit"]


def test_rows_and_undetermined_coefficients() -> None:
    frame = data(0.0).assign(one=lambda d: (d.index == 7) * 1.0)
    answer = ilk.fit("y ~ x + one", frame).influence()
    assert "How would the estimates change without each row?" in words(answer)
    assert "row 7" in answer.text
    assert "not determined" in answer.text


def test_frames_are_of_the_kind_of_the_data() -> None:
    polars = pytest.importorskip("polars")
    answer = ilk.fit("y ~ x + (1 | g)", polars.from_pandas(data())).influence("g")
    assert isinstance(answer.frame, polars.DataFrame)
    assert isinstance(answer.estimates.frame, polars.DataFrame)


def test_failures_are_said() -> None:
    frame = data().assign(b=lambda d: ((d.x > 0) != (d.g == "a")).astype(int))
    answer = ilk.fit("b ~ x + (1 | g)", frame, "binomial").influence("g", exact="a")
    assert "No numbers without g a: separated" in words(answer)
