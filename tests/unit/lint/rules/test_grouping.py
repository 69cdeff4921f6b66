"""Grouping factors that are not what was meant."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.findings import clustered, codes, found

import ilk

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


def test_levels_of_a_structure_may_have_one_row_each() -> None:
    """What relatives share is told from the residual; what each has alone is not."""
    rng = np.random.default_rng(1)
    names = [f"i{k}" for k in range(40)]
    V = np.kron(np.eye(20), np.array([[1.0, 0.6], [0.6, 1.0]]))
    data = pd.DataFrame({"id": names, "x": rng.normal(size=40)})
    data["y"] = np.linalg.cholesky(V) @ rng.normal(size=40) + 0.5 * rng.normal(size=40)
    data["n"] = rng.poisson(np.exp(1.0 + 0.5 * data.y))
    kin = {"id": ilk.covariance.known(V, names)}
    fit = ilk.fit("y ~ x + (1 | id)", data, covariance=kin)
    assert not {"one-row-per-level", "few-levels"} & set(fit.lint().codes)
    assert "one-row-per-level" in ilk.lint("y ~ x + (1 | id)", data).codes
    counts = ilk.fit("n ~ x + (1 | id)", data, family="negative_binomial_2", covariance=kin)
    assert "olre-with-dispersion" not in counts.lint().codes
    twice = pd.concat([data, data.assign(y=data.y + 0.1 * rng.normal(size=40))])
    both = ilk.fit("y ~ x + (1 | id) + iid(1 | id)", twice, covariance=kin)
    assert "same-groups-twice" not in both.lint().codes


def test_levels_without_data_do_not_count() -> None:
    rng = np.random.default_rng(2)
    names = list("abcdefgh")
    data = pd.DataFrame({"id": np.repeat(["a", "b", "c"], 10), "y": rng.normal(size=30)})
    data["y"] += np.repeat([0.0, 1.5, -1.0], 10)
    kin = {"id": ilk.covariance.known(0.5 * np.eye(8) + 0.5, names)}
    fit = ilk.fit("y ~ 1 + (1 | id)", data, covariance=kin)
    (finding,) = (f for f in fit.lint() if f.code == "few-levels")
    assert "'id' has 3 levels" in finding.sentence
