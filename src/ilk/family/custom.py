r"""A family of the user's own, made of functions in plain NumPy and checked before it is used.

The log density takes the response and one linear predictor for each parameter.  Derivatives come
from the functions that the user gives, from a density written with `ilk.num.jets`, from the complex
step where the density is analytic in complex numbers, or else from differences (`ilk.num.ladder`).
Mean, variance, distribution function and draws that are not given are found from the density
(`ilk.family.found`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias, final

import numpy as np

from ilk.errors import ModelError
from ilk.family.base import AbstractFamily, refuse_rows
from ilk.family.custom_start import find_start
from ilk.family.found import AbstractFound
from ilk.family.found_counts import find_counts
from ilk.family.found_interval import find_interval
from ilk.family.link import AbstractLink, Interval
from ilk.family.scale import SCALES, ParameterScale
from ilk.family.support import Support
from ilk.num import jets
from ilk.num.chain import chain
from ilk.num.jets import Jet, NumberT
from ilk.num.ladder import Known, complex_step, difference_jet
from ilk.typing import FloatArray, IntArray

__all__ = ["CustomFamily", "CustomMeanFamily", "Function", "Given", "Rule"]

Function: TypeAlias = Callable[..., Any]
"""Function of the response (n,) and of the linear predictors (n,)."""

Rule: TypeAlias = Literal["jets", "complex step", "differences"]
"""Where derivatives that are not given come from."""

_ROWS = 2000
"""Distributions that are found at a time."""

_KEPT = 50
"""Distributions that are kept for the next question, at most."""


@final
@dataclass(frozen=True, slots=True)
class Given:
    """What the user gave.

    Attributes
    ----------
    log_density : callable
        Takes y (n,) and the linear predictors (n,), gives log densities (n,).
    derivatives : tuple of callables
        Its first derivatives in the mean's predictor, up to three.
    mean, variance : callable or None
        Take the linear predictors.
    draw : callable or None
        Takes a random generator and the linear predictors.
    cdf : callable or None
        Takes y and the linear predictors.
    start : callable or None
        Takes y, gives an intercept for each predictor.
    check : callable or None
        Takes y, gives the rows that are possible.
    """

    log_density: Function
    derivatives: tuple[Function, ...] = ()
    mean: Function | None = None
    variance: Function | None = None
    draw: Function | None = None
    cdf: Function | None = None
    start: Function | None = None
    check: Function | None = None


@dataclass(frozen=True, repr=False)
class _AbstractCustom(AbstractFamily):
    """What families of the user's own share.

    Attributes
    ----------
    name : str
        Name for summaries.
    parameters : tuple of str
        Names of the predictors.
    first_link : AbstractLink
        Link of the mean, or the identity where the first predictor is not the mean's.
    support : Support
        Where responses may lie.
    given : Given
        The user's functions.
    rule : {"jets", "complex step", "differences"}
        Where derivatives that are not given come from.
    scales : tuple of (str, ParameterScale)
        Scales on which parameters are shown.
    moves : (str, float) or None
        Parameter whose predictor is this many times the logarithm of a scale, where the density is
        that of an error on this scale, moved by the first predictor.
    """

    name: str  # type: ignore[misc]
    parameters: tuple[str, ...]  # type: ignore[misc]
    first_link: AbstractLink
    support: Support
    given: Given
    rule: Rule
    scales: tuple[tuple[str, ParameterScale], ...] = ()
    moves: tuple[str, float] | None = None
    own_mean: ClassVar[bool] = False

    def __repr__(self) -> str:
        return (
            f"<custom family {self.name!r}: {', '.join(self.parameters)}; {self.support}; "
            f"derivatives {self.derivatives}>"
        )

    @property
    def link(self) -> AbstractLink:  # type: ignore[override]
        """Link of the mean; it is part of the density and cannot be changed."""
        return self.first_link

    @property
    def location_scale(self) -> bool:  # type: ignore[override]
        """Whether responses may be shifted and scaled."""
        return self.moves is not None

    @property
    def log_scale(self) -> tuple[str, float]:  # type: ignore[override]
        """Parameter of the scale, and how many times its logarithm the predictor is."""
        return self.moves or ("dispersion", 2.0)

    @property
    def mean_range(self) -> Interval:  # type: ignore[override]
        """Range of the response, and so of the mean."""
        return Interval(self.support.low, self.support.high)

    @property
    def discrete(self) -> bool:  # type: ignore[override]
        """Whether the response is a count."""
        return self.support.counts

    @property
    def atoms(self) -> tuple[float, ...]:  # type: ignore[override]
        """Single numbers with a probability of their own."""
        return self.support.atoms

    @property
    def has_zero(self) -> bool:  # type: ignore[override]
        """Whether a response may be zero."""
        return bool(self.support.contains(np.zeros(1))[0])

    @property
    def derivatives(self) -> str:
        """Where the derivatives of the log density come from, in words."""
        count = len(self.given.derivatives)
        if not count:
            return f"by {self.rule}"
        words = ("first", "first and second", "first to third")[count - 1]
        return f"{words} given, others by {self.rule}"

    def scale(self, parameter: str) -> ParameterScale | None:
        """Scale of a parameter."""
        return dict(self.scales).get(parameter, SCALES.get(parameter))

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density, fully normalized."""
        given: list[Any] = list(eta)
        like = next((x for x in given if isinstance(x, Jet)), None)
        with np.errstate(all="ignore"):
            if like is None:
                return self._values(y, given)  # type: ignore[return-value]
            if self.rule == "jets" and not self.given.derivatives:
                found: NumberT = self.given.log_density(y, *given)
                return found
            at = [np.broadcast_to(jets.value(x), y.shape) for x in given]
            outer = difference_jet(
                self._rows(self.given.log_density, y), at, like.order, self._known(y)
            )
            return chain(outer, given)  # type: ignore[return-value]

    def variance(self, eta: Sequence[FloatArray], trials: FloatArray | None) -> FloatArray:
        """Variance of the response, given or found by integration."""
        if self.given.variance is not None:
            return _filled(self.given.variance(*eta), eta)
        _, scale, standard = self._standard(eta)
        return scale * scale * self._moment(standard, 2, "variance")

    def draw(
        self, eta: Sequence[FloatArray], trials: FloatArray | None, rng: np.random.Generator
    ) -> FloatArray:
        """Random responses, by the user's function or by inversion."""
        if self.given.draw is not None:
            return _filled(self.given.draw(rng, *eta), eta)
        center, scale, standard = self._standard(eta)
        distinct, inverse = _distinct(standard)
        out = np.empty(len(inverse))
        for some, found in self._parts(distinct):
            rows = np.flatnonzero(np.isin(inverse, some))
            out[rows] = found.take(inverse[rows] - some[0]).draw(rng)
        return out if self.moves is None else center + scale * out

    def cdf(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Distribution function, given or found by integration."""
        if self.given.cdf is not None:
            return _filled(self.given.cdf(y, *eta), eta)
        center, scale, standard = self._standard(eta)
        distinct, inverse = _distinct(standard)
        at = y if self.moves is None else (y - center) / scale
        out = np.empty(len(inverse))
        for some, found in self._parts(distinct):
            rows = np.flatnonzero(np.isin(inverse, some))
            out[rows] = found.cdf(at[rows], inverse[rows] - some[0])
        return out

    def cdf_below(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[FloatArray]
    ) -> FloatArray:
        """Probability of less than y, which jumps at counts and atoms."""
        if self.support.counts:
            return self.cdf(y - 1.0, trials, eta)
        below = self.cdf(y, trials, eta)
        single = np.isin(y, self.support.atoms)
        if not np.any(single):
            return below
        with np.errstate(all="ignore"):
            mass = np.exp(self._values(np.where(single, y, self.support.atoms[0]), list(eta)))
        return np.maximum(below - np.where(single, mass, 0.0), 0.0)

    def check(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        name: str,
        rows: IntArray | None = None,
    ) -> None:
        """Refuse what lies outside the support, or what the user's function refuses."""
        refuse_rows(self, y, ~self.support.contains(y), name, str(self.support), "", rows)
        refuse_rows(self, y, ~np.isfinite(y), name, "finite numbers", "", rows)
        if self.given.check is not None:
            possible = np.broadcast_to(np.asarray(self.given.check(y), dtype=bool), y.shape)
            refuse_rows(self, y, ~possible, name, "only what its check= accepts", "", rows)

    def start(
        self,
        y: FloatArray,
        trials: FloatArray | None,
        offset: FloatArray | None,
        weights: FloatArray | None,
    ) -> tuple[float, ...]:
        """Start of the user's, or the constants under which the responses are most likely."""
        if self.given.start is not None:
            own = np.atleast_1d(np.asarray(self.given.start(y), dtype=np.float64))
            if own.shape != (self.predictors,) or not np.all(np.isfinite(own)):
                raise ModelError(
                    f"start of family {self.name!r} gives {own!r:.60}; it has to give "
                    f"{self.predictors} finite numbers, one for each of "
                    f"{', '.join(self.parameters)}.",
                    code="custom-family",
                )
            return tuple(map(float, own))
        return find_start(self._values, self.link, y, offset, weights, self.predictors)

    def found(self, eta: Sequence[FloatArray]) -> AbstractFound:
        """Distributions at linear predictors (m,), from the density alone."""
        at = [np.asarray(x, dtype=np.float64) for x in eta]

        def log_density(y: FloatArray, rows: IntArray) -> FloatArray:
            return self._values(y, [x[rows] for x in at])

        with np.errstate(all="ignore"):
            near = np.asarray(self.link.inverse(at[0]), dtype=np.float64)
        if self.support.counts:
            return find_counts(log_density, self.support, near)
        return find_interval(log_density, self.support, near)

    def _standard(
        self, eta: Sequence[FloatArray]
    ) -> tuple[FloatArray | float, FloatArray | float, Sequence[FloatArray]]:
        """Center and scale (n,), and the predictors of what is left without them."""
        if self.moves is None:
            return 0.0, 1.0, eta
        name, times = self.moves
        place, nothing = self.parameters.index(name), np.zeros_like(eta[0])
        standard = [nothing if k in (0, place) else x for k, x in enumerate(eta)]
        return eta[0], np.exp(eta[place] / times), standard

    def _parts(self, distinct: FloatArray) -> list[tuple[IntArray, AbstractFound]]:
        """Distributions at predictors (m, K), some at a time."""
        starts = range(0, len(distinct), _ROWS)
        pieces = [np.arange(s, min(s + _ROWS, len(distinct))) for s in starts]
        if len(distinct) <= _KEPT:  # asked again and again by searches for quantiles
            return [(np.arange(len(distinct)), _kept(self, distinct.shape, distinct.tobytes()))]
        return [(piece, self.found(list(distinct[piece].T))) for piece in pieces]

    def _found_moment(self, eta: Sequence[FloatArray], which: int) -> FloatArray:
        """Mean or variance from the density alone, not a number where it may not exist."""
        distinct, inverse = _distinct(eta)
        parts = self._parts(distinct)
        moment = np.concatenate([np.zeros(0), *(f.moments()[which] for _, f in parts)])
        return np.asarray(moment[inverse])

    def _moment(self, eta: Sequence[FloatArray], which: int, what: str) -> FloatArray:
        moment = self._found_moment(eta, which)
        self._refuse_missing(moment, eta, what)
        return moment

    def _refuse_missing(self, moment: FloatArray, eta: Sequence[FloatArray], what: str) -> None:
        if np.all(np.isfinite(moment)):
            return
        at = np.column_stack(np.broadcast_arrays(*eta))[int(np.argmin(np.isfinite(moment)))]
        raise ModelError(
            f"The {what} of family {self.name!r} could not be found by integration at the linear "
            f"predictors ({', '.join(f'{x:.4g}' for x in at)}), where it may not exist; give "
            f"{what}= if it does.",
            code="custom-family",
        )

    def _values(self, y: FloatArray, eta: Sequence[FloatArray]) -> FloatArray:
        with np.errstate(all="ignore"):
            value = np.asarray(self.given.log_density(y, *eta), dtype=np.float64)
        return np.broadcast_to(value, y.shape)

    def _known(self, y: FloatArray) -> list[Known]:
        """Derivatives that are given, and those of the complex step."""
        given = self.given.derivatives
        known = [Known(0, m, self._rows(f, y)) for m, f in enumerate(given, start=1)]
        if self.rule == "complex step":
            first = 1 if given else 0
            density = self._rows(self.given.log_density, y)
            known += [complex_step(density, k) for k in range(first, self.predictors)]
        return known

    def _rows(self, function: Function, y: FloatArray) -> Callable[..., FloatArray]:
        def at(x: Sequence[FloatArray], rows: IntArray) -> FloatArray:
            return np.broadcast_to(np.asarray(function(y[rows], *x)), rows.shape)

        return at


@final
@dataclass(frozen=True, repr=False)
class CustomFamily(_AbstractCustom):
    """A family of the user's own whose mean is the inverse link of its first predictor."""


@final
@dataclass(frozen=True, repr=False)
class CustomMeanFamily(_AbstractCustom):
    """A family of the user's own whose mean is given, or found by integration."""

    own_mean: ClassVar[bool] = True

    def mean(self, eta: Sequence[NumberT]) -> NumberT:
        """Mean of the response."""
        given: list[Any] = list(eta)
        moving = [k for k, x in enumerate(given) if isinstance(x, Jet)]
        if self.given.mean is None and self.moves is not None and self.predictors == 2:
            error = self._moment([np.zeros(1), np.zeros(1)], 1, "mean")[0]
            location: NumberT = given[0] + jets.exp(given[1] * (1.0 / self.moves[1])) * error
            return location
        if not moving:
            found = self._mean(given)
            if self.given.mean is None:
                self._refuse_missing(found, given, "mean")
            return found  # type: ignore[return-value]
        like = given[moving[0]]
        at = [np.broadcast_to(jets.value(x), like.value.shape) for x in given]

        def mean(x: Sequence[FloatArray], rows: IntArray) -> FloatArray:
            every = [v[rows] for v in at]
            for k, v in zip(moving, x, strict=True):
                every[k] = v
            with np.errstate(all="ignore"):
                return self._mean(every)

        outer = difference_jet(mean, [at[k] for k in moving], like.order)
        if self.given.mean is None:
            self._refuse_missing(outer.value, at, "mean")
        return chain(outer, [given[k] for k in moving])  # type: ignore[return-value]

    def _mean(self, eta: Sequence[FloatArray]) -> FloatArray:
        """Mean of the response; not a number where it is not found."""
        if self.given.mean is not None:
            return _filled(self.given.mean(*eta), eta)
        center, scale, standard = self._standard(eta)
        return center + scale * self._found_moment(standard, 1)


@functools.lru_cache(maxsize=32)
def _kept(family: _AbstractCustom, shape: tuple[int, int], predictors: bytes) -> AbstractFound:
    """Distributions at few predictors (m, K)."""
    at = np.frombuffer(predictors).reshape(shape)
    return family.found(list(at.T))


def _filled(value: Any, eta: Sequence[FloatArray]) -> FloatArray:
    shape = np.broadcast_shapes(*(np.shape(x) for x in eta))
    return np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), shape))


def _distinct(eta: Sequence[FloatArray]) -> tuple[FloatArray, IntArray]:
    """Distinct rows (m, K) of linear predictors, and which of them each row (n,) is."""
    stacked = np.column_stack(np.broadcast_arrays(*eta))
    distinct, inverse = np.unique(stacked, axis=0, return_inverse=True)
    return distinct, np.asarray(inverse).ravel()
