r"""Two means set against each other: difference, ratio, odds ratio, number needed to treat.

Each measure is a function f(a, r) of the mean a and the reference mean r, on the scale on which its
estimate is closest to normal: the difference as it is, ratios on the logarithmic scale.  Its
derivatives make the delta method; its inverse takes the limits back.  The number needed to treat is
1/(a - r): its limits are the reciprocals of those of the difference, and where these have different
signs its values are two ranges that meet at infinity (Altman 1998), which no interval can say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ilk.typing import BoolArray, FloatArray

__all__ = ["MEASURES", "Measure", "Values", "straddles"]

Values = tuple[FloatArray, FloatArray, FloatArray]
"""A function and its derivatives in the mean and in the reference mean."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A way to compare two means.

    Parameters
    ----------
    name : str
        Name.
    function : callable
        Takes means and reference means to `Values`, on the scale of the limits; nan where it is
        not defined.
    inverse : callable
        From that scale to that of the measure.
    slope : callable
        Derivative of the inverse, as a function of the measure's value.
    needs : str
        ``"means"``, ``"positive"`` or ``"probabilities"``: which means it is for.
    """

    name: str
    function: Callable[[FloatArray, FloatArray], Values]
    inverse: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray], FloatArray]
    needs: str


def _difference(a: FloatArray, r: FloatArray) -> Values:
    one = np.ones_like(a)
    return a - r, one, -one


def _log_ratio(a: FloatArray, r: FloatArray) -> Values:
    with np.errstate(all="ignore"):
        return np.where((a > 0) & (r > 0), np.log(a / r), np.nan), 1.0 / a, -1.0 / r


def _log_odds_ratio(a: FloatArray, r: FloatArray) -> Values:
    with np.errstate(all="ignore"):
        value = np.log(a / (1.0 - a)) - np.log(r / (1.0 - r))
        return value, 1.0 / (a * (1.0 - a)), -1.0 / (r * (1.0 - r))


def _same(x: FloatArray) -> FloatArray:
    return x


def _reciprocal(x: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return 1.0 / x


MEASURES: Mapping[str, Measure] = {
    "difference": Measure("difference", _difference, _same, np.ones_like, "means"),
    "ratio": Measure("ratio", _log_ratio, np.exp, _same, "positive"),
    "odds_ratio": Measure("odds_ratio", _log_odds_ratio, np.exp, _same, "probabilities"),
    "nnt": Measure("nnt", _difference, _reciprocal, np.square, "probabilities"),
}
"""Measures by name."""


def straddles(measure: Measure, low: FloatArray, high: FloatArray) -> BoolArray:
    """Whether limits make no interval on the measure's own scale: reciprocals across zero.

    Parameters
    ----------
    measure : Measure
        The measure.
    low, high : (k,) arrays
        Limits on the scale of the function.

    Returns
    -------
    (k,) array of bool
    """
    if measure.inverse is not _reciprocal:
        return np.zeros(len(low), dtype=bool)
    return (low <= 0.0) & (high >= 0.0)
