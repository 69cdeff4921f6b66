r"""Design effects of coefficients that are estimated as if there were no clusters.

Without clusters the coefficients respond to the responses by
:math:`\alpha_i = \mu_i' V_i^{-1} x_i'(X'WX)^{-1}`, where :math:`\mu'` is the derivative of the mean
in the linear predictor and V the variance that the model takes responses to have.  Under the mixed
model the variance of a coefficient is then, relative to what that model says,

.. math:: d_j = \frac{\sum_i \alpha_{ij}^2\, \tau_i
                + \sum_{i \neq k} \alpha_{ij} \alpha_{kj} C_{ik}}{\sum_i \alpha_{ij}^2\, V_i},

with variances :math:`\tau` and covariances C of the responses.  For one random intercept, equal
variances and a dispersion that adapts, this is :math:`1 + (\lambda - 1)\rho` [ScottHolt1982]
[Moulton1986]: :math:`\lambda` is the size of a cluster where the covariate is constant in it, and
zero where it sums to zero in each cluster, so that :math:`d_j = 1 - \rho`.

Covariances are :math:`C_{ik} = f_i f_k\, z_i'Gz_k` with f such that they are exact for two rows
with the same covariates; exact for the identity link, and for the log link with random intercepts.
In linear models V is the mean of :math:`\tau`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.cluster_report.sizes import unit_counts
from ilk.family.inflation import ZeroInflated
from ilk.formula.spec import MEAN
from ilk.prediction.population import random_variance
from ilk.simulate import full_predictors
from ilk.variance.observed import response_variances

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["expected_inflation"]


def expected_inflation(plain: Fitted, mixed: Fitted) -> FloatArray:
    """Design effects of the coefficients of the mean of a model that ignores clusters.

    Parameters
    ----------
    plain : Fitted
        The model without random effects.
    mixed : Fitted
        The model that tells how responses vary together.

    Returns
    -------
    (p,) array
        All nan where the mixed model has no such variances, or not of this form: excess zeros,
        random effects in other predictors than the mean, links without population means.
    """
    terms = mixed.design.terms
    lost = (
        isinstance(mixed.family, ZeroInflated)
        or not mixed.family.link.averages
        or any(term.predictor != MEAN for term in terms)
    )
    if lost:
        return np.full(plain.model.fitted_parts[0].X.shape[1], np.nan)
    influence, assumed = _influence(plain)
    counts = unit_counts(plain.design)[1]
    total, scale = _variances(mixed)
    if plain.model.linear:  # its variance is that of the residuals, whatever they are made of
        assumed = assumed * np.average(total / assumed, weights=counts)
    together = (counts * total) @ influence**2
    for term, G in zip(terms, mixed.estimates.covariances, strict=True):
        together += _shared(term, G, counts, scale[:, None] * influence)
    return np.asarray(together / ((counts * assumed) @ influence**2))


def _influence(plain: Fitted) -> tuple[FloatArray, FloatArray]:
    """(n, p) influence of each unit's response on the coefficients, and (n,) its variance."""
    design, family = plain.design, plain.family
    eta = full_predictors(plain, None)
    trials = design.response.trials
    size = np.ones(len(eta[0])) if trials is None else trials
    slope = family.link.derivative(eta[0])
    assumed = family.variance(eta, trials) / size
    weight = slope**2 / assumed
    total = weight * unit_counts(design)[1]
    Q, R = np.linalg.qr(np.sqrt(total)[:, None] * plain.model.fitted_parts[0].X)
    rows = (slope / assumed / np.sqrt(total))[:, None] * Q
    return np.asarray(np.linalg.solve(R, rows.T).T), assumed


def _variances(mixed: Fitted) -> tuple[FloatArray, FloatArray]:
    """(n,) variance of each unit's response, and the factor f that scales its random part."""
    n, terms = mixed.model.rows, mixed.design.terms
    random = sum(
        (
            random_variance(term.columns, G, n)
            for term, G in zip(terms, mixed.estimates.covariances, strict=True)
        ),
        np.zeros(n),
    )
    if mixed.family.name == "gaussian" and mixed.family.link.name == "identity":
        rest = np.exp(full_predictors(mixed, None)[1])
        return random + rest, np.ones(n)
    eta = mixed.model.linear_predictors(mixed.coef, None)
    found = response_variances(mixed.family, eta, random, [random])
    ratio = np.divide(found.shared[0], random, out=np.zeros(n), where=random > 0.0)
    return found.total, np.sqrt(ratio)


def _shared(term: RandomTerm, G: FloatArray, counts: FloatArray, rows: FloatArray) -> FloatArray:
    """(p,) covariance that a term gives to pairs of different units of a level."""
    codes, levels = term.grouping.codes, len(term.grouping.levels)
    z = np.ones((len(codes), 1)) if term.columns is None else term.columns
    out = np.empty(rows.shape[1])
    own = random_variance(term.columns, G, len(codes))
    for j, row in enumerate(rows.T):
        sums = np.column_stack([np.bincount(codes, counts * row * zq, levels) for zq in z.T])
        out[j] = np.sum((sums @ G) * sums) - counts @ (row**2 * own)
    return out
