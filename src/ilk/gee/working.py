r"""Working correlations: how the rows of a cluster hang together, estimated by moments.

With standardized residuals :math:`e_{ij} = (y_{ij} - \mu_{ij}) / \sqrt{v_{ij}}` of row j of cluster
i, scale :math:`\phi` and :math:`r_{ijk} = e_{ij} e_{ik} / \phi`, the working correlation
:math:`R_{jk}(\alpha)` is

====================  ============================  =============================================
structure             :math:`R_{jk}`                estimate of :math:`\alpha`
====================  ============================  =============================================
independence          0                             none
exchangeable          :math:`\alpha`                mean of r over all pairs
nested                :math:`\alpha_l`, l the       mean of r over the pairs whose innermost
                      innermost group in common     common group is at that level
ar1                   :math:`\alpha^{|t_j-t_k|}`    least squares of r on it over all pairs
m_dependent           :math:`\alpha_d` at distance  mean of r over the pairs at that distance
                      d up to m, else 0
unstructured          :math:`\alpha_{jk}`           mean of r over the clusters with both waves
fixed                 given                         none
====================  ============================  =============================================

(Liang and Zeger 1986, Biometrika 73, p. 13; the equations for :math:`\alpha` weigh all pairs alike,
as Prentice 1988, Biometrics 44, p. 1033, with a working identity.)  No degrees of freedom are taken
off.

What the solver needs of a structure is a factor :math:`W_i` with :math:`W_i' W_i = R_i^{-1}`,
applied to the rows of all clusters at once (`AbstractWorking.whiten`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ilk.errors import ModelError
from ilk.gee.clusters import Clusters
from ilk.gee.pairs import LagMoments, lag_moments
from ilk.typing import FloatArray, IntArray

__all__ = ["SHOWN_ROWS", "AbstractWorking", "Autoregressive", "Compound", "Independence"]


class AbstractWorking(ABC):
    """A working correlation on the clusters of a design.

    Attributes
    ----------
    name : str
        Name that users write.
    clusters : Clusters
        The rows.
    """

    __slots__ = ()

    name: ClassVar[str]
    clusters: Clusters

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Name of each parameter."""

    @abstractmethod
    def estimate(self, e: FloatArray, scale: float) -> FloatArray:
        """Estimate the parameters by moments.

        Parameters
        ----------
        e : (N,) array
            Standardized residuals in the order of the clusters.
        scale : float
            Mean of their squares.

        Returns
        -------
        (q,) array
        """

    @abstractmethod
    def whiten(self, alpha: FloatArray, values: FloatArray) -> FloatArray | None:
        """Apply the factor of the inverse correlation to each cluster.

        Parameters
        ----------
        alpha : (q,) array
            Parameters.
        values : (N, k) array
            Columns in the order of the clusters.

        Returns
        -------
        (N, k) array or None
            W_i times the rows of cluster i; None if some R_i is not positive definite.
        """

    @abstractmethod
    def matrix(self, alpha: FloatArray) -> tuple[tuple[object, ...], FloatArray]:
        """Labels and correlation matrix of one full cluster, to be shown."""


@final
@dataclass(frozen=True, slots=True)
class Independence(AbstractWorking):
    """No correlation within clusters."""

    name: ClassVar[str] = "independence"
    clusters: Clusters

    @property
    def names(self) -> tuple[str, ...]:
        """None."""
        return ()

    def estimate(self, e: FloatArray, scale: float) -> FloatArray:
        """Nothing."""
        return np.zeros(0)

    def whiten(self, alpha: FloatArray, values: FloatArray) -> FloatArray:
        """Leave the values as they are."""
        return values

    def matrix(self, alpha: FloatArray) -> tuple[tuple[object, ...], FloatArray]:
        """Identity for two rows."""
        return ("row", "other row"), np.eye(2)


@final
@dataclass(frozen=True, slots=True)
class Compound(AbstractWorking):
    r"""Exchangeable correlation, in clusters or in subgroups nested in them.

    With levels l = 0 (cluster), ..., L - 1 (innermost) the correlation is
    :math:`R = (1 - \alpha_{L-1}) I + \sum_l (\alpha_l - \alpha_{l-1}) J_l`, where :math:`J_l` is
    one for pairs in a common group of level l and :math:`\alpha_{-1} = 0`.  From the innermost
    level outwards each :math:`J_l` is, in whitened coordinates, a rank-one change
    :math:`I + \delta u u'` of each group, whose inverse root is
    :math:`I - (1 - (1 + \delta |u|^2)^{-1/2}) u u' / |u|^2`.

    Parameters
    ----------
    clusters : Clusters
        The rows.
    name : str
        ``"exchangeable"`` or ``"nested"``.
    labels : tuple of str
        Name of the grouping of each level, clusters first.
    starts : tuple of (G_l,) arrays
        Where the groups of each level begin.
    pairs : (L,) array
        Number of pairs whose innermost common group is at each level.
    """

    clusters: Clusters
    name: str  # type: ignore[misc]
    labels: tuple[str, ...]
    starts: tuple[IntArray, ...]
    pairs: FloatArray

    @classmethod
    def of(cls, clusters: Clusters, labels: tuple[str, ...]) -> Compound:
        """Prepare the structure; refuse levels at which nothing can be estimated."""
        starts = (clusters.starts, *(_begins(inner) for inner in clusters.inner))
        sizes = [np.diff(np.r_[begin, len(clusters.rows)]) for begin in starts]
        within = np.array([float(np.sum(m * (m - 1.0))) / 2.0 for m in sizes])
        pairs = within - np.r_[within[1:], 0.0]
        nested = len(labels) > 1
        for level, count in enumerate(pairs.tolist()):
            if count > 0.0 or not nested:
                continue
            if level == len(labels) - 1:
                raise ModelError(
                    f"Every level of subgroups={labels[level]!r} has a single row in its "
                    f"{labels[level - 1]!r}, so there is no correlation within to estimate: leave "
                    f"{labels[level]!r} out, or use covariance='exchangeable'.",
                    code="subgroups",
                )
            raise ModelError(
                f"Every level of {labels[level]!r} holds a single level of subgroups="
                f"{labels[level + 1]!r}, so the two cannot be told apart: leave one of them out, "
                "or use covariance='exchangeable'.",
                code="subgroups",
            )
        return cls(clusters, "nested" if nested else "exchangeable", labels, starts, pairs)

    @property
    def names(self) -> tuple[str, ...]:
        """One for each level."""
        if len(self.labels) == 1:
            return ("alpha",)
        return tuple(f"within {label}" for label in self.labels)

    def estimate(self, e: FloatArray, scale: float) -> FloatArray:
        """Means over the pairs of each level."""
        squares = e * e
        products = np.array(
            [
                0.5 * float(np.sum(np.add.reduceat(e, s) ** 2 - np.add.reduceat(squares, s)))
                for s in self.starts
            ]
        )
        products -= np.r_[products[1:], 0.0]
        return products / (np.maximum(self.pairs, 1.0) * scale)

    def whiten(self, alpha: FloatArray, values: FloatArray) -> FloatArray | None:
        """One rank-one change for each group, from the innermost level outwards."""
        rest = 1.0 - float(alpha[-1])
        if not rest > _LEAST:
            return None
        delta = np.diff(np.r_[0.0, alpha])
        y: FloatArray = values / np.sqrt(rest)
        u = np.full(len(values), 1.0 / np.sqrt(rest))
        for level in range(len(alpha) - 1, -1, -1):
            starts = self.starts[level]
            sizes = np.diff(np.r_[starts, len(values)])
            size = np.add.reduceat(u * u, starts)
            inflated = 1.0 + delta[level] * size
            if not np.all(inflated > _LEAST):
                return None
            root = 1.0 / np.sqrt(inflated)
            along = np.add.reduceat(u[:, None] * y, starts, axis=0) * ((1.0 - root) / size)[:, None]
            y -= u[:, None] * np.repeat(along, sizes, axis=0)
            u = u * np.repeat(root, sizes)
        return y

    def matrix(self, alpha: FloatArray) -> tuple[tuple[object, ...], FloatArray]:
        """A row against one that shares each level with it."""
        labels = ("row", *(f"same {label}" for label in reversed(self.labels)))
        level = np.r_[1.0, alpha[::-1]]
        n = len(level)
        # row j shares group j-1 (innermost first) with row 0; two others share the outer of theirs
        R = np.array([[1.0 if j == k else level[max(j, k)] for k in range(n)] for j in range(n)])
        return labels, R


@final
@dataclass(frozen=True, slots=True)
class Autoregressive(AbstractWorking):
    r"""Correlation that falls with distance: :math:`\alpha^{|t_j - t_k|}`.

    Distances are in steps.  If they are whole numbers alpha may be negative, else it is not.
    Whitening takes from each row its prediction by the row before.

    Parameters
    ----------
    clusters : Clusters
        The rows.
    moments : LagMoments
        Sums of products by distance.
    """

    name: ClassVar[str] = "ar1"
    clusters: Clusters
    moments: LagMoments

    @classmethod
    def of(cls, clusters: Clusters) -> Autoregressive:
        """Prepare the structure."""
        return cls(clusters, lag_moments(clusters))

    @property
    def names(self) -> tuple[str, ...]:
        """Correlation at a distance of one step."""
        return ("alpha",)

    def estimate(self, e: FloatArray, scale: float) -> FloatArray:
        """Least squares of the products on the correlation, over all pairs."""
        lags, counts = self.moments.lags, self.moments.counts
        if len(lags) == 0:
            return np.zeros(1)
        sums = self.moments.sums(e) / scale
        low = -_NEAR_ONE if self.clusters.whole else _NEAR_ZERO
        return np.array([_fit_power(lags, counts, sums, low)])

    def whiten(self, alpha: FloatArray, values: FloatArray) -> FloatArray | None:
        """Each row minus its prediction by the row before, over its conditional deviation."""
        rho = float(alpha[0])
        if not abs(rho) < 1.0:
            return None
        gap = np.r_[np.inf, np.diff(self.clusters.positions)]
        gap[self.clusters.starts] = np.inf
        known = np.isfinite(gap)
        power = np.zeros(len(gap))
        if rho >= 0.0:
            power[known] = rho ** gap[known]
        else:
            power[known] = np.where(gap[known] % 2.0 == 0.0, 1.0, -1.0) * abs(rho) ** gap[known]
        out = values.copy()
        out[1:] -= power[1:, None] * values[:-1]
        out /= np.sqrt(1.0 - power * power)[:, None]
        return out

    def matrix(self, alpha: FloatArray) -> tuple[tuple[object, ...], FloatArray]:
        """First few distances."""
        size = int(min(self.clusters.largest, SHOWN_ROWS))
        distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
        return tuple(range(1, size + 1)), float(alpha[0]) ** distance


_LEAST = 1e-8
"""Eigenvalue below which a correlation matrix counts as singular."""

_NEAR_ONE = 1.0 - 1e-6
"""Largest autocorrelation."""

_NEAR_ZERO = 1e-9
"""Smallest autocorrelation where distances are fractional."""

SHOWN_ROWS = 6
"""Rows of the correlation matrix that is shown where it goes on in the same way."""


def _begins(numbers: IntArray) -> IntArray:
    return np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])


def _fit_power(lags: FloatArray, counts: FloatArray, sums: FloatArray, low: float) -> float:
    r"""Least-squares alpha of the products on ``alpha ** lag``.

    The loss is :math:`\sum_d N_d \alpha^{2d} / 2 - S_d \alpha^d` with N_d pairs at distance d and
    S_d their sum.  A grid finds the basin of the minimum, the root of the derivative the minimum.
    """
    from scipy.optimize import brentq

    def power(alpha: FloatArray, exponent: FloatArray) -> FloatArray:
        size: FloatArray = np.abs(alpha)[:, None] ** exponent
        odd = (exponent % 2.0 == 1.0) & (alpha < 0.0)[:, None]
        return np.where(odd, -size, size)

    def loss(alpha: FloatArray) -> FloatArray:
        fitted = power(alpha, lags)
        value: FloatArray = (0.5 * fitted * fitted) @ counts - fitted @ sums
        return value

    def slope(alpha: float) -> float:
        at = np.array([alpha])
        gap = counts * power(at, lags)[0] - sums
        return float(np.sum(lags * power(at, lags - 1.0)[0] * gap))

    grid = np.linspace(low, _NEAR_ONE, 401)
    best = int(np.argmin(loss(grid)))
    left, right = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 400)])
    if slope(left) < 0.0 < slope(right):
        return float(brentq(slope, left, right, xtol=1e-15, rtol=8.9e-16))
    return float(grid[best])
