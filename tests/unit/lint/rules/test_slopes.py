"""Random slopes that cannot be, or are not centered."""

from __future__ import annotations

import pytest
from tests.findings import clustered, codes, found

DATA = clustered()


def test_a_slope_of_what_does_not_vary_within_groups() -> None:
    finding = found("slope-without-variation", "y ~ size + (1 + size | school)", DATA)
    assert finding.terms == ("size", "1 + size | school")
    assert "slope-without-variation" in codes("y ~ arm + (1 + arm | school)", DATA)
    assert codes("y ~ x + (1 + x | school)", DATA) == ()


def test_one_level_that_shows_it_is_enough() -> None:
    data = DATA.assign(size=DATA["size"].where(DATA.index != 3, 9.0))
    assert codes("y ~ size + (1 + size | school)", data) == ()


def test_a_random_slope_without_a_fixed_one() -> None:
    finding = found("slope-without-fixed", "y ~ w + (1 + x | school)", DATA)
    assert finding.fix == "Add x to the fixed part."
    assert "slope-without-fixed" in codes("y ~ w + (0 + x | school)", DATA)


def test_all_slopes_of_a_term_are_one_finding() -> None:
    finding = found("slope-without-fixed", "y ~ age + (1 + x + w || school)", DATA)
    assert finding.fix == "Add x + w to the fixed part."


def test_an_intercept_written_as_a_column() -> None:
    assert codes("y ~ x + (0 + one | school)", DATA.assign(one=1)) == ()


@pytest.mark.parametrize(
    "fixed", ["x", "x * w", "poly(x, 2)", "x:w + w", "I(x**2) + x", "bs(x, df=4)"]
)
def test_any_fixed_term_of_it_will_do(fixed: str) -> None:
    assert "slope-without-fixed" not in codes(f"y ~ {fixed} + (1 + x | school)", DATA)


def test_slopes_of_the_dispersion_need_a_fixed_one_there() -> None:
    formula = "y ~ x + (1 | school)"
    found = codes(formula, DATA, dispersion="~ w + (1 + x | school)")
    assert found == ("slope-without-fixed",)
    assert codes(formula, DATA, dispersion="~ x + (1 + x | school)") == ()


@pytest.mark.parametrize("structure", ["(1 + year | school)", "us(1 + year | school)"])
def test_a_zero_far_from_the_data(structure: str) -> None:
    finding = found("zero-far-from-data", f"y ~ year + {structure}", DATA)
    assert finding.severity == "note"
    assert "2001 to 2008" in finding.sentence
    assert "center(year)" in finding.fix


def test_independence_at_a_zero_far_from_the_data() -> None:
    finding = found("zero-far-from-data", "y ~ year + (1 + year || school)", DATA)
    assert "independent of the slope there" in finding.sentence
    assert codes("y ~ center(year) + (1 + center(year) || school)", DATA) == ()


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ center(year) + (1 + center(year) | school)",
        "y ~ I(year - 2004) + (1 + I(year - 2004) | school)",
        "y ~ year + (0 + year | school)",
        "y ~ age + (1 + age | school)",
        "y ~ x + (1 + x | school)",
    ],
)
def test_near_zeros_and_slopes_alone_are_fine(formula: str) -> None:
    assert "zero-far-from-data" not in codes(formula, DATA)
