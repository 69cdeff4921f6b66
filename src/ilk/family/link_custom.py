r"""A link of the user's own, made of two functions and checked before it is used.

The engines need three derivatives of the inverse.  They come from the functions that the user
gives for them, or from an inverse written with `ilk.num.jets`, or else from central differences

.. math:: D_1 = \frac{8(f_1 - f_{-1}) - (f_2 - f_{-2})}{12 h}, \quad
   D_2 = \frac{16(f_1 + f_{-1}) - (f_2 + f_{-2}) - 30 f_0}{12 h^2}, \quad
   D_3 = \frac{-13(f_1 - f_{-1}) + 8(f_2 - f_{-2}) - (f_3 - f_{-3})}{8 h^3},

each with an error of order :math:`h^4` (Fornberg 1988, Mathematics of Computation 51, table 1).
The same differences check the derivatives of the first two kinds.
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
from ilk.typing import FloatArray

__all__ = ["CustomLink", "Function", "make_custom"]

Function: TypeAlias = Callable[[Any], Any]
"""Function of an array (n,), or of a jet."""

_STEP = 0.01
_TOLERANCE = (1e-8, 1e-6, 1e-5, 1e-4)
"""Relative errors permitted of the inverse and of its three derivatives."""


@final
@dataclass(frozen=True, slots=True)
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
    if derivatives is not None and len(derivatives) != 3:
        raise _fault(name, f"needs three derivatives of its inverse, not {len(derivatives)}")
    given = None if derivatives is None else (derivatives[0], derivatives[1], derivatives[2])
    mu = _means(interval)
    with np.errstate(all="ignore"):
        eta = np.asarray(forward(mu), dtype=np.float64)
        takes_jets = given is None and _takes_jets(backward, eta)
        link = CustomLink(name, interval, forward, backward, given, takes_jets)
        _check_pair(link, mu, eta)
        if given is not None or takes_jets:
            _check_derivatives(link, eta)
    return link


def differences(link: CustomLink, eta: FloatArray, order: int) -> list[FloatArray]:
    """Inverse of a link and its derivatives by central differences.

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

    def mean(x: FloatArray) -> FloatArray:
        return np.broadcast_to(np.asarray(link.backward(x), dtype=np.float64), x.shape)

    middle = mean(eta)
    if order == 0:
        return [middle]
    h = _STEP * np.maximum(np.abs(eta), 1.0)
    for end in (link.range.low, link.range.high):
        wall = float(link.link(np.array([end]))[0]) if np.isfinite(end) else np.inf
        if np.isfinite(wall):  # the differences stay on this side of it
            h = np.minimum(h, np.maximum(np.abs(eta - wall) / 8.0, 1e-12))
    odd, even = [], []
    for k in (1, 2, 3):
        up, down = mean(eta + k * h), mean(eta - k * h)
        odd.append(up - down)
        even.append(up + down)
    return [
        middle,
        (8.0 * odd[0] - odd[1]) / (12.0 * h),
        (16.0 * even[0] - even[1] - 30.0 * middle) / (12.0 * h**2),
        (-13.0 * odd[0] + 8.0 * odd[1] - odd[2]) / (8.0 * h**3),
    ][: order + 1]


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
    """Whether an inverse can be given jets; NumPy's functions refuse them with a TypeError."""
    try:
        return isinstance(backward(jets.variables([eta], 3)[0]), Jet)
    except (TypeError, AttributeError):
        return False


def _check_pair(link: CustomLink, mu: FloatArray, eta: FloatArray) -> None:
    if eta.shape != mu.shape:
        raise _fault(link.name, f"gives an array of shape {eta.shape} for one of shape {mu.shape}")
    bad = np.flatnonzero(~np.isfinite(eta))
    if len(bad):
        raise _fault(link.name, f"is {eta[bad[0]]} at the mean {mu[bad[0]]:g}")
    steps = np.diff(eta)
    if not (np.all(steps > 0.0) or np.all(steps < 0.0)):
        raise _fault(link.name, "neither grows nor falls throughout its range")
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
