r"""Likelihood of counts given each cluster's total: multinomial.

Given their sum t, independent Poisson counts with means :math:`e^{\alpha + \eta_i}` are multinomial
with probabilities :math:`p_i = e^{\eta_i} / \sum_j e^{\eta_j}` (Fisher 1950).  The cluster's
parameter has cancelled; maximizing over it instead gives the same estimates of the others, so for
counts the two roads lead to one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.fixed_effects.subsets import Evaluated
from ilk.typing import FloatArray, IntArray

__all__ = ["Multinomial"]


@final
@dataclass(frozen=True, slots=True)
class Multinomial:
    """Conditional likelihood of counts, ready to be evaluated.

    Parameters
    ----------
    y : (n,) array
        Counts; with frequency weights, the sum over the identical rows.
    frequency : (n,) array or None
        Number of identical rows.
    codes : (n,) array
        Cluster of each row.
    size : int
        Number of clusters.
    totals : (L,) array
        Sums of the counts.
    """

    y: FloatArray
    frequency: FloatArray | None
    codes: IntArray
    size: int
    totals: FloatArray

    def evaluate(self, eta: FloatArray, X: FloatArray) -> Evaluated:
        """Log-likelihood, residuals and information.

        Parameters
        ----------
        eta : (n,) array
            Linear predictors, but for the clusters' own parameters.
        X : (n, p) array
            Columns, best centered within clusters.
        """
        top = np.full(self.size, -np.inf)
        np.maximum.at(top, self.codes, eta)
        shifted = eta - top[self.codes]
        each = np.exp(shifted)
        share = each if self.frequency is None else self.frequency * each
        sums = np.bincount(self.codes, share, self.size)
        value = float(self.y @ (shifted - np.log(sums)[self.codes]))
        mean = self.totals[self.codes] * share / sums[self.codes]
        centers = np.empty((self.size, X.shape[1]))
        for j, x in enumerate(X.T):
            centers[:, j] = np.bincount(self.codes, share * x, self.size) / sums
        left = X - centers[self.codes]
        information = left.T @ (mean[:, None] * left)
        return Evaluated(value, self.y - mean, information)
