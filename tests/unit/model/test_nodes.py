"""From what users ask for to the nodes of each term, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from tests.answers import counts

import ilk
from ilk.model.nodes import check_nodes, kept_nodes, plan_nodes


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


def test_stored_nodes_are_checked() -> None:
    design = design_of("y ~ 1 + (1 | person) + (1 | item)")
    assert check_nodes(design, (5, 1))
    assert check_nodes(design, 1)
    for wrong in ((5, 1, 1), (0, 5), (501, 1), 0):
        assert not check_nodes(design, wrong)
    with pytest.raises(ilk.ModelError):
        check_nodes(design, (5, 5))


def test_what_is_kept_in_memory_is_bounded() -> None:
    data = counts(40_000, 1)
    data["all"] = np.where(data["row"] < 39_990, "most", "few")
    design = ilk.fit("y ~ 1 + (1 | row)", data, "poisson").fitted.design
    assert plan_nodes(design, 400) == 400
    both = ilk.fit("y ~ 1 + (1 | school) + (1 | row)", data, "poisson").fitted.design
    assert plan_nodes(both, 51) == 51
    with pytest.raises(ilk.ModelError, match="too much memory"):
        plan_nodes(both, 61)
    wide = ilk.fit("y ~ 1 + (1 | all) + (1 | row)", data, "poisson").fitted.design
    with pytest.raises(ilk.ModelError, match="too much memory"):
        plan_nodes(wide, 51)
