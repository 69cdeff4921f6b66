r"""Marginal coefficients: those that describe the mean of the population of clusters.

Coefficients of a mixed model are effects in one cluster.  What the same columns do to the mean over
the population is summarized by the coefficients whose linear predictor comes nearest to that of
the population (Hedeker, du Toit, Demirtas and Gibbons 2018, Biometrics 74, p. 354):

.. math:: \beta_M = (X'WX)^{-1} X'W (\eta_M - o),
          \qquad \eta_M = g\left(E\, g^{-1}(o + x'\beta + z'b)\right)

over the rows of the fit, with frequency weights W and offsets o.  As :math:`z'b` is normal with
variance :math:`v = z'Gz` whatever the terms, the average is an integral in one dimension, computed
by quadrature (the authors draw at random).  With :math:`\delta = \eta_M - \eta`, which vanishes
under the identity link,

.. math:: \beta_M = \beta + A\delta, \quad A = (X'WX)^{-1} X'W, \qquad
          \frac{d\beta_M}{d\beta} = I + A\,\mathrm{diag}\left(\frac{d\eta_M}{d\eta} - 1\right) X,
          \quad \frac{d\beta_M}{d\theta_j}
          = A\left(\frac{d\eta_M}{dv} \circ z'\frac{dG}{d\theta_j}z\right)

and the delta method counts the uncertainty of coefficients and variance parameters together.  The
columns X are held as they are in the data.  See docs/derivations/marginal.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.effects.population_predictor import population_predictor
from ilk.errors import ModelError
from ilk.family.inflation import ZeroInflated
from ilk.family.link import Cloglog, Identity, Logit, Probit
from ilk.prediction.means import is_inverse_link
from ilk.prediction.population import random_variance
from ilk.variance.delta import covariance_derivatives

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.prediction.population import Averaged
    from ilk.typing import FloatArray

__all__ = ["MarginalCoefficients", "marginal_coefficients", "population_rows"]

_ROWS = 1 << 15
"""Rows worked on at one time."""


@dataclass(frozen=True, slots=True)
class MarginalCoefficients:
    """Coefficients of the mean in one cluster, and over the population of clusters.

    Parameters
    ----------
    names : tuple of str
        The p coefficients of the mean that the data determine.
    conditional, conditional_error : (p,) arrays
        Effects in one cluster, with their standard errors.
    estimate, std_error : (p,) arrays
        Effects on the mean of the population.
    covariance : (p, p) array
        Covariance matrix of `estimate`.
    attenuation : (p,) array
        Marginal over conditional coefficient; nan where the latter is zero, and for an intercept
        that averaging shifts instead (log and square-root links).
    """

    names: tuple[str, ...]
    conditional: FloatArray
    conditional_error: FloatArray
    estimate: FloatArray
    std_error: FloatArray
    covariance: FloatArray
    attenuation: FloatArray


def marginal_coefficients(fitted: Fitted) -> MarginalCoefficients:
    """Compute population-averaged coefficients and their standard errors.

    Parameters
    ----------
    fitted : Fitted
        The fit.  Of a zero-inflated family these are the coefficients of the counts proper, on
        their link, excess zeros left out.

    Returns
    -------
    MarginalCoefficients

    Raises
    ------
    ModelError
        The mean over the population does not exist, or is not the inverse link of a predictor.
    """
    where = fitted.model.slices["mean"]
    names = fitted.model.fitted_parts[0].names
    conditional = fitted.coef[where]
    averaged, eta = population_rows(fitted)
    estimate, gradient = conditional.copy(), np.zeros((len(conditional), len(fitted.estimates.psi)))
    gradient[:, where] = np.eye(len(conditional))
    if len(conditional) and np.any(averaged.value != eta):
        shift, slope = _project(fitted, averaged, eta)
        estimate += shift
        gradient[:, where] += slope[:, : len(conditional)]
        gradient[:, len(fitted.coef) :] = slope[:, len(conditional) :]
    covariance = _delta(fitted, gradient)
    with np.errstate(divide="ignore", invalid="ignore"):
        attenuation = np.where(conditional == 0.0, np.nan, estimate / conditional)
    if not isinstance(fitted.family.link, (Identity, Logit, Probit, Cloglog)):
        attenuation[[name == "Intercept" for name in names]] = np.nan
    return MarginalCoefficients(
        names=names,
        conditional=conditional.copy(),
        conditional_error=np.sqrt(np.diag(fitted.vcov)[where]),
        estimate=estimate,
        std_error=np.sqrt(np.diag(covariance)),
        covariance=covariance,
        attenuation=attenuation,
    )


def population_rows(fitted: Fitted) -> tuple[Averaged, FloatArray]:
    """Linear predictors of the population and of a typical cluster, in the rows of the fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    averaged : Averaged
        The population's, with derivatives.
    eta : (n,) array
        Those of a cluster with random effects zero.
    """
    family, model = fitted.family, fitted.model
    base = family.base if isinstance(family, ZeroInflated) else family
    eta = model.linear_predictors(fitted.coef, None)[0]
    variance = _variance(fitted, slice(None), fitted.estimates.covariances)
    if np.any(variance) and not is_inverse_link(base):
        raise ModelError(
            f"The mean of family {family.name!r} is not the inverse link of one linear predictor, "
            "so that its coefficients have no population-averaged counterparts. Means over the "
            "population are given by predict(estimand='population').",
            code="population-coefficients",
        )
    return population_predictor(family.link, eta, variance), eta


def _variance(fitted: Fitted, rows: slice, matrices: tuple[FloatArray, ...]) -> FloatArray:
    """Sum of z'Gz over the random terms of the mean, for some rows."""
    count = len(range(*rows.indices(fitted.model.rows)))
    total = np.zeros(count)
    for term, G in zip(fitted.design.terms, matrices, strict=True):
        for part, here in term.parts:
            if part.predictor == "mean":
                columns = None if part.columns is None else part.columns[rows]
                share = part.grouping.share()
                share = None if share is None else share[rows]
                total += random_variance(columns, G[here, here], count, share)
    return total


def _project(fitted: Fitted, averaged: Averaged, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Least squares on X of the differences (p,) and of their derivatives (p, p + k).

    Rows come in chunks; the triangular factor of ``sqrt(W) (X, right-hand sides)`` is kept, so that
    X enters by orthogonal transformations and not by its squares.
    """
    X = fitted.model.fitted_parts[0].X
    p = X.shape[1]
    factor: FloatArray = np.zeros((0, 0))
    for block in _blocks(fitted, averaged, eta):
        stacked = np.vstack([factor, block]) if len(factor) else block
        factor = np.asarray(np.linalg.qr(stacked, mode="r"), dtype=np.float64)
    solved = np.asarray(np.linalg.solve(factor[:p, :p], factor[:p, p:]), dtype=np.float64)
    return solved[:, 0], solved[:, 1:]


def _blocks(fitted: Fitted, averaged: Averaged, eta: FloatArray) -> Iterator[FloatArray]:
    """Rows of ``sqrt(W) (X, delta, (a - 1) X, c z'dG z)``, in chunks."""
    design = fitted.design
    X, weights = fitted.model.fitted_parts[0].X, design.frequency_weights
    matrices = covariance_derivatives(fitted)
    a, c = averaged.by_eta[0] - 1.0, averaged.by_variance[0]
    for start in range(0, len(eta), _ROWS):
        rows = slice(start, start + _ROWS)
        moved = [
            c[rows] * _variance(fitted, rows, tuple(dG[j] for dG in matrices.matrices))
            for j in range(len(matrices.positions))
        ]
        delta = averaged.value[rows] - eta[rows]
        block = np.column_stack([X[rows], delta, a[rows, None] * X[rows], *moved])
        yield block if weights is None else block * np.sqrt(weights[rows])[:, None]


def _delta(fitted: Fitted, gradient: FloatArray) -> FloatArray:
    """Covariance matrix (p, p) by the delta method; nan where a parameter has no variance."""
    P = len(fitted.coef)
    if not np.any(gradient[:, P:]):  # of coefficients only: their covariance matrix is cheaper
        gradient, inner = gradient[:, :P], fitted.vcov
    else:
        inner = fitted.psi_covariance()
    lost = ~np.isfinite(np.diag(inner))
    known, kept = gradient[:, ~lost], inner[np.ix_(~lost, ~lost)]
    covariance: FloatArray = known @ kept @ known.T
    touched = np.any(gradient[:, lost] != 0.0, axis=1)
    covariance[touched, :] = covariance[:, touched] = np.nan
    return covariance
