r"""Marginal likelihood by importance sampling around the joint mode, with its exact gradient.

The effects u of the leading grouping factor (:mod:`ilk.kernels.reference.rows`) are independent
given all others, v.  With H = LL' at the joint mode, effects ordered (u, v),

.. math:: v(x) = \hat v + L_v^{-\top} x, \qquad
   u_l(x, z) = \hat u_l + L_l^{-\top}\{z - Y_l (v(x) - \hat v)\},

.. math:: I = |L|^{-1} \sum_x w(x)\, e^{(|x|^2 - |v|^2)/2} \prod_l \sum_z w_l(z)\,
   e^{(|z|^2 - |u_l|^2)/2 + \sum_i \ell_i} .

This is the rule of nested quadrature (:mod:`ilk.kernels.reference.nested`) with two depths, whose
points x are drawn: from the normal approximation of the conditional distribution, with a share of
multivariate t so that no weight :math:`w \propto \varphi / q` is unbounded (Hesterberg 1995).  So
the levels' own errors, which add up over them, are integrated away for each draw and do not make
the weights degenerate.  v falls into the connected parts of the design, each with weights of its
own.  The draws are the same wherever the likelihood is evaluated, which makes it a smooth function;
its gradient is that of the nested rule, a weighted score with a control variate that vanishes
where the Laplace approximation is exact.  Mathematics: docs/derivations/approximation.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np
from scipy import sparse, special
from scipy.sparse.csgraph import connected_components

from ilk.kernels.reference.conditional import Conditional, Mode
from ilk.kernels.reference.quadrature import NodeSums
from ilk.num.jets import Jet, variables
from ilk.num.quadrature import product_rule
from ilk.num.stable import logsumexp

if TYPE_CHECKING:
    from ilk.kernels.reference.rows import RowDesign
    from ilk.typing import FloatArray, IntArray

__all__ = [
    "Rule",
    "Sampled",
    "centered",
    "effective_size",
    "integrate_sampled",
    "make_rule",
    "work_of",
]

_TAIL_DF = 10.0
"""Degrees of freedom of the share of the draws with heavier tails."""

_TAIL_SHARE = 10
"""One draw in so many is of them."""

_CHUNK = 50_000
"""Rows times points that are worked on at once."""

_CENTERING = 4
"""Newton steps to the mode of the sum over the levels."""

_WITHIN = 150
"""Most draws for a level, for each draw of the effects beside its own."""

_NODES = {1: 11, 2: 7, 3: 5}
"""Quadrature nodes per dimension within levels, by number of effects."""


@final
@dataclass(frozen=True, slots=True)
class Rule:
    """Points that the effects are summed over.

    Attributes
    ----------
    outer : ndarray (J, R)
        Draws x for the effects that do not lead.
    outer_weights : ndarray (J, B)
        Logarithms of w by connected part.
    inner : ndarray (K, L, Q) or (K, 1, Q)
        Points z for each level of the leading factor.
    inner_weights : ndarray (K, L) or (K, 1)
        Logarithms of w.
    drawn : bool
        Whether the inner points are draws.
    rest_part : ndarray (R,) of int
        Connected part of each effect that does not lead.
    level_part : ndarray (L,) of int
        Connected part of each level.
    """

    outer: FloatArray
    outer_weights: FloatArray
    inner: FloatArray
    inner_weights: FloatArray
    drawn: bool
    rest_part: IntArray
    level_part: IntArray

    @property
    def parts(self) -> int:
        """Number B of connected parts."""
        return int(self.outer_weights.shape[1])


@final
@dataclass(frozen=True, slots=True)
class Sampled:
    """What the draws give.

    Attributes
    ----------
    sums : NodeSums
        Value, and what the gradient needs.
    effective : float
        Smallest effective number of draws of a connected part, or of a level.
    """

    sums: NodeSums
    effective: float


def make_rule(rows: RowDesign, draws: int, seed: int) -> Rule:
    """Draw the points.

    Where there are effects beside those of the leading factor, and at most three of these per
    level, these are integrated by quadrature for each draw of the others.

    Parameters
    ----------
    rows : RowDesign
        Random effects in row coordinates.
    draws : int
        Number of draws.
    seed : int
        Seed.

    Returns
    -------
    Rule
    """
    rng = np.random.default_rng(seed)
    levels, q = rows.lead_index.shape
    rest_part, level_part = _parts(rows)
    R, B = len(rest_part), int(level_part.max(initial=0)) + 1
    outer, weights = np.zeros((1, 0)), np.zeros((1, 1))
    if R:
        outer, weights = np.empty((draws, R)), np.empty((draws, B))
        for b in range(B):
            own = rest_part == b
            points, ratio = _mixture(_pairs(rng, draws, int(own.sum())), rng)
            outer[:, own], weights[:, b] = points, ratio - math.log(draws)
    drawn = not R or q not in _NODES
    if drawn:
        draws = min(draws, _WITHIN) if R else draws
        inner = np.empty((draws, levels, q))
        ratio = np.empty((draws, levels))
        for level in range(levels):
            points = special.ndtri(_lattice(rng, draws, q))
            inner[:, level], ratio[:, level] = _mixture(points, rng)
        inner_weights = ratio - math.log(draws)
    else:
        points, log_weights = product_rule(_NODES[q], q)
        inner, inner_weights = points[:, None, :], log_weights[:, None]
    return Rule(outer, weights, inner, inner_weights, drawn, rest_part, level_part)


def work_of(rows: RowDesign, draws: int) -> int:
    """Evaluations of the density that one pass over the points of a rule takes."""
    q = rows.leading
    if not len(rows.rest_index):
        return draws * len(rows.groups)
    within = _NODES[q] ** q if q in _NODES else min(draws, _WITHIN)
    return draws * within * len(rows.groups)


def _parts(rows: RowDesign) -> tuple[IntArray, IntArray]:
    """Connected part of each effect that does not lead and of each level of the leading factor."""
    levels, R = len(rows.lead_index), len(rows.rest_index)
    if not R:
        return np.zeros(0, int), np.zeros(levels, int)
    size = levels + R
    left = np.repeat(rows.groups, rows.rest.shape[1])
    edges = (np.ones(left.size), (left, levels + rows.rest.ravel()))
    graph = sparse.coo_array(edges, shape=(size, size))
    _, part = connected_components(graph, directed=False)
    return part[levels:], part[:levels]


def _pairs(rng: np.random.Generator, draws: int, size: int) -> FloatArray:
    """Standard normal draws (draws, size) in pairs of opposite sign."""
    half = rng.standard_normal(((draws + 1) // 2, size))
    return np.stack([half, -half], axis=1).reshape(-1, size)[:draws]


def _lattice(rng: np.random.Generator, draws: int, size: int) -> FloatArray:
    """Evenly spread points in the unit cube: multiples of square roots of primes, shifted."""
    primes = [p for p in range(2, 40 + 20 * size) if all(p % d for d in range(2, p))][:size]
    steps = np.sqrt(np.array(primes, dtype=np.float64))
    points = np.arange(1, draws + 1)[:, None] * steps + rng.random(size)
    return np.clip(points % 1.0, 1e-12, 1.0 - 1e-12)


def _mixture(normal: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Make some of the normal points t, and give log of normal over mixture density of all."""
    points = normal.copy()
    count, d = points.shape
    tails = (np.arange(count) // 2) % _TAIL_SHARE == _TAIL_SHARE - 1
    share = float(tails.mean())
    if share == 0.0:
        return points, np.zeros(count)
    pairs = np.sqrt(_TAIL_DF / rng.chisquare(_TAIL_DF, size=(count + 1) // 2))
    points[tails] *= np.repeat(pairs, 2)[:count][tails, None]
    square = np.sum(points**2, axis=1)
    nu = _TAIL_DF
    log_t = special.gammaln(0.5 * (nu + d)) - special.gammaln(0.5 * nu) - 0.5 * d * math.log(nu / 2)
    log_t = log_t - 0.5 * (nu + d) * np.log1p(square / nu)
    # both without the constant (2 pi)^(-d/2)
    ratio = log_t + 0.5 * square
    return points, -np.logaddexp(math.log1p(-share), math.log(share) + ratio)


def effective_size(log_weights: FloatArray) -> FloatArray:
    """Effective number of draws of log weights (J, ...): square of the sum over sum of squares."""
    scaled = np.exp(log_weights - np.max(log_weights, axis=0))
    out: FloatArray = np.sum(scaled, axis=0) ** 2 / np.sum(scaled**2, axis=0)
    return out


@final
@dataclass(frozen=True, slots=True)
class _Draws:
    """The sum over points at one (beta, Lambda); C draws are worked on at once."""

    conditional: Conditional
    mode: Mode
    rule: Rule
    by_level: sparse.csr_array
    by_part: sparse.csr_array

    @property
    def rows(self) -> RowDesign:
        """Row coordinates."""
        return self.conditional.rows

    def chunks(self) -> list[slice]:
        """Draws that are worked on at once."""
        count = len(self.rule.outer)
        size = max(1, _CHUNK // (len(self.rule.inner) * len(self.rows.groups)))
        return [slice(a, min(a + size, count)) for a in range(0, count, size)]

    def effects(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Effects v (C, R) and u (C, K, L, Q) at draws x (C, R)."""
        arrow, rows = self.mode.arrow, self.rows
        levels, q, R = arrow.shaft.shape
        moved = x @ arrow.tip
        shift = (moved @ arrow.shaft.reshape(levels * q, R).T).reshape(len(x), 1, levels, q)
        u = np.einsum("lba,cklb->ckla", arrow.half, self.rule.inner - shift)
        return self.mode.u[rows.rest_index] + moved, self.mode.u[rows.lead_index] + u

    def jet(self, v: FloatArray, u: FloatArray, order: int) -> Jet:
        """Weighted log density of every row at every point, flat (C K n,)."""
        rows, data = self.rows, self.conditional.data
        count, eta = u.shape[0] * u.shape[1], []
        loadings, q = self.conditional.loadings, rows.leading
        lead, rest = loadings.part(0, q), loadings.part(q, rows.width)
        for k, fixed in enumerate(self.conditional.fixed):
            known = fixed + rest.reach(v[:, rows.rest], k)
            eta.append((known[:, None] + lead.reach(u[:, :, rows.groups, :], k)).ravel())
        with np.errstate(all="ignore"):
            jet = self.conditional.density.log_density(
                np.tile(data.response, count),
                None if data.trials is None else np.tile(data.trials, count),
                variables(eta, order),
            )
            return jet if data.weights is None else jet * np.tile(data.weights, count)

    def sum_levels(self, values: FloatArray) -> FloatArray:
        """Sum values (..., n) of rows by level of the leading factor, (..., L)."""
        flat = values.reshape(-1, values.shape[-1])
        return np.asarray((self.by_level @ flat.T).T).reshape(*values.shape[:-1], -1)

    def inner(self, u: FloatArray, jet: Jet) -> tuple[FloatArray, FloatArray]:
        """Log integrals (C, L) over the leading effects and weights (C, K, L) of their points."""
        logs = self.sum_levels(jet.value.reshape(*u.shape[:2], -1))
        logs = logs + self.rule.inner_weights + 0.5 * np.sum(self.rule.inner**2, axis=2)
        logs = logs - 0.5 * np.sum(u**2, axis=3)
        logs = np.where(np.isnan(logs), -np.inf, logs)  # an impossible mean
        with np.errstate(all="ignore"):
            total = logsumexp(logs, axis=1)
            weights = np.exp(logs - total[:, None])
        return np.asarray(total), np.where(np.isnan(weights), 0.0, weights)

    def pushed(self, c: int, first: FloatArray) -> FloatArray:
        """Slopes (..., n) of the rows' log densities in effect c, from those (K, ..., n) in eta."""
        of_c = self.conditional.loadings.part(c, c + 1)
        return np.asarray(sum(values * first[k] for _, k, values in of_c))

    def alpha(self, u: FloatArray, first: FloatArray) -> FloatArray:
        """Take a of the levels to alpha = L^-1 a at every point, (C, K, L, Q)."""
        slopes = [self.sum_levels(self.pushed(c, first)) for c in range(self.rows.leading)]
        out: FloatArray = np.einsum(
            "lab,cklb->ckla", self.mode.arrow.half, np.stack(slopes, axis=3) - u
        )
        return out

    def left(self, v: FloatArray, given: FloatArray, alphas: FloatArray) -> FloatArray:
        """Find alpha (C, R) of the effects beside from mean scores and alphas within levels."""
        rows, arrow, q = self.rows, self.mode.arrow, self.rows.leading
        left = -v
        for c in range(rows.width - q):
            slopes = self.pushed(q + c, given)
            left = left + (_sums(rows.rest[:, c], v.shape[1]) @ slopes.T).T
        shaft = arrow.shaft.reshape(alphas[0].size, v.shape[1])
        below = alphas.reshape(len(v), -1) @ shaft
        out: FloatArray = (left - below) @ arrow.tip.T
        return out

    def slope(self, x: FloatArray) -> FloatArray:
        """Slope (R,) in x of the log of what is summed, levels integrated."""
        v, u = self.effects(x[None])
        jet = self.jet(v, u, 1)
        weights = self.inner(u, jet)[1]
        by_row = weights[:, :, self.rows.groups]
        first = np.where(by_row > 0.0, jet.first.reshape(-1, *by_row.shape), 0.0)
        alphas = np.sum(self.alpha(u, first) * weights[..., None], axis=1)
        out: FloatArray = self.left(v, np.sum(by_row * first, axis=2), alphas)[0]
        return out


def centered(conditional: Conditional, mode: Mode, rule: Rule) -> Rule:
    """Move the draws of v from the joint mode to that of the sum over the levels.

    Parameters
    ----------
    conditional : Conditional
        Joint density of data and effects.
    mode : Mode
        Its mode.
    rule : Rule
        As `make_rule` has made it.

    Returns
    -------
    Rule
        With points m + s x; s is common to a part, from the curvature along a random direction.
    """
    R = rule.outer.shape[1]
    if not R:
        return rule
    draws = _draws(conditional, mode, rule)
    m = np.zeros(R)
    slope = draws.slope(m)
    for _ in range(_CENTERING):
        m = m + slope
        slope = draws.slope(m)
    signs = np.where(np.random.default_rng(0).random(R) < 0.5, -1.0, 1.0)
    bent = signs * (draws.slope(m - 0.1 * signs) - draws.slope(m + 0.1 * signs)) / 0.2
    size = np.bincount(rule.rest_part, minlength=rule.parts)
    curvature = np.bincount(rule.rest_part, bent, rule.parts) / np.maximum(size, 1)
    if not np.all(np.isfinite(m)) or not np.all(np.isfinite(curvature)):
        return rule
    scale = 1.0 / np.sqrt(np.clip(curvature, 0.5, 1.5))
    points = m + rule.outer * scale[rule.rest_part]
    to_parts = _sums(rule.rest_part, rule.parts)
    change = 0.5 * (to_parts @ (rule.outer**2 - points**2).T).T + size * np.log(scale)
    return replace(rule, outer=points, outer_weights=rule.outer_weights + change)


def _draws(conditional: Conditional, mode: Mode, rule: Rule) -> _Draws:
    rows = conditional.rows
    return _Draws(
        conditional,
        mode,
        rule,
        _sums(rows.groups, len(rows.lead_index)),
        _sums(rule.level_part, rule.parts),
    )


def integrate_sampled(
    conditional: Conditional, mode: Mode, rule: Rule, *, gradient: bool
) -> Sampled:
    """Sum the conditional density over the points.

    Parameters
    ----------
    conditional : Conditional
        Joint density of data and effects.
    mode : Mode
        Its mode.
    rule : Rule
        The points.
    gradient : bool
        Whether to sum what the gradient needs.

    Returns
    -------
    Sampled
    """
    draws = _draws(conditional, mode, rule)
    logs, effective = np.empty_like(rule.outer_weights), np.inf
    for some in draws.chunks():
        x = rule.outer[some]
        v, u = draws.effects(x)
        total, weights = draws.inner(u, draws.jet(v, u, 0))
        own = (_sums(rule.rest_part, rule.parts) @ (x**2 - v**2).T).T
        logs[some] = (draws.by_part @ total.T).T + 0.5 * own
        if rule.drawn and some.start == 0:
            effective = float(np.min(1.0 / np.sum(weights[0] ** 2, axis=0)))
    logs = np.where(np.isnan(logs + rule.outer_weights), -np.inf, logs + rule.outer_weights)
    top = logsumexp(logs, axis=0)
    value = float(np.sum(top)) - 0.5 * mode.arrow.log_det
    if len(logs) > 1 and np.isfinite(value):
        effective = min(effective, float(np.min(effective_size(logs))))
    if not gradient or not np.isfinite(value):
        empty = np.zeros(0)
        return Sampled(NodeSums(value, empty, empty, empty, empty), effective)
    return Sampled(_moments(draws, np.exp(logs - top), value), effective)


def _sums(groups: IntArray, count: int) -> sparse.csr_array:
    """Matrix (count, n) that sums by group."""
    n = len(groups)
    return sparse.csr_array((np.ones(n), (groups, np.arange(n))), shape=(count, n))


def _moments(draws: _Draws, posterior: FloatArray, value: float) -> NodeSums:
    """What the gradient needs, from a second pass over the draws with weights (J, B)."""
    rows, rule = draws.rows, draws.rule
    (n, m), q, levels = rows.index.shape, rows.leading, len(rows.lead_index)
    count, R, loadings = draws.mode.jet.variables, len(rows.rest_index), draws.conditional.loadings
    score, score_u = np.zeros((count, n)), np.zeros((count, n, m))
    mean, inside = np.zeros(rows.size), np.zeros((levels, q, q))
    alphas, outside = np.zeros((len(posterior), levels, q)), np.zeros((len(posterior), R))
    for some in draws.chunks():
        v, u = draws.effects(rule.outer[some])
        jet = draws.jet(v, u, 1)
        weights = draws.inner(u, jet)[1]
        root = posterior[some]
        at_level, at_rest = root[:, rule.level_part], root[:, rule.rest_part]
        by_row = weights[:, :, rows.groups]
        first = np.where(by_row > 0.0, jet.first.reshape(count, *by_row.shape), 0.0)
        given = np.sum(by_row * first, axis=2)
        joint = at_level[:, rows.groups] * given
        score += joint.sum(axis=1)
        weighted = (at_level[:, rows.groups][:, None] * by_row) * first
        score_u[:, :, :q] += np.einsum("ackn,cknq->anq", weighted, u[:, :, rows.groups, :])
        score_u[:, :, q:] += np.einsum("acn,cnq->anq", joint, v[:, rows.rest])
        alpha = draws.alpha(u, first) * weights[..., None]
        z = np.broadcast_to(rule.inner, alpha.shape[1:])
        inside += np.einsum("cl,kla,cklb->lab", at_level, z, alpha, optimize=True)
        alphas[some] = alpha.sum(axis=1)
        expected = np.einsum("ckl,cklq->clq", weights, u)
        mean[rows.lead_index] += np.einsum("cl,clq->lq", at_level, expected)
        mean[rows.rest_index] += np.sum(at_rest * v, axis=0)
        outside[some] = draws.left(v, given, alphas[some])
    shift = rows.total(loadings.pull(score)) - mean
    blocks = _adjusted_inverse(draws, posterior, inside, alphas, outside)
    return NodeSums(value, score, score_u, shift, blocks)


def _adjusted_inverse(
    draws: _Draws,
    posterior: FloatArray,
    inside: FloatArray,
    alphas: FloatArray,
    outside: FloatArray,
) -> FloatArray:
    """P~ = L^-T (I + 2S) L^-1 between the effects of each row, (n, m, m) in row coordinates."""
    rule, arrow = draws.rule, draws.mode.arrow
    levels, q, R = arrow.shaft.shape
    rest, across = np.zeros((R, R)), np.zeros((levels, R, q))
    for b in range(rule.parts) if R else ():
        own, here = np.flatnonzero(rule.rest_part == b), np.flatnonzero(rule.level_part == b)
        weighted = (posterior[:, b, None] * rule.outer[:, own]).T
        rest[np.ix_(own, own)] = weighted @ outside[:, own]
        product = weighted @ alphas[:, here].reshape(len(posterior), -1)
        across[np.ix_(here, own)] = product.reshape(len(own), len(here), q).transpose(1, 0, 2)
    p22 = arrow.tip.T @ _mirrored(rest[None])[0] @ arrow.tip
    outward, shaft = arrow.half.transpose(0, 2, 1), arrow.shaft
    cross = (arrow.tip.T @ across).transpose(0, 2, 1)
    mixed = cross @ shaft.transpose(0, 2, 1)
    middle = _mirrored(inside) - mixed - mixed.transpose(0, 2, 1)
    middle = middle + shaft @ p22 @ shaft.transpose(0, 2, 1)
    p12 = outward @ (cross - shaft @ p22)
    return arrow.row_blocks(outward @ middle @ arrow.half, p12, p22)


def _mirrored(product: FloatArray) -> FloatArray:
    """I + 2S of products (.., q, q): the lower triangle mirrored, the diagonal once."""
    lower = np.tril(product)
    inside = np.arange(product.shape[-1])
    out: FloatArray = lower + lower.transpose(0, 2, 1)
    out[:, inside, inside] = 1.0 + lower[:, inside, inside]
    return out
