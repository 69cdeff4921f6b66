r"""A Gaussian field that is known everywhere: a sum of waves.

.. math:: s(p) = w^{-1/2} \sum_{k=1}^w \{a_k \cos(\omega_k'p) + b_k \sin(\omega_k'p)\},
   \qquad a_k, b_k \sim N(0, 1),

with frequencies drawn from the spectrum of the correlation (Rahimi and Recht 2008, Advances in
Neural Information Processing Systems 20).  The spectrum of the Matern correlation :math:`(1 +
d/\kappa)\, e^{-d/\kappa}` in the plane is a t distribution with three degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import RandomState

from ilk.typing import FloatArray

__all__ = ["Field", "matern_field"]

_WAVES = 1000
_BLOCK = 2000
"""Places at a time, for the memory."""


@dataclass(frozen=True, slots=True)
class Field:
    """A Gaussian field over the plane, of mean zero and variance one.

    Attributes
    ----------
    frequencies : ndarray (w, 2)
        Of the waves.
    amplitudes : ndarray (w, 2)
        Of their cosines and sines.
    """

    frequencies: FloatArray
    amplitudes: FloatArray

    def at(self, x: Any, y: Any) -> FloatArray:
        """Values (m,) at places.

        Parameters
        ----------
        x, y : array-likes (m,)
            Coordinates.
        """
        points = np.stack([np.asarray(x, float), np.asarray(y, float)], axis=1)
        found = np.empty(len(points))
        for begin in range(0, len(points), _BLOCK):
            phase = points[begin : begin + _BLOCK] @ self.frequencies.T
            found[begin : begin + _BLOCK] = (
                np.cos(phase) @ self.amplitudes[:, 0] + np.sin(phase) @ self.amplitudes[:, 1]
            )
        return found


def matern_field(field_range: float, rng: RandomState) -> Field:
    """Draw a field with the Matern correlation of smoothness 3/2.

    Parameters
    ----------
    field_range : float
        Its range.
    rng : RandomState
        Random numbers.
    """
    spread = field_range * np.sqrt(rng.chisquare(3.0, _WAVES))
    frequencies = rng.normal(size=(_WAVES, 2)) / spread[:, None]
    return Field(frequencies, rng.normal(size=(_WAVES, 2)) / math.sqrt(_WAVES))
