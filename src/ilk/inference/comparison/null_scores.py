r"""Information on variances that a smaller model sets to zero, by simulation from that model.

The score of a covariance matrix G of the effects of a term with columns Z, at the smaller model, is
with the residuals :math:`r = \partial \log f / \partial \eta` at the conditional modes (for the
linear model :math:`r = V^{-1}(y - X\hat\beta)`)

.. math:: S = \tfrac12 \sum_{l} \{ (Z_l' r_l)(Z_l' r_l)' - Z_l' W_l Z_l \}

(W the curvatures; a constant in the linear model, left out there; where levels depend on each
other, the sum is over pairs of levels, weighted by their covariance), and the information is the
covariance matrix of the scores over responses drawn from the smaller model.  What the nuisance
parameters (other variances, covariances, coefficients) explain of it is taken off by regression,
which leaves the information with all of them profiled out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ilk.family.inflation import ZeroInflated
from ilk.inference.comparison.boundary import svec
from ilk.inference.comparison.nesting import columns_of
from ilk.num import jets
from ilk.simulate import generator_of, response_drawer

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.fitted import Fitted
    from ilk.inference.comparison.nesting import Nesting
    from ilk.model.dependence import Dependence
    from ilk.typing import FloatArray

__all__ = ["cone_information"]

_DRAWS = (200, 600)
"""Fewest and most responses that are drawn."""

_ROWS = 2_000_000
"""Rows that are simulated, as far as the number of draws allows."""


def cone_information(
    small: Fitted, large: Fitted, nesting: Nesting, seed: int | None
) -> tuple[FloatArray, list[int]]:
    """Information on what lies on the edge of the parameter space, all else profiled out.

    Parameters
    ----------
    small, large : Fitted
        Nested models.
    nesting : Nesting
        How they are nested.
    seed : int or None
        Makes the draws repeatable.

    Returns
    -------
    (m, m) array
        Information.
    list of int
        Size of each covariance matrix that the parameters make up, as `cone_draws` takes them.
    """
    root = np.random.SeedSequence(seed)
    draw = response_drawer(small)
    count = int(np.clip(_ROWS // small.model.rows, *_DRAWS))
    residuals = _linear_residuals if small.model.linear else _residuals
    cone, nuisance = [], []
    for j in range(count):
        y = draw(generator_of(root, j))
        found = residuals(small, y)
        if found is None:
            continue
        edge, other = _scores(small, large, nesting, y, found)
        cone.append(edge)
        nuisance.append(other)
    edge, other = np.array(cone), np.array(nuisance)
    edge = edge - edge.mean(axis=0)
    other = other - other.mean(axis=0)
    other = other / np.maximum(other.std(axis=0), 1e-300)
    left = edge - other @ np.linalg.lstsq(other, edge, rcond=1e-8)[0]
    sizes = [1] * nesting.dispersion + [1] * nesting.inflation
    for block in nesting.blocks:
        sizes += [block.size] if block.matrix else [1] * block.parameters
    return left.T @ left / len(left), sizes


_LITTLE = -9.0
"""Log dispersion where its score is taken: that at zero to four digits."""

RowScore: TypeAlias = Callable[["Fitted", "FloatArray", list["FloatArray"]], "FloatArray"]
"""Takes the smaller model, a response and its predictors to the scores (n,) of the rows."""

Residuals: TypeAlias = tuple[
    dict[str, "FloatArray"], dict[tuple[str, str], "FloatArray"], list["FloatArray"]
]
"""By predictor: residuals r and curvatures (n,); and the linear predictors."""


def _at(small: Fitted, y: FloatArray) -> tuple[list[FloatArray], FloatArray] | None:
    """Linear predictors and coefficients for another response, parameters as they were."""
    design = small.design
    model = replace(small.model, design=replace(design, response=replace(design.response, y=y)))
    marginal = small.marginal.with_response(model)
    result = marginal.at_point(small.point.beta, small.point.theta)
    if result.status != "converged":
        return None
    estimates = marginal.estimates(result)
    coef = estimates.psi[: len(estimates.names)]
    return model.linear_predictors(coef, estimates.modes), coef


def _linear_residuals(small: Fitted, y: FloatArray) -> Residuals | None:
    found = _at(small, y)
    if found is None:
        return None
    (eta,), _ = found
    precision = small.design.precision_weights
    scale = np.ones(len(y)) if precision is None else precision
    r = scale * (y - eta) / small.estimates.sigma2
    return {"mean": r, "sigma": 0.5 * r**2 / scale}, {}, [eta]


def _residuals(small: Fitted, y: FloatArray) -> Residuals | None:
    found = _at(small, y)
    if found is None:
        return None
    eta, _ = found
    names = small.family.parameters
    jet = small.family.log_density(y, small.design.response.second, jets.variables(eta, 2))
    slope = {name: jet.first[k] for k, name in enumerate(names)}
    bend = {
        (a, b): -jet.second[jets.pair(j, k)]
        for j, a in enumerate(names)
        for k, b in enumerate(names)
    }
    return slope, bend, eta


def _scores(
    small: Fitted, large: Fitted, nesting: Nesting, y: FloatArray, found: Residuals
) -> tuple[FloatArray, FloatArray]:
    """Scores of what lies on the edge, and of everything else."""
    slope, bend, eta = found
    design = small.design
    weights = np.ones(len(y)) if design.frequency_weights is None else design.frequency_weights
    edge = [
        np.array([weights @ score(small, y, eta)])
        for wanted, score in (
            (nesting.dispersion, _dispersion_score(large)),
            (nesting.inflation, _inflation_score),
        )
        if wanted
    ]
    other = [np.array([weights @ slope["sigma"]])] if "sigma" in slope else []
    if not small.model.linear:
        other += [part.X.T @ (weights * slope[part.predictor]) for part in small.model.fitted_parts]
    blocks = {block.term: block for block in nesting.blocks}
    dependences = large.dependences
    for t, term in enumerate(large.design.terms):
        S = _term_score(term, slope, bend, weights, dependences[t])
        block = blocks.get(t)
        if block is None:
            other.append(_shared(S, term.structure))
            continue
        new, old = block.new, block.old
        own = new.T @ S @ new
        if block.structure == "identity":
            edge.append(np.array([np.trace(own)]))
        else:
            edge.append(svec(own) if block.matrix else np.diag(own))
        other += [(new.T @ S @ old).ravel()] if block.structure == "us" else []
        other.append(_shared(old.T @ S @ old, block.structure))
    return np.concatenate(edge), np.concatenate([np.zeros(0), *other])


def _shared(S: FloatArray, structure: str) -> FloatArray:
    """Scores of the variances and covariances that a structure has."""
    if structure == "identity":
        return np.array([np.trace(S)])
    return np.diag(S) if structure == "diag" else svec(S)


def _term_score(
    term: RandomTerm,
    slope: Mapping[str, FloatArray],
    bend: Mapping[tuple[str, str], FloatArray],
    weights: FloatArray,
    over: Dependence | None,
) -> FloatArray:
    """Score (q, q) of the covariance matrix of a term's effects."""
    Z, codes, levels = columns_of(term), term.grouping.codes, len(term.grouping.levels)
    names = term.predictors
    pull = [slope[name] * z for name, z in zip(names, Z.T, strict=True)]
    found = np.column_stack([np.bincount(codes, weights * one, levels) for one in pull])
    sums: FloatArray = found.astype(np.float64)
    S = sums.T @ (sums if over is None else over.covariance_times(sums))
    own = 1.0 if over is None else over.variances()[codes]
    for i, a in enumerate(names) if bend else ():
        for j, b in enumerate(names):
            S[i, j] -= float(np.sum(own * weights * bend[a, b] * Z[:, i] * Z[:, j]))
    return np.asarray(0.5 * S)


def _dispersion_score(large: Fitted) -> RowScore:
    """Score (n,) of the dispersion next to zero."""

    def score(small: Fitted, y: FloatArray, eta: list[FloatArray]) -> FloatArray:
        family, names = large.family, small.family.parameters
        if isinstance(family, ZeroInflated) and "zero_inflation" not in names:
            family = family.base
        here = dict(zip(names, eta, strict=True))
        at = [here.get(name, np.full_like(y, _LITTLE)) for name in family.parameters]
        jet = family.log_density(y, small.design.response.second, jets.variables(at, 1))
        slope: FloatArray = jet.first[family.parameters.index("dispersion")]
        return np.asarray(slope * np.exp(-_LITTLE))

    return score


def _inflation_score(small: Fitted, y: FloatArray, eta: list[FloatArray]) -> FloatArray:
    """Score (n,) of the probability of an excess zero where it is zero: 1{y = 0} / f(0) - 1."""
    nothing, trials = np.zeros_like(y), small.design.response.second
    log_zero = small.family.log_density(nothing, trials, eta)
    log_zero = log_zero + small.family.constant(nothing, trials)
    return np.asarray(np.exp(np.where(y == 0.0, -log_zero, -np.inf)) - 1.0)
