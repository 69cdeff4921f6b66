r"""Limits of a level's observed number against the expected one, from its own data alone.

Let O be observed, E expected, and V the variance of O that the model gives the rows at their
expected means; :math:`\phi = V / E` for counts.

* **Counts**: :math:`O/\phi` is taken as Poisson, with exact limits (Garwood 1936)
  :math:`\phi\,\chi^2_{2O/\phi,\,\alpha/2} / 2E` and
  :math:`\phi\,\chi^2_{2O/\phi + 2,\,1-\alpha/2} / 2E`; for the Poisson family they are exact.
* **Counts out of T trials**: :math:`O/\phi` out of :math:`T/\phi` as binomial, now with
  :math:`\phi` the variance over :math:`\sum T_i p_i (1 - p_i)`, with exact limits (Clopper and
  Pearson 1934) of the proportion, times T / E.
* **Positive responses**: O / (r E) as gamma with mean 1 and variance V / E^2, exact for the gamma
  family with equal means.
* **Shares between 0 and 1**: their mean as beta, of the size that gives its variance.
* **Others**: normal, of the ratio, or of the difference per observation where the mean may be
  negative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.num.stable import special

if TYPE_CHECKING:
    from ilk.typing import FloatArray

__all__ = [
    "count_limits",
    "difference_limits",
    "gamma_limits",
    "share_limits",
    "trial_limits",
]


def count_limits(
    observed: FloatArray, expected: FloatArray, dispersion: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Limits (L,) of observed over expected counts.

    Parameters
    ----------
    observed, expected : (L,) arrays
        Counts.
    dispersion : (L,) array
        Variance over mean of the observed count; one for Poisson counts.
    level : float
        Coverage.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = count_limits(np.array([0.0, 10.0]), np.array([2.0, 8.0]), np.ones(2), 0.95)
    >>> low.round(3), high.round(3)
    (array([0.  , 0.599]), array([1.844, 2.299]))
    """
    tail = 0.5 * (1.0 - level)
    gammaincinv = special().gammaincinv
    count = observed / dispersion
    with np.errstate(all="ignore"):
        low = np.where(count > 0.0, gammaincinv(np.maximum(count, 1e-300), tail), 0.0)
        high = gammaincinv(count + 1.0, 1.0 - tail)
        return dispersion * low / expected, dispersion * high / expected


def trial_limits(
    observed: FloatArray,
    trials: FloatArray,
    expected: FloatArray,
    dispersion: FloatArray,
    level: float,
) -> tuple[FloatArray, FloatArray]:
    """Limits (L,) of observed over expected successes.

    Parameters
    ----------
    observed, trials, expected : (L,) arrays
        Successes, trials, expected successes.
    dispersion : (L,) array
        Variance over that of independent trials.
    level : float
        Coverage.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = trial_limits(*(np.array([x]) for x in (3.0, 10.0, 2.0, 1.0)), 0.95)
    >>> low.round(4), high.round(4)
    (array([0.3337]), array([3.2623]))
    """
    tail = 0.5 * (1.0 - level)
    betaincinv = special().betaincinv
    good = np.clip(observed / dispersion, 0.0, None)
    bad = np.clip((trials - observed) / dispersion, 0.0, None)
    with np.errstate(all="ignore"):
        low = np.where(good > 0.0, betaincinv(np.maximum(good, 1e-300), bad + 1.0, tail), 0.0)
        high = np.where(bad > 0.0, betaincinv(good + 1.0, np.maximum(bad, 1e-300), 1 - tail), 1.0)
        return low * trials / expected, high * trials / expected


def gamma_limits(
    observed: FloatArray, expected: FloatArray, variance: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Limits (L,) of observed over expected sums of positive responses.

    Parameters
    ----------
    observed, expected, variance : (L,) arrays
        Sums, and the variance of the observed one at the expected means.
    level : float
        Coverage.
    """
    tail = 0.5 * (1.0 - level)
    with np.errstate(all="ignore"):
        shape, ratio = expected**2 / variance, observed / expected
        gammaincinv = special().gammaincinv
        low = ratio * shape / gammaincinv(shape, 1.0 - tail)
        return low, ratio * shape / gammaincinv(shape, tail)


def share_limits(
    observed: FloatArray,
    size: FloatArray,
    expected: FloatArray,
    variance: FloatArray,
    level: float,
) -> tuple[FloatArray, FloatArray]:
    """Limits (L,) of observed over expected sums of shares between 0 and 1.

    Parameters
    ----------
    observed, expected, variance : (L,) arrays
        Sums, and the variance of the observed one at the expected means.
    size : (L,) array
        Number of observations.
    level : float
        Coverage.
    """
    tail = 0.5 * (1.0 - level)
    betaincinv = special().betaincinv
    with np.errstate(all="ignore"):
        center, mean = expected / size, observed / size
        total = np.maximum(center * (1.0 - center) * size**2 / variance - 1.0, 1e-3)
        low = betaincinv(mean * total, (1.0 - mean) * total, tail)
        high = betaincinv(mean * total, (1.0 - mean) * total, 1.0 - tail)
        return low / center, high / center


def difference_limits(
    observed: FloatArray,
    expected: FloatArray,
    variance: FloatArray,
    scale: FloatArray,
    level: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Difference (L,) of sums over a scale, with normal limits.

    Parameters
    ----------
    observed, expected, variance : (L,) arrays
        Sums, and the variance of the observed one.
    scale : (L,) array
        Number of observations.
    level : float
        Coverage.
    """
    z = float(special().ndtri(0.5 * (1.0 + level)))
    with np.errstate(all="ignore"):
        center, error = (observed - expected) / scale, np.sqrt(variance) / scale
        return center, center - z * error, center + z * error
