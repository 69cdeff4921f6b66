r"""Zero inflation: a family that gives zeros only, with probability :math:`\pi`, around another.

.. math:: P(0) = \pi + (1 - \pi) f(0), \qquad P(y) = (1 - \pi) f(y) \text{ for } y > 0,
   \qquad \operatorname{logit} \pi = \eta_{\text{zero inflation}}

Lambert (1992), Technometrics 34, 1-14.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.errors import ModelError
from ilk.family.base import AbstractFamily
from ilk.family.link import AbstractLink, is_registered
from ilk.family.scale import INFLATION, ParameterScale
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.stable import sigmoid
from ilk.typing import FloatArray, IntArray

_COMPILED = (
    "poisson:log",
    "negative_binomial_1:log",
    "negative_binomial_2:log",
    "binomial:logit",
    "beta_binomial:logit",
)


@final
@dataclass(frozen=True, slots=True)
class ZeroInflated(AbstractFamily):
    """Counts with more zeros than a family explains.

    Attributes
    ----------
    base : AbstractFamily
        Family of the counts that are not excess zeros.
    """

    discrete: ClassVar[bool] = True
    base: AbstractFamily

    def __post_init__(self) -> None:
        """Accept families of counts only, and only once."""
        if not self.base.discrete:
            raise ModelError(
                f"Family {self.base.name!r} is continuous and has no zeros to inflate; "
                "zero inflation goes with counts.",
                code="zero-inflation",
            )
        if isinstance(self.base, ZeroInflated):
            raise ModelError("The family is zero-inflated already.", code="zero-inflation")

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the family of counts, marked as inflated."""
        return f"zero_inflated_{self.base.name}"

    @property
    def link(self) -> AbstractLink:  # type: ignore[override]
        """Link of the mean of the counts."""
        return self.base.link

    @property
    def parameters(self) -> tuple[str, ...]:  # type: ignore[override]
        """Predictors of the counts, then the logit of an excess zero."""
        return (*self.base.parameters, "zero_inflation")

    @property
    def takes_trials(self) -> bool:  # type: ignore[override]
        """Whether the counts are out of a number of trials."""
        return self.base.takes_trials

    @property
    def mean_parameters(self) -> tuple[str, ...]:
        """Parameters that the mean of the counts depends on, and the probability of a zero."""
        return (*self.base.mean_parameters, "zero_inflation")

    def scale(self, parameter: str) -> ParameterScale | None:
        """Scale of a parameter: the probability of an excess zero, or one of the counts'."""
        return INFLATION if parameter == "zero_inflation" else self.base.scale(parameter)

    @property
    def key(self) -> str | None:
        """Name of the compiled density."""
        inner = self.base.key
        compiled = inner in _COMPILED and is_registered(self.link)
        return f"zero_inflated_{inner}" if compiled else None

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density; terms in y only are dropped where y > 0."""
        excess = eta[-1]
        inner = self.base.log_density(y, trials, eta[:-1])
        at_zero = self.base.constant(np.zeros_like(y), trials)
        zero = jets.logaddexp(excess, inner + at_zero)
        return jets.where(y == 0.0, zero, inner) - jets.softplus(excess)

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Terms in y only, where y > 0."""
        return np.where(y == 0.0, 0.0, self.base.constant(y, trials))

    def mean(self, eta: Sequence[NumberT]) -> NumberT:
        """Mean (1 - pi) mu, excess zeros included."""
        return jets.sigmoid(-eta[-1]) * self.base.mean(eta[:-1])

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance (1 - pi) V + pi (1 - pi) m^2, m and V of the counts."""
        counts = self.base.mean(eta[:-1])
        if self.takes_trials and trials is not None:
            counts = counts * trials
        variance = self.base.variance(eta[:-1], trials)
        return sigmoid(-eta[-1]) * (variance + sigmoid(eta[-1]) * counts**2)

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random counts, excess zeros included."""
        counts = self.base.draw(eta[:-1], trials, rng)
        return np.where(rng.random(len(counts)) < sigmoid(eta[-1]), 0.0, counts)

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function pi + (1 - pi) F(y) for y >= 0."""
        mixture = sigmoid(eta[-1]) + sigmoid(-eta[-1]) * self.base.cdf(y, trials, eta[:-1])
        return np.where(y < 0.0, 0.0, mixture)

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse what the family of the counts refuses."""
        self.base.check(y, trials, name, rows)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Half of the zeros are excess zeros; the other rows start the counts."""
        w = np.ones_like(y) if weights is None else weights
        zeros = float(w[y == 0.0].sum() / w.sum())
        share = min(max(0.5 * zeros, 0.05), 0.8)
        inner_weights = np.where(y == 0.0, 0.5, 1.0) * w
        inner = self.base.start(y, trials, offset, inner_weights)
        return (*inner, math.log(share / (1.0 - share)))
