r"""Fit by the likelihood given each cluster's total: design -> `ConditionalFitted`.

The total of a cluster is sufficient for the cluster's own parameter where the link is canonical
(logit for successes, log for counts); given it, the parameter is gone, and with it the bias that
estimating so many of them brings (Andersen 1970).  The log-likelihood is concave: Newton's method
with the exact Hessian finds its maximum, if there is one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np

from ilk.errors import DataError, ModelError
from ilk.fitted import Reason, SearchLog, Status, Verdict
from ilk.fixed_effects.absorb import absorb, weigh
from ilk.fixed_effects.estimable import find_estimable
from ilk.fixed_effects.fixed import (
    StdErrors,
    check_std_errors,
    labels_of,
    unestimable,
)
from ilk.fixed_effects.multinomial import Multinomial
from ilk.fixed_effects.records import ABSORBED, ConditionalFitted, Within
from ilk.fixed_effects.robust import clustered
from ilk.fixed_effects.sample import Clusters, Sample, bounded_rows, draw_sample
from ilk.fixed_effects.separation import (
    finite_only,
    separating_direction,
    separation_reason,
    suspects,
)
from ilk.fixed_effects.subsets import Evaluated, SubsetSums, subset_sums
from ilk.num.stable import lgamma
from ilk.num.triangular import invert_information

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.family.base import AbstractFamily
    from ilk.typing import FloatArray, IntArray

__all__ = ["estimate_conditional"]

_GAIN = 1e-12
_MAX_STEPS = 100


@final
@dataclass(frozen=True, slots=True)
class Found:
    """Where Newton's method ended.

    Parameters
    ----------
    beta : (p,) array
        Coefficients.
    first, last : Evaluated
        At zero and at the end.
    steps : int
        Number of steps.
    decrement : float
        Predicted gain of the last step.
    """

    beta: FloatArray
    first: Evaluated
    last: Evaluated
    steps: int
    decrement: float


def estimate_conditional(
    design: Design, family: AbstractFamily, std_errors: StdErrors = "model"
) -> ConditionalFitted:
    """Fit by the conditional likelihood.

    Parameters
    ----------
    design : Design
        The design, one random intercept for the clusters.
    family : AbstractFamily
        Binomial with logit link, or Poisson with log link.
    std_errors : {"model", "cluster"}
        By the conditional information, or robust to any dependence within clusters.

    Returns
    -------
    ConditionalFitted

    Raises
    ------
    ModelError
        The family has no conditional likelihood.
    DataError
        No cluster carries information.
    """
    check_std_errors(std_errors)
    _check_family(family)
    sample, single = _several_rows(draw_sample(design, family), design)
    clusters, codes = sample.clusters[0], sample.codes[0]
    dummies = absorb(sample.codes, [clusters.size])
    X = weigh(dummies, np.ones(len(sample.y))).residuals(sample.X)
    found = find_estimable(sample.X, X)
    names = tuple(("mean", sample.names[j]) for j in found.keep)
    all_names, not_estimable = unestimable(design, sample.names, found)
    X = np.ascontiguousarray(X[:, found.keep])
    likelihood = _likelihood(family, sample, codes, clusters)
    at = _maximize(likelihood, sample.offset, X)
    columns = [name for _, name in names]
    reasons = _separation(family, sample, X, at, columns)
    vcov = invert_information(at.last.information)
    kind, df = "conditional information", math.inf
    if std_errors == "cluster":
        scores = at.last.residual[:, None] * X
        vcov = clustered(vcov, scores, codes, clusters.size, len(sample.y), parameters=len(at.beta))
        vcov = finite_only(vcov, columns, reasons)
        kind = f"robust to dependence within {clusters.name} (sandwich)"
        df = clusters.size - 1.0
    constant = _constant(family, sample)
    absorbed = [name for (_, name), why in not_estimable.items() if why == ABSORBED]
    return ConditionalFitted(
        design=design,
        family=family,
        within=Within(names, all_names, not_estimable, at.beta, vcov, kind, df, std_errors),
        strata=len(clusters.position),
        informative=clusters.size,
        rows=len(sample.y),
        nobs=sample.nobs,
        loglik=at.last.value + constant,
        null_loglik=at.first.value + constant,
        verdict=_verdict(at, reasons),
        search=SearchLog("Newton", "reference", at.steps, at.steps + 1, at.decrement, "converged"),
        notes=_notes(sample, family, single, absorbed),
    )


def _check_family(family: AbstractFamily) -> None:
    link = family.link.name
    if (family.name, link) in (("binomial", "logit"), ("poisson", "log")):
        return
    if family.name == "gaussian" and link == "identity":
        raise ModelError(
            "For family 'gaussian' conditioning on the clusters' totals gives the estimates of "
            "ilk.fixed, which is the function to use.",
            code="family-not-conditional",
        )
    raise ModelError(
        f"There is no conditional likelihood for family {family.name!r} with link {link!r}: the "
        "clusters' own parameters cancel, given the totals, only for 'binomial' with the logit and "
        "'poisson' with the log link. Use one of these, or random effects with between(x, g) terms "
        "(ilk.fit).",
        code="family-not-conditional",
    )


def _several_rows(sample: Sample, design: Design) -> tuple[Sample, int]:
    """Leave out clusters with one row: given its total, nothing about it can vary."""
    clusters, codes = sample.clusters[0], sample.codes[0]
    rows = np.bincount(codes, sample.frequency, clusters.size)
    single = int((rows <= 1).sum())
    if single == 0:
        return sample, 0
    keep = np.flatnonzero(rows[codes] > 1)
    if len(keep) == 0:
        raise DataError(
            f"No level of {clusters.name!r} whose outcome varies has two rows, so there is nothing "
            "to compare within clusters; group more coarsely.",
            code="no-variation",
        )
    several = rows > 1
    place = np.where(several, np.cumsum(several) - 1, -1)
    position = np.where(clusters.position >= 0, place[clusters.position], -1)

    def take(values: FloatArray | None) -> FloatArray | None:
        return None if values is None else values[keep]

    smaller = replace(
        sample,
        used=sample.used[keep],
        y=sample.y[keep],
        trials=take(sample.trials),
        X=np.asfortranarray(sample.X[keep]),
        offset=sample.offset[keep],
        frequency=take(sample.frequency),
        precision=take(sample.precision),
        clusters=(replace(clusters, position=position),),
        codes=(place[codes[keep]],),
    )
    return smaller, single


def _likelihood(
    family: AbstractFamily, sample: Sample, codes: IntArray, clusters: Clusters
) -> SubsetSums | Multinomial:
    """Conditional likelihood; identical rows are put together."""
    f = sample.frequency
    y = sample.y if f is None else f * sample.y
    if family.name == "poisson":
        totals = np.bincount(codes, y, clusters.size).astype(float)
        return Multinomial(y, f, codes, clusters.size, totals)
    trials = sample.trials
    if f is not None:
        trials = f if trials is None else f * trials
        if np.any(np.abs(trials - np.rint(trials)) > 1e-9):
            raise DataError(
                "frequency_weights= of a conditional logistic fit must be whole numbers.",
                code="bad-argument",
            )
    return subset_sums(y, trials, codes, clusters.size, clusters.name)


def _maximize(likelihood: SubsetSums | Multinomial, offset: FloatArray, X: FloatArray) -> Found:
    beta = np.zeros(X.shape[1])
    first = at = likelihood.evaluate(offset, X)
    decrement, steps = 0.0, 0
    while len(beta) and steps < _MAX_STEPS:
        steps += 1
        score = X.T @ at.residual
        step = np.linalg.lstsq(at.information, score, rcond=1e-14)[0]
        decrement = 0.5 * float(score @ step)
        slack = 1e-13 * (1.0 + abs(at.value))
        length = 1.0
        while length > 1e-9:
            after = likelihood.evaluate(offset + X @ (beta + length * step), X)
            if np.isfinite(after.value) and after.value >= at.value - slack:
                break
            length *= 0.5
        else:
            break
        beta, at = beta + length * step, after
        if decrement < _GAIN:
            break
    return Found(beta, first, at, steps, decrement)


def _constant(family: AbstractFamily, sample: Sample) -> float:
    """Terms that complete the log-likelihood: ways to arrange what is alike."""
    f = 1.0 if sample.frequency is None else sample.frequency
    constant = float(np.sum(f * family.constant(sample.y, sample.trials)))
    if family.name == "poisson":
        totals = np.bincount(sample.codes[0], f * sample.y, sample.clusters[0].size).astype(float)
        constant += float(np.sum(lgamma(totals + 1.0)))
    return constant


def _separation(
    family: AbstractFamily, sample: Sample, X: FloatArray, at: Found, names: list[str]
) -> list[Reason]:
    if not len(at.beta):
        return []
    low, high = bounded_rows(family, sample.y, sample.trials)
    rises = ~high if family.takes_trials else np.ones(len(low), dtype=bool)
    candidates = suspects(at.last.information, at.first.information)
    if np.abs(X @ at.beta).max(initial=0.0) > 10.0:
        candidates.append(at.beta)
    if candidates:  # single columns first, so that they alone are named
        candidates = [*np.eye(len(at.beta)), *candidates]
    found = separating_direction(
        X, sample.codes[0], sample.clusters[0].size, ~low, rises, candidates
    )
    return [] if found is None else [separation_reason(names, found, X)]


def _verdict(at: Found, reasons: list[Reason]) -> Verdict:
    if reasons:
        return Verdict(Status.SEPARATED, tuple(reasons))
    if at.decrement < 1e-6:
        return Verdict(Status.CONVERGED)
    stopped = Reason(
        "not_converged",
        "error",
        (),
        f"the search stopped before the optimum; a further gain of {at.decrement:.2g} in "
        "log-likelihood was predicted.",
        "Look for extreme values in the columns or the offset.",
    )
    return Verdict(Status.NOT_CONVERGED, (stopped,))


def _notes(
    sample: Sample, family: AbstractFamily, single: int, absorbed: list[str]
) -> tuple[str, ...]:
    clusters = sample.clusters[0]
    notes = []
    constant = np.flatnonzero(np.isinf(clusters.limit))
    if len(constant):
        kind = "only events or only non-events" if family.takes_trials else "only zeros"
        notes.append(
            f"{len(constant)} of {len(clusters.position)} levels of {clusters.name} with {kind} "
            "carry no information; left out: "
            f"{labels_of(clusters, constant.tolist())}"
        )
    if single:
        notes.append(
            f"{single} level{'s' if single > 1 else ''} of {clusters.name} with a single row, and "
            "nothing to compare it to; left out."
        )
    if absorbed:
        notes.append(
            f"Not estimable, because constant within {clusters.name}: {', '.join(absorbed)}. They "
            "cancel with the clusters' own parameters; random effects (ilk.fit) estimate them."
        )
    return tuple(notes)
