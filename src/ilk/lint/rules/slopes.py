"""Random slopes: of what does not vary, without a fixed slope, with a far-away zero."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ilk.formula.language import column_names
from ilk.lint.material import Material
from ilk.lint.partition import determines
from ilk.lint.rule import Remark

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm

__all__ = ["slope_without_fixed", "slope_without_variation", "zero_far_from_data"]


def slope_without_variation(material: Material) -> Iterator[Remark]:
    """Find random slopes of covariates that are the same in all rows of each level."""
    for term in material.design.random_parts:
        group = term.grouping
        if term.columns is None or not group.divides or not term.has_intercept:
            continue
        if len(group.levels) == material.rows:
            continue
        for j, name in enumerate(term.column_names):
            values = np.ascontiguousarray(term.columns[:, j])
            if name == "Intercept" or not determines(group.codes, len(group.levels), values):
                continue
            yield Remark(
                (name, term.label),
                f"{name!r} is the same in all rows of each level of {group.name!r}, so "
                f"({term.label}) asks for slopes that no level can show.",
                f"Leave {name!r} out of ({term.label}).",
            )
            break


def slope_without_fixed(material: Material) -> Iterator[Remark]:
    """Find random slopes whose mean is forced to be zero."""
    parts = {part.predictor: part for part in material.design.fixed}
    for term in material.design.random_parts:
        if term.recipe is None or not term.grouping.columns:
            continue
        part = parts[term.predictor]
        known = {c for f in part.recipe.terms.factors for c in column_names(f.expression)}
        absent = [
            factor.text
            for factor in term.recipe.terms.factors
            if (names := set(column_names(factor.expression)))
            and not names & known
            and _varies(material, factor.text)
        ]
        if absent:
            slopes = " and ".join(map(repr, absent))
            yield Remark(
                (*absent, term.label),
                f"({term.label}) lets effects of {slopes} vary, but the fixed part has none: on "
                "average they are forced to be zero.",
                f"Add {' + '.join(absent)} to the fixed part.",
            )


def _varies(material: Material, text: str) -> bool:
    """Whether a factor of a formula is more than another way to write an intercept."""
    values = material.number(text) if text in material.design.data else None
    return values is None or bool(np.any(values != values[0]))


def zero_far_from_data(material: Material) -> Iterator[Remark]:
    """Find slopes beside an intercept of covariates whose zero lies far from all data."""
    for term in material.design.random_parts:
        if term.structure not in ("us", "diag") or not term.has_intercept or term.columns is None:
            continue
        says = (
            "its variance, and its correlation with the slope, say little."
            if term.structure == "us"
            else "that it is independent of the slope there is a strong assumption, which another "
            "origin changes."
        )
        for name, low, high in _far_from_zero(term):
            yield Remark(
                (name, term.label),
                f"In ({term.label}) the intercept is the value at {name} = 0, far from the data "
                f"({low:g} to {high:g}): {says}",
                f"Center it, e.g. write center({name}) or I({name} - {_middle(low, high):g}) for "
                f"{name} in both parts.",
            )


def _far_from_zero(term: RandomTerm) -> Iterator[tuple[str, float, float]]:
    """Numeric columns whose zero is further away than their whole range."""
    if term.recipe is None or term.columns is None:
        return
    plain = {f.text for f in term.recipe.terms.factors if f.text not in term.recipe.levels}
    for j, name in enumerate(term.column_names):
        if name not in plain:
            continue
        values = term.columns[:, j]
        low, high = float(values.min()), float(values.max())
        far = min(abs(low), abs(high)) > high - low > 0.0 and low * high > 0.0
        if far and np.any((values > low) & (values < high)):  # not an indicator
            yield name, low, high


def _middle(low: float, high: float) -> float:
    """A round number near the middle."""
    middle, step = 0.5 * (low + high), 10.0 ** np.floor(np.log10(high - low))
    return float(np.round(middle / step) * step)
