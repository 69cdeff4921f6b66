r"""Observations outside of all that was simulated for their row.

A response ranked among its m simulations is the lowest or the highest with probability
:math:`2 / (m + 1)` if the model is right; so many of the k rows are expected to be outside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.checks.null import judge, judged_check
from ilk.num.stable import special

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import Check

__all__ = ["check_outliers"]

_MANY = 1.5
"""Times the expected number from which outliers matter."""

_FAR = 2.0
"""Normal score from which an observation outside of all simulated ones is named."""

_NAMED = 5
"""Rows that a sentence names at most."""


def check_outliers(context: Context) -> tuple[Check, ...]:
    """Count the observations outside of all simulated ones.

    Parameters
    ----------
    context : Context
        The fit and its simulated data sets.

    Returns
    -------
    tuple of Check
        One, of conditional residuals.
    """
    simulated = context.conditional()
    m = simulated.draws
    rank = np.minimum(np.floor(simulated.residuals * np.float32(m + 1)), m)
    found = judge(np.sum((rank == 0) | (rank == m), axis=0), "upper")
    expected = 2.0 * len(rank) / (m + 1)
    outside = np.flatnonzero((rank[:, 0] == 0) | (rank[:, 0] == m))
    exact = context.exact(simulated)
    position = simulated.residuals[:, 0].astype(float) if exact is None else exact
    scores = special().ndtri(position[outside])
    order = np.argsort(-np.abs(scores))
    order = order[np.abs(scores[order]) >= _FAR]  # ties may have drawn others outside
    rows = context.fitted.design.rows.kept[simulated.rows[outside[order]]]
    named = ", ".join(str(row) for row in dict.fromkeys(rows[:_NAMED].tolist()))
    return (
        judged_check(
            context,
            found,
            large=found.observed >= _MANY * expected,
            code="outliers",
            title="No more outliers than expected",
            where="",
            estimand="conditional",
            expected=expected,
            sentence=f"{found.observed:.0f} of {len(rank):,} observations lie outside of all "
            f"{m} simulated ones, where {expected:.1f} are expected.",
            advice=f"The most extreme are in rows {named}; if they are right, a family with longer "
            "tails is wanted.",
            detail={"row": rows, "score": scores[order]},
        ),
    )
