"""Paths: the parameter is held, the derivatives are right, the fit is on the path."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.fits import fit_of

import ilk
from ilk.inference.profile.names import parameters_of, values_of
from ilk.inference.profile.paths import lower_factor, path_of
from ilk.likelihood.joint import joint_likelihood, joint_point


def structured():
    rng = np.random.default_rng(6)
    g, k = np.repeat(np.arange(15), 6), np.tile(np.arange(3), 30)
    b = 0.8 * rng.normal(size=(15, 1)) + 0.5 * rng.normal(size=(15, 3))
    return pd.DataFrame(
        {
            "y": b[g, k] + 0.7 * rng.normal(size=90),
            "k": np.array(["a", "b", "c"])[k],
            "g": g,
            "x": 2000.0 + np.tile(np.arange(6), 15),
        }
    )


FITS = {
    "sleepstudy": lambda: fit_of("sleepstudy"),
    "salamanders": lambda: fit_of("salamanders"),
    "gamma": lambda: fit_of("gamma"),
    **{
        s: lambda s=s: ilk.fit(f"y ~ x + {s}(0 + k | g)", structured(), reml=False)
        for s in ("us", "cs", "homcs", "diag", "identity")
    },
    **{
        s: lambda s=s: ilk.fit(f"y ~ 1 + {s}(k | g)", steps(), reml=False)
        for s in ("ar1", "ou", "matern")
    },
    "places": lambda: of_places("y", "gaussian"),
    "counts at places": lambda: of_places("n", "poisson"),
    "tree": lambda: of_tree("brownian"),
    "lambda": lambda: of_tree("pagel"),
    "years": lambda: ilk.fit("y ~ x + (1 + x | g)", structured(), reml=False),
}


def steps() -> pd.DataFrame:
    """Series of five steps, two rows at each."""
    rng = np.random.default_rng(3)
    u = np.zeros((30, 5))
    u[:, 0] = rng.normal(size=30)
    for k in range(1, 5):
        u[:, k] = 0.6 * u[:, k - 1] + 0.8 * rng.normal(size=30)
    data = pd.DataFrame({"g": np.repeat(np.arange(30), 10), "k": np.tile(np.arange(10) // 2, 30)})
    return data.assign(y=u[data.g, data.k] + 0.5 * rng.normal(size=300))


def of_places(response: str, family: str):
    """Places with a field."""
    rng = np.random.default_rng(5)
    points = rng.uniform(0.0, 10.0, size=(40, 2))
    field = ilk.covariance.spatial(*points.T, names=range(40), kind="exp")
    b = field.draw(np.array([np.log(2.0)]), rng, 1)[0]
    data = pd.DataFrame({"site": np.repeat(np.arange(40), 4)})
    data["y"] = b[data.site] + 0.5 * rng.normal(size=160)
    data["n"] = rng.poisson(np.exp(1.0 + 0.7 * b[data.site]))
    formula = f"{response} ~ 1 + (1 | site)"
    return ilk.fit(formula, data, family=family, covariance={"site": field}, reml=False)


def of_tree(model: str):
    """Tips with slopes of their own."""
    rng = np.random.default_rng(6)
    tree = ilk.covariance.tree(
        "(" + ",".join(f"((a{i}:1,b{i}:1):1,(c{i}:1,d{i}:1):1):1" for i in range(10)) + ");",
        model=model,
    )
    names = [f"{x}{i}" for i in range(10) for x in "abcd"]
    place = tree.places()
    b = tree.draw(np.zeros(0) if model == "brownian" else np.array([1.0]), rng, 2)
    data = pd.DataFrame({"tip": np.repeat(names, 8), "x": rng.normal(size=320)})
    at = [place[tip] for tip in data.tip]
    data["y"] = b[0][at] + 0.5 * b[1][at] * data.x + 0.5 * rng.normal(size=320)
    return ilk.fit("y ~ x + (1 + x | tip)", data, covariance={"tip": tree}, reml=False)


@pytest.mark.parametrize("name", list(FITS))
def test_paths(name):
    fitted = FITS[name]().fitted
    joint, phi = joint_likelihood(fitted.marginal), joint_point(fitted)
    parameters = parameters_of(fitted)
    here = values_of(parameters, joint, phi)
    top, _ = joint.evaluate(phi)
    rng = np.random.default_rng(1)
    for k, parameter in enumerate(parameters):
        path = path_of(parameter, joint, phi)
        if path is None or not np.isfinite(here[k]):
            continue
        start, _, _ = path.placed(path.x, path.w)
        np.testing.assert_allclose(
            values_of(parameters, path.joint, start), here, rtol=1e-6, atol=1e-7
        )
        assert path.joint.evaluate(start)[0] == pytest.approx(top, abs=1e-6)
        assert path.value(path.w) == pytest.approx(here[k], rel=1e-6, abs=1e-8)
        assert path.joint.evaluate(start)[0] == pytest.approx(
            joint.evaluate(path.back(start))[0], abs=1e-6
        )
        w = path.w + 0.1 * min(1.0, path.high - path.w)
        x = path.x + 0.05 * rng.normal(size=len(path.x))
        point, in_x, in_w = path.placed(x, w)
        held = values_of([parameter], path.joint, point)[0]
        assert held == pytest.approx(path.value(w), rel=1e-10, abs=1e-10)
        size = 1e-6
        for j in range(len(x)):
            step = np.zeros(len(x))
            step[j] = size
            slope = (path.placed(x + step, w)[0] - path.placed(x - step, w)[0]) / (2 * size)
            np.testing.assert_allclose(in_x[:, j], slope, atol=1e-7)
        slope = (path.placed(x, w + size)[0] - path.placed(x, w - size)[0]) / (2 * size)
        np.testing.assert_allclose(in_w, slope, atol=1e-7)


def test_lower_factor():
    root = np.random.default_rng(2).normal(size=(4, 4))
    factor = lower_factor(root)
    np.testing.assert_allclose(factor @ factor.T, root @ root.T, atol=1e-12)
    np.testing.assert_array_equal(factor, np.tril(factor))
    assert np.all(np.diagonal(factor) >= 0.0)


def test_no_path_without_variance():
    """A correlation with an effect of variance zero: every value is as good as any."""
    fitted = fit_of("gamma").fitted
    joint, phi = joint_likelihood(fitted.marginal), joint_point(fitted)
    phi[joint.theta_slice(0)] = [0.5, 0.0, 0.0]
    correlation = next(p for p in parameters_of(fitted) if p.kind == "correlation")
    assert path_of(correlation, joint, phi) is None
