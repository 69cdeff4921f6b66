"""Fixed terms: constant, interactions alone, factors with many levels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from ilk.formula.language import Name, column_names
from ilk.lint.material import Material
from ilk.lint.rule import Remark

__all__ = [
    "constant_covariate",
    "interaction_without_main",
    "many_fixed_levels",
]

_MANY = 20
"""Levels from which a factor has many."""

_THIN = 10.0
"""Observations per level below which coefficients of all levels bias the others."""


def constant_covariate(material: Material) -> Iterator[Remark]:
    """Find covariates that have one value in all rows used."""
    factors = dict.fromkeys(
        chain.from_iterable(p.recipe.terms.factors for p in material.design.fixed)
    )
    for factor in factors:
        if not isinstance(factor.expression, Name):
            continue
        name = factor.expression.column
        column = material.design.data.column(name)
        values = column.values
        if len(values) > 1 and bool(np.all(values == values[0])):
            yield Remark(
                (name,),
                f"{name!r} has a single value in the {material.rows:,} rows used, so it has no "
                "effect that could be estimated.",
                f"Leave {name!r} out, or look why its other values are missing.",
            )


def interaction_without_main(material: Material) -> Iterator[Remark]:
    """Find products of two numeric columns without the columns themselves."""
    for part in material.design.fixed:
        recipe = part.recipe
        alone = {t.factors[0].text for t in recipe.terms.terms if len(t.factors) == 1}
        within = {
            c
            for text in recipe.terms.factors
            if text.text in alone
            for c in column_names(text.expression)
        }
        for term in recipe.terms.terms:
            if len(term.factors) != 2 or any(f.text in recipe.levels for f in term.factors):
                continue
            absent = [
                f.text
                for f in term.factors
                if not set(column_names(f.expression)) & within and not _binary(material, f.text)
            ]
            if absent:
                named = " and ".join(map(repr, absent))
                yield Remark(
                    (term.text, *absent),
                    f"The interaction {term.text!r} stands without {named}, so its coefficient "
                    "depends on where their zeros are.",
                    f"Write {' * '.join(f.text for f in term.factors)}, unless that is meant.",
                )


def many_fixed_levels(material: Material) -> Iterator[Remark]:
    """Find factors with so many levels for the data that their coefficients bias the others."""
    if not material.base.takes_trials:
        return
    trials = material.design.response.trials
    total = material.rows if trials is None else float(trials.sum())
    for factor, column in material.coded(material.mean):
        levels = len(material.mean.recipe.levels[factor.text])
        if levels >= _MANY and total < _THIN * levels:
            yield Remark(
                (column,),
                f"{column!r} has a coefficient for each of {levels:,} levels, with "
                f"{total / levels:.1f} observations per level: so many coefficients bias all "
                "others.",
                f"Write (1 | {column}), or use ilk.conditional(..., groups={column!r}).",
            )


def _binary(material: Material, text: str) -> bool:
    """Whether a column has two values, so that leaving it out is a choice of baseline."""
    values = material.number(text)
    if values is None:
        return False
    low, high = values.min(), values.max()
    return bool(np.all((values == low) | (values == high)))
