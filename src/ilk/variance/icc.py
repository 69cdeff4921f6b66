r"""Intraclass correlations: the share of the variance that lies between the levels of a factor.

Of each grouping factor g, and of all together,

.. math:: ICC_{adjusted} = \frac{\sigma^2_g}{\sum_g \sigma^2_g + \sigma^2_e + \sigma^2_d}, \qquad
          ICC_{unadjusted} = \frac{\sigma^2_g}{\sigma^2_f + \sum_g \sigma^2_g + \sigma^2_e
          + \sigma^2_d}

(Nakagawa, Johnson and Schielzeth 2017): the first is the correlation of two rows that share a level
and have the same covariates, the second that of two rows whose covariates are drawn from the data.
Random slopes are averaged over the rows (Johnson 2014), over subgroups of them, or over rows whose
covariates are set.  See docs/derivations/variance-explained.md for the variances.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.effects.target import make_target
from ilk.effects.variable import check_value, find_variable
from ilk.errors import ModelError
from ilk.fitted import Status
from ilk.inference.wald import check_level
from ilk.prediction.levels import check_choice
from ilk.prediction.population import random_variance
from ilk.variance.distribution import Approximation, describe
from ilk.variance.levels_of_variance import (
    Sample,
    VarianceScale,
    check_levels,
    factor_names,
    fewer_rows,
    null_level,
    own_sample,
    pick_rows,
    variance_levels,
)
from ilk.variance.shares import Shares, Uncertainty, ratio, shares_of

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.frame import Label
    from ilk.typing import FloatArray

__all__ = ["ALL", "Baseline", "Intraclass", "icc"]

Baseline: TypeAlias = Literal["fit", "null"]
"""Where the mean level of the distribution's variance comes from."""

ALL = "all"
"""Group of the rows of all factors together."""

MEASURES = ("adjusted", "unadjusted")


@dataclass(frozen=True, slots=True)
class Intraclass:
    """Intraclass correlations, one for each setting, factor and measure.

    Parameters
    ----------
    groups, measures : tuple of str
        Factor, or ``"all"``, and ``"adjusted"`` or ``"unadjusted"``, of each row.
    settings : mapping of str to tuple
        Subgroup, or value of a column that was set, of each row.
    shares : Shares
        The numbers.
    scale : str
        ``"latent"`` or ``"response"``.
    level : float
        Coverage.
    notes : tuple of str
        What the numbers rest on.
    """

    groups: tuple[str, ...]
    measures: tuple[str, ...]
    settings: Mapping[str, tuple[Label, ...]]
    shares: Shares
    scale: str
    level: float
    notes: tuple[str, ...]


def icc(
    fitted: Fitted,
    by: str | Sequence[str] | None = None,
    at: Mapping[str, Any] | None = None,
    *,
    scale: VarianceScale = "latent",
    approximation: Approximation = "lognormal",
    baseline: Baseline = "fit",
    uncertainty: Uncertainty = "delta",
    level: float = 0.95,
    **options: Any,
) -> Intraclass:
    """Compute intraclass correlations.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    by : str or sequence of str, optional
        Columns of subgroups of the rows, each averaged by itself.
    at : mapping of str to values, optional
        Columns and values that all rows are set to, every combination in turn.
    scale : {"latent", "response"}
        Scale of the linear predictor, or of the response.
    approximation : {"lognormal", "trigamma", "delta"}
        How a distribution with log link is taken to the latent scale.
    baseline : {"fit", "null"}
        Mean level of the latter: the average mean of the rows, or that of a model without
        covariates, which is fitted for it.
    uncertainty : {"delta", "bootstrap"}
        Where standard errors and intervals come from.
    level : float
        Coverage of the intervals.
    **options
        Of the bootstrap: ``draws, seed, n_jobs``.

    Returns
    -------
    Intraclass

    Raises
    ------
    ModelError
        There are no random effects of clusters in the mean.
    """
    check_options(fitted, scale, approximation, baseline, level)
    check_choice("uncertainty", uncertainty, Uncertainty)
    _check_memberships(fitted)
    samples, settings = _samples(fitted, by, at)
    if scale == "response":
        samples = [fewer_rows(fitted, sample) for sample in samples]
    names = factor_names(fitted)
    mean = null_level(fitted) if baseline == "null" and scale == "latent" else None
    groups = (*names, ALL) if len(names) > 1 else names

    def function(fit: Fitted, psi: FloatArray) -> FloatArray:
        parts = []
        for sample in samples:
            found = variance_levels(fit, psi, sample, scale, approximation, mean)
            part = [*found.between, found.together][: len(groups)]
            parts += [ratio(p, whole) for p in part for whole in (found.adjusted, found.total)]
        return np.array(parts)

    reliable = None  # of other families the variance within is not measured against the rows
    if fitted.model.linear:
        each = np.repeat(_reliability(fitted)[: len(groups)], len(MEASURES))
        reliable = np.tile(each, len(samples))
    shares = shares_of(fitted, function, level, uncertainty, reliability=reliable, **options)
    rows = len(samples) * len(groups)
    per_setting = len(groups) * len(MEASURES)
    return Intraclass(
        groups=tuple(g for _ in samples for g in groups for _ in MEASURES),
        measures=MEASURES * rows,
        settings={
            name: tuple(value for value in values for _ in range(per_setting))
            for name, values in settings.items()
        },
        shares=shares,
        scale=scale,
        level=level,
        notes=tuple(variance_notes(fitted, scale, approximation, baseline)),
    )


def _check_memberships(fitted: Fitted) -> None:
    """Refuse correlations within levels where rows belong to several."""
    names = [t.grouping.name for t in fitted.design.terms if t.grouping.weights is not None]
    if names:
        raise ModelError(
            f"Rows of {names[0]} belong to several levels, so that no one correlation holds for "
            "two rows of a level; shares of the variance are in partition() and r_squared().",
            code="multiple-membership",
        )


def _reliability(fitted: Fitted) -> FloatArray:
    """(G + 1,) reliability of each factor's effects given the data, and of all together.

    It is 1 minus the average over rows of the conditional variance of their random part, relative
    to that of its variance.
    """
    names, sample = factor_names(fitted), own_sample(fitted)
    left, all_of = np.zeros(len(names)), np.zeros(len(names))
    for t, term in enumerate(fitted.design.terms):
        if term.grouping.name not in names:
            continue
        z = np.ones((len(sample.weights), 1)) if term.columns is None else term.columns
        C = fitted.mode_covariance()[t][term.grouping.codes]
        held = np.einsum("ni,nij,nj->n", z, C, z, optimize=True)
        g = names.index(term.grouping.name)
        left[g] += np.average(held, weights=sample.weights)
        variance = random_variance(term.columns, fitted.estimates.covariances[t], len(z))
        all_of[g] += np.average(variance, weights=sample.weights)
    left, all_of = np.append(left, left.sum()), np.append(all_of, all_of.sum())
    return 1.0 - np.divide(left, all_of, out=np.zeros(len(left)), where=all_of > 0.0)


def check_options(
    fitted: Fitted, scale: Any, approximation: Any, baseline: Any, level: Any
) -> None:
    """Check the options that intraclass correlations and shares of explained variance have."""
    check_choice("scale", scale, VarianceScale)
    check_choice("approximation", approximation, Approximation)
    check_choice("baseline", baseline, Baseline)
    check_level(level)
    check_levels(fitted)
    if fitted.verdict.status is Status.SEPARATED:
        raise ModelError(
            "The fit is separated: coefficients run to infinity, and with them the variance of the "
            "fixed part. Fit with a penalty (penalty='firth') to ask for shares of variance.",
            code="separated",
        )
    if scale == "response" and not fitted.family.link.averages:
        raise ModelError(
            f"scale='response': under link {fitted.family.link.name!r} normal random effects reach "
            "infinite means, so that a response has no variance; ask for scale='latent'.",
            code="population-mean",
        )


def _samples(fitted: Fitted, by: Any, at: Any) -> tuple[list[Sample], dict[str, tuple[Label, ...]]]:
    """Rows of each setting, and what the settings are."""
    if by is None and not at:
        return [own_sample(fitted)], {}
    if at is not None and not isinstance(at, Mapping):
        raise ModelError(
            f"at={at!r:.60}: give a dictionary of columns and values, such as {{'month': [0, 6]}}.",
            code="at",
        )
    values = {name: _values(fitted, name, given) for name, given in (at or {}).items()}
    frequency = fitted.design.frequency_weights
    weights = np.ones(fitted.model.rows) if frequency is None else frequency
    target = make_target(fitted, moved=tuple(values), weights=weights, by=by)
    samples: list[Sample] = []
    settings: dict[str, list[Label]] = {name: [] for name in (*target.subgroups, *values)}
    for combination in itertools.product(*values.values()):
        scenario = target.scenario(dict(zip(values, combination, strict=True)), "population")
        for g in range(target.count):
            here = (
                scenario.weights
                if scenario.groups is None
                else (scenario.weights * (scenario.groups == g))
            )
            kept = here > 0.0
            samples.append(Sample(pick_rows(scenario.cases, kept), here[kept]))
            for name, labels in target.subgroups.items():
                settings[name].append(labels[g])
            for name, value in zip(values, combination, strict=True):
                settings[name].append(value)
    return samples, {name: tuple(found) for name, found in settings.items()}


def _values(fitted: Fitted, name: str, given: Any) -> list[Label]:
    variable = find_variable(fitted, name)
    listed = [given] if isinstance(given, str) or not hasattr(given, "__iter__") else list(given)
    if not listed:
        raise ModelError(f"at={{{name!r}: []}}: give at least one value.", code="at")
    return [check_value(variable, value) for value in listed]


def variance_notes(
    fitted: Fitted, scale: str, approximation: Approximation, baseline: str
) -> list[str]:
    """Say what the variances are.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    scale, approximation, baseline : str
        The options.
    """
    notes = []
    additive = fitted.family.name == "gaussian" and fitted.family.link.name == "identity"
    if scale == "latent" and not additive:
        notes.append(
            f"Variance of the distribution on the scale of the {fitted.family.link.name} link: "
            f"{describe(fitted.family, approximation)}."
        )
        if baseline == "null" and not fitted.family.takes_trials:
            notes.append("The mean level is that of a model without covariates, fitted for it.")
    elif scale == "response" and not additive:
        trial = " of a single trial" if fitted.family.takes_trials else ""
        several = len(factor_names(fitted)) > 1
        notes.append(
            f"Exact variances and covariances of the response{trial}, by quadrature at the "
            f"estimates{'; those of several factors do not add up on this scale' * several}."
        )
    if "zero_inflation" in fitted.family.parameters and scale == "latent":
        notes.append(
            "Covariates of the excess zeros are no part of the variance of the fixed part."
        )
    if any(term.columns is not None for term in fitted.design.terms):
        notes.append("The variance of random slopes is averaged over the rows (Johnson 2014).")
    single = {t.grouping.name for t in fitted.design.terms} - set(factor_names(fitted))
    if single:
        notes.append(
            f"The random effect of each row ({', '.join(sorted(single))}) is extra variation of "
            "the response and belongs to no cluster."
        )
    if any(part.offset is not None for part in fitted.design.fixed[:1]):
        notes.append("The offset is no part of the variance of the fixed part.")
    return notes
