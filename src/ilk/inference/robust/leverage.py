r"""Corrections of clusters' scores for the share of the information that the cluster itself has.

A cluster whose share K_i of the information is large draws the estimate towards itself, so that its
score is too small.  In the coordinates of `ilk.inference.robust.df`

=========  ================================  =====================================================
CR0, CR1   :math:`C_i = I`                   Huber; Liang and Zeger (1986)
CR2        :math:`C_i = (I - K_i)^{-1/2}`    Bell and McCaffrey (2002); Kauermann and Carroll (2001)
CR3        :math:`C_i = (I - K_i)^{-1}`      a Newton step of the jackknife by clusters
=========  ================================  =====================================================

Scores have p numbers whatever the size of a cluster, and so has this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import FitError
from ilk.fitted import Lazy
from ilk.frame import quote
from ilk.inference.robust.df import Contributions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.inference.robust.df import ClusterSums
    from ilk.typing import FloatArray

__all__ = ["corrected", "uncorrected"]

_WHOLE = 1e-4
"""How near to one the share of the information on a direction is all of it."""


def uncorrected(sums: ClusterSums) -> Contributions:
    """Scores as they are (CR0, CR1).

    Parameters
    ----------
    sums : ClusterSums
        Of the clusters.
    """

    def moments() -> tuple[FloatArray, FloatArray]:
        K = sums.informations()
        return K, K

    return Contributions(sums.root, sums.scores, moments, sums.copies)


def corrected(
    sums: ClusterSums, power: float, labels: Sequence[object], unit: str, kind: str
) -> Contributions:
    """Scores times ``(I - K_i)`` to a power: -1/2 for CR2, -1 for CR3.

    Parameters
    ----------
    sums : ClusterSums
        Of the clusters.
    power : float
        The power.
    labels : sequence
        Labels of the clusters, for messages.
    unit, kind : str
        What the clusters are and which kind this is, for messages.

    Raises
    ------
    FitError
        The information of a cluster exceeds that of all together.

    Notes
    -----
    Along a direction that a cluster alone determines (`ilk.inference.robust.sole`) its score is
    zero, and stays so.
    """
    values, vectors = np.linalg.eigh(sums.informations())
    over = values[:, -1] > 1.0 + _WHOLE
    if over.any():
        label = quote(labels[int(np.argmax(over))])
        raise FitError(
            f"{kind} does not exist: cluster {label} of {unit!r} has more information on a "
            "combination of the parameters than all clusters together, as happens where a variance "
            "or a dispersion is nearly zero. Use 'CR1', or leave that term out.",
            code="leverage",
        )
    solid = values < 1.0 - _WHOLE
    factor = np.where(solid, np.where(solid, 1.0 - values, 1.0) ** power, 0.0)
    along = np.einsum("mji,mj->mi", vectors, sums.scores)
    scores = np.einsum("mij,mj->mi", vectors, factor * along)

    def moments() -> tuple[FloatArray, FloatArray]:
        return _rebuild(vectors, factor * values), _rebuild(vectors, factor**2 * values)

    return Contributions(sums.root, scores, Lazy(moments), sums.copies)


def _rebuild(vectors: FloatArray, values: FloatArray) -> FloatArray:
    """Symmetric matrices (m, k, k) from eigenvectors and new eigenvalues (m, k)."""
    return np.asarray((vectors * values[:, None, :]) @ vectors.transpose(0, 2, 1))
