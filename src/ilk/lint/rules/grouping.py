"""Grouping factors: also fixed, one row per level, the same twice, few levels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ilk.lint.material import Material
from ilk.lint.partition import cells, determines, same_partition
from ilk.lint.rule import Remark

if TYPE_CHECKING:
    from ilk.design.fixed import FixedPart
    from ilk.design.grouping import Grouping
    from ilk.design.random import RandomTerm
    from ilk.formula.spec import Term
    from ilk.frame import Factor
    from ilk.typing import IntArray

__all__ = [
    "few_levels",
    "grouping_also_fixed",
    "olre_with_dispersion",
    "one_row_per_level",
    "same_groups_twice",
]

_FEW = 5
"""Levels below which a variance is hardly known."""


def grouping_also_fixed(material: Material) -> Iterator[Remark]:
    """Find random intercepts of groups that the fixed part tells apart already."""
    parts = {part.predictor: part for part in material.design.fixed}
    for term in material.design.random_parts:
        group = term.grouping
        if not term.has_intercept or not group.divides:
            continue
        part = parts[term.predictor]
        for fixed in part.recipe.terms.terms:
            if _tells_apart(material, part, fixed, group):
                yield Remark(
                    (fixed.text, term.label),
                    f"The fixed factor {fixed.text!r} already tells the levels of {group.name!r} "
                    f"apart, so nothing is left for the random intercept of ({term.label}).",
                    f"Leave {fixed.text!r} out of the fixed part, or the term ({term.label}) out "
                    "of the formula.",
                )


def one_row_per_level(material: Material) -> Iterator[Remark]:
    """Find grouping factors with a level for each row, where that is the residual itself."""
    gaussian = material.base.name == "gaussian"
    if not gaussian and not material.bernoulli:
        return
    design = material.design
    if design.frequency_weights is not None or (gaussian and _variances_differ(material)):
        return
    for term in design.random_parts:
        if term.predictor != "mean" or not term.has_intercept:
            continue
        name, levels = term.grouping.name, len(term.grouping.levels)
        if term.grouping.structured:  # relatives tell it from the residual
            continue
        label = _label(term)
        if levels == material.rows:
            why = (
                "cannot be told from the residual"
                if gaussian
                else "has no information: a single 0 or 1 per level says nothing of its spread"
            )
            yield Remark(
                (name, term.label),
                f"Each of the {levels:,} levels of {name!r} has one row, so the variance of "
                f"{label} {why}.",
                f"Leave {label} out, or group by a factor with several rows per level.",
            )


def olre_with_dispersion(material: Material) -> Iterator[Remark]:
    """Find an effect for each row in a family that has a dispersion of its own."""
    base = material.base
    if not base.has_dispersion or base.name == "gaussian":
        return
    for term in material.design.random_parts:
        if term.predictor != "mean" or not term.has_intercept:
            continue
        if len(term.grouping.levels) == material.rows and not term.grouping.structured:
            simple = {"beta_binomial": "binomial"}.get(base.name, "poisson")
            other = f", or use family={simple!r} with it" if base.discrete else ""
            yield Remark(
                (term.label,),
                f"The family {base.name!r} has a dispersion, and {_label(term)} has an effect for "
                "each row: both describe the same extra variation.",
                f"Leave {_label(term)} out{other}.",
            )


def same_groups_twice(material: Material) -> Iterator[Remark]:
    """Find two grouping factors with random intercepts that divide the rows alike."""
    terms = [t for t in material.design.random_parts if t.has_intercept and t.grouping.divides]
    for first, second in combinations(terms, 2):
        a, b = first.grouping, second.grouping
        if first.predictor != second.predictor or a.structured != b.structured:
            continue
        levels = len(a.levels)
        if levels == len(b.levels) and same_partition(a.codes, b.codes, levels):
            again = "" if a.name == b.name else f": each level of {a.name!r} is one of {b.name!r}"
            yield Remark(
                (first.label, second.label),
                f"({first.label}) and ({second.label}) divide the rows alike{again}.",
                "Keep one of the two terms.",
            )


def few_levels(material: Material) -> Iterator[Remark]:
    """Find random factors with so few levels that their variance is hardly known."""
    for name, grouping in material.groupings.items():
        levels = grouping.used
        if levels >= _FEW:
            continue
        term = next(t for t in material.design.terms if t.grouping.name == name)
        yield Remark(
            (name,),
            f"{name!r} has {levels} levels, from which the variance of ({term.label}) can hardly "
            "be estimated.",
            f"Enter {' * '.join(grouping.columns)} as fixed, or trust its variance only as far as "
            "fit.conf_int(method='profile') says.",
            "warning" if levels == 2 else "note",
        )


def _label(term: RandomTerm) -> str:
    """A term as it stands in a formula."""
    return f"({term.label})" if term.grouping.columns else term.grouping.name


def _tells_apart(material: Material, part: FixedPart, fixed: Term, group: Grouping) -> bool:
    """Whether a term of factors has a level of its own for each level of the group."""
    levels_of = part.recipe.levels
    coded = dict(material.coded(part))
    if not fixed.factors or any(f.text not in levels_of or f not in coded for f in fixed.factors):
        return False
    factors = [material.factor(coded[f]) for f in fixed.factors]
    codes: IntArray | None = None
    count = 1
    for factor in factors:
        if factor is None:
            return False
        count = count * len(factor.levels)
        codes = factor.codes if codes is None else _joined(codes, factor)
    if codes is None or count < len(group.levels):
        return False
    return determines(codes, int(codes.max()) + 1, group.codes)


def _joined(codes: IntArray, factor: Factor) -> IntArray:
    return cells(codes, factor.codes, len(factor.levels))[0]


def _variances_differ(material: Material) -> bool:
    """Whether residual variances of the rows differ in a known or modeled way."""
    weights = material.design.precision_weights
    if weights is not None and float(np.ptp(weights)) > 0.0:
        return True
    return any(
        p.predictor == "dispersion" and p.names != ("Intercept",) for p in material.design.fixed
    )
