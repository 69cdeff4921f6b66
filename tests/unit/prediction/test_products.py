"""Averages in three and more dimensions against closed forms and fine rules."""

import numpy as np
import pytest

import ilk
from ilk.errors import FitError
from ilk.num import jets
from ilk.prediction.integral import integrate
from ilk.prediction.products import integrate_products

LEVELS = "abcdefg"


def shares(count):
    return ilk.families.multinomial(levels=list(LEVELS[:count]))


@pytest.mark.parametrize("spread", [0.0, 0.4, 1.0, 2.0])
def test_shares_of_four_categories_are_those_of_a_fine_rule(spread):
    family = shares(4)
    eta, sd = np.array([0.5, -1.0, 2.0]), spread * np.array([1.0, 0.7, 1.2])
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    grid = np.meshgrid(*(eta[k] + sd[k] * nodes for k in range(3)), indexing="ij")
    product = np.einsum("i,j,k->ijk", weights, weights, weights).ravel()
    total = 0.0
    for j in range(4):
        found = integrate(
            lambda e, j=j: family.probability(j, e),
            [np.full(2, x) for x in eta],
            [np.full(2, x) for x in sd],
            True,
            1e-10,
        )
        assert found.value[0] == found.value[1]
        wanted = family.probability(j, [x.ravel() for x in grid]) @ product
        assert found.value[0] == pytest.approx(wanted, abs=2e-6)
        total += found.value[0]
    assert total == pytest.approx(1.0, abs=2e-6)


def test_derivatives_are_those_of_differences():
    family, h = shares(4), 1e-3
    at = np.array([0.4, -0.6, 1.0, 0.5, 0.8, 0.3])  # predictors, then variances

    def value(x):
        return integrate(
            lambda e: family.probability(1, e),
            [np.array([t]) for t in x[:3]],
            [np.sqrt(np.array([t])) for t in x[3:]],
            True,
            1e-10,
        )

    found = value(at)
    slopes = [*found.by_eta, *found.by_variance]
    for k, slope in enumerate(slopes):
        step = h * np.eye(6)[k]
        difference = (value(at + step).value - value(at - step).value) / (2 * h)
        assert slope[0] == pytest.approx(difference[0], abs=2e-5)


def test_exponentials_in_four_dimensions_have_a_closed_form():
    sd = [np.array([0.3, 0.8])] * 4
    found = integrate_products(
        lambda e: jets.exp(e[0] + e[1] + e[2] + e[3]), [np.zeros(2)] * 4, sd, range(4), range(4)
    )
    wanted = np.exp(0.5 * 4 * sd[0] ** 2)
    np.testing.assert_allclose(found.value, wanted, rtol=1e-4)
    np.testing.assert_allclose(found.by_eta[2], wanted, rtol=1e-3)
    np.testing.assert_allclose(found.by_variance[0], 0.5 * wanted, rtol=1e-3)


def test_what_does_not_settle_is_refused():
    with pytest.raises(FitError, match="does not settle"):
        integrate(
            lambda e: 1.0 / (e[0] + e[1] * e[2]),
            [np.full(1, 0.3)] * 3,
            [np.ones(1)] * 3,
            False,
            1e-10,
        )
