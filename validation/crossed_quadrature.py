"""Quadrature over one factor beside Laplace over another, against the exact likelihood.

Sparse binary data: 60 persons answer 2 or 3 items once.  With few items the exact
likelihood can be had: the items' effects are integrated on a fine product rule, and given them the
persons are independent, one integral each.  Compared are the Laplace approximation, quadrature over
the persons with Laplace over the items around the maximum of what quadrature leaves
(``quadrature={"person": 15}``), and the cheaper rule that puts one node for the items at the joint
mode.  ``python -m validation.crossed_quadrature > validation/results/crossed_quadrature.json``
"""

from __future__ import annotations

import json

import numpy as np
from scipy.optimize import minimize

from ilk.family import make_family
from ilk.kernels import laplace_engine
from ilk.kernels.contract import EngineData, PredictorData, TermData
from ilk.likelihood.brute_force import dense_effects
from ilk.num.quadrature import gauss_hermite, product_rule
from ilk.num.stable import logsumexp

FAMILY = make_family("binomial")
TRUE = (np.array([0.0, 1.0]), np.array([2.0, 1.0]))


def simulate(items: int, seed: int, persons: int = 60) -> EngineData:
    """Answers of each person to each item."""
    rng = np.random.default_rng(seed)
    n = persons * items
    person, item = np.repeat(np.arange(persons), items), np.tile(np.arange(items), persons)
    X = np.column_stack([np.ones(n), rng.normal(size=n)])
    eta = X @ TRUE[0]
    eta = eta + rng.normal(0.0, 2.0, persons)[person] + rng.normal(0.0, 1.0, items)[item]
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
    terms = (
        TermData(0, person.astype(np.int32), persons, None),
        TermData(0, item.astype(np.int32), items, None),
    )
    return EngineData(y, None, None, (PredictorData(np.asfortranarray(X), None),), terms)


def given_items(data: EngineData, beta: np.ndarray, lam: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Logarithm of the integral over the persons, for item effects v (J, items)."""
    nodes, weights = gauss_hermite(61)
    fixed = data.predictors[0].X @ beta
    person, item = data.terms[0].codes, data.terms[1].codes
    eta = fixed[:, None] + lam[1] * v[:, item].T
    sign = 2.0 * data.response[:, None] - 1.0
    parts = []
    for node in nodes:
        logs = -np.logaddexp(0.0, -sign * (eta + lam[0] * node))
        starts = np.searchsorted(person, np.arange(data.terms[0].levels))
        parts.append(np.add.reduceat(logs, starts, axis=0))
    return logsumexp(np.array(parts) + np.log(weights)[:, None, None], axis=0).sum(axis=0)


def exact(data: EngineData, beta: np.ndarray, lam: np.ndarray) -> float:
    """Log-likelihood with both integrals by fine rules."""
    engine = laplace_engine(data, FAMILY)
    engine.evaluate(beta, lam, gradient=False)
    persons, items = data.terms[0].levels, data.terms[1].levels
    unit = np.eye(persons + items)[:, persons:]
    covariance = engine.solve(unit)[persons:]
    root = np.linalg.cholesky(covariance)
    x, log_weights = product_rule({2: 15, 3: 9}[items], items)
    v = engine.modes()[persons:] + x @ root.T
    logs = given_items(data, beta, lam, v) - 0.5 * np.sum(v * v, axis=1)
    logs = logs + log_weights + 0.5 * np.sum(x * x, axis=1)
    return float(logsumexp(logs, axis=0)) + float(np.sum(np.log(np.diag(root))))


def at_joint_mode(data: EngineData, beta: np.ndarray, lam: np.ndarray) -> float:
    """Quadrature over the persons with the items at their joint mode, scaled by its curvature."""
    engine = laplace_engine(data, FAMILY)
    engine.evaluate(beta, lam, gradient=False)
    persons = data.terms[0].levels
    covariance = engine.solve(np.eye(persons + data.terms[1].levels)[:, persons:])[persons:]
    v = engine.modes()[persons:]
    value = float(given_items(data, beta, lam, v[None])[0]) - 0.5 * float(v @ v)
    return value + 0.5 * float(np.linalg.slogdet(covariance)[1])


def rules(data: EngineData) -> dict:
    """The criteria that are compared."""
    engine = laplace_engine(data, FAMILY)

    def by_engine(nodes):
        return lambda beta, lam: engine.evaluate(beta, lam, nodes=nodes, gradient=False).value

    return {
        "exact": lambda beta, lam: exact(data, beta, lam),
        "laplace": by_engine(1),
        "items at the joint mode": lambda beta, lam: at_joint_mode(data, beta, lam),
        "crossed": by_engine((15, 1)),
    }


def study(items: int, seed: int) -> dict:
    """Log-likelihood at the true parameters, and estimates, by each rule."""
    data = simulate(items, seed)
    assert dense_effects(data, TRUE[1])[0].shape == (60 * items, 60 + items)
    out = {"items": items, "seed": seed}
    for name, rule in rules(data).items():
        found = minimize(
            lambda x, r=rule: -r(x[:2], np.abs(x[2:])), np.concatenate(TRUE), method="Nelder-Mead",
            options={"xatol": 1e-4, "fatol": 1e-6, "maxiter": 400},
        )  # fmt: skip
        out[name] = {
            "loglik at the true parameters": rule(*TRUE),
            "estimates": [*found.x[:2], *np.abs(found.x[2:])],
        }
    return out


if __name__ == "__main__":
    cases = [study(items, seed) for items in (2, 3) for seed in (1, 2, 3)]
    print(json.dumps(cases, indent=1))
