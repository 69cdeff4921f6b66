"""Terms, their columns, and what of them varies within clusters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.contextual import (
    choose_grouping,
    cluster_columns,
    extend,
    mean_groupings,
    term_columns,
    without_means,
)
from ilk.errors import ModelError


def data():
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(20), 6)
    frame = pd.DataFrame({"g": g, "s": g // 5, "x": rng.normal(size=120) + 0.1 * g})
    frame["f"] = rng.choice(["a", "b:c", "[d]"], 120)
    frame["h"] = rng.choice(["u", "v"], 120)
    frame["c"] = rng.normal(size=20)[g]
    frame["y"] = rng.normal(size=120) + rng.normal(size=20)[g]
    return frame


def fitted(formula):
    return ilk.fit(formula, data()).fitted


@pytest.mark.filterwarnings("ignore::ilk.errors.IlkWarning")
def test_columns_belong_to_their_terms():
    part = fitted("y ~ f * h * x + poly(x, 2):h + (1 | g)").model.parts["mean"]
    found = {term.text: [part.names[j] for j in js] for term, js in term_columns(part).items()}
    assert found["f"] == ["f[T.a]", "f[T.b:c]"]
    assert found["f:h"] == ["f[T.a]:h[T.v]", "f[T.b:c]:h[T.v]"]
    assert found["f:h:x"] == ["f[T.a]:h[T.v]:x", "f[T.b:c]:h[T.v]:x"]
    assert found["x"] == ["x"]
    assert sum(map(len, found.values())) == len(part.names) - 1


def test_shares_by_hand():
    fit = fitted("y ~ x + c + (1 | g)")
    part = fit.model.parts["mean"]
    grouping = mean_groupings(fit)[0]
    seen = cluster_columns(part, grouping, None)
    assert seen.varies.tolist() == [False, True, False]
    frame = data()
    means = frame.groupby("g").x.transform("mean")
    assert seen.means[:, 1] == pytest.approx(means.to_numpy())
    assert seen.share[1] == pytest.approx(means.var() / frame.x.var())
    assert np.isnan(seen.share[0])
    assert seen.share[2] == pytest.approx(1.0)
    assert seen.spread[1] == pytest.approx(frame.groupby("g").x.mean().std(ddof=0))


def test_extension_says_what_it_does():
    fit = fitted("y ~ x + c + f:h + (1 | s/g)")
    inner = choose_grouping(mean_groupings(fit), "s:g")
    found = extend(fit, [inner])
    assert found.formula.startswith("y ~ x + c + f:h + (1 | s/g) + between(x, s:g)")
    assert set(found.columns) == {"x", "f:h"}
    assert found.constant == ("c",)
    part = found.model.parts["mean"]
    smaller = without_means(found.model, [(j, -1) for js in found.columns.values() for j in js])
    assert smaller.parts["mean"].names == fit.model.parts["mean"].names
    assert part.X.shape[1] > smaller.parts["mean"].X.shape[1]


def test_pairs_are_found():
    fit = fitted("y ~ within(x, g) + between(x, g) + h + between(h, g) + (1 | g)")
    found = extend(fit, mean_groupings(fit))
    names = fit.model.parts["mean"].names
    assert {
        term: [(names[m], names[d] if d >= 0 else "") for m, d in pairs]
        for term, pairs in found.pairs.items()
    } == {"x": [("between(x, g)", "within(x, g)")], "h": [("between(h, g)[v]", "")]}
    assert not found.columns
    assert found.model is fit.model


def test_unknown_group_names_the_nearest():
    with pytest.raises(ModelError, match="Did you mean 's:g'"):
        choose_grouping(mean_groupings(fitted("y ~ x + (1 | s/g)")), "s:h")
