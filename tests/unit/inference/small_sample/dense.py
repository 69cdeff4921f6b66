"""The formulas of small-sample inference written with n x n matrices, for tiny data."""

from __future__ import annotations

from typing import Any

import numpy as np

from ilk.fitted import Fitted


def parts_of(fitted: Fitted) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """X (n, p), Z (n, L q) of each term, and the precision of each row, on the user's scale."""
    design = fitted.design
    blocks = []
    for term in design.terms:
        codes, levels = term.grouping.codes, len(term.grouping.levels)
        columns = np.ones((len(codes), 1)) if term.columns is None else term.columns
        q = columns.shape[1]
        Z = np.zeros((len(codes), levels * q))
        for a in range(q):
            Z[np.arange(len(codes)), codes * q + a] = columns[:, a]
        blocks.append(Z)
    weights = design.precision_weights
    return (
        design.fixed[0].X,
        blocks,
        np.ones(len(design.response.y)) if weights is None else weights,
    )


def kenward_roger(fitted: Fitted, bases: list[list[np.ndarray]]) -> tuple[np.ndarray, Any]:
    """Adjusted covariance, and a function of L that gives (df, scale); bases by term."""
    X, Z, weights = parts_of(fitted)
    sigma2 = fitted.estimates.sigma2
    levels = [len(term.grouping.levels) for term in fitted.design.terms]
    V = np.diag(sigma2 / weights)
    for z, G, L in zip(Z, fitted.estimates.covariances, levels, strict=True):
        V = V + z @ np.kron(np.eye(L), G) @ z.T
    slopes = [np.diag(1.0 / weights)]
    for z, basis, L in zip(Z, bases, levels, strict=True):
        slopes += [z @ np.kron(np.eye(L), D) @ z.T for D in basis]
    U = np.linalg.inv(V)
    phi = np.linalg.inv(X.T @ U @ X)
    k = len(slopes)
    P = [-X.T @ U @ S @ U @ X for S in slopes]
    Q = [[X.T @ U @ R @ U @ S @ U @ X for S in slopes] for R in slopes]
    E = np.array(
        [
            [
                np.trace(U @ slopes[r] @ U @ slopes[s])
                - 2 * np.trace(phi @ Q[r][s])
                + np.trace(phi @ P[r] @ phi @ P[s])
                for s in range(k)
            ]
            for r in range(k)
        ]
    )
    W = 2.0 * np.linalg.inv(E)
    middle = sum(W[r, s] * (Q[r][s] - P[r] @ phi @ P[s]) for r in range(k) for s in range(k))

    def joint(L: np.ndarray) -> tuple[float, float]:
        q = len(L)
        theta = L.T @ np.linalg.inv(L @ phi @ L.T) @ L
        t = [theta @ phi @ P[r] @ phi for r in range(k)]
        a1 = sum(W[r, s] * np.trace(t[r]) * np.trace(t[s]) for r in range(k) for s in range(k))
        a2 = sum(W[r, s] * np.trace(t[r] @ t[s]) for r in range(k) for s in range(k))
        b = (a1 + 6 * a2) / (2 * q)
        g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
        c = [v / (3 * q + 2 * (1 - g)) for v in (g, q - g, q + 2 - g)]
        mean = 1 / (1 - a2 / q)
        variance = (2 / q) * (1 + c[0] * b) / ((1 - c[1] * b) ** 2 * (1 - c[2] * b))
        rho = variance / (2 * mean**2)
        df = 4 + (q + 2) / (q * rho - 1)
        return df, df / (mean * (df - 2))

    return phi + 2 * phi @ middle @ phi, joint
