"""From the functions that a user gives to a family: what is asked of the arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ilk.errors import ModelError
from ilk.family.custom import CustomFamily, CustomMeanFamily, Function, Given
from ilk.family.custom_checks import (
    check_family,
    default_points,
    find_rule,
    moves_with_location,
)
from ilk.family.link import AbstractLink, Identity, find_link
from ilk.family.registry import is_taken
from ilk.family.scale import ParameterScale
from ilk.family.support import Support, make_support

__all__ = ["make_custom_family"]


def make_custom_family(
    name: str,
    parameters: Sequence[str],
    link: str | AbstractLink | None,
    support: Any,
    atoms: Sequence[float],
    derivatives: Any,
    scales: Mapping[str, str | AbstractLink] | None,
    try_at: Any,
    functions: Mapping[str, Function | None],
) -> CustomFamily | CustomMeanFamily:
    """Make a family and try it.

    Parameters
    ----------
    name, parameters, link, support, atoms, derivatives, scales, try_at
        As of `ilk.families.custom`.
    functions : mapping of str to callable or None
        The user's functions, by their arguments' names.

    Raises
    ------
    ModelError
        Says what is wrong with the arguments, or with which of the functions, and where.
    """
    for piece, function in functions.items():
        if function is not None and not callable(function):
            raise _wrong(f"{piece}={function!r:.40} is no function.")
    names = _check_names(name, parameters)
    slopes = _check_derivatives(derivatives)
    first = Identity() if link is None else find_link(link)
    where = make_support(support, atoms)
    given = Given(derivatives=slopes, **functions)  # type: ignore[arg-type]
    points = _check_points(try_at, len(names), first)
    kind = CustomFamily if link is not None and given.mean is None else CustomMeanFamily
    shown = tuple(_scale(parameter, names, of) for parameter, of in (scales or {}).items())
    family = kind(name, names, first, where, given, "differences", shown)
    y, eta = _rows_to_try(where, points)
    rule = find_rule(given.log_density, y, eta, not slopes)
    moves = moves_with_location(family, y, eta) if isinstance(first, Identity) else None
    family = kind(name, names, first, where, given, rule, shown, moves)
    check_family(family, points)
    return family


def _check_names(name: Any, parameters: Any) -> tuple[str, ...]:
    if not isinstance(name, str) or not name.isidentifier():
        raise _wrong(f"name={name!r:.40} is no name; use letters, digits and underscores.")
    if is_taken(name):
        raise _wrong(f"There is a family {name!r} already; give yours another name.")
    names = (parameters,) if isinstance(parameters, str) else tuple(parameters)
    if not names or names[0] != "mean":
        raise _wrong(f"parameters={names!r:.60} has to begin with 'mean'.")
    if len(set(names)) < len(names) or not all(
        isinstance(n, str) and n.isidentifier() for n in names
    ):
        raise _wrong(f"parameters={names!r:.60} have to be different names without blanks.")
    return names


def _check_derivatives(derivatives: Any) -> tuple[Function, ...]:
    if derivatives is None:
        return ()
    given = (derivatives,) if callable(derivatives) else tuple(derivatives)
    if not 1 <= len(given) <= 3 or not all(map(callable, given)):
        raise _wrong(
            "derivatives= takes the first derivative of the log density in the predictor of the "
            "mean, or a tuple of the first, second and third."
        )
    return given


def _check_points(try_at: Any, count: int, link: AbstractLink) -> np.ndarray:
    if try_at is None:
        return default_points(count, link.positive_predictor)
    try:
        points = np.asarray(try_at, dtype=np.float64)
        points = points.reshape(-1, count) if points.ndim < 2 else points
    except (TypeError, ValueError):
        points = np.zeros((0, 0))
    if points.ndim != 2 or points.shape[1] != count or not len(points):
        raise _wrong(f"try_at= takes rows of {count} linear predictors, one for each parameter.")
    return points


def _scale(
    parameter: str, names: tuple[str, ...], of: str | AbstractLink
) -> tuple[str, ParameterScale]:
    if parameter not in names[1:]:
        raise _wrong(f"scales= names {parameter!r}, which is none of {', '.join(names[1:])}.")
    link = find_link(of)
    words = parameter.replace("_", " ")
    predictor = words if link.name == "identity" else f"{link.name} {words}"
    return parameter, ParameterScale(predictor, words, parameter, link.inverse, link)


def _rows_to_try(support: Support, points: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Responses and predictors at which it is seen how derivatives can be found."""
    if support.counts:
        last = min(support.high, support.low + 9.0)
        y = np.unique(np.round(np.linspace(support.low, last, 5)))
    else:
        low, high = (max(support.ends[0], -2.0), min(support.ends[1], 2.0))
        y = support.number(np.linspace(low, high, 5))[0]
    rows = np.repeat(np.arange(len(points)), len(y))
    return np.tile(y, len(points)), list(points[rows].T)


def _wrong(message: str) -> ModelError:
    return ModelError(message, code="custom-family")
