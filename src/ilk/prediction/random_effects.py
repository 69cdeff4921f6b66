r"""Random effects of the levels: modes or means, their uncertainty, and how far they shrink.

The estimate is the conditional mode or the conditional mean (`ilk.prediction.conditional_means`) of
the effect given the data; in the linear model they are the same.  The conditional standard
deviation holds the parameters at their estimates.  The full one adds what these are uncertain by,

.. math:: s^2 = Var(b_j \mid y; \hat\psi) + D_j V D_j', \qquad
          D_j = \frac{\partial \hat b_j}{\partial \psi},

with V the covariance matrix of all parameters, coefficients, variances and dispersion (Booth and
Hobert 1998, JASA 93, p. 265; for the linear model Kackar and Harville 1984).  Intervals are normal
around the estimate.  The weight of an effect's own data against the population,

.. math:: 1 - \frac{Var(b_j | y)}{G_{jj}},

is 0 where a level's data say nothing (the estimate is the population's mean) and near 1 where they
say all; in the balanced one-way layout it is the factor by which the raw deviation is shrunk.  In
levels that depend on each other (a tree, a field) it is the weight of all data, those of its
relatives too, :math:`G_{jj}` being the level's own variance; levels without data are among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.errors import DataError, did_you_mean
from ilk.inference.wald import two_sided
from ilk.prediction.conditional_means import conditional_means
from ilk.prediction.known import first_places
from ilk.prediction.levels import check_choice
from ilk.prediction.uncertainty import quadratic

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["EffectEstimate", "EffectUncertainty", "LevelEffects", "random_effects"]

EffectEstimate: TypeAlias = Literal["mode", "mean"]
"""What stands for a random effect given the data."""

EffectUncertainty: TypeAlias = Literal["conditional", "full"]
"""Parameters held at their estimates, or counted as uncertain."""


@dataclass(frozen=True, slots=True)
class LevelEffects:
    """Random effects of one term.

    Parameters
    ----------
    component : str
        Predictor that the effects belong to.
    group : str
        Grouping factor.
    levels : tuple of labels
        Its L levels.
    names : tuple of str
        Names of the q random effects of each level.
    estimate, std_error, conf_low, conf_high : (L, q) arrays
        Conditional modes or means, standard deviations, limits.
    count : (L,) array
        Number of observations of each level; frequency weights count.
    weight : (L, q) array
        Weight of the data, between 0 (all shrunk) and 1.
    """

    component: str
    group: str
    levels: tuple[object, ...]
    names: tuple[str, ...]
    estimate: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    count: FloatArray
    weight: FloatArray


def random_effects(
    fitted: Fitted,
    group: str | None = None,
    level: float = 0.95,
    *,
    estimate: EffectEstimate = "mode",
    uncertainty: EffectUncertainty = "conditional",
) -> tuple[LevelEffects, ...]:
    """Collect the random effects of one grouping factor, or of all.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    group : str, optional
        Grouping factor; all by default.
    level : float
        Coverage of the intervals.
    estimate : {"mode", "mean"}
        Conditional modes or means.
    uncertainty : {"conditional", "full"}
        Whether the parameters are held at their estimates.

    Returns
    -------
    tuple of LevelEffects
        One for each term.

    Raises
    ------
    DataError
        No term is grouped by this factor.
    """
    z = two_sided(level)
    check_choice("estimate", estimate, EffectEstimate)
    check_choice("uncertainty", uncertainty, EffectUncertainty)
    terms = fitted.design.terms
    check_group(fitted, group)
    estimates, variances = _moments(fitted, estimate, uncertainty)
    frequencies = fitted.design.frequency_weights
    dependences = fitted.dependences
    tables = []
    for t, term in enumerate(terms):
        if group is not None and group not in (term.grouping.name, term.group):
            continue
        effects, held = estimates[t], variances[0][t]
        prior = np.diag(fitted.estimates.covariances[t])
        over = dependences[t]
        if over is not None:
            prior = over.variances()[:, None] * prior
        error = np.sqrt(np.maximum(held + variances[1][t], 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where(prior > 0.0, 1.0 - held / prior, 0.0)
        count = _rows_by_level(term, frequencies)
        here = count > 0.0 if term.by else np.ones(len(effects), dtype=bool)
        if over is not None:
            here = np.isin(np.arange(len(effects)), over.named())
        levels = term.grouping.levels
        effects, error = effects[here], error[here]
        tables.append(
            LevelEffects(
                component=term.predictor,
                group=term.group,
                levels=tuple(levels[i] for i in np.flatnonzero(here)),
                names=tuple(term.column_names),
                estimate=effects,
                std_error=error,
                conf_low=effects - z * error,
                conf_high=effects + z * error,
                count=count[here],
                weight=np.clip(weight[here], 0.0, 1.0),
            )
        )
    return tuple(tables)


def _rows_by_level(term: RandomTerm, frequencies: FloatArray | None) -> FloatArray:
    """Number of rows (L,) of each level; of a term with by=, of those that it is for."""
    weights: FloatArray | None = frequencies
    if term.by and term.columns is not None:
        own: FloatArray = np.any(term.columns, axis=1).astype(np.float64)
        weights = own if frequencies is None else np.asarray(frequencies * own)
    return term.grouping.count(weights)


def check_group(fitted: Fitted, group: str | None) -> None:
    """Refuse what is no grouping factor of a fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    group : str or None
        Name of a factor; None for all.
    """
    terms = fitted.design.terms
    groups = list(dict.fromkeys(name for t in terms for name in (t.grouping.name, t.group)))
    if group is None or group in groups:
        return
    there = f"there are {', '.join(groups)}" if groups else "the model has no random effects"
    raise DataError(
        f"group={group!r} is no grouping factor of this fit; {there}."
        + did_you_mean(str(group), groups),
        code="unknown-group",
    )


_Arrays: TypeAlias = "tuple[FloatArray, ...]"


def _moments(
    fitted: Fitted, estimate: str, uncertainty: str
) -> tuple[_Arrays, tuple[_Arrays, _Arrays]]:
    """Estimates (L_t, q_t), and their variances: parameters held, and from the parameters."""
    full = uncertainty == "full"
    if estimate == "mode":
        effects, covariances = fitted.estimates.modes, fitted.mode_covariance()
        slope = fitted.mode_sensitivity() if full else None
    else:
        found = conditional_means(fitted, sensitivity=full)
        effects, covariances = found.moments.means, found.moments.covariances
        slope = found.sensitivity if full else None
    held = tuple(np.diagonal(block, axis1=1, axis2=2) for block in covariances)
    if slope is None:
        return effects, (held, tuple(np.zeros_like(part) for part in held))
    added = quadratic(slope, fitted.psi_covariance())
    parts = tuple(
        added[start : start + part.size].reshape(part.shape)
        for (start, _), part in zip(first_places(effects), held, strict=True)
    )
    return effects, (held, parts)
