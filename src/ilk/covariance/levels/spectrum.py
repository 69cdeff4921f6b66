r"""Log determinants of matrices between the identity and another, for all mixtures at once.

For :math:`M(\rho) = (1 - \rho) I + \rho A`, A symmetric with eigenvalues :math:`\mu_i \ge 0`,
and :math:`\omega = \log(\rho / (1 - \rho))`,

.. math:: \log|M(\rho)| = f(\omega) - L \log(1 + e^\omega), \qquad
   f(\omega) = \sum_i \log(1 + \mu_i e^\omega).

Small matrices have their eigenvalues computed.  For large ones, f is analytic where
:math:`|\operatorname{Im} \omega| < \pi` whatever the eigenvalues are, so that its Chebyshev
interpolant of twelve nodes on an interval of length two is exact to ten digits; the determinants
at the nodes are those of sparse factors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from ilk.covariance.levels.sparse_factor import SparseFactor
from ilk.typing import FloatArray

__all__ = ["MixedDeterminant"]

_SMALL = 1000
"""Order up to which eigenvalues are computed."""

_NODES = 12
_NEAR_ZERO = 1e-5
"""Shares below which the first terms of the series in rho are exact."""


@final
@dataclass(frozen=True, slots=True)
class MixedDeterminant:
    """Log determinant of (1 - rho) I + rho A.

    Attributes
    ----------
    matrix : sparse matrix (L, L)
        A, symmetric and positive semidefinite.
    """

    matrix: Any
    _eigenvalues: FloatArray | None = field(init=False, repr=False)
    _panels: dict[int, FloatArray] = field(init=False, repr=False, default_factory=dict)
    _series: tuple[float, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        from scipy import sparse

        order = self.matrix.shape[0]
        values = np.linalg.eigvalsh(self.matrix.toarray()) if order <= _SMALL else None
        gap = (self.matrix - sparse.identity(order)).tocsr()
        series = (float(gap.diagonal().sum()), float(gap.multiply(gap).sum()))
        object.__setattr__(self, "_eigenvalues", values)
        object.__setattr__(self, "_series", series)

    def at(self, rho: float) -> tuple[float, float]:
        """Log determinant, and its derivative in rho, for 0 < rho < 1."""
        if self._eigenvalues is not None:
            gap = self._eigenvalues - 1.0
            mixed = 1.0 + rho * gap
            return float(np.log(mixed).sum()), float(np.sum(gap / mixed))
        if rho < _NEAR_ZERO:
            one, two = self._series
            return rho * one - 0.5 * rho**2 * two, one - rho * two
        order = self.matrix.shape[0]
        omega = math.log(rho) - math.log1p(-rho)
        panel = round(0.5 * omega)
        coefficients = self._panel(panel)
        x = omega - 2.0 * panel
        value = float(np.polynomial.chebyshev.chebval(x, coefficients))
        slope = float(
            np.polynomial.chebyshev.chebval(x, np.polynomial.chebyshev.chebder(coefficients))
        )
        return value + order * math.log1p(-rho), (slope - order * rho) / (rho * (1.0 - rho))

    def _panel(self, panel: int) -> FloatArray:
        """Chebyshev coefficients of f between 2 panel - 1 and 2 panel + 1."""
        if panel not in self._panels:
            from scipy import sparse

            eye = sparse.identity(self.matrix.shape[0], format="csc")
            nodes = np.cos(math.pi * (np.arange(_NODES) + 0.5) / _NODES)
            values = [
                SparseFactor((eye + math.exp(2.0 * panel + x) * self.matrix).tocsc()).log_det
                for x in nodes
            ]
            vander = np.polynomial.chebyshev.chebvander(nodes, _NODES - 1)
            self._panels[panel] = np.linalg.solve(vander, np.array(values))
        return self._panels[panel]
