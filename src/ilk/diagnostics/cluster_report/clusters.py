"""Which clusters a report is about, and the two fits that it sets side by side.

Of a mixed model the clusters are a grouping factor: the outermost, since clusters that share none
of its levels are independent; of several that cross, the one whose neglect costs most.  Other
columns that the fit kept, and labels for each row, are clusters too.  A fit without random effects
of clusters gets a mixed model for comparison, with a random intercept for these clusters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.clusters import ONE, cluster_columns
from ilk.design.grouping import Grouping, make_grouping
from ilk.design.scope import Scope
from ilk.errors import DataError, ModelError, did_you_mean
from ilk.formula.spec import MEAN, RandomSpec
from ilk.frame import own_column
from ilk.frame.readers import read_values
from ilk.inference.clusters import forms_clusters, is_nested
from ilk.inference.comparison.reduced import Placed, random_specs, with_random

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["TwoFits", "cluster_groupings", "outermost", "two_fits", "without_random"]


@dataclass(frozen=True, slots=True)
class TwoFits:
    """A model with and without random effects, and the clusters that are asked about.

    Parameters
    ----------
    mixed : Fitted
        With random effects of clusters.
    plain : Fitted
        The same mean, family and rows without any.
    given : Grouping or None
        Clusters that were asked for; None if the report is to choose among those of the model.
    added : bool
        Whether the mixed model was made for the report.
    """

    mixed: Fitted
    plain: Fitted
    given: Grouping | None
    added: bool


def two_fits(fitted: Fitted, group: Any = None) -> TwoFits:
    """Find the clusters, and estimate what the fit is set beside.

    Parameters
    ----------
    fitted : Fitted
        With or without random terms.
    group : str, array or None
        Grouping factor, column that the fit kept, or a label for each row.

    Returns
    -------
    TwoFits

    Raises
    ------
    ModelError
        There are no such clusters, or none at all.
    DataError
        Labels do not fit the rows.
    """
    added = not cluster_groupings(fitted)
    if group is None:
        if added:
            single = [
                term.grouping.name
                for term in fitted.design.random_parts
                if term.predictor == MEAN and term.grouping.columns
            ]
            if single:
                raise ModelError(
                    f"Each level of {single[0]!r} has one row, so that no rows belong together: "
                    "name clusters of several rows, group=data['hospital'].",
                    code="group",
                )
            raise ModelError(
                "The model has no random effects of clusters in the mean: say which rows belong "
                "together, group=data['hospital'].",
                code="group",
            )
        return TwoFits(fitted, without_random(fitted), None, added=False)
    given = {g.name: g for g in cluster_groupings(fitted)}.get(group) if _is_text(group) else None
    if given is not None:
        return TwoFits(fitted, without_random(fitted), given, added=False)
    known, columns = _with_column(fitted, group)
    given = make_grouping(columns, Scope(known.design.data))
    if not added:
        return TwoFits(fitted, without_random(fitted), given, added=False)
    spec = RandomSpec(ONE, columns, "us", f"1 | {':'.join(columns)}")
    known = replace(known, model=replace(known.model, reml=known.model.linear))
    mixed = with_random(known, [*random_specs(fitted), Placed(MEAN, spec)])
    return TwoFits(mixed, without_random(fitted), given, added=True)


def cluster_groupings(fitted: Fitted) -> tuple[Grouping, ...]:
    """Grouping factors of the mean, each once; those with one row per level left out.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    found: dict[str, Grouping] = {}
    for term in fitted.design.random_parts:
        if term.predictor == MEAN and forms_clusters(term.grouping, fitted.design):
            found.setdefault(term.grouping.name, term.grouping)
    return tuple(found.values())


def outermost(groupings: tuple[Grouping, ...]) -> tuple[Grouping, ...]:
    """Those that are nested in no other; of equal partitions the first.

    Parameters
    ----------
    groupings : tuple of Grouping
        Grouping factors of the same rows.
    """

    def inside(i: int) -> bool:
        codes = groupings[i].codes
        return any(
            is_nested(codes, other.codes) and (j < i or not is_nested(other.codes, codes))
            for j, other in enumerate(groupings)
            if j != i
        )

    return tuple(g for i, g in enumerate(groupings) if not inside(i))


def without_random(fitted: Fitted) -> Fitted:
    """Estimate the model without any random term.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    return with_random(replace(fitted, model=replace(fitted.model, reml=False)), [])


def _is_text(group: Any) -> bool:
    return isinstance(group, str)


def _with_column(fitted: Fitted, group: Any) -> tuple[Fitted, tuple[str, ...]]:
    """The fit with the clusters among its columns, and the names of these."""
    data = fitted.design.data
    if _is_text(group):
        try:
            columns = cluster_columns(group, "group", data.names)
        except DataError:
            raise _unknown(fitted, group) from None
        _refuse_missing(fitted, columns)
        return fitted, columns
    rows = fitted.design.rows
    flat = hasattr(group, "__len__") and getattr(group, "ndim", 1) == 1
    if not flat or len(group) not in (rows.total, len(rows.kept)):
        size = f"{len(group)} labels" if flat else f"{' '.join(repr(group).split()):.60}"
        raise DataError(
            f"group= takes the name of a grouping factor or a label for each of the {rows.total} "
            f"rows of the data, not {size}.",
            code="length",
        )
    name = getattr(group, "name", None)
    name = name if isinstance(name, str) and name else "cluster"
    while name in data:
        name += "_"
    keep = rows.selection if len(group) == rows.total else None
    column = own_column(read_values(name, group), keep)
    design = replace(fitted.design, data=data.with_column(column))
    known = replace(fitted, model=replace(fitted.model, design=design))
    _refuse_missing(known, (name,))
    return known, (name,)


def _unknown(fitted: Fitted, group: str) -> ModelError:
    groupings = [grouping.name for grouping in cluster_groupings(fitted)]
    known = ", ".join(map(repr, groupings)) or "none"
    return ModelError(
        f"group={group!r:.80} is no grouping factor of the model (there are {known}) and no column "
        f"that the fit kept. Give its labels as they are: group=data[{group!r:.80}]."
        + did_you_mean(group, (*groupings, *fitted.design.data.names)),
        code="group",
    )


def _refuse_missing(fitted: Fitted, columns: tuple[str, ...]) -> None:
    for name in columns:
        missing = fitted.design.data.column(name).missing
        if missing is None or not missing.any():
            continue
        row = int(fitted.design.rows.kept[int(np.argmax(missing))])
        raise DataError(
            f"group={name!r} has no label in row {row}: give every row that the fit uses one.",
            code="missing",
        )
