r"""Variance components: standard deviations and correlations of the random effects.

Intervals are Wald intervals on scales where the estimates are closer to normal, the logarithm of a
standard deviation and Fisher's z of a correlation, with standard errors by the delta method:

.. math:: d \log s_i = \frac{dG_{ii}}{2 G_{ii}}, \qquad
          d\,\mathrm{atanh}\,r_{ij} = \frac{1}{1 - r_{ij}^2} \left[ \frac{dG_{ij}}{s_i s_j}
          - \frac{r_{ij}}{2} \left( \frac{dG_{ii}}{G_{ii}} + \frac{dG_{jj}}{G_{jj}} \right) \right].

Neither exists on the boundary (a standard deviation of zero, a correlation of one), where the
interval is nan and the row is flagged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.inference.wald import two_sided
from ilk.model.factors import split_factors
from ilk.variance.delta import covariance_derivatives

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.fitted import Fitted
    from ilk.typing import BoolArray, FloatArray

__all__ = ["CORRELATION", "DEVIATION", "RESIDUAL", "VarianceComponent", "variance_components"]

DEVIATION = "sd"
CORRELATION = "correlation"
RESIDUAL = "Residual"

_SINGULAR = 1e-4
"""Singular values of a factor below this share of the largest count as zero."""


@dataclass(frozen=True, slots=True)
class VarianceComponent:
    """One standard deviation or correlation.

    Parameters
    ----------
    component : str
        Predictor that the random effects belong to; ``"dispersion"`` for the residual.
    group : str
        Grouping factor; ``"Residual"`` for the residual of the linear model.
    terms : tuple of str
        Name of the random effect, or of the two that are correlated.
    kind : str
        ``"sd"`` or ``"correlation"``.
    estimate, std_error, conf_low, conf_high : float
        On the scale of standard deviation or correlation.
    boundary : bool
        Whether the row belongs to a singular part of its term's covariance matrix.
    """

    component: str
    group: str
    terms: tuple[str, ...]
    kind: str
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    boundary: bool

    @property
    def term(self) -> str:
        """Name of the random effect, or ``"a ~ b"`` for a correlation."""
        return " ~ ".join(self.terms)


def variance_components(fitted: Fitted, level: float = 0.95) -> tuple[VarianceComponent, ...]:
    """Compute standard deviations and correlations of the random effects, and the residual's.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage of the intervals.

    Returns
    -------
    tuple of VarianceComponent
        Term by term: standard deviations, then correlations; the residual of the linear model
        last.
    """
    z = two_sided(level)
    slopes = covariance_derivatives(fitted)
    rows: list[VarianceComponent] = []
    lam, _ = fitted.marginal.factor(fitted.point.theta)
    maps = fitted.marginal.scaled.term_maps
    factors = split_factors(lam, [len(T) for T in maps])
    for t, term in enumerate(fitted.design.terms):
        G, singular = fitted.estimates.covariances[t], singular_part(factors[t], maps[t])
        rows += _term_rows(term, G, singular, slopes.matrices[t], slopes.covariance, z)
    if fitted.model.linear:
        rows.append(_residual(fitted, z))
    return tuple(rows)


def _term_rows(
    term: RandomTerm,
    G: FloatArray,
    singular: BoolArray,
    slopes: FloatArray,
    inner: FloatArray,
    z: float,
) -> list[VarianceComponent]:
    deviation = np.sqrt(np.diag(G))
    names = term.column_names
    rows = []
    for i, name in enumerate(names):
        slope = slopes[:, i, i] / (2.0 * G[i, i]) if deviation[i] > 0.0 else None
        error = _error(slope, inner)
        rows.append(
            VarianceComponent(
                term.predictor,
                term.grouping.name,
                (name,),
                DEVIATION,
                float(deviation[i]),
                float(deviation[i]) * error,
                float(deviation[i]) * _exp(-z * error),
                float(deviation[i]) * _exp(z * error),
                bool(singular[i]),
            )
        )
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            if G[i, j] == 0.0 and not np.any(slopes[:, i, j]):
                continue  # the structure has no such correlation
            flag = bool(singular[i] and singular[j])
            r, error = _correlation(G, slopes, inner, i, j, flag and len(names) == 2)
            middle = math.atanh(r) if abs(r) < 1.0 else math.nan
            rows.append(
                VarianceComponent(
                    term.predictor,
                    term.grouping.name,
                    (names[i], names[j]),
                    CORRELATION,
                    r,
                    error * (1.0 - r * r),
                    math.tanh(middle - z * error),
                    math.tanh(middle + z * error),
                    flag,
                )
            )
    return rows


def _correlation(
    G: FloatArray, slopes: FloatArray, inner: FloatArray, i: int, j: int, perfect: bool
) -> tuple[float, float]:
    """Correlation, and the standard error of its Fisher z (nan at and beyond the boundary)."""
    if G[i, i] <= 0.0 or G[j, j] <= 0.0:
        return math.nan, math.nan
    size = math.sqrt(G[i, i] * G[j, j])
    r = min(1.0, max(-1.0, float(G[i, j]) / size))
    if perfect or abs(r) == 1.0:
        return r, math.nan
    own = slopes[:, i, i] / G[i, i] + slopes[:, j, j] / G[j, j]
    return r, _error((slopes[:, i, j] / size - 0.5 * r * own) / (1.0 - r * r), inner)


def _residual(fitted: Fitted, z: float) -> VarianceComponent:
    sigma = math.sqrt(fitted.estimates.sigma2)
    error = 0.5 * math.sqrt(float(fitted.psi_covariance()[-1, -1]))
    return VarianceComponent(
        "dispersion",
        RESIDUAL,
        (RESIDUAL,),
        DEVIATION,
        sigma,
        sigma * error,
        sigma * _exp(-z * error),
        sigma * _exp(z * error),
        False,
    )


def singular_part(factor: FloatArray, back: FloatArray) -> BoolArray:
    """Mark the random effects that take part in a singularity of their covariance matrix.

    It is judged on centered and scaled columns, where a slope far from its origin does not look
    perfectly correlated with the intercept.

    Parameters
    ----------
    factor : (q, q) array
        Factor Lambda_s of the scaled columns, up to a constant.
    back : (q, q) array
        T of ``b = T b_s``.

    Returns
    -------
    (q,) array of bool
        True for zero variances, and for effects in a perfect linear relation with others.

    Examples
    --------
    >>> import numpy as np
    >>> factor = np.array([[2.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    >>> singular_part(factor, np.eye(3))
    array([ True,  True, False])
    """
    vectors, sizes, _ = np.linalg.svd(factor)
    largest = float(sizes.max(initial=0.0))
    null = np.linalg.solve(back.T, vectors[:, sizes <= _SINGULAR * largest])
    weight = null * np.linalg.norm(back @ factor, axis=1)[:, None]
    deviation = np.linalg.norm(back @ factor, axis=1)
    taking_part = np.any(np.abs(weight) > 1e-3 * np.abs(weight).max(axis=0, initial=0.0), axis=1)
    return np.asarray((deviation == 0.0) | taking_part)


def _error(slope: FloatArray | None, inner: FloatArray) -> float:
    """Delta-method standard error; nan where there is none."""
    if slope is None:
        return math.nan
    used = slope != 0.0  # a parameter without standard error only harms what depends on it
    variance = float(slope[used] @ inner[np.ix_(used, used)] @ slope[used])
    return math.sqrt(variance) if variance >= 0.0 else math.nan


def _exp(x: float) -> float:
    """Exponential that overflows to infinity."""
    return math.exp(x) if not x > 709.0 else math.inf
