"""Identifiers: used as numbers, or left out of a model without clusters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

import numpy as np

from ilk.lint.material import Material, inner_column
from ilk.lint.partition import determines, same_partition
from ilk.lint.rule import Remark
from ilk.lint.words import identifier_name

__all__ = ["identifier_as_number", "ignored_clusters"]

_FEWEST = 5
"""Clusters below which a column is more likely a factor of interest."""

_SOME = 10
"""Clusters below which they may be a choice of no interest, such as regions."""

_REPEATS = 2.0
"""Rows per cluster from which clusters matter."""

_MOST, _REPORTED = 20, 3
"""Columns that are looked at, and named."""


def identifier_as_number(material: Material) -> Iterator[Remark]:
    """Find whole numbers that are labels by their name, but enter as amounts."""
    for name in dict.fromkeys(_numeric_columns(material)):
        if not identifier_name(name):
            continue
        values = material.whole(name)
        if values is None or len(np.unique(values)) < 3:
            continue
        grouped = any(grouping.columns == (name,) for grouping in material.groupings.values())
        yield Remark(
            (name,),
            f"{name!r} looks like an identifier, but enters as a number, as if its labels were "
            "amounts.",
            f"Leave the number out: the formula has {name!r} as a grouping factor already."
            if grouped
            else f"Write (1 | {name}) for clusters, or C({name}) for a coefficient of each level.",
        )


def ignored_clusters(material: Material) -> Iterator[Remark]:
    """Find identifiers whose levels have several rows, in a model without random effects."""
    if material.design.random_parts:
        return
    named = (name for name in material.unused if identifier_name(name))
    found: list[tuple[int, str]] = []
    for name in islice(named, _MOST):
        column = material.column(name)
        if column is None or column.kind == "time":
            continue
        if column.kind == "float" and material.whole(name) is None:
            continue
        factor = material.factor(name)
        if factor is None or np.any(factor.codes < 0):
            continue
        levels = len(factor.levels)
        if levels < _FEWEST or material.rows < _REPEATS * levels or _absorbed(material, name):
            continue
        found.append((levels, name))
    if found:
        found = _distinct(material, sorted(found, key=lambda pair: -pair[0]))[:_REPORTED]
        (levels, finest), *others = found
        names = tuple(name for _, name in found)
        also = "".join(f" and {count:,} of {name!r}" for count, name in others)
        terms = " + ".join(f"(1 | {name})" for name in names)
        yield Remark(
            names,
            f"The {material.rows:,} rows come from {levels:,} levels of {finest!r}{also}, which "
            "the model leaves out: rows of one level are treated as independent.",
            f"Add {terms}, or see what ignoring them costs by "
            f"fit.cluster_report(group=data[{finest!r}]).",
            None if levels >= _SOME else "note",
        )


def _distinct(material: Material, found: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Identifiers without those that are another one under a second name."""
    out: list[tuple[int, str]] = []
    for levels, name in found:
        one = material.factor(name)
        twins = (material.factor(other) for count, other in out if count == levels)
        if one is not None and not any(
            twin is not None and same_partition(twin.codes, one.codes, levels) for twin in twins
        ):
            out.append((levels, name))
    return out


def _numeric_columns(material: Material) -> Iterator[str]:
    """Columns that enter some predictor, or a slope, as numbers."""
    recipes = chain(
        (part.recipe for part in material.design.fixed),
        (term.recipe for term in material.design.random_parts if term.recipe is not None),
    )
    for recipe in recipes:
        for factor in recipe.terms.factors:
            column = None if factor.text in recipe.levels else inner_column(factor.expression)
            if column is not None:
                yield column


def _absorbed(material: Material, name: str) -> bool:
    """Whether the levels of a factor of the fixed part tell the clusters apart."""
    factor = material.factor(name)
    if factor is None:
        return False
    for _, column in material.coded(material.mean):
        fixed = material.factor(column)
        if fixed is None or len(fixed.levels) < len(factor.levels):
            continue
        if determines(fixed.codes, len(fixed.levels), factor.codes):
            return True
    return False
