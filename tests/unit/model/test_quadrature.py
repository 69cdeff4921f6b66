"""Which factors are integrated how, in words and in comparisons."""

from __future__ import annotations

import pytest
from tests.answers import counts

import ilk
from ilk.model.quadrature import Shares, is_laplace, most_nodes, same_accuracy, shares


def model_of(terms: str, request_: object):
    return ilk.fit(f"y ~ 1 + {terms}", counts(), "poisson", quadrature=request_).fitted.model


def test_words() -> None:
    data = counts()
    for terms, request_, text in (
        ("(1 | person)", 7, "7 nodes"),
        ("(1 | school / person)", 5, "5 nodes over school and school:person"),
        ("(1 | school) + (1 | person)", {"school": 5, "person": 3},
         "5 nodes over school and 3 nodes over person"),
        ("(1 | school) + (1 | person)", {"school": 5, "person": 1},
         "5 nodes over school, Laplace over person"),
        ("(1 | school) + (1 | person)", {"person": 5}, "5 nodes over person, Laplace over school"),
        ("(1 | person) + (1 | item)", 5, "5 nodes over person, Laplace over item"),
    ):  # fmt: skip
        fit = ilk.fit(f"y ~ 1 + {terms}", data, "poisson", quadrature=request_)
        assert str(shares(fit.fitted.model)) == text
        assert text in " ".join(fit.summary().text.split())
    laplace = ilk.fit("y ~ 1 + (1 | person) + (1 | item)", data, "poisson")
    assert shares(laplace.fitted.model) == Shares((), ("person", "item"))


def test_numbers() -> None:
    assert is_laplace(1)
    assert is_laplace((1, 1))
    assert not is_laplace((1, 3))
    assert (most_nodes(5), most_nodes((1, 9))) == (5, 9)


def test_likelihoods_compare_where_shared_factors_have_the_same_nodes() -> None:
    one, few = model_of("(1 | person)", 5), model_of("(1 | person)", 3)
    crossed = model_of("(1 | person) + (1 | item)", 5)
    assert same_accuracy(one, crossed)
    assert not same_accuracy(few, crossed)
    assert not same_accuracy(one, model_of("(1 | person)", 1))
    assert same_accuracy(model_of("(1 | item)", 1), crossed)
    assert same_accuracy(one, model_of("(1 | item)", 5))
    assert not same_accuracy(few, model_of("(1 | item)", 5))


def test_random_effects_are_tested_and_models_compared_with_nodes() -> None:
    data = counts(40, 4)
    both = ilk.fit("y ~ x + (1 | person) + (1 | item)", data, "poisson", quadrature=5)
    alone = ilk.fit("y ~ x + (1 | person)", data, "poisson", quadrature=5)
    tests = both.random_effect_tests()
    assert alone.loglik <= both.loglik + 1e-6
    assert f"{2 * (both.loglik - alone.loglik):.3g}"[:3] in tests.text
    ilk.compare(both, alone)
    with pytest.raises(ilk.ModelError, match="5 nodes over person, Laplace over item"):
        ilk.compare(both, ilk.fit("y ~ x + (1 | person)", data, "poisson"))
