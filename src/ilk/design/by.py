"""Random terms whose covariance parameters differ between the levels of a factor.

``(1 + x | g, by=sex)`` is one term for each level of ``sex``: the columns are zero in the rows of
the other levels, so that a level of g has effects for each sex that it has rows of, independent of
each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ilk.design.grouping import combine
from ilk.design.levels import match_levels
from ilk.design.scope import Scope
from ilk.errors import DataError
from ilk.formula.bars import label_of
from ilk.formula.spec import FormulaSpec, PredictorSpec, RandomSpec
from ilk.frame import Label, listing
from ilk.typing import BoolArray

__all__ = ["cell_names", "cell_of_rows", "check_known", "in_cells"]


def in_cells(spec: FormulaSpec, scope: Scope) -> FormulaSpec:
    """Write the terms with ``by=`` once for each level that the data have.

    Parameters
    ----------
    spec : FormulaSpec
        The formulas.
    scope : Scope
        The data.

    Returns
    -------
    FormulaSpec
        The same if no term has ``by=``.

    Raises
    ------
    DataError
        A factor of ``by=`` has a single level.
    """
    if not any(random.by for part in spec.predictors for random in part.random):
        return spec
    return replace(spec, predictors=tuple(_in_cells(part, scope) for part in spec.predictors))


def _in_cells(part: PredictorSpec, scope: Scope) -> PredictorSpec:
    found: list[RandomSpec] = []
    for random in part.random:
        if not random.by or random.cell:
            found.append(random)
            continue
        bar = "||" if "||" in random.label else "|"
        for level in _levels(random, scope):
            split = replace(random, cell=level)
            found.append(replace(split, label=label_of(split, bar)))
    return replace(part, random=tuple(found))


def _levels(random: RandomSpec, scope: Scope) -> list[tuple[Label, ...]]:
    levels = combine(random.by, scope).levels
    if len(levels) < 2:
        raise DataError(
            f"In ({random.label}), {':'.join(random.by)!r} has a single level in the rows used: "
            "leave by= out.",
            code="single-level",
        )
    return [level if isinstance(level, tuple) else (level,) for level in levels]


def cell_of_rows(by: Sequence[tuple[str, Label]], scope: Scope) -> BoolArray:
    """Rows (n,) that have these labels.

    Parameters
    ----------
    by : sequence of (str, label)
        Column and label.
    scope : Scope
        The data.
    """
    here = np.ones(scope.count, dtype=bool)
    for name, label in by:
        factor = scope.factor(name)
        here &= np.append(match_levels((label,), factor.levels) == 0, False)[factor.codes]
    return here


def cell_names(by: Sequence[tuple[str, Label]], names: Sequence[str], one: str) -> tuple[str, ...]:
    """Names of the columns of a term in one cell, ``sex[F]`` and ``sex[F]:x``.

    Parameters
    ----------
    by : sequence of (str, label)
        Column and label.
    names : sequence of str
        Names of the columns of the term.
    one : str
        Which of them is the column of ones.
    """
    cell = ":".join(f"{name}[{label}]" for name, label in by)
    return tuple(cell if name == one else f"{cell}:{name}" for name in names)


def check_known(by: Sequence[Sequence[tuple[str, Label]]], scope: Scope) -> None:
    """Refuse rows whose labels are not those of any term.

    Parameters
    ----------
    by : sequence of sequences of (str, label)
        Columns and labels of each term.
    scope : Scope
        New data.
    """
    known: dict[str, dict[Label, None]] = {}
    for cell in by:
        for name, label in cell:
            known.setdefault(name, {})[label] = None
    for name, labels in known.items():
        factor = scope.factor(name)
        found = match_levels(tuple(labels), factor.levels)
        strange = [factor.levels[i] for i in np.flatnonzero(found < 0)]
        if strange:
            raise DataError(
                f"Column {name!r} has {listing(strange)}, which did not occur in the data of the "
                f"fit, and whose random effects have no variance; by= knows "
                f"{listing(list(labels))}.",
                code="unknown-level",
            )
