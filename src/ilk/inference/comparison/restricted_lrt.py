r"""Exact distribution of the (restricted) likelihood ratio of one variance in a linear mixed model.

In :math:`y = X\beta + Zb + e`, :math:`b \sim N(0, \lambda\sigma^2 I)`, let :math:`\mu_s` be the
eigenvalues of :math:`Z'(I - H)Z`, H the projection onto the p columns of X, and :math:`\xi_s` those
of :math:`Z'Z`.  If :math:`\lambda = 0`, then with independent :math:`w_s \sim N(0, 1)` the
restricted ratio is distributed as

.. math:: \sup_{\lambda \ge 0} \Bigl\{ (n - p) \log\frac{\sum_{s=1}^{n-p} w_s^2}{D(\lambda)}
   - \sum_s \log(1 + \lambda\mu_s) \Bigr\}, \qquad
   D(\lambda) = \sum_{s=1}^{K} \frac{w_s^2}{1 + \lambda\mu_s} + \sum_{s=K+1}^{n-p} w_s^2

(Crainiceanu and Ruppert 2004, JRSS B 66, 165-185); the unrestricted one has n in the place of
n - p before the logarithm, and :math:`\xi_s` in the last sum.  Only these eigenvalues are needed,
of a matrix as large as the number of levels.  Levels that depend on each other, with covariance
:math:`RR'`, are independent ones of the columns ZR.  With other random effects in the model, their
contribution is taken as known (Greven, Crainiceanu, Kuechenhoff and Peters 2008, JCGS 17, 870-891).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["MAX_LEVELS", "Spectrum", "ratio_draws", "spectrum"]

MAX_LEVELS = 2_000
"""Most levels whose eigenvalues are computed, unless all levels weigh the same."""

_GRID = 160
"""Values of lambda among which the supremum is looked for, before it is refined."""

_CELLS = 4_000_000
"""Numbers held at one time."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """What the distribution depends on.

    Parameters
    ----------
    mu : (k,) array
        Distinct positive eigenvalues of Z'(I - H)Z.
    multiplicity : (k,) array
        How often each occurs.
    xi : (l,) array
        Eigenvalues of Z'Z.
    n, p : int
        Number of observations and of columns of X.
    """

    mu: FloatArray
    multiplicity: FloatArray
    xi: FloatArray
    n: int
    p: int


def spectrum(
    fitted: Fitted,
    column: FloatArray,
    codes: IntArray,
    levels: int,
    root: Callable[[], FloatArray] | None = None,
) -> Spectrum | None:
    """Eigenvalues for one random effect of a linear mixed model.

    Parameters
    ----------
    fitted : Fitted
        A linear model of the rows; its fixed part and weights count.
    column : (n,) array
        Column of the effect.
    codes : (n,) array of int
        Level of each row.
    levels : int
        Number of levels.
    root : callable, optional
        Gives a root R (levels, levels) of the covariance matrix of the levels, for levels that
        depend on each other.

    Returns
    -------
    Spectrum or None
        None with more than `MAX_LEVELS` levels that do not weigh the same, or depend on each other.
    """
    design = fitted.design
    X = design.fixed[0].X
    weight = np.ones(len(X))
    for weights in (design.frequency_weights, design.precision_weights):
        weight = weight if weights is None else weight * weights
    half = np.sqrt(weight)
    Q = np.linalg.qr(X * half[:, None])[0]
    xi: FloatArray = np.bincount(codes, weight * column**2, levels).astype(np.float64)
    A = np.column_stack([np.bincount(codes, column * half * q, levels) for q in Q.T])
    if root is not None:
        if levels > MAX_LEVELS:
            return None
        R = root()
        mu = np.linalg.eigvalsh(R.T @ (np.diag(xi) - A @ A.T) @ R)
        own = np.linalg.eigvalsh(R.T @ (xi[:, None] * R))
        xi = np.where(own > 1e-10 * own[-1], own, 0.0).astype(np.float64)
    elif np.ptp(xi) <= 1e-10 * xi.max():
        size = min(A.shape)
        own = xi[0] - np.linalg.svd(A, compute_uv=False)[:size] ** 2
        mu = np.concatenate([own, np.full(levels - size, xi[0])])
    elif levels <= MAX_LEVELS:
        mu = np.linalg.eigvalsh(np.diag(xi) - A @ A.T)
    else:
        return None
    mu = np.sort(mu[mu > 1e-10 * xi.max()])
    first = np.concatenate([[True], np.diff(mu) > 1e-9 * mu[-1]])[: len(mu)]
    starts = np.flatnonzero(first)
    counts = np.diff(np.append(starts, len(mu))).astype(np.float64)
    return Spectrum(mu[starts].astype(np.float64), counts, xi[xi > 0.0], fitted.nobs, X.shape[1])


def ratio_draws(found: Spectrum, *, reml: bool, draws: int, seed: int | None) -> FloatArray:
    """Draw likelihood ratios under the hypothesis that the variance is zero.

    Parameters
    ----------
    found : Spectrum
        Of the effect.
    reml : bool
        Whether the likelihood is restricted.
    draws : int
        Number of draws.
    seed : int or None
        Makes the draws repeatable.

    Returns
    -------
    (draws,) array
    """
    rng = np.random.default_rng(seed)
    mu, rest = found.mu, found.n - found.p - int(found.multiplicity.sum())
    scale = found.n - found.p if reml else found.n
    lam = np.geomspace(1e-4 / mu[-1], 1e4 / np.median(mu), _GRID)
    shrink = 1.0 / (1.0 + np.outer(mu, lam))
    if reml:
        penalty = found.multiplicity @ np.log1p(np.outer(mu, lam))
    else:
        penalty = np.log1p(np.outer(found.xi, lam)).sum(axis=0)
    chunk = max(1, _CELLS // (len(mu) + 2 * _GRID))
    out = []
    for start in range(0, draws, chunk):
        size = min(chunk, draws - start)
        w = rng.chisquare(found.multiplicity, (size, len(mu)))
        tail = rng.chisquare(rest, size) if rest > 0 else np.zeros(size)
        total = w.sum(axis=1) + tail
        values = scale * np.log(total[:, None] / (w @ shrink + tail[:, None])) - penalty
        out.append(np.maximum(_peak(values), 0.0))
    return np.concatenate(out)


def _peak(values: FloatArray) -> FloatArray:
    """Maximum of each row, by the parabola through the largest value and its neighbors."""
    at = np.clip(values.argmax(axis=1), 1, values.shape[1] - 2)
    rows = np.arange(len(values))
    left, middle, right = (values[rows, at + step] for step in (-1, 0, 1))
    bend = left - 2.0 * middle + right
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = np.where(bend < 0.0, -((right - left) ** 2) / (8.0 * bend), 0.0)
    inner = (middle >= left) & (middle >= right)
    return np.asarray(np.where(inner, middle + rise, np.maximum(left, right)))
