"""Which factors are integrated by quadrature, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.model.quadrature import (
    Shares,
    check_nodes,
    is_laplace,
    kept_nodes,
    most_nodes,
    plan_nodes,
    same_accuracy,
    shares,
)


def counts(persons: int = 24, items: int = 3, seed: int = 1) -> pd.DataFrame:
    """Persons in schools answer items."""
    rng = np.random.default_rng(seed)
    n = persons * items
    person, item = np.repeat(np.arange(persons), items), np.tile(np.arange(items), persons)
    effect = rng.normal(0.0, 0.7, persons)[person] + rng.normal(0.0, 0.4, items)[item]
    return pd.DataFrame(
        {
            "y": rng.poisson(np.exp(0.5 + effect)),
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "w": rng.normal(size=n),
            "person": [f"p{k}" for k in person],
            "item": [f"i{k}" for k in item],
            "school": [f"s{k // 6}" for k in person],
            "row": np.arange(n),
        }
    )


def design_of(formula: str):
    return ilk.fit(formula, counts(), "poisson").fitted.design


@pytest.mark.parametrize(
    ("terms", "request_", "nodes"),
    [
        ("(1 | person)", 7, 7),
        ("(1 | person) + (0 + x | person)", 7, 7),
        ("(1 | school / person)", 7, 7),
        ("(1 | school) + (1 | person) + (1 | row)", 3, 3),
        ("(1 | person) + (1 | item)", 7, (7, 1)),
        ("(1 | item) + (1 | school / person)", 7, (1, 1, 7)),
        ("(1 | item) + (1 | person) + (0 + x | person)", 7, (1, 7, 7)),
        ("(1 | person) + (1 | item)", 1, 1),
        ("(1 | person) + (1 | item)", {"item": 7}, (1, 7)),
        ("(1 | person) + (1 | item)", {"item": 7, "person": 1}, (1, 7)),
        ("(1 | person) + (1 | item)", {"item": 1}, 1),
        ("(1 | person) + (1 | item)", {}, 1),
        ("(1 | school) + (1 | person)", {"school": 7}, 7),
        ("(1 | school) + (1 | person)", {"school": 7, "person": 5}, (7, 5)),
        ("(1 | school) + (1 | person)", {"school": 7, "person": 1}, (7, 1)),
        ("(1 | school) + (1 | person)", {"person": 7}, (1, 7)),
        ("(1 | school) + (1 | person) + (1 | item)", {"school": 7}, (7, 1, 1)),
    ],
)
def test_plans(terms: str, request_: object, nodes: object) -> None:
    assert plan_nodes(design_of(f"y ~ x + {terms}"), request_) == nodes


@pytest.mark.parametrize(
    ("terms", "request_", "words"),
    [
        ("(1 | person)", 0, ("quadrature=0", "whole number")),
        ("(1 | person)", 2.5, ("quadrature=2.5", "whole number")),
        ("(1 | person)", True, ("whole number",)),
        ("(1 | person)", "many", ("'many'", "whole number")),
        ("(1 | person)", 501, ("500", "'auto'")),
        ("(1 | person)", {"persom": 7}, ("persom", "there are person")),
        ("(1 | person)", {"person": "x"}, ("'person': 'x'", "whole number")),
        ("(1 + x + z + w | person)", 7, ("at most 3", "'person' has 4")),
        ("(1 | item) + (1 | school) + (1 + x + z + w | person)", {"person": 7}, ("has 4",)),
        ("(1 + x + z | person)", 61, ("226981 combinations", "fewer nodes")),
        ("(1 + x | school) + (1 + z | person)", 25, ("390625 combinations",)),
        ("(1 | item) + (1 | school) + (1 | person)", {"school": 5, "person": 5}, ("name one",)),
        ("(1 | item) + (1 | person)", {"item": 5, "person": 5}, ("item and person cross",)),
    ],
)  # fmt: skip
def test_refusals(terms: str, request_: object, words: tuple[str, ...]) -> None:
    with pytest.raises(ilk.ModelError) as caught:
        plan_nodes(design_of(f"y ~ x + {terms}"), request_)
    assert caught.value.code == "quadrature"
    for word in words:
        assert word in str(caught.value)


def test_crossing_factors_with_too_many_effects_are_refused() -> None:
    data = counts(1200, 2)
    rng = np.random.default_rng(2)
    data["other"] = rng.permutation(np.arange(len(data)) // 2 % 1100)
    design = ilk.fit("y ~ 1 + (1 | person) + (1 | other)", data, "poisson").fitted.design
    with pytest.raises(ilk.ModelError, match=r"1100 random effects of other beside person"):
        plan_nodes(design, 5)


def test_effects_beside_the_mean_are_integrated_with_one_factor_only() -> None:
    data = counts(60, 6)
    fit = ilk.fit(
        "y ~ 1 + (1 | person)", data, "negative_binomial_2", dispersion="~ 1 + (1 | item)"
    )
    with pytest.raises(ilk.ModelError, match="on the mean only"):
        plan_nodes(fit.fitted.design, 5)


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
    design = design_of("y ~ 1 + (1 | person) + (1 | item)")
    assert check_nodes(design, (5, 1))
    assert check_nodes(design, 1)
    for wrong in ((5, 1, 1), (0, 5), (501, 1), 0):
        assert not check_nodes(design, wrong)
    with pytest.raises(ilk.ModelError):
        check_nodes(design, (5, 5))


def model_of(terms: str, request_: object):
    return ilk.fit(f"y ~ 1 + {terms}", counts(), "poisson", quadrature=request_).fitted.model


@pytest.mark.parametrize(
    ("terms", "request_", "other", "nodes"),
    [
        ("(1 | person)", 5, "(1 + x | person)", 5),
        ("(1 | person)", 5, "(1 | person) + (1 | item)", (5, 1)),
        ("(1 | person)", 5, "(1 | school) + (1 | person)", (1, 5)),
        ("(1 | school) + (1 | person)", (5, 3), "(1 | person)", 3),
        ("(1 | person) + (1 | item)", 5, "(1 | item)", 1),
        ("(1 | person) + (1 | item)", 5, "(1 + x | item) + (1 | person)", (1, 5)),
    ],
)
def test_factors_keep_their_nodes(terms: str, request_: object, other: str, nodes: object) -> None:
    if isinstance(request_, tuple):
        request_ = {"school": request_[0], "person": request_[1]}
    assert kept_nodes(model_of(terms, request_), design_of(f"y ~ 1 + {other}")) == nodes


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
