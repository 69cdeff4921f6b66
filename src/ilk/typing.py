"""Array types used throughout the package.

Shapes are written in docstrings, e.g. ``X (n, p)``; these aliases only fix the element type.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
"""Array of double precision numbers."""

IntArray: TypeAlias = npt.NDArray[np.integer[Any]]
"""Array of integers: level codes, row positions, indices."""

BoolArray: TypeAlias = npt.NDArray[np.bool_]
"""Array of truth values."""
