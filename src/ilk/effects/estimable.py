r"""Rows whose mean the data do not determine, because columns had to be dropped from the fit.

Where columns of X are linear combinations of others, :math:`X_d = X_k R`, the fit keeps
:math:`X_k` only.  A new row is estimable if it keeps that relation: its mean is then the same
whichever columns were dropped.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.matrix import make_matrix
from ilk.design.scope import Scope
from ilk.errors import IdentificationWarning
from ilk.formula.language import column_names
from ilk.frame import keep

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.fixed import FixedPart
    from ilk.fitted import Fitted
    from ilk.frame import Kept
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["ESTIMABLE", "estimability_gaps", "lost_rows", "not_estimable", "warn_of_lost"]

ESTIMABLE = 1e-7
"""Of the relation between columns, relative to their size."""


def not_estimable(fitted: Fitted, frame: Kept, rows: IntArray | None) -> BoolArray | None:
    """Find rows whose mean is not determined.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    frame : Kept
        Table that has all columns of the fixed parts.
    rows : (n,) array of int, or None
        Its rows that have all values; None for all.

    Returns
    -------
    (n,) array of bool, or None
        None if all are.
    """
    gaps = estimability_gaps(fitted, frame, rows)
    if gaps.shape[1] == 0:
        return None
    found: BoolArray = np.any(np.abs(gaps) > ESTIMABLE, axis=1)
    return found if found.any() else None


def lost_rows(fitted: Fitted, data: Any, rows: IntArray | None) -> BoolArray | None:
    """Find rows of new data whose mean is not determined.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    data : data frame or dict of columns
        Anything that has the columns of the model.
    rows : (n,) array of int, or None
        Its rows that have all values; None for all.

    Returns
    -------
    (n,) array of bool, or None
        None if all are.
    """
    if not _dropped(fitted):
        return None
    factors = fitted.design.stated.right_factors
    names = dict.fromkeys(n for factor in factors for n in column_names(factor.expression))
    return not_estimable(fitted, keep(data, names), rows)


def warn_of_lost(fitted: Fitted, lost: int, rows: int, stacklevel: int) -> None:
    """Warn that means are nan because the data of the fit do not determine them.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    lost, rows : int
        Number of such means, and of all.
    stacklevel : int
        Calls between the user and the caller of this function, plus one.
    """
    names = _dropped(fitted)
    left_out = f"{', '.join(names)} {'were' if len(names) > 1 else 'was'} left out of the fit"
    warnings.warn(
        f"{lost} of {rows} means are not estimable and are nan: {left_out}, because other columns "
        "say the same in its data, and in these rows they do not.",
        IdentificationWarning,
        stacklevel=stacklevel + 1,
    )


def _mean_parts(fitted: Fitted) -> list[FixedPart]:
    """Fixed parts that the mean depends on."""
    return [p for p in fitted.design.fixed if p.predictor in fitted.family.mean_parameters]


def _dropped(fitted: Fitted) -> tuple[str, ...]:
    """Columns that were left out of predictors that the mean depends on."""
    parts = _mean_parts(fitted)
    return tuple(
        dict.fromkeys(name for part in parts for name in part.all_names if name not in part.names)
    )


def estimability_gaps(fitted: Fitted, frame: Kept, rows: IntArray | None = None) -> FloatArray:
    """By how much rows miss the relations between columns of the fit.

    A weighted sum of rows is estimable if the sum of their gaps is zero, up to `ESTIMABLE`.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    frame : Kept
        Table that has all columns of the fixed parts.
    rows : (n,) array of int, optional
        Its rows that have all values; all by default.

    Returns
    -------
    (n, d) array
        A column for each column that was dropped from a predictor that the mean depends on,
        relative to its size; none where nothing was dropped.
    """
    design = fitted.design
    found = [np.zeros((frame.rows if rows is None else len(rows), 0))]
    for part in _mean_parts(fitted):
        if len(part.names) == len(part.all_names):
            continue
        dropped = [name for name in part.all_names if name not in part.names]
        keep = ~np.isin(part.recipe.names, dropped)
        old = _columns(design, part, design.data, None)
        relation = np.linalg.lstsq(old[:, keep], old[:, ~keep], rcond=None)[0]
        new = _columns(design, part, frame, rows)
        size = np.maximum(np.abs(old).max(axis=0), 1e-300)
        gap = (new[:, ~keep] - new[:, keep] @ relation) / size[~keep]
        found.append(gap / (1.0 + np.abs(new) / size).max(initial=0.0))
    return np.concatenate(found, axis=1)


def _columns(design: Design, part: FixedPart, frame: Kept, rows: IntArray | None) -> FloatArray:
    """All columns of a fixed part, those that were dropped too."""
    spec = design.stated
    scope = Scope(frame, rows, spec.functions, dict(design.memory), learning=False)
    return make_matrix(part.recipe.terms, scope, part.recipe).X
