r"""Adaptive Gauss-Hermite quadrature for one grouping factor.

Per level, with H = LL' at the mode u^, nodes u_j = u^ + L^-T x_j and weights w_j for the standard
normal,

    log I = -log|L| + log sum_j w_j exp(h~(u_j) + |x_j|^2 / 2),     h~(u) = sum l - u'u / 2,

with posterior weights pi_j proportional to the summands.  The derivative of log I in the rows' log
densities is sum_j pi_j l'(u_j); the nodes move with the parameters, which adds

    E1 = sum_j pi_j a_j,   E2 = sum_j pi_j x_j a_j',   a_j = Lambda'Z'l'(u_j) - u_j,

and, with S the symmetric matrix whose lower triangle is that of E2 L^-T / 2 (S_ii = F_ii / 2),
the inverse P = H^-1 is replaced by P~ = L^-T (I + 2 S) L^-1.  One node gives Laplace back.
Pinheiro and Bates (1995), Journal of Computational and Graphical Statistics 4, section 2.3, for
the rule; the gradient is derived in the documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.kernels.reference.conditional import Conditional, Mode
from ilk.num.quadrature import product_rule
from ilk.num.stable import logsumexp
from ilk.typing import FloatArray

__all__ = ["NodeSums", "integrate"]


@final
@dataclass(frozen=True, slots=True)
class NodeSums:
    """What the gradient needs from the nodes.

    Attributes
    ----------
    value : float
        Log-likelihood.
    score : ndarray (K, n)
        sum_j pi_j l'(u_j).
    score_u : ndarray (K, n, m)
        sum_j pi_j l'(u_j) u_j', u_j in row coordinates.
    shift : ndarray (U,)
        E1.
    blocks : ndarray (n, m, m)
        P~ between the effects of each row, in row coordinates.
    """

    value: float
    score: FloatArray
    score_u: FloatArray
    shift: FloatArray
    blocks: FloatArray


def integrate(conditional: Conditional, mode: Mode, nodes: int, *, gradient: bool) -> NodeSums:
    """Integrate the conditional density level by level.

    Parameters
    ----------
    conditional : Conditional
        Joint density of data and effects; all effects share one grouping.
    mode : Mode
        Its mode.
    nodes : int
        Nodes per dimension.
    gradient : bool
        Whether to sum what the gradient needs.

    Returns
    -------
    NodeSums
        With the value only (empty arrays) if no gradient is asked for.
    """
    rows, half = conditional.rows, mode.arrow.half
    levels, q = rows.lead_index.shape
    points, log_weights = product_rule(nodes, q)
    # L^-T x_j for every node and level, (J, L, Q)
    offsets = np.einsum("lba,jb->jla", half, points)
    effects = mode.u[rows.lead_index] + offsets

    log_terms = np.empty((len(points), levels))
    for j, u in enumerate(effects):
        log_density = conditional.jet(_flat(conditional, u), 0).value
        by_level = np.bincount(rows.groups, log_density, minlength=levels)
        log_terms[j] = by_level - 0.5 * np.sum(u * u, axis=1)
    log_terms += (log_weights + 0.5 * np.sum(points**2, axis=1))[:, None]
    # nodes with an impossible mean have no density
    log_terms = np.where(np.isnan(log_terms), -np.inf, log_terms)
    with np.errstate(all="ignore"):
        log_sums = logsumexp(log_terms, axis=0)
        posterior = np.exp(log_terms - log_sums)
    value = float(np.sum(log_sums)) - 0.5 * mode.arrow.log_det
    empty = np.zeros(0)
    if not gradient:
        return NodeSums(value, empty, empty, empty, empty)

    n, m = rows.index.shape
    count = mode.jet.variables
    score, score_u = np.zeros((count, n)), np.zeros((count, n, m))
    first, second = np.zeros((levels, q)), np.zeros((levels, q, q))
    for j, u in enumerate(effects):
        flat = _flat(conditional, u)
        jet = conditional.jet(flat, 1)
        weight = posterior[j]
        possible = weight > 0.0
        rows_score = np.where(possible[rows.groups], weight[rows.groups] * jet.first, 0.0)
        score += rows_score
        score_u += rows_score[:, :, None] * flat[rows.index]
        a = weight[:, None] * conditional.residual(flat, jet)[rows.lead_index]
        a[~possible] = 0.0
        first += a
        second += points[j][:, None] * a[:, None, :]
    f = second @ half.transpose(0, 2, 1)
    lower = 0.5 * np.tril(f)
    doubled = lower + lower.transpose(0, 2, 1)
    doubled[:, np.arange(q), np.arange(q)] *= 0.5
    middle = np.eye(q) + 2.0 * doubled
    shift = np.zeros(rows.size)
    shift[rows.lead_index] = first
    inverse = half.transpose(0, 2, 1) @ middle @ half
    return NodeSums(value, score, score_u, shift, inverse[rows.groups])


def _flat(conditional: Conditional, effects: FloatArray) -> FloatArray:
    """Effects (L, Q) by level as one vector u (U,)."""
    u = np.zeros(conditional.rows.size)
    u[conditional.rows.lead_index] = effects
    return u
