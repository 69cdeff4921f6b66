r"""Censored responses completed by draws from where they may be, so that data sets compare.

Data sets of the model are not censored.  Given the random effects b, drawn from their distribution
given the data, a censored response is drawn from the family within its ends,

.. math:: y = F^{-1}(u \mid b), \qquad u \sim U(F(a \mid b), F(c \mid b)),

so that the completed responses are distributed as uncensored ones if the model is right (Gelman and
others 2005, Biometrics 61, p. 74).  What is drawn comes from the model and cannot speak against
it: the more is censored, the less the checks can find.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.family.base import AbstractFamily
    from ilk.typing import FloatArray

__all__ = ["completed"]

_HALVINGS = 80
"""Halvings of a bracket, to the last digits."""

_DOUBLINGS = 1000
"""Doublings of a bracket that has no end."""


def completed(
    family: AbstractFamily,
    y: FloatArray,
    other: FloatArray,
    eta: Sequence[FloatArray],
    rng: np.random.Generator,
) -> FloatArray:
    """Draw censored responses within their ends.

    Parameters
    ----------
    family : AbstractFamily
        Of responses that may be censored.
    y, other : (n,) arrays
        The two ends; the same where the response is known.
    eta : sequence of (n,) arrays
        Linear predictors.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    (n,) array
    """
    place = rng.random(len(y))
    unknown = np.flatnonzero(y != other)
    if not len(unknown):
        return y.copy()
    inner = [part[unknown] for part in eta]
    low, high = np.minimum(y, other)[unknown], np.maximum(y, other)[unknown]
    below = family.cdf_below(y[unknown], other[unknown], inner)
    above = family.cdf(y[unknown], other[unknown], inner)
    target = below + place[unknown] * (above - below)
    out = y.copy()
    out[unknown] = _quantile(family, target, inner, low, high)
    return out


def _quantile(
    family: AbstractFamily,
    target: FloatArray,
    eta: Sequence[FloatArray],
    low: FloatArray,
    high: FloatArray,
) -> FloatArray:
    """Numbers (n,) between ends at which the distribution function has given values."""
    low, high = _bracket(family, target, eta, low, high)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        under = family.cdf(middle, None, eta) < target
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return 0.5 * (low + high)


def _bracket(
    family: AbstractFamily,
    target: FloatArray,
    eta: Sequence[FloatArray],
    low: FloatArray,
    high: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Finite ends around the values, found by doubling where there were none."""
    start = np.where(np.isfinite(low), low, np.where(np.isfinite(high), high, 0.0))
    step = np.maximum(np.abs(start), 1.0)
    low, high = (np.where(np.isfinite(end), end, start) for end in (low, high))
    for _ in range(_DOUBLINGS):
        short = (family.cdf(high, None, eta) < target) & np.isfinite(step)
        long = (family.cdf(low, None, eta) > target) & np.isfinite(step)
        if not np.any(short | long):
            break
        high, low = np.where(short, high + step, high), np.where(long, low - step, low)
        step = np.where(short | long, 2.0 * step, step)
    return low, high
