"""Specification and data to a design: the response, a fixed part per predictor, random terms.

Which rows are used is decided once, for all parts together, so that responses, weights, offsets and
groups stay aligned; what was left out is counted by column.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from ilk.design.arguments import Argument, check_weights, read_argument, take
from ilk.design.by import in_cells
from ilk.design.evaluate import compute_lags
from ilk.design.exposure import without_exposure
from ilk.design.fixed import FixedPart, constant, make_fixed, with_intercept
from ilk.design.grouping import Grouping
from ilk.design.memberships import missing_members
from ilk.design.random import RandomTerm, make_terms
from ilk.design.response import Response, make_response, no_trials
from ilk.design.rows import Missing, Rows, choose_rows
from ilk.design.scope import Scope
from ilk.errors import DataError, ModelError
from ilk.formula.language import Name, column_names
from ilk.formula.spec import MEAN, OLRE, Factor, FormulaSpec, PredictorSpec
from ilk.frame import Column, Kept, Label, columns, own_column
from ilk.typing import BoolArray, FloatArray

__all__ = ["Design", "FixedPart", "Grouping", "RandomTerm", "Response", "Rows", "build"]

_OWN = "({})"
"""Name of the column of an argument that was given as values of its own."""

_ARGUMENTS = (
    "trials",
    "exposure",
    "offset",
    "frequency_weights",
    "precision_weights",
    "order",
)


@dataclass(frozen=True, slots=True)
class Design:
    """All arrays of a model, in the rows that have every value.

    Parameters
    ----------
    spec : FormulaSpec
        What the formulas say.
    response : Response
        Response and trials.
    fixed : tuple of FixedPart
        One for each parameter of the family, in its order.
    terms : tuple of RandomTerm
        Random terms of all predictors.
    rows : Rows
        Which rows of the data are used, and what others lack.
    data : Kept
        The columns that the formulas and arguments use, in the rows used: what the fit was made
        of, whatever becomes of the caller's frame.  Arguments that were values of their own are
        columns named after them, see `argument_columns`.
    frequency_weights, precision_weights : (n,) array or None
        Weights; those that are the trials of a proportion have become ``response.trials``.
    exposure : (n,) array or None
        Exposure; its logarithm is part of the offset of the mean.
    exposure_name : str or None
        Column of the exposure.
    notes : tuple of str
        What was assumed or left out, in sentences.
    memory : mapping
        What functions of the formulas have learned from these data, by the text of their calls.
    arguments : mapping
        Row-wise arguments that were given, and the column that each names (None for an array). The
        exposure may also come from the formula, see `ilk.design.exposure`.
    binomial : bool
        Whether the family counts successes among trials.
    """

    spec: FormulaSpec
    response: Response
    fixed: tuple[FixedPart, ...]
    terms: tuple[RandomTerm, ...]
    rows: Rows
    data: Kept
    frequency_weights: FloatArray | None = None
    precision_weights: FloatArray | None = None
    exposure: FloatArray | None = None
    exposure_name: str | None = None
    notes: tuple[str, ...] = ()
    memory: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, str | None] = field(default_factory=dict)
    binomial: bool = False

    @property
    def random_parts(self) -> tuple[RandomTerm, ...]:
        """Random terms, those with columns of several predictors taken apart."""
        return tuple(part for term in self.terms for part, _ in term.parts)

    @property
    def flavor(self) -> str:
        """Make of the data frame, for answers."""
        return self.data.flavor

    @property
    def stated(self) -> FormulaSpec:
        """What the formulas say beside the arguments: without an offset that is the exposure."""
        return without_exposure(self.spec, self.arguments)

    @property
    def argument_columns(self) -> dict[str, str]:
        """Column of `data` that holds each row-wise argument."""
        return {
            name: _OWN.format(name) if column is None else column
            for name, column in self.arguments.items()
        }


def build(
    spec: FormulaSpec,
    data: Any,
    *,
    parameters: Sequence[str] = (MEAN,),
    binomial: bool = False,
    categories: tuple[Label, ...] | None = None,
    censored: bool = False,
    without_intercept: Collection[str] = (),
    trials: Any = None,
    exposure: Any = None,
    offset: Any = None,
    frequency_weights: Any = None,
    precision_weights: Any = None,
    order: Any = None,
    missing: Missing = "drop",
) -> Design:
    """Build the design of a model.

    Parameters
    ----------
    spec : FormulaSpec
        Formulas.
    data : data frame or dict of columns
        The data.
    parameters : sequence of str
        Parameters of the family that have a predictor; those without a formula get an intercept.
    binomial : bool
        Whether the family counts successes among trials.
    categories : tuple, optional
        Categories of the response, in order, where it is one of several.
    censored : bool
        Whether the family understands censored responses.
    without_intercept : collection of str
        Parameters whose intercept is left out, see `ilk.design.fixed.make_fixed`.
    trials, exposure, offset, frequency_weights, precision_weights : str, array or None
        Row-wise arguments: name of a column, or one value for each row.
    order : str, array or None
        Another one: time or wave of the rows of a cluster, for models that need it.
    missing : {"drop", "error"}
        What to do about rows without a value in some column of the model.

    Returns
    -------
    Design

    Raises
    ------
    DataError
        A column does not exist or cannot be used as asked; the message names column and row.
    ModelError
        The parts of the model do not fit together.
    """
    frame = columns(data)
    if frame.rows == 0:
        raise DataError("The data have no rows.", code="no-rows")
    given = (trials, exposure, offset, frequency_weights, precision_weights, order)
    arguments = {
        name: argument
        for name, value in zip(_ARGUMENTS, given, strict=True)
        if (argument := read_argument(name, value, frame)) is not None
    }
    named = {name: argument.column for name, argument in arguments.items()}
    stated = without_exposure(spec, named)
    predictors = [
        with_intercept(part) if part.name in without_intercept else part
        for part in _predictors(stated, parameters)
    ]
    scope = Scope(frame, functions=spec.functions)
    rows = _choose(stated, scope, arguments, missing)
    scope = scope.subset(rows.selection)
    used = stated.columns
    check_infinite([name for name in used if name not in open_ends(stated)], scope)
    kept = _keep(used, arguments, scope)
    scope.read_from(kept)

    notes = [note for note in (rows.note,) if note is not None]
    weights = {name: take(arguments.get(name), scope.rows) for name in _ARGUMENTS}
    scope.weights = weights["frequency_weights"]
    response = make_response(
        spec.response,
        scope,
        binomial=binomial,
        trials=weights["trials"],
        proportions_of=weights["precision_weights"] if binomial else None,
        notes=notes,
        trials_label=arguments["trials"].label if "trials" in arguments else "trials",
        categories=categories,
        censored=censored,
    )
    known = weights["offset"]
    exposed = weights["exposure"]
    if exposed is not None:
        known = np.log(exposed) if known is None else known + np.log(exposed)
    fixed = tuple(
        make_fixed(
            part,
            scope,
            known if part.name == MEAN else None,
            drop_intercept=part.name in without_intercept,
        )
        for part in predictors
    )
    groupings: dict[tuple[str, ...], Grouping] = {}
    spec = in_cells(spec, scope)
    terms = make_terms(
        ((part.name, random) for part in _predictors(spec, parameters) for random in part.random),
        scope,
        groupings,
    )
    return Design(
        spec=spec,
        response=response,
        fixed=fixed,
        terms=terms,
        rows=rows,
        data=kept,
        frequency_weights=weights["frequency_weights"],
        precision_weights=None if binomial else weights["precision_weights"],
        exposure=exposed,
        exposure_name=named.get("exposure"),
        notes=(
            *notes,
            *scope.notes,
            *_replaced_notes(fixed, without_intercept),
            *_dropped_notes(fixed),
        ),
        memory=scope.memory,
        arguments=named,
        binomial=binomial,
    )


def _keep(used: Sequence[str], arguments: Mapping[str, Argument], scope: Scope) -> Kept:
    """Keep the columns that were used, in the rows that were used."""
    named = [argument.column for argument in arguments.values() if argument.column is not None]
    parts = {
        name: own_column(scope.column(name), scope.rows) for name in dict.fromkeys((*used, *named))
    }
    for argument in arguments.values():
        if argument.column is None:
            name = _OWN.format(argument.name)
            parts[name] = own_column(Column(name, "float", argument.values), scope.rows)
    return Kept(scope.frame.flavor, scope.count, MappingProxyType(parts))


def _predictors(spec: FormulaSpec, parameters: Sequence[str]) -> list[PredictorSpec]:
    """Right side of each parameter, an intercept where no formula says more."""
    for part in spec.predictors:
        if part.name not in parameters:
            raise ModelError(
                f"{part.name}= has a formula, but this family has no such parameter; it has "
                f"{', '.join(parameters)}.",
                code="parameter",
            )
    return [spec.predictor(name) or constant(name) for name in parameters]


def _choose(
    spec: FormulaSpec, scope: Scope, arguments: Mapping[str, Argument], policy: Missing
) -> Rows:
    """Decide which rows are used."""
    missing = find_missing(
        (*spec.response.parts, *spec.right_factors), spec.grouping_columns, scope, _roles(spec)
    )
    missing |= missing_members(spec.memberships, scope)
    unusable: dict[str, BoolArray | None] = {}
    for name, argument in arguments.items():
        missing[argument.column or name] = argument.missing
        if name in ("frequency_weights", "precision_weights"):
            unusable[f"{name} = 0"] = check_weights(argument)
        elif name == "trials":
            unusable["trials = 0"] = check_weights(argument)
        elif name == "exposure":
            argument.refuse(argument.values <= 0, "must be positive")
    rows = choose_rows(scope.frame.rows, missing, unusable, policy)
    if spec.response.kind != "value":
        usable = np.zeros(rows.total, dtype=bool)
        usable[rows.kept] = True
        empty = no_trials(spec.response, scope.subset(rows.selection), usable)
        if empty is not None:
            lacking = "no trials" if spec.response.counts else "no ends"
            unusable[f"{spec.response.text}: {lacking}"] = empty
            rows = choose_rows(scope.frame.rows, missing, unusable, policy)
    return rows


def _roles(spec: FormulaSpec) -> dict[str, str]:
    """Say what grouping columns are wanted for, for messages."""
    return {
        name: f"grouping factor of ({random.label})"
        for part in spec.predictors
        for random in part.random
        for name in random.grouping
        if name != OLRE and random.membership is None
    }


def find_missing(
    factors: Sequence[Factor], groupings: Sequence[str], scope: Scope, roles: Mapping[str, str]
) -> dict[str, BoolArray | None]:
    """Find where columns, and the lags of expressions, have no value.

    Parameters
    ----------
    factors : sequence of Factor
        Factors that are needed.
    groupings : sequence of str
        Columns that are needed too.
    scope : Scope
        All rows of the data; the values of the lags are kept in it.
    roles : mapping
        What columns are wanted for, for messages.

    Returns
    -------
    dict
        (N,) mask by column or text of a lag; None where nothing is missing. A column that is used
        inside of lags only does not count itself.
    """
    missing: dict[str, BoolArray | None] = {}
    for factor in factors:
        expression = factor.expression
        if isinstance(expression, Name):
            missing[expression.column] = scope.column(expression.column).missing
            continue
        for name in column_names(expression, except_in="lag"):
            missing[name] = scope.column(name).missing
        for text, values in compute_lags(expression, scope).items():
            lost = np.isnan(values)
            missing[text] = lost if lost.any() else None
    for name in groupings:
        missing[name] = scope.column(name, roles.get(name, "")).missing
    return missing


def open_ends(spec: FormulaSpec) -> tuple[str, ...]:
    """Columns that may be infinite: the ends of intervals."""
    response = spec.response
    if response.kind != "censored" or response.censoring != "interval":
        return ()
    parts = (part.expression for part in response.parts)
    return tuple(part.column for part in parts if isinstance(part, Name))


def check_infinite(names: Sequence[str], scope: Scope) -> None:
    """Refuse infinite values in the rows used, naming column and row.

    Parameters
    ----------
    names : sequence of str
        Columns.
    scope : Scope
        The rows used.

    Raises
    ------
    DataError
        A value is infinite.
    """
    for name in names:
        column = scope.column(name)
        if column.finite or column.kind != "float":
            continue
        infinite = np.isinf(scope.number(name))
        if infinite.any():
            count = int(infinite.sum())
            raise DataError(
                f"Column {name!r} is infinite in {count} row{'s' if count > 1 else ''}, first in "
                f"row {scope.row(int(np.argmax(infinite)))}; correct or remove such rows.",
                code="infinite",
            )


def _replaced_notes(fixed: Sequence[FixedPart], without_intercept: Collection[str]) -> list[str]:
    """Sentences about intercepts that other parameters take the place of."""
    first = next((part.predictor for part in fixed if part.predictor not in without_intercept), "")
    return [
        f"The {part.predictor} has no intercept: the {first.split('_')[0]}s take its place."
        for part in fixed[:1]
        if part.predictor in without_intercept
    ]


def _dropped_notes(fixed: Sequence[FixedPart]) -> list[str]:
    """Sentences about columns that cannot be estimated."""
    notes = []
    for part in fixed:
        if part.dropped:
            names = ", ".join(part.dropped)
            notes.append(
                f"Not estimable in the {part.predictor} and left out, because other columns say "
                f"the same: {names}."
            )
    return notes
