r"""Are the random effects unrelated to the covariates? Tests, the remedy, and what is at stake.

Random effects are taken to be uncorrelated with the covariates.  Where clusters with high x have
high effects for other reasons, the coefficient of x mixes the comparison of rows of a cluster with
that of clusters.  For each factor and each covariate that varies within its clusters:

* **within = between**: the model is extended by the cluster means of all such covariates (Mundlak
  1978); the coefficient of a mean is the contextual effect, between minus within, zero under
  exogeneity.  Wald and likelihood-ratio tests, for each covariate and for all together.
* **Hausman** (1978): the random-effects estimates against those with clusters absorbed.
* **bias curve**: if the correlation over clusters between the random intercept and the cluster mean
  of a covariate is :math:`\rho`, the expected effect of a cluster given its mean is
  :math:`\rho\,\sigma_b\,t_j` with t the standardized mean, and generalized least squares is off by

  .. math:: \rho\,\sigma_b\,(X'V^{-1}X)^{-1}X'V^{-1}t,

  exactly for the linear model at given covariance parameters, and to first order, with working
  weights, for others.  The standard deviation of the fit is that of what its coefficients leave of
  the random intercepts, from which :math:`\sigma_b` follows for each :math:`\rho`.

The derivations are in ``docs/derivations/exogeneity.md``.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.design.build import build
from ilk.design.fixed import INTERCEPT
from ilk.design.within_between import level_means
from ilk.diagnostics.contextual import (
    Extension,
    choose_grouping,
    cluster_columns,
    estimate,
    extend,
    mean_groupings,
    term_columns,
    without_means,
)
from ilk.errors import IlkError, IlkWarning, ModelError
from ilk.fitted import Lazy
from ilk.fixed_effects import (
    FixedFitted,
    estimate_conditional,
    estimate_fixed,
    with_factors,
)
from ilk.formula.spec import MEAN
from ilk.num import jets
from ilk.num.stable import special
from ilk.simulate import full_predictors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = [
    "BiasCurve",
    "CovariateTest",
    "Exogeneity",
    "GroupTest",
    "Hausman",
    "exogeneity",
    "gls_shift",
    "upper_tail",
]

CORRELATIONS = np.round(np.linspace(-0.9, 0.9, 19), 10)
"""Correlations of the bias curve."""


@final
@dataclass(frozen=True, slots=True)
class CovariateTest:
    """Test of within = between for one covariate.

    Parameters
    ----------
    term : str
        Term of the formula.
    columns : tuple of str
        Its columns.
    share : float
        Share of its variance that lies between clusters (mean over its columns).
    random, within : float
        Its coefficient in the fit and in the extended model; nan for several columns.
    contextual, error : float
        Coefficient of the cluster mean (between minus within) and standard error; nan for several.
    wald, likelihood_ratio : float
        Chi-square statistics.
    df : int
        Their degrees of freedom.
    """

    term: str
    columns: tuple[str, ...]
    share: float
    random: float
    within: float
    contextual: float
    error: float
    wald: float
    likelihood_ratio: float
    df: int


@final
@dataclass(frozen=True, slots=True)
class BiasCurve:
    """Bias of all coefficients if a covariate's cluster means go with the random intercept.

    Parameters
    ----------
    group, term : str
        Factor, and column whose cluster means are correlated with its random intercepts.
    names : tuple of str
        Coefficients of the mean.
    slope : (p,) array
        Bias of each per unit of correlation, at correlation zero.
    rest : float
        Variance of what the fit leaves of the standardized cluster means in its random intercepts.
    estimate : (p,) array
        Coefficients of the fit.
    correlations : (r,) array
        Correlations at which the curve is drawn.
    own : int
        Place of the column among the coefficients.
    implied : float
        Correlation that the extended model estimates.
    """

    group: str
    term: str
    names: tuple[str, ...]
    slope: FloatArray
    rest: float
    estimate: FloatArray
    correlations: FloatArray
    own: int
    implied: float

    @property
    def bias(self) -> FloatArray:
        """(r, p) bias by correlation and coefficient."""
        return np.array([self.at(rho) for rho in self.correlations])

    def at(self, rho: float) -> FloatArray:
        """Bias (p,) of the coefficients at a correlation."""
        return rho / math.sqrt(1.0 - rho**2 * (1.0 - self.rest)) * self.slope


@final
@dataclass(frozen=True, slots=True)
class GroupTest:
    """Tests for one grouping factor.

    Parameters
    ----------
    group : str
        Factor.
    covariates : tuple of CovariateTest
        One for each covariate that can be tested.
    wald, likelihood_ratio : float
        Joint chi-square statistics.
    df : int
        Their degrees of freedom.
    extension : Extension
        The extended model.
    extended : Fitted
        Its fit.
    curves : tuple of BiasCurve
        One for each column that varies within clusters and whose means differ.
    """

    group: str
    covariates: tuple[CovariateTest, ...]
    wald: float
    likelihood_ratio: float
    df: int
    extension: Extension
    extended: Fitted
    curves: tuple[BiasCurve, ...]


@final
@dataclass(frozen=True, slots=True)
class Hausman:
    """Random against fixed effects.

    Parameters
    ----------
    statistic : float
        Chi-square statistic; nan where it is not defined.
    df : int
        Degrees of freedom.
    terms : tuple of str
        Coefficients that both estimate.
    difference : (k,) array
        Random minus fixed.
    estimator : str
        Where the fixed-effects estimates come from.
    reason : str
        Why the statistic is not defined; empty if it is.
    """

    statistic: float
    df: int
    terms: tuple[str, ...]
    difference: FloatArray
    estimator: str
    reason: str

    @property
    def p_value(self) -> float:
        """P-value; nan where the statistic is not defined."""
        return upper_tail(self.statistic, self.df)


@final
@dataclass(frozen=True, slots=True)
class Exogeneity:
    """All of the answer.

    Parameters
    ----------
    groups : tuple of GroupTest
        By grouping factor.
    hausman : Hausman
        Random against fixed effects.
    formula : str
        Formula of the proposed model.
    proposed : Lazy of Fitted
        Its fit.
    notes : tuple of str
        What could not be tested, and how it was done, in sentences.
    """

    groups: tuple[GroupTest, ...]
    hausman: Hausman
    formula: str
    proposed: Lazy[Fitted]
    notes: tuple[str, ...]


def exogeneity(fitted: Fitted, group: str | None = None) -> Exogeneity:
    """Test whether the random effects are unrelated to the covariates.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    group : str, optional
        Grouping factor; all those of the mean by default.

    Returns
    -------
    Exogeneity

    Raises
    ------
    ModelError
        The model has no random effects in the mean, no such factor, or nothing to be tested.
    """
    groupings = mean_groupings(fitted)
    chosen = groupings if group is None else [choose_grouping(groupings, group)]
    extensions = [extend(fitted, [grouping]) for grouping in chosen]
    notes: list[str] = []
    for grouping, extension in zip(chosen, extensions, strict=True):
        notes += _left_out(fitted, grouping, extension)
    if not any(extension.columns or extension.pairs for extension in extensions):
        raise ModelError(
            "There is nothing to test: no covariate has both variation within clusters and "
            f"cluster means of its own. {' '.join(notes)}".rstrip(),
            code="nothing-varies",
        )
    tested = tuple(
        _test(fitted, grouping, extension)
        for grouping, extension in zip(chosen, extensions, strict=True)
        if extension.columns or extension.pairs
    )
    for test in tested:
        if test.extension.pairs:
            names = ", ".join(test.extension.pairs)
            notes.append(f"{names}: the cluster means over {test.group} are terms of the fit.")
        if not test.extended.verdict.converged:
            notes.append(
                f"The model extended by means over {test.group} is "
                f"{test.extended.verdict.status.value}; its tests are not to be trusted."
            )
    if fitted.model.reml:
        notes.append(
            "The fit is by REML: for the likelihood ratio the models with and without cluster "
            "means were fitted by ML."
        )
    formula, proposed = tested[0].extension.formula, Lazy(lambda: tested[0].extended)
    if len(tested) > 1:
        together = extend(fitted, chosen)
        formula, proposed = together.formula, Lazy(lambda: estimate(together.model))
    hausman = _hausman(fitted, groupings)
    slopes = [
        term.label
        for term in fitted.design.terms
        if term.predictor == MEAN and term.column_names != (INTERCEPT,) and term.grouping.columns
    ]
    if slopes and not hausman.reason:
        notes.append(
            f"Hausman's test: the standard errors of the fixed-effects fit do not know of the "
            f"random slopes ({'; '.join(slopes)})."
        )
    return Exogeneity(tested, hausman, formula, proposed, tuple(notes))


def _left_out(fitted: Fitted, grouping: Grouping, extension: Extension) -> list[str]:
    """Sentences about covariates that are not tested, and about clusters of one row."""
    name, notes = grouping.name, []
    for terms, why in (
        (extension.constant, f"constant within {name}, so that nothing can be tested"),
        (extension.given, f"the means over {name} are in the model already"),
        (
            extension.centered,
            f"the same mean in every level of {name}, so that cluster effects cannot bias "
            "comparisons within clusters",
        ),
    ):
        if terms:
            notes.append(f"{', '.join(terms)}: {why}.")
    rows = np.bincount(grouping.codes, minlength=len(grouping.levels))
    single = int((rows == 1).sum())
    if single:
        notes.append(
            f"{single} of {len(rows)} levels of {name} ha{'s' if single == 1 else 've'} one row "
            "only, which says nothing about effects within clusters."
        )
    return notes


def _test(fitted: Fitted, grouping: Grouping, extension: Extension) -> GroupTest:
    model = extension.model
    extended = estimate(model) if extension.columns else fitted
    pairs = {
        **extension.pairs,
        **{term: tuple((j, -1) for j in js) for term, js in extension.columns.items()},
    }
    every = [pair for found in pairs.values() for pair in found]
    wide = extended
    if model.reml:
        wide = estimate(replace(model, reml=False))
    ratio = _ratio(wide, every)
    covariates = tuple(
        _covariate(
            term,
            found,
            fitted,
            extended,
            grouping,
            ratio if len(pairs) == 1 else _ratio(wide, found),
        )
        for term, found in pairs.items()
    )
    curves = _curves(fitted, grouping, extended, extension.columns)
    joint = _wald(*_contrast(extended, every))
    return GroupTest(
        grouping.name, covariates, joint, ratio, len(every), extension, extended, curves
    )


def _ratio(wide: Fitted, pairs: Sequence[tuple[int, int]]) -> float:
    """Twice what the log-likelihood loses if the effects within and between are the same."""
    first = wide.model.slices[MEAN].start
    start = np.delete(wide.estimates.psi, [first + mean for mean, _ in pairs])
    narrow = estimate(without_means(wide.model, pairs), start)
    return max(0.0, 2.0 * (wide.loglik - narrow.loglik))


def _contrast(fitted: Fitted, pairs: Sequence[tuple[int, int]]) -> tuple[FloatArray, FloatArray]:
    """Between minus within, and its covariance matrix."""
    first = fitted.model.slices[MEAN].start
    L = np.zeros((len(pairs), len(fitted.coef)))
    for i, (mean, deviation) in enumerate(pairs):
        L[i, first + mean] = 1.0
        if deviation >= 0:
            L[i, first + deviation] = -1.0
    return L @ fitted.coef, L @ fitted.vcov @ L.T


def _wald(b: FloatArray, V: FloatArray) -> float:
    try:
        return float(b @ np.linalg.solve(V, b))
    except np.linalg.LinAlgError:
        return math.nan


def _covariate(
    term: str,
    pairs: Sequence[tuple[int, int]],
    fitted: Fitted,
    extended: Fitted,
    grouping: Grouping,
    ratio: float,
) -> CovariateTest:
    part, weights = extended.model.parts[MEAN], fitted.design.frequency_weights
    own = {other.text.replace("`", ""): js for other, js in term_columns(part).items()}
    deviations = [deviation for _, deviation in pairs if deviation >= 0]
    if deviations:
        columns = tuple(part.names[j] for j in deviations)
        X = np.column_stack([part.X[:, mean] + part.X[:, dev] for mean, dev in pairs])
    else:
        columns = tuple(part.names[j] for j in own[term.replace("`", "")])
        X = part.X[:, own[term.replace("`", "")]]
    share = cluster_columns(replace(part, X=X), grouping, weights).share
    b, V = _contrast(extended, pairs)
    one = len(pairs) == 1
    here, there = (dict(zip(f.names, f.coef, strict=True)) for f in (fitted, extended))
    single = len(columns) == 1
    mixes = single and extended is not fitted  # else the fit has the means already
    return CovariateTest(
        term=term,
        columns=columns,
        share=float(np.nanmean(share)),
        random=float(here[MEAN, columns[0]]) if mixes and not deviations else math.nan,
        within=float(there[MEAN, columns[0]]) if single else math.nan,
        contextual=float(b[0]) if one else math.nan,
        error=math.sqrt(V[0, 0]) if one else math.nan,
        wald=_wald(b, V),
        likelihood_ratio=ratio,
        df=len(pairs),
    )


# The bias curve


def gls_shift(fitted: Fitted, shift: FloatArray) -> FloatArray:
    """Change of the coefficients of the mean if the linear predictor shifts.

    It is ``(X'V^-1 X)^-1 X'V^-1 shift`` with V the covariance of the (working) response.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    shift : (n, k) array
        Shifts, by row.

    Returns
    -------
    (p, k) array
    """
    X = fitted.model.parts[MEAN].X
    w = _working_weights(fitted)
    WX = w[:, None] * X
    ZX = _onto_effects(fitted, WX)
    CZX = fitted.conditional_solve(ZX) if len(ZX) else ZX
    information = X.T @ WX - ZX.T @ CZX
    score = WX.T @ shift - CZX.T @ _onto_effects(fitted, w[:, None] * shift)
    scale = np.sqrt(np.abs(np.diag(information)))
    solved = np.linalg.lstsq(information / np.outer(scale, scale), score / scale[:, None], None)[0]
    return np.asarray(solved / scale[:, None])


def _working_weights(fitted: Fitted) -> FloatArray:
    """Minus the second derivative of each row's log density in the predictor of the mean."""
    design, family = fitted.design, fitted.family
    eta = jets.variables(full_predictors(fitted, fitted.estimates.modes), 2)
    jet = family.log_density(design.response.y, design.response.trials, eta)
    w = -np.asarray(jet.second[jets.pair(0, 0)])
    return w if design.frequency_weights is None else w * design.frequency_weights


def _onto_effects(fitted: Fitted, values: FloatArray) -> FloatArray:
    """Z' values, with random effects flat over terms, then levels, then columns."""
    blocks = []
    for term, modes in zip(fitted.design.terms, fitted.estimates.modes, strict=True):
        size, q = modes.shape
        columns = np.ones((len(values), 1)) if term.columns is None else term.columns
        block = np.zeros((size, q, values.shape[1]))
        if term.predictor == MEAN:
            for a in range(q):
                for b in range(values.shape[1]):
                    block[:, a, b] = np.bincount(
                        term.grouping.codes, columns[:, a] * values[:, b], size
                    )
        blocks.append(block.reshape(size * q, -1))
    return np.concatenate(blocks) if blocks else np.zeros((0, values.shape[1]))


def _intercept_sd(fitted: Fitted, grouping: Grouping) -> float:
    """Standard deviation of the random intercepts of a factor; nan if it has none."""
    for term, G in zip(fitted.design.terms, fitted.estimates.covariances, strict=True):
        if term.predictor != MEAN or term.grouping.name != grouping.name:
            continue
        if term.columns is None:
            return math.sqrt(G[0, 0])
        if INTERCEPT in term.column_names:
            place = term.column_names.index(INTERCEPT)
            return math.sqrt(G[place, place])
    return math.nan


def _curves(
    fitted: Fitted,
    grouping: Grouping,
    extended: Fitted,
    added: dict[str, tuple[int, ...]],
) -> tuple[BiasCurve, ...]:
    part = fitted.model.parts[MEAN]
    seen = cluster_columns(part, grouping, fitted.design.frequency_weights)
    sd = _intercept_sd(fitted, grouping)
    tested = [j for term, js in term_columns(part).items() if term.text in added for j in js]
    columns = [j for j in tested if seen.varies[j] and seen.spread[j] > 0.0]
    if not columns or not sd > 0.0:
        return ()
    middle = _cluster_average(seen.means[:, columns], grouping)
    t = (seen.means[:, columns] - middle) / seen.spread[columns]
    shifts = gls_shift(fitted, t)
    left = level_means(
        t - part.X @ shifts,
        grouping.codes,
        len(grouping.levels),
        fitted.design.frequency_weights,
    )
    rest = np.minimum(left.var(axis=0), 1.0)
    slope = sd * shifts
    implied = _implied(extended, grouping, added, t)
    count = part.X.shape[1]
    start = fitted.model.slices[MEAN].start
    return tuple(
        BiasCurve(
            grouping.name,
            part.names[j],
            part.names,
            slope[:, k],
            float(rest[k]),
            fitted.coef[start : start + count],
            CORRELATIONS,
            j,
            float(implied[k]),
        )
        for k, j in enumerate(columns)
    )


def _cluster_average(values: FloatArray, grouping: Grouping) -> FloatArray:
    """Mean over clusters of values that are constant in clusters."""
    _, rows = np.unique(grouping.codes, return_index=True)
    return np.asarray(values[rows].mean(axis=0))


def _implied(
    extended: Fitted,
    grouping: Grouping,
    added: dict[str, tuple[int, ...]],
    t: FloatArray,
) -> FloatArray:
    """Correlation over clusters of the random intercept with each standardized mean.

    The intercept is what the means predict of it plus the random intercept of the extended model.
    """
    every = [j for js in added.values() for j in js]
    first = extended.model.slices[MEAN].start
    X = extended.model.parts[MEAN].X[:, every]
    _, rows = np.unique(grouping.codes, return_index=True)
    predicted = X[rows] @ extended.coef[[first + j for j in every]]
    predicted = predicted - predicted.mean()
    rest = _intercept_sd(extended, grouping)
    total = math.sqrt(float(np.mean(predicted**2)) + (0.0 if math.isnan(rest) else rest**2))
    if total == 0.0:
        return np.zeros(t.shape[1])
    return np.asarray(t[rows].T @ predicted / len(rows) / total)


# Hausman


def _hausman(fitted: Fitted, groupings: Sequence[Grouping]) -> Hausman:
    nothing = (math.nan, 0, (), np.zeros(0), "")
    beyond = [name for name in ("zero_inflation",) if name in fitted.family.parameters]
    if beyond or fitted.formula.predictor("dispersion") is not None:
        what = "zero inflation" if beyond else "a formula of the dispersion"
        return Hausman(*nothing, f"with {what} cluster dummies cannot be absorbed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IlkWarning)
            fixed, estimator = _fixed(fitted, groupings)
    except IlkError as error:
        return Hausman(*nothing, f"the fixed-effects fit cannot be had ({error.message})")
    if not fixed.verdict.converged:
        return Hausman(*nothing, f"the fixed-effects fit is {fixed.verdict.status.value}")
    names = [name for name in fixed.within.names if name in fitted.names]
    if not names:
        return Hausman(*nothing, "no coefficient is estimated by both")
    here = [fitted.names.index(name) for name in names]
    there = [fixed.within.names.index(name) for name in names]
    difference = fitted.coef[here] - fixed.coef[there]
    V = fixed.vcov[np.ix_(there, there)] - fitted.vcov[np.ix_(here, here)]
    scale = np.sqrt(np.diag(fixed.vcov)[there])
    values, vectors = np.linalg.eigh(V / np.outer(scale, scale))
    terms = tuple(name for _, name in names)
    if not values.min() > 1e-10:
        return Hausman(
            math.nan,
            len(names),
            terms,
            difference,
            estimator,
            "the covariance matrix of the fixed-effects estimates less that of the random-effects "
            "estimates is not positive definite",
        )
    z = vectors.T @ (difference / scale)
    return Hausman(float(np.sum(z**2 / values)), len(names), terms, difference, estimator, "")


def _fixed(fitted: Fitted, groupings: Sequence[Grouping]) -> tuple[Any, str]:
    """Fixed-effects fit of the same rows: absorbed, or conditional where absorbing is biased."""
    design, family = fitted.design, fitted.family
    arguments: dict[str, Any] = dict(design.argument_columns)
    again = build(
        with_factors(design.spec, [grouping.columns for grouping in groupings]),
        design.data,
        parameters=family.parameters,
        binomial=family.takes_trials,
        **arguments,
    )
    absorbed: FixedFitted = estimate_fixed(again, family)
    short = any(reason.code == "incidental_parameters" for reason in absorbed.verdict.reasons)
    if short and len(groupings) == 1 and (family.name, family.link.name) == ("binomial", "logit"):
        return estimate_conditional(again, family), "conditional likelihood"
    return absorbed, "one absorbed parameter per cluster"


def upper_tail(statistic: float, df: int) -> float:
    """Probability that a chi-square variable exceeds a statistic; nan if that is not defined.

    Parameters
    ----------
    statistic : float
        Statistic.
    df : int
        Degrees of freedom.
    """
    if not math.isfinite(statistic) or df < 1:
        return math.nan
    return float(special().chdtrc(df, statistic))
