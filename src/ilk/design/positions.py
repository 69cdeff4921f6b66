"""Positions of the effects of a series or a field: times, or places, instead of columns.

In ``ar1(week | g)`` or ``exp(x + y | g)`` the left of the bar names coordinates: a level has one
effect for each position that occurs in the data, and a row has that of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, final

import numpy as np

from ilk.covariance.registry import Positional
from ilk.design.scope import Scope
from ilk.errors import DataError, ModelError
from ilk.formula.language import Name
from ilk.formula.spec import RandomSpec
from ilk.frame import listing
from ilk.typing import FloatArray, IntArray

__all__ = ["Elsewhere", "Positions", "find_positions", "steps_of"]

Elsewhere: TypeAlias = Literal["refuse", "any", "none"]
"""What new rows have at positions that the fit does not know."""

_MOST = 2000
"""Most positions of a level, whose covariance matrix is dense."""


@final
@dataclass(frozen=True, slots=True)
class Positions:
    """Where the effects of a level stand.

    Attributes
    ----------
    columns : tuple of str
        Columns of the coordinates.
    values : tuple of q tuples
        Coordinates, or the one label of a factor, by position.
    """

    columns: tuple[str, ...]
    values: tuple[tuple[object, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the effects."""
        what = ", ".join(self.columns)
        return tuple(f"{what}[{', '.join(map(_plain, value))}]" for value in self.values)

    @property
    def points(self) -> FloatArray:
        """Coordinates (q, d) as numbers; those of a factor count its levels."""
        if not all(isinstance(x, float) for value in self.values for x in value):
            return np.arange(float(len(self.values)))[:, None]
        return np.array(self.values, dtype=np.float64)

    def indicators(self, scope: Scope, elsewhere: Elsewhere = "refuse") -> FloatArray:
        """Matrix (n, q) with a one for the position of each row.

        Parameters
        ----------
        scope : Scope
            The data.
        elsewhere : {"refuse", "any", "none"}
            What rows at other positions have: they are refused, or have a one at some position,
            or none.

        Raises
        ------
        DataError
            A row is at none of the positions.
        """
        codes, found = _read(self.columns, scope)
        known = {value: k for k, value in enumerate(self.values)}
        strange = [value for value in found if value not in known]
        if strange and elsewhere == "refuse":
            raise DataError(
                f"There are no effects at {', '.join(self.columns)} = "
                f"{listing([v[0] if len(v) == 1 else v for v in strange])}, which did not occur in "
                "the data of the fit. Give these rows other positions, or fit with rows there.",
                code="unknown-position",
            )
        place = np.array([known.get(value, 0) for value in found], dtype=np.intp)
        there = np.array(
            [elsewhere == "any" or value in known for value in found], dtype=np.float64
        )
        out = np.zeros((scope.count, len(self.values)))
        out[np.arange(scope.count), place[codes]] = there[codes]
        return out

    def joined(self, scope: Scope) -> Positions:
        """These positions, and those that the rows of new data have; labels must be known.

        Parameters
        ----------
        scope : Scope
            New data.
        """
        if any(column not in scope.frame for column in self.columns):
            return self
        if not all(isinstance(x, float) for value in self.values for x in value):
            return self
        points = np.stack([scope.number(column) for column in self.columns], axis=1)
        points = points[np.all(np.isfinite(points), axis=1)]
        both = np.unique(np.concatenate([self.points, points]), axis=0)
        if len(both) > _MOST:
            raise DataError(
                f"With the new ones there are {len(both)} positions of {', '.join(self.columns)}, "
                f"and a level's covariance matrix holds at most {_MOST}; predict some at a time.",
                code="too-large",
            )
        return replace(self, values=tuple(map(tuple, both.tolist())))


def find_positions(spec: RandomSpec, kind: Positional, scope: Scope) -> Positions:
    """Find the positions that the rows have.

    Parameters
    ----------
    spec : RandomSpec
        A term with a structure of positions.
    kind : {"steps", "times", "places"}
        What the structure needs.
    scope : Scope
        The data.

    Returns
    -------
    Positions

    Raises
    ------
    ModelError
        The left of the bar names no columns, or several for a series.
    DataError
        Times are not whole numbers of steps, or there are too many positions.
    """
    factors = [term.factors for term in spec.effects.terms if term.factors]
    if not factors or any(len(f) != 1 or not isinstance(f[0].expression, Name) for f in factors):
        raise ModelError(
            f"In {spec.label}, left of the bar stand the columns of the "
            f"{'places' if kind == 'places' else 'times'}, as in "
            f"{spec.structure}({'x + y' if kind == 'places' else 'time'} | g).",
            code="positions",
        )
    columns = tuple(f[0].text.strip("`") for f in factors)
    if kind != "places" and len(columns) > 1:
        raise ModelError(
            f"In {spec.label}, a series has one time, not {len(columns)}: "
            f"{', '.join(columns)}. Fields of several coordinates are exp(), gau() and matern().",
            code="positions",
        )
    _, found = _read(columns, scope)
    if len(found) > _MOST:
        raise DataError(
            f"In {spec.label}, there are {len(found)} positions, and a level's covariance matrix "
            f"holds at most {_MOST}. Fields of many places are made by "
            "covariance={...: ilk.covariance.spatial(...)}.",
            code="too-large",
        )
    positions = Positions(columns, found)
    if kind == "steps":
        steps_of(positions, spec.label)
    elif not all(isinstance(x, float) for value in found for x in value):
        raise DataError(
            f"In {spec.label}, the {'places' if kind == 'places' else 'times'} are numbers, but "
            f"{', '.join(columns)} is a factor.",
            code="not-numeric",
        )
    return positions


def steps_of(positions: Positions, label: str) -> tuple[int, ...]:
    """Times in whole steps, the smallest distance between two of them.

    Parameters
    ----------
    positions : Positions
        Times of a series.
    label : str
        The term, for errors.
    """
    times = positions.points[:, 0]
    if len(times) < 2:
        return (0,) * len(times)
    step = float(np.diff(times).min())
    count = (times - times[0]) / step
    whole = np.round(count)
    off = np.flatnonzero(np.abs(count - whole) > 1e-6 * np.maximum(whole, 1.0))
    if len(off):
        raise DataError(
            f"In {label}, times are not whole numbers of steps: {times[off[0]]:g} is "
            f"{count[off[0]]:.6g} steps of {step:g} after {times[0]:g}. Use ou() for times as they "
            "come.",
            code="steps",
        )
    return tuple(whole.astype(int).tolist())


def _read(columns: Sequence[str], scope: Scope) -> tuple[IntArray, tuple[tuple[object, ...], ...]]:
    """Position of each row among those that occur, and these in order."""
    if len(columns) == 1 and not scope.column(columns[0]).numeric:
        factor = scope.factor(columns[0])
        return factor.codes, tuple((level,) for level in factor.levels)
    points = np.stack([scope.number(column) for column in columns], axis=1)
    unique, codes = np.unique(points, axis=0, return_inverse=True)
    return codes.ravel(), tuple(map(tuple, unique.tolist()))


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
