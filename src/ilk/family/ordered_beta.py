r"""Ordered beta family: shares from 0 to 1, both ends included.

A latent variable is cut at two thresholds: below the first the response is 0, above the second 1,
and between them it is a beta variable of mean :math:`\mu` and dispersion :math:`\phi`, as in the
beta family.  With F the inverse of the link and :math:`\mu = F(\eta)`,

.. math:: P(0) = 1 - F(\eta - \theta_1), \qquad P(1) = F(\eta - \theta_2), \qquad
   f(y) = \{F(\eta - \theta_1) - F(\eta - \theta_2)\}\, f_{\text{beta}}(y; \mu, \phi)
   \quad (0 < y < 1),

:math:`\theta_1 < \theta_2`: one set of coefficients moves responses up, to the ends and between
them.  The mean is :math:`F(\eta - \theta_2) + \{F(\eta - \theta_1) - F(\eta - \theta_2)\}\, \mu`.

Where no response is 0, the first threshold has no finite estimate, and where none is 1 the second
has none; such a family has one end, and the other threshold is no parameter.  Kubinec (2023)
[Kubinec2023].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias, final, get_args

import numpy as np

from ilk.errors import DataError, ModelError, did_you_mean
from ilk.family.base import AbstractFamily, refuse_rows, require_link, weighted_mean
from ilk.family.beta import Beta
from ilk.family.interval_probability import log_interval
from ilk.family.link import AbstractLink, Interval, Logit
from ilk.num import jets
from ilk.num.jets import NumberT
from ilk.num.piecewise import Piece, piecewise
from ilk.typing import FloatArray, IntArray

__all__ = ["Ends", "OrderedBeta"]

Ends: TypeAlias = Literal["both", "zero", "one"]
"""Which ends of the range of shares have probability."""

_NUMBER = {"zero": 0.0, "one": 1.0}
_THRESHOLD = {"zero": "threshold_1", "one": "threshold_2"}


@final
@dataclass(frozen=True, slots=True)
class OrderedBeta(AbstractFamily):
    """Shares from 0 to 1, of which some are 0 or 1.

    Attributes
    ----------
    link : AbstractLink
        Link of the mean of the shares between the ends, and of the probabilities of the ends.
    ends : {"both", "zero", "one"}
        Which ends have probability.
    """

    name: ClassVar[str] = "ordered_beta"
    links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog", "loglog", "cauchit")
    compiled_links: ClassVar[tuple[str, ...]] = ("logit",)
    mean_range: ClassVar[Interval] = Interval(0.0, 1.0)
    link: AbstractLink = field(default_factory=Logit)
    ends: Ends = "both"

    def __post_init__(self) -> None:
        """Check the link and the ends."""
        require_link(self)
        known = get_args(Ends)
        ends: object = self.ends
        if ends not in known:
            hint = did_you_mean(ends, known) if isinstance(ends, str) else ""
            raise ModelError(
                f"ends={self.ends!r} is not known; choose from 'both', 'zero' and 'one'.{hint}",
                code="choice",
            )

    @property
    def _ends(self) -> tuple[str, ...]:
        return ("zero", "one") if self.ends == "both" else (self.ends,)

    @property
    def parameters(self) -> tuple[str, ...]:  # type: ignore[override]
        """Mean, dispersion, and the threshold of each end that has probability."""
        return ("mean", "dispersion", *(_THRESHOLD[end] for end in self._ends))

    @property
    def atoms(self) -> tuple[float, ...]:  # type: ignore[override]
        """Ends that have probability."""
        return tuple(_NUMBER[end] for end in self._ends)

    @property
    def mean_parameters(self) -> tuple[str, ...]:
        """Mean of the shares between the ends, and thresholds."""
        return tuple(name for name in self.parameters if name != "dispersion")

    @property
    def key(self) -> str | None:
        """Name of the compiled density, where both ends have probability."""
        return super(OrderedBeta, self).key if self.ends == "both" else None

    def row_label(self, parameter: str) -> str | None:
        """Name of a threshold by what it separates."""
        return {"threshold_1": "0 | between", "threshold_2": "between | 1"}.get(parameter)

    def _cuts(self, eta: Sequence[Any]) -> tuple[Any, Any]:
        """Distances of the predictor from the thresholds, None for that of no parameter."""
        found = dict(zip(self.parameters[2:], eta[2:], strict=True))
        return tuple(  # type: ignore[return-value]
            None if (cut := found.get(name)) is None else eta[0] - cut
            for name in _THRESHOLD.values()
        )

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density without the terms in log y, log(1 - y) and 2 pi."""
        inside = np.flatnonzero((y > 0.0) & (y < 1.0))
        every = range(len(eta))
        pieces = [
            Piece(np.flatnonzero(y <= 0.0), every, lambda some: self._log_masses(some)[0]),
            Piece(inside, every, lambda some: self._log_inside(y[inside], some)),
            Piece(np.flatnonzero(y >= 1.0), every, lambda some: self._log_masses(some)[2]),
        ]
        return piecewise(eta, pieces)

    def _log_inside(self, y: FloatArray, eta: Sequence[Any]) -> Any:
        shares: Any = Beta(self.link).log_density(y, None, eta[:2])
        return shares + self._log_masses(eta)[1]

    def _log_masses(self, eta: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Logarithms of the probabilities of 0, of shares between the ends, and of 1."""
        low, high = self._cuts(eta)
        with np.errstate(all="ignore"):
            if high is None:
                never = 0.0 * low - np.inf
                return self.link.log_complement(low), self.link.log_inverse(low), never
            one = self.link.log_inverse(high)
            if low is None:
                return 0.0 * high - np.inf, self.link.log_complement(high), one
            return self.link.log_complement(low), log_interval(self.link, high, low), one

    def _masses(self, eta: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Probabilities of 0, of shares between the ends, and of 1."""
        zero, between, one = self._log_masses(eta)
        return jets.exp(zero), jets.exp(between), jets.exp(one)

    def constant(self, y: FloatArray, trials: FloatArray | None) -> FloatArray:
        """Terms in log y, log(1 - y) and 2 pi, of shares between the ends."""
        inside = (y > 0.0) & (y < 1.0)
        terms = Beta(self.link).constant(np.where(inside, y, 0.5), None)
        return np.where(inside, terms, 0.0)

    def mean(self, eta: Sequence[NumberT]) -> NumberT:
        """Mean of all shares, ends included."""
        _, between, one = self._masses(eta)
        mean: NumberT = one + between * self.link.inverse(eta[0])
        return mean

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance of all shares: that between the ends and those of the parts' means."""
        zero, between, one = self._masses(eta)
        shares, mean = self.link.inverse(eta[0]), self.mean(eta)
        rest = zero + between * np.exp(self.link.log_complement(eta[0]))  # one minus the mean
        within = Beta(self.link).variance(eta[:2], None) + (shares - mean) ** 2
        return np.asarray(zero * mean**2 + between * within + one * rest**2)

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random shares; those between the ends stay there, to the digits of a number."""
        zero, _, one = self._masses(eta)
        shares = Beta(self.link).draw(eta[:2], None, rng)
        shares = np.clip(shares, np.finfo(float).tiny, 1.0 - np.finfo(float).epsneg)
        u = rng.random(len(shares))
        return np.where(u < zero, 0.0, np.where(1.0 - u <= one, 1.0, shares))

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function, which jumps at the ends."""
        zero, between, _ = self._masses(eta)
        inner = zero + between * Beta(self.link).cdf(y, None, eta[:2])
        return np.where(y < 0.0, 0.0, np.where(y >= 1.0, 1.0, np.minimum(inner, 1.0)))

    def cdf_below(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Probability of less than y."""
        zero, between, _ = self._masses(eta)
        at = self.cdf(y, trials, eta)
        return np.where(y <= 0.0, 0.0, np.where(y == 1.0, np.minimum(zero + between, 1.0), at))

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse what is no share, ends that the family has not, and those that the data lack."""
        takes = "shares from 0 to 1"
        refuse_rows(self, y, y < 0.0, name, takes, "Negative numbers suit 'gaussian'.", rows)
        advice = "Divide percentages by 100; amounts from zero on suit 'tweedie'."
        refuse_rows(self, y, ~(y <= 1.0), name, takes, advice, rows)
        for end, number in _NUMBER.items():
            there = y == number
            if end not in self._ends:
                advice = "Leave ends= out for shares with both 0 and 1."
                words = f"shares of which none is {number:g} with ends={self.ends!r}"
                refuse_rows(self, y, there, name, words, advice, rows)
            elif not np.any(there):
                raise DataError(self._absent(y, name, number), code="no-such-end")
        if not np.any((y > 0.0) & (y < 1.0)):
            raise DataError(
                f"All values of column {name!r} are 0 or 1, none lies between them: use family "
                "'binomial'.",
                code="response-constant",
            )

    def _absent(self, y: FloatArray, name: str, number: float) -> str:
        """Say that no row has an end, and which family has none."""
        other = "one" if number == 0.0 else "zero"
        instead = "'beta'"
        if np.any(y == _NUMBER[other]):
            instead = f"ilk.families.ordered_beta(ends={other!r})"
        side = "below which shares are 0" if number == 0.0 else "above which shares are 1"
        return (
            f"No value of column {name!r} is {number:g}, so that the threshold {side} has no "
            f"finite estimate; use family={instead}, which has no {number:g}."
        )

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Beta shares between the ends, and thresholds that give the shares of the ends."""
        w = np.ones_like(y) if weights is None else weights
        inside = (y > 0.0) & (y < 1.0)
        known = None if offset is None else offset[inside]
        mean, phi = Beta(self.link).start(y[inside], None, known, w[inside])
        center = mean if offset is None else mean + weighted_mean(offset, w)
        total = float(w.sum())
        cuts = {}
        for end, number in _NUMBER.items():
            share = (float(w[y == number].sum()) + 0.5) / (total + 1.5)
            above = share if end == "one" else 1.0 - share
            cuts[_THRESHOLD[end]] = center - float(self.link.link(np.array(above)))
        return (mean, phi, *(cuts[name] for name in self.parameters[2:]))
