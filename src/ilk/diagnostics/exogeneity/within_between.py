"""Within = between: tests that rows of a cluster and clusters compare alike (Mundlak 1978).

The model is extended by the cluster means of the covariates; the coefficient of a mean is the
contextual effect, between minus within, zero if random effects and covariates are unrelated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np

from ilk.diagnostics.contextual import (
    Extension,
    cluster_columns,
    estimate,
    term_columns,
    without_means,
)
from ilk.diagnostics.exogeneity.bias import BiasCurve, bias_curves
from ilk.formula.spec import MEAN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["CovariateTest", "GroupTest", "group_test"]


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


def group_test(fitted: Fitted, grouping: Grouping, extension: Extension) -> GroupTest:
    """Test within = between for the covariates of one grouping factor.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    grouping : Grouping
        The factor.
    extension : Extension
        The model extended by means over it.

    Returns
    -------
    GroupTest
    """
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
    curves = bias_curves(fitted, grouping, extended, extension.columns)
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
