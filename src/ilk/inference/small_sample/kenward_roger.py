r"""Kenward and Roger's adjusted covariance matrix and F test for linear mixed models.

With :math:`\Phi = (X'V^{-1}X)^{-1}`, :math:`V_r` the derivative of V in the variance parameter r,

.. math::
   P_r = -X'V^{-1}V_rV^{-1}X, \qquad Q_{rs} = X'V^{-1}V_rV^{-1}V_sV^{-1}X,

the covariance matrix of the restricted estimates of the variance parameters is
:math:`W = 2 E^{-1}` with :math:`E_{rs} = \mathrm{tr}(V^{-1}V_rV^{-1}V_s)
- 2\,\mathrm{tr}(\Phi Q_{rs}) + \mathrm{tr}(\Phi P_r\Phi P_s)`, and the adjusted covariance matrix
of the coefficients is

.. math:: \Phi_A = \Phi + 2\Phi \sum_{rs} W_{rs} (Q_{rs} - P_r\Phi P_s) \Phi .

An F statistic of :math:`L\beta` is scaled, and its degrees of freedom are chosen, so that its first
two moments fit (Kenward and Roger 1997).  The parameters are coordinates in the linear space that
the covariance matrices of a structure span, where V has no second derivatives and a singular matrix
is nothing special.

Everything is computed from :math:`A = Z'V^{-1}X` and :math:`M = Z'V^{-1}Z`, the latter in blocks of
random effects that data connect (`ilk.inference.small_sample.blocks`).  Levels that depend on each
other, with covariance :math:`Q^{-1} = R R'`, are independent ones of the columns ZR.  The residual
variance needs nothing more, because :math:`\sigma^2 W^{-1} = V - ZGZ'`.  Derivation:
docs/derivations/small-samples.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ilk.covariance.structured import Structured
from ilk.errors import ModelError
from ilk.inference.small_sample.blocks import Stack, connected_blocks, stacks, times
from ilk.inference.small_sample.satterthwaite import pseudo_inverse, weighted_cross_products
from ilk.late import Late
from ilk.model.dependence import Dependence, dependences
from ilk.model.factors import split_factors
from ilk.num.triangular import inverse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ilk.covariance.base import AbstractCovariance
    from ilk.fitted import Fitted
    from ilk.likelihood.gaussian import GaussianMarginal
    from ilk.typing import FloatArray

sparse: Any = Late("scipy.sparse")

__all__ = ["KenwardRoger", "check_kenward_roger", "kenward_roger", "match_moments"]


@dataclass(frozen=True, slots=True)
class KenwardRoger:
    """Adjusted covariance matrix, and what degrees of freedom are computed from.

    Parameters
    ----------
    adjusted : (P, P) array
        Adjusted covariance matrix.
    covariance : (P, P) array
        Covariance matrix without the adjustment, Phi.
    slope : (k, P, P) array
        Its derivative in each variance parameter, ``-Phi P_r Phi``.
    uncertainty : (k, k) array
        W.
    """

    adjusted: FloatArray
    covariance: FloatArray
    slope: FloatArray
    uncertainty: FloatArray

    def df(self, contrast: FloatArray) -> float:
        """Degrees of freedom of a contrast (P,); nan if it is zero."""
        variance = float(contrast @ self.covariance @ contrast)
        gradient = self.slope @ contrast @ contrast
        spread = float(gradient @ self.uncertainty @ gradient)
        if not variance > 0.0:
            return math.nan
        return 2.0 * variance**2 / spread if spread > 0.0 else math.inf

    def joint(self, L: FloatArray) -> tuple[float, float]:
        """Degrees of freedom and scale of the F statistic of independent contrasts L (r, P)."""
        r = len(L)
        if r == 1:
            return self.df(L[0]), 1.0
        weight = inverse(L @ self.covariance @ L.T)
        moved = np.matmul(weight, np.matmul(np.matmul(L, self.slope), L.T))
        traces = np.trace(moved, axis1=1, axis2=2)
        crossed = np.einsum("rab,sba->rs", moved, moved)
        a1 = float(traces @ self.uncertainty @ traces)
        a2 = float(np.sum(self.uncertainty * crossed))
        return match_moments(a1, a2, r)


def match_moments(a1: float, a2: float, r: int) -> tuple[float, float]:
    """Degrees of freedom and scale of an F statistic of r contrasts.

    Parameters
    ----------
    a1, a2 : float
        A_1 and A_2 of Kenward and Roger (1997).
    r : int
        Number of contrasts.
    """
    if not a2 > 0.0:
        return math.inf, 1.0
    b = (a1 + 6.0 * a2) / (2.0 * r)
    g = ((r + 1) * a1 - (r + 4) * a2) / ((r + 2) * a2)
    unit = 3.0 * r + 2.0 * (1.0 - g)
    c1, c2, c3 = g / unit, (r - g) / unit, (r + 2 - g) / unit
    mean = 1.0 / (1.0 - a2 / r)
    variance = (2.0 / r) * (1.0 + c1 * b) / ((1.0 - c2 * b) ** 2 * (1.0 - c3 * b))
    rho = variance / (2.0 * mean**2)
    df = 4.0 + (r + 2) / (r * rho - 1.0)
    return df, df / (mean * (df - 2.0))


def kenward_roger(fitted: Fitted) -> KenwardRoger:
    """Adjust the covariance matrix of the coefficients for the estimation of the variances.

    Parameters
    ----------
    fitted : Fitted
        A linear mixed model, estimated by REML.

    Returns
    -------
    KenwardRoger

    Raises
    ------
    ModelError
        The model is not a linear mixed model estimated by REML, or its random effects are too
        many that hang together.
    """
    check_kenward_roger(fitted)
    marginal = cast("GaussianMarginal", fitted.marginal)
    scaled, result = marginal.scaled, fitted.point
    data = scaled.data
    labels = connected_blocks(data)
    ways = _directions(fitted)
    with marginal.state.lock:
        lam = marginal.move(result)
        phi = marginal.engine.coefficient_covariance()
        solved = marginal.engine.solve(marginal.engine.cross_information())
    widths = [term.width for term in data.terms]
    factors = split_factors(lam, widths)
    over = dependences(fitted.model, result.theta)
    # sigma2 = 1 from here on
    crossed = weighted_cross_products(data, factors, solved, over)
    spread = _spread(over, widths, [term.levels for term in data.terms])
    blocks = stacks(data, labels, spread)
    flat = np.concatenate([part.reshape(-1, len(phi)) for part in crossed])
    flat = flat if spread is None else spread.T @ flat
    P, Q, E = _moments(blocks, factors, flat, ways, inverse(phi), scaled.count)
    product = np.matmul(phi, P)
    E = E - 2.0 * np.einsum("ij,rsji->rs", phi, Q) + np.einsum("rij,sji->rs", product, product)
    uncertainty = 2.0 * pseudo_inverse(E)
    middle = np.einsum("rs,rsij->ij", uncertainty, Q)
    middle -= np.einsum("rs,rij,sjk->ik", uncertainty, P, product, optimize=True)
    extra = phi @ middle @ phi
    B, unit = scaled.coef_map, result.sigma2
    slope = -np.matmul(np.matmul(phi, P), phi)
    return KenwardRoger(
        adjusted=unit * B @ (phi + extra + extra.T) @ B.T,
        covariance=unit * B @ phi @ B.T,
        slope=unit * np.matmul(np.matmul(B, slope), B.T),
        uncertainty=uncertainty,
    )


def _spread(over: Sequence[Dependence | None], widths: Sequence[int], levels: Sequence[int]) -> Any:
    """Root (U, U) of the covariance between levels, sparse; None if all are independent."""
    if all(each is None for each in over):
        return None
    return sparse.block_diag(
        [
            sparse.kron(sparse.identity(count) if each is None else each.root(), sparse.identity(q))
            for each, q, count in zip(over, widths, levels, strict=True)
        ],
        format="csr",
    )


def _moments(
    blocks: Iterable[Stack],
    factors: Sequence[FloatArray],
    flat: FloatArray,
    ways: Sequence[tuple[int, FloatArray]],
    information: FloatArray,
    count: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """P (k, p, p), Q (k, k, p, p) and tr(V^-1 V_r V^-1 V_s) (k, k); the residual stands last."""
    k, p = len(ways) + 1, len(information)
    P, Q, E = np.zeros((k, p, p)), np.zeros((k, k, p, p)), np.zeros((k, k))
    covariances = [factor @ factor.T for factor in factors]
    P[-1], Q[-1, -1], E[-1, -1] = -information, information, count
    for stack in blocks:
        M, A = stack.inner(factors), flat[stack.effects]
        each = list(zip(stack.places, covariances, strict=True))
        MG = np.concatenate([times(M[:, :, at], G) for at, G in each], axis=2)
        GA = np.concatenate([_lead(G, A[:, at]) for at, G in each], axis=1)
        MGA = np.matmul(M, GA)
        P[-1] += _gram(A, GA)
        Q[-1, -1] += _gram(GA, MGA) - 2.0 * _gram(A, GA)
        E[-1, -1] += np.einsum("bij,bji->", MG, MG) - 2.0 * np.einsum("bii->", MG)
        for r, (t, D) in enumerate(ways):
            at = stack.places[t]
            MD, DA = times(M[:, :, at], D), _lead(D, A[:, at])
            P[r] -= _gram(A[:, at], DA)
            Q[-1, r] += _gram((A - MGA)[:, at], DA)
            E[-1, r] += np.einsum("bii->", MD[:, at]) - np.einsum("bij,bji->", MD, MG[:, at])
            for s, (other, F) in enumerate(ways[: r + 1]):
                there = stack.places[other]
                Q[r, s] += _gram(DA, np.matmul(M[:, at, there], _lead(F, A[:, there])))
                MF = times(M[:, at, there], F)
                E[r, s] += np.einsum("bij,bji->", MD[:, there], MF)
    for r in range(k):
        for s in range(r):
            Q[s, r] = Q[r, s].T
            E[s, r] = E[r, s]
    return P, Q, E


def _lead(block: FloatArray, rows: FloatArray) -> FloatArray:
    """Multiply (k, c q, p) from the left by a block (q, q) for each of c levels."""
    q = len(block)
    shape = rows.shape
    return np.asarray((block @ rows.reshape(shape[0], -1, q, shape[2])).reshape(shape))


def _gram(a: FloatArray, b: FloatArray) -> FloatArray:
    """Sum of a'b (p, p) over a stack of matrices (k, u, p)."""
    return np.asarray(a.reshape(-1, a.shape[2]).T @ b.reshape(-1, b.shape[2]))


def _directions(fitted: Fitted) -> list[tuple[int, FloatArray]]:
    """Variance parameters of all terms: the term and the derivative (q, q) of its matrix.

    A structure whose matrices span a space of as many dimensions as it has parameters is that
    space's part of positive semidefinite matrices.
    """
    ways: list[tuple[int, FloatArray]] = []
    for t, covariance in enumerate(fitted.model.covariances):
        q = fitted.marginal.scaled.data.terms[t].width
        size = covariance.size(q)
        if isinstance(covariance, Structured) and covariance.free:
            raise ModelError(
                f"Kenward-Roger is not available where the correlations of the levels of "
                f"{fitted.design.terms[t].grouping.name!r} have parameters "
                f"({', '.join(covariance.levels.parameters)}); take df='satterthwaite'.",
                code="kenward-roger",
            )
        basis = _span(covariance, q)
        if len(basis) > size:
            raise ModelError(
                f"Kenward-Roger is not available for the structure {covariance.name!r} with {q} "
                "effects, whose matrices are not linear in any parameters; take "
                "df='satterthwaite'.",
                code="kenward-roger",
            )
        ways += [(t, matrix) for matrix in basis]
    return ways


def _span(covariance: AbstractCovariance, q: int) -> FloatArray:
    """Basis (m, q, q) of the space that the matrices of a structure span."""
    size = covariance.size(q)
    start, steps = covariance.start(q), np.arange(1, size + 1)
    count = q * (q + 1) // 2 + 2
    thetas = (start + 0.5 * np.cos(1.7 * k * steps + k) for k in range(count))
    factors = [covariance.factor(theta, q)[0] for theta in thetas]
    points = np.array([(factor @ factor.T).ravel() for factor in factors])
    _, values, vectors = np.linalg.svd(points)
    found = vectors[: int(np.sum(values > 1e-9 * values[0]))]
    return np.asarray(found.reshape(-1, q, q))


def check_kenward_roger(fitted: Fitted) -> None:
    """Refuse models for which the method is not defined."""
    if not fitted.model.linear or not fitted.design.terms:
        raise ModelError(
            "Kenward-Roger degrees of freedom are for linear mixed models (Gaussian, identity "
            "link, random terms, one residual variance); leave df out for this model.",
            code="kenward-roger",
        )
    if not fitted.model.reml:
        raise ModelError(
            "Kenward-Roger is defined for restricted estimates of the variances, but this fit is "
            "by maximum likelihood; fit it with reml=True, or take df='satterthwaite'.",
            code="kenward-roger",
        )
