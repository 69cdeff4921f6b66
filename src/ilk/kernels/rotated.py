r"""Profiled likelihood of a rotated linear mixed model, with two derivatives.

For :math:`y = X\beta + Z b + e` with :math:`b \sim N(0, \sigma^2\lambda^2 K)` and weights W let D =
Z'WZ be diagonal, :math:`D^{1/2} K D^{1/2} = U \operatorname{diag}(s) U'`.  The data are taken apart
into weighted means of the levels, rotated, and deviations from these means,

.. math:: \tilde y = U' D^{-1/2} Z'W y, \qquad \dot y = W^{1/2} (y - Z D^{-1} Z'W y),

and X likewise.  With :math:`\tau = \lambda^2` and :math:`w_i = 1 / (1 + \tau s_i)` all matrices are
diagonal,

.. math:: A = \dot X'\dot X + \sum_i w_i \tilde x_i \tilde x_i', \quad
   \hat\beta = A^{-1} (\dot X'\dot y + \sum_i w_i \tilde x_i \tilde y_i), \quad
   r^2 = |\dot e|^2 + \sum_i w_i \tilde e_i^2,

.. math:: -2 L = \sum_i \log(1 + \tau s_i) \;[+ \log|A|] + \nu\,(1 + \log(2\pi r^2/\nu)),

the term in brackets for REML (Kang and others 2008, Genetics 178, 1709-1723; Zhou and Stephens
2012, Nature Genetics 44, 821-824).  With :math:`g = \sum_i s_i w_i^2 \tilde e_i \tilde x_i`, by the
envelope theorem,

.. math:: (r^2)' = -\sum_i s_i w_i^2 \tilde e_i^2, \qquad
   (r^2)'' = 2 \sum_i s_i^2 w_i^3 \tilde e_i^2 - 2\, g' A^{-1} g, \qquad
   A' = -\sum_i s_i w_i^2 \tilde x_i \tilde x_i'

in :math:`\tau`: :math:`n p^2` operations in all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ilk.num.triangular import cholesky, inverse, log_det, solve
from ilk.typing import FloatArray

__all__ = ["Profile", "Rotated", "profile"]


@dataclass(frozen=True, slots=True)
class Rotated:
    """Data after the rotation.

    Attributes
    ----------
    values : ndarray (o,)
        Eigenvalues s.
    X, y : ndarrays (o, p), (o,)
        Rotated means of the levels.
    within_X, within_y : ndarrays (n, p), (n,)
        Weighted deviations from them.
    within_XX, within_Xy : ndarrays (p, p), (p,)
        Products of the deviations.
    """

    values: FloatArray
    X: FloatArray
    y: FloatArray
    within_X: FloatArray
    within_y: FloatArray
    within_XX: FloatArray
    within_Xy: FloatArray


@dataclass(frozen=True, slots=True)
class Profile:
    """Likelihood at one lambda, beta and sigma at their best.

    Attributes
    ----------
    relative : float
        Lambda.
    w : ndarray (o,)
        Weights w.
    covariance : ndarray (p, p)
        A^-1.
    beta : ndarray (p,)
        Generalized least squares estimate.
    errors : ndarray (o,)
        Rotated residuals.
    sigma2 : float
        r^2 / nu.
    value : float
        Log-likelihood L.
    gradient, information : float
        Its derivative in lambda, and minus the second.
    log_sigma2_slope : float
        Derivative of log sigma2 in lambda.
    """

    relative: float
    w: FloatArray
    covariance: FloatArray
    beta: FloatArray
    errors: FloatArray
    sigma2: float
    value: float
    gradient: float
    information: float
    log_sigma2_slope: float


def profile(data: Rotated, relative: float, nu: float, *, reml: bool) -> Profile:
    """Generalized least squares and the likelihood at one lambda.

    Parameters
    ----------
    data : Rotated
        The data.
    relative : float
        Lambda, the standard deviation of the effects in units of sigma.
    nu : float
        Number of observations, less p for REML.
    reml : bool
        Whether the likelihood is the restricted one.

    Raises
    ------
    LinAlgError
        X is not of full rank.
    """
    s, X, tau = data.values, data.X, relative**2
    w = 1.0 / (1.0 + tau * s)
    root = cholesky(data.within_XX + X.T @ (w[:, None] * X))
    if root is None:
        raise np.linalg.LinAlgError("X is not of full rank, or not finite")
    covariance = inverse(root @ root.T)
    beta = solve(root @ root.T, data.within_Xy + X.T @ (w * data.y))
    e, within = data.y - X @ beta, data.within_y - data.within_X @ beta
    rss = float(within @ within) + float(e @ (w * e))
    sw = s * w
    pull = sw * w * e
    g = X.T @ pull
    with np.errstate(divide="ignore", invalid="ignore"):  # a perfect fit: infinite likelihood
        first = -float(e @ pull) / np.float64(rss)
        second = 2.0 * float(pull @ (sw * e) - g @ covariance @ g) / np.float64(rss)
        deviance = nu * (1.0 + math.log(2.0 * math.pi) + float(np.log(rss / nu)))
    deviance -= float(np.log(w).sum())
    slope = float(sw.sum()) + nu * float(first)
    curvature = -float(sw @ sw) + nu * float(second - first**2)
    if reml:
        change = covariance @ (X.T @ ((sw * w)[:, None] * X))  # - A^-1 A'
        bend = covariance @ (X.T @ ((sw * sw * w)[:, None] * X))  # A^-1 A'' / 2
        deviance += log_det(root)
        slope -= float(np.trace(change))
        curvature += 2.0 * float(np.trace(bend)) - float(np.sum(change * change.T))
    return Profile(
        relative=relative,
        w=w,
        covariance=covariance,
        beta=beta,
        errors=e,
        sigma2=rss / nu,
        value=-0.5 * deviance,
        gradient=-relative * slope,
        information=slope + 2.0 * tau * curvature,
        log_sigma2_slope=2.0 * relative * float(first),
    )
