"""Random terms: codes and columns, never the sparse matrix of indicators.

Row i of a term with grouping codes c and columns z contributes ``z_i' b[c_i]`` to its predictor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.design.grouping import Grouping, make_grouping
from ilk.design.matrix import Recipe, make_matrix
from ilk.design.scope import Scope
from ilk.formula.spec import RandomSpec, Sum, Term
from ilk.typing import FloatArray

_ONE = Sum((Term(),))


@dataclass(frozen=True, slots=True)
class RandomTerm:
    """A random term on the rows of a design.

    Parameters
    ----------
    label : str
        As summaries show it, ``"1 + Days | Subject"``.
    predictor : str
        Predictor that it belongs to.
    structure : str
        Name of the covariance structure of its columns.
    column_names : tuple of str
        Names of its q columns.
    columns : (n, q) array or None
        Columns in C order; None is a column of ones.
    grouping : Grouping
        Levels of the rows.
    has_intercept : bool
        Whether one of the columns is constant one.
    recipe : Recipe or None
        How to make the columns again; None for a column of ones.
    shared : str or None
        Name of the effects that this term shares with another.
    """

    label: str
    predictor: str
    structure: str
    column_names: tuple[str, ...]
    columns: FloatArray | None
    grouping: Grouping
    has_intercept: bool
    recipe: Recipe | None = None
    shared: str | None = None

    @property
    def width(self) -> int:
        """Number q of columns."""
        return len(self.column_names)


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
        grouping = groupings[spec.grouping] = make_grouping(spec.grouping, scope)
    matrix = None if spec.effects == _ONE else make_matrix(spec.effects, scope)
    names = (INTERCEPT,) if matrix is None else matrix.recipe.names
    return RandomTerm(
        label=spec.label,
        predictor=predictor,
        structure=spec.structure,
        column_names=names,
        columns=None if matrix is None else np.ascontiguousarray(matrix.X),
        grouping=grouping,
        has_intercept=INTERCEPT in names,
        recipe=None if matrix is None else matrix.recipe,
    )


def remake_columns(term: RandomTerm, scope: Scope) -> FloatArray | None:
    """Make the columns of a random term from new data.

    Parameters
    ----------
    term : RandomTerm
        Of the fit.
    scope : Scope
        New data.

    Returns
    -------
    (m, q) array or None
    """
    if term.recipe is None:
        return None
    return np.ascontiguousarray(make_matrix(term.recipe.terms, scope, term.recipe).X)
