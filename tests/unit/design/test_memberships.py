"""Rows that belong to several levels: codes, weights, missing values, new rows."""

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.design.build import build
from ilk.design.replay import replay
from ilk.formula.parse import parse


def frame(**columns):
    base = {
        "y": [1.0, 2.0, 3.0, 4.0, 5.0],
        "a": ["u", "v", "u", "w", "v"],
        "b": ["v", "w", None, "w", "u"],
        "p": [0.5, 0.2, 1.0, 0.5, 2.0],
        "q": [0.5, 0.8, 0.0, 0.5, 1.0],
    }
    return pd.DataFrame(base | columns)


def grouping(formula, data, **options):
    design = build(parse(formula), data, **options)
    return design, design.terms[0].grouping


def test_levels_are_those_of_all_columns():
    design, found = grouping("y ~ 1 + (1 | mm(a, b, weights=[p, q]))", frame())
    assert found.name == "mm(a, b)"
    assert found.levels == ("u", "v", "w")
    assert len(design.response.y) == 5
    inside = found.weights != 0.0
    np.testing.assert_array_equal(found.members[inside], [0, 1, 1, 2, 0, 2, 2, 1, 0])
    np.testing.assert_allclose(found.weights, frame()[["p", "q"]])
    np.testing.assert_array_equal(found.count(), [3, 3, 2])  # a level that comes twice is one row
    np.testing.assert_allclose(found.sums(np.ones(5)), [2.5, 2.7, 1.8])


def test_variance_of_a_row_adds_up_weights_of_a_level():
    _, found = grouping("y ~ 1 + (1 | mm(a, b, weights=[p, q]))", frame())
    np.testing.assert_allclose(found.share(), [0.5, 0.68, 1.0, 1.0, 5.0])


def test_weights_are_equal_by_default_and_scaled_on_demand():
    data = frame().dropna()
    assert np.all(grouping("y ~ 1 + (1 | mm(a, b))", data)[1].weights == 0.5)
    scaled = grouping("y ~ 1 + (1 | mm(a, b, weights=[p, q], scale=True))", frame())[1].weights
    np.testing.assert_allclose(scaled.sum(axis=1), 1.0)
    np.testing.assert_allclose(scaled[4], [2 / 3, 1 / 3])
    none = frame(p=[0.5, 0.2, 0.0, 0.5, 2.0])
    scaled = grouping("y ~ 1 + (1 | mm(a, b, weights=[p, q], scale=True))", none)[1].weights
    np.testing.assert_array_equal(scaled[2], 0.0)


def test_numbers_are_weights_too():
    _, found = grouping("y ~ 1 + (1 | mm(a, b, weights=[1, -1]))", frame().dropna())
    assert np.all(found.weights == [1.0, -1.0])
    with pytest.raises(ilk.errors.DataError, match="negative in row 0; leave scale= out"):
        grouping("y ~ 1 + (1 | mm(a, b, weights=[1, -1], scale=True))", frame().dropna())


@pytest.mark.parametrize(
    ("changed", "dropped"),
    [
        ({}, {}),  # no label, weight 0
        ({"q": [0.5, 0.8, None, 0.5, 1.0]}, {}),  # neither label nor weight
        ({"q": [0.5, 0.8, 0.3, 0.5, 1.0]}, {"b": 1}),  # a weight without its label
        ({"q": [0.5, None, 0.0, 0.5, 1.0]}, {"q": 1}),  # a label without its weight
    ],
)
def test_missing_values(changed, dropped):
    design, _ = grouping("y ~ 1 + (1 | mm(a, b, weights=[p, q]))", frame(**changed))
    assert {name: n for name, n in design.rows.dropped.items() if n} == dropped
    if dropped:
        with pytest.raises(ilk.errors.DataError, match=f"Column '{next(iter(dropped))}' lacks"):
            build(
                parse("y ~ 1 + (1 | mm(a, b, weights=[p, q]))"), frame(**changed), missing="error"
            )


def test_without_weights_a_missing_label_drops_the_row():
    design, _ = grouping("y ~ 1 + (1 | mm(a, b))", frame())
    assert design.rows.dropped["b"] == 1


def test_whole_numbers_match_although_a_column_with_gaps_is_real():
    data = frame(a=[1, 2, 1, 3, 2], b=[2.0, 3.0, np.nan, 3.0, 1.0])
    _, found = grouping("y ~ 1 + (1 | mm(a, b, weights=[p, q]))", data)
    assert found.levels == (1, 2, 3)
    assert all(type(level) is int for level in found.levels)


def test_labels_without_weight_are_no_levels():
    data = frame(b=["v", "w", "never", "w", "u"])
    assert grouping("y ~ 1 + (1 | mm(a, b, weights=[p, q]))", data)[1].levels == ("u", "v", "w")


def test_new_rows_find_their_levels():
    design, _ = grouping("y ~ 1 + (1 | mm(a, b, weights=[p, q]))", frame())
    new = pd.DataFrame(
        {"a": ["w", "new", "u", "x"], "b": ["u", "u", None, "x"], "p": [1, 1, 1, 0.4],
         "q": [2, 0.5, 0, 0.6]}
    )  # fmt: skip
    term = replay(design, new).terms[0]
    np.testing.assert_array_equal(term.codes[:2], [[2, 0], [-2, 0]])
    assert term.codes[2, 0] == 0
    assert term.codes[3, 0] == term.codes[3, 1] < -1
    assert term.unseen == ("new", "x")
    np.testing.assert_allclose(term.weights, new[["p", "q"]])
    bare = replay(design, new[["p", "q"]], groups=False).terms[0]
    assert np.all(bare.codes < 0)
    np.testing.assert_allclose(bare.weights, new[["p", "q"]])


def test_rows_are_taken_with_their_weights():
    _, found = grouping("y ~ 1 + (1 | mm(a, b, weights=[p, q]))", frame())
    taken = found.take(np.array([4, 0, 4]))
    np.testing.assert_array_equal(taken.weights, found.weights[[4, 0, 4]])
    assert taken.levels == found.levels


def test_one_level_per_row_is_refused_in_a_sentence():
    _, found = grouping("y ~ 1 + (1 | mm(a, b, weights=[p, q]))", frame())
    with pytest.raises(ilk.errors.ModelError, match="those of mm\\(a, b\\) belong to several"):
        _ = found.codes


def test_a_single_level_is_refused():
    data = frame(a=["u"] * 5, b=["u"] * 5)
    with pytest.raises(ilk.errors.DataError, match="fewer than 2 levels"):
        grouping("y ~ 1 + (1 | mm(a, b))", data)


def test_the_call_is_written_again_as_it_was():
    text = "y ~ x + (1 + x | mm(`my a`, b, weights=[p, 0.5], scale=True))"
    (term,) = parse(text).predictors[0].random
    assert term.membership.text == "mm(`my a`, b, weights=[p, 0.5], scale=True)"
    assert parse(text).columns[-3:] == ("my a", "b", "p")
    assert term.label == "1 + x | mm(my a, b)"
