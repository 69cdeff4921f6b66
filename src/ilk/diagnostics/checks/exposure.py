"""Whether the mean is proportional to its exposure, or has one among its covariates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ilk.diagnostics.checks.record import Check, skipped
from ilk.diagnostics.exposure import exposure_check
from ilk.diagnostics.exposure_words import judge
from ilk.errors import ModelError

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context

__all__ = ["check_exposure"]

_TITLE = "The mean is proportional to the exposure"

_NO_REASON = ("no-exposure", "exposure-link", "exposure-penalty", "exposure-values")
"""Codes of refusals that only say that there is nothing to look at."""


def check_exposure(context: Context) -> tuple[Check, ...]:
    """Compare an offset with a free coefficient of the logarithm of the exposure.

    Parameters
    ----------
    context : Context
        The fit.

    Returns
    -------
    tuple of Check
    """
    try:
        found = exposure_check(context.fitted)
    except ModelError as refusal:
        if refusal.code in (*_NO_REASON, "not-estimable", "lag"):
            return (skipped("exposure", _TITLE, refusal.message),)
        raise
    said = judge(found, context.alpha)
    return (
        Check(
            code="exposure",
            title=_TITLE,
            where=found.exposure,
            estimand="conditional",
            verdict=said.verdict,
            statistic=found.coefficient,
            expected=1.0,
            p_value=found.ratio_p if found.role in ("offset", "both") else float("nan"),
            sentence=f"{said.role} {said.test}",
            advice=said.advice,
            detail={
                "exposure": found.groups[:, 0],
                "observed": found.groups[:, 1],
                "expected": found.groups[:, 2],
            },
        ),
    )
