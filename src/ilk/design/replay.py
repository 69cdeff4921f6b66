"""The same design on new data.

Functions of the formulas use what they learned from the data of the fit, factors keep the levels of
the fit, and a level that the fit does not know is an error that names it. Groups that the fit does
not know are not: their rows have code -1 and the caller decides. The response is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ilk.design.arguments import Argument, check_weights, read_argument, take
from ilk.design.build import Design, check_infinite, find_missing
from ilk.design.by import check_known
from ilk.design.evaluate import evaluate_vector
from ilk.design.fixed import add_offsets, constant, remake_fixed
from ilk.design.grouping import Grouping, find_levels
from ilk.design.memberships import find_members, missing_members
from ilk.design.positions import Elsewhere
from ilk.design.random import remake_columns
from ilk.design.rows import Missing, Rows, choose_rows
from ilk.design.scope import Scope
from ilk.errors import DataError
from ilk.formula.language import column_names
from ilk.formula.membership import Membership
from ilk.formula.spec import MEAN, FormulaSpec
from ilk.frame import Label, Tabular, columns
from ilk.typing import BoolArray, FloatArray, IntArray

_Levels: TypeAlias = "tuple[IntArray, FloatArray | None, tuple[Label, ...]]"


@dataclass(frozen=True, slots=True)
class NewPredictor:
    """Fixed part of one predictor on new rows.

    Parameters
    ----------
    predictor : str
        Name of the predictor.
    X : (m, p) array
        The columns of the fit.
    offset : (m,) array or None
        Sum of the known terms.
    """

    predictor: str
    X: FloatArray
    offset: FloatArray | None


@dataclass(frozen=True, slots=True)
class NewTerm:
    """A random term on new rows.

    Parameters
    ----------
    codes : (m,) array of int32
        Level of each row; -1 where it is missing or was not in the data of the fit.
    columns : (m, q) array or None
        Columns; None is a column of ones.
    unseen : tuple
        Labels that were not in the data of the fit.
    weights : (m, s) array or None
        Weights of the levels (m, s) in ``codes``, with multiple membership.
    """

    codes: IntArray
    columns: FloatArray | None
    unseen: tuple[Label, ...]
    weights: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class NewDesign:
    """A design on new rows.

    Parameters
    ----------
    fixed : tuple of NewPredictor
        In the order of the fit's.
    terms : tuple of NewTerm
        In the order of the fit's.
    rows : Rows
        Rows that have all values.
    flavor : str
        Make of the data frame.
    trials : (m,) array or None
        Binomial sizes, if the new data say them.
    exposure : (m,) array or None
        Exposure; its logarithm is part of the offset of the mean.
    precision_weights : (m,) array or None
        Precision weights, if the new data have their column.
    notes : tuple of str
        What was assumed or left out, in sentences.
    """

    fixed: tuple[NewPredictor, ...]
    terms: tuple[NewTerm, ...]
    rows: Rows
    flavor: str
    trials: FloatArray | None = None
    exposure: FloatArray | None = None
    precision_weights: FloatArray | None = None
    notes: tuple[str, ...] = ()


def replay(
    design: Design,
    data: Any,
    *,
    groups: bool = True,
    trials: Any = None,
    exposure: Any = None,
    offset: Any = None,
    precision_weights: Any = None,
    missing: Missing = "drop",
    elsewhere: Elsewhere = "refuse",
) -> NewDesign:
    """Make the matrices of a design from new data.

    Parameters
    ----------
    design : Design
        Of the fit.
    data : data frame or dict of columns
        New data, of any make; it may have no rows.
    groups : bool
        Whether the levels of the random terms are looked up. If not, the grouping columns need
        not exist and all codes are -1.
    trials, exposure, offset, precision_weights : str, array or None
        In place of the columns that the fit used.
    missing : {"drop", "error"}
        What to do about rows without a value in some column of the model. A missing group is not
        one: its code is -1.
    elsewhere : {"refuse", "any", "none"}
        What to do about positions of a series or a field that the fit does not know.

    Returns
    -------
    NewDesign

    Raises
    ------
    DataError
        A column is missing, or a factor has a level that the fit does not know.
    """
    frame = columns(data)
    spec = design.stated
    scope = Scope(frame, functions=spec.functions, memory=dict(design.memory), learning=False)
    given = {
        "trials": trials,
        "exposure": exposure,
        "offset": offset,
        "precision_weights": precision_weights,
    }
    arguments = _arguments(design, frame, given)
    rows = _choose(spec, scope, arguments, missing, groups)
    scope = scope.subset(rows.selection)
    check_infinite(_needed(spec), scope)
    values = {name: take(arguments.get(name), scope.rows) for name in given}
    scope.weights = _frequencies(design, scope)
    known = values["offset"]
    if values["exposure"] is not None:
        log_exposure = np.log(values["exposure"])
        known = log_exposure if known is None else known + log_exposure
    fixed = tuple(
        NewPredictor(
            part.predictor,
            remake_fixed(part, scope),
            add_offsets(
                spec.predictor(part.predictor) or constant(part.predictor),
                scope,
                known if part.predictor == MEAN else None,
            ),
        )
        for part in design.fixed
    )
    check_known([term.by for term in design.terms if term.by], scope)
    found: dict[tuple[str, bool], _Levels] = {}
    terms = tuple(
        NewTerm(codes, remake_columns(term, scope, elsewhere), unseen, weights)
        for term in design.terms
        for codes, weights, unseen in (_levels(term.grouping, scope, groups, found),)
    )
    counted = values["trials"]
    if counted is None and design.binomial:
        counted = values["precision_weights"]
    return NewDesign(
        fixed=fixed,
        terms=terms,
        rows=rows,
        flavor=frame.flavor,
        trials=_trials(design, scope) if counted is None else counted,
        exposure=values["exposure"],
        precision_weights=None if design.binomial else values["precision_weights"],
        notes=tuple(note for note in (rows.note, *dict.fromkeys(scope.notes)) if note is not None),
    )


def _arguments(design: Design, frame: Tabular, given: Mapping[str, Any]) -> dict[str, Argument]:
    """Row-wise arguments: those given now, else the columns that the fit named."""
    found: dict[str, Argument] = {}
    for name, value in given.items():
        if value is None and name in design.arguments:
            own = design.argument_columns[name]
            column = own if own in frame else design.arguments[name]
            optional = name in ("trials", "precision_weights")
            if optional and (column is None or column not in frame):
                continue
            if column is None:
                raise DataError(
                    f"The fit has {name}= as values of its own, not as a column; give {name}= for "
                    "the new data too.",
                    code="argument",
                )
            value = column
        argument = read_argument(name, value, frame)
        if argument is not None:
            found[name] = argument
    return found


def _frequencies(design: Design, scope: Scope) -> FloatArray | None:
    """Frequency weights of the new rows, if the fit has some by a column that is there."""
    name = design.argument_columns.get("frequency_weights")
    if name is None or name not in scope.frame:
        return None
    argument = read_argument("frequency_weights", name, scope.frame)
    return None if argument is None or argument.missing is not None else take(argument, scope.rows)


def _choose(
    spec: FormulaSpec,
    scope: Scope,
    arguments: Mapping[str, Argument],
    policy: Missing,
    groups: bool,
) -> Rows:
    missing = find_missing(spec.right_factors, (), scope, {})
    several = [mm for mm in spec.memberships if groups or _weighted(mm, scope)]
    missing |= missing_members(several, scope, labels=False)
    unusable: dict[str, BoolArray | None] = {}
    for name, argument in arguments.items():
        if name == "exposure":
            argument.refuse(argument.values <= 0, "must be positive")
        if name in ("exposure", "offset"):
            missing[argument.column or name] = argument.missing
        else:
            check_weights(argument)
    return choose_rows(scope.frame.rows, missing, unusable, policy, allow_none=True)


def _needed(spec: FormulaSpec) -> tuple[str, ...]:
    """Columns of the right sides without the grouping factors."""
    names = (name for f in spec.right_factors for name in column_names(f.expression))
    return tuple(dict.fromkeys(names))


def _levels(
    grouping: Grouping,
    scope: Scope,
    groups: bool,
    found: dict[tuple[str, bool], _Levels],
) -> _Levels:
    """Codes of a grouping on the new rows, their weights, labels that the fit does not know.

    They are found once for each grouping.
    """
    key = (grouping.name, grouping.structured)  # levels of a structure have an order of their own
    if key not in found:
        found[key] = _find(grouping, scope, groups)
    return found[key]


def _find(grouping: Grouping, scope: Scope, groups: bool) -> _Levels:
    if grouping.membership is None:
        if not groups:
            return np.full(scope.count, -1, dtype=np.int32), None, ()
        codes, unseen = find_levels(grouping, scope)
        return codes, None, unseen
    if groups or _weighted(grouping.membership, scope):
        return find_members(grouping, scope, labels=groups)
    size = scope.count, len(grouping.columns)
    return np.full(size, -1, dtype=np.int32), np.full(size, np.nan), ()


def _weighted(membership: Membership, scope: Scope) -> bool:
    """Whether the columns of weights are there."""
    return all(name in scope.frame for name in membership.weight_columns)


def _trials(design: Design, scope: Scope) -> FloatArray | None:
    """Trials of a two-part response, if the new data have its columns without gaps."""
    response = design.spec.response
    if not response.counts:
        return None
    names = [name for part in response.parts for name in column_names(part.expression)]
    if response.kind == "ratio":
        names = list(column_names(response.parts[1].expression))
    for name in names:
        if name not in scope.frame or not scope.column(name).finite:
            return None
        if not scope.column(name).numeric:
            return None
    parts = [
        evaluate_vector(part.expression, part.text, scope)
        for part in (response.parts[1:] if response.kind == "ratio" else response.parts)
    ]
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]
