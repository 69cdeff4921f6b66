"""Frozen records of what the fits within clusters have learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from ilk.errors import FitError
from ilk.fitted import AbstractFitted, Lazy, SearchLog, Verdict

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.grouping import Grouping
    from ilk.family.base import AbstractFamily
    from ilk.fixed_effects.absorb import Dummies
    from ilk.fixed_effects.newton import Curvature
    from ilk.fixed_effects.sample import Sample
    from ilk.formula.spec import FormulaSpec
    from ilk.typing import FloatArray

__all__ = ["ABSORBED", "COLLINEAR", "Absorbed", "ConditionalFitted", "FixedFitted", "Within"]

ABSORBED = "constant within clusters"
"""Why a coefficient cannot be estimated: the clusters' own parameters say the same."""

COLLINEAR = "combination of other columns"
"""Why a coefficient cannot be estimated: other columns say the same."""


@final
@dataclass(frozen=True, slots=True)
class Within:
    """Coefficients of the columns that vary within clusters.

    Parameters
    ----------
    names : tuple of (str, str)
        ``(component, name)`` of the estimated coefficients.
    all_names : tuple of (str, str)
        Of all columns of the formula, the intercept apart.
    not_estimable : mapping of (str, str) to str
        Those that were not estimated, and why.
    coef : (P,) array
        Estimates.
    vcov : (P, P) array
        Their covariance matrix.
    covariance_kind : str
        The estimator that made it, in words.
    df : float
        Degrees of freedom of the t statistics; infinite for z statistics.
    std_errors : str
        ``"model"`` or ``"cluster"``, as it was asked for.
    """

    names: tuple[tuple[str, str], ...]
    all_names: tuple[tuple[str, str], ...]
    not_estimable: Mapping[tuple[str, str], str]
    coef: FloatArray
    vcov: FloatArray
    covariance_kind: str
    df: float
    std_errors: str


@final
@dataclass(frozen=True, slots=True)
class Absorbed:
    """Estimated parameters of the levels of one factor.

    Parameters
    ----------
    grouping : Grouping
        All levels that occur in the data.
    estimate : (L,) array
        Estimates, infinite for levels whose outcome does not vary.
    error : Lazy of (L,) array
        Their standard errors, by the model.
    counts : (L,) array
        Observations of each level.
    aside : int
        Number of levels whose outcome does not vary, which were left out of the fit.
    """

    grouping: Grouping
    estimate: FloatArray
    error: Lazy[FloatArray] = field(repr=False)
    counts: FloatArray
    aside: int

    @property
    def std_error(self) -> FloatArray:
        """(L,) standard errors of the estimates; nan where there is none."""
        return self.error()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FixedFitted(AbstractFitted):
    """A fitted model with absorbed cluster dummies.

    Parameters
    ----------
    design : Design
        Design with one random intercept for each factor; its rows include those that were left
        out because the outcome of their cluster does not vary.
    family : AbstractFamily
        Distribution and link.
    within : Within
        Coefficients.
    absorbed : tuple of Absorbed
        Parameters of the clusters, by factor.
    sample : Sample
        The rows in use, with the estimable columns.
    dummies : Dummies
        The clusters of these rows.
    curvature : Curvature
        Information at the estimates, for uncertainty of what involves clusters' parameters.
    joint : (q, q) array
        Covariance matrix of the coefficients and the log dispersion, if that is a parameter,
        by the model.
    scale : float
        Factor by which the inverse of the weights is to be multiplied (the dispersion, or 1).
    eta : (n,) array
        Linear predictors of the rows in use.
    tau : float
        Log dispersion, nan if the family has none.
    loglik : float
        Maximized log-likelihood with all constants.
    verdict : Verdict
        Verdict of the fit.
    search : SearchLog
        How the estimates were found.
    notes : tuple of str
        What was left out, in sentences.
    """

    design: Design
    family: AbstractFamily
    within: Within
    absorbed: tuple[Absorbed, ...]
    sample: Sample = field(repr=False)
    dummies: Dummies = field(repr=False)
    curvature: Curvature = field(repr=False)
    joint: FloatArray
    scale: float
    eta: FloatArray = field(repr=False)
    tau: float
    loglik: float
    verdict: Verdict
    search: SearchLog
    notes: tuple[str, ...] = ()

    @property
    def formula(self) -> FormulaSpec:
        """The parsed formula."""
        return self.design.spec

    @property
    def coef(self) -> FloatArray:
        """(P,) coefficients of the columns that vary within clusters."""
        return self.within.coef

    @property
    def vcov(self) -> FloatArray:
        """(P, P) covariance matrix of the coefficients."""
        return self.within.vcov

    @property
    def mean(self) -> FloatArray:
        """(n,) fitted means of the rows in use."""
        return self.family.mean(self.predictors)

    @property
    def predictors(self) -> list[FloatArray]:
        """(n,) predictors of the rows in use: of the mean, then of the log dispersion."""
        if not self.family.has_dispersion:
            return [self.eta]
        own = np.full(len(self.eta), self.tau)
        precision = self.sample.precision
        return [self.eta, own if precision is None else own - np.log(precision)]

    @property
    def nobs(self) -> int:
        """Number of observations in use; frequency weights count."""
        return self.sample.nobs

    @property
    def cluster_count(self) -> int:
        """Degrees of freedom that the clusters spend."""
        return self.dummies.rank

    @property
    def parameter_count(self) -> int:
        """Number of estimated parameters: coefficients, clusters, dispersion."""
        return len(self.coef) + self.dummies.rank + self.family.has_dispersion

    @property
    def dispersion(self) -> float:
        """Dispersion phi; nan if the family has none."""
        return float(np.exp(self.tau))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalFitted(AbstractFitted):
    """A fit by the likelihood given each cluster's total.

    Parameters
    ----------
    design : Design
        Design with one random intercept, that of the clusters.
    family : AbstractFamily
        Distribution and link.
    within : Within
        Coefficients.
    strata, informative : int
        Number of clusters, and of those that carry information.
    rows : int
        Rows of the informative clusters.
    nobs : int
        Observations of the informative clusters.
    loglik, null_loglik : float
        Conditional log-likelihood with all constants at the estimates, and without effects.
    verdict : Verdict
        Verdict of the fit.
    search : SearchLog
        How the estimates were found.
    notes : tuple of str
        What was left out, in sentences.
    """

    design: Design
    family: AbstractFamily
    within: Within
    strata: int
    informative: int
    rows: int
    nobs: int
    loglik: float
    null_loglik: float
    verdict: Verdict
    search: SearchLog
    notes: tuple[str, ...] = ()

    @property
    def formula(self) -> FormulaSpec:
        """The parsed formula."""
        return self.design.spec

    @property
    def coef(self) -> FloatArray:
        """(P,) coefficients of the columns that vary within clusters."""
        return self.within.coef

    @property
    def vcov(self) -> FloatArray:
        """(P, P) covariance matrix of the coefficients."""
        return self.within.vcov

    @property
    def mean(self) -> FloatArray:
        """Refused: without the clusters' parameters there are no means."""
        raise FitError(
            "A conditional fit has no means: the clusters' own levels were conditioned away and "
            "never estimated. It gives odds or rate ratios (ratios()); means are given by "
            "ilk.fixed for these clusters and by ilk.fit for these and others.",
            code="no-means",
        )

    @property
    def parameter_count(self) -> int:
        """Number of estimated parameters."""
        return len(self.coef)
