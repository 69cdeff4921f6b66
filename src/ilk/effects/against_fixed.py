r"""Three answers side by side: fixed, random and correlated random effects of the clusters.

For a mixed model with random intercepts, the same fixed part is fitted

* with *fixed* effects: one absorbed parameter per cluster, comparisons within clusters only;
* with *random* effects: the fit itself, which weighs comparisons within and between clusters and
  takes the cluster effects to be unrelated to the covariates;
* with *correlated random* effects: random effects plus the cluster mean of every column that varies
  within clusters (Mundlak 1978), so that a column's own coefficient rests on comparisons within
  clusters again, while columns that are constant in clusters keep an estimate.

The coefficients of the first and the last agree exactly for a balanced Gaussian model and nearly
elsewhere; a random-effects coefficient away from both says that clusters and covariate go together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.design.build import build
from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.contextual import (
    choose_grouping,
    cluster_columns,
    estimate,
    extend,
    mean_groupings,
)
from ilk.errors import ModelError
from ilk.fixed_effects import FixedFitted, estimate_fixed, with_factors
from ilk.formula.spec import MEAN, OLRE
from ilk.inference.wald import coefficient_covariance

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Side", "ThreeWays", "against_fixed"]


@final
@dataclass(frozen=True, slots=True)
class Side:
    """One of the models.

    Parameters
    ----------
    name : str
        ``"fixed"``, ``"random"`` or ``"correlated"``.
    estimate, std_error, df : (p,) arrays
        By term; nan where the model has no estimate.  df are the degrees of freedom of the t
        distribution, infinite for the normal one.
    clusters_df : int
        Degrees of freedom that the model spends on clusters.
    coefficients : int
        Number of estimated coefficients.
    spent : str
        On what the degrees of freedom of the clusters are spent, in words.
    verdict : str
        Status of the fit.
    """

    name: str
    estimate: FloatArray
    std_error: FloatArray
    df: FloatArray
    clusters_df: int
    coefficients: int
    spent: str
    verdict: str


@final
@dataclass(frozen=True, slots=True)
class ThreeWays:
    """Estimates of three models of the same fixed part.

    Parameters
    ----------
    terms : tuple of str
        Columns of the fixed part, then the cluster means.
    varies : tuple of bool
        Whether each varies within clusters.
    sides : tuple of Side
        Fixed, random, correlated.
    group : str
        Factor whose means the correlated model has.
    factors : tuple of str
        Factors that the fixed model absorbs.
    fixed : FixedFitted
        The fixed-effects fit.
    correlated : Fitted
        The correlated-random-effects fit.
    notes : tuple of str
        What else differs between the models, in sentences.
    """

    terms: tuple[str, ...]
    varies: tuple[bool, ...]
    sides: tuple[Side, ...]
    group: str
    factors: tuple[str, ...]
    fixed: FixedFitted
    correlated: Fitted
    notes: tuple[str, ...]


def against_fixed(fitted: Fitted, group: str | None = None) -> ThreeWays:
    """Set the fit beside one with fixed and one with correlated random effects.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    group : str, optional
        Factor whose means the correlated model has; by default the one with the most levels.

    Returns
    -------
    ThreeWays

    Raises
    ------
    ModelError
        The model has no random effects or no covariates in the mean, or parts that cluster dummies
        cannot go with.
    """
    groupings = _groupings(fitted)
    chosen = _choose(groupings, group)
    if all(name == INTERCEPT for name in fitted.model.parts[MEAN].all_names):
        raise ModelError(
            "The mean has no covariates, so that there are no effects to compare between fixed "
            "and random effects of clusters.",
            code="no-covariates",
        )
    fixed = _fixed(fitted, [grouping.columns for grouping in groupings])
    part = fitted.model.parts[MEAN]
    seen = cluster_columns(part, chosen, fitted.design.frequency_weights)
    varies = {name for name, moves in zip(part.names, seen.varies, strict=True) if moves}
    extension = extend(fitted, [chosen])
    correlated = estimate(extension.model) if extension.columns else fitted
    added = [j for places in extension.columns.values() for j in places]
    names = tuple(extension.model.parts[MEAN].names[j] for j in sorted(added))
    terms = tuple(name for name in (*part.all_names, *names) if name != INTERCEPT)
    q = len(fitted.estimates.psi) - len(fitted.coef) - fitted.model.linear
    absorbed = tuple(grouping.name for grouping in groupings)
    spent = f"a parameter for each level of {' and '.join(absorbed)}"
    sides = (
        _side("fixed", terms, fixed, fixed.cluster_count, spent),
        _side("random", terms, fitted, q, "variances and correlations"),
        _side(
            "correlated",
            terms,
            correlated,
            q + len(names),
            f"the same, and {len(names)} cluster mean{'s' if len(names) != 1 else ''}",
        ),
    )
    constant = tuple(name not in varies for name in terms)
    return ThreeWays(
        terms,
        tuple(not c for c in constant),
        sides,
        chosen.name,
        absorbed,
        fixed,
        correlated,
        tuple(_notes(fitted, fixed)),
    )


def _groupings(fitted: Fitted) -> list[Grouping]:
    """Factors of the random terms of the mean, each once."""
    beyond = [name for name in fitted.family.parameters if name not in ("mean", "dispersion")]
    if beyond:
        words = beyond[-1].replace("_", " ")
        raise ModelError(
            f"The family {fitted.family.name!r} has a predictor beside the mean, with which "
            f"cluster dummies cannot be absorbed; compare a fit without {words}.",
            code="family-not-absorbable",
        )
    dispersion = fitted.formula.predictor("dispersion")
    if dispersion is not None:
        raise ModelError(
            f"The dispersion has a formula of its own ({dispersion.text}), which fixed effects do "
            "not go with here; compare a fit without dispersion=.",
            code="dispersion",
        )
    return mean_groupings(fitted)


def _choose(groupings: list[Grouping], group: str | None) -> Grouping:
    if group is None:
        return max(groupings, key=lambda grouping: len(grouping.levels))
    return choose_grouping(groupings, group)


def _fixed(fitted: Fitted, factors: list[tuple[str, ...]]) -> FixedFitted:
    """Fit the same fixed part to the same rows with absorbed clusters."""
    design = fitted.design
    spec = with_factors(design.spec, factors)
    arguments: dict[str, Any] = dict(design.argument_columns)
    again = build(
        spec,
        design.data,
        parameters=fitted.family.parameters,
        binomial=fitted.family.takes_trials,
        **arguments,
    )
    return estimate_fixed(again, fitted.family)


def _side(name: str, terms: tuple[str, ...], fitted: Any, clusters_df: int, spent: str) -> Side:
    names = fitted.within.names if isinstance(fitted, FixedFitted) else fitted.names
    mean = [i for i, (component, _) in enumerate(names) if component == MEAN]
    place = {names[i][1]: i for i in mean}
    errors = np.sqrt(np.diag(fitted.vcov))
    if isinstance(fitted, FixedFitted):
        df = np.full(len(errors), float(fitted.within.df))
    else:
        df = coefficient_covariance(fitted).coefficient_df()
    pick = [place.get(term, -1) for term in terms]
    return Side(
        name,
        np.append(fitted.coef, np.nan)[pick],
        np.append(errors, np.nan)[pick],
        np.append(df, np.nan)[pick],
        int(clusters_df),
        len(mean),
        spent,
        fitted.verdict.status.value,
    )


def _notes(fitted: Fitted, fixed: FixedFitted) -> list[str]:
    notes = list(fixed.notes)
    notes += [
        f"The fixed-effects fit: {reason.message} {reason.advice}".strip()
        for reason in fixed.verdict.reasons
    ]
    slopes = [
        term.label
        for term in fitted.design.random_parts
        if term.predictor == MEAN and term.column_names != (INTERCEPT,)
    ]
    if slopes:
        notes.append(
            f"Random slopes ({'; '.join(slopes)}) have no counterpart in the fixed-effects fit, "
            "whose standard errors do not know of them."
        )
    if any(term.grouping.name == OLRE for term in fitted.design.terms):
        notes.append("The fixed-effects fit leaves the random effect of each row (olre()) out.")
    return notes
