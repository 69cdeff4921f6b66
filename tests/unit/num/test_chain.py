"""The chain rule against jets that are composed step by step."""

import numpy as np
import pytest

from ilk.num import jets
from ilk.num.chain import chain
from ilk.num.jets import variables


def outer(a, b):
    return jets.exp(0.3 * a) * jets.log(b) + a * a * b


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_composition_of_two_variables(order):
    rng = np.random.default_rng(1)
    x = variables([rng.normal(size=5), rng.uniform(0.5, 2.0, 5), rng.normal(size=5)], order)
    inner = [x[0] * x[2] + jets.exp(x[1]), jets.exp(x[2]) + x[1]]
    at = outer(*variables([g.value for g in inner], order))
    found, expected = chain(at, inner), outer(*inner)
    for part in ("value", "first", "second", "third"):
        np.testing.assert_allclose(getattr(found, part), getattr(expected, part), rtol=1e-12)


def test_constants_and_the_variables_themselves():
    x = variables([np.array([0.4]), np.array([1.3])], 3)
    at = outer(*x)
    assert chain(at, x) is at
    found = chain(outer(*variables([x[0].value, np.array([2.0])], 3)), [x[0], np.array([2.0])])
    expected = outer(x[0], x[1] * 0.0 + 2.0)
    np.testing.assert_allclose(found.third, expected.third)
