r"""Intervals around predictions.

**Confidence** limits of a mean m with standard error s are normal on the scale of the link,
:math:`g^{-1}(g(m) \pm z\, s\, |g'(m)|)`, so that they respect the range of means.

**Cluster** limits are quantiles of the distribution of the mean of a new cluster.  Its predictor
is normal around the estimate, with the variance of the estimate plus that of the random effects
that are not known, and its mean is a monotone function of it (with the square root, of its size):
the quantiles of the one are those of the other.  Effects of single rows (``olre()``) are averaged
over, for a cluster's mean does so.

**Prediction** limits are quantiles of the distribution of a new observation.  Its mean predictor is
taken as normal around the estimate, with the variance of the estimate (coefficients, covariance
parameters and, for known clusters, their random effects) plus that of the random effects that are
averaged over; given the predictors, the observation follows the family.  For a Gaussian response
with identity link the mixture is normal and the limits are exact; for others the distribution
function is averaged by quadrature and inverted.  Uncertainty about dispersion and zero-inflation
coefficients is not included.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import FitError, ModelError
from ilk.family.inflation import ZeroInflated
from ilk.num.stable import sigmoid
from ilk.prediction.correlated import average_correlated
from ilk.prediction.means import averaged_mean, is_inverse_link
from ilk.prediction.population import average

if TYPE_CHECKING:
    from ilk.family.base import AbstractFamily
    from ilk.family.link import AbstractLink
    from ilk.prediction.means import Scale
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["cluster_limits", "confidence_limits", "observation_quantiles"]

_LARGEST_COUNT = 2.0**50
"""Counts beyond are not searched for: their neighbors are no longer distinct in arithmetic."""

_WIDEST = 1e6
"""Variance of a predictor beyond which nothing is known of it, as after separation."""

_ONE_SIGN = 8.0
"""Standard deviations from zero at which a normal predictor has one sign for all purposes."""


def confidence_limits(
    link: AbstractLink, mean: FloatArray, error: FloatArray, z: float | FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Compute confidence limits of means on the scale of the link.

    Parameters
    ----------
    link : AbstractLink
        Link of the mean.
    mean, error : (n,) arrays
        Estimates and their standard errors.
    z : float or (n,) array
        Quantile, normal or t.

    Returns
    -------
    low, high : (n,) arrays
        Limits on the scale of the mean.
    """
    with np.errstate(all="ignore"):
        eta = link.link(mean)
        spread = z * error / np.abs(link.derivative(eta))
        low, high = eta - spread, eta + spread
        if link.positive_predictor:
            low = np.maximum(low, 0.0)
        ends = link.inverse(low), link.inverse(high)
    return np.minimum(*ends), np.maximum(*ends)


def cluster_limits(
    family: AbstractFamily,
    eta: Sequence[FloatArray],
    uncertain: FloatArray,
    between: Sequence[FloatArray],
    within: Sequence[FloatArray],
    z: float,
    scale: Scale,
) -> tuple[FloatArray, FloatArray]:
    """Quantiles of the mean of a new cluster.

    Parameters
    ----------
    family : AbstractFamily
        Distribution given the predictors.
    eta : sequence of K (n,) arrays
        Centers of the linear predictors.
    uncertain : (n,) array
        Variance of the estimated predictor of the mean.
    between, within : sequences of K (n,) arrays
        Variances of the predictors between clusters, and from row to row within them.
    z : float or (n,) array
        Quantile, normal or t.
    scale : {"response", "link"}
        Means, or predictors.

    Returns
    -------
    low, high : (n,) arrays

    Raises
    ------
    ModelError
        The mean of a cluster depends on random effects of more than one predictor.
    """
    if scale == "response" and not (is_inverse_link(family) or isinstance(family, ZeroInflated)):
        raise ModelError(
            f"interval='cluster': the mean of family {family.name!r} is a function of several "
            "predictors, so that its quantiles are not those of one. Ask for "
            "interval='confidence' or 'prediction'.",
            code="cluster-interval",
        )
    if scale == "response" and isinstance(family, ZeroInflated) and np.any(between[-1]):
        raise ModelError(
            "interval='cluster': the mean of a cluster depends on its random effects in the mean "
            "and in the zero inflation, so that its quantiles are not those of one predictor. Ask "
            "for scale='link' (the counts alone), or interval='confidence' or 'prediction'.",
            code="cluster-interval",
        )
    spread = np.sqrt(uncertain + between[0])
    ends = []
    for end in _predictor_limits(family, eta[0], spread, z, scale):
        if family.link.positive_predictor:
            end = np.maximum(end, 0.0)
        with np.errstate(all="ignore"):
            moved = averaged_mean(family, [end, *eta[1:]], within, scale=scale, derivatives=False)
        ends.append(moved.value)
    return np.minimum(*ends), np.maximum(*ends)


def _predictor_limits(
    family: AbstractFamily, eta: FloatArray, spread: FloatArray, z: float, scale: Scale
) -> tuple[FloatArray, FloatArray]:
    """Predictors at the quantiles of a cluster's mean.

    With the square root the mean rises with the size of the predictor, which has a noncentral chi
    distribution.
    """
    low, high = eta - z * spread, eta + z * spread
    if family.link.name != "sqrt" or scale == "link":
        return low, high
    from scipy.special import chndtrix, ndtr

    folds = (np.abs(eta) < _ONE_SIGN * spread) & (spread > 0.0)
    s, p = spread[folds], float(ndtr(z))
    low, high = np.where(eta < 0.0, -high, low), np.where(eta < 0.0, -low, high)
    low[folds] = s * np.sqrt(chndtrix(1.0 - p, 1.0, (eta[folds] / s) ** 2))
    high[folds] = s * np.sqrt(chndtrix(p, 1.0, (eta[folds] / s) ** 2))
    return low, high


def observation_quantiles(
    family: AbstractFamily,
    eta: Sequence[FloatArray],
    variance: Sequence[FloatArray],
    trials: FloatArray | None,
    probabilities: Sequence[float],
    covariance: FloatArray | None = None,
) -> tuple[FloatArray, ...]:
    """Quantiles of new observations whose linear predictors are uncertain.

    Parameters
    ----------
    family : AbstractFamily
        Distribution given the predictors.
    eta : sequence of K (n,) arrays
        Centers of the linear predictors.
    variance : sequence of K (n,) arrays
        Variances of the (normal, independent) linear predictors.
    trials : (n,) array or None
        Binomial sizes.
    probabilities : sequence of float
        Which quantiles.
    covariance : (n, K, K) array, optional
        Covariance matrices of the linear predictors, where they are correlated.

    Returns
    -------
    tuple of (n,) arrays
        For each probability, the smallest y with P(Y <= y) at least that probability.
    """
    bounded = family.link.name in ("log", "logit", "probit", "cloglog")
    if bounded and any(np.any(v > _WIDEST) for v in variance):
        raise _endless(family)
    K = len(eta)
    zero = np.zeros_like(eta[0])
    extra = [] if trials is None else [trials]

    def distribution(y: FloatArray, rows: BoolArray) -> FloatArray:
        def at(arguments: Sequence[FloatArray]) -> FloatArray:
            sizes = None if trials is None else arguments[K + 1]
            return family.cdf(arguments[K], sizes, arguments[:K])

        centers = [a[rows] for a in (*eta, y, *extra)]
        spreads = [a[rows] for a in (*variance, zero, *(zero for _ in extra))]
        if covariance is not None:
            wide = np.zeros((len(centers[0]), len(centers), len(centers)))
            wide[:, :K, :K] = covariance[rows]
            return average_correlated(at, centers, wide, tolerance=1e-6).value
        try:
            return average(at, centers, spreads, tolerance=1e-7).value
        except FitError:
            pass
        try:  # nearly zero probabilities need no relative accuracy
            return average(lambda a: 1.0 + at(a), centers, spreads, tolerance=1e-7).value - 1.0
        except FitError:
            raise _endless(family) from None

    center = family.mean(eta)
    if trials is not None:
        center = center * trials
    search = _discrete_quantile if family.discrete else _continuous_quantile
    if family.discrete or not family.has_atoms:
        return tuple(search(family, distribution, center, p) for p in probabilities)
    at_zero = distribution(zero, np.ones(len(zero), dtype=bool))
    found = []
    for p in probabilities:
        above = np.flatnonzero(at_zero < p)  # the others are zero with that probability

        def of_some(y: FloatArray, rows: BoolArray, above: IntArray = above) -> FloatArray:
            chosen, values = np.zeros(len(zero), dtype=bool), zero.copy()
            chosen[above[rows]], values[above] = True, y
            return distribution(values, chosen)

        quantile = zero.copy()
        quantile[above] = _continuous_quantile(family, of_some, center[above], p)
        found.append(quantile)
    return tuple(found)


def _discrete_quantile(
    family: AbstractFamily,
    distribution: Callable[[FloatArray, BoolArray], FloatArray],
    center: FloatArray,
    p: float,
) -> FloatArray:
    """Smallest count whose distribution function reaches p, by doubling and bisection."""
    low = np.full(len(center), -1.0)  # distribution below p
    high = np.ceil(np.maximum(center, 0.0))
    todo = np.ones(len(center), dtype=bool)
    while True:
        reached = np.zeros_like(todo)
        reached[todo] = distribution(high, todo) >= p
        low = np.where(todo & ~reached, high, low)
        todo &= ~reached
        if not todo.any():
            break
        high = np.where(todo, 2.0 * high + 1.0, high)
        if np.any(high > _LARGEST_COUNT):
            raise _endless(family)
    while True:
        todo = high - low > 1.0
        if not todo.any():
            return high
        middle = np.where(todo, np.floor(0.5 * (low + high)), high)
        reached = np.zeros_like(todo)
        reached[todo] = distribution(middle, todo) >= p
        high = np.where(todo & reached, middle, high)
        low = np.where(todo & ~reached, middle, low)


def _continuous_quantile(
    family: AbstractFamily,
    distribution: Callable[[FloatArray, BoolArray], FloatArray],
    center: FloatArray,
    p: float,
) -> FloatArray:
    """Root of the distribution function minus p, by bisection on the real line."""
    to_real, from_real = _real_line(family)
    t = to_real(center)
    rows = np.ones(len(t), dtype=bool)
    scale = np.maximum(1.0, np.abs(t)) if family.mean_range.low == -math.inf else np.ones_like(t)
    low, high = _bracket(family, lambda s: distribution(from_real(s), rows), t, scale, p)
    for _ in range(200):
        middle = 0.5 * (low + high)
        open_ = (middle > low) & (middle < high) & (high - low > 1e-10 * (scale + np.abs(middle)))
        if not open_.any():
            break
        reached = np.zeros_like(open_)
        reached[open_] = distribution(from_real(middle), open_) >= p
        high = np.where(open_ & reached, middle, high)
        low = np.where(open_ & ~reached, middle, low)
    return from_real(0.5 * (low + high))


def _bracket(
    family: AbstractFamily,
    distribution: Callable[[FloatArray], FloatArray],
    t: FloatArray,
    scale: FloatArray,
    p: float,
) -> tuple[FloatArray, FloatArray]:
    """Points below and above a quantile, by steps that double."""
    step = 0.5 * scale
    low, high = t - step, t + step
    for _ in range(64):
        below, above = distribution(low) < p, distribution(high) >= p
        if np.all(below & above):
            return low, high
        step = 2.0 * step
        low, high = np.where(below, low, low - step), np.where(above, high, high + step)
    raise _endless(family)


def _real_line(
    family: AbstractFamily,
) -> tuple[Callable[[FloatArray], FloatArray], Callable[[FloatArray], FloatArray]]:
    """Map between the range of a continuous response and the real line."""
    if family.mean_range.low == -math.inf:
        return (lambda y: y), (lambda t: t)
    if family.mean_range.high == math.inf:
        return np.log, lambda t: np.exp(np.clip(t, -745.0, 709.0))
    low, high = family.mean_range.low, family.mean_range.high
    return (
        lambda y: np.log(y - low) - np.log(high - y),
        lambda t: low + (high - low) * sigmoid(t),
    )


def _endless(family: AbstractFamily) -> FitError:
    return FitError(
        f"The limits of a new observation of family {family.name!r} could not be computed: its "
        "distribution is too wide. Ask for interval='confidence' instead.",
        code="prediction-interval",
    )
