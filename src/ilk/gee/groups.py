"""Which rows form a cluster: `groups=` and `subgroups=` as parts of the specification.

Clusters are written into the specification as random intercepts are, so that the design has their
codes and treats their missing values as those of any other column.  They stand for nothing else:
a marginal model has no random effects, and a formula with some is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.clusters import cluster_columns, name_list, with_intercepts
from ilk.design.grouping import make_grouping
from ilk.design.scope import Scope
from ilk.errors import DataError, ModelError
from ilk.gee.clusters import places

if TYPE_CHECKING:
    from ilk.formula.spec import FormulaSpec
    from ilk.frame import Tabular
    from ilk.typing import FloatArray

__all__ = ["places_in_data", "with_clusters"]

_GROUPS = "give the name of a column, such as groups='hospital'."

_SUBGROUPS = (
    "give the name of a column, or a list of names from the outermost level of nesting to the "
    "innermost."
)


def with_clusters(
    spec: FormulaSpec, groups: Any, subgroups: Any, names: Sequence[str]
) -> FormulaSpec:
    """Make clusters and the subgroups within them a part of the specification.

    Parameters
    ----------
    spec : FormulaSpec
        The formula.
    groups : str
        Column of the clusters; ``"a:b"`` stands for the combinations of two columns.
    subgroups : str, sequence of str or None
        Columns of the subgroups, outermost first.
    names : sequence of str
        Columns of the data.

    Returns
    -------
    FormulaSpec
        With one random intercept for the clusters and one for each level of subgroups.

    Raises
    ------
    ModelError
        `groups` is missing, or the formula has a random term.
    DataError
        There is no such column.
    """
    mean = spec.predictors[0]
    if mean.random:
        raise ModelError(
            f"The formula has the random term ({mean.random[0].label}), but generalized "
            "estimating equations have no random effects: leave it out and name the clusters by "
            "groups=, or use ilk.fit for a mixed model.",
            code="random-term",
        )
    if groups is None:
        raise ModelError(
            "groups= is missing: name the column whose values tell the clusters apart, such as "
            "groups='hospital'.",
            code="groups",
        )
    (group,) = name_list(groups, "groups", _GROUPS, several=False)
    columns = cluster_columns(group, "groups", names)
    factors = [columns]
    inner = [] if subgroups is None else name_list(subgroups, "subgroups", _SUBGROUPS)
    for name in inner:
        columns = (*columns, *cluster_columns(name, "subgroups", names))
        factors.append(columns)
    return with_intercepts(spec, factors)


def places_in_data(spec: FormulaSpec, frame: Tabular) -> FloatArray:
    """Place of each row among all rows of its cluster, those without all values counted too.

    Parameters
    ----------
    spec : FormulaSpec
        From `with_clusters`.
    frame : Frame or Kept
        All rows of the data.

    Returns
    -------
    (N,) array
        Counted from 1 in the order of the data; nan where the cluster is missing.
    """
    columns = spec.predictors[0].random[0].grouping
    scope = Scope(frame)
    present = np.ones(frame.rows, dtype=bool)
    for name in columns:
        missing = scope.column(name, "groups=").missing
        if missing is not None:
            present &= ~missing
    out = np.full(frame.rows, np.nan)
    if not present.any():
        return out
    try:
        grouping = make_grouping(columns, scope.subset(np.flatnonzero(present)))
    except DataError:  # a single cluster, which is refused where the rows in use are known
        out[present] = np.arange(1.0, present.sum() + 1.0)
        return out
    out[present] = places(grouping.codes)
    return out
