"""How far estimates move with the number of nodes, and refits with nodes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.errors import IdentificationWarning
from ilk.estimation.nodes import AUTO_NODES, Shift, errors_of, ladder, settled_note, shift_between
from ilk.model.quadrature import Shares


def answers(persons: int = 60, items: int = 4, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = persons * items
    person, item = np.repeat(np.arange(persons), items), np.tile(np.arange(items), persons)
    x = rng.normal(size=n)
    eta = x + rng.normal(0.0, 1.8, persons)[person] + rng.normal(0.0, 0.7, items)[item]
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    school = person // 5
    return pd.DataFrame({"y": y, "x": x, "person": person, "item": item, "school": school})


DESIGNS = {
    "one": "(1 | person)",
    "independent": "(1 | person) + (0 + x | person)",
    "nested": "(1 | school / person)",
    "crossed": "(1 | person) + (1 | item)",
}


@pytest.mark.parametrize("design", DESIGNS)
def test_automatic_nodes_settle_and_say_so(design: str) -> None:
    terms = DESIGNS[design]
    data = answers()
    auto = ilk.fit(f"y ~ x + {terms}", data, "binomial", quadrature="auto")
    laplace = ilk.fit(f"y ~ x + {terms}", data, "binomial")
    (note,) = [reason for reason in auto.verdict.reasons if reason.code == "quadrature"]
    assert note.severity == "note"
    assert f"by {abs(auto.loglik - laplace.loglik):.3g} in log-likelihood" in note.message
    assert auto.loglik > laplace.loglik + 0.2
    fine = ilk.fit(f"y ~ x + {terms}", data, "binomial", quadrature=41)
    errors = errors_of(fine.fitted.psi_covariance())
    shift = np.abs(auto.fitted.estimates.psi - fine.fitted.estimates.psi)
    known = np.isfinite(errors)
    assert np.all(shift[known] < 0.02 * errors[known])


@pytest.mark.parametrize("design", DESIGNS)
def test_refits_are_fits(design: str) -> None:
    """Another response from the old modes: the same as a fit from the start."""
    terms = DESIGNS[design]
    data, other = answers(), answers(seed=8)
    fit = ilk.fit(f"y ~ x + {terms}", data, "binomial", quadrature=5)
    again = fit.refit(other["y"].to_numpy())
    fresh = ilk.fit(f"y ~ x + {terms}", data.assign(y=other["y"]), "binomial", quadrature=5)
    assert again.fitted.model.nodes == fit.fitted.model.nodes
    assert again.loglik == pytest.approx(fresh.loglik, abs=1e-6)
    np.testing.assert_allclose(again.fitted.coef, fresh.fitted.coef, atol=1e-4)


def test_effects_of_rows_inside_clusters() -> None:
    """Counts with an effect of each row: the innermost depth has one row per level."""
    rng = np.random.default_rng(5)
    n, g = 200, np.repeat(np.arange(40), 5)
    eta = 0.2 + rng.normal(0.0, 0.7, 40)[g] + rng.normal(0.0, 0.9, n)
    data = pd.DataFrame({"y": rng.poisson(np.exp(eta)), "g": g})
    fits = [
        ilk.fit("y ~ 1 + (1 | g) + olre()", data, "poisson", quadrature=k).loglik
        for k in (1, 5, 15, 25)
    ]
    assert abs(fits[3] - fits[2]) < 1e-3 < abs(fits[3] - fits[0])


def test_shifts_are_in_standard_errors_and_name_the_parameter() -> None:
    data = answers()
    fit = ilk.fit("y ~ x + (1 | school) + (1 | person)", data, "binomial").fitted
    errors = errors_of(fit.psi_covariance())
    psi = fit.estimates.psi
    for position, name in ((1, "x"), (2, "covariance of (1 | school)")):
        moved = psi.copy()
        moved[position] += 0.3 * errors[position]
        shift = shift_between(fit.marginal, fit.point, fit.marginal.at(moved), errors)
        assert shift.errors == pytest.approx(0.3, abs=1e-6)
        assert shift.name == name
        assert not shift.small


def test_the_ladder_ends_where_nodes_become_too_many() -> None:
    data = answers()
    one = ilk.fit("y ~ x + (1 | person)", data, "binomial").fitted.model
    assert tuple(ladder(one)) == AUTO_NODES
    deep = ilk.fit("y ~ x + (1 + x | school) + (1 | person)", data, "binomial").fitted.model
    assert tuple(ladder(deep)) == (5, 9, 15, 25, 41)
    deeper = ilk.fit("y ~ x + (1 + x | school) + (1 + x | person)", data, "binomial").fitted.model
    assert tuple(ladder(deeper)) == (5, 9, 15)


def test_what_did_not_settle_is_a_warning() -> None:
    what = Shares((("g", 41),), ())
    note = settled_note(what, Shift(3.0, 0.5, "x"), Shift(2e-3, 0.02, "x"))
    assert note.severity == "warning"
    assert "41 nodes; the Laplace approximation was off by 0.50 standard errors (x)" in note.message
    assert "moved x by 0.02 standard errors" in note.message
    quiet = settled_note(what, Shift(3.0, 0.5, "x"), Shift(2e-4, 0.002, "x"))
    assert quiet.severity == "note"


def test_nodes_are_not_raised_where_there_is_no_maximum() -> None:
    data = answers()
    data["always"] = np.arange(len(data)) % 2
    data["y"] = np.maximum(data["y"], data["always"])
    for terms in ("(1 | person)", "(1 | person) + (1 | item)"):
        with pytest.warns(IdentificationWarning):
            fit = ilk.fit(f"y ~ x + always + {terms}", data, "binomial", quadrature="auto")
        assert fit.fitted.model.nodes == 1
        assert any("the likelihood has no maximum" in r.message for r in fit.verdict.reasons[1:])


def test_methods_name_the_nodes() -> None:
    data = answers()
    for terms, nodes, text in (
        ("(1 | school / person)", 5, "with 5 nodes per dimension over school and school:person."),
        ("(1 | person) + (1 | item)", 5,
         "5 nodes per dimension over person and by the Laplace approximation over item."),
        ("(1 | school) + (1 | person)", {"school": 3, "person": 5},
         "3 nodes per dimension over school and 5 nodes per dimension over person."),
    ):  # fmt: skip
        fit = ilk.fit(f"y ~ x + {terms}", data, "binomial", quadrature=nodes)
        assert text in fit.methods().text
