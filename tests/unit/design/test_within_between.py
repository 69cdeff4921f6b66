import numpy as np
import pytest

from ilk.design.build import build
from ilk.design.replay import replay
from ilk.errors import DataError, FormulaError
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
    assert any("1 cluster that was not in the data of the fit ('new')" in n for n in new.notes)


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


MORE = {
    "y": np.arange(8.0),
    "x": np.array([1.0, 3.0, 10.0, 20.0, 5.0, 7.0, 2.0, 9.0]),
    "z": np.array([2.0, 1.0, 0.5, 3.0, 1.0, 4.0, 2.0, 2.0]),
    "f": ["u", "v", "w", "u", "v", "v", "w", "w"],
    "ok": [True, False, True, True, False, False, True, False],
    "g": ["a", "a", "a", "b", "b", "c", "c", "c"],
    "s": [1, 1, 2, 1, 1, 2, 2, 2],
    "c": ["k", "k", "l", "k", "k", "k", "l", "l"],
    "w": [1, 2, 3, 1, 4, 1, 2, 2],
}


def shares(columns):
    """Means by cluster, by the definition."""
    g = np.array(MORE["g"])
    return np.column_stack([[np.mean(c[g == k]) for k in g] for c in columns])


def fixed(formula, data=None, **more):
    part = build(parse(formula), MORE if data is None else data, **more).fixed[0]
    return part.X, part.names


def test_factors_are_shares_of_their_levels():
    f = np.array(MORE["f"])
    X, names = fixed("y ~ between(f, g)")
    assert names == ("Intercept", "between(f, g)[v]", "between(f, g)[w]")
    assert X[:, 1:] == pytest.approx(shares([f == "v", f == "w"]))
    within, names = fixed("y ~ within(f, g)")
    assert names[1:] == ("within(f, g)[v]", "within(f, g)[w]")
    assert within[:, 1] == pytest.approx((f == "v") - X[:, 1])
    assert fixed("y ~ between(ok, g)")[0][:, 1:] == pytest.approx(shares([np.array(MORE["ok"])]))


def test_codings_and_bases():
    f, x = np.array(MORE["f"]), MORE["x"]
    X, names = fixed("y ~ between(C(f, Treatment('v')), g)")
    assert names[1:] == tuple(f"between(C(f, Treatment('v')), g)[{k}]" for k in "uw")
    assert X[:, 1:] == pytest.approx(shares([f == "u", f == "w"]))
    signs = [(f == k) * 1.0 - (f == "w") for k in "uv"]
    assert fixed("y ~ between(C(f, Sum), g)")[0][:, 1:] == pytest.approx(shares(signs))
    assert fixed("y ~ between(C(s), g)")[0][:, 1:] == pytest.approx(
        shares([np.array(MORE["s"]) == 2])
    )
    X, names = fixed("y ~ between(poly(x, 2, raw=True), g)")
    assert names[1:] == tuple(f"between(poly(x, 2, raw=True), g)[{k}]" for k in (1, 2))
    assert X[:, 1:] == pytest.approx(shares([x, x**2]))


def test_products_inside_are_means_of_products():
    f, x, z = np.array(MORE["f"]), MORE["x"], MORE["z"]
    X, names = fixed("y ~ between(x:z, g)")
    assert names[1:] == ("between(x:z, g)",)
    assert X[:, 1:] == pytest.approx(shares([x * z]))
    assert fixed("y ~ between(I(x * z), g)")[0] == pytest.approx(X)
    X, names = fixed("y ~ between(f:x, g)")
    assert names[1:] == ("between(f:x, g)[v]", "between(f:x, g)[w]")
    assert X[:, 1:] == pytest.approx(shares([(f == "v") * x, (f == "w") * x]))


def test_products_outside_multiply_deviations():
    x, z = MORE["x"], MORE["z"]
    X, names = fixed("y ~ within(x, g):z")
    assert names[1:] == ("within(x, g):z",)
    assert X[:, 1:] == pytest.approx((x[:, None] - shares([x])) * z[:, None])
    assert fixed("y ~ within(x, g):f")[1][1:] == tuple(f"within(x, g):f[{k}]" for k in "uvw")


def test_clusters_may_be_combinations():
    X, names = fixed("y ~ between(x, s:c)")
    assert names[1:] == ("between(x, s:c)",)
    both = {**MORE, "b": [f"{s}{c}" for s, c in zip(MORE["s"], MORE["c"], strict=True)]}
    assert fixed("y ~ between(x, b)", both)[0] == pytest.approx(X)
    made = build(parse("y ~ between(x, s:c)"), MORE)
    new = replay(made, {"x": [100.0, 4.0, 6.0], "s": [2, 3, 3], "c": ["l", "l", "l"]})
    assert new.fixed[0].X[:, 1].tolist() == [pytest.approx(7.0), 5.0, 5.0]
    assert any("1 cluster that was not in the data of the fit ('3:l')" in n for n in new.notes)


@pytest.mark.parametrize("term", ["between(x, g)", "within(f:x, g)", "between(f, s:c)"])
def test_frequency_weights_are_repeated_rows(term):
    weights = np.array(MORE["w"])
    longer = {k: np.repeat(np.array(v), weights) for k, v in MORE.items()}
    X, _ = fixed(f"y ~ {term}", frequency_weights="w")
    assert np.repeat(X, weights, axis=0) == pytest.approx(fixed(f"y ~ {term}", longer)[0])


def test_new_clusters_use_frequency_weights_that_are_there():
    made = build(parse("y ~ between(x, g)"), MORE, frequency_weights="w")
    new = {"x": [1.0, 4.0, 5.0], "g": ["n", "n", "a"]}
    known = (1 + 2 * 3 + 3 * 10) / 6
    assert replay(made, new).fixed[0].X[:, 1] == pytest.approx([2.5, 2.5, known])
    weighted = replay(made, {**new, "w": [2, 1, 1]}).fixed[0].X[:, 1]
    assert weighted == pytest.approx([2.0, 2.0, known])


def test_levels_of_new_data_are_put_among_those_of_the_fit():
    made = build(parse("y ~ between(f, g)"), MORE)
    new = replay(made, {"f": ["w", "w"], "g": ["a", "n"]}).fixed[0].X
    assert new[:, 1:] == pytest.approx(np.array([[1 / 3, 1 / 3], [0.0, 1.0]]))
    with pytest.raises(DataError, match="level 'q', which was not in the data of the fit"):
        replay(made, {"f": ["q"], "g": ["a"]})


def test_more_mistakes():
    with pytest.raises(DataError, match="single level"):
        build(parse("y ~ between(f, g)"), {**MORE, "f": ["u"] * 8})
    with pytest.raises(FormulaError, match="second argument must be"):
        build(parse("y ~ between(x, s:log(x))"), MORE)
    for formula in ("y ~ I(x:z)", "y ~ between(x @ z, g)", "y ~ log(within(x:z, g):x)"):
        with pytest.raises(FormulaError):
            parse(formula)
