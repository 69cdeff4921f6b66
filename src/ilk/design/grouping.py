"""Levels of grouping factors: of a column, of combinations of columns, of single rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ilk.design.levels import match_levels
from ilk.design.scope import Scope
from ilk.errors import DataError, ModelError
from ilk.formula.membership import Membership
from ilk.formula.spec import OLRE
from ilk.frame import Factor, Label, factor_integers, quote
from ilk.typing import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Grouping:
    """A grouping factor on the rows of a design.

    Parameters
    ----------
    name : str
        ``"g"``, ``"a:b"``, ``"olre()"`` or ``"mm(g1, g2)"``.
    members : (n,) or (n, s) array of int32
        Level of each row; -1 (in new data only) where it was not in the data of the fit. With
        multiple membership the s levels of each row.
    levels : tuple
        Labels; those of combinations are texts such as ``"a1:b2"``.
    columns : tuple of str
        Columns whose combinations are the levels; none for one level per row.
    keys : tuple of tuple, or None
        Labels of the columns for each level of a combination.
    structured : bool
        Whether the levels depend on each other: they are those of a tree, a map, ...
    places : tuple of str
        Columns that say where a level is, by which new levels find theirs.
    weights : (n, s) array or None
        Weights of the levels of each row, with multiple membership; 0 is no membership.
    membership : Membership or None
        What the formula says of it.
    """

    name: str
    members: IntArray
    levels: tuple[Label, ...]
    columns: tuple[str, ...]
    keys: tuple[tuple[Label, ...], ...] | None = None
    structured: bool = False
    places: tuple[str, ...] = ()
    weights: FloatArray | None = None
    membership: Membership | None = None

    @property
    def codes(self) -> IntArray:
        """Level (n,) of each row.

        Raises
        ------
        ModelError
            Rows belong to several levels each, so that what asks cannot be answered.
        """
        if self.weights is not None:
            raise ModelError(
                f"This answer needs rows that belong to one level of each factor, and those of "
                f"{self.name} belong to several; it is not available for multiple membership.",
                code="multiple-membership",
            )
        return self.members

    @property
    def divides(self) -> bool:
        """Whether columns give each row one level."""
        return bool(self.columns) and self.weights is None

    @property
    def rows(self) -> int:
        """Number n of rows."""
        return len(self.members)

    @property
    def used(self) -> int:
        """Number of levels that rows have; a structure has levels without data beside."""
        return int(np.count_nonzero(self.count()))

    def count(self, rows: FloatArray | None = None) -> FloatArray:
        """Number of rows (L,) that belong to each level, or the sum of what they count."""
        inside = self.members >= 0
        if self.weights is not None:
            inside &= (self.weights != 0.0) & _first_places(self.members, self.weights)
        shares = inside.astype(np.float64)
        if rows is not None:
            shares *= rows if self.weights is None else rows[:, None]
        found = np.bincount(self.members[inside], shares[inside], len(self.levels))
        return np.asarray(found, dtype=np.float64)

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum (L,) of values (n,) of the rows by level, times the weights."""
        if self.weights is None:
            return np.bincount(self.members, values, len(self.levels)).astype(np.float64)
        flat = (self.weights * values[:, None]).ravel()
        return np.bincount(self.members.ravel(), flat, len(self.levels)).astype(np.float64)

    def share(self) -> FloatArray | None:
        """Variance (n,) of the weighted sum over a row's levels, for levels of variance one.

        None stands for ones: of one level for each row.

        Raises
        ------
        ModelError
            The levels of a row depend on each other.
        """
        if self.weights is None:
            return None
        self.refuse_dependent_members()
        return sums_of_squares(self.members, self.weights)

    def refuse_dependent_members(self) -> None:
        """Refuse a variance over the levels of a row where these depend on each other."""
        if self.structured:
            raise ModelError(
                f"The levels of {self.name} depend on each other (covariance=), and rows belong "
                "to several of them: there is no typical variance of a row. Ask for conditional or "
                "typical predictions.",
                code="multiple-membership",
            )

    def take(self, rows: IntArray | slice) -> Grouping:
        """The same levels on other rows."""
        weights = None if self.weights is None else np.ascontiguousarray(self.weights[rows])
        return replace(self, members=np.ascontiguousarray(self.members[rows]), weights=weights)


def sums_of_squares(codes: IntArray, weights: FloatArray) -> FloatArray:
    """Sum (n,) over the distinct levels of a row of the squares of their weights.

    Parameters
    ----------
    codes : (n, s) array of int
        Levels.
    weights : (n, s) array
        Their weights; those of a level that comes twice are added.
    """
    out = np.zeros(len(weights))
    for j in range(weights.shape[1]):
        for k in range(weights.shape[1]):
            product = weights[:, j] * weights[:, k]
            out += product if j == k else np.where(codes[:, j] == codes[:, k], product, 0.0)
    return out


def _first_places(members: IntArray, weights: FloatArray) -> BoolArray:
    """Where a level of a row comes for the first time (n, s)."""
    first = np.ones(members.shape, dtype=bool)
    for k in range(1, members.shape[1]):
        for j in range(k):
            again = (members[:, j] == members[:, k]) & (weights[:, j] != 0.0)
            first[:, k] &= ~again
    return first


def make_grouping(columns: tuple[str, ...], scope: Scope, least: int = 2) -> Grouping:
    """Make a grouping factor.

    Parameters
    ----------
    columns : tuple of str
        One column, several, or ``(OLRE,)``.
    scope : Scope
        The data.
    least : int
        Fewest levels; a field may have one.

    Returns
    -------
    Grouping

    Raises
    ------
    DataError
        The factor has fewer levels.
    """
    name = ":".join(columns)
    if columns == (OLRE,):
        rows = np.arange(scope.count, dtype=np.int32)
        labels = range(scope.count) if scope.rows is None else scope.rows.tolist()
        grouping = Grouping(name, rows, tuple(labels), ())
    elif len(columns) == 1:
        found = scope.factor(columns[0])
        grouping = Grouping(name, found.codes, found.levels, columns)
    else:
        grouping = _combine(name, columns, [scope.factor(column) for column in columns])
    if len(grouping.levels) < least:
        label = f" ({quote(grouping.levels[0])})" if grouping.levels else ""
        raise DataError(
            f"The grouping factor {name!r} has a single level{label} in the rows used; its "
            "variance cannot be estimated. Remove the term or choose another grouping.",
            code="single-level",
        )
    return grouping


def combine(columns: Sequence[str], scope: Scope) -> Factor:
    """Give the combinations of columns as a factor, rows that lack a label apart.

    Parameters
    ----------
    columns : sequence of str
        One column or several.
    scope : Scope
        The data.

    Returns
    -------
    Factor
        The labels of several columns are tuples.
    """
    factors = [scope.factor(column) for column in columns]
    if len(factors) == 1:
        return factors[0]
    rows = np.flatnonzero(np.logical_and.reduce([factor.codes >= 0 for factor in factors]))
    codes = np.full(scope.count, -1, dtype=np.int32)
    if len(rows) == 0:
        return Factor(codes, ())
    parts = [Factor(factor.codes[rows], factor.levels) for factor in factors]
    combined = _combine(":".join(columns), tuple(columns), parts)
    codes[rows] = combined.codes
    assert combined.keys is not None
    return Factor(codes, cast(Any, combined.keys))


def _combine(name: str, columns: tuple[str, ...], factors: Sequence[Factor]) -> Grouping:
    """Levels of the combinations that occur, in the order of the first factor, then the next."""
    codes = factors[0].codes
    members: list[npt.NDArray[np.int64]] = [np.arange(len(factors[0].levels))]
    for factor in factors[1:]:
        width = len(factor.levels)
        pairs = codes.astype(np.int64) * width + factor.codes
        codes, present = factor_integers(pairs)
        first, second = np.divmod(present.astype(np.int64), width)
        members = [*(member[first] for member in members), second]
    labels = [
        [factor.levels[code] for code in member.tolist()]
        for factor, member in zip(factors, members, strict=True)
    ]
    keys = tuple(zip(*labels, strict=True))
    return Grouping(name, codes, tuple(":".join(map(str, key)) for key in keys), columns, keys)


def find_levels(
    grouping: Grouping, scope: Scope
) -> tuple[npt.NDArray[np.int32], tuple[Label, ...]]:
    """Find the levels of new rows among those of the fit.

    Parameters
    ----------
    grouping : Grouping
        Of the fit.
    scope : Scope
        New data.

    Returns
    -------
    codes : (m,) array of int32
        Level of each row, -1 where it is missing or was not in the data of the fit.
    unseen : tuple
        Labels that were not.
    """
    if not grouping.columns:  # every new row is a level of its own
        labels = range(scope.count) if scope.rows is None else scope.rows.tolist()
        return np.full(scope.count, -1, dtype=np.int32), tuple(labels)
    factors = [scope.factor(column) for column in grouping.columns]
    if grouping.keys is None:
        found = match_levels(grouping.levels, factors[0].levels)
        unseen = tuple(factors[0].levels[i] for i in np.flatnonzero(found < 0))
        return np.append(found, np.int32(-1))[factors[0].codes], unseen
    return _find_combinations(grouping, grouping.keys, factors)


def extend_levels(grouping: Grouping, scope: Scope) -> Grouping:
    """Add the levels of new rows that the fit does not know; the rows stay those of the fit.

    Parameters
    ----------
    grouping : Grouping
        Of the fit.
    scope : Scope
        New data.

    Returns
    -------
    Grouping
        Levels of the fit, then new ones.
    """
    if not grouping.columns:
        rows = range(scope.count) if scope.rows is None else scope.rows.tolist()
        return replace(grouping, levels=(*grouping.levels, *rows))
    factors = [scope.factor(column) for column in grouping.columns]
    if grouping.keys is None:
        _, unseen = find_levels(grouping, scope)
        return replace(grouping, levels=(*grouping.levels, *unseen))
    _, here, found = _match_combinations(grouping, grouping.keys, factors)
    if here is None or here.keys is None:
        return grouping
    new = np.flatnonzero(found < 0)
    return replace(
        grouping,
        levels=(*grouping.levels, *(here.levels[i] for i in new)),
        keys=(*grouping.keys, *(here.keys[i] for i in new)),
    )


def _find_combinations(
    grouping: Grouping, keys: Sequence[tuple[Label, ...]], factors: Sequence[Factor]
) -> tuple[npt.NDArray[np.int32], tuple[Label, ...]]:
    rows, here, found = _match_combinations(grouping, keys, factors)
    codes = np.full(len(factors[0].codes), -1, dtype=np.int32)
    if here is None:
        return codes, ()
    codes[rows] = found[here.codes]
    return codes, tuple(here.levels[i] for i in np.flatnonzero(found < 0))


def _match_combinations(
    grouping: Grouping, keys: Sequence[tuple[Label, ...]], factors: Sequence[Factor]
) -> tuple[npt.NDArray[np.intp], Grouping | None, npt.NDArray[np.int32]]:
    """Combinations in the new rows that have all labels, and the place of each in the fit.

    Returns those rows, a grouping of them (None if there are none) and, by level of it, the
    position among `keys`, -1 for combinations that are not there.
    """
    complete = np.logical_and.reduce([factor.codes >= 0 for factor in factors])
    rows = np.flatnonzero(complete)
    if len(rows) == 0:
        return rows, None, np.zeros(0, dtype=np.int32)
    here = _combine(
        grouping.name,
        grouping.columns,
        [Factor(factor.codes[rows], factor.levels) for factor in factors],
    )
    assert here.keys is not None
    # put the labels of every column among those of the fit, then compare combinations of codes
    known: dict[tuple[int, ...], int] = {}
    old_codes, new_codes = [], []
    for column, factor in enumerate(factors):
        labels = tuple(dict.fromkeys((type(key[column]), key[column]) for key in keys))
        position = {label: code for code, label in enumerate(labels)}
        old_codes.append([position[type(key[column]), key[column]] for key in keys])
        matched = match_levels(tuple(label for _, label in labels), factor.levels)
        lookup = dict(zip(((type(x), x) for x in factor.levels), matched.tolist(), strict=True))
        new_codes.append([lookup[type(key[column]), key[column]] for key in here.keys])
    for code, combination in enumerate(zip(*old_codes, strict=True)):
        known[combination] = code
    found = np.array(
        [known.get(combination, -1) for combination in zip(*new_codes, strict=True)],
        dtype=np.int32,
    )
    return rows, here, found
