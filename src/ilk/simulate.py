r"""New responses drawn from a fitted model.

**population** draws the random effects afresh, b ~ N(0, G), on the same clusters and rows: data as
another sample of clusters would give (what the parametric bootstrap needs).  Where the levels of a
factor depend on each other (a tree, a field), their effects are drawn together.  **conditional**
keeps the clusters' estimated effects, **typical** sets them to zero.  Then each response is drawn
from the family at its linear predictors.  Draw j depends on the seed and on j only, not on how many
are drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import ModelError
from ilk.model.model import term_effect
from ilk.num.triangular import covariance_root
from ilk.prediction.levels import Estimand, check_choice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ilk.family.base import AbstractFamily
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = [
    "IMPOSSIBLE",
    "draw_effects",
    "draw_responses",
    "full_predictors",
    "generator_of",
    "response_drawer",
    "simulate",
]

IMPOSSIBLE = "impossible-mean"
"""Code of the error that says that effects were drawn which the family cannot have."""


def simulate(
    fitted: Fitted,
    n: int = 1,
    *,
    estimand: Estimand = "population",
    seed: int | np.random.SeedSequence | None = None,
) -> FloatArray:
    """Draw responses for the rows of the fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    n : int
        Number of draws.
    estimand : {"population", "conditional", "typical"}
        New random effects, the estimated ones, or none.
    seed : int or SeedSequence, optional
        Makes the draws repeatable.

    Returns
    -------
    (rows, n) array
        Responses; counts of successes where there are trials.
    """
    count = _whole_number("n", n)
    draw = response_drawer(fitted, estimand)
    out = np.empty((fitted.model.rows, count), order="F")
    root = _seed_sequence(seed)
    for j in range(count):
        out[:, j] = draw(generator_of(root, j))
    return out


def response_drawer(
    fitted: Fitted, estimand: Estimand = "population"
) -> Callable[[np.random.Generator], FloatArray]:
    """Make ready to draw responses, one after the other.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    estimand : {"population", "conditional", "typical"}
        New random effects, the estimated ones, or none.

    Returns
    -------
    callable
        Takes a source of randomness to a response (n,).
    """
    check_choice("estimand", estimand, Estimand)
    trials, family = fitted.design.response.trials, fitted.family
    fixed, roots = full_predictors(fitted, None), effect_roots(fitted)
    if estimand == "conditional":
        shift = term_shift(fitted, fitted.estimates.modes)
        fixed = [a + b for a, b in zip(fixed, shift, strict=True)]

    def draw(rng: np.random.Generator) -> FloatArray:
        eta = fixed
        if estimand == "population":
            new = term_shift(fitted, draw_effects(fitted, rng, roots))
            eta = [a + b for a, b in zip(fixed, new, strict=True)]
        return draw_responses(family, eta, trials, rng)

    return draw


def draw_responses(
    family: AbstractFamily,
    eta: Sequence[FloatArray],
    trials: FloatArray | None,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw responses at given predictors.

    Parameters
    ----------
    family : AbstractFamily
        Distribution and link.
    eta : sequence of (n,) arrays
        Predictors of all of the family's parameters.
    trials : (n,) array or None
        Numbers of trials.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    (n,) array

    Raises
    ------
    ModelError
        The link takes some predictors to means that the family cannot have.
    """
    try:
        drawn: FloatArray = family.draw(eta, trials, rng)
    except ValueError:  # of NumPy's distributions
        drawn = np.full(len(eta[0]), np.nan)
    if np.all(np.isfinite(drawn)):
        return drawn
    raise ModelError(
        f"With the link {family.link.name!r} random effects that were drawn give the family "
        f"{family.name!r} means that it cannot have, so that no data can be drawn from this model; "
        f"use the family's usual link.",
        code=IMPOSSIBLE,
    )


def generator_of(root: np.random.SeedSequence, j: int) -> np.random.Generator:
    """Source of randomness of draw j, the same however many are drawn."""
    key = (*root.spawn_key, j)
    return np.random.default_rng(np.random.SeedSequence(root.entropy, spawn_key=key))


def full_predictors(fitted: Fitted, effects: Sequence[FloatArray] | None) -> list[FloatArray]:
    """(n,) linear predictors of all of the family's parameters, profiled sigma included.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    effects : sequence of (L_t, q_t) arrays or None
        Random effects; None for zero.
    """
    model = fitted.model
    predictors = model.linear_predictors(fitted.coef, effects)
    if model.linear:
        log_variance = np.full(model.rows, np.log(fitted.estimates.sigma2))
        precision = model.design.precision_weights
        predictors.append(log_variance if precision is None else log_variance - np.log(precision))
    return predictors


def term_shift(fitted: Fitted, effects: Sequence[FloatArray]) -> list[FloatArray]:
    """(n,) sum of the random effects of each of the family's predictors."""
    order = list(fitted.family.parameters)
    shift = [np.zeros(fitted.model.rows) for _ in order]
    for term, b in zip(fitted.design.terms, effects, strict=True):
        for part, here in term.parts:
            shift[order.index(part.predictor)] += term_effect(part, b[:, here])
    return shift


def effect_roots(fitted: Fitted) -> list[FloatArray]:
    """Roots (q_t, q_t) of the covariance matrices of the random effects."""
    return [covariance_root(G) for G in fitted.estimates.covariances]


def draw_effects(
    fitted: Fitted, rng: np.random.Generator, roots: Sequence[FloatArray] | None = None
) -> list[FloatArray]:
    """Draw new random effects (L_t, q_t) of all terms, of latent levels too.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    rng : numpy.random.Generator
        Source of randomness.
    roots : sequence of (q_t, q_t) arrays, optional
        What `effect_roots` gives, for those who draw often.
    """
    drawn = []
    every = zip(fitted.design.terms, roots or effect_roots(fitted), fitted.dependences, strict=True)
    for term, root, over in every:
        if over is None:
            unit = rng.standard_normal((len(term.grouping.levels), len(root)))
        else:
            unit = over.levels.draw(over.theta, rng, len(root)).T
        drawn.append(unit @ root.T)
    return drawn


def _whole_number(argument: str, value: object) -> int:
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 1:
        return int(value)
    raise ModelError(f"{argument}={value!r}: give a whole number above 0.", code="count")


def _seed_sequence(seed: object) -> np.random.SeedSequence:
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if seed is None or (
        isinstance(seed, (int, np.integer)) and not isinstance(seed, bool) and seed >= 0
    ):
        return np.random.SeedSequence(None if seed is None else int(seed))
    raise ModelError(f"seed={seed!r}: give a whole number that is not negative.", code="seed")
