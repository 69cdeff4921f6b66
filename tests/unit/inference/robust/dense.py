"""Robust covariance matrices of linear mixed models by their formulas, with n x n matrices."""

from __future__ import annotations

import numpy as np


def marginal_covariance(fitted):
    """V (n, n) at the estimates."""
    model, n = fitted.model, fitted.model.rows
    weights = (
        np.ones(n) if model.design.precision_weights is None else model.design.precision_weights
    )
    V = np.diag(fitted.estimates.sigma2 / weights)
    for term, G in zip(model.design.terms, fitted.estimates.covariances, strict=True):
        Z = np.ones((n, 1)) if term.columns is None else term.columns
        same = term.grouping.codes[:, None] == term.grouping.codes
        V += np.where(same, Z @ G @ Z.T, 0.0)
    return V


def parts(fitted):
    """X, V^-1, (X'V^-1 X)^-1 and residuals, in the user's units."""
    design = fitted.design
    X, V = design.fixed[0].X, marginal_covariance(fitted)
    W = np.linalg.inv(V)
    offset = design.fixed[0].offset
    e = design.response.y - X @ fitted.coef - (0.0 if offset is None else offset)
    return X, V, W, np.linalg.inv(X.T @ W @ X), e


def power(matrix, exponent):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values**exponent) @ vectors.T


def adjustment(kind, X, V, W, M, rows):
    """A_i of Pustejovsky and Tipton, with the Cholesky factor."""
    Xi, Vi = X[rows], V[np.ix_(rows, rows)]
    if kind == "CR2":
        D = np.linalg.cholesky(Vi).T
        return D.T @ power(D @ (Vi - Xi @ M @ Xi.T) @ D.T, -0.5) @ D
    if kind == "CR3":
        return np.linalg.inv(np.eye(len(rows)) - Xi @ M @ Xi.T @ np.linalg.inv(Vi))
    return np.eye(len(rows))


def sandwich(fitted, kind, codes):
    """Covariance matrix, and Satterthwaite's degrees of freedom of each coefficient."""
    X, V, W, M, e = parts(fitted)
    n, p = X.shape
    H = X @ M @ X.T @ W
    groups = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    meat, effects = np.zeros((p, p)), []
    for rows in groups:
        A = adjustment(kind, X, V, W, M, rows)
        right = A.T @ W[np.ix_(rows, rows)] @ X[rows]
        score = right.T @ e[rows]
        meat += np.outer(score, score)
        effects.append((np.eye(n) - H)[rows].T @ right @ M)
    if kind == "CR1":
        meat *= len(groups) / (len(groups) - 1)
    df = []
    for j in range(p):
        P = np.array([effect[:, j] for effect in effects])
        B = P @ V @ P.T
        df.append(np.trace(B) ** 2 / np.sum(B * B))
    return M @ meat @ M, np.array(df)
