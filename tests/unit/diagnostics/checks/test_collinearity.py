"""Variance inflation and condition numbers against their definitions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.diagnostics.checks.collinearity import columns_by_term, inflation


def data() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = 200
    x = rng.normal(size=n)
    frame = pd.DataFrame({"x": x, "z": 0.8 * x + 0.6 * rng.normal(size=n), "g": np.arange(n) // 10})
    frame["a"] = rng.choice(["u:1", "v", "w"], n)
    frame["twin"] = frame.x + 0.02 * rng.normal(size=n)
    frame["y"] = frame.x + rng.normal(size=20)[frame.g] + rng.normal(size=n)
    frame["n"] = rng.poisson(np.exp(0.3 * frame.x))
    return frame


def test_a_single_column_has_the_ordinary_factor() -> None:
    frame = data()
    (found,) = inflation(ilk.fit("y ~ x + z + a", frame).fitted)
    assert dict(zip(found.terms, found.df.tolist(), strict=True)) == {"a": 2, "x": 1, "z": 1}
    dummies = pd.get_dummies(frame.a, drop_first=True).to_numpy(float)
    for name, other in (("x", "z"), ("z", "x")):
        X = np.column_stack([np.ones(200), frame[other], dummies])
        y = frame[name].to_numpy()
        rest = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
        expected = np.sum((y - y.mean()) ** 2) / np.sum(rest**2)
        assert found.gvif[found.terms.index(name)] == pytest.approx(expected, rel=1e-8)


def test_terms_of_columns() -> None:
    part = ilk.fit("y ~ a*x + bs(z, df=4) + I(x**2)", data()).fitted.model.parts["mean"]
    inner = np.arange(1, len(part.names))
    terms, codes = columns_by_term(part, inner)
    assert terms == ("a", "x", "bs(z, df=4)", "I(x ** 2)", "a:x")
    assert np.bincount(codes).tolist() == [2, 1, 4, 1, 2]


def test_twins_are_named() -> None:
    (found,) = ilk.fit("y ~ x + twin + z + (1 | g)", data()).check("collinearity")["collinearity"]
    assert found.verdict == "problem"
    assert found.detail is not None
    assert found.detail["together"] == ["x", "twin"]
    assert found.detail["condition"][0] > 30
    assert "x and twin go together" in found.sentence
    (fine,) = ilk.fit("y ~ x + z + (1 | g)", data()).check("collinearity")["collinearity"]
    assert fine.verdict == "ok"


def test_other_predictors_and_single_terms() -> None:
    fit = ilk.fit("n ~ x", data(), "poisson", zero_inflation="~ x + twin")
    (found,) = fit.check("collinearity")["collinearity"]
    assert found.where == "zero_inflation"
    (alone,) = ilk.fit("y ~ x", data()).check("collinearity")["collinearity"]
    assert alone.verdict == "skipped"


def test_columns_that_differ_between_clusters_alone() -> None:
    rng = np.random.default_rng(3)
    frame = data()
    center = rng.normal(size=20)[frame.g] * 3.0
    frame["p"] = center + rng.normal(size=200)
    frame["q"] = center + rng.normal(size=200)
    checks = ilk.fit("y ~ p + q + (1 | g)", frame).check("collinearity")["collinearity"]
    (found,) = [one for one in checks if one.where == "g"]
    assert found.verdict == "note"
    assert "p and q have the correlation 0.99 between levels of g" in found.sentence
    assert "within(p, g)" in found.advice
