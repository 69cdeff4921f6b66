r"""Scales on which readers know the parameters of families.

The predictor of a parameter lives on the whole real line, where regression and normal intervals
make sense: the logarithm of a dispersion, the logit of a probability.  Readers ask for the
dispersion and the probability.  A `ParameterScale` is the way back, with the words for both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ilk.family.link import AbstractLink, Log, Logit
from ilk.typing import FloatArray

__all__ = ["DEVIATION", "DISPERSION", "HURDLE", "INFLATION", "SCALES", "Limit", "ParameterScale"]


@dataclass(frozen=True, slots=True)
class Limit:
    """An end of the range of a parameter that data may drive it to.

    Attributes
    ----------
    beyond : float
        Predictor beyond which the parameter is at its limit for all purposes.
    message : str
        What was found, in a sentence.
    advice : str
        What to do about it.
    """

    beyond: float
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class ParameterScale:
    """How a parameter follows from its linear predictor, and what the two are called.

    Attributes
    ----------
    predictor : str
        The linear predictor in words, such as ``"log dispersion"``.
    label : str
        The parameter in words, such as ``"dispersion"``.
    symbol : str
        Its letter, such as ``"phi"``.
    inverse : callable
        Takes predictors (n,) and gives the parameter (n,); monotone.
    link : AbstractLink, optional
        The link that the predictor is on, where it is one of the package's.
    low, high : Limit, optional
        What it means if the predictor runs to minus or plus infinity, where it may.

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.family.scale import INFLATION
    >>> INFLATION.label, INFLATION.inverse(np.array([0.0]))
    ('probability of an excess zero', array([0.5]))
    """

    predictor: str
    label: str
    symbol: str
    inverse: Callable[[FloatArray], FloatArray]
    link: AbstractLink | None = None
    low: Limit | None = None
    high: Limit | None = None


def _deviation(eta: FloatArray) -> FloatArray:
    return np.exp(0.5 * eta)


DISPERSION = ParameterScale("log dispersion", "dispersion", "phi", np.exp, Log())
"""Dispersion phi, whose predictor is its logarithm."""

DEVIATION = ParameterScale("log dispersion", "standard deviation", "sigma", _deviation, Log())
"""Standard deviation, for families whose dispersion is its square."""

INFLATION = ParameterScale(
    "logit of an excess zero",
    "probability of an excess zero",
    "pi",
    Logit().inverse,
    Logit(),
)
"""Probability of an excess zero, whose predictor is its logit."""

HURDLE = ParameterScale("logit of a zero", "probability of a zero", "pi", Logit().inverse, Logit())
"""Probability of a zero, of families whose zeros are all of one kind."""

SCALES = {"dispersion": DISPERSION, "zero_inflation": INFLATION}
"""Scales of the parameters that many families have, by the parameter's name."""
