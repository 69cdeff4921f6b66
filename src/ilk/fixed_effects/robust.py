r"""Sandwich covariance, robust to any dependence within clusters.

.. math:: \hat V = c\, B \Bigl(\sum_g u_g u_g'\Bigr) B, \qquad
   c = \frac{G}{G - 1} \cdot \frac{n - 1}{n - p}

with the inverse information B, the sum of scores u_g of cluster g, and p the number of coefficients
and one (Liang and Zeger 1986; Cameron and Miller 2015, section II.C): parameters of clusters that
are nested in the clusters of the sandwich are not counted.
"""

from __future__ import annotations

import numpy as np

from ilk.typing import FloatArray, IntArray

__all__ = ["clustered"]


def clustered(
    bread: FloatArray,
    scores: FloatArray,
    codes: IntArray,
    count: int,
    nobs: int,
    *,
    parameters: int,
) -> FloatArray:
    """Compute the sandwich.

    Parameters
    ----------
    bread : (q, q) array
        Covariance matrix by the model.
    scores : (n, q) array
        Scores of the rows.
    codes : (n,) array
        Cluster of each row.
    count, nobs, parameters : int
        Number of clusters, observations, parameters.

    Returns
    -------
    (q, q) array
    """
    sums = np.column_stack(
        [np.bincount(codes, scores[:, j], count) for j in range(scores.shape[1])]
    )
    factor = count / max(count - 1, 1) * (nobs - 1) / max(nobs - parameters, 1)
    half = sums @ bread
    robust: FloatArray = factor * (half.T @ half)
    return robust
