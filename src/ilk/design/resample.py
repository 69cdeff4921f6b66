"""The same design for other rows of its data: drawn again, with clusters that count as new ones.

Columns are taken, not made again, so that splines keep their knots and scaled columns their units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ilk.design.build import Design
from ilk.design.grouping import Grouping
from ilk.design.random import take_rows
from ilk.design.rows import Rows
from ilk.errors import ModelError
from ilk.frame import factor_integers
from ilk.typing import FloatArray, IntArray

__all__ = ["resample"]


def resample(design: Design, rows: IntArray, copies: IntArray) -> Design:
    """Take rows of a design, each as a member of a numbered copy of its cluster.

    Parameters
    ----------
    design : Design
        The design.
    rows : (m,) array of int
        Positions of the rows, as often as wanted.
    copies : (m,) array of int
        Number of the copy that each belongs to.  A level of a grouping factor counts as a level of
        its own in every copy.

    Returns
    -------
    Design
        Its ``rows.kept`` says where the rows stand in the data.
    """
    groupings: dict[tuple[str, bool], Grouping] = {}
    for term in design.terms:
        old = term.grouping
        key = (old.name, old.structured)
        if old.structured or old.weights is not None:
            groupings[key] = _among_relatives(old, rows, copies)
        elif key not in groupings:
            mixed = copies.astype(np.int64) * len(old.levels) + old.codes[rows]
            codes, present = factor_integers(mixed)
            groupings[key] = Grouping(old.name, codes, tuple(range(len(present))), ())
    response = design.response
    return replace(
        design,
        response=replace(
            response,
            y=response.y[rows],
            trials=_take(response.trials, rows),
            other=_take(response.other, rows),
        ),
        fixed=tuple(
            replace(part, X=np.asfortranarray(part.X[rows]), offset=_take(part.offset, rows))
            for part in design.fixed
        ),
        terms=tuple(
            take_rows(term, rows, groupings[term.grouping.name, term.grouping.structured])
            for term in design.terms
        ),
        rows=Rows(design.rows.total, design.rows.kept[rows], _NOTHING),
        data=design.data.take(rows),
        frequency_weights=_take(design.frequency_weights, rows),
        precision_weights=_take(design.precision_weights, rows),
        exposure=_take(design.exposure, rows),
    )


def _among_relatives(old: Grouping, rows: IntArray, copies: IntArray) -> Grouping:
    """Levels that depend on each other stay, those too that have no rows left."""
    if np.any(copies != copies[:1]):
        why = "depend on each other (covariance=)" if old.structured else "share rows"
        raise ModelError(
            f"The levels of {old.name!r} {why}, so that they cannot "
            "be drawn again as independent clusters. Draw responses from the fit instead: "
            "bootstrap(kind='parametric'), simulate().",
            code="dependent-levels",
        )
    return old.take(rows)


_NOTHING: Mapping[str, int] = {}


def _take(values: FloatArray | None, rows: IntArray) -> FloatArray | None:
    return None if values is None else values[rows]
