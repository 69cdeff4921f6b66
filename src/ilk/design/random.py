"""Random terms: codes and columns, never the sparse matrix of indicators.

Row i of a term with grouping codes c and columns z contributes ``z_i' b[c_i]`` to its predictor.
Terms that share a name, ``(1 |p| g)``, have one covariance matrix, whatever their predictors: they
are one term, whose columns belong to several predictors and whose members are what the formulas
say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ilk.covariance import AbstractCovariance, covariance_structure
from ilk.covariance.correlated import AbstractCorrelated
from ilk.covariance.custom import Custom
from ilk.covariance.registry import POSITIONAL, STRUCTURES
from ilk.design.by import cell_names, cell_of_rows
from ilk.design.fixed import INTERCEPT
from ilk.design.grouping import Grouping, make_grouping
from ilk.design.matrix import Recipe, make_matrix
from ilk.design.memberships import make_memberships
from ilk.design.positions import Elsewhere, Positions, find_positions, steps_of
from ilk.design.scope import Scope
from ilk.errors import DataError, ModelError
from ilk.formula.spec import MEAN, RandomSpec, Sum, Term
from ilk.frame import Label
from ilk.typing import FloatArray, IntArray

_ONE = Sum((Term(),))


@dataclass(frozen=True, slots=True)
class RandomTerm:
    """A random term on the rows of a design.

    Parameters
    ----------
    label : str
        As summaries show it, ``"1 + Days | Subject"``.
    predictor : str
        Predictor that it belongs to; of a term with columns of several, all of them, as in
        ``"mean + dispersion"``.
    structure : str
        Name of the covariance structure of its columns.
    column_names : tuple of str
        Names of its q columns; of a term with columns of several predictors those of other
        predictors than the mean say which, as in ``"dispersion: Intercept"``.
    columns : (n, q) array or None
        Columns in C order; None is a column of ones.
    grouping : Grouping
        Levels of the rows.
    has_intercept : bool
        Whether one of the columns is constant one (in the mean, if there are several predictors).
    recipe : Recipe or None
        How to make the columns again; None for a column of ones, and where there are members.
    members : tuple of RandomTerm
        The terms that are correlated with each other in this one, in the order of its columns;
        none of an ordinary term.
    settings : tuple of (str, float)
        Numbers that the structure takes.
    positions : Positions or None
        Positions of the effects of a series or a field.
    by : tuple of (str, label)
        Columns of ``by=`` and the labels of the rows that the term is of; its columns are zero in
        the others.
    own : AbstractCovariance or None
        A covariance structure of the user's own.
    """

    label: str
    predictor: str
    structure: str
    column_names: tuple[str, ...]
    columns: FloatArray | None
    grouping: Grouping
    has_intercept: bool
    recipe: Recipe | None = None
    members: tuple[RandomTerm, ...] = ()
    settings: tuple[tuple[str, float], ...] = ()
    positions: Positions | None = None
    by: tuple[tuple[str, Label], ...] = ()
    own: AbstractCovariance | None = None

    @property
    def width(self) -> int:
        """Number q of columns."""
        return len(self.column_names)

    @property
    def parts(self) -> tuple[tuple[RandomTerm, slice], ...]:
        """Terms of one predictor that it is made of, and their columns: itself, or its members."""
        if not self.members:
            return ((self, slice(0, self.width)),)
        ends = np.cumsum([0, *(member.width for member in self.members)]).tolist()
        return tuple(
            (member, slice(a, b))
            for member, a, b in zip(self.members, ends[:-1], ends[1:], strict=True)
        )

    @property
    def predictors(self) -> tuple[str, ...]:
        """Predictor of each column."""
        return tuple(part.predictor for part, _ in self.parts for _ in part.column_names)

    @property
    def used(self) -> int:
        """Number of levels with rows that the term is for."""
        if not self.by or self.columns is None:
            return self.grouping.used
        return int(np.count_nonzero(self.grouping.count(self.columns.any(axis=1).astype(float))))

    @property
    def group(self) -> str:
        """Name of its factor in tables, where independent levels stand beside dependent ones."""
        return f"{self.grouping.name} (iid)" if self.structure == "iid" else self.grouping.name

    def reaches(self, predictor: str) -> bool:
        """Whether some of its columns belong to a predictor."""
        return predictor in self.predictors


def make_terms(
    specs: Iterable[tuple[str, RandomSpec]],
    scope: Scope,
    groupings: dict[tuple[str, ...], Grouping],
) -> tuple[RandomTerm, ...]:
    """Make all random terms of a model, one of those that share a name.

    Parameters
    ----------
    specs : iterable of (str, RandomSpec)
        Predictor and term, in the order of the formulas.
    scope : Scope
        The data.
    groupings : dict
        Groupings made so far, by columns; filled here, so that terms share them.

    Returns
    -------
    tuple of RandomTerm
    """
    placed = tuple(specs)
    made = [make_random(spec, predictor, scope, groupings) for predictor, spec in placed]
    return correlated(made, [spec for _, spec in placed])


def correlated(terms: Sequence[RandomTerm], specs: Sequence[RandomSpec]) -> tuple[RandomTerm, ...]:
    """Put terms together that share a name and a grouping.

    Parameters
    ----------
    terms : sequence of RandomTerm
        Terms of one predictor each.
    specs : sequence of RandomSpec
        What the formulas say of each.

    Returns
    -------
    tuple of RandomTerm
        A term that is alone with its name stays as it is.
    """
    homes = shared_names(specs)
    return tuple(
        terms[home[0]] if len(home) == 1 else _together([terms[j] for j in home]) for home in homes
    )


def shared_names(specs: Sequence[RandomSpec]) -> tuple[tuple[int, ...], ...]:
    """Which terms of the formulas make one term of the design.

    Parameters
    ----------
    specs : sequence of RandomSpec
        What the formulas say, in their order.

    Returns
    -------
    tuple of tuple of int
        Positions among ``specs``, by term of the design.
    """
    homes: dict[object, list[int]] = {}
    for j, spec in enumerate(specs):
        key = j if spec.name is None else (spec.name, spec.grouping)
        homes.setdefault(key, []).append(j)
    return tuple(tuple(home) for home in homes.values())


def _together(members: Sequence[RandomTerm]) -> RandomTerm:
    """One term of several."""
    first, ones = members[0], np.ones((members[0].grouping.rows, 1))
    parts = dict.fromkeys(member.predictor for member in members)
    names = [
        name if len(parts) == 1 or member.predictor == MEAN else f"{member.predictor}: {name}"
        for member in members
        for name in member.column_names
    ]
    for name in names:
        if names.count(name) > 1:
            labels = " and ".join(f"({m.label})" for m in members)
            raise ModelError(
                f"The terms {labels} are correlated with each other and share the column "
                f"{name!r}: their variances cannot be told apart. Keep one.",
                code="duplicate-term",
            )
    said = [
        member.label if member.predictor == MEAN else f"{member.predictor}: {member.label}"
        for member in members
    ]
    return RandomTerm(
        label="; ".join(said),
        predictor=" + ".join(parts),
        structure="us",
        column_names=tuple(names),
        columns=np.hstack([ones if m.columns is None else m.columns for m in members]),
        grouping=first.grouping,
        has_intercept=INTERCEPT in names,
        members=tuple(members),
    )


def make_random(
    spec: RandomSpec,
    predictor: str,
    scope: Scope,
    groupings: dict[tuple[str, ...], Grouping],
) -> RandomTerm:
    """Make a random term.

    Parameters
    ----------
    spec : RandomSpec
        The term of the formula.
    predictor : str
        Predictor that it belongs to.
    scope : Scope
        The data.
    groupings : dict
        Groupings made so far, by columns; filled here, so that terms share them.

    Returns
    -------
    RandomTerm
    """
    grouping = groupings.get(spec.grouping)
    if grouping is None:
        least = 1 if spec.structure in POSITIONAL else 2
        if spec.membership is not None:
            grouping = make_memberships(spec.membership, scope, least)
        else:
            grouping = make_grouping(spec.grouping, scope, least)
        groupings[spec.grouping] = grouping
    kind = POSITIONAL.get(spec.structure)
    by = tuple(zip(spec.by, spec.cell, strict=True))
    positions = recipe = None
    columns: FloatArray | None
    if kind is not None:
        positions = find_positions(spec, kind, scope)
        names, columns = positions.names, positions.indicators(scope)
    elif spec.effects == _ONE:
        names, columns = (INTERCEPT,), None
    else:
        matrix = make_matrix(spec.effects, scope)
        recipe = matrix.recipe
        names, columns = recipe.names, np.ascontiguousarray(matrix.X)
    if by:
        names, columns = cell_names(by, names, INTERCEPT), _within(columns, by, scope)
        _check_levels(spec, grouping, columns)
    return RandomTerm(
        label=spec.label,
        predictor=predictor,
        structure=spec.structure,
        column_names=names,
        columns=columns,
        grouping=grouping,
        has_intercept=INTERCEPT in names,
        recipe=recipe,
        settings=spec.settings,
        positions=positions,
        by=by,
        own=spec.own,
    )


def _within(
    columns: FloatArray | None, by: Sequence[tuple[str, Label]], scope: Scope
) -> FloatArray:
    """Columns that are zero in the rows of other labels."""
    here = cell_of_rows(by, scope).astype(np.float64)[:, None]
    return here if columns is None else np.ascontiguousarray(columns * here)


def _check_levels(spec: RandomSpec, grouping: Grouping, columns: FloatArray) -> None:
    """Refuse a part of a term with by= that has rows of a single level of its grouping."""
    if spec.structure in POSITIONAL:
        return
    if np.count_nonzero(grouping.count(columns.any(axis=1).astype(float))) < 2:
        raise DataError(
            f"The rows of ({spec.label}) are all of one level of {grouping.name!r}: the variance "
            "there cannot be estimated. Leave by= out, or join levels of its factor.",
            code="single-level",
        )


def covariance_of(term: RandomTerm) -> AbstractCovariance:
    """Covariance structure of the effects of a level.

    Parameters
    ----------
    term : RandomTerm
        The term.
    """
    if isinstance(term.own, Custom):
        term.own.check_width(term.width, f"The term ({term.label})")
    if term.own is not None:
        return term.own
    if term.positions is None:
        return covariance_structure(term.structure, term.settings)
    steps: tuple[int, ...] = ()
    if POSITIONAL[term.structure] == "steps":
        steps = steps_of(term.positions, term.label)
    return covariance_structure(term.structure, term.settings, term.positions.points, steps)


def remake_columns(
    term: RandomTerm, scope: Scope, elsewhere: Elsewhere = "refuse"
) -> FloatArray | None:
    """Make the columns of a random term from new data.

    Parameters
    ----------
    term : RandomTerm
        Of the fit.
    scope : Scope
        New data.
    elsewhere : {"refuse", "any", "none"}
        What rows have at new positions of a series or a field; ``"any"`` position does for all
        where one standard deviation is that of all.

    Returns
    -------
    (m, q) array or None
    """
    if term.members:
        made = [remake_columns(member, scope, elsewhere) for member in term.members]
        ones = np.ones((scope.count, 1))
        return np.hstack([ones if columns is None else columns for columns in made])
    columns: FloatArray | None = None
    if term.positions is not None:
        if elsewhere == "any" and not issubclass(STRUCTURES[term.structure], AbstractCorrelated):
            elsewhere = "refuse"
        columns = term.positions.indicators(scope, elsewhere)
    elif term.recipe is not None:
        columns = np.ascontiguousarray(make_matrix(term.recipe.terms, scope, term.recipe).X)
    return _within(columns, term.by, scope) if term.by else columns


def at_positions(term: RandomTerm, scope: Scope) -> RandomTerm:
    """The term with effects at the positions of new data too, which its own rows do not have.

    Parameters
    ----------
    term : RandomTerm
        Of the fit.
    scope : Scope
        New data.

    Returns
    -------
    RandomTerm
        The same, if there are no new positions, or a correlation for each of them is not known.

    Raises
    ------
    DataError
        A series of whole steps has none at a new time.
    """
    old = term.positions
    if old is None or not issubclass(STRUCTURES[term.structure], AbstractCorrelated):
        return term
    new = old.joined(scope)
    if new == old:
        return term
    if POSITIONAL[term.structure] == "steps":
        _check_step(term, old, new)
    assert term.columns is not None
    place = {value: k for k, value in enumerate(new.values)}
    columns = np.zeros((len(term.columns), len(new.values)))
    columns[:, [place[value] for value in old.values]] = term.columns
    names = cell_names(term.by, new.names, INTERCEPT) if term.by else new.names
    return replace(term, positions=new, columns=columns, column_names=names)


def _check_step(term: RandomTerm, old: Positions, new: Positions) -> None:
    """Refuse times between the steps of a series."""
    times, more = old.points[:, 0], new.points[:, 0]
    if len(times) < 2:
        return
    step = float(np.diff(times).min())
    count = (more - times[0]) / step
    off = np.flatnonzero(np.abs(count - np.round(count)) > 1e-6 * np.maximum(np.abs(count), 1.0))
    if len(off):
        raise DataError(
            f"({term.label}) has effects at whole steps of {step:g}, and "
            f"{', '.join(old.columns)} = {more[off[0]]:g} is between two of them. Predict at whole "
            "steps, or fit with ou(), which has effects at any time.",
            code="steps",
        )


def take_rows(term: RandomTerm, rows: IntArray | slice, grouping: Grouping) -> RandomTerm:
    """The term on other rows.

    Parameters
    ----------
    term : RandomTerm
        The term.
    rows : (m,) array of int, or slice
        Rows to take, as often as wanted.
    grouping : Grouping
        Levels of these rows.

    Returns
    -------
    RandomTerm
    """
    columns = None if term.columns is None else np.ascontiguousarray(term.columns[rows])
    members = tuple(take_rows(member, rows, grouping) for member in term.members)
    return replace(term, grouping=grouping, columns=columns, members=members)


def own_columns(columns: FloatArray | None, here: slice) -> FloatArray | None:
    """Columns of a part of a term; None for a column of ones."""
    return None if columns is None else columns[:, here]
