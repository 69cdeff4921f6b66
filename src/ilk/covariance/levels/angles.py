r"""Shares between 0 and 1 as squares of sines of angles, which have many branches."""

from __future__ import annotations

import math

import numpy as np

from ilk.typing import FloatArray

__all__ = ["first_branch"]


def first_branch(angles: FloatArray) -> FloatArray:
    """Angles (m,) between 0 and a right one that have the same squared sines."""
    within = np.mod(angles, math.pi)
    return np.asarray(np.minimum(within, math.pi - within))
