"""Rows that belong to several levels of one factor: ``mm(g1, g2, weights=[w1, w2])``.

Row i contributes ``z_i' sum_s w_is b[c_is]`` to its predictor.  The levels are the labels of all
columns together.  A weight of 0 is no membership, whatever the label; without a label a weight that
is missing too is none either; a label without its weight, or a weight without its label, is a
missing value.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ilk.design.grouping import Grouping
from ilk.design.levels import match_levels
from ilk.design.scope import Scope
from ilk.errors import DataError
from ilk.formula.membership import Membership
from ilk.frame import Label
from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["find_members", "make_memberships", "missing_members"]


def make_memberships(membership: Membership, scope: Scope, least: int = 2) -> Grouping:
    """Make the grouping factor of a multiple membership.

    Parameters
    ----------
    membership : Membership
        What the formula says.
    scope : Scope
        The data, rows with missing values left out.
    least : int
        Fewest levels.

    Returns
    -------
    Grouping

    Raises
    ------
    DataError
        There are fewer levels, or weights that cannot be scaled.
    """
    weights = _weights(membership, scope)
    factors = [scope.factor(column) for column in membership.columns]
    labels: dict[object, Label] = {}
    for k, factor in enumerate(factors):
        inside = np.unique(factor.codes[weights[:, k] != 0.0])
        for label in (factor.levels[code] for code in inside.tolist()):
            labels.setdefault(_key(label), label)
    levels = _sorted(list(labels.values()))
    if len(levels) < least:
        raise DataError(
            f"The grouping factor {membership.name!r} has fewer than {least} levels in the rows "
            "used; its variance cannot be estimated. Remove the term or choose another grouping.",
            code="single-level",
        )
    codes = np.zeros(weights.shape, dtype=np.int32)
    for k, factor in enumerate(factors):
        place = np.append(match_levels(levels, factor.levels), np.int32(0))
        codes[:, k] = np.where(weights[:, k] != 0.0, place[factor.codes], 0)
    return Grouping(
        membership.name, codes, levels, membership.columns, weights=weights, membership=membership
    )


def find_members(
    grouping: Grouping, scope: Scope, *, labels: bool = True
) -> tuple[IntArray, FloatArray, tuple[Label, ...]]:
    """Find the levels of new rows among those of the fit.

    Parameters
    ----------
    grouping : Grouping
        Of the fit.
    scope : Scope
        New data.
    labels : bool
        Whether the columns of labels must exist. If one does not, each membership counts as that of
        a level of its own.

    Returns
    -------
    codes : (m, s) array of int32
        Levels of each row; -1 where the label is missing, and -2, -3, ... for labels that were not
        in the data of the fit.
    weights : (m, s) array
        Their weights.
    unseen : tuple
        Labels that were not.
    """
    membership = grouping.membership
    assert membership is not None
    weights = _weights(membership, scope)
    codes = np.zeros(weights.shape, dtype=np.int32)
    if not labels and any(column not in scope.frame for column in membership.columns):
        codes[:] = -2 - np.arange(weights.shape[1])
        return codes, weights, ()
    unseen: dict[object, Label] = {}
    for k, column in enumerate(membership.columns):
        factor = scope.factor(column)
        place = np.append(match_levels(grouping.levels, factor.levels), np.int32(-1))
        inside = set(np.unique(factor.codes[weights[:, k] != 0.0]).tolist())
        for code, label in enumerate(factor.levels):
            if place[code] < 0 and code in inside:
                unseen.setdefault(_key(label), label)
                place[code] = -2 - list(unseen).index(_key(label))
        codes[:, k] = np.where(weights[:, k] != 0.0, place[factor.codes], 0)
    return codes, weights, tuple(unseen.values())


def missing_members(
    memberships: Sequence[Membership], scope: Scope, *, labels: bool = True
) -> dict[str, BoolArray | None]:
    """Find where labels lack a weight, or weights a label.

    Parameters
    ----------
    memberships : sequence of Membership
        What the formulas say.
    scope : Scope
        All rows of the data.
    labels : bool
        Whether a label is needed.

    Returns
    -------
    dict
        (N,) mask by column; None where nothing is missing.
    """
    missing: dict[str, BoolArray | None] = {}
    for membership in memberships:
        given = membership.weights or (1.0,) * len(membership.columns)
        for column, weight in zip(membership.columns, given, strict=True):
            there = column in scope.frame
            role = f"grouping factor of {membership.name}"
            lost = scope.column(column, role).missing if labels or there else None
            if isinstance(weight, str):
                scope.column(weight, f"weight in {membership.name}")
                values = scope.number(weight)
                known = ~np.isnan(values)
                label = np.ones(len(values), bool) if lost is None else ~lost
                missing[weight] = _any(label & ~known)
                lost = None if lost is None else lost & known & (values != 0.0)
            if labels:
                missing[column] = _any(lost)
    return missing


def _any(mask: BoolArray | None) -> BoolArray | None:
    return mask if mask is not None and bool(mask.any()) else None


def _weights(membership: Membership, scope: Scope) -> FloatArray:
    """Weights (n, s) of the rows; zero where there is no membership."""
    s = len(membership.columns)
    out = np.full((scope.count, s), 1.0 / s)
    for k, weight in enumerate(membership.weights):
        values = scope.number(weight) if isinstance(weight, str) else np.float64(weight)
        out[:, k] = values
    bad = np.argwhere(np.isinf(out))
    if len(bad):
        raise DataError(
            f"A weight of {membership.name} is infinite in row {scope.row(int(bad[0, 0]))}; "
            "correct or remove such rows.",
            code="infinite",
        )
    out = np.where(np.isnan(out), 0.0, out)
    if not membership.scaled:
        return out
    if np.any(out < 0.0):
        row = scope.row(int(np.argwhere(out < 0.0)[0, 0]))
        raise DataError(
            f"Weights of {membership.name} are divided by their sum (scale=True), and one is "
            f"negative in row {row}; leave scale= out, or correct it.",
            code="negative-weight",
        )
    total = out.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(out, total, out=np.zeros_like(out), where=total > 0.0))


def _key(label: Label) -> object:
    """Numbers that are equal are one label, whatever their types."""
    number = isinstance(label, (int, float)) and not isinstance(label, bool)
    return ("number" if number else type(label), label)


def _sorted(labels: list[Label]) -> tuple[Label, ...]:
    """Labels in order if they have one, otherwise as they come."""
    kinds = {"number" if isinstance(x, (int, float)) else type(x) for x in labels}
    if kinds == {"number"} and any(isinstance(x, int) for x in labels):
        labels = [_whole(x) for x in labels]
    if len(kinds) == 1:
        return tuple(sorted(labels))  # type: ignore[type-var]
    return tuple(labels)


def _whole(label: Label) -> Label:
    """Whole numbers as such: a column of them is real where labels are missing."""
    return int(label) if isinstance(label, float) and label.is_integer() else label
