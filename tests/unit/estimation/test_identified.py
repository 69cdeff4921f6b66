"""What the data cannot tell, in the user's terms."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.fitted import Reason, Status


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 120
    g = np.repeat(np.arange(12), 10)
    x = rng.normal(size=n)
    return pd.DataFrame(
        {
            "g": g,
            "x": x,
            "one": 1.0,
            "row": np.arange(n),
            "b": (rng.random(n) < 0.5).astype(int),
            "k": rng.negative_binomial(2.0, 0.4, n),
            "y": rng.normal(size=12)[g] + x * rng.normal(size=12)[g] + rng.normal(size=n),
        }
    )


def reasons(*arguments: Any, **options: Any) -> tuple[Status, dict[str, Reason]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ilk.IlkWarning)
        fit = ilk.fit(*arguments, **options)
    return fit.verdict.status, {reason.code: reason for reason in fit.verdict.reasons}


def test_one_outcome_per_level(data: pd.DataFrame) -> None:
    for formula in ("b ~ x + (1 | row)", "b ~ x + olre()"):
        status, found = reasons(formula, data, family="binomial")
        assert status is Status.NOT_IDENTIFIED
        assert "single 0/1 outcome" in found["one_outcome_per_level"].message
    many = data.assign(n=5)
    status, found = reasons("b ~ x + olre()", many, family="binomial", trials="n")
    assert "one_outcome_per_level" not in found


def test_no_zeros_to_inflate(data: pd.DataFrame) -> None:
    with pytest.warns(ilk.IlkWarning, match="nothing can be learned about an excess"):
        fit = ilk.fit(
            "k ~ x + (1 | g)", data.assign(k=data["k"] + 1), "poisson", zero_inflation="~ x"
        )
    assert fit.verdict.status is Status.NOT_IDENTIFIED
    assert not fit.verdict.converged
    with pytest.warns(ilk.IlkWarning, match="or the 'hurdle_' of the family, out"):
        ilk.fit("k ~ x + (1 | g)", data.assign(k=data["k"] + 1), "hurdle_poisson")


def test_two_dispersions(data: pd.DataFrame) -> None:
    status, found = reasons("k ~ x + olre()", data, family="negative_binomial_2")
    assert status in (Status.CONVERGED, Status.BOUNDARY)
    assert "Keep one of the two" in found["two_dispersions"].advice
    _, found = reasons("k ~ x + olre()", data, family="poisson")
    assert "two_dispersions" not in found


def test_columns_of_a_term_that_are_combinations(data: pd.DataFrame) -> None:
    status, found = reasons("y ~ x + (x + one | g)", data)
    assert status is Status.NOT_IDENTIFIED
    assert set(found["collinear_effects"].terms) >= {"Intercept", "one"}
    twice = data.assign(x2=2.0 * data["x"], x3=data["x"] + data["row"])
    status, found = reasons("y ~ x + (x + x2 || g)", twice)
    assert set(found["collinear_effects"].terms) >= {"x", "x2"}
    # independent effects of dependent columns have variances of their own
    _, found = reasons("y ~ x + (0 + x + row + x3 || g)", twice)
    assert "collinear_effects" not in found
    _, found = reasons("y ~ x + (x | g)", data)
    assert "collinear_effects" not in found


def test_raw_years_are_not_collinear(data: pd.DataFrame) -> None:
    years = data.assign(year=2000.0 + data["row"] % 10)
    for formula in ("y ~ year + (year | g)", "y ~ year + (year || g)"):
        _, found = reasons(formula, years)
        assert "collinear_effects" not in found


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("y ~ x + (1 | one)", "single level"),
        ("y ~ x + (1 | row)", "120 random effects for 120 rows"),
        ("y ~ x + (x | row)", "240 random effects for 120 rows"),
        ("y ~ x + (1 | g) + (1 | h)", "group the rows alike"),
    ],
)
def test_what_is_refused_before_the_fit(data: pd.DataFrame, formula: str, words: str) -> None:
    with pytest.raises(ilk.IlkError, match=words):
        ilk.fit(formula, data.assign(h=data["g"].astype(str)))
