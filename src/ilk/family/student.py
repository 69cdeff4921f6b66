r"""Student family: a location-scale t distribution, for responses with heavy tails.

.. math:: y = \mu + \sigma t_\nu, \qquad z = \frac{y - \mu}{\sigma}, \qquad
   \log f = \log\frac{\Gamma(\frac{\nu + 1}{2})}{\Gamma(\frac{\nu}{2})}
   - \tfrac12 \log(\nu \pi \sigma^2) - \frac{\nu + 1}{2} \log\Bigl(1 + \frac{z^2}{\nu}\Bigr)

with :math:`\sigma^2 = \phi`, the square of the scale (not the variance), and :math:`\nu = 1 +
e^{\eta_{\text{shape}}}` degrees of freedom, so that :math:`\mu` is always the mean.  The variance
is :math:`\phi\, \nu / (\nu - 2)` for :math:`\nu > 2` and infinite otherwise; as :math:`\nu` grows
the family becomes the Gaussian one, which is approached without cancellation.  Degrees of freedom
that are given are no parameter.  Lange, Little and Taylor (1989) [LangeLittleTaylor1989].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, final

import numpy as np

from ilk.errors import ModelError
from ilk.family.base import AbstractFamily, require_link
from ilk.family.link import AbstractLink, Identity
from ilk.family.moments import log_within, mean_start, relative_variance
from ilk.family.scale import DEVIATION, Limit, ParameterScale
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.stable import LOG_2PI, special
from ilk.typing import FloatArray

__all__ = ["Student"]

_LARGEST = 150.0
"""Predictor of the shape beyond which the distribution is normal to all digits."""

_START_DF = 6.0


def _degrees(eta: FloatArray) -> FloatArray:
    return 1.0 + np.exp(np.minimum(eta, _LARGEST))


_SCALE = replace(DEVIATION, label="scale")

_SHAPE = ParameterScale(
    "log of the degrees of freedom less one",
    "degrees of freedom",
    "nu",
    _degrees,
    low=Limit(
        -13.0,
        "the degrees of freedom are estimated at one, where the tails are so heavy that there is "
        "no mean below it.",
        "Look for rows that do not belong to the data.",
    ),
    high=Limit(
        13.0,
        "the degrees of freedom are estimated as infinite: the tails are no heavier than those of "
        "the normal distribution.",
        "family='gaussian' describes these data as well.",
    ),
)


@final
@dataclass(frozen=True, slots=True)
class Student(AbstractFamily):
    """Student family; the dispersion is the square of the scale, the shape log(nu - 1).

    Attributes
    ----------
    link : AbstractLink
        Link of the mean.
    df : float or None
        Degrees of freedom, if they are known; None makes them a parameter, the shape.
    """

    name: ClassVar[str] = "student"
    links: ClassVar[tuple[str, ...]] = ("identity", "log", "inverse")
    compiled_links: ClassVar[tuple[str, ...]] = ("identity", "log", "inverse")
    location_scale: ClassVar[bool] = True
    several_modes: ClassVar[bool] = True
    link: AbstractLink = field(default_factory=Identity)
    df: float | None = None

    def __post_init__(self) -> None:
        """Check the link and the degrees of freedom."""
        require_link(self)
        df: object = self.df
        if df is not None and not (isinstance(df, (int, float)) and 1.0 < df < math.inf):
            raise ModelError(
                f"df={self.df!r}: degrees of freedom are a number above 1, where the mean exists; "
                "leave df out to estimate them. Infinitely many are family='gaussian'.",
                code="degrees-of-freedom",
            )

    @property
    def parameters(self) -> tuple[str, ...]:  # type: ignore[override]
        """Mean, dispersion, and the shape where degrees of freedom are not given."""
        return ("mean", "dispersion", "shape") if self.df is None else ("mean", "dispersion")

    @property
    def key(self) -> str | None:
        """Name of the compiled density, which has all three parameters."""
        return None if self.df is not None else super(Student, self).key

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without the term in 2 pi."""
        residual = self.link.inverse(eta[0]) - y
        square = residual * residual * jets.exp(-eta[1])
        df: Any = self._degrees(eta)
        peak = jets.lgamma_ratio(0.5 * df, np.full_like(y, 0.5)) - 0.5 * jets.log(0.5 * df)
        tail = (df + 1.0) * jets.log1p(square * jets.power(df, -1.0))
        density: NumberT = peak - 0.5 * (tail + eta[1])
        return density

    def _degrees(self, eta: Sequence[NumberT]) -> NumberT | FloatArray:
        if self.df is not None:
            return np.full_like(jets.value(eta[0]), self.df)
        return 1.0 + jets.exp(jets.apply(eta[2], _bounded))

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Term in 2 pi."""
        return np.full_like(y, -0.5 * LOG_2PI)

    def scale(self, parameter: str) -> ParameterScale | None:
        """Scale of a parameter: sigma for the dispersion, degrees of freedom for the shape."""
        return {"dispersion": _SCALE, "shape": _SHAPE}.get(parameter)

    def degrees(self, eta: Sequence[FloatArray]) -> FloatArray:
        """Degrees of freedom (n,)."""
        return np.full_like(eta[0], self.df) if self.df is not None else _degrees(eta[2])

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance phi nu / (nu - 2), infinite where nu is at most 2."""
        df = self.degrees(eta)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(df > 2.0, 1.0 / (1.0 - 2.0 / df), np.inf)
        return np.asarray(np.exp(eta[1]) * ratio)

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random responses."""
        return self.mean(eta) + np.exp(0.5 * eta[1]) * rng.standard_t(self.degrees(eta))

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function."""
        z = (y - self.mean(eta)) * np.exp(-0.5 * eta[1])
        return np.asarray(special().stdtr(self.degrees(eta), z))

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Overall mean, half of the variance, six degrees of freedom."""
        center, variance = relative_variance(y, weights)
        if offset is not None and self.link.name == "identity":
            _, variance = relative_variance(y - offset, weights)
        phi = log_within(0.5 * variance, np.finfo(float).tiny, np.inf)
        inside = self.link.range.contains(np.array(center))
        mean = mean_start(self.link, y, offset, weights) if inside else 0.0
        return (mean, phi, math.log(_START_DF - 1.0))[: len(self.parameters)]


def _bounded(eta: FloatArray, order: int) -> Sequence[FloatArray]:
    """The predictor of the shape, its value cut off where powers of its exponential overflow."""
    zero = np.zeros_like(eta)
    return (np.clip(eta, -_LARGEST, _LARGEST), np.ones_like(eta), zero, zero)
