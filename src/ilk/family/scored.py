r"""Categories as numbers: a score for each, whose mean is a function of the linear predictors.

.. math:: E\,s(Y) = \sum_j s_j\, P(Y = j)

With scores of 0 and 1 the mean is the probability of one category, or of all up to or from one;
with other scores it is that of a rating.  Whatever asks for a mean can then be asked about
categories.  The distribution, its parameters and the coding of the response are those of the
categories themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.family.base import AbstractFamily
from ilk.family.categorical import AbstractCategorical
from ilk.family.link import AbstractLink, AbstractPlainLink, Interval, Logit
from ilk.family.scale import ParameterScale
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.typing import FloatArray, IntArray

__all__ = ["Scored"]


@final
@dataclass(frozen=True, slots=True)
class Between(AbstractPlainLink):
    """Log odds of the place between two ends, for limits of means that lie there.

    Attributes
    ----------
    low, high : float
        The ends.
    """

    name: ClassVar[str] = "between"
    low: float = 0.0
    high: float = 1.0

    @property
    def range(self) -> Interval:  # type: ignore[override]
        """Means between the ends."""
        return Interval(self.low, self.high)

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        return np.log(mu - self.low) - np.log(self.high - mu)

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor."""
        return self.low + (self.high - self.low) * jets.sigmoid(eta)


@final
@dataclass(frozen=True, slots=True)
class Scored(AbstractFamily):
    """Categories that have scores.

    Attributes
    ----------
    base : AbstractCategorical
        Family of the categories.
    scores : tuple of J float
        Score of each category, not all the same.
    said : str
        What the mean is, as a part of a sentence with ``{}`` in the place of the response.
    """

    discrete: ClassVar[bool] = True
    has_zero: ClassVar[bool] = False
    base: AbstractCategorical
    scores: tuple[float, ...]
    said: str = "mean score of {}"

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the family of the categories."""
        return self.base.name

    @property
    def events(self) -> bool:
        """Whether scores are 0 and 1, so that the mean is a probability."""
        return set(self.scores) <= {0.0, 1.0}

    @property
    def link(self) -> AbstractLink:  # type: ignore[override]
        """Scale on which limits of means are made."""
        return Logit() if self.events else Between(min(self.scores), max(self.scores))

    @property
    def predictor_link(self) -> AbstractLink:
        """Link of the categories."""
        return self.base.link

    @property
    def takes_trials(self) -> bool:  # type: ignore[override]
        """Whether the mean is a probability."""
        return self.events

    @property
    def mean_range(self) -> Interval:  # type: ignore[override]
        """From the lowest to the highest score."""
        return Interval(min(self.scores), max(self.scores))

    @property
    def parameters(self) -> tuple[str, ...]:  # type: ignore[override]
        """Predictors of the categories."""
        return self.base.parameters

    @property
    def without_intercept(self) -> tuple[str, ...]:  # type: ignore[override]
        """Predictors that have no intercept."""
        return self.base.without_intercept

    @property
    def mean_parameters(self) -> tuple[str, ...]:
        """All predictors."""
        return self.base.parameters

    @property
    def parallel_cuts(self) -> tuple[str, ...]:  # type: ignore[override]
        """Thresholds on which a covariate acts alike."""
        return self.base.parallel_cuts

    @property
    def key(self) -> str | None:
        """Name of the compiled density."""
        return self.base.key

    def scale(self, parameter: str) -> ParameterScale | None:
        """Scale of a parameter."""
        return self.base.scale(parameter)

    def row_label(self, parameter: str) -> str | None:
        """Name of a row of the table of thresholds."""
        return self.base.row_label(parameter)

    def phrase(self, response: str) -> str:
        """Say what the mean is."""
        return self.said.replace("{}", response)

    def too_variable(self) -> str:
        """What to try where categories lie farther apart than expected."""
        scale = "dispersion" in self.base.optional_parameters
        return (
            "Standard errors are too small. Look for a covariate or a random slope that is "
            "missing, or rows that are not independent"
            + ("; or let the latent variable's scale differ (dispersion='~ x')." if scale else ".")
        )

    def values(self, y: FloatArray) -> FloatArray:
        """Scores of responses of any shape."""
        return np.asarray(self.scores)[np.asarray(y).astype(np.intp)]

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log probability of the category."""
        return self.base.log_density(y, trials, eta)

    def mean(self, eta: Sequence[NumberT]) -> NumberT:
        """Mean score (n,)."""
        lowest = min(self.scores)
        parts = [
            (score - lowest) * self.base.probability(j, eta)
            for j, score in enumerate(self.scores)
            if score != lowest
        ]
        return sum(parts[1:], parts[0]) + lowest

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance (n,) of the score."""
        p = self.base.probabilities(eta)
        scores = np.asarray(self.scores)[:, None]
        mean = np.sum(scores * p, axis=0)
        return np.asarray(np.sum((scores - mean) ** 2 * p, axis=0))

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random categories (n,), as codes."""
        return self.base.draw(eta, trials, rng)

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Probability (n,) of a category up to the one coded y."""
        return self.base.cdf(y, trials, eta)

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse codes that are none."""
        self.base.check(y, trials, name, rows)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Start of the categories."""
        return self.base.start(y, trials, offset, weights)
