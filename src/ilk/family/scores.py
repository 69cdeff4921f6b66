r"""Log probabilities of categories from linear scores.

With scores :math:`s_j = \sum_k B_{jk} \eta_k` the probabilities are :math:`p_j \propto e^{s_j}`,
and the derivatives of :math:`\log p_y = s_y - \log \sum_j e^{s_j}` are moments of the rows of B:

.. math:: \partial_k = B_{yk} - E B_k, \qquad \partial_{kl} = -Cov(B_k, B_l), \qquad
   \partial_{klm} = -E (B_k - E B_k)(B_l - E B_l)(B_m - E B_m).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from ilk.num import jets
from ilk.num.jets import Jet, pair, triple
from ilk.typing import FloatArray

__all__ = ["log_share", "log_shares"]


def log_shares(scores: FloatArray) -> FloatArray:
    """Logarithms (J, n) of shares proportional to exp(scores), without cancellation.

    Parameters
    ----------
    scores : ndarray (J, n)
        Scores of any size.

    Examples
    --------
    >>> import numpy as np
    >>> log_shares(np.array([[1e9], [1e9], [1e9 - 40.0]])).ravel().round(4)
    array([ -0.6931,  -0.6931, -40.6931])
    """
    away = scores - np.max(scores, axis=0)
    return np.asarray(away - np.log(np.sum(np.exp(away), axis=0)))


def log_share(category: int, B: FloatArray, eta: Sequence[Any]) -> Any:
    """Logarithm of the probability of a category.

    Parameters
    ----------
    category : int
        Which, from 0.
    B : ndarray (J, K)
        Scores of the categories per unit of each predictor.
    eta : sequence of K jets, or ndarrays (n,)
        Linear predictors; constants may stand beside jets.

    Returns
    -------
    jet or ndarray (n,)

    Examples
    --------
    >>> import numpy as np
    >>> B = np.array([[0.0], [1.0], [2.0]])
    >>> np.exp(log_share(1, B, [np.array([0.0])])).round(4)
    array([0.3333])
    """
    values = np.stack([np.asarray(jets.value(x), dtype=np.float64) for x in eta])
    logs = log_shares(B @ values)
    value = logs[category]
    if not any(isinstance(x, Jet) for x in eta):
        return value
    p = np.exp(logs)
    away = B[:, :, None] - (B.T @ p)[None]  # (J, K, n)
    return _compose(category, value, p, away, eta)


def _compose(
    category: int, value: FloatArray, p: FloatArray, away: FloatArray, eta: Sequence[Any]
) -> Jet:
    """Jet of the log probability, the predictors being jets in any variables."""
    moving = [(k, x) for k, x in enumerate(eta) if isinstance(x, Jet)]
    like = moving[0][1]
    n, m, order = len(value), like.variables, like.order

    def in_scores(parts: Sequence[FloatArray]) -> FloatArray:
        """Derivatives (J, .., n) of the scores, less their mean over the categories."""
        total = np.zeros((len(away), len(parts[0]), n))
        for (k, _), part in zip(moving, parts, strict=True):
            total += away[:, k, None] * part[None]
        return total

    none = np.zeros((0, n))
    if order == 0:
        return Jet(value, none, none, none, 0)
    slope = in_scores([x.first for _, x in moving])
    if order == 1:
        return Jet(value, slope[category], none, none, 1)
    bend = in_scores([x.second for _, x in moving])
    second = bend[category].copy()
    for a, b in combinations_with_replacement(range(m), 2):
        second[pair(a, b)] -= np.sum(p * slope[:, a] * slope[:, b], axis=0)
    if order == 2:
        return Jet(value, slope[category], second, none, 2)
    third = in_scores([x.third for _, x in moving])[category]
    for a, b, c in combinations_with_replacement(range(m), 3):
        mixed = slope[:, a] * slope[:, b] * slope[:, c]
        mixed += bend[:, pair(a, b)] * slope[:, c]
        mixed += bend[:, pair(a, c)] * slope[:, b]
        mixed += bend[:, pair(b, c)] * slope[:, a]
        third[triple(a, b, c)] -= np.sum(p * mixed, axis=0)
    return Jet(value, slope[category], second, third, 3)
