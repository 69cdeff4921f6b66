import numpy as np
import pytest

from ilk.design.build import build
from ilk.design.replay import replay
from ilk.errors import FormulaError
from ilk.formula.parse import parse

DATA = {
    "y": np.arange(6.0),
    "x": np.array([1.0, 3.0, 10.0, 20.0, 5.0, 7.0]),
    "g": ["a", "a", "b", "b", "c", "c"],
}
NEW = {"x": [2.0, 5.0, 7.0, 9.0], "g": ["a", "new", "new", "b"]}


def test_means_and_deviations():
    X = build(parse("y ~ within(x, g) + between(x, g)"), DATA).fixed[0].X
    assert X[:, 1].tolist() == [-1, 1, -5, 5, -1, 1]
    assert X[:, 2].tolist() == [2, 2, 15, 15, 6, 6]


def test_means_of_the_rows_used():
    data = {**DATA, "y": [0.0, None, 2.0, 3.0, 4.0, 5.0]}
    X = build(parse("y ~ between(x, g)"), data).fixed[0].X
    assert X[:, 1].tolist() == [1, 15, 15, 6, 6]


def test_means_are_remembered_and_new_clusters_noted():
    made = build(parse("y ~ within(x, g) + between(x, g)"), DATA)
    new = replay(made, NEW)
    assert new.fixed[0].X[:, 1].tolist() == [0, -1, 1, -6]
    assert new.fixed[0].X[:, 2].tolist() == [2, 6, 6, 15]
    assert any("1 clusters that were not in the data of the fit ('new')" in n for n in new.notes)


def test_expressions_and_random_slopes():
    made = build(parse("y ~ within(log(x), g) + (0 + within(x, g) | g)"), DATA)
    logs = np.log(DATA["x"])
    assert made.fixed[0].X[0, 1] == pytest.approx(logs[0] - logs[:2].mean())
    assert made.terms[0].columns[:, 0].tolist() == [-1, 1, -5, 5, -1, 1]


def test_mistakes():
    with pytest.raises(FormulaError, match="first argument holds no column"):
        build(parse("y ~ within(1, g)"), DATA)
    with pytest.raises(FormulaError, match="takes 2"):
        parse("y ~ within(x)")
