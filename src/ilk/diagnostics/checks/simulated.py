r"""Observed responses among simulated ones, and where each stands: residuals between 0 and 1.

The residual of a row is the position of its response in the distribution function that m
simulations of the row give, drawn uniformly within ties (Dunn and Smyth 1996; Gelman and Hill 2007,
ch. 8).  Here every data set, the observed one (column 0) and the m simulated ones, is ranked among
all m + 1:

.. math:: u_{ij} = \frac{\#\{k: y_{ik} < y_{ij}\} + V_{ij}\,\#\{k: y_{ik} = y_{ij}\}}{m + 1},
   \qquad V_{ij} \sim U(0, 1),

so that the columns are exchangeable if the model is right, whatever ties the rows together.  A
statistic T of a column then has a null distribution that is known exactly up to the parameters:
that of T of the other columns.

**population** columns come with new random effects on the same clusters, all columns alike.
**conditional** columns share one draw of the random effects from their distribution given the data
(:mod:`ilk.diagnostics.checks.conditional_draw`), given which the rows are independent; effects of
single rows are noise and come anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.diagnostics.checks.completed import completed
from ilk.diagnostics.checks.conditional_draw import conditional_drawer
from ilk.errors import ModelError
from ilk.simulate import (
    draw_effects,
    draw_responses,
    effect_roots,
    full_predictors,
    generator_of,
    term_shift,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = [
    "CELLS",
    "Simulated",
    "observations",
    "of_rows",
    "positions",
    "simulate_rows",
    "sum_by",
]

CELLS = 1 << 24
"""Numbers of one set of simulated responses at most."""

_CHUNK = 1 << 20
"""Numbers that are ranked at once."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """Observed and simulated responses.

    Parameters
    ----------
    estimand : str
        ``"conditional"`` or ``"population"``.
    rows : (k,) array of int
        Row of the fit of each observation.
    responses : (k, m + 1) array
        Responses, the observed ones first; counts of successes where there are trials.
    residuals : (k, m + 1) array of float32
        Their positions.
    eta : tuple of (k,) arrays
        Predictors around which responses were drawn, without the random effects that come anew.
    discrete : bool
        Whether responses are counts.
    fresh : bool
        Whether each data set has random effects of its own beyond `eta`.
    seed : SeedSequence
        For what is drawn further.
    """

    estimand: str
    rows: IntArray
    responses: FloatArray
    residuals: FloatArray
    eta: tuple[FloatArray, ...]
    discrete: bool
    fresh: bool
    seed: np.random.SeedSequence

    @property
    def draws(self) -> int:
        """Number m of simulated data sets."""
        return int(self.responses.shape[1]) - 1

    def summed(self, codes: IntArray, levels: int) -> FloatArray:
        """Sums (levels, m + 1) of the responses of the observations with each code."""
        return sum_by(codes, levels, self.responses)

    def grouped(self, codes: IntArray, levels: int) -> FloatArray:
        """Positions (levels, m + 1) of the sums of the responses with each code."""
        rng = np.random.default_rng(self.seed)
        return positions(self.summed(codes, levels), self.discrete, rng)


def sum_by(codes: IntArray, levels: int, values: FloatArray) -> FloatArray:
    """Sums (levels, m) of the rows of values (k, m) with each code."""
    order = np.argsort(codes, kind="stable")
    present, first = np.unique(codes[order], return_index=True)
    sums = np.zeros((levels, values.shape[1]))
    sums[present] = np.add.reduceat(values[order], first, axis=0, dtype=np.float64)
    return sums


def observations(fitted: Fitted, draws: int, seed: int) -> IntArray:
    """Choose the observations: every row as often as it counts, or some of very large data.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    draws : int
        Simulated data sets.
    seed : int
        Seed of the choice.

    Returns
    -------
    (k,) array of int
        Rows of the fit, sorted.
    """
    weights = fitted.design.frequency_weights
    most = max(1, CELLS // (draws + 1))
    if weights is None:
        rows = np.arange(fitted.model.rows)
    else:
        count = np.rint(weights).astype(np.int64)
        if np.any(np.abs(weights - count) > 1e-8 * np.maximum(weights, 1.0)):
            raise ModelError(
                "check() draws a response for each observation, but some frequency weights are no "
                "whole numbers; give weights that count observations.",
                code="frequency-weights",
            )
        rows = np.repeat(np.arange(fitted.model.rows), count)
    if len(rows) > most:
        chosen = np.random.default_rng(seed).choice(len(rows), most, replace=False, shuffle=False)
        rows = rows[np.sort(chosen)]
    return rows


def simulate_rows(
    fitted: Fitted, estimand: str, rows: IntArray, draws: int, seed: int
) -> Simulated:
    """Draw responses and rank all data sets among each other.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    estimand : {"conditional", "population"}
        Random effects given the data, or new ones.
    rows : (k,) array of int
        Observations.
    draws : int
        Simulated data sets m.
    seed : int
        Makes the draws repeatable.

    Returns
    -------
    Simulated

    Raises
    ------
    ModelError
        The family has no random draws, or drawn effects give impossible means.
    """
    kind = ("conditional", "population").index(estimand)
    root = _root(estimand, seed)
    response, family = fitted.design.response, fitted.family
    trials = None if response.trials is None else response.trials[rows]
    fixed, roots = full_predictors(fitted, None), effect_roots(fitted)
    new = [estimand == "population" or of_rows(fitted, t) for t in range(len(roots))]
    if not all(new):
        known = _only(conditional_drawer(fitted)(generator_of(root, 0)), [not one for one in new])
        fixed = [a + b for a, b in zip(fixed, term_shift(fitted, known), strict=True)]
    eta = tuple(part[rows] for part in fixed)
    Y = np.empty((len(rows), draws + 1))
    Y[:, 0] = response.y[rows]
    if response.other is not None:
        Y[:, 0] = _completed(fitted, seed)[rows]
    for j in range(1, draws + 1):
        rng, own = generator_of(root, j), eta
        if any(new):
            shift = term_shift(fitted, _only(draw_effects(fitted, rng, roots), new))
            own = tuple(a + b[rows] for a, b in zip(eta, shift, strict=True))
        Y[:, j] = draw_responses(family, own, trials, rng)
    residuals = positions(Y, family.discrete, generator_of(root, draws + 1))
    further = np.random.SeedSequence(seed, spawn_key=(kind, draws + 2))
    return Simulated(estimand, rows, Y, residuals, eta, family.discrete, any(new), further)


def _completed(fitted: Fitted, seed: int) -> FloatArray:
    """Responses (n,) whose censored ones are drawn, given the random effects of all data sets."""
    response = fitted.design.response
    assert response.other is not None
    effects = conditional_drawer(fitted)(generator_of(_root("conditional", seed), 0))
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    eta = full_predictors(fitted, effects)
    return completed(fitted.family, response.y, response.other, eta, rng)


def _root(estimand: str, seed: int) -> np.random.SeedSequence:
    kind = ("conditional", "population").index(estimand)
    return np.random.SeedSequence(seed, spawn_key=(kind,))


def of_rows(fitted: Fitted, t: int) -> bool:
    """Whether term t has one level for each row: its effects are noise, not clusters.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    t : int
        Position of the term.
    """
    return len(fitted.design.terms[t].grouping.levels) == fitted.model.rows


def _only(effects: Sequence[FloatArray], wanted: Sequence[bool]) -> list[FloatArray]:
    """Random effects of the terms wanted, zeros for the others."""
    return [b if one else np.zeros_like(b) for b, one in zip(effects, wanted, strict=True)]


def positions(values: FloatArray, discrete: bool, rng: np.random.Generator) -> FloatArray:
    """Position of each number in the distribution of its row, drawn uniformly within ties.

    Parameters
    ----------
    values : (k, m) array
        The numbers; a row holds draws from one distribution.
    discrete : bool
        Whether they are whole numbers.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    (k, m) array of float32
        Numbers between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.diagnostics.checks.simulated import positions
    >>> found = positions(np.array([[0.3, 1.2, 0.7]]), False, np.random.default_rng(0))
    >>> np.floor(3 * found)
    array([[0., 2., 1.]], dtype=float32)
    """
    k, m = values.shape
    out = np.empty((k, m), dtype=np.float32)
    step = max(1, _CHUNK // m)
    slots = np.arange(m, dtype=np.float32)
    for start in range(0, k, step):
        part = values[start : start + step]
        place = rng.random(part.shape, dtype=np.float32)
        order = _order(part, place, discrete)
        rank = np.empty(part.shape, dtype=np.float32)
        np.put_along_axis(rank, order, np.broadcast_to(slots, part.shape), axis=1)
        inside = rng.random(part.shape, dtype=np.float32)
        out[start : start + step] = (rank + inside) / np.float32(m)
    limit = np.finfo(np.float32)
    return np.clip(out, limit.tiny, np.float32(1.0) - limit.epsneg)


def _order(values: FloatArray, place: Any, discrete: bool) -> IntArray:
    """Order of the numbers within rows; ties are put in a random order."""
    if discrete:
        return np.argsort(values + place, axis=1)
    order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    if np.any(ordered[:, 1:] == ordered[:, :-1]):
        return np.lexsort((place, values), axis=1)
    return order
