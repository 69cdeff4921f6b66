"""Answers of means, contrasts and slopes: sentences, columns, HTML."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk

pytestmark = pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")


def words(answer: Any) -> str:
    return " ".join(answer.text.split())


@pytest.fixture(scope="module")
def infections() -> Any:
    data = ilk.datasets.load("hospital_infections")
    return ilk.fit(
        "infections ~ policy + severity + (1 | hospital)",
        data,
        family="poisson",
        exposure="patient_days",
    )


def test_rates_say_per_what(infections: Any) -> None:
    text = words(infections.means("policy", per=1000))
    assert "What is the rate of infections per 1,000 patient_days at each level of policy" in text
    assert "severity at its mean" in text
    assert "rate of infections per patient_day" in words(infections.means("policy"))


def test_link_scale_is_named(infections: Any) -> None:
    answer = infections.means("policy", scale="link")
    assert "log of the rate" in words(answer)
    assert "scale of the link" not in words(answer)
    assert set(answer.frame.scale) == {"link"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"estimand": "population"}, "over the population of levels of hospital"),
        ({"estimand": "conditional"}, "over the rows of the fit"),
        ({"grid": "observed", "average": "mean"}, "Means are averaged over the rows of the fit"),
        ({"at": {"severity": 1.0}}, "severity at 1"),
    ],
)
def test_what_is_averaged(infections: Any, options: dict[str, Any], sentence: str) -> None:
    assert sentence in words(infections.means("policy", **options))


@pytest.mark.parametrize(
    ("adjust", "sentence"),
    [
        ("mvt", "exactly, from the joint normal distribution"),
        ("holm", "intervals by Bonferroni's"),
        ("bh", "P-values are adjusted for 3 contrasts by Benjamini and Hochberg's"),
        ("scheffe", "Scheffe's method"),
        ("none", "not adjusted for the 3 contrasts"),
    ],
)
def test_adjustments_are_said(infections: Any, adjust: str, sentence: str) -> None:
    answer = infections.contrasts("severity", at={"severity": [-1, 0, 1]}, adjust=adjust)
    assert sentence in words(answer)
    assert "Ratios: every level with every earlier one" in words(answer)


def test_columns(infections: Any) -> None:
    frame = infections.slopes("severity", by="policy", estimand="population").frame
    assert list(frame.columns) == [
        *("term", "policy", "estimate", "std_error", "df", "conf_low", "conf_high", "scale"),
        "estimand",
    ]
    assert np.isinf(frame.df).all()


def test_hostile_labels_stay_text() -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame(
        {
            "y": rng.normal(size=120),
            "a": rng.choice(["<script>alert(1)</script>", "b\x1b[31m"], 120),
            "g": np.repeat(np.arange(12), 10),
        }
    )
    fit = ilk.fit("y ~ a + (1 | g)", data)
    for answer in (fit.means("a"), fit.contrasts("a", "reference")):
        assert "<script>" not in answer.html
        assert "\x1b" not in answer.text


def test_separated_fits_say_so() -> None:
    data = pd.DataFrame({"y": [0, 0, 1, 1] * 20, "t": [0, 0, 1, 1] * 20, "g": np.arange(80) // 8})
    fit = ilk.fit("y ~ t + (1 | g)", data, family="binomial")
    assert not fit.verdict.converged
    assert "see verdict" in words(fit.means("t"))
