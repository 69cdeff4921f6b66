r"""Sums over clusters that a sandwich is made of, and Satterthwaite degrees of freedom of it.

Everything is in coordinates in which the model-based covariance matrix of the parameters is the
identity: with the joint information A and :math:`A^{-1} = L L'`, cluster i has the score
:math:`t_i = L's_i` and the information :math:`K_i = L'A_iL`, and the :math:`K_i` sum to the
identity.  A kind of sandwich replaces :math:`t_i` by :math:`c_i = C_i t_i`, and the coefficients
have covariance matrix

.. math:: R\,\Big(\sum_i c_i c_i'\Big) R', \qquad R = \text{rows of } L \text{ of coefficients}.

If the model is right, :math:`c_i - a` terms have the covariances
:math:`\delta_{ij} Q_i - E_i E_j'` with :math:`E_i = C_iK_i` and :math:`Q_i = C_iK_iC_i'`, and the
variance of a contrast l is a quadratic form.  Two moments give the degrees of freedom
[BellMcCaffrey2002; PustejovskyTipton2018]: with :math:`\lambda = R'l`,
:math:`a_i = E_i'\lambda`, :math:`d_i = \lambda'Q_i\lambda`,

.. math:: \nu = \frac{(\sum_i d_i - a_i'a_i)^2}
   {\sum_i d_i (d_i - 2 a_i'a_i) + \sum_{ij} (a_i'a_j)^2} .

Derivation: docs/derivations/robust.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ilk.typing import FloatArray

__all__ = ["ClusterSums", "Contributions", "satterthwaite"]


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """Scores and informations of clusters in whitened coordinates.

    Parameters
    ----------
    root : (P, k) array
        R, which takes whitened parameters to coefficients.
    scores : (m, k) array
        t_i.
    informations : callable
        Gives the K_i, (m, k, k).
    copies : (m,) array
        How many independent clusters each one stands for (frequency weights of rows).
    """

    root: FloatArray
    scores: FloatArray
    informations: Callable[[], FloatArray]
    copies: FloatArray

    @property
    def count(self) -> float:
        """Number of independent clusters."""
        return float(self.copies.sum())


@dataclass(frozen=True, slots=True)
class Contributions:
    """What the clusters contribute to a sandwich of some kind.

    Parameters
    ----------
    root : (P, k) array
        R.
    scores : (m, k) array
        c_i.
    moments : callable
        Gives E_i and Q_i, each (m, k, k).
    copies : (m,) array
        How many independent clusters each one stands for.
    """

    root: FloatArray
    scores: FloatArray
    moments: Callable[[], tuple[FloatArray, FloatArray]]
    copies: FloatArray

    def covariance(self) -> FloatArray:
        """(P, P) covariance matrix of the coefficients."""
        effects = self.scores @ self.root.T
        return np.asarray((effects * self.copies[:, None]).T @ effects)


def satterthwaite(of: Contributions, contrast: FloatArray) -> float:
    """Degrees of freedom of the variance of a contrast; nan where it has none.

    Parameters
    ----------
    of : Contributions
        Of the clusters.
    contrast : (P,) array
        Weights l of the coefficients.
    """
    E, Q = of.moments()
    along = of.root.T @ np.asarray(contrast, dtype=np.float64)
    a = np.einsum("mjk,j->mk", E, along)
    d = np.einsum("mjk,j,k->m", Q, along, along)
    length = np.einsum("mk,mk->m", a, a)
    gram = (a * of.copies[:, None]).T @ a
    mean = float(of.copies @ (d - length))
    spread = float(of.copies @ (d * (d - 2.0 * length)) + np.sum(gram * gram))
    return mean * mean / spread if mean > 0.0 and spread > 0.0 else math.nan
