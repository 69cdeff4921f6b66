r"""Means and covariances of random effects of nested factors given the data, by quadrature.

Given the effect a of an outer level, the effects of the levels inside are independent, each with an
integral of its own:

.. math:: p(a \mid y) \propto \varphi(a) \prod_{j} I_j(a), \qquad
          I_j(a) = \int \prod_{i \in j} f(y_i \mid \eta_i + z_i a + w_i' b)\, \varphi(b)\, db,

and the moments of b are those given a, averaged over the density of a.  Both integrals are adaptive
Gauss-Hermite sums, the inner ones centered anew at every node of the outer one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.inference.clusters import is_nested
from ilk.model.dependence import dependent_groups
from ilk.num.quadrature import gauss_hermite
from ilk.num.stable import logsumexp
from ilk.prediction.level_quadrature import INNER, LevelMoments, LevelProblem

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["nested_moments", "nested_terms"]

_OUTER = 25


def nested_terms(fitted: Fitted) -> tuple[list[int], list[int]] | None:
    """Terms of the outer and of the inner factor; None if quadrature has no use here.

    There are to be two factors, one nested in the other, with one effect for each outer level and
    one or two for each inner one, and the levels independent.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    terms = fitted.design.terms
    names = list(dict.fromkeys(term.grouping.name for term in terms))
    if len(names) != 2 or dependent_groups(fitted.design):
        return None
    sets = [[t for t, term in enumerate(terms) if term.grouping.name == name] for name in names]
    codes = [terms[members[0]].grouping.codes for members in sets]
    if is_nested(codes[0], codes[1]):
        sets = sets[::-1]
    elif not is_nested(codes[1], codes[0]):
        return None
    widths = [sum(len(terms[t].column_names) for t in members) for members in sets]
    return (sets[0], sets[1]) if widths[0] == 1 and widths[1] in INNER else None


def nested_moments(fitted: Fitted, psi: FloatArray) -> LevelMoments:
    """Compute means and covariances of the effects of all levels of two nested factors.

    Parameters
    ----------
    fitted : Fitted
        A fit with two nested factors (`nested_terms`).
    psi : (m,) array
        Parameters.

    Returns
    -------
    LevelMoments
    """
    found = nested_terms(fitted)
    assert found is not None
    (outer,), inner = found[0], found[1]
    above = LevelProblem(fitted, psi, [outer])
    below = LevelProblem(fitted, psi, inner)
    parent = np.zeros(below.levels, dtype=np.intp)
    parent[below.codes] = above.codes
    center, spread = _outer_scale(fitted, outer, float(above.roots[0][0, 0]))
    fixed = below.fixed
    nodes, weights = gauss_hermite(_OUTER)
    heights = np.empty((_OUTER, above.levels))
    means, covariances, start = [], [], None
    for k, x in enumerate(nodes):
        a = center + spread * x
        mine = a[above.codes]
        below.fixed = [e + Z[:, 0] * mine for e, Z in zip(fixed, above.Z, strict=True)]
        integral, mean, covariance = below.integrate(INNER[below.q], start)
        heights[k] = np.bincount(parent, integral, above.levels)
        heights[k] += np.log(weights[k]) + 0.5 * x * x - 0.5 * a * a
        means.append(mean)
        covariances.append(covariance)
        start = mean
    shares = np.exp(heights - logsumexp(heights, 0))
    at = center + spread * nodes[:, None]
    a_mean = np.sum(shares * at, axis=0)
    a_variance = np.sum(shares * (at - a_mean) ** 2, axis=0)
    mine = shares[:, parent]
    b = np.array(means)
    b_mean = np.einsum("kl,kli->li", mine, b)
    apart = b - b_mean
    b_covariance = np.einsum("kl,klij->lij", mine, np.array(covariances)) + np.einsum(
        "kl,kli,klj->lij", mine, apart, apart, optimize=True
    )
    first = above.to_effects(a_mean[:, None], a_variance[:, None, None])
    second = below.to_effects(b_mean, b_covariance)
    order = np.argsort([outer, *inner])
    return LevelMoments(
        tuple((*first[0], *second[0])[i] for i in order),
        tuple((*first[1], *second[1])[i] for i in order),
    )


def _outer_scale(fitted: Fitted, outer: int, root: float) -> tuple[FloatArray, FloatArray]:
    """Center and spread of the standardized outer effects, from mode and curvature of the fit."""
    mode = fitted.estimates.modes[outer][:, 0]
    variance = fitted.mode_covariance()[outer][:, 0, 0]
    if not abs(root) > 1e-8 * max(1.0, float(np.abs(mode).max(initial=0.0))):
        return np.zeros_like(mode), np.ones_like(mode)
    return mode / root, np.clip(np.sqrt(np.maximum(variance, 0.0)) / abs(root), 1e-3, 1.0)
