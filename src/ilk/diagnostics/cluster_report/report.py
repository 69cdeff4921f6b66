"""The report on clusters: their sizes, their correlation, and what ignoring them costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.diagnostics.cluster_report.clusters import cluster_groupings, outermost, two_fits
from ilk.diagnostics.cluster_report.design_effect import design_effects
from ilk.diagnostics.cluster_report.false_positives import chosen_terms, false_positives
from ilk.diagnostics.cluster_report.inflation import expected_inflation
from ilk.diagnostics.cluster_report.places import CoefficientPlaces, coefficient_places
from ilk.diagnostics.cluster_report.side_by_side import (
    GEE,
    Side,
    sides,
)
from ilk.diagnostics.cluster_report.sizes import cluster_sizes
from ilk.errors import IlkError, ModelError
from ilk.formula.spec import MEAN
from ilk.gee.fitted import FEW_CLUSTERS
from ilk.inference.clusters import is_nested
from ilk.inference.robust.covariance import check_covariance_kind
from ilk.inference.wald import check_level
from ilk.model.dependence import refuse_dependent
from ilk.variance.icc import icc

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.diagnostics.cluster_report.clusters import TwoFits
    from ilk.diagnostics.cluster_report.design_effect import DesignEffects
    from ilk.diagnostics.cluster_report.false_positives import FalsePositives
    from ilk.diagnostics.cluster_report.sizes import ClusterSizes
    from ilk.fitted import Fitted
    from ilk.inference.robust.covariance import CovarianceKind
    from ilk.variance.icc import Intraclass

__all__ = ["ClusterReport", "cluster_report"]


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """What it costs to ignore that rows come in clusters.

    Parameters
    ----------
    mixed, plain : Fitted
        The model with and without random effects.
    group : str
        Clusters of the robust methods.
    sizes : ClusterSizes
        By grouping factor.
    correlations : tuple of Intraclass
        Intraclass correlations on the latent scale and on that of the response, where they differ
        and exist.
    effects : DesignEffects or None
        Design effects; None where correlations do not exist.
    sides : tuple of Side
        Coefficients by method.
    places : CoefficientPlaces
        Where the columns vary.
    false_positives : FalsePositives or None
        By simulation, if that was asked for.
    level : float
        Coverage of intervals.
    notes : tuple of str
        What was left out or assumed.
    """

    mixed: Fitted
    plain: Fitted
    group: str
    sizes: ClusterSizes
    correlations: tuple[Intraclass, ...]
    effects: DesignEffects | None
    sides: tuple[Side, ...]
    places: CoefficientPlaces
    false_positives: FalsePositives | None
    level: float
    notes: tuple[str, ...]

    def side(self, method: str, estimand: str = "population") -> Side | None:
        """Give the coefficients of a method, if it is there."""
        for side in self.sides:
            if (side.method, side.estimand) == (method, estimand):
                return side
        return None


def cluster_report(
    fitted: Fitted,
    group: Any = None,
    *,
    cov: CovarianceKind = "CR2",
    level: float = 0.95,
    simulate: int = 0,
    terms: str | Sequence[str] | None = None,
    alpha: float = 0.05,
    seed: int | None = None,
    n_jobs: int | None = 1,
) -> ClusterReport:
    """Report on the clusters of a model.

    Parameters
    ----------
    fitted : Fitted
        A mixed model; or one without random effects, for which a mixed one is fitted.
    group : str, array or None
        Clusters of the robust methods: a grouping factor, a column that the fit kept, or a label
        for each row.  By default the outermost factor of the model; of several that cross the one
        with the largest design effect.
    cov : {"CR2", "CR0", "CR1", "CR3"}
        Kind of the sandwich.
    level : float
        Coverage of intervals.
    simulate : int
        Draws without an effect, for each coefficient, in which methods are tried; 0 for none.
    terms : str or sequence of str, optional
        Coefficients of the mean that are tried so; all but the intercept by default.
    alpha : float
        Level of their tests.
    seed : int, optional
        Makes the draws repeatable.
    n_jobs : int or None
        Draws at one time.

    Returns
    -------
    ClusterReport

    Raises
    ------
    ModelError, DataError
        There are no clusters, or the fit is no optimum.
    """
    check_level(level)
    draws = _check_draws(simulate)
    if check_covariance_kind(cov) in ("model", "conditional"):
        raise ModelError(
            f"cov={cov!r} is not robust to clusters; choose 'CR0', 'CR1', 'CR2' or 'CR3'.",
            code="cov",
        )
    if draws == 0 and terms is not None:
        raise ModelError(
            "terms= are the coefficients that simulate= sets to zero; give a number of draws too, "
            "such as simulate=1000.",
            code="simulate",
        )
    if fitted.family.categorical:
        raise ModelError(
            f"cluster_report() compares coefficients of one mean, and the response of family "
            f"{fitted.family.name!r} is a category and has none; fit the model without the random "
            "terms to see their cost.",
            code="no-mean",
        )
    refuse_dependent(
        fitted.design,
        "cluster_report()",
        "Set the fit beside one without that term: tidy() of both.",
    )
    two = two_fits(fitted, group)
    _refuse_unsound(two.mixed)
    factors = cluster_groupings(two.mixed)
    correlations, effects, notes = _correlations(two.mixed, factors, level)
    chosen = two.given or _costliest(outermost(factors), effects)
    crossing = _crossing(chosen, factors, two)
    found, left_out = sides(two.mixed, two.plain, chosen, crossing, cov)
    notes += [*_group_notes(two, chosen, factors), *_few_clusters(chosen, found), *left_out]
    inflation = expected_inflation(two.plain, two.mixed)
    wrong = None
    if draws:
        wrong = false_positives(
            two.mixed,
            chosen,
            crossing,
            tuple(dict.fromkeys(side.method for side in found)),
            chosen_terms(two.mixed, terms),
            draws=draws,
            cov=cov,
            alpha=alpha,
            level=level,
            seed=seed,
            n_jobs=n_jobs,
        )
    here = factors if chosen.name in [g.name for g in factors] else (*factors, chosen)
    return ClusterReport(
        mixed=two.mixed,
        plain=two.plain,
        group=chosen.name,
        sizes=cluster_sizes(two.mixed.design, here),
        correlations=correlations,
        effects=effects,
        sides=found,
        places=coefficient_places(two.mixed, chosen, factors, found, inflation),
        false_positives=wrong,
        level=level,
        notes=tuple(notes),
    )


def _check_draws(simulate: Any) -> int:
    whole = isinstance(simulate, (int, np.integer)) and not isinstance(simulate, bool)
    if whole and (simulate == 0 or simulate >= 2):
        return int(simulate)
    raise ModelError(
        f"simulate={simulate!r:.60}: give a whole number of draws, such as 1000, or 0 for none.",
        code="simulate",
    )


def _refuse_unsound(mixed: Fitted) -> None:
    if mixed.design.response.other is not None:
        raise ModelError(
            "cluster_report() compares variances of the responses, which are not seen where "
            "responses are censored; fit the model without the random terms to see their cost.",
            code="censoring",
        )
    if mixed.verdict.converged:
        return
    raise ModelError(
        f"The mixed model is {mixed.verdict.status.value}, so that there are no standard errors to "
        "compare; see verdict (separated coefficients are kept finite by penalty='firth').",
        code="verdict",
    )


def _correlations(
    mixed: Fitted, factors: Sequence[Grouping], level: float
) -> tuple[tuple[Intraclass, ...], DesignEffects | None, list[str]]:
    """Intraclass correlations on every scale that there is, and design effects."""
    notes: list[str] = []
    found = []
    additive = mixed.family.name == "gaussian" and mixed.family.link.name == "identity"
    for scale in ("response",) if additive else ("latent", "response"):
        try:
            found.append(icc(mixed, scale=scale, level=level))  # type: ignore[arg-type]
        except IlkError as problem:
            notes.append(f"Intraclass correlations, {scale} scale, are left out. {problem}")
    try:
        return tuple(found), design_effects(mixed, factors, level), notes
    except IlkError as problem:
        if found:
            notes.append(f"Design effects are left out. {problem}")
        return tuple(found), None, notes


def _costliest(groupings: Sequence[Grouping], effects: DesignEffects | None) -> Grouping:
    if effects is None or len(groupings) == 1:
        return groupings[0]
    size = dict(zip(effects.groups, effects.design_effect.tolist(), strict=True))
    return max(groupings, key=lambda grouping: size[grouping.name])


def _crossing(chosen: Grouping, factors: Sequence[Grouping], two: TwoFits) -> tuple[Grouping, ...]:
    """Factors that cross the clusters, with these; none if clusters are independent."""
    if two.given is not None:
        return ()
    across = tuple(g for g in outermost(tuple(factors)) if not is_nested(g.codes, chosen.codes))
    return (chosen, *across) if across else ()


def _group_notes(two: TwoFits, chosen: Grouping, factors: Sequence[Grouping]) -> list[str]:
    notes = []
    if two.added:
        notes.append(
            f"The fit has no random effects of clusters; the mixed model is the same with "
            f"(1 | {chosen.name}) added."
        )
    elif chosen.name not in [g.name for g in factors]:
        notes.append(f"The mixed model has no random effects of {chosen.name}.")
    across = [g.name for g in factors if not is_nested(g.codes, chosen.codes)]
    if across:
        notes.append(
            f"Rows of different levels of {chosen.name} may share a level of "
            f"{' and '.join(across)}: methods that are robust to clusters of {chosen.name} do not "
            "count that."
        )
    rows = {t.grouping.name for t in two.mixed.design.random_parts if t.predictor == MEAN}
    rows -= {g.name for g in factors}
    if rows:
        notes.append(
            f"Ignoring clusters leaves out the random effect of each row "
            f"({', '.join(sorted(rows))}) too, so that overdispersion is part of the comparison."
        )
    return notes


def _few_clusters(chosen: Grouping, found: Sequence[Side]) -> list[str]:
    """Warn of robust standard errors that want more clusters."""
    count = len(chosen.levels)
    if count >= FEW_CLUSTERS or GEE not in [side.method for side in found]:
        return []
    return [
        f"With {count} clusters the robust standard errors of GEE tend to be too small; "
        "ilk.gee(std_errors='mancl_derouen') corrects for that, as CR2 does."
    ]
