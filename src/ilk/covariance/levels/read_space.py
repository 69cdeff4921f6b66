"""Places of the levels of a factor: given with their names, or columns of the data of a fit."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final, get_args

import numpy as np

from ilk.covariance.decay import DECAYS, Decay
from ilk.covariance.levels.points import on_the_globe
from ilk.covariance.levels.space import Method, Space
from ilk.errors import DataError, ModelError, did_you_mean
from ilk.frame import quote
from ilk.typing import FloatArray

__all__ = ["Places", "spatial"]

_EXACT = 1500
"""Places up to which the field is exact by default."""


@final
@dataclass(frozen=True, slots=True)
class Places:
    """A field whose places are columns of the data of the fit.

    Attributes
    ----------
    columns : tuple of str
        Columns of the coordinates.
    settings : tuple
        The other arguments of `spatial`.
    """

    columns: tuple[str, ...]
    settings: tuple[Decay, float | None, str, int, bool]

    def at(self, factor: str, levels: Sequence[Hashable], codes: Any, points: FloatArray) -> Space:
        """Make the field, from the coordinates of the rows.

        Parameters
        ----------
        factor : str
            Name of the factor, for errors.
        levels : sequence of L labels
            Its levels.
        codes : ndarray (n,) of int
            Level of each row.
        points : ndarray (n, d)
            Coordinates of each row.

        Raises
        ------
        DataError
            The coordinates differ within a level.
        """
        order = np.argsort(codes, kind="stable")
        first = order[np.searchsorted(codes[order], np.arange(len(levels)))]
        apart = np.flatnonzero(np.any(points != points[first][codes], axis=1))
        if len(apart):
            level = levels[codes[apart[0]]]
            raise DataError(
                f"The coordinates {', '.join(self.columns)} differ within {quote(level)} of "
                f"{factor!r} ({len(apart)} rows); each level has one place. Make a factor of the "
                "places.",
                code="places",
            )
        return _field(tuple(levels), points[first], *self.settings)


def spatial(
    x: Any,
    y: Any = None,
    *more: Any,
    names: Sequence[Hashable] | None = None,
    kind: Decay = "matern",
    nu: float | Literal["estimate"] = 1.5,
    method: Literal["auto", "exact", "vecchia"] = "auto",
    neighbors: int = 20,
    geographic: bool = False,
) -> Space | Places:
    """Gaussian field over the places of the levels of a factor.

    Range and variance are estimated.

    Parameters
    ----------
    x, y, *more : str or arrays (L,)
        Coordinates on a line, in the plane, in space: columns of the data of the fit, which are
        constant within the levels of the factor, or arrays with ``names``.
    names : sequence of L labels, optional
        Levels of the factor, for arrays; they may hold places without data, which are predicted.
    kind : {"matern", "exp", "gau"}
        Correlation function.
    nu : float or "estimate"
        Smoothness of the Matern correlation.
    method : {"auto", "exact", "vecchia"}
        Dense algebra, or each place given its nearest ones; ``"auto"`` is exact up to 1,500 places.
    neighbors : int
        Number of nearest places of ``"vecchia"``.
    geographic : bool
        Whether x and y are longitude and latitude in degrees; ranges are then in km.

    Returns
    -------
    Space or Places
        For ``ilk.fit(..., covariance={"site": spatial("x", "y")})``.

    Raises
    ------
    DataError
        Places coincide, or a coordinate is not a number.

    Examples
    --------
    >>> import ilk
    >>> field = ilk.covariance.spatial([0.0, 1.0, 2.0], names=["a", "b", "c"], kind="exp")
    >>> field.describe()
    'field with exponential correlations at 3 places, exact'
    """
    _choice("kind", kind, DECAYS)
    _choice("method", method, ("auto", *get_args(Method)))
    if nu != "estimate" and not 0.0 < nu <= 20.0:
        raise ModelError(
            f"nu={nu!r} is no smoothness; give a number between 0 and 20, or 'estimate'.",
            code="choice",
        )
    if neighbors < 1:
        raise ModelError(f"neighbors={neighbors}: there must be at least one.", code="choice")
    given = [part for part in (x, y, *more) if part is not None]
    if geographic and len(given) != 2:
        raise ModelError("geographic=True needs longitude and latitude.", code="choice")
    smooth = None if nu == "estimate" or kind != "matern" else float(nu)
    settings = (kind, smooth, method, neighbors, geographic)
    if all(isinstance(part, str) for part in given):
        return Places(tuple(given), settings)
    if names is None:
        raise ModelError(
            "Coordinates that are arrays need the names of their levels: names=[...]; or give the "
            "names of columns of the data.",
            code="names",
        )
    return _field(tuple(names), np.stack([np.asarray(p, float) for p in given], axis=1), *settings)


def _field(
    names: tuple[Hashable, ...],
    points: FloatArray,
    kind: Decay,
    nu: float | None,
    method: str,
    neighbors: int,
    geographic: bool,
) -> Space:
    if geographic:
        beyond = np.flatnonzero(np.abs(points[:, 1]) > 90.0)
        if len(beyond):
            raise DataError(
                f"The latitude of {quote(names[int(beyond[0])])} is {points[beyond[0], 1]:g}; "
                "geographic coordinates are longitude, then latitude, in degrees.",
                code="places",
            )
        points = on_the_globe(points[:, 1], points[:, 0])
    exact = method == "exact" or (method == "auto" and len(names) <= _EXACT)
    return Space(names, points, kind, nu, "exact" if exact else "vecchia", neighbors, geographic)


def _choice(name: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise ModelError(
            f"{name}={value!r} is not known; choose from {', '.join(map(repr, known))}."
            f"{did_you_mean(str(value), known)}",
            code="choice",
        )
