"""The rows that are averaged over: those of the fit, or of a target population, with weights.

A target keeps the columns, the weights and the subgroups of its rows, and makes the rows of a
scenario: all as they are, but some columns set.  Rows of the fit keep the levels of their grouping
factors as the fit coded them, so that one effect per row and nested levels have their own
estimates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.arguments import check_weights, read_argument
from ilk.effects.variable import has_lags
from ilk.errors import DataError, ModelError
from ilk.formula.language import column_names
from ilk.frame import Column, Kept, Label, columns, factor, factor_integers, numbers, own_column
from ilk.prediction.levels import training_cases
from ilk.prediction.new_data import new_cases

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.prediction.levels import Cases, Estimand
    from ilk.typing import FloatArray, IntArray

__all__ = ["Scenario", "Target", "make_target"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Rows of a target with some columns set.

    Parameters
    ----------
    cases : Cases
        Rows that have all values.
    weights : (n,) array
        Their weights.
    groups : (n,) array of int, or None
        Their subgroup, -1 for none; None if there is one.
    exposure : (n,) array or None
        Their exposures.
    kept : (n,) array of int, or None
        Their positions among the rows of the target; None for all.
    weighted_by : tuple of str
        What the weights are, in words; empty if they are all one.
    """

    cases: Cases
    weights: FloatArray
    groups: IntArray | None
    exposure: FloatArray | None
    kept: IntArray | None
    weighted_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Rows to average over.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    frame : Kept
        Columns of the rows.
    own : bool
        Whether they are the rows of the fit.
    weights : (N,) array or None
        Weights; None is one each.
    groups : (N,) array of int, or None
        Subgroup of each row, -1 for none; None if there is one.
    subgroups : mapping of str to tuple
        Label of each subgroup in every column that makes them.
    count : int
        Number of subgroups.
    arguments : mapping
        Trials, exposure and offset as the caller gave them.
    weighted_by : str or None
        What the weights are, in words.
    explicit : bool
        Whether the caller gave them.
    """

    fitted: Fitted
    frame: Kept
    own: bool
    weights: FloatArray | None
    groups: IntArray | None
    subgroups: Mapping[str, tuple[Label, ...]]
    count: int
    arguments: Mapping[str, Any]
    weighted_by: str | None
    explicit: bool

    def with_settings(self, settings: Mapping[str, Label | Column]) -> Kept:
        """Columns of the rows, some of them set.

        Parameters
        ----------
        settings : mapping of str to value or Column
            One value for all rows, or one for each.

        Returns
        -------
        Kept
        """
        frame, known = self.frame, self.fitted.design.data
        for name, value in settings.items():
            if isinstance(value, Column):
                frame = frame.with_column(value)
                continue
            like = own_column(known.column(name), np.zeros(frame.rows, dtype=np.intp))
            frame = frame.with_column(like).with_value(name, value)
        return frame

    def scenario(
        self, settings: Mapping[str, Label | Column], estimand: Estimand, per: float | None = None
    ) -> Scenario:
        """Set columns in all rows.

        Parameters
        ----------
        settings : mapping of str to value or Column
            One value for all rows, or one for each.
        estimand : {"conditional", "typical", "population"}
            The question; only the first needs the levels of grouping factors.
        per : float, optional
            Exposure of every row, in place of its own.

        Returns
        -------
        Scenario
        """
        frame = self.with_settings(settings)
        looked_up: Estimand = "population" if self.own else estimand
        new = new_cases(self.fitted, frame, looked_up, per=per, **self.arguments)
        cases, kept = new.cases, new.kept
        if self.own:
            cases = replace(cases, codes=training_cases(self.fitted).codes)
        if cases.rows == 0:
            raise DataError(
                "None of the rows to average over has a value in every column of the model.",
                code="no-rows",
            )
        weights, words = self._weights(cases, kept)
        groups = None if self.groups is None else _pick(self.groups, kept)
        exposure = self._exposure(kept) if per is None else None
        return Scenario(cases, weights, groups, exposure, kept, words)

    def _weights(self, cases: Cases, kept: IntArray | None) -> tuple[FloatArray, tuple[str, ...]]:
        """Weights of the rows, and what they are."""
        words = () if self.weighted_by is None else (self.weighted_by,)
        weights = np.ones(cases.rows) if self.weights is None else _pick(self.weights, kept)
        if self.explicit or cases.trials is None:
            return weights, words
        return weights * cases.trials, (*words, "trials")

    def _exposure(self, kept: IntArray | None) -> FloatArray | None:
        if "exposure" not in self.fitted.design.arguments:
            return None
        given = self.arguments.get("exposure")
        if given is None:
            given = self.fitted.design.argument_columns["exposure"]
        argument = read_argument("exposure", given, self.frame)
        return None if argument is None else _pick(argument.values, kept)


def make_target(
    fitted: Fitted,
    data: Any = None,
    *,
    moved: Sequence[str] = (),
    weights: Any = None,
    by: str | Sequence[str] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Target:
    """Read the rows to average over.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    data : data frame, optional
        Target population; the rows of the fit by default.
    moved : sequence of str
        Columns that will be set, which the data need not have.
    weights : str or array, optional
        Weight of each row.  By default rows count as often as the frequency weights of the fit say
        (if the data have them), and rows of binomial counts as often as they have trials.
    by : str or sequence of str, optional
        Columns that make subgroups.
    arguments : mapping, optional
        Trials, exposure and offset for the data.

    Returns
    -------
    Target

    Raises
    ------
    DataError
        A column is not there, a weight is negative, or all are zero.
    """
    design, given = fitted.design, {k: v for k, v in (arguments or {}).items() if v is not None}
    if data is None and has_lags(design.stated):
        raise ModelError(
            "The formula looks at earlier rows (lag), and the fit keeps only the rows that it "
            "used: give the whole data again, data=.",
            code="lag",
        )
    if data is None and given:
        raise ModelError(
            f"{next(iter(given))}= is for new data; the rows of the fit have their own.",
            code="argument",
        )
    names = _names(by)
    extra = [name for name in (*names, weights, *given.values()) if isinstance(name, str)]
    frame = design.data if data is None else _open(fitted, data, extra, moved)
    values, words = _read_weights(fitted, frame, weights, own=data is None)
    groups, subgroups, count = _subgroups(frame, names, own=data is None)
    return Target(
        fitted=fitted,
        frame=frame,
        own=data is None,
        weights=values,
        groups=groups,
        subgroups=subgroups,
        count=count,
        arguments=given,
        weighted_by=words,
        explicit=weights is not None,
    )


def _names(by: Any) -> tuple[str, ...]:
    """Names of the columns of subgroups."""
    names = () if by is None else (by,) if isinstance(by, str) or not _is_listed(by) else tuple(by)
    for name in names:
        if not isinstance(name, str):
            raise ModelError(f"by= takes names of columns, not {name!r:.60}.", code="by")
    return tuple(dict.fromkeys(names))


def _is_listed(by: Any) -> bool:
    return hasattr(by, "__iter__")


def _open(fitted: Fitted, data: Any, extra: Sequence[str], moved: Sequence[str]) -> Kept:
    """Read the columns of a target population that are needed, once; nothing is copied."""
    frame, design = columns(data), fitted.design
    if isinstance(frame, Kept):
        return frame
    read = dict.fromkeys(n for f in design.stated.right_factors for n in column_names(f.expression))
    roles = dict.fromkeys(extra, "")
    required = [name for name in (*read, *roles) if name not in moved]
    optional = (*design.stated.columns, *design.argument_columns.values(), *moved)
    parts = {name: frame.column(name) for name in dict.fromkeys(required)}
    parts.update((n, frame.column(n)) for n in optional if n in frame and n not in parts)
    return Kept(frame.flavor, frame.rows, MappingProxyType(parts))


def _read_weights(
    fitted: Fitted, frame: Kept, weights: Any, *, own: bool
) -> tuple[FloatArray | None, str | None]:
    """Weights of the rows, and what they are."""
    design = fitted.design
    if weights is None:
        name = design.argument_columns.get("frequency_weights")
        if name is None or name not in frame:
            return None, None
        return np.nan_to_num(numbers(frame.column(name))), "frequency weights"
    if own and not isinstance(weights, str) and np.ndim(weights) == 1:
        total = design.rows.total
        if len(weights) == total != frame.rows:
            weights = np.asarray(weights)[design.rows.kept]
    if own and isinstance(weights, str) and weights not in frame:
        raise _not_kept(weights, "weights=")
    argument = read_argument("weights", weights, frame)
    assert argument is not None
    check_weights(argument)
    values = np.where(np.isnan(argument.values), 0.0, argument.values)
    if not np.any(values > 0.0):
        raise DataError(f"{argument.label}: no weight is positive.", code="bad-argument")
    return values, argument.column or "the weights given"


def _subgroups(
    frame: Kept, names: Sequence[str], *, own: bool
) -> tuple[IntArray | None, dict[str, tuple[Label, ...]], int]:
    """Combinations of columns that occur."""
    if not names:
        return None, {}, 1
    for name in names:
        if own and name not in frame:
            raise _not_kept(name, "by=")
    factors = [factor(frame.column(name, "by=")) for name in names]
    codes, labels = combine(factors)
    if not labels:
        raise DataError(f"by={list(names)!r}: no row has a value in these columns.", code="by")
    labelled = {name: tuple(label[j] for label in labels) for j, name in enumerate(names)}
    return codes, labelled, len(labels)


def combine(factors: Sequence[Any]) -> tuple[IntArray, list[tuple[Label, ...]]]:
    """Combinations of factors that occur.

    Parameters
    ----------
    factors : sequence of Factor
        At least one, of the same rows.

    Returns
    -------
    codes : (n,) array of int
        Combination of each row, -1 where a factor has no value.
    labels : list of tuple
        Labels of each combination.
    """
    mixed = np.zeros(len(factors[0].codes), dtype=np.int64)
    missing = np.zeros(len(mixed), dtype=bool)
    for found in factors:
        mixed = mixed * max(1, len(found.levels)) + found.codes
        missing |= found.codes < 0
    codes, present = factor_integers(mixed, missing if missing.any() else None)
    labels = []
    for value in present.tolist():
        label: list[Label] = []
        for found in reversed(factors):
            value, code = divmod(value, max(1, len(found.levels)))
            label.append(found.levels[code])
        labels.append(tuple(reversed(label)))
    return codes, labels


def _pick(values: Any, kept: IntArray | None) -> Any:
    """Values of the rows that are kept."""
    return values if kept is None else values[kept]


def _not_kept(name: str, role: str) -> DataError:
    return DataError(
        f"{role}{name!r} is not a column that the fit used, and it keeps only those: give the "
        "data again, data=.",
        code="not-kept",
    )
