r"""Variance components: standard deviations and correlations of the random effects.

Intervals are Wald intervals on scales where the estimates are closer to normal, the logarithm of a
standard deviation and Fisher's z of a correlation, with standard errors by the delta method:

.. math:: d \log s_i = \frac{dG_{ii}}{2 G_{ii}}, \qquad
          d\,\mathrm{atanh}\,r_{ij} = \frac{1}{1 - r_{ij}^2} \left[ \frac{dG_{ij}}{s_i s_j}
          - \frac{r_{ij}}{2} \left( \frac{dG_{ii}}{G_{ii}} + \frac{dG_{jj}}{G_{jj}} \right) \right].

Neither exists on the boundary (a standard deviation of zero, a correlation of one), where the
interval is nan and the row is flagged.

Structures have parameters beside (`ilk.covariance.natural`): the correlation rho of a series, the
range of a field.  Their intervals are made on a scale without limits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.inference.wald import two_sided
from ilk.model.factors import split_factors
from ilk.variance.delta import covariance_derivatives
from ilk.variance.parameters import delta_error, expanded, exponential, parameter_rows
from ilk.variance.record import CORRELATION, DEVIATION, HALF_LIFE, RESIDUAL, VarianceComponent

if TYPE_CHECKING:
    from ilk.covariance.natural import Natural
    from ilk.design.random import RandomTerm
    from ilk.fitted import Fitted
    from ilk.model.model import Model
    from ilk.typing import BoolArray, FloatArray

__all__ = [
    "CORRELATION",
    "DEVIATION",
    "HALF_LIFE",
    "RESIDUAL",
    "VarianceComponent",
    "component_values",
    "variance_components",
]

_SINGULAR = 1e-4
"""Singular values of a factor below this share of the largest count as zero."""


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
        Term by term: standard deviations, correlations, other parameters; the residual of the
        linear model last.
    """
    z = two_sided(level)
    slopes = covariance_derivatives(fitted)
    rows: list[VarianceComponent] = []
    theta = fitted.point.theta
    lam, _ = fitted.marginal.factor(theta)
    maps = fitted.marginal.scaled.term_maps
    factors = split_factors(lam, [len(T) for T in maps])
    places = fitted.model.theta_slices
    for t, term in enumerate(fitted.design.terms):
        covariance, q = fitted.model.covariances[t], len(maps[t])
        reported = covariance.reported(term.column_names)
        G = fitted.estimates.covariances[t]
        singular = singular_part(factors[t], maps[t], q - covariance.rank(q))
        part = _Part(term, t, G, slopes.matrices[t], slopes.covariance, singular, z)
        deviations = part.deviations(reported.deviations)
        here = places[t]
        if _drifts(reported.parameters, covariance.natural(theta[here], q)):
            deviations = [_undetermined(row) for row in deviations]
        rows += deviations
        if reported.pairs:
            rows += part.pairs()
        rows += parameter_rows(
            term, t, covariance, theta[here], slopes.covariance[here, here], z, absent=not G.any()
        )
    if fitted.model.linear:
        rows.append(_residual(fitted, z))
    return tuple(rows)


def _drifts(parameters: Sequence[Natural], values: FloatArray) -> bool:
    """Whether a range has left the data upwards: only its ratio to the variance is known."""
    pairs = zip(parameters, values.tolist(), strict=True)
    return any(p.kind == "range" and p.at_limit(x) and x > p.longest for p, x in pairs)


def _undetermined(row: VarianceComponent) -> VarianceComponent:
    """The row of a standard deviation that has no value of its own."""
    nothing = math.nan
    return replace(row, std_error=nothing, conf_low=nothing, conf_high=nothing, boundary=True)


def component_values(
    parts: Sequence[VarianceComponent],
    model: Model,
    covariances: Sequence[FloatArray],
    theta: FloatArray,
    sigma2: float,
) -> FloatArray:
    """Values (K,) of variance components elsewhere.

    Parameters
    ----------
    parts : sequence of VarianceComponent
        What is asked for.
    model : Model
        The model.
    covariances : sequence of (q_t, q_t) arrays
        Covariance matrices of the random effects.
    theta : (m_theta,) array
        Covariance parameters as the search moves them.
    sigma2 : float
        Residual variance of the linear model.

    Returns
    -------
    (K,) array
    """
    natural = []
    for covariance, term, here in zip(
        model.covariances, model.design.terms, model.theta_slices, strict=True
    ):
        one = covariance.reported(term.column_names).parameters
        natural.append(expanded(one, covariance.natural(theta[here], term.width))[1])
    return np.array([_value(part, covariances, natural, sigma2) for part in parts])


def _value(
    part: VarianceComponent,
    covariances: Sequence[FloatArray],
    natural: Sequence[Sequence[float]],
    sigma2: float,
) -> float:
    if not part.place:
        return math.sqrt(sigma2)
    if len(part.place) == 2:
        return natural[part.place[0]][part.place[1]]
    t, i, j = part.place
    G = covariances[t]
    if i == j:
        return math.sqrt(max(float(G[i, i]), 0.0))
    size = math.sqrt(max(float(G[i, i]), 0.0)) * math.sqrt(max(float(G[j, j]), 0.0))
    return min(1.0, max(-1.0, float(G[i, j]) / size)) if size > 0.0 else math.nan


@dataclass(frozen=True, slots=True)
class _Part:
    """A term, its covariance matrix and what changes it."""

    term: RandomTerm
    index: int
    G: FloatArray
    slopes: FloatArray
    inner: FloatArray
    singular: BoolArray
    z: float

    def deviations(self, chosen: Sequence[tuple[str, int]] | None) -> list[VarianceComponent]:
        """Standard deviations, of some effects or of all."""
        names = self.term.column_names
        wanted = [(name, i) for i, name in enumerate(names)] if chosen is None else chosen
        rows = []
        for name, i in wanted:
            variance = float(self.G[i, i])
            slope = self.slopes[:, i, i] / (2.0 * variance) if variance > 0.0 else None
            error, size = delta_error(slope, self.inner), math.sqrt(variance)
            rows.append(
                VarianceComponent(
                    self.term.predictor,
                    self.term.group,
                    (name,),
                    DEVIATION,
                    size,
                    size * error,
                    size * exponential(-self.z * error),
                    size * exponential(self.z * error),
                    bool(self.singular[i]),
                    (self.index, i, i),
                )
            )
        return rows

    def pairs(self) -> list[VarianceComponent]:
        """Correlations of all pairs that have one."""
        names, rows = self.term.column_names, []
        for i in range(len(names)):
            for j in range(i + 1, len(names)):
                if self.G[i, j] == 0.0 and not np.any(self.slopes[:, i, j]):
                    continue  # the structure has no such correlation
                flag = bool(self.singular[i] and self.singular[j])
                perfect = flag and len(names) == 2
                r, error = _correlation(self.G, self.slopes, self.inner, i, j, perfect)
                middle = math.atanh(r) if abs(r) < 1.0 else math.nan
                rows.append(
                    VarianceComponent(
                        self.term.predictor,
                        self.term.group,
                        (names[i], names[j]),
                        CORRELATION,
                        r,
                        error * (1.0 - r * r),
                        math.tanh(middle - self.z * error),
                        math.tanh(middle + self.z * error),
                        flag,
                        (self.index, i, j),
                        -1.0,
                        1.0,
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
    return r, delta_error((slopes[:, i, j] / size - 0.5 * r * own) / (1.0 - r * r), inner)


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
        sigma * exponential(-z * error),
        sigma * exponential(z * error),
        False,
    )


def singular_part(factor: FloatArray, back: FloatArray, known: int = 0) -> BoolArray:
    """Mark the random effects that take part in a singularity of their covariance matrix.

    It is judged on centered and scaled columns, where a slope far from its origin does not look
    perfectly correlated with the intercept.

    Parameters
    ----------
    factor : (q, q) array
        Factor Lambda_s of the scaled columns, up to a constant.
    back : (q, q) array
        T of ``b = T b_s``.
    known : int
        Dimensions that the structure lacks by design; they do not count.

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
    gone = int(np.sum(sizes <= _SINGULAR * largest))
    if known and gone <= known:
        return np.zeros(len(factor), dtype=bool)
    null = np.linalg.solve(back.T, vectors[:, len(sizes) - gone :])
    weight = null * np.linalg.norm(back @ factor, axis=1)[:, None]
    deviation = np.linalg.norm(back @ factor, axis=1)
    taking_part = np.any(np.abs(weight) > 1e-3 * np.abs(weight).max(axis=0, initial=0.0), axis=1)
    return np.asarray((deviation == 0.0) | taking_part)
