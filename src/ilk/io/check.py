"""Whether decoded arrays are those of a design: nothing that an engine reads may lead astray."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.fixed import INTERCEPT, with_intercept
from ilk.design.random import shared_names
from ilk.family.censored import Censored
from ilk.formula.spec import FormulaSpec, RandomSpec, Sum, Term

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.random import RandomTerm
    from ilk.family.base import AbstractFamily

__all__ = ["design_fault"]

_CONSTANT = Sum((Term(),))


def design_fault(design: Design, spec: FormulaSpec, family: AbstractFamily) -> str | None:
    """Find the first fault of a design.

    Parameters
    ----------
    design : Design
        Read from a file; its fields have the declared types.
    spec : FormulaSpec
        The formulas of the same file, parsed.
    family : AbstractFamily
        Its family.

    Returns
    -------
    str or None
        What is wrong, in words.

    Raises
    ------
    DataError
        The family cannot have produced the response.
    """
    n = len(design.response.y)
    faults = chain(_words(design, spec, family), _vectors(design, family, n))
    faults = chain(faults, _fixed(design, family, n))
    faults = chain(faults, *(_term(term, n) for term in design.terms), _data(design, spec, n))
    fault = next(faults, None)
    if fault is None:
        family.check(design.response.y, design.response.second, design.response.name)
    return fault


def _words(design: Design, spec: FormulaSpec, family: AbstractFamily) -> Iterator[str]:
    """Predictors, terms and recipes must be those of the formulas, which have passed the gate."""
    if tuple(part.predictor for part in design.fixed) != family.parameters:
        yield "its predictors are not those of its family"
    if design.binomial != family.takes_trials:
        yield "its response is not what its family takes"
    sides = {part.name: part for part in spec.predictors}
    if not set(sides) <= set(family.parameters):
        yield "its formulas are not those of its family's parameters"
    for part in design.fixed:
        side = sides.get(part.predictor)
        if side is not None and part.predictor in family.without_intercept:
            side = with_intercept(side)
        if part.recipe.terms != (_CONSTANT if side is None else side.fixed):
            yield "its columns are not those of its formulas"
    random = [(side.name, term) for side in spec.predictors for term in side.random]
    homes = shared_names([term for _, term in random])
    if [len(home) for home in homes] != [len(term.parts) for term in design.terms]:
        yield "its random terms are not those of its formulas"
        return
    places = [j for home in homes for j in home]
    for j, term in zip(places, design.random_parts, strict=True):
        predictor, of_formula = random[j]
        same = (predictor, of_formula.label, of_formula.structure) == (
            term.predictor,
            term.label,
            term.structure,
        )
        if not same or not _columns_agree(term, of_formula):
            yield "its random terms are not those of its formulas"


def _columns_agree(term: RandomTerm, of_formula: RandomSpec) -> bool:
    """Whether the columns of a term are those of the formula: effects, or positions."""
    if term.positions is None:
        terms = _CONSTANT if term.recipe is None else term.recipe.terms
        return terms == of_formula.effects
    columns = tuple(f.text.strip("`") for one in of_formula.effects.terms for f in one.factors)
    return term.recipe is None and term.positions.columns == columns


def _vectors(design: Design, family: AbstractFamily, n: int) -> Iterator[str]:
    optional = [design.response.trials, design.frequency_weights, design.precision_weights]
    optional += [design.exposure, *(part.offset for part in design.fixed)]
    present = [design.response.y, *(vector for vector in optional if vector is not None)]
    if not all(_is_finite(vector, (n,)) for vector in present):
        yield "its vectors differ in length or are not finite"
        return
    other = design.response.other
    if (other is not None) != isinstance(family, Censored):
        yield "its response is not what its family takes"
    if other is not None and (other.shape != (n,) or np.isnan(other).any()):
        yield "the ends of its censored responses are not numbers"
    for weights in (design.frequency_weights, design.precision_weights, design.exposure):
        if weights is not None and not np.all(weights > 0.0):
            yield "its weights are not positive"
    kept, total = design.rows.kept, design.rows.total
    if n == 0 or kept.shape != (n,) or not 0 <= int(kept.min()) <= int(kept.max()) < total:
        yield "its rows are not rows of its data"


def _fixed(design: Design, family: AbstractFamily, n: int) -> Iterator[str]:
    for part in design.fixed:
        whole = tuple(
            name
            for name in part.recipe.names
            if name != INTERCEPT or part.predictor not in family.without_intercept
        )
        named = set(part.names) <= set(part.all_names) and part.all_names == whole
        if not named or not _is_finite(part.X, (n, len(part.names))):
            yield "its columns are not what their names say"


def _term(term: RandomTerm, n: int) -> Iterator[str]:
    yield from chain.from_iterable(_term(member, n) for member in term.members)
    if term.members and (
        term.recipe is not None or sum(m.width for m in term.members) != term.width
    ):
        yield "its random effects are not those of its parts"
    codes, levels, names = term.grouping.members, term.grouping.levels, term.column_names
    membership, weights = term.grouping.membership, term.grouping.weights
    shape = (n,) if membership is None else (n, len(membership.columns))
    if codes.dtype != np.int32 or codes.shape != shape or (weights is None) != (membership is None):
        yield "its groups do not fit its rows"
    elif weights is not None and not _is_finite(weights, shape):
        yield "the weights of its groups do not fit its rows"
    elif not 0 <= int(codes.min()) <= int(codes.max()) < len(levels):
        yield "its groups have no level for some rows"
    if term.columns is None:
        if len(names) != 1 or term.recipe is not None:
            yield "its random effects have no columns"
        return
    recipe = term.recipe
    if term.positions is not None:
        yield from _at_positions(term)
        known: tuple[str, ...] | None = term.positions.names
    else:
        known = None if recipe is None else recipe.names
    named = bool(names) and (bool(term.members) or known == names)
    if not named or not _is_finite(term.columns, (n, len(names))):
        yield "its random effects are not what their names say"


def _at_positions(term: RandomTerm) -> Iterator[str]:
    """Each row is at one position, and these are numbers in order, or labels."""
    assert term.positions is not None
    assert term.columns is not None
    values = term.positions.values
    width = len(term.positions.columns)
    if any(len(value) != width for value in values) or len(set(values)) != len(values):
        yield "its positions are not those of its coordinates"
        return
    numeric = all(isinstance(x, float) for value in values for x in value)
    ordered = not numeric or list(values) == sorted(values)
    if not ordered or (numeric and not np.all(np.isfinite(term.positions.points))):
        yield "its positions are not in order"
    ones = term.columns == 1.0
    if not np.array_equal(ones.sum(axis=1), np.ones(len(ones))) or np.any(term.columns[~ones]):
        yield "its rows are not at its positions"


def _data(design: Design, spec: FormulaSpec, n: int) -> Iterator[str]:
    """Columns kept must be those that the formulas and arguments name, with a value in each row."""
    table = design.data
    if set(table.parts) != {*spec.columns, *design.argument_columns.values()} or table.rows != n:
        yield "its table is not the one that its formulas name"
        return
    for name, column in table.parts.items():
        codes = column.levels is not None
        kind = column.values.dtype.kind
        gone = column.missing  # of a column that is used in lags only
        fits = column.values.shape == (n,) and (gone is None or gone.shape == (n,))
        if column.name != name or not fits:
            yield "its table has a column that does not fit its rows"
        elif kind not in ("i" if codes else "iufb") or (kind == "f") != (column.kind == "float"):
            yield "its table has a column of another type than it says"
        elif codes and not -1 <= int(column.values.min()) <= int(column.values.max()) < len(
            column.levels or ()
        ):
            yield "its table has a level without a name"


def _is_finite(array: Any, shape: tuple[int, ...]) -> bool:
    plain = array.dtype == np.float64 and array.shape == shape
    return bool(plain and np.all(np.isfinite(array)))
