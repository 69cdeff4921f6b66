r"""Limits of a total: quantiles of a mixture of distributions, interpolated between counts.

With r the smallest count with :math:`F(r) \ge p`, the lower limit of tail probability p is

.. math:: r - \frac{F(r) - p}{F(r) - F(r - 1)}

(Spiegelhalter 2005, Statistics in Medicine 24, appendix A.1), but not below zero.  The upper one is
its mirror image, which is one event above the same formula at 1 - p: so a level outside of its
limits has a tail probability of at most p on either side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.num.stable import special
from ilk.ranking.total_distribution import Kind, is_discrete, total_cdf

if TYPE_CHECKING:
    from ilk.typing import FloatArray

__all__ = ["Mixture"]

_PASSES = 200
_TOLERANCE = 1e-8
"""Width of the last bracket of a continuous quantile, as a share of the first."""

_FARTHEST = 37.0
"""Normal score of the smallest probability that is no zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """A finite mixture of distributions of totals.

    Parameters
    ----------
    kind : Kind
        What the totals are.
    weight, mean, variance : (J,) arrays
        Weights and moments of the components.
    amount : float or array of one
        Number of trials, or of fractions.
    log_zero : (J,) array or None
        Logarithms of the probabilities of an excess zero.
    """

    kind: Kind
    weight: FloatArray
    mean: FloatArray
    variance: FloatArray
    amount: FloatArray
    log_zero: FloatArray | None

    def cdf(self, y: FloatArray) -> FloatArray:
        """Distribution function at y (m,)."""
        values = total_cdf(
            self.kind, y[:, None], self.mean, self.variance, self.amount, self.log_zero
        )
        return np.clip(values @ self.weight, 0.0, 1.0)

    def limits(
        self, p: FloatArray, near: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Limits of tail probabilities.

        Parameters
        ----------
        p : (m,) array
            Tail probabilities, below a half.
        near : (2m,) array, optional
            Quantiles of p and of 1 - p of a mixture that is much like this one.

        Returns
        -------
        low, high : (m,) arrays
            The limits.
        quantiles : (2m,) array
            Quantiles of p and of 1 - p.
        """
        both = np.concatenate([p, 1.0 - p])
        found, below, at = self._quantiles(both, near)
        if not is_discrete(self.kind):
            return found[: len(p)], found[len(p) :], found
        inside = found - (at - both) / np.maximum(at - below, 1e-300)
        low, high = np.maximum(inside[: len(p)], 0.0), inside[len(p) :] + 1.0
        return low, np.minimum(high, self.amount) if self.kind == "trials" else high, found

    def _quantiles(
        self, p: FloatArray, near: FloatArray | None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Quantiles (m,); of counts the smallest with F >= p.  Also F just below, and there.

        A bracket is narrowed by interpolating the normal score of F, every third time by halves.
        """
        whole = is_discrete(self.kind)
        a, fa, b, fb = self._brackets(p, near)
        narrow = 1.5 if whole else _TOLERANCE * float(np.max(b - a))
        for step in range(_PASSES):
            left = np.flatnonzero(b - a > narrow)
            if not len(left):
                break
            width = b[left] - a[left]
            za, zb, z = _score(fa[left]), _score(fb[left]), _score(p[left])
            share = np.clip((z - za) / np.maximum(zb - za, 1e-12), 0.02, 0.98)
            share = np.full(len(left), 0.5) if step % 3 == 2 else share
            middle = a[left] + share * width
            if whole:
                middle = np.clip(np.round(middle), a[left] + 1.0, b[left] - 1.0)
            f = self.cdf(middle)
            up = f < p[left]
            a[left[up]], fa[left[up]] = middle[up], f[up]
            b[left[~up]], fb[left[~up]] = middle[~up], f[~up]
        return b, fa, fb

    def _brackets(
        self, p: FloatArray, near: FloatArray | None
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Totals below and above the quantiles (m,), with F at each."""
        low, high = self._range()
        a, b = np.full(len(p), low), np.full(len(p), high)
        if near is not None:
            center = float(self.weight @ self.mean)
            reach = 0.1 * np.abs(near - center) + (1.0 if is_discrete(self.kind) else 0.0)
            guess = np.clip(near, low, high)
            a, b = np.maximum(guess - reach, low), np.minimum(guess + reach, high)
            if is_discrete(self.kind):
                a, b = np.floor(a), np.minimum(np.ceil(b), np.ceil(high))
        fa, fb = self.cdf(a), self.cdf(b)
        missed = fa >= p
        a, fa = np.where(missed, low, a), np.where(missed, 0.0, fa)
        missed = fb < p
        b, fb = np.where(missed, high, b), np.where(missed, 1.0, fb)
        return a, fa, b, fb

    def _range(self) -> tuple[float, float]:
        """Totals below and above all quantiles."""
        far = 9.0 * np.sqrt(self.variance)
        high = float(np.max(self.mean + 3.0 * far)) + 50.0
        if self.kind == "real":
            return float(np.min(self.mean - far)), high
        if self.kind in ("trials", "fraction"):
            high = float(self.amount)
        return (-1.0 if is_discrete(self.kind) else 0.0), high


def _score(f: FloatArray) -> FloatArray:
    return np.asarray(np.clip(special().ndtri(f), -_FARTHEST, _FARTHEST))
