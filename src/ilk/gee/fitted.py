"""The frozen record of a fit by generalized estimating equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from ilk.fitted import AbstractFitted, Lazy, SearchLog, Verdict

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.fixed import FixedPart
    from ilk.family.base import AbstractFamily
    from ilk.formula.spec import FormulaSpec
    from ilk.gee.clusters import Clusters
    from ilk.gee.sandwich import StandardErrors
    from ilk.gee.solve import GeeRows, Solution
    from ilk.gee.working import AbstractWorking
    from ilk.typing import FloatArray

__all__ = ["FEW_CLUSTERS", "GeeFitted", "GeeModel", "GeeSettings"]

FEW_CLUSTERS = 40
"""Below so many clusters, standard errors want a correction and statistics a t distribution."""


@final
@dataclass(frozen=True, slots=True)
class GeeSettings:
    """What was asked for beside formula, family and data.

    Parameters
    ----------
    covariance : str
        Working correlation.
    std_errors : str
        Kind of covariance matrix of the coefficients.
    lags : int
        Largest distance of an m-dependent correlation.
    correlation : (T, T) array or None
        Fixed working correlation.
    ordered_by : str or None
        What positions within clusters are: a column, ``"(order)"`` for values of the caller's, or
        None for the order of the rows in the data.
    """

    covariance: str
    std_errors: StandardErrors = "robust"
    lags: int = 1
    correlation: FloatArray | None = None
    ordered_by: str | None = None


@final
@dataclass(frozen=True, slots=True)
class GeeModel:
    """A marginal model, ready to be estimated.

    Parameters
    ----------
    design : Design
        Its first random term holds the clusters, further ones the subgroups; they have no effects.
    family : AbstractFamily
        Link and variance function.
    settings : GeeSettings
        What else was asked for.
    """

    design: Design
    family: AbstractFamily
    settings: GeeSettings

    @property
    def part(self) -> FixedPart:
        """Columns of the mean."""
        return self.design.fixed[0]

    @property
    def fitted_parts(self) -> tuple[FixedPart, ...]:
        """Predictors that have coefficients: the mean."""
        return (self.part,)


@final
@dataclass(frozen=True, slots=True)
class GeeFitted(AbstractFitted):
    """A marginal model fitted by generalized estimating equations.

    Parameters
    ----------
    model : GeeModel
        Design, family, working correlation.
    rows : GeeRows
        The rows in the order of their clusters, columns centered and scaled.
    working : AbstractWorking
        The working correlation.
    solution : Solution
        The solution, for scaled columns.
    back : (P, P) array
        Takes coefficients of scaled columns to those of the user's.
    search : SearchLog
        How the solution was found.
    judged : Verdict
        Verdict of the fit.
    independent : Lazy of Solution
        The same model under independence.
    covariances : mapping of str to Lazy of (P, P) array
        Covariance matrix of the coefficients of each kind.
    """

    model: GeeModel
    rows: GeeRows = field(repr=False)
    working: AbstractWorking = field(repr=False)
    solution: Solution = field(repr=False)
    back: FloatArray = field(repr=False)
    search: SearchLog
    judged: Verdict
    independent: Lazy[Solution] = field(repr=False)
    covariances: Mapping[str, Lazy[FloatArray]] = field(repr=False)

    @property
    def formula(self) -> FormulaSpec:
        """The parsed formula."""
        return self.model.design.spec

    @property
    def design(self) -> Design:
        """Matrices, codes and the bookkeeping of rows."""
        return self.model.design

    @property
    def family(self) -> AbstractFamily:
        """Link and variance function."""
        return self.model.family

    @property
    def settings(self) -> GeeSettings:
        """Working correlation and kind of standard errors."""
        return self.model.settings

    @property
    def verdict(self) -> Verdict:
        """Verdict of the fit."""
        return self.judged

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """``(component, name)`` of each coefficient; all are of the mean."""
        part = self.model.part
        return tuple((part.predictor, name) for name in part.names)

    @property
    def coef(self) -> FloatArray:
        """(P,) coefficients."""
        coef: FloatArray = self.back @ self.solution.beta
        return coef

    @property
    def vcov(self) -> FloatArray:
        """(P, P) covariance matrix of the coefficients, of the kind of the settings."""
        return self.covariances[self.settings.std_errors]()

    @property
    def predictor(self) -> FloatArray:
        """(n,) linear predictor, offset in."""
        part = self.model.part
        eta: FloatArray = part.X @ self.coef
        return eta if part.offset is None else eta + part.offset

    @property
    def mean(self) -> FloatArray:
        """(n,) fitted mean: the population's."""
        return self.family.mean([self.predictor])

    @property
    def loglik(self) -> float:
        """There is no likelihood: nan."""
        return float("nan")

    @property
    def nobs(self) -> int:
        """Number of observations; frequency weights count."""
        return len(self.rows.y)

    @property
    def clusters(self) -> Clusters:
        """The clusters."""
        return self.rows.clusters

    @property
    def scale(self) -> float:
        """Scale phi: mean of the squared standardized residuals."""
        return self.solution.residuals.scale

    @property
    def dispersion(self) -> float:
        """Dispersion inside of the variance function, where it is there; else the scale."""
        if not self.rows.marginal.shaped:
            return self.scale
        return float(np.exp(self.solution.residuals.log_phi))

    @property
    def alpha(self) -> FloatArray:
        """(q,) parameters of the working correlation."""
        return self.solution.alpha

    def df(self, kind: StandardErrors | None = None) -> float:
        """Degrees of freedom of t statistics; infinite for z statistics.

        Clusters minus coefficients where clusters are few, or the covariance matrix is one that
        is corrected for that.

        Parameters
        ----------
        kind : str, optional
            Kind of covariance matrix; that of the settings by default.
        """
        plain = (kind or self.settings.std_errors) in ("robust", "model")
        if plain and self.clusters.count >= FEW_CLUSTERS:
            return float("inf")
        return float(max(self.clusters.count - len(self.solution.beta), 0))
