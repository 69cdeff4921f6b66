r"""Posterior moments of the scores in crossing effects, over the nodes of a quadrature.

By level, with nodes u_j and posterior weights pi_j (:mod:`.quadrature`), rows z of the crossing
effects v and s_j = sum of l'(u_j) z, the curvature of log I in v is (Louis 1982)

    sum over rows of E(l'') z z' + Cov(s),    E and Cov over the nodes.

For the gradient of its trace with a fixed symmetric B,

    T = E(q),   q_j = sum of l'' tau + (s_j - s-)'B(s_j - s-),   tau = z'Bz,
    dT = E[ (q - T) dl + dq ],  dq/deta_k = l_00k tau + 2 l_0k z'B(s_j - s-),

where a node that moves has a~_j = Lambda'Z'rho_j - (q_j - T) u_j / 2 in place of its residual,
with rho_j half of the bracket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, final

import numpy as np
from scipy import sparse

from ilk.kernels.reference.conditional import Conditional, Mode, find_mode
from ilk.kernels.reference.quadrature import NodeSums
from ilk.kernels.reference.rows import RowDesign
from ilk.num.jets import pair, triple
from ilk.num.quadrature import product_rule
from ilk.num.stable import logsumexp
from ilk.typing import FloatArray, IntArray

__all__ = ["Moments", "find_moments", "spread_sums"]


@final
@dataclass(frozen=True, slots=True)
class Pattern:
    """Which crossing effects touch which level: entries (level, effect) in row-major order.

    Attributes
    ----------
    entry : ndarray (n, m) of int
        Entry of each row's effects.
    level, effect : ndarray (E,) of int
        The entries.
    shape : (int, int)
        Levels, effects.
    """

    entry: IntArray
    level: IntArray
    effect: IntArray
    shape: tuple[int, int]

    def matrix(self, values: FloatArray) -> sparse.csr_array:
        """Matrix (levels, effects) of values (E,)."""
        ends = np.searchsorted(self.level, np.arange(self.shape[0] + 1))
        return cast(
            "sparse.csr_array",
            sparse.csr_array((values, self.effect, ends), shape=self.shape),
        )

    def total(self, contributions: FloatArray) -> FloatArray:
        """Sum row contributions (n, m) by entry."""
        flat = np.bincount(self.entry.ravel(), contributions.ravel(), len(self.level))
        return np.asarray(flat, dtype=np.float64)


def _pattern(groups: IntArray, levels: int, across: RowDesign) -> Pattern:
    keys = groups[:, None].astype(np.int64) * across.size + across.index
    found, entry = np.unique(keys, return_inverse=True)
    level, effect = np.divmod(found, across.size)
    return Pattern(entry.reshape(keys.shape), level, effect, (levels, across.size))


@final
@dataclass(frozen=True, slots=True)
class Moments:
    """What the nodes say about the crossing effects.

    Attributes
    ----------
    conditional : Conditional
        Density of u given v.
    mode : Mode
        Its mode.
    points : ndarray (J, q)
        Nodes x_j.
    effects : ndarray (J, L, q)
        Nodes u_j of each level.
    posterior : ndarray (J, L)
        Posterior weights.
    pattern : Pattern
        Entries of s.
    mean : ndarray (E,)
        Mean of s.
    curvature : ndarray (U_v, U_v)
        sum of E(l'') z z', before Lambda_v.
    covariance : ndarray (U_v, U_v)
        sum of Cov(s).
    """

    conditional: Conditional
    mode: Mode
    points: FloatArray
    effects: FloatArray
    posterior: FloatArray
    pattern: Pattern
    mean: FloatArray
    curvature: FloatArray
    covariance: FloatArray

    @property
    def information(self) -> FloatArray:
        """Hessian in the crossing effects b_v of the sum of log I, (U_v, U_v)."""
        return self.curvature + self.covariance

    def at(self, j: int) -> FloatArray:
        """Effects u (U,) of node j."""
        u = np.zeros(self.conditional.rows.size)
        u[self.conditional.rows.lead_index] = self.effects[j]
        return u


def find_moments(
    conditional: Conditional, u: FloatArray, across: RowDesign, nodes: int, order: int
) -> Moments | None:
    """Posterior moments at the current v.

    Parameters
    ----------
    conditional : Conditional
        Density of u given v.
    u : ndarray (U,)
        Start of its mode.
    across : RowDesign
        Row coordinates of v.
    nodes : int
        Nodes per dimension.
    order : int
        Order of derivatives wanted at the mode.

    Returns
    -------
    Moments or None
        None if there is no mode.
    """
    mode = find_mode(conditional, u, order, 1e-18)
    if mode is None:
        return None
    rows, half = conditional.rows, mode.arrow.half
    levels, q = rows.lead_index.shape
    points, log_weights = product_rule(nodes, q)
    effects = mode.u[rows.lead_index] + np.einsum("lba,jb->jla", half, points)
    pattern = _pattern(rows.groups, levels, across)

    log_terms = np.empty((len(points), levels))
    scores, seconds = [], []
    for j in range(len(points)):
        flat = np.zeros(rows.size)
        flat[rows.lead_index] = effects[j]
        jet = conditional.jet(flat, 2)
        log_terms[j] = np.bincount(rows.groups, jet.value, levels)
        log_terms[j] -= 0.5 * np.sum(effects[j] ** 2, axis=1)
        scores.append(pattern.total(jet.first[0][:, None] * across.columns))
        seconds.append(jet.second[pair(0, 0)])
    log_terms += (log_weights + 0.5 * np.sum(points**2, axis=1))[:, None]
    log_terms = np.where(np.isnan(log_terms), -np.inf, log_terms)
    with np.errstate(all="ignore"):
        posterior = np.exp(log_terms - logsumexp(log_terms, axis=0))
    if not np.all(np.isfinite(posterior)):
        return None

    by_entry = posterior[:, pattern.level]
    mean = np.einsum("je,je->e", by_entry, np.array(scores))
    covariance = np.zeros((across.size, across.size))
    second = np.zeros(len(rows.groups))
    for j, score in enumerate(scores):
        weight = posterior[j][rows.groups]
        second += np.where(weight > 0.0, weight * seconds[j], 0.0)
        centered = np.where(by_entry[j] > 0.0, np.sqrt(by_entry[j]) * (score - mean), 0.0)
        part = pattern.matrix(centered)
        covariance += (part.T @ part).toarray()
    curvature = np.zeros_like(covariance)
    for a in range(across.width):
        for b in range(across.width):
            cell = across.index[:, a] * across.size + across.index[:, b]
            product = second * across.columns[:, a] * across.columns[:, b]
            curvature += np.bincount(cell, product, across.size**2).reshape(curvature.shape)
    return Moments(
        conditional, mode, points, effects, posterior, pattern, mean, curvature, covariance
    )


def spread_sums(moments: Moments, across: RowDesign, b: FloatArray) -> NodeSums:
    """What the nodes give to the gradient of sum of T / 2, for a fixed B.

    Parameters
    ----------
    moments : Moments
        Posterior moments, with a mode of third order.
    across : RowDesign
        Row coordinates of v.
    b : ndarray (U_v, U_v)
        The symmetric matrix B.

    Returns
    -------
    NodeSums
        For :func:`ilk.kernels.reference.laplace.row_gradient`; the value is the sum of T / 2.
    """
    conditional, mode, posterior = moments.conditional, moments.mode, moments.posterior
    rows, groups = conditional.rows, conditional.rows.groups
    levels, q = rows.lead_index.shape
    z, index = across.columns, across.index
    tau = np.einsum("ni,nij,nj->n", z, b[index[:, :, None], index[:, None, :]], z)

    spread, pulls = np.empty_like(posterior), []
    for j in range(len(posterior)):
        jet = conditional.jet(moments.at(j), 2)
        rest = moments.pattern.total(jet.first[0][:, None] * z) - moments.mean
        product = moments.pattern.matrix(rest) @ b
        pulls.append(np.einsum("ni,ni->n", z, product[groups[:, None], index]))
        quadratic = rest * product[moments.pattern.level, moments.pattern.effect]
        spread[j] = np.bincount(groups, jet.second[pair(0, 0)] * tau, levels)
        spread[j] += np.bincount(moments.pattern.level, quadratic, levels)
    spread = np.where(posterior > 0.0, spread, 0.0)
    total = np.sum(posterior * spread, axis=0)

    count, (n, m) = mode.jet.variables, rows.index.shape
    score, score_u = np.zeros((count, n)), np.zeros((count, n, m))
    first, second = np.zeros((levels, q)), np.zeros((levels, q, q))
    for j, weight in enumerate(posterior):
        flat = moments.at(j)
        jet = conditional.jet(flat, 3)
        beyond = spread[j] - total
        rho = 0.5 * np.array(
            [
                beyond[groups] * jet.first[k]
                + jet.third[triple(0, 0, k)] * tau
                + 2.0 * jet.second[pair(0, k)] * pulls[j]
                for k in range(count)
            ]
        )
        rho = np.where(weight[groups] > 0.0, rho, 0.0)
        part = weight[groups] * rho
        score += part
        score_u += part[:, :, None] * flat[rows.index]
        a = rows.total(conditional.scaled * rows.by_predictor(rho))[rows.lead_index]
        a = weight[:, None] * (a - 0.5 * beyond[:, None] * moments.effects[j])
        first += a
        second += moments.points[j][:, None] * a[:, None, :]
    half = mode.arrow.half
    lower = np.tril(second @ half.transpose(0, 2, 1))
    middle = lower + lower.transpose(0, 2, 1)
    middle[:, np.arange(q), np.arange(q)] *= 0.5
    shift = np.zeros(rows.size)
    shift[rows.lead_index] = first
    blocks = half.transpose(0, 2, 1) @ middle @ half
    return NodeSums(0.5 * float(np.sum(total)), score, score_u, shift, blocks[groups])
