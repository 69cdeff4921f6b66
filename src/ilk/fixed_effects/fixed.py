r"""Fit with one parameter per cluster, absorbed: design -> `FixedFitted`.

Estimates, standard errors and likelihood are those of the regression with explicit dummies.  Two
things differ from what maximum likelihood would do there.  The dispersion of the families whose
coefficients do not depend on it (gaussian, gamma, inverse gaussian) is the sum of squared Pearson
residuals over the *residual* degrees of freedom, because its maximum likelihood estimate does not
improve with the number of clusters (Neyman and Scott 1948).  And a nonlinear model with short
clusters gets a warning, because there the coefficients themselves have that fault: the incidental
parameter problem.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.errors import DataError, FitError, ModelError
from ilk.fitted import Lazy, Reason, SearchLog, Status, Verdict
from ilk.fixed_effects.absorb import Dummies, absorb, weigh
from ilk.fixed_effects.estimable import Estimable, find_estimable
from ilk.fixed_effects.newton import (
    SCALE_FREE,
    Curvature,
    Optimum,
    has_tau,
    log_densities,
    maximize,
)
from ilk.fixed_effects.records import ABSORBED, COLLINEAR, Absorbed, FixedFitted, Within
from ilk.fixed_effects.robust import clustered
from ilk.fixed_effects.sample import Clusters, Sample, bounded_rows, draw_sample
from ilk.fixed_effects.separation import (
    crossed_direction,
    finite_only,
    separating_direction,
    separation_reason,
    suspects,
)
from ilk.num import jets
from ilk.num.triangular import invert_information

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.family.base import AbstractFamily
    from ilk.typing import FloatArray

__all__ = ["StdErrors", "check_std_errors", "estimate_fixed", "labels_of", "unestimable"]

StdErrors: TypeAlias = Literal["model", "cluster"]
"""Kinds of standard errors."""

SHORT = 20
"""Clusters with fewer observations (median) get the warning of incidental parameters."""

SHOWN = 5
"""Number of labels that a sentence names."""

FEW_CLUSTERS = 40
"""Robust standard errors from fewer clusters get a note."""

MAX_EFFECT_ERRORS = 5000
"""Crossed factors with more levels get no standard errors of their effects."""


def check_std_errors(kind: object) -> None:
    """Refuse a kind of standard errors that does not exist."""
    if kind not in ("model", "cluster"):
        raise ModelError(
            f"std_errors={kind!r} is not known; choose 'model' (by the likelihood) or 'cluster' "
            "(robust to dependence within clusters).",
            code="choice",
        )


def estimate_fixed(
    design: Design, family: AbstractFamily, std_errors: StdErrors = "model"
) -> FixedFitted:
    """Fit a model with absorbed cluster dummies.

    Parameters
    ----------
    design : Design
        The design, one random intercept for each factor.
    family : AbstractFamily
        Distribution and link.
    std_errors : {"model", "cluster"}
        By the likelihood, or robust to any dependence within the levels of the first factor.

    Returns
    -------
    FixedFitted

    Raises
    ------
    ModelError
        The family cannot have cluster dummies.
    DataError
        No outcome varies within clusters, or no degrees of freedom are left.
    """
    check_std_errors(std_errors)
    _check_family(family)
    sample = draw_sample(design, family)
    dummies = absorb(sample.codes, [clusters.size for clusters in sample.clusters])
    unit = np.ones(len(sample.y)) if sample.frequency is None else sample.frequency
    within = weigh(dummies, unit).residuals(sample.X)
    found = find_estimable(sample.X, within)
    full = sample
    sample = replace(
        sample,
        X=np.asfortranarray(sample.X[:, found.keep]),
        names=tuple(sample.names[j] for j in found.keep),
    )
    df = sample.nobs - dummies.rank - len(found.keep)
    if family.has_dispersion and df <= 0:
        raise DataError(
            f"The clusters spend {dummies.rank} and the coefficients {len(found.keep)} degrees of "
            f"freedom, but there are only {sample.nobs} observations: nothing is left for the "
            "dispersion. Use random effects (ilk.fit).",
            code="too-few-rows",
        )
    optimum = maximize(sample, family, dummies)
    return _record(design, family, full, sample, found, dummies, optimum, df, std_errors)


def _check_family(family: AbstractFamily) -> None:
    extra = [name for name in family.parameters if name not in ("mean", "dispersion")]
    if extra:
        raise ModelError(
            f"The family {family.name!r} has the predictor {extra[0]!r} beside the mean; cluster "
            "dummies can be absorbed only where the mean alone depends on the clusters. Use the "
            "family without it, or random effects (ilk.fit).",
            code="family-not-absorbable",
        )


def _record(
    design: Design,
    family: AbstractFamily,
    full: Sample,
    sample: Sample,
    found: Estimable,
    dummies: Dummies,
    optimum: Optimum,
    df: int,
    std_errors: StdErrors,
) -> FixedFitted:
    p = len(found.keep)
    curvature = optimum.curvature
    joint = invert_information(curvature.information)
    scale, tau, note = 1.0, math.nan, ""
    if family.name in SCALE_FREE:
        scale = _pearson(sample, family, optimum.eta) / df
        if not scale > 0.0:
            raise FitError(
                f"The columns and clusters reproduce the response {design.response.name!r} "
                "exactly, so that no residual variance is left: is one of them computed from it?",
                code="no-residual",
            )
        tau = math.log(scale)
        joint = scale * joint
    elif has_tau(family):
        tau = optimum.tau
        if not np.all(np.isfinite(joint)) and np.all(np.isfinite(curvature.information)):
            joint[:p, :p] = invert_information(curvature.information[:p, :p])
    vcov, kind = joint[:p, :p], _kind(family, curvature.expected)
    exact = family.name == "gaussian" and family.link.name == "identity"
    degrees = float(df) if exact else math.inf
    reasons = [
        *_separation(sample, family, dummies, optimum),
        *_no_dispersion(family, tau),
        *_incidental(sample, family),
    ]
    if std_errors == "cluster":
        vcov, clusters, note = _robust(curvature, joint, scale, sample, p)
        vcov = finite_only(vcov, sample.names, reasons)
        kind = f"robust to dependence within {sample.clusters[0].name} (sandwich)"
        degrees = clusters - 1.0
    names = tuple(("mean", name) for name in sample.names)
    all_names, not_estimable = unestimable(design, full.names, found)
    eta = optimum.eta
    return FixedFitted(
        design=design,
        family=family,
        within=Within(
            names, all_names, not_estimable, optimum.beta, vcov, kind, degrees, std_errors
        ),
        absorbed=_effects(sample, dummies, optimum, joint, scale),
        sample=sample,
        dummies=dummies,
        curvature=curvature,
        joint=joint,
        scale=scale,
        eta=eta,
        tau=tau,
        loglik=_loglik(sample, family, optimum),
        verdict=_verdict(optimum, reasons),
        search=SearchLog(
            "Newton, dummies absorbed",
            "reference",
            optimum.steps,
            optimum.steps + 1,
            optimum.decrement,
            "converged" if optimum.converged else "max_steps",
        ),
        notes=(*_notes(design, sample, family, not_estimable, dummies), *((note,) if note else ())),
    )


def _kind(family: AbstractFamily, expected: bool) -> str:
    if family.name == "gaussian" and family.link.name == "identity":
        return "least squares within clusters"
    what = "expected" if expected else "observed"
    return f"{what} information with the clusters' parameters profiled out"


def unestimable(
    design: Design, names: Sequence[str], found: Estimable
) -> tuple[tuple[tuple[str, str], ...], dict[tuple[str, str], str]]:
    """All columns but the intercept, and why some have no estimate.

    Parameters
    ----------
    design : Design
        The design.
    names : sequence of str
        Columns before those that do not vary within clusters were left out.
    found : Estimable
        What is estimable among them.
    """
    part = design.fixed[0]
    reasons = {("mean", names[j]): ABSORBED for j in found.absorbed}
    reasons |= {("mean", names[j]): COLLINEAR for j in found.collinear}
    reasons |= {("mean", name): COLLINEAR for name in part.dropped}
    listed = dict.fromkeys(name for name in (*part.all_names, *part.dropped) if name != INTERCEPT)
    return tuple(("mean", name) for name in listed), reasons


def _pearson(sample: Sample, family: AbstractFamily, eta: FloatArray) -> float:
    """Sum of squared residuals over the variance function, precision weights in."""
    unit = np.zeros(len(eta))
    predictors = [eta, unit if sample.precision is None else -np.log(sample.precision)]
    squares = (sample.y - family.mean(predictors)) ** 2 / family.variance(predictors, None)
    return float(squares.sum() if sample.frequency is None else sample.frequency @ squares)


def _loglik(sample: Sample, family: AbstractFamily, optimum: Optimum) -> float:
    """Log-likelihood with all constants, at its maximum in the dispersion too."""
    f = 1.0 if sample.frequency is None else sample.frequency
    constant = float(np.sum(f * family.constant(sample.y, sample.trials)))
    if family.name not in SCALE_FREE:
        return optimum.value + constant
    tau = math.log(_pearson(sample, family, optimum.eta) / sample.nobs)
    value = -math.inf
    for _ in range(50):
        jet = log_densities(family, sample, optimum.eta, tau, 2)
        value = float(np.sum(f * jet.value))
        slope = float(np.sum(f * jet.first[1]))
        curvature = -float(np.sum(f * jet.second[jets.pair(1, 1)]))
        step = float(np.clip(slope / max(curvature, 0.1 * abs(slope) + 1e-300), -1.0, 1.0))
        tau += step
        if abs(step) < 1e-10:
            break
    return value + constant


def _robust(
    curvature: Curvature, joint: FloatArray, scale: float, sample: Sample, p: int
) -> tuple[FloatArray, int, str]:
    """Sandwich covariance, the number of clusters, and a note if these are few."""
    scores = curvature.left * curvature.score[:, None] / scale
    projection = curvature.cross_projection
    own = curvature.dispersion_score
    if projection is not None and own is not None and np.all(np.isfinite(joint)):
        own = own - curvature.score * projection
        scores = np.column_stack([scores, own])
    q, clusters = scores.shape[1], sample.clusters[0]
    bread = joint[:q, :q]
    robust = clustered(bread, scores, sample.codes[0], clusters.size, sample.nobs, parameters=p + 1)
    note = ""
    if clusters.size < FEW_CLUSTERS:
        note = (
            f"Robust standard errors rest on {clusters.size} clusters of {clusters.name}; with "
            f"fewer than about {FEW_CLUSTERS} they are too small on average."
        )
    return robust[:p, :p], clusters.size, note


def _effects(
    sample: Sample, dummies: Dummies, optimum: Optimum, joint: FloatArray, scale: float
) -> tuple[Absorbed, ...]:
    """Estimated parameters of the levels; of crossed factors the later ones are centered."""
    rest = optimum.eta - sample.offset - sample.X @ optimum.beta
    solved = weigh(dummies, np.ones(len(rest))).coefficients(rest[:, None])
    estimates = [a[:, 0] for a in solved]
    counts = [
        np.bincount(code, sample.frequency, size).astype(float)
        for code, size in zip(sample.codes, dummies.sizes, strict=True)
    ]
    shift = 0.0
    for k in range(1, len(estimates)):
        center = float(np.average(estimates[k], weights=counts[k]))
        estimates[k] = estimates[k] - center
        shift += center
    estimates[0] = estimates[0] + shift
    errors = Lazy(
        lambda: _effect_errors(sample.X, dummies, optimum.curvature, joint, scale, counts)
    )
    return tuple(
        _spread(clusters, estimate, errors, k)
        for k, (clusters, estimate) in enumerate(zip(sample.clusters, estimates, strict=True))
    )


def _spread(
    clusters: Clusters, estimate: FloatArray, errors: Lazy[list[FloatArray]], k: int
) -> Absorbed:
    """Put levels in use among all levels."""
    inside = clusters.position >= 0
    values = np.where(inside, 0.0, clusters.limit)
    values[inside] = estimate[clusters.position[inside]]

    def spread_errors() -> FloatArray:
        out = np.full(len(values), np.nan)
        out[inside] = errors()[k][clusters.position[inside]]
        return out

    aside = len(clusters.aside)
    return Absorbed(clusters.grouping, values, Lazy(spread_errors), clusters.counts, aside)


def _effect_errors(
    X: FloatArray,
    dummies: Dummies,
    curvature: Curvature,
    joint: FloatArray,
    scale: float,
    counts: list[FloatArray],
) -> list[FloatArray]:
    """Standard errors of the levels' parameters, those of the coefficients counted."""
    projector = curvature.projector
    nowhere = [np.full(size, np.nan) for size in dummies.sizes]
    if not np.all(np.isfinite(joint)):
        return nowhere
    means = curvature.level_means(X)
    if len(dummies.sizes) == 1:
        slopes = np.einsum("ij,jk,ik->i", means[0], joint, means[0])
        return [np.sqrt(scale / projector.totals + slopes)]
    small = sum(dummies.sizes) <= MAX_EFFECT_ERRORS and projector.factor is not None
    if not (small and dummies.parts == 1 and dummies.exact):
        return nowhere
    starts = np.cumsum([0, *dummies.sizes])
    shares = [c / c.sum() for c in counts]
    errors = []
    for k, size in enumerate(dummies.sizes):
        # contrasts: the first factor's level at the average of the others; others from their mean
        contrasts = np.zeros((starts[-1], size))
        contrasts[starts[k] + np.arange(size), np.arange(size)] = 1.0
        for j, share in enumerate(shares):
            if j and (k == 0 or j == k):
                sign = 1.0 if k == 0 else -1.0
                contrasts[starts[j] : starts[j + 1]] += sign * share[:, None]
        parts = [contrasts[starts[j] : starts[j + 1]] for j in range(len(dummies.sizes))]
        solved = projector.solve(
            parts[dummies.main], np.concatenate([parts[j] for j in dummies.others])
        )
        own = sum((c * a).sum(axis=0) for c, a in zip(parts, solved, strict=True))
        gradient = sum(c.T @ h for c, h in zip(parts, means, strict=True))
        variance = scale * own + np.einsum("ij,jk,ik->i", gradient, joint, gradient)
        errors.append(np.sqrt(np.maximum(variance, 0.0)))
    return errors


def _separation(
    sample: Sample, family: AbstractFamily, dummies: Dummies, optimum: Optimum
) -> list[Reason]:
    """Look for separation where the information has nearly vanished, or the search went far."""
    low, high = bounded_rows(family, sample.y, sample.trials)
    p = sample.X.shape[1]
    if p == 0 or not family.discrete:
        return []
    unit = np.ones(len(sample.y))
    centered = weigh(dummies, unit).residuals(sample.X)
    candidates = suspects(optimum.curvature.information[:p, :p], optimum.start.information[:p, :p])
    if np.abs(centered @ optimum.beta).max(initial=0.0) > 15.0 or not optimum.converged:
        candidates.append(optimum.beta)
    if candidates and len(dummies.sizes) > 1:
        found = crossed_direction(sample.X, sample.codes, dummies.sizes, low, high)
        return [] if found is None else [separation_reason(sample.names, found, centered)]
    if candidates:  # single columns first, so that they alone are named
        candidates = [*np.eye(p), *candidates]
    # a count given its total rises at the expense of the others: every row could be higher
    rises = ~high if family.takes_trials else unit > 0.0
    found = separating_direction(
        centered, sample.codes[0], dummies.sizes[0], ~low, rises, candidates
    )
    return [] if found is None else [separation_reason(sample.names, found, centered)]


def _no_dispersion(family: AbstractFamily, tau: float) -> list[Reason]:
    if not has_tau(family) or tau > -12.0:
        return []
    return [
        Reason(
            "no_dispersion",
            "note",
            ("dispersion",),
            "the dispersion is estimated as zero: the counts vary no more than those of the "
            "family's limit (Poisson, or binomial).",
            "The simpler family describes these data as well.",
        )
    ]


def _incidental(sample: Sample, family: AbstractFamily) -> list[Reason]:
    """Warn of short clusters where the clusters' parameters spoil the coefficients."""
    link = family.link.name
    free = {("gaussian", "identity"), ("poisson", "log"), ("gamma", "log")}
    if (family.name, link) in free:
        return []
    size = sample.trials if sample.trials is not None and family.takes_trials else None
    weights = sample.frequency
    if size is not None:
        weights = size if weights is None else size * weights
    clusters = sample.clusters[0]
    per = np.bincount(sample.codes[0], weights, clusters.size)
    median = float(np.median(per))
    if median >= SHORT:
        return []
    what = "trials" if size is not None else "observations"
    message = (
        f"the clusters of {clusters.name!r} are short (median {median:g} {what}): each has a "
        "parameter of its own, estimated from so few, and in a nonlinear model the errors of "
        "those parameters bias the coefficients however many clusters there are (incidental "
        "parameter problem)."
    )
    if family.name == "binomial" and link == "logit":
        factor = median / max(median - 1.0, 1.0)
        message += (
            f" Log odds ratios come out too large, by a factor of about n / (n - 1) = {factor:.3g}."
            if median > 1.0
            else " Log odds ratios come out too large."
        )
        advice = "ilk.conditional, on the same formula, is free of this bias."
    elif has_tau(family):
        message += " The dispersion comes out too small, and with it the standard errors."
        advice = (
            "Use family='poisson' with std_errors='cluster', which is free of this bias, or "
            "random effects with between(x, g) terms (ilk.fit)."
            if family.discrete and not family.takes_trials
            else "Use random effects with between(x, g) terms (ilk.fit)."
        )
    else:
        advice = (
            "Use link='logit' with ilk.conditional, or random effects with between(x, g) terms "
            "(ilk.fit)."
            if family.name == "binomial"
            else "Use random effects with between(x, g) terms (ilk.fit)."
        )
    return [Reason("incidental_parameters", "warning", (clusters.name,), message, advice)]


def _verdict(optimum: Optimum, reasons: list[Reason]) -> Verdict:
    if any(reason.code == "separation" for reason in reasons):
        return Verdict(Status.SEPARATED, tuple(reasons))
    if optimum.converged:
        return Verdict(Status.CONVERGED, tuple(reasons))
    stopped = Reason(
        "not_converged",
        "error",
        (),
        "the search stopped before the optimum; a further gain of "
        f"{optimum.decrement:.2g} in log-likelihood was predicted.",
        "Look for extreme values, or choose the family's usual link.",
    )
    return Verdict(Status.NOT_CONVERGED, (stopped, *reasons))


def labels_of(clusters: Clusters, levels: Sequence[int]) -> str:
    """The first few labels of some levels, with a full stop or dots."""
    shown = ", ".join(str(clusters.grouping.levels[int(level)])[:40] for level in levels[:SHOWN])
    return f"{shown}, ..." if len(levels) > SHOWN else f"{shown}."


def _notes(
    design: Design,
    sample: Sample,
    family: AbstractFamily,
    not_estimable: dict[tuple[str, str], str],
    dummies: Dummies,
) -> list[str]:
    notes = []
    for clusters in sample.clusters:
        if len(clusters.aside):
            total, aside = len(clusters.position), len(clusters.aside)
            kind = "only events or only non-events" if family.takes_trials else "only zeros"
            notes.append(
                f"{aside} of {total} levels of {clusters.name} with {kind}: their parameters are "
                "infinite and they carry no information; left out: "
                f"{labels_of(clusters, clusters.aside.tolist())}"
            )
        rows = np.bincount(clusters.grouping.codes[sample.used], minlength=len(clusters.position))
        single = int((rows == 1).sum())
        if single:
            notes.append(
                f"{single} level{'s' if single > 1 else ''} of {clusters.name} with a single row, "
                "fitted perfectly by the level's own parameter; it says nothing about effects "
                "within clusters."
            )
    constant = [name for (_, name), why in not_estimable.items() if why == ABSORBED]
    if constant:
        factors = " and ".join(clusters.name for clusters in sample.clusters)
        why = (
            f"constant within {factors}"
            if len(sample.clusters) == 1
            else f"the levels of {factors} say the same"
        )
        notes.append(
            f"Not estimable, because {why}: {', '.join(constant)}. The clusters' own parameters "
            "contain such effects; random effects (ilk.fit) estimate them."
        )
    if len(sample.clusters) > 1 and dummies.parts > 1:
        notes.append(
            f"The data fall into {dummies.parts} parts that share no levels; cluster effects can "
            "be compared within parts only."
        )
    if not dummies.exact:
        notes.append("The degrees of freedom spent on clusters are an upper bound.")
    return notes
