r"""Areas that are alike where they are neighbors.

With W the matrix of neighbors (1, or weights), D its row sums and :math:`R = D - W`:

* **icar**: the intrinsic autoregression, precision R, effects that sum to zero in every connected
  part of the map (Besag, York and Mollie 1991);
* **car**: precision :math:`D - \rho W`, :math:`0 < \rho < 1`;
* **leroux**: precision :math:`\rho R + (1 - \rho) I` (Leroux, Lei and Breslow 2000);
* **bym2**: covariance :math:`\rho R^- + (1 - \rho) I`, a share :math:`\rho` of the variance in
  space, the rest of each area alone (Riebler and others 2016, Stat. Methods Med. Res. 25,
  1145-1165).

R is scaled such that the geometric mean of the variances of the intrinsic field is one (Sorbye and
Rue 2014, Spatial Statistics 8, 39-51): variances then mean the same on every map.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, final, get_args

import numpy as np

from ilk.covariance.levels.angles import first_branch
from ilk.covariance.levels.arrays import labels_from_arrays, labels_to_arrays
from ilk.covariance.levels.base import AbstractLevels, Precision
from ilk.errors import DataError, ModelError, did_you_mean
from ilk.frame import listing, quote
from ilk.typing import FloatArray, IntArray

__all__ = ["Autoregression", "Neighbors"]

Autoregression: TypeAlias = Literal["icar", "car", "leroux", "bym2"]
"""Models of areas."""

_LARGEST = 4000
"""Areas up to which dense matrices are made."""

_RIDGE = 1e-8


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
    """

    kind = "map"

    names: tuple[Hashable, ...]
    first: IntArray
    second: IntArray
    weights: FloatArray
    model: Autoregression = "bym2"
    _spectrum: tuple[FloatArray, FloatArray] = field(init=False, repr=False)
    _scale: float = field(init=False, repr=False)

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
        self._check(first, second, weights)
        object.__setattr__(self, "weights", weights)
        count = len(self.names)
        if self.model == "car":
            object.__setattr__(self, "_scale", 1.0)
            object.__setattr__(self, "_spectrum", (np.zeros(0), np.zeros((0, 0))))
            return
        if count > _LARGEST:
            raise ModelError(
                f"model={self.model!r} with its scaling is made for at most {_LARGEST} areas; the "
                f"map has {count}. Use model='car'.",
                code="too-large",
            )
        R = np.zeros((count, count))
        R[first, second] = R[second, first] = -weights
        R[np.arange(count), np.arange(count)] = -R.sum(axis=1)
        values, vectors = np.linalg.eigh(R)
        null = values < 1e-9 * values[-1]
        inverse = np.where(null, 0.0, 1.0 / np.where(null, 1.0, values))
        variances = (vectors**2) @ inverse
        scale = math.exp(float(np.log(variances).mean()))
        object.__setattr__(self, "_scale", scale)
        object.__setattr__(self, "_spectrum", (inverse / scale, vectors))

    def _check(self, first: IntArray, second: IntArray, weights: FloatArray) -> None:
        own = np.flatnonzero(first == second)
        if len(own):
            raise DataError(
                f"The area {quote(self.names[first[own[0]]])} is its own neighbor.", code="map"
            )
        bad = np.flatnonzero(~(np.isfinite(weights) & (weights > 0.0)))
        if len(bad):
            i = bad[0]
            raise DataError(
                f"The weight of the neighbors {quote(self.names[first[i]])} and "
                f"{quote(self.names[second[i]])} is {weights[i]:g}; weights are positive.",
                code="map",
            )
        alone = np.bincount(np.concatenate([first, second]), minlength=len(self.names)) == 0
        if alone.any():
            names = [self.names[i] for i in np.flatnonzero(alone)]
            raise DataError(
                f"Areas without neighbors: {listing(names)}. Give each a neighbor (the nearest, or "
                "across the water), or drop its rows.",
                code="map",
            )

    @property
    def levels(self) -> tuple[Hashable, ...]:
        """Names of the areas."""
        return self.names

    @property
    def parameters(self) -> tuple[str, ...]:
        """Name rho, which the intrinsic field does not have."""
        return () if self.model == "icar" else ("rho",)

    def start(self) -> FloatArray:
        """Rho of a half."""
        return np.full(len(self.parameters), 0.25 * math.pi)

    def natural(self, theta: FloatArray) -> FloatArray:
        """Rho, between 0 and 1."""
        return np.sin(theta) ** 2

    def canonical(self, theta: FloatArray) -> FloatArray:
        """Angle of rho between 0 and a right one."""
        return first_branch(theta)

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

    def precision(self, theta: FloatArray) -> Precision:
        """Precision matrix of the areas."""
        if self.model in ("icar", "bym2"):
            return self._dense(theta)
        rho = min(math.sin(theta[0]) ** 2, 1.0 - 1e-9)
        slope = math.sin(2.0 * theta[0])
        rows, columns, diagonal, between = self._pattern()
        if self.model == "car":
            values = np.concatenate([diagonal, -rho * between])
            slopes = np.concatenate([np.zeros_like(diagonal), -slope * between])
        else:
            scale = self._scale
            values = np.concatenate([rho * scale * diagonal + 1.0 - rho, -rho * scale * between])
            slopes = slope * np.concatenate([scale * diagonal - 1.0, -scale * between])
        log_det, log_slope = self._log_det(rho, slope, diagonal, between)
        order = np.argsort(columns.astype(np.int64) * len(self.names) + rows)
        return Precision(
            order=len(self.names),
            rows=rows[order],
            columns=columns[order],
            values=values[order],
            log_det=log_det,
            slope=slopes[order][:, None],
            log_det_slope=np.array([log_slope]),
        )

    def _log_det(
        self, rho: float, slope: float, diagonal: FloatArray, between: FloatArray
    ) -> tuple[float, float]:
        """Logarithm of the determinant and its derivative, from eigenvalues."""
        if self.model == "leroux":
            inverse = self._spectrum[0]
            values = np.where(inverse > 0.0, 1.0 / np.where(inverse > 0.0, inverse, 1.0), 0.0)
            mixed = rho * values + 1.0 - rho
            return float(np.log(mixed).sum()), slope * float(np.sum((values - 1.0) / mixed))
        values = _normalized(self)
        mixed = 1.0 - rho * values
        base = float(np.log(diagonal).sum())
        return base + float(np.log(mixed).sum()), -slope * float(np.sum(values / mixed))

    def _dense(self, theta: FloatArray) -> Precision:
        """Precision matrix from the eigenvalues of R."""
        inverse, vectors = self._spectrum
        if self.model == "icar":
            variances, slopes = inverse + _RIDGE, np.zeros((len(inverse), 0))
        else:
            rho, slope = math.sin(theta[0]) ** 2, math.sin(2.0 * theta[0])
            variances = rho * inverse + 1.0 - rho + _RIDGE
            slopes = slope * (inverse - 1.0)[:, None]
        columns, rows = np.triu_indices(len(inverse))
        changes = [(vectors * (-d / variances**2)) @ vectors.T for d in slopes.T]
        full = (vectors / variances) @ vectors.T
        return Precision(
            order=len(inverse),
            rows=rows.astype(np.int32),
            columns=columns.astype(np.int32),
            values=full[rows, columns],
            log_det=-float(np.log(variances).sum()),
            slope=np.stack([c[rows, columns] for c in changes], axis=1)
            if changes
            else np.zeros((len(rows), 0)),
            log_det_slope=-np.sum(slopes / variances[:, None], axis=0),
        )

    def _pattern(self) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
        """Rows and columns of diagonal and pairs, row sums (L,), weights (e,)."""
        count = len(self.names)
        low, high = np.minimum(self.first, self.second), np.maximum(self.first, self.second)
        diagonal = np.bincount(low, self.weights, count) + np.bincount(high, self.weights, count)
        own = np.arange(count)
        rows = np.concatenate([own, high]).astype(np.int32)
        columns = np.concatenate([own, low]).astype(np.int32)
        return rows, columns, diagonal, self.weights

    def describe(self) -> str:
        """Say which model on which map."""
        words = {
            "icar": "intrinsic autoregression (scaled)",
            "car": "proper conditional autoregression",
            "leroux": "Leroux autoregression (scaled)",
            "bym2": "BYM2: scaled intrinsic autoregression and independent areas",
        }
        return f"{words[self.model]} on {len(self.names)} areas with {len(self.first)} borders"


@functools.lru_cache(maxsize=16)
def _eigenvalues(key: bytes, count: int) -> FloatArray:
    first, second, weights = np.frombuffer(key).reshape(3, -1)
    low, high = first.astype(int), second.astype(int)
    sums = np.bincount(low, weights, count) + np.bincount(high, weights, count)
    W = np.zeros((count, count))
    W[low, high] = W[high, low] = weights / np.sqrt(sums[low] * sums[high])
    return np.linalg.eigvalsh(W)


def _normalized(neighbors: Neighbors) -> FloatArray:
    """Eigenvalues (L,) of D^-1/2 W D^-1/2."""
    parts = [np.asarray(x, dtype=np.float64) for x in (neighbors.first, neighbors.second)]
    return _eigenvalues(np.stack([*parts, neighbors.weights]).tobytes(), len(neighbors.names))
