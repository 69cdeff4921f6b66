"""Whether there are as many zeros as the model expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.checks.dispersion import is_single
from ilk.diagnostics.checks.null import judge, judged_check
from ilk.diagnostics.checks.record import skipped
from ilk.family.inflation import ZeroInflated

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import Check

__all__ = ["check_zeros"]

_MORE, _SHARE = 1.1, 0.01
"""Ratio of zeros, and difference as a share of all rows, from which they matter."""


def check_zeros(context: Context) -> tuple[Check, ...]:
    """Compare the number of zeros with those of simulated data sets.

    Parameters
    ----------
    context : Context
        The fit and its simulated data sets.

    Returns
    -------
    tuple of Check
        One for each estimand.
    """
    title = "As many zeros as expected"
    family = context.fitted.family
    if not family.has_atoms or context.fitted.design.response.other is not None:
        return (skipped("zeros", title, "The response is no count."),)
    if not family.has_zero:
        return (skipped("zeros", title, "The response is no count that may be zero."),)
    if is_single(context):
        return (skipped("zeros", title, "The mean says how many outcomes are 0."),)
    return tuple(_zeros(context, estimand, title) for estimand in context.estimands)


def _zeros(context: Context, estimand: str, title: str) -> Check:
    simulated = context.simulated(estimand)
    counts = np.count_nonzero(simulated.responses == 0.0, axis=0).astype(np.float64)
    found = judge(counts)
    rows = len(simulated.responses)
    more = found.observed > found.expected
    large = abs(found.observed - found.expected) >= _SHARE * rows and max(
        found.observed, found.expected
    ) >= _MORE * min(found.observed, found.expected)
    low, high = np.quantile(counts[1:], [0.025, 0.975])
    return judged_check(
        context,
        found,
        large=large,
        code="zeros",
        title=title,
        where="",
        estimand=estimand,
        sentence=f"{found.observed:,.0f} of {rows:,} responses are zero, where "
        f"{found.expected:,.1f} are expected (95 % of data sets of the model: {low:,.0f} to "
        f"{high:,.0f}).",
        advice=_advice(context, more),
        detail={"observed": counts[:1], "simulated": counts[1:]},
    )


def _advice(context: Context, more: bool) -> str:
    family = context.fitted.family
    if not more:
        return "Zeros are rarer than the family says: are some left out, or is it another process?"
    if isinstance(family, ZeroInflated):
        return "Let the zero inflation depend on a covariate (zero_inflation='~ x')."
    if family.has_dispersion:
        return "Let some zeros have a cause of their own: zero_inflation='~ 1'."
    return (
        "If the variance is too large as well, fit a family with a dispersion first "
        "(negative_binomial_2, beta_binomial); what it leaves is for zero_inflation='~ 1'."
    )
