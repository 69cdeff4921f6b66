"""Leverage: rows whose own response decides what is fitted to them.

The share of a row in the coefficients (:mod:`ilk.diagnostics.influence.leverage`) depends on its
covariates alone.  Above one half a row is fitted to itself more than to all others (Huber 1981,
section 7.2), and no residual of it says that it is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.checks.record import Check, skipped
from ilk.diagnostics.influence.leverage import row_leverage
from ilk.errors import FitError, ModelError

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context

__all__ = ["check_leverage"]

_TITLE = "No row decides alone"

_HIGH = 0.5
"""Leverage from which a row is fitted to itself."""

_TIMES = 3.0
"""Times the average that it must be besides."""

_NAMED = 5
"""Rows that are named at most."""


def check_leverage(context: Context) -> tuple[Check, ...]:
    """Look for rows with a large share in the coefficients of the mean.

    Parameters
    ----------
    context : Context
        The fit.

    Returns
    -------
    tuple of Check
        One.
    """
    fitted = context.fitted
    if not fitted.model.parts["mean"].X.shape[1]:
        return (skipped("leverage", _TITLE, "There are no coefficients."),)
    try:
        found = row_leverage(fitted)
    except (FitError, ModelError) as refusal:
        return (skipped("leverage", _TITLE, refusal.message),)
    average = found.coefficients / len(found.fixed)
    order = np.argsort(-found.fixed, kind="stable")
    high = [i for i in order if found.fixed[i] > max(_HIGH, _TIMES * average)]
    rows = fitted.design.rows.kept
    named = ", ".join(str(int(rows[i])) for i in high[:_NAMED])
    more = f" and {len(high) - _NAMED} more" if len(high) > _NAMED else ""
    top, several = order[0], len(high) > 1
    who = f"Rows {named}{more} of the data decide" if several else f"Row {named} decides"
    sentence = (
        f"{who} more than half of what is fitted to {'them' if several else 'it'}."
        if high
        else f"The largest share of a row in the coefficients is {found.fixed[top]:.2g} (row "
        f"{int(rows[top])}); the average is {average:.2g}."
    )
    return (
        Check(
            code="leverage",
            title=_TITLE,
            where="",
            estimand=None,
            verdict="note" if high else "ok",
            statistic=float(found.fixed[top]),
            expected=average,
            p_value=float("nan"),
            sentence=sentence,
            advice="The covariates are far from all others: see whether they are right, and what "
            f"changes without the row{'s' if several else ''}: fit.influence('rows').",
            detail={"row": rows, "fixed": found.fixed, "whole": found.whole},
            large=bool(high),
        ),
    )
