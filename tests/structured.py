"""Small data with levels that depend on each other, or series within levels, and dense algebra."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import ilk

PARENTS = {
    "t0": ("n0", 0.5), "t1": ("n0", 0.5), "t2": ("n1", 0.4), "t3": ("n1", 0.4),
    "t4": ("n2", 0.7), "t5": ("n3", 0.3), "t6": ("n3", 0.3), "t7": ("n4", 0.8),
    "t8": ("n5", 0.6), "t9": ("n5", 0.6), "t10": ("n6", 0.9), "t11": ("n6", 0.9),
    "n0": ("n2", 0.2), "n1": ("n4", 0.4), "n2": ("root", 0.3), "n3": ("n2", 0.4),
    "n4": ("root", 0.2), "n5": ("n4", 0.2), "n6": ("root", 0.1), "root": (None, np.nan),
}  # fmt: skip
"""Node, its parent and the length of the branch between."""

UNSEEN = ("t3", "t10")
"""Tips without data."""

SERIES = "x + z + ar1(time | unit)"
TREE = "x + z + (1 | tip)"
RESPONSES = {"gaussian": "y", "binomial": "s"}


def tree(model: str = "brownian") -> Any:
    """The tree."""
    frame = pd.DataFrame([(node, *above) for node, above in PARENTS.items()])
    frame.columns = ["node", "parent", "length"]
    return ilk.covariance.tree(frame, model=model)  # type: ignore[arg-type]


@cache
def tips() -> pd.DataFrame:
    """Five rows of each tip but two, with a number and a 0/1 outcome."""
    rng = np.random.default_rng(11)
    structure = tree()
    V = np.linalg.inv(structure.precision(np.zeros(0)).dense())
    effects = dict(
        zip(structure.levels, np.linalg.cholesky(V) @ rng.standard_normal(len(V)), strict=True)
    )
    names = [n for n in PARENTS if n.startswith("t") and n not in UNSEEN]
    return _responses(np.repeat(names, 5), "tip", effects, 1.6, rng)


@cache
def series() -> pd.DataFrame:
    """Times 0 to 6 of nine units, some left out and none at 4."""
    rng = np.random.default_rng(3)
    times = np.array([0.0, 1.0, 2.0, 3.0, 5.0, 6.0])
    R = 0.7 ** np.abs(times[:, None] - times)
    b = np.linalg.cholesky(R) @ rng.standard_normal((6, 9))
    keys = [f"{u}:{t:g}" for u in range(9) for t in times]
    data = _responses(
        np.array(keys), "key", dict(zip(keys, b.T.ravel().tolist(), strict=True)), 2.0, rng
    )
    data["unit"] = [key.split(":")[0] for key in data.key]
    data["time"] = [float(key.split(":")[1]) for key in data.key]
    return data[rng.random(len(data)) > 0.1].reset_index(drop=True)


def _responses(
    labels: Any, column: str, effects: dict[Any, float], spread: float, rng: Any
) -> pd.DataFrame:
    n = len(labels)
    data = pd.DataFrame({column: labels, "x": rng.standard_normal(n)})
    data["z"] = rng.integers(0, 2, n)
    b = np.array([effects[label] for label in labels])
    data["y"] = 1.0 + 0.5 * data.x + 0.4 * data.z + b + 0.6 * rng.standard_normal(n)
    eta = 0.2 + 0.5 * data.x + 0.4 * data.z + spread * b
    data["s"] = (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
    return data


@cache
def fit_of(kind: str, family: str, **options: Any) -> ilk.Fit:
    """Fit of the tips (``"tree"``) or of the series (``"ar1"``)."""
    given: dict[str, Any] = {"covariance": {"tip": tree()}} if kind == "tree" else {}
    formula = f"{RESPONSES[family]} ~ {TREE if kind == 'tree' else SERIES}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ilk.fit(formula, data_of(kind), family, **given, **options)


def data_of(kind: str) -> pd.DataFrame:
    """The data of a fit."""
    return tips() if kind == "tree" else series()


@dataclass(frozen=True)
class Dense:
    """A fit in full matrices, of all levels of its terms."""

    fit: ilk.Fit

    @property
    def psi(self) -> Any:
        """Estimates."""
        return self.fit.fitted.estimates.psi

    @property
    def X(self) -> Any:
        """Columns of the mean."""
        return self.fit.fitted.design.fixed[0].X

    @property
    def y(self) -> Any:
        """Response."""
        return self.fit.fitted.design.response.y

    @property
    def Z(self) -> Any:
        """Columns of all random effects, by term, level and column."""
        blocks = []
        for term in self.fit.fitted.design.terms:
            n, q, levels = len(self.y), term.width, len(term.grouping.levels)
            columns = np.ones((n, 1)) if term.columns is None else term.columns
            block = np.zeros((n, levels, q))
            block[np.arange(n), term.grouping.codes] = columns
            blocks.append(block.reshape(n, -1))
        return np.hstack(blocks)

    def prior(self, psi: Any) -> Any:
        """Covariance matrix of all random effects."""
        fitted = self.fit.fitted
        theta = fitted.marginal.split(psi)[1]
        blocks, start = [], 0
        for term, covariance, G in zip(
            fitted.design.terms, fitted.model.covariances, fitted.covariances_at(psi), strict=True
        ):
            start += covariance.size(term.width)
            levels, K = getattr(covariance, "levels", None), np.eye(len(term.grouping.levels))
            if levels is not None:
                own = theta[start - len(levels.parameters) : start]
                K = np.linalg.inv(levels.precision(own).dense())
            blocks.append(np.kron(K, G))
        size = sum(map(len, blocks))
        out, at = np.zeros((size, size)), 0
        for block in blocks:
            out[at : at + len(block), at : at + len(block)] = block
            at += len(block)
        return out

    def V(self, psi: Any) -> Any:
        """Covariance matrix of the response of a Gaussian fit."""
        return self.Z @ self.prior(psi) @ self.Z.T + np.exp(psi[-1]) * np.eye(len(self.y))

    def phi(self, psi: Any) -> Any:
        """Covariance matrix of the coefficients, covariance parameters known."""
        return np.linalg.inv(self.X.T @ np.linalg.solve(self.V(psi), self.X))

    def modes(self, psi: Any) -> Any:
        """Conditional modes of all random effects at parameters."""
        D, Z, P = self.prior(psi), self.Z, self.X.shape[1]
        eta = self.X @ psi[:P]
        if self.fit.fitted.model.linear:
            return D @ Z.T @ np.linalg.solve(self.V(psi), self.y - eta)
        b = np.zeros(len(D))
        for _ in range(100):
            mu = 1.0 / (1.0 + np.exp(-(eta + Z @ b)))
            W = mu * (1.0 - mu)
            # b = D Z' (W^-1 + Z D Z')^-1 (working response)
            pseudo = Z @ b + (self.y - mu) / W
            b = D @ Z.T @ np.linalg.solve(np.diag(1.0 / W) + Z @ D @ Z.T, pseudo)
        return b

    def conditional(self, psi: Any) -> Any:
        """Conditional covariance matrix of all random effects, parameters held."""
        D, Z, P = self.prior(psi), self.Z, self.X.shape[1]
        if self.fit.fitted.model.linear:
            W = np.full(len(self.y), np.exp(-psi[-1]))
        else:
            mu = 1.0 / (1.0 + np.exp(-(self.X @ psi[:P] + Z @ self.modes(psi))))
            W = mu * (1.0 - mu)
        return D - D @ Z.T @ np.linalg.solve(np.diag(1.0 / W) + Z @ D @ Z.T, Z @ D)

    def loglik(self) -> float:
        """Restricted log-likelihood of a Gaussian fit, Laplace's of another."""
        psi, X, y = self.psi, self.X, self.y
        P = X.shape[1]
        if self.fit.fitted.model.linear:
            V, phi = self.V(psi), self.phi(psi)
            r = y - X @ psi[:P]
            n = len(y) - P
            logs = np.linalg.slogdet(V)[1] - np.linalg.slogdet(phi)[1]
            return float(-0.5 * (logs + r @ np.linalg.solve(V, r) + n * np.log(2.0 * np.pi)))
        D, Z, b = self.prior(psi), self.Z, self.modes(psi)
        eta = X @ psi[:P] + Z @ b
        mu = 1.0 / (1.0 + np.exp(-eta))
        H = np.eye(len(D)) + D @ Z.T @ ((mu * (1.0 - mu))[:, None] * Z)
        data = np.sum(y * eta - np.log1p(np.exp(eta)))
        return float(data - 0.5 * b @ np.linalg.solve(D, b) - 0.5 * np.linalg.slogdet(H)[1])

    def slope(self, function: Any, step: float = 1e-5) -> Any:
        """Derivative of a function of the parameters, by differences."""
        ends = [
            (function(self.psi + step * e) - function(self.psi - step * e)) / (2.0 * step)
            for e in np.eye(len(self.psi))
        ]
        return np.stack(ends, axis=-1)
