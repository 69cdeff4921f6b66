r"""Gauss-Hermite rules for the standard normal distribution.

.. math:: \int f(x) \varphi(x) dx \approx \sum_j w_j f(x_j), \qquad \sum_j w_j = 1

Nodes are the roots of the probabilists' Hermite polynomials, symmetric by construction: only the
positive half is computed, by Newton steps from the eigenvalues of the Jacobi matrix (Golub and
Welsch 1969, Mathematics of Computation 23, 221-230).
"""

from __future__ import annotations

import functools
import math

import numpy as np

from ilk.typing import FloatArray

__all__ = ["gauss_hermite", "product_rule"]


@functools.cache
def gauss_hermite(count: int) -> tuple[FloatArray, FloatArray]:
    """Rule of one dimension, exact for polynomials of degree 2 count - 1.

    Parameters
    ----------
    count : int
        Number of nodes, at least 1.

    Returns
    -------
    nodes : ndarray (count,)
        Increasing and symmetric about zero; read-only.
    weights : ndarray (count,)
        Positive, with sum 1; read-only.

    Examples
    --------
    >>> from ilk.num.quadrature import gauss_hermite
    >>> nodes, weights = gauss_hermite(3)
    >>> weights.round(4)
    array([0.1667, 0.6667, 0.1667])
    """
    if count < 1:
        raise ValueError(f"a quadrature rule of {count} nodes")
    beside = np.sqrt(np.arange(1.0, count))
    roots = np.linalg.eigvalsh(np.diag(beside, 1) + np.diag(beside, -1))
    half = roots[(count + 1) // 2 :]
    for _ in range(2):
        value, slope = _hermite(half, count)
        half = half - value / slope
    middle = np.zeros(count % 2)
    positive = np.concatenate([middle, half])
    # w = 1 / h'(x)^2 for the normalized polynomial h = He_n / sqrt(n!), h' = sqrt(n) h_(n-1)
    weight = 1.0 / _hermite(positive, count)[1] ** 2
    nodes = np.concatenate([-half[::-1], middle, half])
    weights = np.concatenate([weight[count % 2 :][::-1], weight])
    weights /= weights.sum()
    nodes.setflags(write=False)
    weights.setflags(write=False)
    return nodes, weights


def _hermite(x: FloatArray, degree: int) -> tuple[FloatArray, FloatArray]:
    """Evaluate He_n / sqrt(n!), the normalized polynomial, and its derivative by recurrence."""
    before, here = np.zeros_like(x), np.ones_like(x)
    for n in range(degree):
        before, here = here, (x * here - math.sqrt(n) * before) / math.sqrt(n + 1)
    return here, math.sqrt(degree) * before


@functools.lru_cache(maxsize=32)
def product_rule(count: int, dimensions: int) -> tuple[FloatArray, FloatArray]:
    """Tensor product of one-dimensional rules.

    Parameters
    ----------
    count : int
        Number of nodes per dimension.
    dimensions : int
        Number q of dimensions.

    Returns
    -------
    nodes : ndarray (count^q, q)
        Nodes; read-only.
    log_weights : ndarray (count^q,)
        Logarithms of the weights; read-only.
    """
    nodes, weights = gauss_hermite(count)
    grid = np.indices((count,) * dimensions).reshape(dimensions, count**dimensions)
    points = np.ascontiguousarray(nodes[grid].T)
    log_weights: FloatArray = np.log(weights)[grid].sum(axis=0)
    points.setflags(write=False)
    log_weights.setflags(write=False)
    return points, log_weights
