"""Covariance structures by the names that formulas use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from ilk.covariance.autoregressive import Autoregressive, OrnsteinUhlenbeck
from ilk.covariance.base import AbstractCovariance
from ilk.covariance.by_distance import Exponential, GaussianDecay, Matern
from ilk.covariance.compound import CompoundSymmetry, HomogeneousCompoundSymmetry
from ilk.covariance.diagonal import Diagonal
from ilk.covariance.identity import ScaledIdentity
from ilk.covariance.reduced_rank import ReducedRank
from ilk.covariance.toeplitz import Toeplitz
from ilk.covariance.unstructured import Unstructured
from ilk.errors import ModelError, did_you_mean
from ilk.typing import FloatArray

__all__ = ["POSITIONAL", "SETTINGS", "STRUCTURES", "Positional", "covariance_structure"]

STRUCTURES: dict[str, type[AbstractCovariance]] = {
    kind.name: kind
    for kind in (
        Unstructured,
        Diagonal,
        CompoundSymmetry,
        HomogeneousCompoundSymmetry,
        ScaledIdentity,
        ReducedRank,
        Autoregressive,
        OrnsteinUhlenbeck,
        Toeplitz,
        Exponential,
        GaussianDecay,
        Matern,
    )
}
STRUCTURES["iid"] = Unstructured
"""Structures by name; ``iid`` has levels that do not depend on each other, whatever others do."""

Positional: TypeAlias = Literal["steps", "times", "places"]
"""What the effects of a structure stand at: whole steps, times as they come, places."""

POSITIONAL: Mapping[str, Positional] = {
    "ar1": "steps",
    "toep": "steps",
    "ou": "times",
    "exp": "places",
    "gau": "places",
    "matern": "places",
}
"""Structures whose effects stand at positions."""

SETTINGS: Mapping[str, tuple[str, ...]] = {"rr": ("d",), "matern": ("nu",)}
"""Numbers that structures take in a formula."""

_ELSEWHERE = {
    "un": "us",
    "homdiag": "identity",
    "id": "identity",
    "hcs": "cs",
    "mat": "matern",
    "fa": "rr",
    "car1": "ou",
}


def covariance_structure(
    name: str,
    settings: Sequence[tuple[str, float]] = (),
    points: FloatArray | None = None,
    steps: tuple[int, ...] = (),
) -> AbstractCovariance:
    """Covariance structure by its name.

    Parameters
    ----------
    name : str
        Name as in a formula, such as ``"us"`` or ``"ar1"``.
    settings : sequence of (str, float)
        What the formula says beside, such as ``d=2``.
    points : ndarray (q, d), optional
        Positions of the effects, for structures that have them.
    steps : tuple of q int
        Positions in whole steps.

    Returns
    -------
    AbstractCovariance
        The structure.

    Raises
    ------
    ModelError
        No structure has this name, or a setting is no possible number.

    Examples
    --------
    >>> from ilk.covariance import covariance_structure
    >>> covariance_structure("us").size(3)
    6
    >>> covariance_structure("rr", [("d", 2)]).size(4)
    7
    """
    if name not in STRUCTURES:
        other = _ELSEWHERE.get(name.casefold())
        hint = f" Did you mean {other!r}?" if other else did_you_mean(name, STRUCTURES)
        raise ModelError(
            f"Unknown covariance structure {name!r}; there are {', '.join(STRUCTURES)}.{hint}",
            code="unknown-covariance",
        )
    given: dict[str, Any] = dict(settings)
    for setting, value in given.items():
        _check_setting(name, setting, value)
    if points is not None:
        kind = POSITIONAL[name]
        if kind == "steps":
            given["times"] = steps
        elif kind == "times":
            given["times"] = tuple(points[:, 0].tolist())
        else:
            given["places"] = tuple(map(tuple, points.tolist()))
    return STRUCTURES[name](**{**given, **({"d": int(given["d"])} if "d" in given else {})})


def _check_setting(name: str, setting: str, value: float) -> None:
    known = SETTINGS.get(name, ())
    if setting not in known:
        words = f"it takes {', '.join(known)}" if known else "it takes none"
        raise ModelError(
            f"{name}(...) has no setting {setting!r}; {words}.", code="unknown-argument"
        )
    if setting == "d" and not (value >= 1 and value == int(value)):
        raise ModelError(f"rr(..., d={value:g}): d is a whole number from one.", code="choice")
    if setting == "nu" and not 0.0 < value <= 20.0:
        raise ModelError(
            f"matern(..., nu={value:g}): nu is a number between 0 and 20.", code="choice"
        )
