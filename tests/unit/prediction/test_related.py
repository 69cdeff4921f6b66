"""New places, other names of nodes, levels without a place: `ilk.prediction.related`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.structured import Dense

import ilk

rng = np.random.default_rng(8)
POINTS = rng.uniform(0.0, 10.0, (30, 2))
SITE = np.repeat(np.arange(30), 3)
_R = np.exp(-np.linalg.norm(POINTS[:, None] - POINTS, axis=2) / 2.5)
_B = np.linalg.cholesky(_R + 1e-9 * np.eye(30)) @ rng.standard_normal((30, 2))
DATA = pd.DataFrame({"site": SITE, "u": POINTS[SITE, 0], "v": POINTS[SITE, 1]})
DATA["x"] = rng.standard_normal(90)
DATA["y"] = (
    1.0 + 0.5 * DATA.x + _B[SITE, 0] + 0.6 * DATA.x * _B[SITE, 1] + 0.4 * rng.standard_normal(90)
)
DATA["k"] = rng.poisson(np.exp(0.4 + 0.3 * DATA.x + 0.7 * _B[SITE, 0])).astype(float)
NEW = pd.DataFrame({"site": [101, 102, 103, 4], "x": [0.0, 1.0, -0.5, 0.3]})
NEW["u"], NEW["v"] = [5.0, 2.5, 30.0, POINTS[4, 0]], [5.0, 7.0, 30.0, POINTS[4, 1]]


def _wide(formula, family="gaussian", **settings):
    """The same fit with the new places among the levels of the structure, without data."""
    points = np.vstack([POINTS, NEW[["u", "v"]].to_numpy()[:3]])
    names = [*range(30), 101, 102, 103]
    field = ilk.covariance.spatial(points[:, 0], points[:, 1], names=names, **settings)
    return ilk.fit(formula, DATA, family, covariance={"site": field})


@pytest.mark.parametrize("response", ["y", "k"])
@pytest.mark.parametrize("settings", [{"kind": "exp"}, {"kind": "matern", "nu": 1.5}])
def test_new_places_are_those_of_a_field_that_has_them(response, settings):
    family = "gaussian" if response == "y" else "poisson"
    formula = f"{response} ~ x + (1 | site)"
    field = ilk.covariance.spatial("u", "v", **settings)
    fit = ilk.fit(formula, DATA, family, covariance={"site": field})
    one = fit.predict(NEW, interval="confidence")
    other = _wide(formula, family, **settings).predict(NEW, interval="confidence")
    pd.testing.assert_frame_equal(one, other, rtol=2e-4)


def test_new_places_by_the_formulas_of_kriging():
    field = ilk.covariance.spatial("u", "v", kind="exp")
    fit = ilk.fit("y ~ x + (1 + x | site)", DATA, covariance={"site": field})
    dense = Dense(fit)
    away = np.linalg.norm(NEW[["u", "v"]].to_numpy()[:, None] - POINTS, axis=2)
    X = np.column_stack([np.ones(4), NEW.x])

    def across(psi):
        G = fit.fitted.covariances_at(psi)[0]
        scale = float(np.exp(fit.fitted.marginal.split(psi)[1][-1]))
        return np.exp(-away / scale), G

    def predicted(psi):
        r, G = across(psi)
        C = np.kron(r, G) @ dense.Z.T  # effects (2 per place) with the response
        b = C @ np.linalg.solve(dense.V(psi), dense.y - dense.X @ psi[:2])
        return X @ psi[:2] + np.sum(X * b.reshape(4, 2), axis=1)

    found = fit.predict(NEW, interval="confidence")
    assert found.estimate.to_numpy() == pytest.approx(predicted(dense.psi), abs=1e-7)
    r, G = across(dense.psi)
    C = np.kron(r, G) @ dense.Z.T
    left = np.kron(np.eye(4), G) - C @ np.linalg.solve(dense.V(dense.psi), C.T)
    own = [X[i] @ left[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] @ X[i] for i in range(4)]
    J = dense.slope(predicted)
    error = np.sqrt(np.array(own) + np.einsum("ij,jk,ik->i", J, fit.fitted.psi_covariance(), J))
    assert found.std_error.to_numpy() == pytest.approx(error, rel=1e-5)
    assert found.std_error[2] > found.std_error[3]  # far from all


def test_vecchia_is_near():
    formula = "y ~ x + (1 | site)"
    exact, near = (
        ilk.fit(
            formula,
            DATA,
            covariance={"site": ilk.covariance.spatial("u", "v", kind="exp", method=method)},
        ).predict(NEW, interval="confidence")
        for method in ("exact", "vecchia")
    )
    assert near.estimate.to_numpy() == pytest.approx(exact.estimate.to_numpy(), abs=0.02)
    assert near.std_error.to_numpy() == pytest.approx(exact.std_error.to_numpy(), rel=0.02)


def test_independent_effects_of_new_places_are_averaged_over():
    field = ilk.covariance.spatial("u", "v", kind="exp")
    fit = ilk.fit("k ~ x + (1 | site) + iid(1 | site)", DATA, "poisson", covariance={"site": field})
    with pytest.raises(ilk.DataError, match="new_levels"):
        fit.predict(NEW)
    link = fit.predict(NEW, new_levels="typical", scale="link").estimate
    mean = fit.predict(NEW, new_levels="population").estimate
    own = fit.fitted.estimates.covariances[1][0, 0]
    assert mean.to_numpy()[:3] == pytest.approx(np.exp(link + 0.5 * own).to_numpy()[:3])


def test_other_names_of_nodes():
    """The root has an effect of zero; a node at the end of a branch of no length is its parent."""
    newick = "((a:1,b:1)m:0.5,(c:0.7,(d:0.5,e:0.5)o:0)n:0.8)top;"
    rows = pd.DataFrame({"tip": np.repeat(list("abcde"), 4)})
    rows["y"] = np.random.default_rng(2).standard_normal(20) + np.repeat([1, 0.5, -1, 0, 2], 4)
    fit = ilk.fit("y ~ (1 | tip)", rows, covariance={"tip": ilk.covariance.tree(newick)})
    found = fit.predict({"tip": ["top", "o", "n"]}, interval="confidence")
    assert found.estimate[0] == pytest.approx(fit.params["Intercept"])
    assert found.std_error[0] == pytest.approx(fit.std_errors["Intercept"])
    assert found.estimate[1] == found.estimate[2]
    assert found.std_error[1] == pytest.approx(found.std_error[2])


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (NEW.drop(columns="v"), "give their coordinates, columns 'u' and 'v'"),
        (NEW.assign(u=[np.nan, 1, 2, 3]), "coordinate .* of 101 is missing"),
        (NEW.assign(site=101), "differ within 101"),
    ],
)
def test_bad_places(new, words):
    field = ilk.covariance.spatial("u", "v", kind="exp")
    fit = ilk.fit("y ~ x + (1 | site)", DATA, covariance={"site": field})
    with pytest.raises(ilk.DataError, match=words):
        fit.predict(new)


def test_levels_without_a_place_are_listed():
    tree = ilk.covariance.tree("((a:1,b:1)m:0.5,(c:0.7,d:0.7)n:0.8)top;")
    rows = pd.DataFrame({"tip": np.repeat(list("abcd"), 4), "y": np.arange(16.0)})
    rows["y"] += np.random.default_rng(2).standard_normal(16)
    fit = ilk.fit("y ~ (1 | tip)", rows, covariance={"tip": tree})
    with pytest.raises(ilk.DataError, match=r"'q', 'r'.*fit with them among its levels"):
        fit.predict({"tip": ["m", "q", "r"]})
    mixed = fit.predict({"tip": ["m", "q"]}, new_levels="population")
    assert mixed.estimand.tolist() == ["conditional", "population"]
    assert mixed.estimate[1] == pytest.approx(fit.params["Intercept"])


_PARENTS = {f"f{i}": (None, None) for i in range(8)}
_PARENTS |= {f"a{i}": (f"f{i % 4}", f"f{4 + (i * 3) % 4}") for i in range(12)}
_LATER = {"n0": ("a1", "a5"), "n1": ("a2", None), "n2": (None, None)}


def _pedigree(parents):
    frame = pd.DataFrame([(who, *both) for who, both in parents.items()])
    frame.columns = ["individual", "sire", "dam"]
    return ilk.covariance.pedigree(frame, selfing=True)


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_new_individuals_by_their_parents(family):
    draw = np.random.default_rng(3)
    rows = pd.DataFrame({"who": np.repeat([f"a{i}" for i in range(12)], 4)})
    eta = np.repeat(draw.standard_normal(12), 4)
    rows["y"] = eta + 0.5 * draw.standard_normal(48)
    if family == "poisson":
        rows["y"] = draw.poisson(np.exp(0.5 + 0.6 * eta)).astype(float)
    new = pd.DataFrame([(who, *both) for who, both in _LATER.items()])
    new.columns = ["who", "sire", "dam"]
    fits = [
        ilk.fit("y ~ (1 | who)", rows, family, covariance={"who": _pedigree(parents)})
        for parents in (_PARENTS, _PARENTS | _LATER)
    ]
    one = fits[0].predict(new, interval="confidence")
    other = fits[1].predict(new[["who"]], interval="confidence")
    pd.testing.assert_frame_equal(one, other, rtol=1e-6)
    with pytest.raises(ilk.DataError, match="Parents of 'n0' are not in the pedigree"):
        fits[0].predict(new.assign(sire="nobody"))


@pytest.mark.parametrize("model", ["brownian", "ou"])
def test_new_tips_by_the_node_they_grow_from(model):
    rows = pd.DataFrame({"tip": np.repeat(list("abcd"), 5)})
    rows["y"] = np.repeat([1.0, 0.6, -1.0, 0.0], 5) + 0.4 * rng.standard_normal(20)
    texts = [f"((a:1,b:1)m:0.5,(c:0.7,d:0.7{t})n:0.8)top;" for t in ("", ",e:0.7")]
    old, wide = (
        ilk.fit("y ~ (1 | tip)", rows, covariance={"tip": ilk.covariance.tree(text, model=model)})
        for text in texts
    )
    found = old.predict({"tip": ["e"], "parent": ["n"], "length": [0.7]}, interval="confidence")
    expected = wide.predict({"tip": ["e"]}, interval="confidence")
    assert found.estimate[0] == pytest.approx(expected.estimate[0], abs=1e-4)
    assert found.std_error[0] == pytest.approx(expected.std_error[0], rel=1e-3)
