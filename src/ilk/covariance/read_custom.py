"""`custom`: from a user's functions to a covariance structure, tried before it is used."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ilk.covariance.custom import Custom, Function, Rule, derivative_of
from ilk.covariance.natural import Natural
from ilk.errors import ModelError
from ilk.typing import FloatArray

__all__ = ["custom"]

_SLOPES = 1e-5
"""How far a derivative may be from what differences say, relative to the largest element."""

_OFF = (0.0, 0.13, -0.17)
"""Distances from the start at which functions are tried too."""


def custom(
    factor: Function | None = None,
    *,
    start: Sequence[float],
    covariance: Function | None = None,
    names: Sequence[str] | None = None,
    derivative: Function | None = None,
    natural: Mapping[str, Any] | None = None,
) -> Custom:
    """Covariance structure of your own, for the q effects of a level.

    It is given a name in ``covariance=`` and used by that name in the formula, as in
    ``ilk.fit("y ~ x + mine(0 + visit | id)", data, covariance={"mine": structure})``.

    Parameters
    ----------
    factor : callable
        Takes the parameters theta (m,) to a lower-triangular factor (q, q) of the covariance
        matrix.
    start : sequence of m float
        Parameters to start a search from.  They are free to take any real value.
    covariance : callable
        Takes theta to the covariance matrix (q, q) itself, instead of ``factor``.
    names : sequence of m str, optional
        Names of the parameters.
    derivative : callable, optional
        Takes theta to the derivative (q, q, m) of ``factor`` or ``covariance``.  Without it the
        derivative is computed by a complex step, where the function takes complex numbers, or by
        differences.
    natural : mapping, optional
        Parameters as summaries are to show them: name and function of theta, or name and
        ``(function, low, high)`` with the limits of what it gives.

    Returns
    -------
    Custom
        If the function cannot make all multiples of its matrices, a common standard deviation is
        put before it, the first parameter of the fit.

    Raises
    ------
    ModelError
        A function fails, or gives no factor or covariance matrix, or a derivative is wrong.

    Examples
    --------
    Correlations that fall by the same amount from each effect to the next:

    >>> import ilk
    >>> import numpy as np
    >>> lag = np.abs(np.subtract.outer(range(4), range(4)))
    >>> linear = ilk.covariance.custom(
    ...     covariance=lambda theta: 1.0 - lag / (4.0 + np.exp(theta[0])),
    ...     start=[0.0],
    ...     natural={"reach": lambda theta: 4.0 + np.exp(theta[0])},
    ... )
    >>> linear.size(4), linear.rule
    (2, 'complex step')
    """
    function = covariance if factor is None else factor
    if not callable(function) or (factor is not None and covariance is not None):
        raise _wrong(
            "ilk.covariance.custom takes one function, factor= or covariance=, of the parameters."
        )
    begin = _check_start(start)
    parameters = _check_names(names, len(begin))
    order = _check_values(function, begin, of_covariance=factor is None)
    if derivative is not None and not callable(derivative):
        raise _wrong(f"derivative={derivative!r:.40} is no function.")
    rule = _find_rule(function, begin, derivative)
    made = Custom(
        function=function,
        of_covariance=factor is None,
        begin=tuple(begin.tolist()),
        parameters=parameters,
        order=order,
        derivative=derivative,
        rule=rule,
        scaled=False,
        shown=tuple(_shown(name, of, begin) for name, of in (natural or {}).items()),
    )
    _check_effects(made, begin)
    if all(_has_multiples(made, begin + off) for off in _OFF):
        return made
    return Custom(**{**{name: getattr(made, name) for name in made.__slots__}, "scaled": True})


def _check_start(start: Any) -> FloatArray:
    try:
        begin = np.atleast_1d(np.asarray(start, dtype=np.float64))
    except (TypeError, ValueError):
        begin = np.zeros(0)
    if begin.ndim != 1 or not len(begin) or not np.all(np.isfinite(begin)):
        raise _wrong(f"start={start!r:.60} has to be a list of finite numbers, one per parameter.")
    return begin


def _check_names(names: Any, count: int) -> tuple[str, ...]:
    if names is None:
        return tuple(f"theta[{k + 1}]" for k in range(count))
    found = (names,) if isinstance(names, str) else tuple(names)
    if len(found) != count or len(set(found)) < count or not all(isinstance(n, str) for n in found):
        raise _wrong(f"names={found!r:.80} have to be {count} different names, as start= is long.")
    return found


def _check_values(function: Function, begin: FloatArray, *, of_covariance: bool) -> int:
    """Order of the matrices, after trying the function at and around the start."""
    what = "covariance" if of_covariance else "factor"
    order = 0
    for off in _OFF:
        theta = begin + off
        value = _call(function, theta, what)
        if value.ndim != 2 or value.shape[0] != value.shape[1] or not value.size:
            raise _wrong(f"{what} gives an array of shape {value.shape}, not a square matrix.")
        if order and len(value) != order:
            raise _wrong(f"{what} gives matrices of different sizes, {order} and {len(value)}.")
        order = len(value)
        at = f"at theta = {_listed(theta)}"
        if not np.all(np.isfinite(value)):
            raise _wrong(f"{what} gives a matrix that is not finite {at}.")
        if of_covariance:
            _check_covariance(value, at)
        elif np.abs(np.triu(value, 1)).max() > 1e-12 * np.abs(value).max():
            raise _wrong(
                f"factor gives a matrix with elements above the diagonal {at}; a factor is lower "
                "triangular. If this is the covariance matrix itself, give covariance=."
            )
    return order


def _check_covariance(value: FloatArray, at: str) -> None:
    size = np.abs(value).max()
    if np.abs(value - value.T).max() > 1e-10 * size:
        raise _wrong(f"covariance gives a matrix that is not symmetric {at}.")
    least = float(np.linalg.eigvalsh(value)[0])
    if least <= -1e-10 * size:
        raise _wrong(
            f"covariance gives a matrix that is not positive definite {at}: its smallest "
            f"eigenvalue is {least:.3g}."
        )


def _call(function: Function, theta: FloatArray, what: str) -> FloatArray:
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(function(theta.copy()), dtype=np.float64)
    except Exception as error:
        raise _wrong(
            f"{what} fails at theta = {_listed(theta)}: {type(error).__name__}: {error!s:.200}"
        ) from error


def _find_rule(function: Function, begin: FloatArray, derivative: Function | None) -> Rule:
    other = derivative_of(function, begin, "differences")
    largest = max(float(np.abs(other).max()), 1e-300)
    if derivative is not None:
        slope = _call(derivative, begin, "derivative")
        if slope.shape != other.shape:
            raise _wrong(f"derivative gives shape {slope.shape}, not {other.shape}.")
        off = np.abs(slope - other)
        if not np.all(off <= _SLOPES * largest):
            i, j, k = (int(x) for x in np.unravel_index(int(np.argmax(off)), off.shape))
            raise _wrong(
                f"derivative gives {slope[i, j, k]:.6g} for element ({i}, {j}) in parameter {k} at "
                f"theta = {_listed(begin)}, but differences say {other[i, j, k]:.6g}."
            )
        return "given"
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")
            slope = derivative_of(function, begin, "complex step")
    except Exception:  # functions refuse complex numbers, each in its own way
        return "differences"
    close = slope.shape == other.shape and np.all(np.abs(slope - other) <= _SLOPES * largest)
    return "complex step" if close else "differences"


def _check_effects(made: Custom, begin: FloatArray) -> None:
    """Refuse parameters that change nothing."""
    moved = sum(np.abs(made.shape(begin + off)[1]).max(axis=(0, 1)) for off in _OFF)
    still = np.flatnonzero(np.asarray(moved) <= 1e-12)
    if len(still):
        raise _wrong(
            f"The parameter {made.parameters[still[0]]!r} changes nothing near the start; leave it "
            "out, or start elsewhere."
        )


def _has_multiples(made: Custom, theta: FloatArray) -> bool:
    """Whether some direction of the parameters multiplies the factor."""
    factor, slope = made.shape(theta)
    flat = slope.reshape(factor.size, -1)
    growth = np.linalg.lstsq(flat, factor.ravel(), rcond=None)[0]
    return bool(np.abs(flat @ growth - factor.ravel()).max() < 1e-6 * np.abs(factor).max())


def _shown(name: Any, given: Any, begin: FloatArray) -> tuple[Natural, Function]:
    function, low, high = given if isinstance(given, tuple) else (given, -math.inf, math.inf)
    if not isinstance(name, str) or not callable(function):
        raise _wrong(
            f"natural= takes names and functions of theta, not {name!r:.40}: {given!r:.40}."
        )
    value = _call(function, begin, f"natural[{name!r}]")
    if value.ndim or not np.isfinite(value) or not low <= float(value) <= high:
        raise _wrong(
            f"natural[{name!r}] gives {value!s:.60} at the start, which is no finite number"
            f"{'' if math.isinf(low) and math.isinf(high) else f' from {low:g} to {high:g}'}."
        )
    return Natural(name, (), float(low), float(high)), function


def _listed(theta: FloatArray) -> str:
    return "[" + ", ".join(f"{x:.4g}" for x in theta[:6]) + (", ...]" if len(theta) > 6 else "]")


def _wrong(message: str) -> ModelError:
    return ModelError(message, code="custom-covariance")
