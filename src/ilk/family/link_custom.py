r"""A link of the user's own, made of two functions and checked before it is used.

The engines need three derivatives of the inverse.  They come from the functions that the user
gives for them, or from an inverse written with `ilk.num.jets`, or else from differences
(`ilk.num.ladder`), which also check the derivatives of the first two kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, final

import numpy as np

from ilk.errors import ModelError
from ilk.family.link_base import AbstractPlainLink, Interval
from ilk.num import jets
from ilk.num.jets import Jet, NumberT
from ilk.num.ladder import difference_jet
from ilk.typing import FloatArray, IntArray

__all__ = ["CustomLink", "Function", "make_custom"]

Function: TypeAlias = Callable[[Any], Any]
"""Function of an array (n,), or of a jet."""

_TOLERANCE = (1e-8, 1e-6, 1e-5, 1e-4)
"""Relative errors permitted of the inverse and of its three derivatives."""


@final
@dataclass(frozen=True, slots=True, repr=False)
class CustomLink(AbstractPlainLink):
    """A link made of two functions; see `ilk.links.custom`.

    Attributes
    ----------
    name : str
        Name for summaries.
    range : Interval
        Means that the link takes.
    forward, backward : callable
        Link and its inverse.
    derivatives : tuple of three callables, or None
        Derivatives of the inverse.
    takes_jets : bool
        Whether the inverse is written with `ilk.num.jets`.
    """

    name: str  # type: ignore[misc]
    range: Interval  # type: ignore[misc]
    forward: Function
    backward: Function
    derivatives: tuple[Function, Function, Function] | None
    takes_jets: bool
    averages: ClassVar[bool] = True

    def __repr__(self) -> str:
        return f"<custom link {self.name!r}: means in {self.range}>"

    def link(self, mu: FloatArray) -> FloatArray:
        """Linear predictor of means."""
        return np.asarray(self.forward(mu), dtype=np.float64)

    def inverse(self, eta: NumberT) -> NumberT:
        """Mean of a linear predictor."""
        if self.takes_jets:
            mean: NumberT = self.backward(eta)
            return mean
        return jets.apply(eta, self._derivatives)

    def _derivatives(self, eta: FloatArray, order: int) -> Sequence[FloatArray]:
        if self.derivatives is None:
            return differences(self, eta, order)
        functions = (self.backward, *self.derivatives)[: order + 1]
        values = (np.asarray(f(eta), dtype=np.float64) for f in functions)
        return [np.broadcast_to(value, eta.shape) for value in values]


def make_custom(
    name: str,
    interval: Interval,
    forward: Function,
    backward: Function,
    derivatives: Sequence[Function] | None,
) -> CustomLink:
    """Make a link of two functions and check it.

    Parameters
    ----------
    name : str
        Name for summaries.
    interval : Interval
        Means that the link takes.
    forward, backward : callable
        Link and its inverse.
    derivatives : sequence of three callables, optional
        Derivatives of the inverse.

    Raises
    ------
    ModelError
        The functions are not inverse to each other, not monotone, or the derivatives not theirs.
    """
    given = _three(name, derivatives)
    mu = _means(interval)
    with np.errstate(all="ignore"):
        eta = _row_by_row(name, "link", forward, mu)
        _check_grows(name, mu, eta)
        takes_jets = given is None and _takes_jets(backward, eta)
        link = CustomLink(name, interval, forward, backward, given, takes_jets)
        _row_by_row(name, "inverse", backward, eta)
        for order, derivative in enumerate(given or (), start=1):
            _row_by_row(name, f"derivative of order {order}", derivative, eta)
        _check_pair(link, mu, eta)
        if given is not None or takes_jets:
            _check_derivatives(link, eta)
    return link


def differences(link: CustomLink, eta: FloatArray, order: int) -> list[FloatArray]:
    """Inverse of a link and its derivatives by differences.

    Parameters
    ----------
    link : CustomLink
        The link.
    eta : ndarray (n,)
        Linear predictors.
    order : int
        Highest order, 0 to 3.

    Returns
    -------
    list of ndarray (n,)
        The mean and its derivatives up to the order.
    """

    def mean(x: Sequence[FloatArray], rows: IntArray) -> FloatArray:
        return np.broadcast_to(np.asarray(link.backward(x[0]), dtype=np.float64), rows.shape)

    jet = difference_jet(mean, [eta], order)
    return [jet.value, *jet.first, *jet.second, *jet.third]


def _means(interval: Interval) -> FloatArray:
    """Means (7,) at which a link is tried."""
    low, high = interval.low, interval.high
    if np.isfinite(low) and np.isfinite(high):
        return low + (high - low) * np.array([0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
    steps = np.array([0.05, 0.2, 0.5, 1.0, 2.0, 5.0, 20.0])
    if np.isfinite(low):
        return low + steps
    if np.isfinite(high):
        return high - steps[::-1]
    return np.array([-20.0, -3.0, -0.5, 0.05, 0.8, 4.0, 20.0])


def _takes_jets(backward: Function, eta: FloatArray) -> bool:
    """Whether an inverse can be given jets; NumPy's functions refuse them."""
    try:
        return isinstance(backward(jets.variables([eta], 3)[0]), Jet)
    except Exception:  # each in its own way
        return False


def _three(name: str, derivatives: Any) -> tuple[Function, Function, Function] | None:
    if derivatives is None:
        return None
    given = (derivatives,) if callable(derivatives) else tuple(derivatives)
    if len(given) != 3 or not all(map(callable, given)):
        raise _fault(name, f"needs three derivatives of its inverse, not {len(given)}")
    return given[0], given[1], given[2]


def _row_by_row(name: str, piece: str, function: Function, x: FloatArray) -> FloatArray:
    """Values (n,) of a function, which has to give for every number what it gives for it alone."""
    values = [_call(name, piece, function, part) for part in (x, *x[:, None])]
    alone = np.concatenate(values[1:])
    other = ~np.isclose(values[0], alone, rtol=1e-9, atol=1e-12, equal_nan=True)
    if np.any(other):
        at = int(np.argmax(other))
        raise _fault(
            name,
            f"has a function ({piece}) that gives {values[0][at]:.8g} for {x[at]:g} among other "
            f"numbers and {alone[at]:.8g} alone; every number has to be taken for itself",
        )
    return values[0]


def _call(name: str, piece: str, function: Function, x: FloatArray) -> FloatArray:
    argument = x.copy()
    argument.flags.writeable = False
    try:
        value = np.asarray(function(argument))
    except Exception as error:
        raise _fault(
            name,
            f"has a function ({piece}) that fails for an array of {len(x)} numbers with "
            f"{type(error).__name__}: {error}; write it with NumPy's functions, and let it change "
            "nothing",
        ) from error
    if value.dtype.kind not in "fiu":
        raise _fault(name, f"has a function ({piece}) that gives {value.dtype}, not real numbers")
    if value.shape != x.shape and value.shape != ():
        raise _fault(
            name, f"({piece}) gives an array of shape {value.shape} for one of shape {x.shape}"
        )
    return np.array(np.broadcast_to(value.astype(np.float64), x.shape))


def _check_grows(name: str, mu: FloatArray, eta: FloatArray) -> None:
    bad = np.flatnonzero(~np.isfinite(eta))
    if len(bad):
        raise _fault(name, f"is {eta[bad[0]]} at the mean {mu[bad[0]]:g}")
    steps = np.diff(eta)
    if not (np.all(steps > 0.0) or np.all(steps < 0.0)):
        raise _fault(name, "neither grows nor falls throughout its range")


def _check_pair(link: CustomLink, mu: FloatArray, eta: FloatArray) -> None:
    back = np.asarray(jets.value(link.inverse(eta)))
    wrong = ~(np.abs(back - mu) <= _TOLERANCE[0] * (1.0 + np.abs(mu)))
    if np.any(wrong):
        at = int(np.argmax(wrong))
        raise _fault(
            link.name,
            f"and its inverse do not undo each other: the mean {mu[at]:g} becomes the predictor "
            f"{eta[at]:g}, and that the mean {back[at]:g}",
        )


def _check_derivatives(link: CustomLink, eta: FloatArray) -> None:
    jet = link.inverse(jets.variables([eta], 3)[0])
    expected = differences(link, eta, 3)
    scale = np.max(np.abs(expected), axis=0)
    found = (jet.first[0], jet.second[0], jet.third[0])
    for order, (value, other) in enumerate(zip(found, expected[1:], strict=True), start=1):
        wrong = ~(np.abs(value - other) <= _TOLERANCE[order] * scale)
        if np.any(wrong):
            at = int(np.argmax(wrong))
            raise _fault(
                link.name,
                f"has an inverse whose derivative of order {order} at the predictor {eta[at]:g} is "
                f"given as {value[at]:.6g}; differences say {other[at]:.6g}",
            )


def _fault(name: str, what: str) -> ModelError:
    return ModelError(f"The link {name!r} {what}.", code="link")
