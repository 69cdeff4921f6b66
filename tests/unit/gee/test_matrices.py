"""Marginal models against explicit matrices: a dense V_i for each cluster, formulas by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import fractional_matrix_power

import ilk

FAMILIES = {
    "gaussian": ("score", {}, lambda mu, n, phi: np.ones_like(mu)),
    "poisson": ("count", {"exposure": "days"}, lambda mu, n, phi: mu),
    "negative_binomial_1": ("count", {}, lambda mu, n, phi: mu),
    "negative_binomial_2": ("wide", {}, lambda mu, n, phi: mu + phi * mu**2),
    "gamma": ("cost", {"link": "log"}, lambda mu, n, phi: mu**2),
    "inverse_gaussian": ("cost", {"link": "log"}, lambda mu, n, phi: mu**3),
    "binomial": ("hits / tries", {}, lambda mu, n, phi: mu * (1 - mu) / n),
    "beta_binomial": (
        "hits / tries",
        {},
        lambda mu, n, phi: mu * (1 - mu) / n * (1 + (n - 1) * phi / (1 + phi)),
    ),
    "beta": ("share", {}, lambda mu, n, phi: mu * (1 - mu)),
}
STRUCTURES: dict[str, dict[str, Any]] = {
    "independence": {},
    "exchangeable": {},
    "ar1": {"order": "wave"},
    "m_dependent": {"order": "wave", "lags": 2},
    "unstructured": {"order": "wave"},
    "nested": {"subgroups": "room"},
}


def make(seed: int = 3, clusters: int = 24) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(clusters), 5)
    wave = np.tile(np.arange(1, 6), clusters)
    x = rng.normal(size=len(g))
    level = rng.normal(0, 0.5, clusters)[g]
    room = wave % 2
    eta = 0.2 + 0.4 * x - 0.3 * (g % 2) + level + rng.normal(0, 0.3, 2 * clusters)[2 * g + room]
    tries = rng.integers(3, 9, len(g))
    p = 1 / (1 + np.exp(-eta))
    data = pd.DataFrame(
        {
            "g": [f"c{k}" for k in g],
            "wave": wave,
            "room": [f"r{r}" for r in room],
            "x": x,
            "arm": g % 2,
            "score": eta + rng.normal(size=len(g)),
            "days": rng.uniform(0.5, 2, len(g)),
            "tries": tries,
            "hits": rng.binomial(tries, p),
            "cost": np.exp(0.3 * eta) * rng.gamma(4, 0.25, len(g)) + 0.1,
            "share": np.clip(rng.beta(4 * p, 4 * (1 - p)), 0.01, 0.99),
            "w": rng.uniform(0.5, 2, len(g)),
        }
    )
    data["count"] = rng.poisson(np.exp(0.5 * eta) * data.days)
    data["wide"] = rng.poisson(np.exp(0.5 * eta) * rng.gamma(1.5, 1 / 1.5, len(g)))
    lost = rng.random(len(data)) < 0.15
    return data[~lost].sample(frac=1, random_state=seed).reset_index(drop=True)


def correlation(name: str, alpha: np.ndarray, rows: pd.DataFrame, T: int = 5) -> np.ndarray:
    """R of one cluster from its rows, pair by pair."""
    wave, room = rows.wave.to_numpy(), rows.room.to_numpy()
    R = np.eye(len(rows))
    pairs = dict(zip(zip(*np.triu_indices(T, 1), strict=True), alpha, strict=False))
    for j in range(len(rows)):
        for k in range(len(rows)):
            if j == k:
                continue
            lag = abs(int(wave[j] - wave[k]))
            R[j, k] = {
                "independence": lambda: 0.0,
                "exchangeable": lambda: alpha[0],
                "ar1": lambda lag=lag: alpha[0] ** lag,
                "m_dependent": lambda lag=lag: alpha[lag - 1] if lag <= len(alpha) else 0.0,
                "unstructured": lambda j=j, k=k: pairs[tuple(sorted((wave[j] - 1, wave[k] - 1)))],
                "nested": lambda j=j, k=k: alpha[1] if room[j] == room[k] else alpha[0],
            }[name]()
    return R


class Dense:
    """The equations of a fit, cluster by cluster."""

    def __init__(self, fit: Any, data: pd.DataFrame, family: str, name: str) -> None:
        left, keywords, variance = FAMILIES[family]
        self.fit, self.name = fit, name
        link = fit.family.link
        X = np.column_stack([np.ones(len(data)), data.x, data.arm])
        beta = fit.params.array
        eta = X @ beta + (np.log(data.days) if "exposure" in keywords else 0.0)
        mu = np.asarray(link.inverse(eta))
        n = data.tries.to_numpy() if "/" in left else np.ones(len(data))
        y = data.hits / data.tries if "/" in left else data[left]
        phi = fit.dispersion
        shaped = family in ("negative_binomial_2", "beta_binomial")
        v = variance(mu, n, phi)
        self.scale = 1.0 if shaped else fit.scale
        self.shaped = shaped
        self.e = (y.to_numpy() - mu) / np.sqrt(v)
        step = 1e-6
        slope = (np.asarray(link.inverse(eta + step)) - np.asarray(link.inverse(eta - step))) / (
            2 * step
        )
        self.clusters = []
        alpha = np.asarray(fit.working_correlation().columns["estimate"])
        for _, rows in data.groupby("g"):
            i = rows.index.to_numpy()
            R = correlation(name, alpha, rows)
            A = np.diag(np.sqrt(v[i]))
            D = slope[i, None] * X[i]
            self.clusters.append((D, A @ R @ A * self.scale, y.to_numpy()[i] - mu[i], self.e[i], i))
        self.data, self.p, self.N = data, X.shape[1], len(data)

    @property
    def information(self) -> np.ndarray:
        return sum(D.T @ np.linalg.solve(V, D) for D, V, *_ in self.clusters)

    @property
    def score(self) -> np.ndarray:
        return sum(D.T @ np.linalg.solve(V, r) for D, V, r, *_ in self.clusters)

    def covariance(self, kind: str) -> np.ndarray:
        M = np.linalg.inv(self.information)
        if kind == "model":
            return M
        meat = np.zeros((self.p, self.p))
        for D, V, r, *_ in self.clusters:
            Vi = np.linalg.inv(V)
            H = D @ M @ D.T @ Vi
            rest = np.eye(len(r)) - H
            if kind == "mancl_derouen":
                r = np.linalg.solve(rest, r)
            elif kind == "kauermann_carroll":
                r = np.real(fractional_matrix_power(rest, -0.5)) @ r
            g = D.T @ Vi @ r
            if kind == "fay_graubard":
                g = g / np.sqrt(1 - np.minimum(0.75, np.diag(D.T @ Vi @ D @ M)))
            meat += np.outer(g, g)
        V_R = M @ meat @ M
        if kind != "morel":
            return V_R
        K = len(self.clusters)
        c = (self.N - 1) / (self.N - self.p) * K / (K - 1)
        delta = min(0.5, self.p / (K - self.p))
        xi = max(1.0, np.trace(np.linalg.inv(M) @ (c * V_R)) / self.p)
        return c * V_R + delta * xi * M

    def alpha(self) -> list[float]:
        """Moment estimates by loops over pairs."""
        products: dict[Any, list[float]] = {}
        for *_, e, i in self.clusters:
            rows = self.data.iloc[i]
            wave, room = rows.wave.to_numpy(), rows.room.to_numpy()
            for j in range(len(e)):
                for k in range(j + 1, len(e)):
                    key = {
                        "exchangeable": "all",
                        "m_dependent": abs(int(wave[j] - wave[k])),
                        "ar1": abs(int(wave[j] - wave[k])),
                        "unstructured": tuple(sorted((int(wave[j]), int(wave[k])))),
                        "nested": int(room[j] == room[k]),
                    }[self.name]
                    products.setdefault(key, []).append(e[j] * e[k] / np.mean(self.e**2))
        if self.name == "ar1":
            from scipy.optimize import minimize_scalar

            lags = np.concatenate([[lag] * len(r) for lag, r in products.items()])
            r = np.concatenate(list(products.values()))
            found = minimize_scalar(
                lambda a: np.sum((r - a**lags) ** 2),
                bounds=(-0.99, 0.99),
                method="bounded",
                options={"xatol": 1e-12},
            )
            return [float(found.x)]
        keys = sorted(products)
        return [float(np.mean(products[key])) for key in keys if key not in (3, 4)]


def fit(data: pd.DataFrame, family: str, name: str, **more: Any) -> Any:
    left, keywords, _ = FAMILIES[family]
    return ilk.gee(
        f"{left} ~ x + arm",
        data,
        "g",
        family,
        covariance=name,
        **keywords,
        **STRUCTURES[name],
        **more,
    )


KINDS = ("model", "robust", "mancl_derouen", "kauermann_carroll", "fay_graubard", "morel")


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("family", FAMILIES)
def test_equations_hold_and_covariances_are_those_of_the_formulas(family: str, name: str) -> None:
    data = make()
    found = fit(data, family, name)
    assert found.verdict.converged
    dense = Dense(found, data, family, name)
    size = np.sqrt(np.diag(dense.information))
    assert np.max(np.abs(dense.score) / size) < 1e-6
    for kind in KINDS:
        mine = found.cov_with(kind).matrix
        np.testing.assert_allclose(mine, dense.covariance(kind), rtol=2e-6, atol=1e-10)
    np.testing.assert_allclose(np.mean(dense.e**2), 1.0 if dense.shaped else found.scale, rtol=1e-8)


@pytest.mark.parametrize("name", [name for name in STRUCTURES if name != "independence"])
def test_correlations_are_moments(name: str) -> None:
    data = make(seed=8)
    found = fit(data, "gaussian", name)
    dense = Dense(found, data, "gaussian", name)
    mine = np.asarray(found.working_correlation().columns["estimate"])
    tolerance = 1e-5 if name == "ar1" else 1e-7
    np.testing.assert_allclose(mine, dense.alpha(), rtol=0, atol=tolerance)


def test_a_known_correlation_matrix_is_used_as_it_is() -> None:
    data = make()
    R = 0.6 ** np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    found = ilk.gee("score ~ x + arm", data, "g", covariance=R, order="wave")
    beta = found.params.array
    X = np.column_stack([np.ones(len(data)), data.x, data.arm])
    score = np.zeros(3)
    for _, rows in data.groupby("g"):
        i, at = rows.index.to_numpy(), rows.wave.to_numpy() - 1
        score += X[i].T @ np.linalg.solve(R[np.ix_(at, at)], rows.score - X[i] @ beta)
    assert np.max(np.abs(score)) < 1e-7
    assert found.working_correlation().columns["term"] == []


def test_precision_weights_divide_the_variance() -> None:
    data = make()
    found = ilk.gee("score ~ x + arm", data, "g", precision_weights="w")
    X = np.column_stack([np.ones(len(data)), data.x, data.arm])
    e = (data.score - X @ found.params.array) * np.sqrt(data.w)
    assert found.scale == pytest.approx(float(np.mean(e**2)), rel=1e-10)
    alpha = float(found.working_correlation().columns["estimate"][0])
    score = np.zeros(3)
    for _, rows in data.groupby("g"):
        i = rows.index.to_numpy()
        R = np.full((len(i), len(i)), alpha) + (1 - alpha) * np.eye(len(i))
        root = np.diag(1 / np.sqrt(rows.w))
        score += X[i].T @ np.linalg.solve(root @ R @ root, rows.score - X[i] @ found.params.array)
    assert np.max(np.abs(score)) < 1e-7


@pytest.mark.parametrize("name", ["independence", "exchangeable", "nested"])
def test_frequency_weights_stand_for_copies_of_rows(name: str) -> None:
    data = make()
    data["f"] = 1 + (np.arange(len(data)) % 3)
    long = data.loc[data.index.repeat(data.f)].reset_index(drop=True)
    short = fit(data, "poisson", name, frequency_weights="f")
    whole = fit(long, "poisson", name)
    assert short.nobs == whole.nobs == len(long)
    np.testing.assert_allclose(short.params.array, whole.params.array, rtol=1e-8)
    np.testing.assert_allclose(short.cov.matrix, whole.cov.matrix, rtol=1e-7)
    assert short.scale == pytest.approx(whole.scale)


def test_order_of_the_rows_does_not_matter() -> None:
    data = make()
    one = fit(data, "poisson", "ar1")
    two = fit(data.iloc[::-1].reset_index(drop=True), "poisson", "ar1")
    np.testing.assert_allclose(one.params.array, two.params.array, rtol=1e-9)
    np.testing.assert_allclose(one.cov.matrix, two.cov.matrix, rtol=1e-8)


def test_raw_years_cost_no_accuracy() -> None:
    data = make()
    data["year"] = 2000.0 + data.wave
    near = ilk.gee("score ~ x + wave", data, "g", covariance="ar1", order="wave")
    far = ilk.gee("score ~ x + year", data, "g", covariance="ar1", order="year")
    assert far.params["year"] == pytest.approx(near.params["wave"], rel=1e-9)
    assert far.std_errors["year"] == pytest.approx(near.std_errors["wave"], rel=1e-9)
    assert far.params["x"] == pytest.approx(near.params["x"], rel=1e-9)
