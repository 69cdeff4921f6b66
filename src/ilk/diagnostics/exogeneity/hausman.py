"""Random against fixed effects (Hausman 1978): estimates of the fit against absorbed clusters."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.design.build import build
from ilk.errors import IlkError, IlkWarning
from ilk.fixed_effects import (
    FixedFitted,
    estimate_conditional,
    estimate_fixed,
    with_factors,
)
from ilk.num.stable import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Hausman", "hausman", "upper_tail"]


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


def hausman(fitted: Fitted, groupings: Sequence[Grouping]) -> Hausman:
    """Compare a fit with the one in which its clusters are absorbed.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    groupings : sequence of Grouping
        Factors to absorb.

    Returns
    -------
    Hausman
        Without a statistic, and with the reason, where there is none.
    """
    nothing = (math.nan, 0, (), np.zeros(0), "")
    beyond = [name for name in fitted.family.parameters if name not in ("mean", "dispersion")]
    if beyond or fitted.formula.predictor("dispersion") is not None:
        what = beyond[-1].replace("_", " ") if beyond else "a formula of the dispersion"
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
