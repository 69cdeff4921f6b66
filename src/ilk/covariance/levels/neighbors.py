r"""Areas that are alike where they are neighbors.

With W the matrix of neighbors (1, or weights), D its row sums and :math:`R = D - W`:

* **icar**: the intrinsic autoregression, precision R, effects that sum to zero in every connected
  part of the map (Besag, York and Mollie 1991);
* **car**: precision :math:`D - \rho W`, :math:`0 < \rho < 1`;
* **leroux**: precision :math:`\rho R + (1 - \rho) I` (Leroux, Lei and Breslow 2000);
* **bym2**: covariance :math:`\rho R^- + (1 - \rho) I`, a share :math:`\rho` (reported as phi) of
  the variance in space, the rest of each area alone (Riebler and others 2016, Stat. Methods Med.
  Res. 25, 1145-1165).

R is scaled, in each connected part, such that the geometric mean of the variances of the intrinsic
field is one (Sorbye and Rue 2014, Spatial Statistics 8, 39-51): variances then mean the same on
every map.  An area without neighbors is on its own, with the variance one (Freni-Sterrantino,
Ventrucci and Rue 2018, Spat. Spatiotemporal Epidemiol. 26, 25-34).

All precision matrices are sparse.  Those of icar and bym2 have effects beside those of the areas:
means of a few of them (:mod:`.sums`), and the parts in space, u, of the effects
:math:`b = \sqrt\rho\, u + \sqrt{1 - \rho}\, v`:

.. math:: Q = \begin{pmatrix} I & -\sqrt\rho\, I \\ -\sqrt\rho\, I & \rho I + (1 - \rho) R
   \end{pmatrix} / (1 - \rho).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, final, get_args

import numpy as np

from ilk.covariance.levels.angles import first_branch
from ilk.covariance.levels.arrays import labels_from_arrays, labels_to_arrays
from ilk.covariance.levels.base import AbstractLevels, Precision
from ilk.covariance.levels.spectrum import MixedDeterminant
from ilk.covariance.levels.sums import Sums, sums_of
from ilk.errors import DataError, ModelError, did_you_mean
from ilk.frame import listing, quote
from ilk.typing import FloatArray, IntArray

__all__ = ["Autoregression", "Neighbors"]

Autoregression: TypeAlias = Literal["icar", "car", "leroux", "bym2"]
"""Models of areas."""

_EDGE = 1e-6
"""How near rho comes to 0 and 1."""


@final
@dataclass(frozen=True, slots=True)
class Neighbors(AbstractLevels):
    """A map of areas.

    Attributes
    ----------
    names : tuple of L labels
        Areas.
    first, second : ndarrays (e,) of int
        Pairs of neighbors, each pair once.
    weights : ndarray (e,)
        Weights of the pairs, positive.
    model : {"icar", "car", "leroux", "bym2"}
        The autoregression.
    parts : int
        Number of connected parts, areas without neighbors among them.
    alone : int
        Number of areas without neighbors.
    """

    kind = "map"

    names: tuple[Hashable, ...]
    first: IntArray
    second: IntArray
    weights: FloatArray
    model: Autoregression = "bym2"
    parts: int = field(init=False)
    alone: int = field(init=False)
    _pattern: tuple[IntArray, IntArray] = field(init=False, repr=False)
    _values: FloatArray = field(init=False, repr=False)  # (nnz, k): parts that are mixed
    _determinant: float | MixedDeterminant = field(init=False, repr=False)
    _levels: tuple[Hashable, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.model not in get_args(Autoregression):
            raise ModelError(
                f"model={self.model!r} is not known; choose from "
                f"{', '.join(map(repr, get_args(Autoregression)))}."
                f"{did_you_mean(str(self.model), get_args(Autoregression))}",
                code="choice",
            )
        first, second = np.asarray(self.first), np.asarray(self.second)
        weights = np.asarray(self.weights, dtype=np.float64)
        _check(self.names, first, second, weights)
        object.__setattr__(self, "weights", weights)
        sums = sums_of(first, second, len(self.names))
        object.__setattr__(self, "parts", len(sums.sizes))
        object.__setattr__(self, "alone", int(np.sum(sums.sizes == 1)))
        build = {"icar": self._intrinsic, "bym2": self._joint}.get(self.model, self._mixed)
        build(_laplacian(first, second, weights, len(self.names)), sums)

    def _intrinsic(self, R: Any, sums: Sums) -> None:
        """Areas, then means."""
        scaled = _scaled(R, sums)
        Q = sums.precision(scaled)
        names = [f"mean {k + 1}" for k in range(Q.shape[0] - len(self.names))]
        self._keep([Q], sums.log_det(scaled), (*self.names, *names))

    def _joint(self, R: Any, sums: Sums) -> None:
        """Areas, their parts in space, then means."""
        from scipy import sparse

        count = len(self.names)
        scaled = _scaled(R, sums)
        Q = sums.precision(scaled)
        more = Q.shape[0] - count
        eye = sparse.identity(count)
        wide = sparse.hstack([eye, sparse.csr_matrix((count, more))])
        own = sparse.block_diag([eye, sparse.csr_matrix(Q.shape)])
        cross = sparse.bmat([[None, wide], [wide.T, sparse.csr_matrix(Q.shape)]])
        among = sparse.block_diag([sparse.csr_matrix((count, count)), wide.T @ wide])
        field = sparse.block_diag([sparse.csr_matrix((count, count)), Q])
        names = [f"{name}, in space" for name in self.names]
        names += [f"mean {k + 1}" for k in range(more)]
        self._keep([field, own, cross, among], sums.log_det(scaled), (*self.names, *names))

    def _mixed(self, R: Any, sums: Sums) -> None:
        """Areas alone, with R (scaled for leroux; for car with D set apart)."""
        from scipy import sparse

        alone = (sums.sizes == 1)[sums.parts].astype(np.float64)
        if self.model == "leroux":
            A = (_scaled(R, sums) + sparse.diags(alone)).tocsr()
            self._keep([A, sparse.identity(len(alone))], MixedDeterminant(A), self.names)
            return
        D = sparse.diags(R.diagonal() + alone)
        root = sparse.diags(1.0 / np.sqrt(D.diagonal()))
        A = (R + sparse.diags(alone)).tocsr()  # an area alone has no neighbors: 1 for all rho
        self._keep([A, D], MixedDeterminant((root @ A @ root).tocsr()), self.names)

    def _keep(
        self,
        parts: list[Any],
        determinant: float | MixedDeterminant,
        levels: tuple[Hashable, ...],
    ) -> None:
        """Lower triangles of the parts, on one pattern."""
        from scipy import sparse

        union = sparse.tril(sum(abs(part) for part in parts), format="csc")
        union.sort_indices()
        order = union.shape[0]
        columns = np.repeat(np.arange(order), np.diff(union.indptr))
        keys = columns * order + union.indices
        values = np.zeros((len(keys), len(parts)))
        for k, part in enumerate(parts):
            lower = sparse.tril(part, format="coo")
            at = np.searchsorted(keys, lower.col.astype(np.int64) * order + lower.row)
            np.add.at(values[:, k], at, lower.data)
        pattern = (union.indices.astype(np.int32), columns.astype(np.int32))
        object.__setattr__(self, "_pattern", pattern)
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_determinant", determinant)
        object.__setattr__(self, "_levels", levels)

    @property
    def levels(self) -> tuple[Hashable, ...]:
        """Names of the areas, then of their parts in space and of means."""
        return self._levels

    @property
    def parameters(self) -> tuple[str, ...]:
        """Name rho, called phi with bym2; the intrinsic field has none."""
        return {"icar": (), "bym2": ("phi",)}.get(self.model, ("rho",))

    def places(self) -> Mapping[Hashable, int]:
        """Position of every area."""
        return {name: k for k, name in enumerate(self.names)}

    def start(self) -> FloatArray:
        """Rho of a half."""
        return np.asarray(self.starts(1)[0], dtype=np.float64)

    def starts(self, count: int) -> FloatArray:
        """Rho of a half, then smaller and larger ones."""
        if self.model == "icar":
            return np.zeros((1, 0))
        return np.array(np.arcsin(np.sqrt([[0.5], [0.1], [0.95]])))[:count]

    def natural(self, theta: FloatArray) -> FloatArray:
        """Rho, between 0 and 1."""
        return np.sin(theta) ** 2

    def canonical(self, theta: FloatArray) -> FloatArray:
        """Angle of rho between 0 and a right one."""
        return first_branch(theta)

    def precision(self, theta: FloatArray) -> Precision:
        """Precision matrix of areas, parts in space and means."""
        shares, slopes, log_det, log_slope = self._shares(theta)
        return Precision(
            order=len(self._levels),
            rows=self._pattern[0],
            columns=self._pattern[1],
            values=self._values @ shares,
            log_det=log_det,
            slope=self._values @ slopes,
            log_det_slope=log_slope,
        )

    def _shares(self, theta: FloatArray) -> tuple[FloatArray, FloatArray, float, FloatArray]:
        """Shares of the parts of Q, their derivatives, log|Q| and its derivative."""
        still = self._determinant
        if self.model == "icar":
            assert isinstance(still, float)
            return np.ones(1), np.zeros((1, 0)), still, np.zeros(0)
        angle = float(theta[0])
        rho, slope = math.sin(angle) ** 2, math.sin(2.0 * angle)
        if not _EDGE < rho < 1.0 - _EDGE:
            rho, slope = min(max(rho, _EDGE), 1.0 - _EDGE), 0.0
        rest, count = 1.0 - rho, len(self.names)
        if self.model == "bym2":
            assert isinstance(still, float)
            root = math.sqrt(rho)
            shares = np.array([1.0, 1.0, -root, rho]) / rest
            shares[0] = 1.0
            changes = np.array([0.0, 1.0, -0.5 * (1.0 + rho) / root, 1.0]) / rest**2
            value, change = still - count * math.log(rest), count / rest
            return shares, slope * changes[:, None], value, np.array([slope * change])
        assert isinstance(still, MixedDeterminant)
        value, change = still.at(rho)
        if self.model == "car":
            value += float(np.log(self._values[self._pattern[0] == self._pattern[1], 1]).sum())
        shares, changes = np.array([rho, rest]), np.array([[1.0], [-1.0]])
        return shares, slope * changes, value, np.array([slope * change])

    def to_arrays(self) -> dict[str, Any]:
        """Areas, borders and the model."""
        return {
            "structure": self.kind,
            **labels_to_arrays(self.names),
            "first": np.asarray(self.first),
            "second": np.asarray(self.second),
            "weights": np.asarray(self.weights),
            "model": self.model,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Neighbors:
        """Map from what `to_arrays` gave."""
        return cls(
            labels_from_arrays(arrays),
            arrays["first"],
            arrays["second"],
            arrays["weights"],
            str(arrays["model"]),  # type: ignore[arg-type]
        )

    def describe(self) -> str:
        """Say which model on which map."""
        words = {
            "icar": "intrinsic autoregression (scaled)",
            "car": "proper conditional autoregression",
            "leroux": "Leroux autoregression (scaled)",
            "bym2": "BYM2: scaled intrinsic autoregression and independent areas",
        }
        said = f"{words[self.model]} on {len(self.names)} areas with {len(self.first)} borders"
        if self.parts > 1:
            said += f", in {self.parts} unconnected parts"
        if self.alone:
            said += f", {self.alone} of them areas without neighbors"
        return said


def _laplacian(first: IntArray, second: IntArray, weights: FloatArray, count: int) -> Any:
    """Matrix R (L, L)."""
    from scipy import sparse

    W = sparse.csr_matrix((weights, (first, second)), shape=(count, count))
    W = W + W.T
    return (sparse.diags(np.asarray(W.sum(axis=1)).ravel()) - W).tocsr()


def _scaled(R: Any, sums: Sums) -> Any:
    """R with variances of the geometric mean one in each part."""
    from scipy import sparse

    means = np.bincount(sums.parts, np.log(sums.variances(R))) / sums.sizes
    return (sparse.diags(np.exp(means)[sums.parts]) @ R).tocsr()


def _check(
    names: tuple[Hashable, ...], first: IntArray, second: IntArray, weights: FloatArray
) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise DataError(
            f"Areas occur more than once in the map: {listing(twice)}.", code="duplicate-level"
        )
    own = np.flatnonzero(first == second)
    if len(own):
        raise DataError(f"The area {quote(names[first[own[0]]])} is its own neighbor.", code="map")
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights > 0.0)))
    if len(bad):
        i = bad[0]
        raise DataError(
            f"The weight of the neighbors {quote(names[first[i]])} and {quote(names[second[i]])} "
            f"is {weights[i]:g}; weights are positive.",
            code="map",
        )
    if not len(first):
        raise DataError(
            "No area of the map has a neighbor. Give the borders, or leave the map away.",
            code="map",
        )
