"""Standard errors and degrees of freedom of means that are linear in the coefficients.

In linear models with identity link, means of a typical cluster and of the population are weighted
sums of coefficients, and so are their differences and slopes: t statistics with the degrees of
freedom of that sum, and standard errors adjusted as Kenward and Roger do if that is asked for.  All
other averages have standard errors by the delta method and are normal in large samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.effects.average import covariance, variance
from ilk.errors import ModelError
from ilk.inference.chosen import chosen_covariance

if TYPE_CHECKING:
    from ilk.effects.average import Averages
    from ilk.fitted import Fitted
    from ilk.inference.chosen import DegreesOfFreedom
    from ilk.inference.wald import CoefficientCovariance
    from ilk.typing import FloatArray

__all__ = ["Spread", "spread_of"]


@dataclass(frozen=True, slots=True)
class Spread:
    """How uncertain averages of one fit are.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    coefficients : CoefficientCovariance or None
        What linear averages are judged by; None for the delta method with all parameters.
    """

    fitted: Fitted
    coefficients: CoefficientCovariance | None

    def errors(self, averages: Averages) -> FloatArray:
        """(r,) standard errors."""
        if self.coefficients is None:
            return np.asarray(np.sqrt(variance(self.fitted, averages)))
        L = self._rows(averages)
        return np.asarray(np.sqrt(np.einsum("ri,ij,rj->r", L, self.coefficients.matrix, L)))

    def covariance(self, averages: Averages) -> FloatArray:
        """(r, r) covariance matrix."""
        if self.coefficients is None:
            return covariance(self.fitted, averages)
        L = self._rows(averages)
        return np.asarray(L @ self.coefficients.matrix @ L.T)

    def df(self, averages: Averages) -> FloatArray:
        """(r,) degrees of freedom; infinite for the normal distribution."""
        if self.coefficients is None or self.coefficients.df is None:
            return np.full(len(averages), np.inf)
        found = map(self.coefficients.df, self._rows(averages))
        return np.fromiter(found, dtype=np.float64, count=len(averages))

    @property
    def notes(self) -> tuple[str, ...]:
        """Say where standard errors and degrees of freedom come from."""
        if self.coefficients is None:
            return ()
        found = self.coefficients
        return (f"Standard errors: {found.kind}. Degrees of freedom: {found.df_kind}.",)

    def _rows(self, averages: Averages) -> FloatArray:
        return np.nan_to_num(averages.gradient[:, : len(self.fitted.coef)])


def spread_of(fitted: Fitted, averages: Averages, df: DegreesOfFreedom | None = None) -> Spread:
    """Choose how averages are judged.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    averages : Averages
        The averages.
    df : {None, "satterthwaite", "kenward_roger", "residual", "normal"}
        Degrees of freedom; by default those of the kind of model.

    Returns
    -------
    Spread

    Raises
    ------
    ModelError
        Degrees of freedom are asked for averages that are not linear in the coefficients.
    """
    rest = averages.gradient[:, len(fitted.coef) :]
    linear = fitted.model.linear and averages.effects is None and not np.nan_to_num(rest).any()
    if linear:
        return Spread(fitted, chosen_covariance(fitted, df=df))
    if df in (None, "normal"):
        return Spread(fitted, None)
    raise ModelError(
        f"df={df!r}: only means of linear models that are weighted sums of coefficients (of a "
        "typical cluster or the population) have degrees of freedom; leave it out.",
        code="df",
    )
