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

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast, final

import numpy as np
from scipy import sparse

from ilk.kernels.reference.conditional import Conditional, Mode, find_mode
from ilk.kernels.reference.quadrature import NodeSums
from ilk.kernels.reference.rows import RowDesign
from ilk.num.jets import Jet, pair, triple, variables
from ilk.num.quadrature import product_rule
from ilk.num.stable import logsumexp
from ilk.typing import FloatArray, IntArray

__all__ = ["Moments", "find_moments", "spread_sums"]


_CHUNK = 50_000
"""Rows times nodes that are evaluated at once."""


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
        """Matrix (J levels, effects) of values (J, E) for J nodes."""
        count, entries = values.shape
        ends = np.searchsorted(self.level, np.arange(self.shape[0]))
        starts = (ends + entries * np.arange(count)[:, None]).ravel()
        return cast(
            "sparse.csr_array",
            sparse.csr_array(
                (values.ravel(), np.tile(self.effect, count), np.append(starts, values.size)),
                shape=(count * self.shape[0], self.shape[1]),
            ),
        )

    def total(self, contributions: FloatArray) -> FloatArray:
        """Sum row contributions (J, n, m) by entry, (J, E)."""
        count, entries = len(contributions), len(self.level)
        place = self.entry + entries * np.arange(count)[:, None, None]
        flat = np.bincount(place.ravel(), contributions.ravel(), count * entries)
        return np.asarray(flat, dtype=np.float64).reshape(count, entries)


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
    first, second : ndarray (J, n)
        Derivatives of the rows' log densities in the first predictor, zero where a node has no
        weight.
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
    first: FloatArray
    second: FloatArray
    pattern: Pattern
    mean: FloatArray
    curvature: FloatArray
    covariance: FloatArray

    @property
    def information(self) -> FloatArray:
        """Hessian in the crossing effects b_v of the sum of log I, (U_v, U_v)."""
        return self.curvature + self.covariance


def _chunks(nodes: int, rows: int) -> Iterator[slice]:
    """Nodes to be evaluated together."""
    size = max(1, _CHUNK // max(1, rows))
    for start in range(0, nodes, size):
        yield slice(start, min(nodes, start + size))


def _jets(conditional: Conditional, effects: FloatArray, order: int) -> Jet:
    """Weighted log density of all rows at nodes (J, L, q), nodes by nodes: (J n,)."""
    rows, data = conditional.rows, conditional.data
    by_row, count = effects[:, rows.groups], len(effects)
    eta = [
        (fixed + conditional.loadings.reach(by_row, k)).ravel()
        for k, fixed in enumerate(conditional.fixed)
    ]
    trials = None if data.trials is None else np.tile(data.trials, count)
    with np.errstate(all="ignore"):
        jet = conditional.density.log_density(
            np.tile(data.response, count), trials, variables(eta, order)
        )
        return jet if data.weights is None else jet * np.tile(data.weights, count)


def _by_level(values: FloatArray, groups: IntArray, levels: int) -> FloatArray:
    """Sum values (J, n) of rows by level, (J, L)."""
    count = len(values)
    place = groups + levels * np.arange(count)[:, None]
    flat = np.bincount(place.ravel(), values.ravel(), count * levels)
    return np.asarray(flat, dtype=np.float64).reshape(count, levels)


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
    rows, groups = conditional.rows, conditional.rows.groups
    levels, q = rows.lead_index.shape
    points, log_weights = product_rule(nodes, q)
    effects = mode.u[rows.lead_index] + np.einsum("lba,jb->jla", mode.arrow.half, points)
    shape = len(points), len(groups)
    first, second = np.empty(shape), np.empty(shape)
    log_terms = np.empty((len(points), levels))
    for part in _chunks(*shape):
        jet = _jets(conditional, effects[part], 2)
        log_terms[part] = _by_level(jet.value.reshape(-1, len(groups)), groups, levels)
        first[part] = jet.first[0].reshape(-1, len(groups))
        second[part] = jet.second[pair(0, 0)].reshape(-1, len(groups))
    log_terms += log_weights[:, None] + 0.5 * np.sum(points**2, axis=1)[:, None]
    log_terms -= 0.5 * np.sum(effects**2, axis=2)
    log_terms = np.where(np.isnan(log_terms), -np.inf, log_terms)
    with np.errstate(all="ignore"):
        posterior = np.exp(log_terms - logsumexp(log_terms, axis=0))
    if not np.all(np.isfinite(posterior)):
        return None
    possible = posterior[:, groups] > 0.0
    first, second = np.where(possible, first, 0.0), np.where(possible, second, 0.0)

    pattern = _pattern(groups, levels, across)
    scores = np.vstack(
        [pattern.total(first[part, :, None] * across.columns) for part in _chunks(*shape)]
    )
    weights = posterior[:, pattern.level]
    mean = np.sum(weights * scores, axis=0)
    centered = np.sqrt(weights) * (scores - mean)
    curvature, covariance = np.zeros((2, across.size, across.size))
    for part in _chunks(*shape):
        block = pattern.matrix(centered[part])
        covariance += (block.T @ block).toarray()
    bend = np.sum(posterior[:, groups] * second, axis=0)
    for a in range(across.width):
        for b in range(across.width):
            cell = across.index[:, a] * across.size + across.index[:, b]
            product = bend * across.columns[:, a] * across.columns[:, b]
            curvature += np.bincount(cell, product, across.size**2).reshape(curvature.shape)
    return Moments(
        conditional, mode, points, effects, posterior, first, second, pattern, mean,
        curvature, covariance,
    )  # fmt: skip


def _quadratic(moments: Moments, across: RowDesign, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return q_j of each level (J, L), and z'B(s_j - s-) of each row (J, n)."""
    groups = moments.conditional.rows.groups
    levels = moments.posterior.shape[1]
    z, index, pattern = across.columns, across.index, moments.pattern
    tau = _squares(across, b)
    spread, pull = np.empty_like(moments.posterior), np.empty_like(moments.first)
    for part in _chunks(*moments.first.shape):
        rest = pattern.total(moments.first[part, :, None] * z) - moments.mean
        product = np.asarray(pattern.matrix(rest) @ b).reshape(len(rest), levels, across.size)
        pull[part] = np.einsum("ni,jni->jn", z, product[:, groups[:, None], index])
        squares = rest * product[:, pattern.level, pattern.effect]
        spread[part] = _by_level(moments.second[part] * tau, groups, levels)
        spread[part] += _by_level(squares, pattern.level, levels)
    return np.where(moments.posterior > 0.0, spread, 0.0), pull


def _squares(across: RowDesign, b: FloatArray) -> FloatArray:
    """Quadratic forms z'Bz of the rows (n,)."""
    z, index = across.columns, across.index
    tau: FloatArray = np.einsum("ni,nij,nj->n", z, b[index[:, :, None], index[:, None, :]], z)
    return tau


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
    tau = _squares(across, b)
    spread, pull = _quadratic(moments, across, b)
    total = np.sum(posterior * spread, axis=0)
    beyond = spread - total

    count, (n, m) = mode.jet.variables, rows.index.shape
    score, score_u = np.zeros((count, n)), np.zeros((count, n, m))
    first, second = np.zeros((levels, q)), np.zeros((levels, q, q))
    for part in _chunks(len(posterior), n):
        effects, weight = moments.effects[part], posterior[part]
        jet = _jets(conditional, effects, 3)
        by_row = weight[:, groups]
        shares = []
        for k in range(count):
            rho = beyond[part][:, groups] * jet.first[k].reshape(-1, n)
            rho = rho + jet.third[triple(0, 0, k)].reshape(-1, n) * tau
            rho = rho + 2.0 * jet.second[pair(0, k)].reshape(-1, n) * pull[part]
            shares.append(np.where(by_row > 0.0, 0.5 * by_row * rho, 0.0))
            score[k] += shares[k].sum(axis=0)
            score_u[k] += np.einsum("jn,jnm->nm", shares[k], effects[:, groups])
        a = -0.5 * (weight * beyond[part])[:, :, None] * effects
        for c in range(m):
            of_c = conditional.loadings.part(c, c + 1)
            pushed = sum(values * shares[k] for _, k, values in of_c)
            a[:, :, c] += _by_level(np.asarray(pushed), groups, levels)
        first += a.sum(axis=0)
        second += np.einsum("jx,jla->lxa", moments.points[part], a)
    half = mode.arrow.half
    lower = np.tril(second @ half.transpose(0, 2, 1))
    middle = lower + lower.transpose(0, 2, 1)
    middle[:, np.arange(q), np.arange(q)] *= 0.5
    shift = np.zeros(rows.size)
    shift[rows.lead_index] = first
    blocks = half.transpose(0, 2, 1) @ middle @ half
    return NodeSums(0.5 * float(np.sum(total)), score, score_u, shift, blocks[groups])
