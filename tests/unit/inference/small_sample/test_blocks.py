"""Blocks of connected random effects against whole matrices."""

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.inference.small_sample.blocks import connected_blocks, stacks, times
from ilk.model.factors import split_factors


def _fitted(formula):
    rng = np.random.default_rng(9)
    n = 70
    inner = rng.integers(0, 12, n)
    data = pd.DataFrame({"g": inner // 4, "h": inner, "k": rng.integers(0, 6, n)})
    data["x"] = rng.normal(size=n)
    data["w"] = rng.uniform(0.5, 2.0, n)
    data["y"] = data.x + rng.normal(size=12)[inner] + rng.normal(size=n)
    return ilk.fit(formula, data, precision_weights="w").fitted


@pytest.mark.parametrize(
    ("formula", "blocks"),
    [
        ("y ~ x + (1 + x | h)", 12),
        ("y ~ x + (1 | g/h)", 3),
        ("y ~ x + (1 + x | h) + (1 | k)", 1),
        ("y ~ x + (1 | h) + (0 + x | h)", 12),
    ],
)
def test_whole_matrix(formula, blocks):
    fitted = _fitted(formula)
    data = fitted.marginal.scaled.data
    labels = connected_blocks(data)
    assert labels.max() + 1 == blocks

    theta = np.linspace(0.4, 1.3, len(fitted.point.theta))
    factors = split_factors(fitted.marginal.lam(theta), [term.width for term in data.terms])
    Z = []
    for term in data.terms:
        columns = np.ones((len(data.response), 1)) if term.columns is None else term.columns
        part = np.zeros((len(columns), term.levels * term.width))
        for a in range(term.width):
            part[np.arange(len(columns)), term.codes * term.width + a] = columns[:, a]
        Z.append(part)
    V = np.diag(1.0 / data.weights)
    for part, term, factor in zip(Z, data.terms, factors, strict=True):
        V += part @ np.kron(np.eye(term.levels), factor @ factor.T) @ part.T
    whole = np.concatenate(Z, axis=1)
    expected = whole.T @ np.linalg.solve(V, whole)

    found = np.zeros_like(expected)
    seen = []
    for stack in stacks(data, labels):
        for effects, M in zip(stack.effects, stack.inner(factors), strict=True):
            found[np.ix_(effects, effects)] = M
            seen += effects.tolist()
    assert sorted(seen) == list(range(len(expected)))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_times_multiplies_each_level():
    rng = np.random.default_rng(1)
    columns, block = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 2))
    expected = columns @ np.kron(np.eye(2), block)
    np.testing.assert_allclose(times(columns, block), expected)
