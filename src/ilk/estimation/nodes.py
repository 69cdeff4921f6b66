"""How far estimates move with the number of quadrature nodes, and what is said about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.fitted import Reason
from ilk.model.nodes import plan_nodes
from ilk.model.quadrature import Shares

if TYPE_CHECKING:
    from ilk.kernels.contract import Nodes, SearchResult
    from ilk.likelihood.base import AbstractMarginal
    from ilk.model.model import Model
    from ilk.typing import FloatArray

__all__ = [
    "AUTO_NODES",
    "Shift",
    "errors_of",
    "ladder",
    "not_climbed",
    "parameter_name",
    "settled_note",
    "shift_between",
]

AUTO_NODES = (5, 9, 15, 25, 41)
"""Node counts that automatic quadrature climbs through."""

SMALL_SHIFT = 0.01
"""Standard errors by which no parameter may move any more."""

SMALL_GAIN = 1e-3
"""Log-likelihood by which the maximum may not move any more."""


def ladder(model: Model) -> Iterator[Nodes]:
    """Numbers of nodes to climb through.

    Parameters
    ----------
    model : Model
        The model.

    Yields
    ------
    int or tuple of int
        As the model takes them.

    Raises
    ------
    ModelError
        The first count is not possible; later ones that are not end the climb.
    """
    for count in AUTO_NODES:
        try:
            nodes = plan_nodes(model.design, count)
        except ModelError:
            if count == AUTO_NODES[0]:
                raise
            return
        yield nodes


@dataclass(frozen=True, slots=True)
class Shift:
    """How far two approximations of one likelihood lie apart.

    Parameters
    ----------
    loglik : float
        Difference of their maxima.
    errors : float
        Greatest difference of a parameter, in standard errors.
    name : str
        That parameter.
    """

    loglik: float
    errors: float
    name: str

    @property
    def small(self) -> bool:
        """Whether more nodes would change nothing of interest."""
        return abs(self.loglik) < SMALL_GAIN and self.errors < SMALL_SHIFT


def shift_between(
    marginal: AbstractMarginal, before: SearchResult, after: SearchResult, errors: FloatArray
) -> Shift:
    """Compare the ends of two searches.

    Parameters
    ----------
    marginal : AbstractMarginal
        A criterion of the model.
    before, after : SearchResult
        Where the searches ended.
    errors : (m,) array
        Standard errors of the flat parameter vector.

    Returns
    -------
    Shift
    """
    ends = [_psi(marginal, result) for result in (before, after)]
    known = np.isfinite(errors) & (errors > 0.0)
    spread = np.where(known, errors, 1.0)
    shift = np.abs(ends[1] - ends[0]) / spread
    worst = int(np.argmax(shift))
    name = parameter_name(marginal.model, worst)
    return Shift(after.value - before.value, float(shift[worst]), name)


def errors_of(covariance: FloatArray) -> FloatArray:
    """Standard errors (m,) of the flat parameter vector, not a number where there are none."""
    variances = np.diagonal(covariance)
    errors: FloatArray = np.sqrt(np.where(variances > 0.0, variances, np.nan))
    return errors


def _psi(marginal: AbstractMarginal, result: SearchResult) -> FloatArray:
    return np.concatenate([marginal.scaled.coef(result.beta), result.theta])


def parameter_name(model: Model, position: int) -> str:
    """A parameter in the user's terms.

    Parameters
    ----------
    model : Model
        The model.
    position : int
        Its place in the flat vector.
    """
    if position < len(model.names):
        return model.names[position][1]
    position -= len(model.names)
    for term, covariance in zip(model.design.terms, model.covariances, strict=True):
        size = covariance.size(len(term.column_names))
        if position < size:
            return f"covariance of ({term.label})"
        position -= size
    raise IndexError(position)


def settled_note(what: Shares, laplace: Shift, last: Shift) -> Reason:
    """Say which quadrature was used and how far the Laplace approximation was off.

    Parameters
    ----------
    what : Shares
        The factors and their nodes.
    laplace : Shift
        From Laplace to the fit.
    last : Shift
        From the last but one number of nodes to the fit.
    """
    message = (
        f"quadrature: {what}; the Laplace approximation was off by {laplace.errors:.2f} standard "
        f"errors ({laplace.name}) and by {abs(laplace.loglik):.3g} in log-likelihood."
    )
    if last.small:
        return Reason("quadrature", "note", (), message)
    return Reason(
        "quadrature",
        "warning",
        (),
        f"{message} The last increase of the nodes still moved {last.name} by {last.errors:.2g} "
        f"standard errors and the log-likelihood by {abs(last.loglik):.2g}.",
        "Give a larger number of nodes, quadrature=.",
    )


def not_climbed(why: str) -> Reason:
    """Say that automatic quadrature stayed with the Laplace approximation.

    Parameters
    ----------
    why : str
        The reason.
    """
    return Reason(
        "quadrature", "note", (), f"quadrature='auto' stayed with the Laplace approximation: {why}"
    )
