"""Verdict on a solution of generalized estimating equations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.fitted import Reason, Status, Verdict
from ilk.gee.fitted import FEW_CLUSTERS
from ilk.model.model import Model
from ilk.model.separation import separating_direction

if TYPE_CHECKING:
    from ilk.gee.fitted import GeeModel, GeeSettings
    from ilk.gee.solve import GeeRows, Solution
    from ilk.model.separation import SeparatingDirection
    from ilk.typing import FloatArray

__all__ = ["find_separation", "judge_solution"]

_FAR = {
    "logit": 12.0,
    "probit": 5.0,
    "cloglog": 12.0,
    "loglog": 12.0,
    "cauchit": 1e4,
    "log": 16.0,
    "softplus": 16.0,
}
"""Linear predictors beyond this make a look for separation worthwhile."""


def find_separation(model: GeeModel, eta: FloatArray) -> SeparatingDirection | None:
    """Direction in which coefficients run to infinity, looked for where predictors are extreme.

    Parameters
    ----------
    model : GeeModel
        The model.
    eta : (N,) array
        Linear predictors at the fit under independence.

    Returns
    -------
    SeparatingDirection or None
    """
    family = model.family
    limit = _FAR.get(family.link.name, np.inf)
    extreme = family.takes_trials and float(np.max(eta)) > limit
    if not (extreme or float(np.min(eta)) < -limit):
        return None
    return separating_direction(Model(replace(model.design, terms=()), family, ()))


def judge_solution(
    model: GeeModel, rows: GeeRows, solution: Solution, separation: SeparatingDirection | None
) -> Verdict:
    """Verdict on a solution.

    Parameters
    ----------
    model : GeeModel
        The model.
    rows : GeeRows
        Its rows.
    solution : Solution
        Where the iteration ended.
    separation : SeparatingDirection or None
        From `find_separation`.

    Returns
    -------
    Verdict
    """
    reasons = [
        *_separation(separation),
        *_convergence(solution),
        *_working(model.settings, solution),
        *_pairs(model.settings, rows),
        *_few(model.settings, rows, solution),
        *_dispersion(model, rows, solution),
    ]
    codes = {reason.code for reason in reasons}
    if "separation" in codes:
        return Verdict(Status.SEPARATED, tuple(reasons))
    if "not_converged" in codes:
        return Verdict(Status.NOT_CONVERGED, tuple(reasons))
    return Verdict(Status.CONVERGED, tuple(reasons))


def _separation(found: SeparatingDirection | None) -> list[Reason]:
    if found is None:
        return []
    return [
        Reason(
            code="separation",
            severity="error",
            terms=found.names,
            message=f"the response is separated by {', '.join(found.names)} ({found.rows} rows): "
            "the coefficients run to infinity and have no standard errors.",
            advice="Leave the column out, or merge its levels. What is shown are the coefficients "
            "under independence where the search was stopped.",
        )
    ]


def _convergence(solution: Solution) -> list[Reason]:
    if solution.status in ("converged", "separated"):
        return []
    message = {
        "no_start": "the quasi-likelihood fit under independence, where the iteration begins, did "
        "not converge.",
        "stuck": "no step of the estimating equations led to possible means: with this link the "
        "solution is at the limit of what means can be.",
        "max_steps": f"the estimating equations were not solved in {solution.steps} steps; the "
        f"last was {solution.change:.2g} standard errors.",
    }[solution.status]
    advice = {
        "no_start": "Look at the columns for extreme values; try another link.",
        "stuck": "Use the family's usual link.",
        "max_steps": "Try covariance='independence' or 'exchangeable', whose solution is unique, "
        "and look for clusters with extreme residuals.",
    }[solution.status]
    return [Reason("not_converged", "error", (), message, advice)]


def _working(settings: GeeSettings, solution: Solution) -> list[Reason]:
    share = solution.whitened.shrinkage
    if share == 0.0 or solution.status == "separated":
        return []
    return [
        Reason(
            code="working_not_positive_definite",
            severity="warning",
            terms=(settings.covariance,),
            message="the working correlation that the moments give is not positive definite, or "
            f"was not on the way; its correlations were shrunk by {100 * share:.3g} %.",
            advice="Coefficients and robust standard errors remain valid, model-based ones do not; "
            "choose a simpler covariance=, such as 'exchangeable' or 'independence'.",
        )
    ]


def _pairs(settings: GeeSettings, rows: GeeRows) -> list[Reason]:
    if rows.clusters.largest > 1 or settings.covariance == "independence":
        return []
    return [
        Reason(
            code="no_pairs",
            severity="note",
            terms=(settings.covariance,),
            message="no cluster has two rows, so there is no correlation to estimate.",
            advice="If rows belong together, check groups=; if not, use covariance='independence'.",
        )
    ]


def _few(settings: GeeSettings, rows: GeeRows, solution: Solution) -> list[Reason]:
    K, p = rows.clusters.count, len(solution.beta)
    if settings.std_errors == "model":
        return []
    if p >= K:
        return [
            Reason(
                code="fewer_clusters_than_coefficients",
                severity="error",
                terms=(),
                message=f"there are {K} clusters for {p} coefficients: standard errors by cluster "
                "are not determined.",
                advice="Leave out terms, or use ilk.fit, whose standard errors rest on its model.",
            )
        ]
    if K >= FEW_CLUSTERS or settings.std_errors != "robust":
        return []
    return [
        Reason(
            code="few_clusters",
            severity="warning",
            terms=(),
            message=f"there are {K} clusters: robust standard errors are too small on average "
            f"below about {FEW_CLUSTERS}.",
            advice="Use std_errors='kauermann_carroll' or 'mancl_derouen'. Intervals already use "
            f"the t distribution with {K} - {p} = {K - p} degrees of freedom.",
        )
    ]


def _dispersion(model: GeeModel, rows: GeeRows, solution: Solution) -> list[Reason]:
    if not rows.marginal.shaped or solution.residuals.log_phi > -15.0:
        return []
    plain = "binomial" if model.family.takes_trials else "poisson"
    return [
        Reason(
            code="no_overdispersion",
            severity="warning",
            terms=(),
            message="the response varies no more than its means allow for, so the dispersion of "
            f"family {model.family.name!r} is zero.",
            advice=f"Use family={plain!r}, whose scale may be below one.",
        )
    ]
