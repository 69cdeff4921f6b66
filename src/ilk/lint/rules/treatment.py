"""Treatments and clusters: constant within them, or varying without a random slope."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ilk.formula.language import Call
from ilk.lint.material import Material, plain_column
from ilk.lint.partition import determines, occupied
from ilk.lint.rule import Remark
from ilk.lint.words import treatment_name

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.formula.language import Expression
    from ilk.frame import Factor

__all__ = ["cluster_level_treatment", "within_treatment_without_slope"]

_ARMS = 6
"""Levels of a treatment at most."""

_FEW = 20
"""Clusters of an arm below which normal intervals of its effect are too short."""

_ENOUGH = 5
"""Clusters from which a variance of slopes can be thought of."""

_REPEATS = 2.0
"""Rows per cluster and arm from which slopes can be told from the residual."""


def cluster_level_treatment(material: Material) -> Iterator[Remark]:
    """Find treatments of whole clusters, if the clusters are few."""
    for text, arms in _treatments(material):
        coarsest: tuple[int, str] | None = None
        for name, group in _clusters(material).items():
            levels = len(group.levels)
            known = determines(group.codes, levels, arms.codes)
            if known and levels < material.rows and (coarsest is None or levels < coarsest[0]):
                coarsest = levels, name
        if coarsest is None:
            continue
        group = _clusters(material)[coarsest[1]]
        arm_of = np.zeros(len(group.levels), dtype=np.int64)
        arm_of[group.codes] = arms.codes
        sizes = np.bincount(arm_of, minlength=len(arms.levels))
        if sizes.min() < _FEW:
            counts = ", ".join(map(str, sizes[:-1].tolist()))
            yield Remark(
                (text, group.name),
                f"{text!r} is the same in all rows of each level of {group.name!r}: its effect "
                f"rests on {counts} and {sizes[-1]} levels, not on {material.rows:,} rows, and "
                "there can be no random slope of it.",
                "Use standard errors and degrees of freedom for few clusters: fit.cov_with('CR2').",
            )


def within_treatment_without_slope(material: Material) -> Iterator[Remark]:
    """Find treatments that vary within clusters, but whose effect is the same in all of them."""
    for text, arms in _treatments(material):
        for name, group in _clusters(material).items():
            levels = len(group.levels)
            if levels < _ENOUGH or _has_slope(material, text, group):
                continue
            present = occupied(group.codes, levels, arms.codes, len(arms.levels))
            varying = np.mean(np.count_nonzero(present, axis=1) > 1)
            if varying < 0.5 or material.rows < _REPEATS * np.count_nonzero(present):
                continue
            yield Remark(
                (text, name),
                f"{text!r} varies within the levels of {name!r}, and the model lets its effect be "
                "the same in all of them; if it is not, its standard error is too small.",
                f"Compare with ({_with_slope(material, text, name)}).",
            )


def _treatments(material: Material) -> Iterator[tuple[str, Factor]]:
    """Fixed terms of the mean that are treatments with a few arms."""
    recipe = material.mean.recipe
    for term in recipe.terms.terms:
        column = _treatment_column(term.factors[0].expression) if len(term.factors) == 1 else None
        if column is None:
            continue
        arms = material.factor(column)
        most = _ARMS if term.text in recipe.levels else 2  # else an amount, such as a dose
        if arms is not None and 2 <= len(arms.levels) <= most:
            yield column, arms


def _treatment_column(expression: Expression) -> str | None:
    """Column of a treatment; None if it is none."""
    if isinstance(expression, Call) and expression.function == "C":
        expression = expression.arguments[0]
    column = plain_column(expression)
    return column if column is not None and treatment_name(column) else None


def _clusters(material: Material) -> dict[str, Grouping]:
    terms = [t for t in material.design.random_parts if t.predictor == material.mean.predictor]
    return {
        term.grouping.name: term.grouping
        for term in terms
        if term.has_intercept and term.grouping.divides
    }


def _with_slope(material: Material, column: str, name: str) -> str:
    """The random term of a group with one more slope."""
    terms = (t for t in material.design.spec.predictors[0].random if ":".join(t.grouping) == name)
    effects = next((t.effects.text for t in terms if t.structure == "us"), "1")
    return f"{effects} + {column} | {name}"


def _has_slope(material: Material, column: str, group: Grouping) -> bool:
    """Whether the effect may differ between the levels of a group."""
    for term in material.design.random_parts:
        if term.predictor != material.mean.predictor:
            continue
        if term.grouping.name == group.name and term.recipe is not None:
            texts = {f.text for f in term.recipe.terms.factors}
            if any(column in text for text in texts):
                return True
        if {*group.columns, column} <= set(term.grouping.columns):
            return True
    return False
