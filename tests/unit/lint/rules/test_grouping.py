"""Grouping factors that are not what was meant."""

from __future__ import annotations

import numpy as np
import pytest
from tests.findings import clustered, codes, found

DATA = clustered()


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + school + (1 | school)",
        "y ~ x + C(school_id) + (1 | school_id)",
        "y ~ x + C(school_id) + (1 | school)",
        "y ~ x + kind * arm + (1 | kind:arm)",
    ],
)
def test_a_grouping_factor_also_fixed(formula: str) -> None:
    finding = found("grouping-also-fixed", formula, DATA)
    assert finding.severity == "warning"
    assert "nothing is left" in finding.sentence


def test_a_fixed_factor_finer_than_the_groups() -> None:
    data = DATA.assign(district=np.repeat(np.arange(6), 40).astype(str))
    assert "grouping-also-fixed" in codes("y ~ school + (1 | district)", data)
    assert "grouping-also-fixed" not in codes("y ~ district + (1 | school)", data)


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + year + (1 | year) + (1 | school)",  # a trend, and years that depart from it
        "y ~ x + kind + arm + (1 | kind:arm)",
        "y ~ x + arm + (1 | school)",
        "y ~ x + school + (0 + x | school)",
    ],
)
def test_factors_that_leave_something_are_fine(formula: str) -> None:
    assert "grouping-also-fixed" not in codes(formula, DATA)


def test_one_row_per_level() -> None:
    data = DATA.assign(case=np.arange(len(DATA)))
    for family, left in (("gaussian", "y"), ("binomial", "died")):
        for group in ("case", "olre()"):
            finding = found(
                "one-row-per-level",
                f"{left} ~ x + (1 | {group})".replace("(1 | olre())", "olre()"),
                data,
                family,
            )
            assert "240 levels" in finding.sentence
    for family, left in (("poisson", "events"), ("binomial", "died / treatment_n")):
        more = data.assign(treatment_n=3)
        assert "one-row-per-level" not in codes(f"{left} ~ x + (1 | case)", more, family)


def test_known_variances_tell_it_from_the_residual() -> None:
    data = DATA.assign(study=np.arange(len(DATA)), v=np.linspace(1.5, 3.5, len(DATA)))
    assert codes("y ~ x + (1 | study)", data, precision_weights="v") == ()
    assert codes("y ~ x + (1 | study)", data, dispersion="~ x") == ()
    assert "one-row-per-level" in codes("y ~ x + (1 | study)", data)


def test_an_effect_of_each_row_beside_a_dispersion() -> None:
    for term in ("olre()", "(1 | case)"):
        data = DATA.assign(case=np.arange(len(DATA)))
        formula = f"events ~ x + {term} + (1 | school)"
        options = {"exposure": "person_days"}
        for family in ("negative_binomial_1", "negative_binomial_2"):
            finding = found("olre-with-dispersion", formula, data, family, **options)
            assert "family='poisson'" in finding.fix
        assert codes(formula, data, "poisson", **options) == ()
    data = DATA.assign(trials=9, won=DATA["died"] + 3)
    formula = "won ~ x + olre() + (1 | school)"
    finding = found("olre-with-dispersion", formula, data, "beta_binomial", trials="trials")
    assert "family='binomial'" in finding.fix
    assert codes(formula, data, "binomial", trials="trials") == ()


@pytest.mark.parametrize("terms", ["(1 | school) + (1 | school_id)", "(1 | school/school_id)"])
def test_the_same_groups_under_two_names(terms: str) -> None:
    assert "same-groups-twice" in codes(f"y ~ x + {terms}", DATA)


def test_other_groups_are_not_the_same() -> None:
    data = DATA.assign(room=DATA["school"] + DATA["died"].astype(str))
    assert codes("y ~ x + (1 | school/room)", data) == ()
    shuffled = data.assign(school_id=np.random.default_rng(2).permutation(data["school_id"]))
    assert codes("y ~ x + (1 | school) + (1 | school_id)", shuffled) == ()


def test_few_levels() -> None:
    assert found("few-levels", "y ~ x + (1 | arm)", DATA).severity == "warning"  # two
    assert found("few-levels", "y ~ x + (1 | kind)", DATA).severity == "note"  # four
    assert codes("y ~ x + (1 | year)", DATA) == ()
