"""Restrictions of coefficients against models that are written with fewer columns."""

import numpy as np
import pytest
from tests.fits import data_of, fit_of

import ilk
from ilk import ModelError
from ilk.inference.hypotheses.restricted import eliminate, restricted


def test_zero_is_the_model_without_the_column():
    fitted = fit_of("sleepstudy").fitted
    null = restricted(fitted, [[0.0, 1.0]], reml=False)
    other = ilk.fit("Reaction ~ 1 + (1 + Days | Subject)", data_of("sleepstudy"), reml=False)
    assert null.names == (("mean", "Intercept"),)
    assert null.loglik == pytest.approx(other.loglik, abs=1e-6)
    assert null.coef == pytest.approx(other.params.array, rel=1e-4)


def test_a_value_is_an_offset():
    data = data_of("sleepstudy").assign(known=lambda d: 10.0 * d.Days)
    null = restricted(fit_of("sleepstudy").fitted, [[0.0, 1.0]], 10.0)
    other = ilk.fit("Reaction ~ 1 + (1 + Days | Subject)", data, offset="known")
    assert null.loglik == pytest.approx(other.loglik, abs=1e-6)


@pytest.mark.parametrize("row", [[1.0, -25.0], [2.0, 0.0]])
def test_an_intercept_that_is_tied_is_eliminated(row):
    fitted = fit_of("sleepstudy").fitted
    null = restricted(fitted, [row])
    assert null.names == (("mean", "Days"),)
    data = data_of("sleepstudy").assign(tied=lambda d: d.Days - row[1] / row[0])
    other = ilk.fit("Reaction ~ 0 + tied + (1 + Days | Subject)", data)
    assert null.coef == pytest.approx(other.params.array, rel=1e-4)


def test_nothing_stays():
    null = restricted(fit_of("sleepstudy").fitted, np.eye(2), [250.0, 10.0])
    assert null.names == ()
    assert null.loglik < restricted(fit_of("sleepstudy").fitted, [[0.0, 1.0]], 10.0).loglik


def test_no_restriction_is_the_fit_itself_by_maximum_likelihood():
    again = restricted(fit_of("sleepstudy").fitted, np.zeros((0, 2)), reml=False)
    other = ilk.fit("Reaction ~ Days + (1 + Days | Subject)", data_of("sleepstudy"), reml=False)
    assert again.loglik == pytest.approx(other.loglik, abs=1e-6)


def test_generalized_model_and_other_predictors():
    null = restricted(fit_of("binary").fitted, [[0, 0, 1, 0], [0, 0, 0, 1]])
    other = ilk.fit("y ~ x + (1 | g)", data_of("binary"), family="binomial")
    assert null.loglik == pytest.approx(other.loglik, abs=1e-6)

    fitted = fit_of("salamanders").fitted
    at = fitted.names.index(("zero_inflation", "mined[T.no]"))
    null = restricted(fitted, np.eye(len(fitted.names))[[at]])
    other = ilk.fit(
        "count ~ mined + (1 | site)",
        data_of("salamanders"),
        family="negative_binomial_2",
        zero_inflation="~ 1",
    )
    assert null.loglik == pytest.approx(other.loglik, abs=1e-5)


def test_elimination_solves_the_restrictions():
    rng = np.random.default_rng(3)
    L = rng.normal(size=(3, 6))
    L = np.vstack([L, L[0] - 2.0 * L[2]])
    rhs = np.array([1.0, -2.0, 0.5, 0.0])
    found = eliminate(L, rhs)
    assert found.used == (0, 1, 2)
    assert found.contradicted == ()
    gamma = rng.normal(size=3)
    beta = found.shift + found.basis @ gamma
    np.testing.assert_allclose(L @ beta, rhs, atol=1e-10)
    np.testing.assert_allclose(beta[found.stays], gamma)


def test_bad_input():
    fitted = fit_of("sleepstudy").fitted
    with pytest.raises(ModelError, match="Restriction 2 contradicts"):
        restricted(fitted, [[0.0, 1.0], [0.0, 2.0]], [1.0, 3.0])
    zero_inflated = fit_of("salamanders").fitted
    row = np.zeros(len(zero_inflated.names))
    row[1] = row[-1] = 1.0
    with pytest.raises(ModelError, match="different predictors"):
        restricted(zero_inflated, row)
