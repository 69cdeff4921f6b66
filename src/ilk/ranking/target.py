r"""What is ranked: one number for each level of a grouping factor, as a combination of its effects.

With random intercepts it is the intercept's effect :math:`b_l`.  With random slopes beside it, the
effect that matters to a rate is the one where the data are, :math:`\bar z' b_l` at the mean of the
columns over all rows, which does not depend on where a covariate is centered.  A slope is ranked
with its fixed part, :math:`\beta_x + b_{l,x}`, so that its sign is that of the level's trend.  In
general the number is

.. math:: e_l = a' b_l + c_l' \beta,

where c holds the fixed part of a slope, or the level's deviation in covariates that are not
adjusted for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.errors import DataError, ModelError, did_you_mean
from ilk.formula.spec import MEAN
from ilk.inference.clusters import is_nested
from ilk.model.dependence import dependent_groups
from ilk.prediction.known import first_places
from ilk.prediction.random_effects import check_group

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.design.random import RandomTerm
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = [
    "OVERALL",
    "Target",
    "block_variances",
    "choose_target",
    "conditional_variances",
    "own_terms",
    "ranked_grouping",
]

OVERALL = "mean"
"""Name of the sum of all effects of a level at the mean of their columns."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is ranked.

    Parameters
    ----------
    group : str
        Grouping factor.
    name : str
        ``"Intercept"``, the name of a slope, or ``"mean"``.
    terms : tuple of int
        Random terms whose effects enter.
    weights : tuple of (q_t,) arrays
        Their weights a.
    fixed : (L, P) or (1, P) array
        Weights c of the coefficients.
    slope : bool
        Whether it is a slope.
    levels : tuple of labels
        Levels of the factor.
    codes : (n,) array
        Level of each row.
    """

    group: str
    name: str
    terms: tuple[int, ...]
    weights: tuple[FloatArray, ...]
    fixed: FloatArray
    slope: bool
    levels: tuple[object, ...]
    codes: IntArray

    def combine(self, effects: Sequence[FloatArray]) -> FloatArray:
        """(L,) combination of the effects (L, q_t) of all terms."""
        pairs = zip(self.terms, self.weights, strict=True)
        return np.asarray(sum((effects[t] @ a for t, a in pairs), np.zeros(len(self.levels))))

    def prior_variance(self, matrices: Sequence[FloatArray]) -> float:
        """Variance a'Ga between levels, of the covariance matrices of all terms."""
        return float(
            sum(a @ matrices[t] @ a for t, a in zip(self.terms, self.weights, strict=True))
        )


def own_terms(fitted: Fitted, group: str) -> list[int]:
    """Random terms whose effects belong to single levels of a factor: its own and nested ones."""
    terms = fitted.design.terms
    codes = next(term.grouping.codes for term in terms if term.grouping.name == group)
    return [
        t
        for t, term in enumerate(terms)
        if term.grouping.name == group or is_nested(term.grouping.codes, codes)
    ]


def choose_target(
    fitted: Fitted, group: str, term: str | None, weights: FloatArray, fixed: FloatArray
) -> Target:
    """Choose what is ranked.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    group : str
        Grouping factor.
    term : str or None
        Random effect; None for the sum of all at the mean of their columns.
    weights : (n,) array
        Weight of each row in that mean.
    fixed : (L, P) or (1, P) array
        Weights of the coefficients where no slope is ranked.

    Returns
    -------
    Target

    Raises
    ------
    DataError
        The factor, or the random effect, is unknown.
    """
    grouping = ranked_grouping(fitted, group)
    mine = [
        (t, x)
        for t, x in enumerate(fitted.design.terms)
        if x.grouping.name == grouping.name and x.reaches(MEAN)
    ]
    label, levels, codes = grouping.name, tuple(grouping.levels), grouping.codes
    if term is None:
        return Target(
            group=label,
            name=INTERCEPT if _only_intercept(mine) else OVERALL,
            terms=tuple(t for t, _ in mine),
            weights=tuple(_column_means(x, weights) for _, x in mine),
            fixed=fixed,
            slope=False,
            levels=levels,
            codes=codes,
        )
    places = [
        (t, j, name)
        for t, x in mine
        for j, name in enumerate(x.column_names)
        if x.predictors[j] == MEAN
    ]
    names = [name for _, _, name in places]
    if term not in names:
        raise DataError(
            f"term={term!r} is no random effect of {group!r}, which has {', '.join(names)}."
            + did_you_mean(str(term), names),
            code="unknown-term",
        )
    t, j, _ = places[names.index(term)]
    unit = np.zeros(len(fitted.design.terms[t].column_names))
    unit[j] = 1.0
    slope = term != INTERCEPT
    return Target(
        group=label,
        name=term,
        terms=(t,),
        weights=(unit,),
        fixed=_slope_coefficient(fitted, term) if slope else fixed,
        slope=slope,
        levels=levels,
        codes=codes,
    )


def ranked_grouping(fitted: Fitted, group: str) -> Grouping:
    """Grouping factor whose levels are compared.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    group : str
        Its name.

    Raises
    ------
    DataError
        There is no such factor.
    ModelError
        It has no random effects in the mean.
    """
    terms = fitted.design.terms
    if not terms:
        raise ModelError(
            "league_table() compares the random effects of the levels of a factor, and this model "
            f"has none: add (1 | {group}) to the formula.",
            code="no-random-terms",
        )
    if not isinstance(group, str):
        raise DataError(
            f"group={group!r:.60}: give the name of a grouping factor.", code="unknown-group"
        )
    check_group(fitted, group)
    own = [term for term in terms if term.grouping.name == group]
    if not any(term.reaches(MEAN) for term in own):
        raise ModelError(
            f"{group!r} has random effects in the {own[0].predictor.replace('_', ' ')} only; "
            "league_table() ranks effects on the mean.",
            code="league-term",
        )
    if len({term.grouping.structured for term in own}) > 1:
        raise ModelError(
            f"{group!r} has effects that depend on those of its relatives and others that do not "
            "(iid); league_table() ranks levels by one of the two: fit it alone.",
            code="dependent-levels",
        )
    return own[0].grouping


def _only_intercept(mine: Sequence[tuple[int, RandomTerm]]) -> bool:
    names = [part.column_names for _, x in mine for part, _ in x.parts if part.predictor == MEAN]
    return names == [(INTERCEPT,)]


def _column_means(term: RandomTerm, weights: FloatArray) -> FloatArray:
    """(q,) means of the columns of the mean; zeros for those of other predictors."""
    if term.columns is None:
        return np.ones(1)
    means = weights @ term.columns / weights.sum()
    return np.where([name == MEAN for name in term.predictors], means, 0.0)


def _slope_coefficient(fitted: Fitted, name: str) -> FloatArray:
    """(1, P) weights that pick the coefficient of the mean with this name, if there is one."""
    picked = [float(key == (MEAN, name)) for key in fitted.names]
    return np.array([picked])


def conditional_variances(fitted: Fitted, target: Target) -> FloatArray:
    """(L,) conditional variances a'Ca of what is ranked, parameters held.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    target : Target
        What is ranked.
    """
    modes, levels = fitted.estimates.modes, len(target.levels)
    several = len({term.grouping.name for term in fitted.design.terms}) > 1
    if several or dependent_groups(fitted.design):
        return np.maximum(block_variances(target, fitted.mode_covariance()), 0.0)
    right = np.zeros((sum(m.size for m in modes), 1))  # levels are independent: one solve for all
    places = first_places(modes)
    for t, a in zip(target.terms, target.weights, strict=True):
        start, q = places[t]
        right[start : start + q * levels, 0] = np.tile(a, levels)
    solved = fitted.conditional_solve(right)[:, 0]
    split = [
        solved[start : start + m.size].reshape(m.shape)
        for (start, _), m in zip(places, modes, strict=True)
    ]
    return np.maximum(target.combine(split), 0.0)


def block_variances(target: Target, blocks: Sequence[FloatArray]) -> FloatArray:
    """(L,) variances a'Ca, of the covariance matrices (L, q_t, q_t) of all terms.

    Several terms of one factor are taken as uncorrelated given the data.
    """
    parts = [
        np.einsum("i,lij,j->l", a, blocks[t], a)
        for t, a in zip(target.terms, target.weights, strict=True)
    ]
    return np.asarray(sum(parts[1:], parts[0]))
