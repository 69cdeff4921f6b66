r"""Zero inflation: a family that gives zeros only, with probability :math:`\pi`, around another.

.. math:: P(0) = \pi + (1 - \pi) f(0), \qquad P(y) = (1 - \pi) f(y) \text{ for } y > 0,
   \qquad \operatorname{logit} \pi = \eta_{\text{zero inflation}}

Lambert (1992) [Lambert1992].  Around a family that has no zeros (truncated counts,
gamma, ...) all zeros are of that kind, :math:`P(0) = \pi`, which is a hurdle model: Mullahy (1986)
[Mullahy1986].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.errors import DataError, ModelError
from ilk.family.base import AbstractFamily
from ilk.family.link import AbstractLink, Interval, is_registered
from ilk.family.scale import HURDLE, INFLATION, ParameterScale
from ilk.family.truncated import Truncated
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.stable import sigmoid
from ilk.typing import FloatArray, IntArray

_COMPILED = (
    "gamma:log",
    "truncated_poisson:log",
    "truncated_negative_binomial_1:log",
    "truncated_negative_binomial_2:log",
    "poisson:log",
    "negative_binomial_1:log",
    "negative_binomial_2:log",
    "binomial:logit",
    "beta_binomial:logit",
)


@final
@dataclass(frozen=True, slots=True)
class ZeroInflated(AbstractFamily):
    """More zeros than a family explains; all zeros, of a family that has none.

    Attributes
    ----------
    base : AbstractFamily
        Family of the responses that are not excess zeros.
    """

    base: AbstractFamily

    def __post_init__(self) -> None:
        """Accept counts and families without zeros, and only once."""
        plain = self.base.has_zero and not self.base.discrete and 0.0 not in self.base.atoms
        if self.base.categorical or plain:
            raise ModelError(
                f"Zeros are nothing special to family {self.base.name!r}; zero inflation goes with "
                "counts, and with positive numbers such as those of 'gamma', for which it is a "
                "hurdle; 'tweedie' has zeros of its own.",
                code="zero-inflation",
            )
        if isinstance(self.base, ZeroInflated):
            raise ModelError("The family is zero-inflated already.", code="zero-inflation")

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the family, marked as inflated or behind a hurdle."""
        return f"{self._prefix}_{self._plain.name}"

    @property
    def hurdle(self) -> bool:
        """Whether all zeros are of a kind of their own."""
        return not self.base.has_zero

    @property
    def proper(self) -> str:
        """What the responses are called that are not excess zeros."""
        if not self.hurdle:
            return "counts proper"
        return "positive counts" if self.discrete else "positive responses"

    @property
    def responses(self) -> str:
        """What all responses are called."""
        return "counts" if self.discrete else "responses"

    @property
    def zero(self) -> str:
        """What the zeros of the last predictor are called."""
        return "zero" if self.hurdle else "excess zero"

    @property
    def _prefix(self) -> str:
        return "hurdle" if self.hurdle else "zero_inflated"

    @property
    def _plain(self) -> AbstractFamily:
        """The family that names this one: truncation is understood of a hurdle."""
        return self.base.base if isinstance(self.base, Truncated) else self.base

    @property
    def discrete(self) -> bool:  # type: ignore[override]
        """Whether the responses are counts."""
        return self.base.discrete

    @property
    def has_atoms(self) -> bool:
        """Whether single numbers have probability: zero has."""
        return True

    @property
    def atoms(self) -> tuple[float, ...]:  # type: ignore[override]
        """Zero, and the atoms of the inner family, where it is continuous."""
        return () if self.discrete else tuple(sorted({0.0, *self.base.atoms}))

    @property
    def mean_range(self) -> Interval:  # type: ignore[override]
        """Possible means of the responses that are not excess zeros."""
        return self.base.mean_range

    @property
    def dispersion_limit(self) -> str | None:  # type: ignore[override]
        """Family without dispersion."""
        return self._named(self.base.dispersion_limit)

    @property
    def unit_dispersion(self) -> str | None:  # type: ignore[override]
        """Family where the dispersion is one."""
        return self._named(self.base.unit_dispersion)

    def _named(self, limit: str | None) -> str | None:
        if limit is None:
            return None
        return f"{self._prefix}_{limit.removeprefix('truncated_')}"

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

    @property
    def several_modes(self) -> bool:  # type: ignore[override]
        """Whether the density may have several maxima: where a zero has two sources it may."""
        return self.base.has_zero or self.base.several_modes

    def scale(self, parameter: str) -> ParameterScale | None:
        """Scale of a parameter: the probability of an excess zero, or one of the counts'."""
        if parameter == "zero_inflation":
            return HURDLE if self.hurdle else INFLATION
        return self.base.scale(parameter)

    @property
    def key(self) -> str | None:
        """Name of the compiled density."""
        inner = self.base.key
        compiled = inner in _COMPILED and is_registered(self.link)
        plain = self._plain.key
        return f"{self._prefix}_{plain}" if compiled else None

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density; terms in y only are dropped where y > 0."""
        excess = eta[-1]
        if self.hurdle:
            positive = self.base.log_density(_positive(y), trials, eta[:-1])
            return jets.where(y == 0.0, excess, positive) - jets.softplus(excess)
        inner = self.base.log_density(y, trials, eta[:-1])
        at_zero = self.base.constant(np.zeros_like(y), trials)
        zero = jets.logaddexp(excess, inner + at_zero)
        return jets.where(y == 0.0, zero, inner) - jets.softplus(excess)

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Terms in y only, where y > 0."""
        inner = self.base.constant(_positive(y) if self.hurdle else y, trials)
        return np.where(y == 0.0, 0.0, inner)

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

    def cdf_below(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Probability of less than y, which jumps at zero."""
        mixture = sigmoid(eta[-1]) + sigmoid(-eta[-1]) * self.base.cdf_below(y, trials, eta[:-1])
        return np.where(y <= 0.0, 0.0, mixture)

    def caveat(self, trials: FloatArray | None, eta: Sequence[FloatArray]) -> str | None:
        """What does not hold of the inner family."""
        return self.base.caveat(trials, eta[:-1])

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse what the family of the responses refuses; zeros are welcome."""
        if not self.hurdle:
            self.base.check(y, trials, name, rows)
            return
        positive = np.flatnonzero(y != 0.0)
        if not len(positive):
            raise DataError(
                f"All values of column {name!r} are zero, which says nothing about those that are "
                f"not; family {self.name!r} needs some.",
                code="response-constant",
            )
        there = positive if rows is None else rows[positive]
        self.base.check(y[positive], None if trials is None else trials[positive], name, there)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Half of the zeros, or all, are excess zeros; the other rows start the counts."""
        w = np.ones_like(y) if weights is None else weights
        if self.hurdle:
            return self._hurdle_start(y, trials, offset, w)
        zeros = float(w[y == 0.0].sum() / w.sum())
        share = min(max(0.5 * zeros, 0.05), 0.8)
        inner_weights = np.where(y == 0.0, 0.5, 1.0) * w
        inner = self.base.start(y, trials, offset, inner_weights)
        return (*inner, math.log(share / (1.0 - share)))

    def _hurdle_start(
        self, y: FloatArray, trials: FloatArray | None, offset: FloatArray | None, w: FloatArray
    ) -> tuple[float, ...]:
        some = (y != 0.0) & (w > 0.0)
        sizes = None if trials is None else trials[some]
        known = None if offset is None else offset[some]
        inner = self.base.start(y[some], sizes, known, w[some])
        zeros, others = float(w[~some].sum()) + 0.5, float(w[some].sum()) + 0.5
        return (*inner, math.log(zeros / others))


def hurdle(family: AbstractFamily) -> ZeroInflated:
    """Family whose zeros have a cause of their own, and the others the given family without zeros.

    Parameters
    ----------
    family : AbstractFamily
        Counts, which are truncated, or a family of positive numbers.
    """
    if family.has_zero and 0.0 in family.atoms:
        raise ModelError(
            f"Family {family.name!r} has zeros of its own, which a hurdle would replace; put the "
            "hurdle before 'gamma' or 'beta', or ask for zero_inflation= beside it.",
            code="hurdle",
        )
    return ZeroInflated(Truncated(family) if family.discrete and family.has_zero else family)


def _positive(y: FloatArray) -> FloatArray:
    """Responses with zeros replaced by what any family takes, for rows that are not used."""
    return np.where(y == 0.0, 0.5, y)
