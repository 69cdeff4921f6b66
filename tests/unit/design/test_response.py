import numpy as np
import pandas as pd
import pytest

from ilk.design.build import build
from ilk.errors import DataError, ModelError
from ilk.formula.parse import parse

DATA = {
    "x": [1.0, 2.0, 3.0, 5.0],
    "s": [0, 2, 3, 1],
    "f": [4, 3, 0, 1],
    "n": [4, 5, 3, 2],
    "p": [0.0, 0.4, 1.0, 0.5],
    "zero": [0, 1, 1, 0],
    "truth": [True, False, True, True],
    "word": ["no", "yes", "yes", "no"],
    "three": ["a", "b", "c", "a"],
    "one": ["a", "a", "a", "a"],
    "none": [4, 5, 0, 2],
}


def response(left, data=DATA, binomial=True, **options):
    return build(parse(f"{left} ~ x"), data, binomial=binomial, **options)


def test_numbers():
    made = response("log(n)", binomial=False).response
    assert made.name == "log(n)"
    np.testing.assert_allclose(made.y, np.log([4, 5, 3, 2]))
    assert made.trials is None
    assert made.event is None


def test_zero_and_one():
    made = response("zero").response
    assert made.y.tolist() == [0, 1, 1, 0]
    assert (made.trials, made.event) == (None, None)


def test_truth_values():
    made = response("truth").response
    assert made.y.tolist() == [1, 0, 1, 1]
    assert made.event is True
    assert response("truth", binomial=False).response.event is None
    assert response("I(s > 1)").response.y.tolist() == [0, 1, 1, 0]


def test_the_second_level_of_a_factor_is_the_event():
    made = response("word")
    assert made.response.y.tolist() == [0, 1, 1, 0]
    assert made.response.event == "yes"
    assert made.notes == ("The event of the response 'word' is 'yes'.",)
    declared = pd.Categorical(DATA["word"], categories=["yes", "unused", "no"])
    made = response("word", {**DATA, "word": declared})
    assert made.response.event == "no"
    assert made.response.y.tolist() == [1, 0, 0, 1]


def test_other_numbers_of_levels():
    with pytest.raises(DataError, match=r"3 levels \('a', 'b', 'c'\).*I\(three == 'c'\)"):
        response("three")
    with pytest.raises(DataError, match="single level 'a'"):
        response("one")
    with pytest.raises(DataError, match=r"'word' holds text values.*needs numbers"):
        response("word", binomial=False)


@pytest.mark.parametrize("left", ["cbind(s, f)", "cbind(s, n - s)", "s / n", "s / (s + f)"])
def test_counts_of_two_columns(left):
    made = response(left).response
    trials = [4, 5, 3, 2]
    assert made.y.tolist() == [0, 2, 3, 1]
    assert made.trials.tolist() == trials
    with pytest.raises(ModelError, match="binomial count, which this family does not take"):
        response(left, binomial=False)
    with pytest.raises(ModelError, match="leave out trials="):
        response(left, trials="n")
    with pytest.raises(ModelError, match="leave out precision_weights="):
        response(left, precision_weights="n")


def test_counts_with_trials():
    made = response("s", trials="n").response
    assert made.y.tolist() == [0, 2, 3, 1]
    assert made.trials.tolist() == [4, 5, 3, 2]
    with pytest.raises(ModelError, match="trials= is for families"):
        response("s", binomial=False, trials="n")
    with pytest.raises(DataError, match=r"trials='x' must not be negative: row 0"):
        response("s", {**DATA, "x": [-1, 2, 3, 4]}, trials="x")
    with pytest.raises(DataError, match=r"must be whole numbers; row 1 has 5\.5"):
        response("s", trials=[4, 5.5, 3, 2])


def test_more_successes_than_trials():
    data = {**DATA, "f": [4, 3, 1, 1]}
    for left, options in (("s / f", {}), ("s", {"trials": "f"})):
        with pytest.raises(DataError, match=r"more successes than trials.*row 2 \(3 of 1"):
            response(left, data, **options)


def test_rows_without_trials_are_left_out():
    made = response("s / none", {**DATA, "s": [0, 2, 0, 1]})
    assert made.rows.dropped == {"s / none: no trials": 1}
    assert made.response.y.tolist() == [0, 2, 1]
    made = response("s", {**DATA, "s": [0, 2, 0, 1]}, trials="none")
    assert made.rows.dropped == {"trials = 0": 1}


def test_negative_counts():
    with pytest.raises(DataError, match=r"f in cbind\(s, f\) must not be negative; row 1 has -3"):
        response("cbind(s, f)", {**DATA, "f": [4, -3, 0, 1]})
    with pytest.raises(DataError, match="must not be negative; row 0 has -1"):
        response("s", {**DATA, "s": [-1, 0, 0, 0]}, trials="n")


def test_proportions_with_their_trials_as_weights():
    made = response("p", precision_weights="n")
    assert made.response.y.tolist() == [0, 2, 3, 1]
    assert made.response.trials.tolist() == [4, 5, 3, 2]
    assert made.precision_weights is None
    assert "numbers of trials" in made.notes[0]
    with pytest.raises(DataError, match=r"not a whole number of successes in row 1 \(0.4 of 4\)"):
        response("p", precision_weights=[4, 4, 3, 2])
    with pytest.raises(DataError, match="between 0 and 1; row 1 has 2"):
        response("s", precision_weights="n")
    with pytest.raises(ModelError, match="precision_weights= has no meaning"):
        response("p", trials="n", precision_weights="n")


def test_proportions_without_trials():
    with pytest.raises(DataError, match=r"holds proportions \(row 1: 0.4\).*precision_weights="):
        response("p")
    with pytest.raises(DataError, match="must be the number of successes"):
        response("p", trials="n")


def test_missing_counts_do_not_disturb_the_zeros():
    data = {**DATA, "s": [None, 2, 0, 1], "n": [4, 5, 0, None]}
    made = response("s / n", data)
    assert made.rows.kept.tolist() == [1]
    assert made.rows.dropped == {"s": 1, "n": 1, "s / n: no trials": 1}
