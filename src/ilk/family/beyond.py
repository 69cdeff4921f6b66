r"""The event that a response is more than a number, such as survival beyond a time.

.. math:: P(Y > c) = S(c \mid \eta)

is a function of the linear predictors, so that whatever asks for a mean can be asked about this
probability.  The distribution and its parameters are those of the responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily
from ilk.family.link import UNIT, AbstractLink, Interval, Logit
from ilk.family.scale import ParameterScale
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.typing import FloatArray

__all__ = ["Beyond"]


@final
@dataclass(frozen=True, slots=True)
class Beyond(AbstractFamily):
    """Responses of which it counts whether they are beyond a number.

    Attributes
    ----------
    base : AbstractFamily
        Family of the responses, with a survival function.
    limit : float
        The number.
    said : str
        What the mean is, as a part of a sentence with ``{}`` in the place of the response.
    """

    takes_trials: ClassVar[bool] = True
    mean_range: ClassVar[Interval] = UNIT
    base: AbstractFamily
    limit: float
    said: str = "probability of {} beyond a number"

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the family of the responses."""
        return self.base.name

    @property
    def link(self) -> AbstractLink:  # type: ignore[override]
        """Scale on which limits of probabilities are made."""
        return Logit()

    @property
    def predictor_link(self) -> AbstractLink:
        """Link of the responses."""
        return self.base.link

    @property
    def parameters(self) -> tuple[str, ...]:  # type: ignore[override]
        """Predictors of the responses."""
        return self.base.parameters

    @property
    def key(self) -> str | None:
        """Name of the compiled density."""
        return self.base.key

    def scale(self, parameter: str) -> ParameterScale | None:
        """Scale of a parameter."""
        return self.base.scale(parameter)

    def phrase(self, response: str) -> str:
        """Say what the mean is."""
        return self.said.replace("{}", response)

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density of the responses."""
        return self.base.log_density(y, trials, eta)

    def mean(self, eta: Sequence[NumberT]) -> NumberT:
        """Probability (n,) of a response beyond the number."""
        y = np.full_like(np.asarray(jets.value(eta[0])), self.limit)
        with np.errstate(all="ignore"):
            log_survival: NumberT = self.base.log_survival(y, eta)
        return jets.exp(log_survival)

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance (n,) of the event."""
        p = self.mean(eta)
        return p * (1.0 - p)
