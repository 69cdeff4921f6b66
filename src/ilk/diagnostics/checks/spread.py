r"""Whether the spread of residuals depends on a covariate: unequal variances.

The sizes :math:`|r|` of the residuals of :mod:`ilk.diagnostics.checks.covariates`, around drawn
random effects, are projected on the levels of a factor, or on the ranks of a number and their
square (Levene's test with more than two groups); the statistic is the share of their variation that
these take, and its distribution is that of the simulated data sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.checks.covariates import (
    STILL,
    asked_covariates,
    covariate_names,
    covariates_of,
    row_scores,
)
from ilk.diagnostics.checks.null import judge, judged_check
from ilk.diagnostics.checks.record import skipped
from ilk.frame import factor, quote

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import Check
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["check_spread", "factors_of"]

_TITLE = "Spread does not depend on the covariate"

_UNEQUAL = 1.25
"""Ratio of the spread at two places from which it matters."""

_MOST = 20
"""Levels of a factor at most."""

_ROWS = 5
"""Observations of a level at least."""


def check_spread(context: Context) -> tuple[Check, ...]:
    """Test whether the spread of residuals depends on a covariate.

    Parameters
    ----------
    context : Context
        The fit and its simulated data sets.

    Returns
    -------
    tuple of Check
        One for each numeric covariate and each factor of the formulas.
    """
    fitted, checks = context.fitted, []
    numeric, levels = asked_covariates(context)
    if not np.sum(_sizes(context)[1] ** 2, axis=0).min() > 0.0:
        return (skipped("spread", _TITLE, STILL),)
    for name, x in (covariates_of(fitted) | numeric).items():
        checks.append(_by_number(context, name, x[context.rows]))
    factors = factors_of(fitted) | {one.name: (one.codes, one.labels) for one in levels}
    for name, (codes, labels) in factors.items():
        found = _by_level(context, name, codes[context.rows], labels)
        checks += [] if found is None else [found]
    if not checks:
        return (skipped("spread", _TITLE, "The formulas have no covariate to compare by."),)
    return tuple(checks)


def factors_of(fitted: Fitted) -> dict[str, tuple[IntArray, tuple[object, ...]]]:
    """Factors among the covariates: codes (n,) and labels, but not what groups rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    numeric, out = covariates_of(fitted), {}
    for name in covariate_names(fitted):
        if name in numeric:
            continue
        found = factor(fitted.design.data.column(name))
        if 1 < len(found.levels) <= _MOST:
            out[name] = found.codes, tuple(found.levels)
    return out


def _sizes(context: Context) -> tuple[FloatArray, FloatArray]:
    """Sizes of residuals (k, m + 1), as they are and less their mean."""
    sizes = np.abs(row_scores(context.conditional()))
    return sizes, sizes - sizes.mean(axis=0)


def _by_number(context: Context, name: str, x: FloatArray) -> Check:
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - 0.5 * (counts + 1.0))[place.reshape(-1)] / max(len(x) - 1, 1)
    columns = np.polynomial.legendre.legvander(2.0 * rank - 1.0, 2)[:, 1:]
    basis = np.linalg.qr(columns - columns.mean(axis=0))[0]
    sizes, moved = _sizes(context)
    found = judge(np.sum((basis.T @ moved) ** 2, axis=0) / np.sum(moved**2, axis=0), "upper")
    line = sizes[:, 0].mean() + basis @ (basis.T @ moved[:, 0])
    most, least = int(np.argmax(line)), int(np.argmin(line))
    ratio = float(line[most]) / max(float(line[least]), 1e-9)
    return judged_check(
        context,
        found,
        large=ratio > _UNEQUAL,
        code="spread",
        title=_TITLE,
        where=name,
        estimand="conditional",
        sentence=f"Residuals spread {ratio:.2g} times as much at {name} = {x[most]:.3g} as at "
        f"{name} = {x[least]:.3g}.",
        advice=_advice(context.fitted, name),
    )


def _by_level(
    context: Context, name: str, codes: IntArray, labels: tuple[object, ...]
) -> Check | None:
    count = np.bincount(codes, minlength=len(labels))
    if np.sum(count >= _ROWS) < 2:
        return None
    sizes, moved = _sizes(context)
    sums = np.stack([moved[codes == level].sum(axis=0) for level in range(len(labels))])
    between = np.sum(sums**2 / np.maximum(count, 1)[:, None], axis=0)
    found = judge(between / np.sum(moved**2, axis=0), "upper")
    means = np.bincount(codes, sizes[:, 0], minlength=len(labels)) / np.maximum(count, 1)
    enough = np.flatnonzero(count >= _ROWS)
    most, least = enough[np.argmax(means[enough])], enough[np.argmin(means[enough])]
    ratio = float(means[most] / max(means[least], 1e-9))
    return judged_check(
        context,
        found,
        large=ratio > _UNEQUAL,
        code="spread",
        title=_TITLE,
        where=name,
        estimand="conditional",
        sentence=f"Residuals spread {ratio:.2g} times as much where {name} is "
        f"{quote(labels[most])} as where it is {quote(labels[least])}.",
        advice=_advice(context.fitted, name),
        detail={"level": list(labels), "size": means, "count": count},
    )


def _advice(fitted: Fitted, name: str) -> str:
    if fitted.family.has_dispersion:
        return f"Model the dispersion: dispersion='~ {name}'."
    return (
        f"A family with a dispersion, and dispersion='~ {name}', lets the variance differ; a "
        "random slope may be missing as well."
    )
