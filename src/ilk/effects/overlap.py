"""Positivity: settings that the data hold no example of, in words.

A mean that is predicted for a level in a subgroup where that level never occurred, or for an
amount outside the observed range, rests on the form of the model and on nothing else.  What is so
is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ilk.design.levels import match_levels
from ilk.effects.target import combine
from ilk.effects.variable import coded_names, mean_factors, moved_columns
from ilk.frame import Column, Factor, Kept, Label, factor, numbers, quote

if TYPE_CHECKING:
    from ilk.effects.variable import Variable
    from ilk.fitted import Fitted
    from ilk.typing import BoolArray

__all__ = ["overlap_notes", "range_note"]

_NAMED = 4
"""Combinations that are named one by one; more are counted."""


def overlap_notes(
    fitted: Fitted,
    variable: Variable,
    levels: Sequence[Label],
    target: Kept,
    by: Sequence[str] = (),
) -> tuple[str, ...]:
    """Name combinations of levels that the averages need and the data of the fit do not have.

    Subgroups are looked at first, then every factor of the mean by itself, then all of them
    together if none was found alone.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    variable : Variable
        The variable that is set.
    levels : sequence
        What it is set to.
    target : Kept
        Rows that are averaged over.
    by : sequence of str
        Columns of subgroups.

    Returns
    -------
    tuple of str
        Sentences.
    """
    data = fitted.design.data
    others = _other_factors(fitted, variable)
    sets = [tuple(by)] if by and variable.name not in by else []
    sets += [(name,) for name in others if (name,) not in sets]
    found: list[str] = []
    for names in sets:
        found += _notes(variable, levels, names, data, target)
    if not found and len(others) > 1:
        found += _notes(variable, levels, tuple(others), data, target)
    return tuple(found)


def range_note(variable: Variable, values: Column | Label, what: str) -> str | None:
    """Say that amounts lie outside what was observed.

    Parameters
    ----------
    variable : Variable
        A number.
    values : Column or number
        What it is set to.
    what : str
        The setting in words.

    Returns
    -------
    str or None
    """
    if variable.coded:
        return None
    amounts = numbers(values) if isinstance(values, Column) else np.array([float(values)])  # type: ignore[arg-type]
    outside = (amounts < variable.low) | (amounts > variable.high)
    share = float(np.mean(outside))
    if share == 0.0:
        return None
    rows = "" if share == 1.0 else f" in {100 * share:.3g}% of the rows"
    return (
        f"Extrapolated: {what} lies outside the observed range of {variable.name} "
        f"({variable.low:g} to {variable.high:g}){rows}."
    )


def _other_factors(fitted: Fitted, variable: Variable) -> list[str]:
    """Columns of levels that the mean depends on, but for the variable and the clusters."""
    spec, data = fitted.design.stated, fitted.design.data
    factors = mean_factors(fitted)
    coded = coded_names(factors)
    groups = spec.grouping_columns
    names = dict.fromkeys(n for f in factors for n in moved_columns(f.expression))
    return [
        name
        for name in names
        if name != variable.name
        and name not in groups
        and (not data.column(name).numeric or data.column(name).kind == "boolean" or name in coded)
    ]


def _notes(
    variable: Variable, levels: Sequence[Label], names: Sequence[str], data: Kept, target: Kept
) -> Iterator[str]:
    """Sentences about one set of columns."""
    if any(name not in target for name in names):
        return
    known = all(name in data for name in names)
    if not known and variable.name not in target:
        return
    source = data if known else target  # subgroups of columns that the fit does not know
    occurs = _occurrence(source, variable.name, levels, names)
    wanted = dict.fromkeys(combine([factor(target.column(name)) for name in names])[1])
    for level in levels:
        lacking = [labels for labels in wanted if level not in occurs.get(labels, ())]
        if not lacking:
            continue
        never = f"{variable.name} = {quote(level)} never occurs"
        where = "" if known else " in the target data"
        if len(lacking) > _NAMED:
            yield (
                f"No overlap: {never}{where} in {len(lacking)} of the {len(wanted)} levels of "
                f"{' by '.join(names)}; what can be said of means there rests on the model's "
                "form alone."
            )
            continue
        places = " or ".join(
            " and ".join(f"{n} = {quote(x)}" for n, x in zip(names, labels, strict=True))
            for labels in lacking
        )
        yield (
            f"No overlap: {never}{where} where {places}; what can be said of the mean there rests "
            "on the model's form alone."
        )


def _occurrence(
    source: Kept, name: str, levels: Sequence[Label], names: Sequence[str]
) -> Mapping[tuple[Label, ...], set[Label]]:
    """Levels of the variable that occur with each combination of other columns."""
    found = factor(source.column(name))
    place = match_levels(tuple(levels), found.levels)
    own = Factor(np.append(place, np.int32(-1))[found.codes], tuple(levels))
    inside: BoolArray = own.codes >= 0
    _, labels = combine(
        [Factor(f.codes[inside], f.levels) for f in (*_factors(source, names), own)]
    )
    occurs: dict[tuple[Label, ...], set[Label]] = {}
    for label in labels:
        occurs.setdefault(label[:-1], set()).add(label[-1])
    return occurs


def _factors(source: Kept, names: Sequence[str]) -> list[Factor]:
    return [factor(source.column(name)) for name in names]
