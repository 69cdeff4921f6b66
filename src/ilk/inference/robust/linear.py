r"""Scores and informations of clusters in the linear mixed model.

With :math:`V = \sigma^2 (W^{-1} + Z\Lambda\Lambda'Z')` at the estimates, block diagonal by cluster,
the estimate is linear in the response, and cluster i contributes

.. math:: s_i = X_i'V_i^{-1}e_i, \qquad A_i = X_i'V_i^{-1}X_i, \qquad e = y - X\hat\beta .

Both come from rows of :math:`V^{-1}X` and of :math:`V^{-1}e = W(e - Z\hat b) / \sigma^2`, which the
engine gives at the cost of a solve, for any size of cluster.  (Everything below is times
:math:`\sigma^2`, which cancels.)  If factors cross, V couples clusters, but the estimate is still
:math:`(X'V^{-1}X)^{-1} \sum_r h_r y_r` with :math:`h_r` row r of :math:`V^{-1}X`, and the
variance of the sum is estimated from :math:`h_r e_r` by any rule for sums of dependent terms.
Derivation: docs/derivations/robust.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from ilk.fitted import Lazy
from ilk.inference.robust.df import ClusterSums
from ilk.model.factors import split_factors

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.kernels.contract import EngineData
    from ilk.likelihood.gaussian import GaussianMarginal
    from ilk.typing import FloatArray, IntArray

__all__ = ["LinearRows", "linear_rows", "linear_sums", "sums_by"]


@dataclass(frozen=True, slots=True)
class LinearRows:
    """Rows of a linear mixed model at its estimates, on the engine's scale.

    Parameters
    ----------
    data : EngineData
        Scaled arrays.
    factors : list of (q_t, q_t) arrays
        Lambda of each term.
    residual : (n,) array
        ``e = y - X beta``.
    pull : (n,) array
        ``V^-1 e`` times sigma2.
    weighted : (n, p) array
        ``V^-1 X`` times sigma2.
    root : (p, p) array
        L of ``(X'V^-1 X)^-1 = sigma2 L L'``.
    back : (p, p) array
        Takes coefficients back to the user's scale.
    """

    data: EngineData
    factors: list[FloatArray]
    residual: FloatArray
    pull: FloatArray
    weighted: FloatArray
    root: FloatArray
    back: FloatArray

    @property
    def X(self) -> FloatArray:
        """(n, p) design matrix."""
        return self.data.predictors[0].X


def linear_rows(fitted: Fitted) -> LinearRows:
    """Evaluate a linear mixed model, row by row.

    Parameters
    ----------
    fitted : Fitted
        A linear fit.
    """
    marginal = cast("GaussianMarginal", fitted.marginal)
    data, point = marginal.scaled.data, fitted.point
    part = data.predictors[0]
    with marginal.state.lock:
        lam = marginal.move(point)
        engine = marginal.engine
        u = engine.modes()
        carried = engine.solve(engine.cross_information())
        inverse = engine.coefficient_covariance()
    factors = split_factors(lam, [term.width for term in data.terms])
    residual = data.response - part.X @ point.beta
    if part.offset is not None:
        residual = residual - part.offset
    weights = np.ones(len(residual)) if data.weights is None else data.weights
    columns = [
        part.X[:, j] - _effects(data, factors, carried[:, j]) for j in range(part.X.shape[1])
    ]
    return LinearRows(
        data=data,
        factors=factors,
        residual=residual,
        pull=weights * (residual - _effects(data, factors, u)),
        weighted=weights[:, None] * np.column_stack(columns),
        root=np.asarray(np.linalg.cholesky(inverse), dtype=np.float64),
        back=marginal.scaled.coef_map,
    )


def linear_sums(rows: LinearRows, codes: IntArray, count: int, copies: FloatArray) -> ClusterSums:
    """Sum scores and informations by cluster.

    Parameters
    ----------
    rows : LinearRows
        The model.
    codes : (n,) array of int
        Cluster of each row; V must not couple clusters.
    count : int
        Number of clusters.
    copies : (count,) array
        How many independent clusters each one stands for; its sums are divided by this.
    """
    scores = sums_by(codes, count, rows.X * rows.pull[:, None]) @ rows.root
    inverse_copies = 1.0 / copies

    def informations() -> FloatArray:
        right = rows.weighted @ rows.root
        left = rows.X @ rows.root
        p = left.shape[1]
        out = np.empty((count, p, p))
        for j in range(p):
            out[:, j, :] = sums_by(codes, count, left[:, j : j + 1] * right)
        out = 0.5 * (out + out.transpose(0, 2, 1))
        return np.asarray(out * inverse_copies[:, None, None])

    return ClusterSums(
        root=rows.back @ rows.root,
        scores=scores * inverse_copies[:, None],
        informations=Lazy(informations),
        copies=copies,
    )


def sums_by(codes: IntArray, count: int, values: FloatArray) -> FloatArray:
    """Sum rows of values (n, k) by cluster, (count, k).

    Parameters
    ----------
    codes : (n,) array of int
        Cluster of each row.
    count : int
        Number of clusters.
    values : (n, k) array
        What is summed.
    """
    out = np.empty((count, values.shape[1]))
    for j in range(values.shape[1]):
        out[:, j] = np.bincount(codes, values[:, j], minlength=count)
    return out


def _effects(data: EngineData, factors: list[FloatArray], u: FloatArray) -> FloatArray:
    """``Z Lambda u`` (n,) for one vector u (U,)."""
    out = np.zeros(len(data.response))
    start = 0
    for term, factor in zip(data.terms, factors, strict=True):
        stop = start + term.levels * term.width
        b = u[start:stop].reshape(term.levels, term.width) @ factor.T
        if term.columns is None:
            out += b[term.codes, 0]
        else:
            out += np.einsum("ij,ij->i", term.columns, b[term.codes])
        start = stop
    return out
