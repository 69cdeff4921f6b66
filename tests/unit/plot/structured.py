"""Small fits with structures, for pictures."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

import ilk


@functools.cache
def series(structure: str = "ar1"):
    """20 series of 10 steps."""
    rng = np.random.default_rng(3)
    u = np.zeros((20, 10))
    u[:, 0] = rng.normal(size=20)
    for k in range(1, 10):
        u[:, k] = 0.6 * u[:, k - 1] + 0.8 * rng.normal(size=20)
    data = pd.DataFrame(
        {
            "g": np.repeat(np.arange(20), 10),
            "week": np.tile(np.arange(10), 20),
            "y": u.ravel() + 0.5 * rng.normal(size=200),
        }
    )
    return ilk.fit(f"y ~ 1 + {structure}(week | g)", data)


@functools.cache
def places(geographic: bool = False):
    """40 places, 30 of them with two rows each."""
    rng = np.random.default_rng(4)
    points = rng.uniform(0.0, 10.0, size=(40, 2))
    field = ilk.covariance.spatial(
        points[:, 0], points[:, 1], names=list(range(40)), kind="exp", geographic=geographic
    )
    b = field.draw(np.array([np.log(3.0 if not geographic else 300.0)]), rng, 1)[0]
    site = np.repeat(np.arange(30), 2)
    data = pd.DataFrame({"site": site, "y": b[site] + 0.3 * rng.normal(size=60)})
    return ilk.fit("y ~ 1 + (1 | site)", data, covariance={"site": field}), points


@functools.cache
def line():
    """30 places on a line."""
    rng = np.random.default_rng(5)
    x = np.sort(rng.uniform(0.0, 10.0, 30))
    field = ilk.covariance.spatial(x, names=list(range(30)), kind="exp")
    site = np.repeat(np.arange(25), 2)
    data = pd.DataFrame({"site": site, "y": np.sin(x[site]) + 0.3 * rng.normal(size=50)})
    return ilk.fit("y ~ 1 + (1 | site)", data, covariance={"site": field}), x


@functools.cache
def lineage(model: str = "brownian"):
    """A tree of six tips, five with data."""
    rng = np.random.default_rng(6)
    tree = ilk.covariance.tree(
        "(((a:1,b:1)ab:1,(c:1,d:1)cd:1)abcd:1,(e:2,f:2)ef:1)root;", model=model
    )
    cell = np.repeat(["a", "b", "c", "d", "e"], 6)
    mean = dict(zip("abcde", [1.5, 1.2, -0.4, -0.2, 0.4], strict=True))
    y = np.array([mean[c] for c in cell]) + 0.3 * rng.normal(size=30)
    data = pd.DataFrame({"cell": cell, "y": y})
    return ilk.fit("y ~ 1 + (1 | cell)", data, covariance={"cell": tree}), data
