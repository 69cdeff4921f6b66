"""Covariance structures by the names that formulas use."""

from __future__ import annotations

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

__all__ = ["STRUCTURES", "covariance_structure"]

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
"""Structures by name."""

_ELSEWHERE = {"un": "us", "homdiag": "identity", "iid": "identity", "id": "identity", "hcs": "cs"}


def covariance_structure(name: str) -> AbstractCovariance:
    """Covariance structure by its name.

    Parameters
    ----------
    name : str
        Name as in a formula, ``"us"``, ``"diag"``, ``"cs"``, ``"homcs"`` or ``"identity"``.

    Returns
    -------
    AbstractCovariance
        The structure.

    Raises
    ------
    ModelError
        No structure has this name.

    Examples
    --------
    >>> from ilk.covariance import covariance_structure
    >>> covariance_structure("us").size(3)
    6
    """
    if name in STRUCTURES:
        return STRUCTURES[name]()
    other = _ELSEWHERE.get(name.casefold())
    hint = f" Did you mean {other!r}?" if other else did_you_mean(name, STRUCTURES)
    raise ModelError(
        f"Unknown covariance structure {name!r}; there are {', '.join(STRUCTURES)}.{hint}",
        code="unknown-covariance",
    )
