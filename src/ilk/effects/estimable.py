r"""Rows whose mean the data do not determine, because columns had to be dropped from the fit.

Where columns of X are linear combinations of others, :math:`X_d = X_k R`, the fit keeps
:math:`X_k` only.  A new row is estimable if it keeps that relation: its mean is then the same
whichever columns were dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.design.matrix import make_matrix
from ilk.design.scope import Scope

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.fixed import FixedPart
    from ilk.frame import Kept
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["not_estimable"]

_TOLERANCE = 1e-7
"""Of the relation between columns, relative to their size."""


def not_estimable(design: Design, frame: Kept, rows: IntArray | None) -> BoolArray | None:
    """Find rows whose mean is not determined.

    Parameters
    ----------
    design : Design
        Of the fit.
    frame : Kept
        Table that has all columns of the fixed parts.
    rows : (n,) array of int, or None
        Its rows that have all values; None for all.

    Returns
    -------
    (n,) array of bool, or None
        None if all are.
    """
    found: BoolArray | None = None
    for part in design.fixed:
        if part.predictor == "dispersion" or len(part.names) == len(part.all_names):
            continue
        keep = np.isin(part.all_names, part.names)
        old = _columns(design, part, design.data, None)
        relation = np.linalg.lstsq(old[:, keep], old[:, ~keep], rcond=None)[0]
        new = _columns(design, part, frame, rows)
        size = np.maximum(np.abs(old).max(axis=0), 1e-300)
        gap = np.abs(new[:, ~keep] - new[:, keep] @ relation) / size[~keep]
        bad: BoolArray = np.any(gap > _TOLERANCE * (1.0 + np.abs(new) / size).max(), axis=1)
        found = bad if found is None else found | bad
    return found if found is not None and found.any() else None


def _columns(design: Design, part: FixedPart, frame: Kept, rows: IntArray | None) -> FloatArray:
    """All columns of a fixed part, those that were dropped too."""
    spec = design.spec
    scope = Scope(frame, rows, spec.functions, dict(design.memory), learning=False)
    return make_matrix(part.recipe.terms, scope, part.recipe).X
