r"""What is tried of a family of the user's own before anything is fitted.

At some predictors the density is followed over its whole support: it has to integrate, or sum, to
one.  At responses drawn from it there the functions have to work row by row and give finite numbers
of the right shape, derivatives have to be those that differences say, and mean, variance,
distribution function and draws those of the density.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ilk.errors import DataWarning, ModelError
from ilk.num import jets
from ilk.num.jets import Jet
from ilk.num.ladder import complex_step, pure_derivative
from ilk.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from ilk.family.custom import CustomFamily, CustomMeanFamily, Function, Rule
    from ilk.family.found import AbstractFound

    Custom = CustomFamily | CustomMeanFamily

__all__ = ["check_family", "default_points", "find_rule", "moves_with_location"]

_FIRST = (-2.0, -0.7, 0.1, 0.8, 2.0)
_POSITIVE = (0.2, 0.6, 1.0, 1.7, 3.0)
_OTHERS = (-1.1, -0.3, 0.6)
_DRAWS = 7
"""Responses at each of the predictors."""

_NORMALIZED = 1e-6
_REFUSED = 1e-3
"""How far the total may be from one without a warning, and at all."""

_SLOPES = 1e-5
_MOMENTS = {"mean": 1e-5, "variance": 1e-4}
_CDF = 1e-5
_SAMPLE = 2000
_KOLMOGOROV = 2.6
"""Root n times the largest distance of distribution functions; beyond, by chance, once in 10^5."""


def default_points(count: int, positive: bool) -> FloatArray:
    """Linear predictors (m, K) at which a family is tried.

    Parameters
    ----------
    count : int
        Number of predictors.
    positive : bool
        Whether the first one has to be positive.
    """
    first = _POSITIVE if positive else _FIRST
    others = list(product(_OTHERS, repeat=min(count - 1, 2)))
    rows = [(*pair, *([_OTHERS[1]] * (count - 3)))[: count - 1] for pair in others]
    return np.array([(a, *rest) for rest in rows for a in first])


def find_rule(
    function: Function, y: FloatArray, eta: Sequence[FloatArray], tries_jets: bool
) -> Rule:
    """Find how the derivatives of a log density can be computed.

    Parameters
    ----------
    function : callable
        The log density.
    y : ndarray (n,)
        Responses.
    eta : sequence of K ndarrays (n,)
        Linear predictors.
    tries_jets : bool
        Whether it may be written with `ilk.num.jets`.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        if tries_jets:
            try:
                if isinstance(function(y, *jets.variables(list(eta), 3)), Jet):
                    return "jets"
            except Exception:  # NumPy's functions refuse jets, each in its own way
                pass
        try:
            return "complex step" if _is_analytic(function, y, eta) else "differences"
        except Exception:
            return "differences"


def _is_analytic(function: Function, y: FloatArray, eta: Sequence[FloatArray]) -> bool:
    """Whether the complex step gives in each predictor what differences give."""

    def at(x: Sequence[FloatArray], rows: IntArray) -> FloatArray:
        value = np.asarray(function(y[rows], *x))
        if any(np.iscomplexobj(v) for v in x) and not np.iscomplexobj(value):
            raise TypeError("complex numbers are lost")
        return np.broadcast_to(value, rows.shape)

    rows = np.arange(len(y))
    for k in range(len(eta)):
        slope = complex_step(at, k).function(eta, rows)
        other, error = pure_derivative(at, eta, k, 1)
        if np.any(~_agree(slope, other, error)):
            return False
    return True


def moves_with_location(
    family: Custom, y: FloatArray, eta: Sequence[FloatArray]
) -> tuple[str, float] | None:
    """Whether responses and the first predictor may be shifted and scaled together.

    Parameters
    ----------
    family : CustomFamily or CustomMeanFamily
        The family.
    y : ndarray (n,)
        Responses.
    eta : sequence of K ndarrays (n,)
        Linear predictors.

    Returns
    -------
    (str, float) or None
        The parameter that is the logarithm of the scale, or of its square, and which it is.
    """
    support = family.support
    whole = math.isinf(support.low) and math.isinf(support.high)
    if support.counts or support.atoms or not whole:
        return None
    shift, scale = 3.7, 2.3
    for place, times in product(range(1, len(eta)), (1.0, 2.0)):
        moved = [shift + scale * eta[0], *eta[1:]]
        moved[place] = moved[place] + times * math.log(scale)
        with np.errstate(all="ignore"):
            try:
                here = np.asarray(family.log_density(y, None, list(eta)))
                there = np.asarray(family.log_density(shift + scale * y, None, moved))
            except Exception:  # which check_family reports
                return None
        if np.allclose(there + math.log(scale), here, rtol=1e-9, atol=1e-9):
            return family.parameters[place], times
    return None


def check_family(family: Custom, points: FloatArray) -> None:
    """Try a family of the user's own.

    Parameters
    ----------
    family : CustomFamily or CustomMeanFamily
        The family.
    points : ndarray (m, K)
        Linear predictors.

    Raises
    ------
    ModelError
        Names the function, where it fails and by how much.
    """
    some = _few_responses(family)
    rows = np.arange(len(some)) % len(points)
    _check_rows(
        family, "log_density", family.given.log_density, some, list(points[rows].T), finite=False
    )
    found, at = _follow(family, points)
    _check_total(family, found, at)
    rows = np.repeat(np.arange(len(at)), _DRAWS)
    y = found.take(rows).draw(np.random.default_rng(20261201))
    usable = family.support.contains(y)
    y, eta = y[usable], list(at[rows[usable]].T)
    _check_rows(family, "log_density", family.given.log_density, y, eta)
    _check_derivatives(family, y, eta)
    _check_moments(family, found, at)
    _check_cdf(family, found, at, y, rows[usable])
    _check_draws(family, found, at)


def _few_responses(family: Custom) -> FloatArray:
    """Six possible responses (fewer, of few counts)."""
    support = family.support
    if support.counts:
        return np.unique(np.round(np.linspace(support.low, min(support.high, support.low + 9), 6)))
    low, high = support.ends
    return support.number(np.linspace(max(low, -2.0), min(high, 2.0), 6))[0]


def _follow(family: Custom, points: FloatArray) -> tuple[AbstractFound, FloatArray]:
    """Distributions at those of the points where there is a density at all."""
    found = family.found(list(points.T))
    rows, y, mass = found.masses()
    good = np.isfinite(mass)
    total = np.bincount(rows, np.where(good, mass, 0.0), minlength=len(points))
    keep = np.flatnonzero((total > 0.0) & ~found.range.cut)
    if not len(keep):
        _fault(
            family,
            "log_density",
            "is not finite, or does not fall off, anywhere on the support at any of the linear "
            "predictors that were tried, e.g.",
            eta=points[0],
            what="give others with try_at=",
        )
    value = family.log_density(y, None, [points[rows, k] for k in range(points.shape[1])])
    endless = np.flatnonzero(np.isposinf(np.asarray(value)))
    if len(endless):
        i = int(endless[0])
        _fault(family, "log_density", "is infinite", y=y[i], eta=points[rows[i]])
    return found.take(keep), points[keep]


def _check_total(family: Custom, found: AbstractFound, at: FloatArray) -> None:
    total = found.moments()[0]
    worst = int(np.argmax(np.abs(total - 1.0)))
    off = abs(total[worst] - 1.0)
    if off <= _NORMALIZED:
        return
    verb = "sums" if family.support.counts else "integrates"
    where = _place(None, at[worst])
    text = f"The density of family {family.name!r} {verb} to {total[worst]:.8g} at {where}"
    if off > _REFUSED:
        why = _where_nan(family, found, at, worst)
        why = why or f"is a constant missing, is the support ({family.support}) right?"
        raise ModelError(f"{text}; it has to be 1: {why}", code="custom-family")
    warnings.warn(
        f"{text}; likelihoods and information criteria are as wrong.", DataWarning, stacklevel=4
    )


def _where_nan(family: Custom, found: AbstractFound, at: FloatArray, i: int) -> str:
    """Say that the density is not a number at an end of the range that it seems to have."""
    ends = np.array([found.range.low[i], found.range.high[i]])
    y = ends if family.support.counts else family.support.number(ends)[0]
    value = family.log_density(y, None, [np.full(2, x) for x in at[i]])
    bad = np.flatnonzero(np.isnan(np.asarray(value)))
    return f"it is nan at {_place(y[bad[0]], at[i])}." if len(bad) else ""


def _check_rows(
    family: Custom,
    piece: str,
    function: Callable[..., Any],
    y: FloatArray,
    eta: list[FloatArray],
    *,
    finite: bool = True,
) -> FloatArray:
    """Values of a function of y and predictors, which have to be those of single rows."""
    value = _call(family, piece, function, y, eta)
    for i in range(0, len(y), max(len(y) // 9, 1)):
        single = _call(family, piece, function, y[i : i + 1], [e[i : i + 1] for e in eta])
        if not np.isclose(single[0], value[i], rtol=1e-9, atol=1e-9, equal_nan=True):
            _fault(
                family,
                piece,
                f"gives {value[i]:.8g} among other rows and {single[0]:.8g} alone",
                y=y[i],
                eta=[e[i] for e in eta],
                what="every row has to be computed for itself",
            )
    bad = np.flatnonzero(~np.isfinite(value))
    if finite and len(bad):
        i = int(bad[0])
        _fault(family, piece, f"is {value[i]}", y=y[i], eta=[e[i] for e in eta])
    return value


def _check_derivatives(family: Custom, y: FloatArray, eta: list[FloatArray]) -> None:
    functions = [family.given.log_density, *family.given.derivatives]
    for order, derivative in enumerate(functions[1:], start=1):
        piece = f"derivatives[{order - 1}]"
        value = _check_rows(family, piece, derivative, y, eta)
        below = functions[order - 1]

        def at(x: Sequence[FloatArray], r: IntArray, f: Function = below) -> FloatArray:
            return np.broadcast_to(np.asarray(f(y[r], *x), dtype=np.float64), r.shape)

        other, error = pure_derivative(at, eta, 0, 1)
        _compare(family, piece, value, other, error, y, eta)
    if family.rule == "jets":
        jet: Any = family.log_density(y, None, jets.variables(eta, 3))

        def density(x: Sequence[FloatArray], r: IntArray) -> FloatArray:
            return np.asarray(family.given.log_density(y[r], *x), dtype=np.float64)

        for k in range(len(eta)):
            parts = (jet.first[k], jet.second[jets.pair(k, k)], jet.third[jets.triple(k, k, k)])
            for order, part in enumerate(parts, start=1):
                other, error = pure_derivative(density, eta, k, order)
                piece = f"jet of order {order} in {family.parameters[k]} of the log_density"
                _compare(family, piece, part, other, error + 1e-4 * np.abs(other), y, eta)


def _agree(found: FloatArray, other: FloatArray, error: FloatArray) -> Any:
    size = np.abs(found) + np.abs(other)
    scale = float(np.median(size[np.isfinite(size)])) if np.any(np.isfinite(size)) else 0.0
    slack = _SLOPES * (size + scale) + 10.0 * np.where(np.isfinite(error), error, np.inf)
    return np.abs(found - other) <= slack


def _compare(
    family: Custom,
    piece: str,
    value: FloatArray,
    other: FloatArray,
    error: FloatArray,
    y: FloatArray,
    eta: list[FloatArray],
) -> None:
    wrong = np.flatnonzero(~_agree(value, other, error) & np.isfinite(other))
    if len(wrong):
        i = int(wrong[0])
        _fault(
            family,
            piece,
            f"is {value[i]:.8g}, but differences say {other[i]:.8g}",
            y=y[i],
            eta=[e[i] for e in eta],
        )


def _check_moments(family: Custom, found: AbstractFound, at: FloatArray) -> None:
    eta = list(at.T)
    _, mean, variance = found.moments()
    given = family.given
    if given.mean is not None:
        value = _call(family, "mean", lambda y, *e: given.mean(*e), at[:, 0], eta)  # type: ignore[misc]
        _compare_moment(family, "mean", value, mean, variance, at)
    elif not family.own_mean:
        with np.errstate(all="ignore"):
            value = np.asarray(family.link.inverse(eta[0]), dtype=np.float64)
        piece = f"mean under link {family.link.name!r}"
        _compare_moment(family, piece, value, mean, variance, at)
    if given.variance is not None:
        value = _call(family, "variance", lambda y, *e: given.variance(*e), at[:, 0], eta)  # type: ignore[misc]
        _compare_moment(family, "variance", value, variance, variance**2, at)


def _compare_moment(
    family: Custom,
    piece: str,
    value: FloatArray,
    other: FloatArray,
    squared_scale: FloatArray,
    at: FloatArray,
) -> None:
    tolerance = _MOMENTS["variance" if piece == "variance" else "mean"]
    slack = tolerance * (np.abs(other) + np.sqrt(np.abs(squared_scale)))
    wrong = np.flatnonzero(
        np.isfinite(other) & np.isfinite(slack) & ~(np.abs(value - other) <= slack)
    )
    if not len(wrong):
        return
    i = int(wrong[0])
    what = ""
    if piece.startswith("mean under"):
        what = (
            "give the link that the first predictor is on, or mean=, or link=None to have it found"
        )
    _fault(
        family,
        piece,
        f"is {value[i]:.8g}, but the density has {other[i]:.8g}",
        eta=at[i],
        what=what,
    )


def _check_cdf(
    family: Custom, found: AbstractFound, at: FloatArray, y: FloatArray, rows: IntArray
) -> None:
    if family.given.cdf is None:
        return
    eta = list(at[rows].T)
    value = _check_rows(family, "cdf", family.given.cdf, y, eta)
    other = found.cdf(y, rows)
    wrong = np.flatnonzero(~(np.abs(value - other) <= _CDF))
    if len(wrong):
        i = int(wrong[0])
        _fault(
            family,
            "cdf",
            f"is {value[i]:.8g}, but the density adds up to {other[i]:.8g}",
            y=y[i],
            eta=at[rows[i]],
        )


def _check_draws(family: Custom, found: AbstractFound, at: FloatArray) -> None:
    """Compare draws at some predictors with the distribution function."""
    draw = family.given.draw
    if draw is None:
        return
    rng = np.random.default_rng(20261202)
    for i in range(0, len(at), max(len(at) // 4, 1)):
        eta = [np.full(_SAMPLE, x) for x in at[i]]
        y = _call(family, "draw", lambda _, *e: draw(rng, *e), eta[0], eta)
        outside = np.flatnonzero(~family.support.contains(y))
        if len(outside):
            _fault(
                family,
                "draw",
                f"gives {y[outside[0]]:.8g}, which is none of the {family.support},",
                eta=at[i],
            )
        y = np.sort(y)
        distinct, last = np.unique(y[::-1], return_index=True)
        share = (_SAMPLE - last) / _SAMPLE  # of draws up to each distinct number
        rows = np.full(len(distinct), i)
        away = np.abs(found.cdf(distinct, rows) - share)
        far = int(np.argmax(away))
        if away[far] * math.sqrt(_SAMPLE) > _KOLMOGOROV:
            _fault(
                family,
                "draw",
                f"gives {share[far]:.3f} of {_SAMPLE} numbers up to {distinct[far]:.4g}, where the "
                f"density says {found.cdf(distinct, rows)[far]:.3f},",
                eta=at[i],
            )


def _call(
    family: Custom, piece: str, function: Callable[..., Any], y: FloatArray, eta: list[FloatArray]
) -> FloatArray:
    """Call a function of the user's with arrays that it must not change."""
    arrays = [np.array(x, dtype=np.float64) for x in (y, *eta)]
    for array in arrays:
        array.flags.writeable = False
    try:
        with np.errstate(all="ignore"):
            value = np.asarray(function(*arrays))
    except Exception as error:
        raise ModelError(
            f"{piece} of family {family.name!r} fails for arrays of {len(y)} rows with "
            f"{type(error).__name__}: {error}. It is called with arrays, one entry for each row, "
            "which it must not change; write it with NumPy's functions.",
            code="custom-family",
        ) from error
    if value.dtype.kind not in "fiub":
        _fault(family, piece, f"gives an array of type {value.dtype}; it has to be of real numbers")
    constant = value.shape == () and piece not in ("log_density", "draw", "cdf")
    if value.shape != y.shape and not constant:
        _fault(
            family,
            piece,
            f"gives an array of shape {value.shape} for {len(y)} rows; it has to be ({len(y)},)",
        )
    return np.array(np.broadcast_to(value.astype(np.float64), y.shape))


def _place(y: float | None, eta: Any) -> str:
    predictors = ", ".join(f"{float(x):.4g}" for x in eta)
    at = f"eta = ({predictors})"
    return at if y is None else f"y = {float(y):.6g}, {at}"


def _fault(
    family: Custom,
    piece: str,
    problem: str,
    *,
    y: float | None = None,
    eta: Any = None,
    what: str = "",
) -> NoReturn:
    where = "" if eta is None else f" at {_place(y, eta)}"
    raise ModelError(
        f"{piece} of family {family.name!r} {problem}{where}{'; ' if what else ''}{what}.",
        code="custom-family",
    )
