r"""Whether the Laplace approximation is good enough for the data: the one rule, and its words.

At the optimum of the Laplace approximation the likelihood and its gradient g are computed once by
quadrature, parameters held.  One Newton step with the covariance matrix C of the estimates says how
far the parameters would move, :math:`C g`, in standard errors, without a refit.  Where quadrature
is not possible, few events in a typical level are the sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.estimation.nodes import parameter_name
from ilk.fitted import Reason
from ilk.kernels.choice import integrated_terms
from ilk.likelihood.laplace import LaplaceMarginal
from ilk.likelihood.penalized import PenalizedMarginal
from ilk.likelihood.restricted import RestrictedMarginal
from ilk.model.dependence import dependent_groups
from ilk.model.nodes import MAX_EFFECTS, plan_nodes
from ilk.model.quadrature import is_laplace
from ilk.num.triangular import invert_information

if TYPE_CHECKING:
    from ilk.kernels.contract import Nodes, SearchResult
    from ilk.likelihood.base import AbstractMarginal
    from ilk.model.model import Model
    from ilk.typing import FloatArray

__all__ = ["laplace_notes", "little_information", "newton_move"]

_FAR, _FARTHER = 0.1, 0.25
"""Standard errors from which a move is worth a note, and a warning."""

_NODES = {1: 9, 2: 5, 3: 3}
"""Quadrature nodes per dimension, by effects per level."""

_LITTLE = 5.0
"""Events (and as many non-events) of a typical level below which Laplace is in doubt."""

_MOST_WORK, _MOST_CROSSED = 20_000_000, 3_000_000
"""Evaluations of the density, and rows times crossing effects, that are spent on the question."""


def laplace_notes(marginal: AbstractMarginal, result: SearchResult) -> list[Reason]:
    """Say where the Laplace approximation is not good enough.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        An optimum of it.

    Returns
    -------
    list of Reason
        At most one, with the code ``"laplace"``.
    """
    model = marginal.model
    if model.linear or not is_laplace(model.nodes) or not model.design.terms:
        return []
    widths = _widths(model)
    wide = [name for name in little_information(model) if widths[name] > MAX_EFFECTS]
    nodes = None if wide else _nodes(marginal, widths)
    found = None if nodes is None else newton_move(marginal, result, nodes)
    if found is None:
        groups = tuple(wide) or little_information(model)
        return _unchecked(groups, bool(dependent_groups(model.design)))
    moves, gain = found
    worst = int(np.argmax(np.abs(moves)))
    size = float(abs(moves[worst]))
    if size <= _FAR:
        return []
    name = parameter_name(model, worst)
    severity, word = ("warning", "") if size > _FARTHER else ("note", "somewhat ")
    message = (
        f"the Laplace approximation is {word}off: by quadrature, "
        f"{_move(model, worst, moves[worst])}, and the log-likelihood by {abs(gain):.2g}."
    )
    advice = "Fit with quadrature='auto'; fit.approximation() tells all moves."
    if model.reml:
        advice = "Fit with reml=False and quadrature='auto'."
    return [Reason("laplace", severity, (name,), message, advice)]


def _move(model: Model, position: int, move: float) -> str:
    """Say which parameter is off, and which way if it is a standard deviation."""
    size = f"{abs(move):.1f}" if abs(move) >= 1.0 else f"{abs(move):.2f}"
    start = len(model.names)
    for term, covariance in zip(model.design.terms, model.covariances, strict=True):
        width = len(term.column_names)
        if position == start and width == 1:
            way = "too small" if move > 0.0 else "too large"
            name = f"sd({term.column_names[0]}) of {term.grouping.name}"
            return f"{name} is {way} by about {size} standard errors"
        start += covariance.size(width)
    return f"{parameter_name(model, position)} is off by about {size} standard errors"


def _widths(model: Model) -> dict[str, int]:
    """Effects per level of each grouping factor."""
    widths: dict[str, int] = {}
    for term in model.design.terms:
        name = term.grouping.name
        widths[name] = widths.get(name, 0) + len(term.column_names)
    return widths


def _nodes(marginal: AbstractMarginal, widths: Mapping[str, int]) -> Nodes | None:
    """Numbers of nodes for a look, None where it is not possible or takes long."""
    model, data = marginal.model, marginal.scaled.data
    fit = [width for width in widths.values() if width <= MAX_EFFECTS]
    if not fit:
        return None
    count = _NODES[max(fit)]
    try:
        nodes = plan_nodes(model.design, count)
    except ModelError:
        return None
    rows, across = len(data.response), integrated_terms(data, nodes)
    if across is None:
        return nodes if rows * count ** sum(fit) <= _MOST_WORK else None
    beside = sum(t.levels * t.width for i, t in enumerate(data.terms) if i not in across)
    return nodes if rows * beside <= _MOST_CROSSED else None


def newton_move(
    marginal: AbstractMarginal, result: SearchResult, nodes: Nodes
) -> tuple[FloatArray, float] | None:
    """Foresee what quadrature would change, by one Newton step from an optimum of Laplace.

    Parameters
    ----------
    marginal : AbstractMarginal
        The Laplace approximation.
    result : SearchResult
        Its optimum.
    nodes : int or tuple of int
        Quadrature nodes.

    Returns
    -------
    moves : (m,) array
        Moves of the flat parameter vector, in standard errors; zero where nothing is known.
    gain : float
        Log-likelihood by quadrature minus that by Laplace, at the same parameters.
    """
    if not isinstance(marginal, (LaplaceMarginal, PenalizedMarginal, RestrictedMarginal)):
        return None
    information = marginal.information(result)
    better: AbstractMarginal
    if isinstance(marginal, RestrictedMarginal):  # given the coefficients, as of the full one
        better = marginal.inner.with_nodes(nodes)
        gradient = better.gradient(result) - marginal.inner.gradient(result)
        plain = marginal.inner.at_point(result.beta, result.theta).value
    else:
        better = marginal.with_nodes(nodes)
        gradient, plain = better.gradient(result), result.value
    value = better.at_point(result.beta, result.theta).value
    if not np.all(np.isfinite(gradient)) or not np.isfinite(value):
        return None
    covariance = invert_information(information)
    covariance = np.where(np.isnan(covariance), 0.0, covariance)
    P = len(result.beta)
    to_psi = np.eye(len(covariance))
    to_psi[:P, :P] = marginal.scaled.coef_map
    step = to_psi @ (covariance @ gradient)
    variance = np.einsum("ij,jk,ik->i", to_psi, covariance, to_psi)
    known = variance > 0.0
    moves: FloatArray = np.where(known, step / np.sqrt(np.where(known, variance, 1.0)), 0.0)
    return moves, value - plain


def _unchecked(groups: tuple[str, ...], dependent: bool) -> list[Reason]:
    """Where quadrature cannot tell, go by the information in a level."""
    if not groups:
        return []
    return [
        Reason(
            "laplace",
            "warning",
            groups,
            "the likelihood is a Laplace approximation, and a typical level of "
            f"{' and '.join(groups)} holds little information: its variance may be "
            "underestimated, and effects with it.",
            "Look at the bias in fit.bootstrap()." if dependent else "Ask fit.approximation().",
        )
    ]


def little_information(model: Model) -> tuple[str, ...]:
    """Grouping factors of the mean whose typical level has few events, or few non-events.

    Parameters
    ----------
    model : Model
        The model.
    """
    if not model.family.discrete:
        return ()
    design = model.design
    weight, y = design.frequency_weights, design.response.y
    w = np.ones(len(y)) if weight is None else weight
    out: dict[str, None] = {}
    for term in design.random_parts:
        grouping = term.grouping
        events = grouping.count(w * y)
        if model.family.takes_trials:
            trials = design.response.trials
            total = grouping.count(w if trials is None else w * trials)
            events = np.minimum(events, total - events)
        if term.grouping.structured:  # latent levels have no rows
            events = events[grouping.count() > 0]
        if term.predictor == "mean" and float(np.median(events)) < _LITTLE:
            out[term.grouping.name] = None
    return tuple(out)
