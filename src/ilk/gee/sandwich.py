r"""Covariance matrices of the coefficients of generalized estimating equations.

With :math:`A = \sum_i D_i' V_i^{-1} D_i`, :math:`B_i = D_i' V_i^{-1} D_i` and scores
:math:`g_i = D_i' V_i^{-1} (y_i - \mu_i)`, p coefficients, K clusters and N rows:

=====================  ===========================================================================
``model``              :math:`\phi A^{-1}`: right if the working covariance is
``robust``             :math:`A^{-1} (\sum_i g_i g_i') A^{-1}` (Liang and Zeger 1986)
``kauermann_carroll``  with :math:`(I - B_i A^{-1})^{-1/2} g_i` (Kauermann and Carroll 2001, JASA
                       96, p. 1387)
``mancl_derouen``      with :math:`(I - B_i A^{-1})^{-1} g_i` (Mancl and DeRouen 2001, Biometrics
                       57, p. 126)
``fay_graubard``       with elements of :math:`g_i` over
                       :math:`(1 - \min(0.75, [B_i A^{-1}]_{jj}))^{1/2}` (Fay and Graubard 2001,
                       Biometrics 57, p. 1198)
``morel``              :math:`c V + \delta_K \xi M` with V the robust and M the model-based
                       matrix, :math:`c = \frac{N - 1}{N - p} \frac{K}{K - 1}`,
                       :math:`\delta_K = \min(\tfrac12, \frac{p}{K - p})` and
                       :math:`\xi = \max(1, \operatorname{tr}(M^{-1} c V) / p)`
                       (Morel, Bokossa and Neerchal 2003, Biometrical Journal 45, p. 395)
=====================  ===========================================================================

The corrections are usually written with leverages :math:`H_i = D_i A^{-1} D_i' V_i^{-1}` of all
rows of a cluster.  Since :math:`D_i' V_i^{-1} f(H_i) = f(B_i A^{-1}) D_i' V_i^{-1}` for any power
series f, matrices of p rows are enough, however large the clusters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from ilk.errors import FitError, ModelError, did_you_mean
from ilk.frame import quote

if TYPE_CHECKING:
    from ilk.gee.clusters import Clusters
    from ilk.gee.solve import Whitened
    from ilk.typing import FloatArray

__all__ = ["KIND_NAMES", "StandardErrors", "check_kind", "covariance"]

StandardErrors: TypeAlias = Literal[
    "robust", "model", "kauermann_carroll", "mancl_derouen", "fay_graubard", "morel"
]
"""Kinds of covariance matrices."""

KIND_NAMES: dict[str, str] = {
    "robust": "robust (sandwich by cluster)",
    "model": "model-based: right only if the working correlation is",
    "kauermann_carroll": "robust, Kauermann-Carroll correction for few clusters",
    "mancl_derouen": "robust, Mancl-DeRouen correction for few clusters",
    "fay_graubard": "robust, Fay-Graubard correction for few clusters",
    "morel": "robust, Morel-Bokossa-Neerchal correction for few clusters",
}
"""What each kind is called in tables."""

_BOUND = 0.75
"""Bound b of Fay and Graubard."""

_BLOCK = 4096
"""Clusters that are treated at once."""


def check_kind(kind: str) -> StandardErrors:
    """Check the name of a kind of standard error."""
    if kind not in get_args(StandardErrors):
        raise ModelError(
            f"std_errors={kind!r} is not known; choose one of "
            f"{', '.join(map(repr, get_args(StandardErrors)))}."
            + did_you_mean(str(kind), get_args(StandardErrors)),
            code="std-errors",
        )
    return kind  # type: ignore[return-value]


def covariance(
    kind: StandardErrors, white: Whitened, scale: float, clusters: Clusters
) -> FloatArray:
    """Covariance matrix of the coefficients.

    Parameters
    ----------
    kind : str
        Which.
    white : Whitened
        Whitened derivatives and residuals at scale one.
    scale : float
        Scale.
    clusters : Clusters
        Clusters.

    Returns
    -------
    (p, p) array

    Raises
    ------
    FitError
        A correction does not exist: one cluster alone determines a coefficient.
    """
    inverse = np.asarray(np.linalg.inv(white.information), dtype=np.float64)
    if kind == "model":
        return scale * _symmetric(inverse)
    if kind == "morel":
        return _morel(inverse, white, scale, clusters)
    scores = clusters.sums(white.D * white.e[:, None])
    if kind != "robust":
        scores = _corrected(kind, scores, white, clusters)
    root = scores @ inverse
    return root.T @ root


def _morel(inverse: FloatArray, white: Whitened, scale: float, clusters: Clusters) -> FloatArray:
    K, (N, p) = clusters.count, white.D.shape
    robust = covariance("robust", white, scale, clusters)
    if p >= K or p >= N:
        raise FitError(
            f"The Morel-Bokossa-Neerchal correction needs more clusters ({K}) than coefficients "
            f"({p}).",
            code="few-clusters",
        )
    inflated = (N - 1.0) / (N - p) * K / (K - 1.0) * robust
    share = min(0.5, p / (K - p))
    design = max(1.0, float(np.trace(white.information @ inflated)) / (scale * p))
    return _symmetric(inflated + share * design * scale * inverse)


def _corrected(
    kind: StandardErrors, scores: FloatArray, white: Whitened, clusters: Clusters
) -> FloatArray:
    """Scores (K, p) of the clusters, corrected for their leverage."""
    root = np.linalg.cholesky(np.linalg.inv(white.information))  # A^-1 = L L'
    inverse = root @ root.T
    bounds = np.r_[clusters.starts, len(white.D)]
    out = np.empty_like(scores)
    for first in range(0, clusters.count, _BLOCK):
        last = min(first + _BLOCK, clusters.count)
        blocks = [white.D[bounds[k] : bounds[k + 1]] for k in range(first, last)]
        B = np.array([block.T @ block for block in blocks])
        if kind == "fay_graubard":
            leverage = np.einsum("kij,ji->ki", B, inverse)
            out[first:last] = scores[first:last] / np.sqrt(1.0 - np.minimum(leverage, _BOUND))
            continue
        values, vectors = np.linalg.eigh(root.T @ B @ root)
        _refuse_leverage(values, first, clusters)
        rest = 1.0 - values
        factor = 1.0 / (np.sqrt(rest) if kind == "kauermann_carroll" else rest)
        along = np.einsum("kji,kj->ki", vectors, scores[first:last] @ root)
        turned = np.einsum("kij,kj->ki", vectors, factor * along)
        out[first:last] = np.linalg.solve(root.T, turned.T).T
    return out


def _refuse_leverage(values: FloatArray, first: int, clusters: Clusters) -> None:
    whole = values[:, -1] > 1.0 - 1e-8
    if whole.any():
        label = clusters.labels[first + int(np.argmax(whole))]
        raise FitError(
            f"Cluster {quote(label)} alone determines a coefficient, so this correction for few "
            "clusters does not exist: use std_errors='fay_graubard' or 'robust', or leave out the "
            "term that only this cluster informs.",
            code="leverage",
        )


def _symmetric(matrix: FloatArray) -> FloatArray:
    return 0.5 * (matrix + matrix.T)
