r"""Distribution of a sum of responses with a given mean and variance, of the family's kind.

Sums of Poisson, binomial, negative binomial, normal, gamma and inverse Gaussian responses that are
alike have again such a distribution; it is the one with their mean M and variance V.  Where the
rows of a level differ, it stands for the exact one by its first two moments:

* counts: Poisson at :math:`V = M`, negative binomial with shape :math:`M^2 / (V - M)` above;
* counts out of N trials: binomial with probability :math:`p = M / N`; above its variance,
  beta-binomial; below (trials with unequal probabilities), binomial with
  :math:`p = 1 - V / M` and :math:`M / p` trials;
* positive: gamma, or inverse Gaussian; fractions: beta on (0, n); all else: normal.

Zero-inflated families have an atom at zero, the probability that all rows are excess zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.num.stable import special

if TYPE_CHECKING:
    from ilk.family.base import AbstractFamily
    from ilk.typing import FloatArray

__all__ = ["Kind", "is_discrete", "kind_of", "total_cdf"]

Kind: TypeAlias = Literal["count", "trials", "positive", "inverse_gaussian", "fraction", "real"]
"""What a sum of responses is."""

_ALIKE = 1e-7
"""Relative difference of variances that is none."""

_BETA_NODES = np.linspace(-5.5, 5.5, 33)


def kind_of(family: AbstractFamily) -> Kind:
    """Kind of the sums of responses of a family."""
    if family.takes_trials:
        return "trials"
    if family.discrete:
        return "count"
    if family.name == "inverse_gaussian":
        return "inverse_gaussian"
    if family.mean_range.low >= 0.0:
        return "fraction" if np.isfinite(family.mean_range.high) else "positive"
    return "real"


def is_discrete(kind: Kind) -> bool:
    """Whether sums are whole numbers."""
    return kind in ("count", "trials")


def total_cdf(
    kind: Kind,
    y: FloatArray,
    mean: FloatArray,
    variance: FloatArray,
    size: FloatArray,
    log_zero: FloatArray | None = None,
) -> FloatArray:
    """Probability of a total of at most y.

    Parameters
    ----------
    kind : Kind
        What the sums are.
    y, mean, variance : arrays of shapes that broadcast
        Totals, and the moments of their distribution.
    size : array
        Number of trials, or of fractions; not used by other kinds.
    log_zero : array, optional
        Logarithm of the probability of an excess zero.

    Returns
    -------
    array
    """
    if log_zero is not None:
        excess = np.exp(log_zero)
        rest = np.maximum(-np.expm1(log_zero), np.finfo(float).tiny)
        inner = mean / rest
        spread = np.maximum((variance + mean**2) / rest - inner**2, 1e-12 * inner)
        return np.where(y < 0.0, 0.0, excess + rest * total_cdf(kind, y, inner, spread, size))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if kind == "count":
            return _count(np.floor(y), mean, variance)
        if kind == "trials":
            return _trials(np.floor(y), mean, variance, size)
        return _continuous(kind, y, mean, variance, size)


def _count(y: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    sp, inside = special(), np.maximum(y, 0.0)
    excess = variance / mean - 1.0
    if np.all(np.abs(excess) <= _ALIKE):
        return np.where(y < 0.0, 0.0, sp.gammaincc(inside + 1.0, mean))
    above, below = excess > _ALIKE, excess < -_ALIKE
    shape = mean / np.where(above, excess, 1.0)
    found = np.where(
        above,
        sp.betainc(shape, inside + 1.0, shape / (shape + mean)),
        sp.gammaincc(inside + 1.0, mean),
    )
    if np.any(below):  # families of the user's own
        p = np.where(below, -excess, 0.5)
        found = np.where(below, _binomial(inside, mean / p, p), found)
    return np.where(y < 0.0, 0.0, found)


def _binomial(y: FloatArray, trials: FloatArray, p: FloatArray) -> FloatArray:
    """Distribution function of the binomial; the number of trials need not be whole."""
    inside = special().betainc(np.maximum(trials - y, 1e-300), y + 1.0, 1.0 - p)
    return np.where(y >= trials, 1.0, inside)


def _trials(
    y: FloatArray, mean: FloatArray, variance: FloatArray, trials: FloatArray
) -> FloatArray:
    y, mean, variance, trials = np.broadcast_arrays(y, mean, variance, trials)
    inside = np.clip(y, 0.0, None)
    p = np.clip(mean / trials, 1e-300, 1.0 - 1e-16)
    usual = mean * (1.0 - p)
    below = variance < usual * (1.0 - _ALIKE)
    shared = np.where(below, np.clip(1.0 - variance / mean, p, 1.0 - 1e-16), p)
    found = _binomial(inside, np.where(below, mean / shared, trials), shared)
    above = (variance > usual * (1.0 + _ALIKE)) & (trials > 1.0)
    if np.any(above):
        # Var = N p (1 - p) (1 + (N - 1) rho), rho = 1 / (a + b + 1)
        rho = (variance[above] / usual[above] - 1.0) / (trials[above] - 1.0)
        total = 1.0 / np.clip(rho, 1e-12, 1.0 - 1e-9) - 1.0
        found[above] = _beta_binomial(
            inside[above], trials[above], p[above] * total, (1.0 - p[above]) * total
        )
    return np.where(y < 0.0, 0.0, np.where(y >= trials, 1.0, found))


def _beta_binomial(y: FloatArray, trials: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """Distribution function of the beta-binomial, integrated over the smoother of two kernels.

    With H the beta distribution function of the probability,
    ``F(y) = E F_bin(y | p), p ~ H`` and, by parts, ``F(y) = E H(p), p ~ Beta(y + 1, N - y)``.
    The nodes are quantiles of the narrower of the two, where the other is smooth.
    """
    sp = special()
    weights = np.exp(-0.5 * _BETA_NODES**2)
    weights /= weights.sum()
    rest = np.maximum(trials - y, 1e-9)
    out = np.empty(len(y))
    wide = a + b < trials + 1.0
    p = _beta_nodes(y[wide] + 1.0, rest[wide])
    out[wide] = sp.betainc(a[wide, None], b[wide, None], p) @ weights
    p = _beta_nodes(a[~wide], b[~wide])
    out[~wide] = sp.betainc(rest[~wide, None], y[~wide, None] + 1.0, 1.0 - p) @ weights
    return out


def _beta_nodes(a: FloatArray, b: FloatArray) -> FloatArray:
    """Quantiles (m, nodes) of beta distributions, computed once for those that are alike."""
    _, first, inverse = np.unique(a + 1j * b, return_index=True, return_inverse=True)
    at = special().ndtr(_BETA_NODES)
    found = special().betaincinv(a[first, None], b[first, None], at)
    return np.asarray(found[inverse.ravel()])


def _continuous(
    kind: Kind, y: FloatArray, mean: FloatArray, variance: FloatArray, size: FloatArray
) -> FloatArray:
    sp = special()
    if kind == "real":
        return np.asarray(sp.ndtr((y - mean) / np.sqrt(variance)))
    inside = np.maximum(y, 0.0)
    if kind == "positive":
        return np.asarray(sp.gammainc(mean**2 / variance, inside * mean / variance))
    if kind == "inverse_gaussian":
        root = np.sqrt(mean**3 / variance / np.maximum(inside, 1e-300))
        z, x = root * (inside / mean - 1.0), root * (inside / mean + 1.0)
        tail = 0.5 * sp.erfcx(x / np.sqrt(2.0)) * np.exp(-0.5 * z * z)  # as the family has it
        return np.where(y <= 0.0, 0.0, np.minimum(sp.ndtr(z) + tail, 1.0))
    share = mean / size
    total = np.maximum(share * (1.0 - share) * size**2 / variance - 1.0, 1e-9)
    return np.asarray(
        sp.betainc(share * total, (1.0 - share) * total, np.minimum(inside / size, 1.0))
    )
