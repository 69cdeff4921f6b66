"""Weights of families of contrasts, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ilk
from ilk.effects.contrast_weights import contrast_weights

ABC: list[tuple[Any, ...]] = [("a",), ("b",), ("c",)]


def test_pairs_are_later_minus_earlier() -> None:
    found = contrast_weights(ABC, "pairwise")
    assert found.weights.tolist() == [[-1, 1, 0], [-1, 0, 1], [0, -1, 1]]
    assert found.names == ("b", "c", "c")
    assert found.references == ("a", "a", "b")


def test_reference() -> None:
    assert contrast_weights(ABC, "reference").references == ("a", "a")
    assert contrast_weights(ABC, "reference", default=("c",)).references == ("c", "c")
    found = contrast_weights(ABC, "reference", reference="b")
    assert found.weights.tolist() == [[1, -1, 0], [0, -1, 1]]


def test_effects_sum_to_zero() -> None:
    found = contrast_weights(ABC, "effect")
    assert found.weights.sum(axis=1) == pytest.approx(0.0)
    assert found.references == ("average",) * 3


@pytest.mark.parametrize("m", [2, 3, 4, 5, 6, 9])
def test_polynomials_are_orthogonal_whole_numbers(m: int) -> None:
    W = contrast_weights([(k,) for k in range(m)], "polynomial").weights
    assert len(W) == min(m - 1, 6)
    assert np.array_equal(W, np.round(W))
    assert pytest.approx(np.diag(np.diag(W @ W.T))) == W @ W.T
    assert W.sum(axis=1) == pytest.approx(0.0)
    assert np.all(W[:, -1] > 0)


def test_polynomials_of_classical_tables() -> None:
    W = contrast_weights([(x,) for x in "abcde"], "polynomial").weights
    assert W.tolist() == [
        [-2, -1, 0, 1, 2],
        [2, -1, -2, -1, 2],
        [-1, 2, 0, -2, 1],
        [1, -4, 6, -4, 1],
    ]


def test_polynomials_of_uneven_numbers() -> None:
    x = np.array([0.0, 1.0, 4.0, 10.0])
    found = contrast_weights([(v,) for v in x.tolist()], "polynomial")
    W = found.weights
    assert pytest.approx(np.eye(3), abs=1e-12) == W @ W.T
    assert W[1:] @ x == pytest.approx(0.0, abs=1e-12)
    assert W[0] @ x > 0
    assert "evenly" in found.notes[0]


def test_falling_numbers_keep_the_direction_of_the_axis() -> None:
    up = contrast_weights([(1,), (2,), (3,)], "polynomial").weights
    down = contrast_weights([(3,), (2,), (1,)], "polynomial").weights
    assert down[0].tolist() == up[0][::-1].tolist()
    assert down[1].tolist() == up[1].tolist()


def test_weights_of_ones_own() -> None:
    found = contrast_weights(ABC, {"c - rest": {"c": 1, "a": -0.5, "b": -0.5}, "list": [1, 0, -1]})
    assert found.weights.tolist() == [[-0.5, -0.5, 1.0], [1, 0, -1]]
    assert found.names == ("c - rest", "list")
    assert found.notes == ()
    assert "sum to zero" in contrast_weights(ABC, {"sum": [1, 1, 0]}).notes[0]


def test_levels_of_several_columns() -> None:
    levels = [("a", 1), ("a", 2), ("b", 1)]
    found = contrast_weights(levels, {"x": {("a", 1): 1, "b, 1": -1}})
    assert found.weights.tolist() == [[1, 0, -1]]
    assert contrast_weights(levels, "pairwise").names == ("a, 2", "b, 1", "b, 1")


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("pairs", {}, "kind='pairs' is not known"),
        ("reference", {"reference": "bb"}, "'bb' is not one of the levels compared, 'a', 'b', 'c'"),
        ("pairwise", {"reference": "a"}, "is for kind='reference'"),
        ({}, {}, "no contrast"),
        ({"x": [1, -1]}, {}, "has 2 weights; there are 3 levels"),
        ({"x": [0, 0, 0]}, {}, "no weight other than zero"),
        ({"x": {"d": 1}}, {}, "contrast 'x': 'd' is not one of the levels"),
        ({"x": [1, "a", 0]}, {}, "weight 'a': give numbers"),
        ({"x": 3}, {}, "one weight for each of the 3 levels"),
    ],
)
def test_refused(kind: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ilk.IlkError) as error:
        contrast_weights(ABC, kind, **options)
    assert words in str(error.value)


def test_a_single_level() -> None:
    with pytest.raises(ilk.IlkError, match="single level \\(a\\)"):
        contrast_weights([("a",)], "pairwise")
