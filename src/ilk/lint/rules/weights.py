"""Weights that are perhaps of the other kind."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ilk.lint.material import Material
from ilk.lint.rule import Remark

__all__ = ["fractional_frequencies", "weights_like_frequencies"]


def weights_like_frequencies(material: Material) -> Iterator[Remark]:
    """Find precision weights that are whole numbers, as frequencies are."""
    weights = material.design.precision_weights
    if weights is None or weights.min() < 1.0 or weights.max() == weights.min():
        return
    if np.any(weights != np.floor(weights)):
        return
    name = material.design.arguments.get("precision_weights") or "precision_weights"
    yield Remark(
        (name,),
        f"The precision weights ({name}) are whole numbers from {weights.min():g} to "
        f"{weights.max():g}: right if a response is the mean of so many values, wrong if a row "
        "stands for so many identical rows.",
        "In the latter case give them as frequency_weights=.",
    )


def fractional_frequencies(material: Material) -> Iterator[Remark]:
    """Find frequency weights that are not whole numbers."""
    weights = material.design.frequency_weights
    if weights is None or not np.any(weights != np.floor(weights)):
        return
    name = material.design.arguments.get("frequency_weights") or "frequency_weights"
    row = int(np.argmax(weights != np.floor(weights)))
    yield Remark(
        (name,),
        f"The frequency weights ({name}) are not whole numbers (one is {weights[row]:g}), so no "
        "row stands for so many rows, and the number of observations is not their sum.",
        "Known relative precision is precision_weights=; survey weights are not available in this "
        "version.",
    )
