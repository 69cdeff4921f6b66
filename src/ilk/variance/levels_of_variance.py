r"""Where the variance of a response lies: fixed part, grouping factors, rows, distribution.

On the scale of the linear predictor ("latent") the parts add up,

.. math:: \sigma^2_{total} = \sigma^2_f + \sum_g \sigma^2_g + \sigma^2_e + \sigma^2_d,
          \qquad \sigma^2_g = \frac1n \sum_i \sum_{t: g} z_{it}' G_t z_{it},

with the variance of the fixed part over rows, that of each grouping factor averaged over rows
(Johnson 2014, which is how random slopes count), that of a random effect per row and that of the
distribution (`ilk.variance.distribution`).  On the scale of the response they are the averages over
rows of exact variances and covariances (`ilk.variance.observed`), which do not add up, for factors
interact there.  Everything is a function of the flat parameter vector psi.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.errors import ModelError
from ilk.estimation.run import run
from ilk.formula.spec import MEAN, OLRE
from ilk.inference.clusters import forms_clusters
from ilk.likelihood.base import Search
from ilk.prediction.levels import row_share, training_cases
from ilk.prediction.population import random_variance
from ilk.variance.distribution import Approximation, distribution_variance, mean_level
from ilk.variance.observed import response_variances

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.prediction.levels import Cases
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "Sample",
    "VarianceLevels",
    "VarianceScale",
    "check_levels",
    "factor_names",
    "fewer_rows",
    "is_additive",
    "null_level",
    "own_sample",
    "pick_rows",
    "predictors_at",
    "sample_variance",
    "shared_correlations",
    "variance_levels",
]

VarianceScale: TypeAlias = Literal["latent", "response"]
"""Scale of the linear predictor, or of the response."""

_MOST = 2000
"""Rows of which exact variances on the scale of the response are computed at most."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows over which variances are averaged.

    Parameters
    ----------
    cases : Cases
        The rows.
    weights : (n,) array
        How often each counts.
    """

    cases: Cases
    weights: FloatArray


@dataclass(frozen=True, slots=True)
class VarianceLevels:
    """Parts of the variance.

    Parameters
    ----------
    fixed : float
        Variance over rows of the fixed part (latent) or of the population's mean (response).
    between : (G,) array
        Of each grouping factor: covariance of rows that share its level and no other.
    together : float
        Covariance of rows that share the levels of all factors.
    rows : float
        Variance of a random effect per row; on the response scale it is part of `distribution`.
    distribution : float
        What is left between rows of the same clusters.
    """

    fixed: float
    between: FloatArray
    together: float
    rows: float
    distribution: float

    @property
    def adjusted(self) -> float:
        """Variance of a response, covariates held."""
        return self.together + self.rows + self.distribution

    @property
    def total(self) -> float:
        """Variance of a response, that between covariates included."""
        return self.fixed + self.adjusted


def factor_names(fitted: Fitted) -> tuple[str, ...]:
    """Names of the grouping factors of the mean that form clusters: not those of single rows."""
    terms = [term for term in fitted.design.random_parts if term.predictor == MEAN]
    names = [t.grouping.name for t in terms if forms_clusters(t.grouping, fitted.design)]
    return tuple(dict.fromkeys(names))


def own_sample(fitted: Fitted) -> Sample:
    """The rows of a fit, as often as frequency weights say."""
    frequency = fitted.design.frequency_weights
    weights = np.ones(fitted.model.rows) if frequency is None else frequency
    return Sample(training_cases(fitted), weights)


def check_levels(fitted: Fitted) -> None:
    """Refuse models whose variance has no such parts.

    Raises
    ------
    ModelError
        There are no random effects of clusters in the mean, or some in another predictor.
    """
    if MEAN not in fitted.family.parameters:
        raise ModelError(
            f"Family {fitted.family.name!r} has a predictor of each category and none that they "
            "share, so there is no one variance to take shares of; variance_components() has "
            "those of each category.",
            code="no-predictor",
        )
    other = {term.predictor for term in fitted.design.random_parts} - {MEAN}
    if other:
        raise ModelError(
            f"The predictor of {sorted(other)[0].replace('_', ' ')} has random effects of its own, "
            "for which shares of variance are not defined; fit the model without them to ask.",
            code="random-elsewhere",
        )
    if not factor_names(fitted):
        raise ModelError(
            "The model has no random effects of clusters in the mean, so no share of the variance "
            "lies between clusters; add a term such as (1 | hospital).",
            code="no-random-terms",
        )


def variance_levels(
    fitted: Fitted,
    psi: FloatArray,
    sample: Sample,
    scale: VarianceScale,
    approximation: Approximation = "lognormal",
    level: float | None = None,
) -> VarianceLevels:
    """Split the variance at given parameters.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    psi : (m,) array
        Flat parameter vector.
    sample : Sample
        Rows to average over.
    scale : {"latent", "response"}
        Where.
    approximation : {"lognormal", "trigamma", "delta"}
        For families with log link on the latent scale.
    level : float, optional
        Linear predictor of the mean at which the latent variance of the distribution is taken; by
        default that of the average mean of the rows.

    Returns
    -------
    VarianceLevels
    """
    cases, weights = sample.cases, sample.weights
    model = fitted.model
    known, eta = predictors_at(fitted, psi, cases)
    by_factor, by_row = _random_variances(fitted, psi, cases)
    if scale == "response" and not is_additive(fitted):
        return _on_response(fitted, eta, by_factor, by_row, weights)
    between = np.array([np.average(v, weights=weights) for v in by_factor])
    if model.linear:
        precision = np.ones(cases.rows) if cases.precision is None else cases.precision
        rest = float(np.exp(psi[-1]) * np.average(1.0 / precision, weights=weights))
    elif is_additive(fitted):
        rest = float(np.average(fitted.family.variance(eta, None), weights=weights))
    else:
        place = mean_level(fitted.family, eta, sum(by_factor, by_row), weights)
        if level is not None:
            place[0] = level
        rest = distribution_variance(fitted.family, place, approximation)
    return VarianceLevels(
        sample_variance(known[0], weights),
        between,
        float(between.sum()),
        float(np.average(by_row, weights=weights)),
        rest,
    )


def shared_correlations(
    fitted: Fitted,
    psi: FloatArray,
    sample: Sample,
    scale: VarianceScale,
    sets: Sequence[Sequence[int]],
) -> FloatArray:
    """Correlations of two responses with the same covariates that share levels of some factors.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    psi : (m,) array
        Flat parameter vector.
    sample : Sample
        Rows to average over.
    scale : {"latent", "response"}
        Where.
    sets : sequence of k sequences of int
        Positions among `factor_names` of the factors whose level two rows share.

    Returns
    -------
    (k,) array
    """
    if scale == "latent" or is_additive(fitted):
        found = variance_levels(fitted, psi, sample, scale)
        return np.array([found.between[list(some)].sum() for some in sets]) / found.adjusted
    _, eta = predictors_at(fitted, psi, sample.cases)
    by_factor, by_row = _random_variances(fitted, psi, sample.cases)
    none = np.zeros(sample.cases.rows)
    parts = [sum((by_factor[g] for g in some), none) for some in sets]
    exact = response_variances(fitted.family, eta, sum(by_factor, by_row), parts)
    total = np.average(exact.total, weights=sample.weights)
    shared = [np.average(part, weights=sample.weights) for part in exact.shared]
    return np.array(shared) / float(total)


def predictors_at(
    fitted: Fitted, psi: FloatArray, cases: Cases
) -> tuple[list[FloatArray], list[FloatArray]]:
    """(n,) fixed parts of the predictors, without and with offsets.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    psi : (m,) array
        Flat parameter vector.
    cases : Cases
        Rows.
    """
    known: list[FloatArray] = []
    eta: list[FloatArray] = []
    places = fitted.model.slices.values()
    for X, offset, where in zip(cases.X, cases.offsets, places, strict=True):
        known.append(X @ psi[where])
        eta.append(known[-1] if offset is None else known[-1] + offset)
    return known, eta


def is_additive(fitted: Fitted) -> bool:
    """Whether the response is the linear predictor plus an error.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    return fitted.family.name == "gaussian" and fitted.family.link.name == "identity"


def _random_variances(
    fitted: Fitted, psi: FloatArray, cases: Cases
) -> tuple[list[FloatArray], FloatArray]:
    """(n,) variances of each factor's random part, and of a random effect per row."""
    parts = {name: np.zeros(cases.rows) for name in (*factor_names(fitted), OLRE)}
    covariances = fitted.covariances_at(psi)
    for t, (columns, G) in enumerate(zip(cases.columns, covariances, strict=True)):
        grouping = fitted.design.terms[t].grouping
        name = grouping.name if grouping.name in parts else OLRE
        share = row_share(fitted, cases, t)
        parts[name] = parts[name] + random_variance(columns, G, cases.rows, share)
    by_row = parts.pop(OLRE)
    return list(parts.values()), by_row


def sample_variance(values: FloatArray, weights: FloatArray) -> float:
    """Variance over rows, of a sample.

    Parameters
    ----------
    values, weights : (n,) arrays
        Values, and how often each counts.
    """
    size = float(weights.sum())
    if size <= 1.0:
        return 0.0
    center = float(weights @ values) / size
    spread = float(weights @ (values - center) ** 2) / (size - 1.0)
    noise = 64.0 * np.finfo(float).eps * float(np.abs(values).max())  # what rounding leaves
    return spread if spread > noise**2 else 0.0


def _on_response(
    fitted: Fitted,
    eta: Sequence[FloatArray],
    by_factor: Sequence[FloatArray],
    by_row: FloatArray,
    weights: FloatArray,
) -> VarianceLevels:
    clusters = sum(by_factor, np.zeros(len(weights)))
    found = response_variances(fitted.family, eta, clusters + by_row, [*by_factor, clusters])
    shared = [float(np.average(part, weights=weights)) for part in found.shared]
    total = float(np.average(found.total, weights=weights))
    return VarianceLevels(
        sample_variance(found.mean, weights),
        np.array(shared[:-1]),
        shared[-1],
        0.0,
        total - shared[-1],
    )


def fewer_rows(fitted: Fitted, sample: Sample) -> Sample:
    """Different rows with their weights; of many, 2,000 spread evenly over the predictor.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    sample : Sample
        Rows.

    Returns
    -------
    Sample
        Whose averages are those of the rows given, exactly or nearly.
    """
    cases, weights = sample.cases, sample.weights
    parts = [*cases.X, *cases.offsets, *cases.columns]
    parts += [row_share(fitted, cases, t) for t in range(len(cases.columns))]
    table = np.column_stack([part for part in parts if part is not None])
    _, first, inverse = np.unique(table, axis=0, return_index=True, return_inverse=True)
    counts = np.bincount(inverse.ravel(), weights, len(first)).astype(np.float64)
    if len(first) > _MOST:
        offset = cases.offsets[0]
        eta = cases.X[0][first] @ fitted.coef[fitted.model.slices[MEAN]]
        order = np.argsort(eta if offset is None else eta + offset[first], kind="stable")
        before = np.cumsum(counts[order])
        places = np.searchsorted(before, (np.arange(_MOST) + 0.5) / _MOST * before[-1])
        first, counts = first[order[places]], np.full(_MOST, counts.sum() / _MOST)
    return Sample(pick_rows(cases, first), counts)


def pick_rows(cases: Cases, rows: BoolArray | IntArray) -> Cases:
    """Some of the rows of a question.

    Parameters
    ----------
    cases : Cases
        The rows.
    rows : array of bool or int
        Which.
    """

    def take(x: Any) -> Any:
        return None if x is None else x[rows]

    return replace(
        cases,
        X=tuple(map(take, cases.X)),
        offsets=tuple(map(take, cases.offsets)),
        codes=tuple(map(take, cases.codes)),
        columns=tuple(map(take, cases.columns)),
        weights=tuple(map(take, cases.weights)),
        trials=take(cases.trials),
        precision=take(cases.precision),
    )


def null_level(fitted: Fitted) -> float:
    r"""Linear predictor of the average mean of a model without covariates, which is fitted for it.

    It has an intercept in place of the fixed part of the mean, and the same offset and random
    terms.  With a log link and without offset the level is :math:`\beta_0 + v / 2`, v the variance
    of its random part (Nakagawa, Johnson and Schielzeth 2017).

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    model = fitted.model
    part = model.parts[MEAN]
    names = (INTERCEPT,)
    bare = replace(
        part,
        X=np.ones((model.rows, 1), order="F"),
        names=names,
        all_names=names,
        dropped=(),
        has_intercept=True,
    )
    fixed = tuple(bare if p.predictor == MEAN else p for p in model.design.fixed)
    null = run(replace(model, design=replace(model.design, fixed=fixed)), Search(), warn=False)
    sample, psi = own_sample(null), null.estimates.psi
    by_factor, by_row = _random_variances(null, psi, sample.cases)
    eta = null.model.linear_predictors(null.coef, None)
    level = mean_level(null.family, eta, sum(by_factor, by_row), sample.weights)
    return float(level[0])
