"""The check functions, by the names that pick them.

A check function takes a `Context` and gives any number of checks.  To add one, write it in a module
of its own and name it in `CHECKS`; the code of its checks is that name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from ilk.diagnostics.checks.collinearity import check_collinearity
from ilk.diagnostics.checks.covariates import check_covariates
from ilk.diagnostics.checks.dispersion import check_dispersion, check_pearson
from ilk.diagnostics.checks.effects_qq import check_effects
from ilk.diagnostics.checks.elsewhere import (
    check_approximation,
    check_convergence,
    check_separation,
)
from ilk.diagnostics.checks.exposure import check_exposure
from ilk.diagnostics.checks.influence import check_influence
from ilk.diagnostics.checks.leverage import check_leverage
from ilk.diagnostics.checks.outliers import check_outliers
from ilk.diagnostics.checks.parallel import check_parallel
from ilk.diagnostics.checks.pattern import check_pattern
from ilk.diagnostics.checks.record import skipped
from ilk.diagnostics.checks.slopes import check_slopes
from ilk.diagnostics.checks.space import check_related, check_space
from ilk.diagnostics.checks.spread import check_spread
from ilk.diagnostics.checks.time import check_time
from ilk.diagnostics.checks.uniformity import check_groups, check_uniformity
from ilk.diagnostics.checks.zeros import check_zeros
from ilk.errors import FitError, ModelError
from ilk.simulate import IMPOSSIBLE

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import Check

__all__ = ["CHECKS", "run_checks"]

CheckFunction: TypeAlias = "Callable[[Context], tuple[Check, ...]]"
"""Looks at a fit."""

CHECKS: Mapping[str, CheckFunction] = {
    "convergence": check_convergence,
    "separation": check_separation,
    "approximation": check_approximation,
    "exposure": check_exposure,
    "uniformity": check_uniformity,
    "pattern": check_pattern,
    "parallel": check_parallel,
    "dispersion": check_dispersion,
    "pearson": check_pearson,
    "zeros": check_zeros,
    "outliers": check_outliers,
    "groups": check_groups,
    "time": check_time,
    "space": check_space,
    "related": check_related,
    "covariates": check_covariates,
    "spread": check_spread,
    "slopes": check_slopes,
    "effects": check_effects,
    "influence": check_influence,
    "leverage": check_leverage,
    "collinearity": check_collinearity,
}
"""Check functions by the name that picks them, in the order of the answer."""

_NO_REASON = ("family-incomplete", "censoring", "multiple-membership", IMPOSSIBLE)
"""Codes of errors that are no reason to stop, as errors of computation are none."""


def run_checks(names: Sequence[str], context: Context) -> list[Check]:
    """Make checks; what one of them cannot do is no reason to stop.

    Parameters
    ----------
    names : sequence of str
        Names of `CHECKS`.
    context : Context
        What they work with.

    Returns
    -------
    list of Check
    """
    found: list[Check] = []
    for name in names:
        try:
            found += CHECKS[name](context)
        except (ModelError, FitError) as refusal:
            asked = isinstance(refusal, ModelError) and refusal.code not in _NO_REASON
            if asked:
                raise
            title = name.replace("_", " ").capitalize()
            found.append(skipped(name, title, refusal.message))
    return found
