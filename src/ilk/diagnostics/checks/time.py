r"""Whether neighbors in time are more alike than the model says.

With normal scores :math:`z = \Phi^{-1}(u)` of the residuals of rows (of totals, where a group has
several rows of one time), sorted by time t within groups g, the statistic is the correlation

.. math:: r = \frac{\sum_{g,t} z_{g,t} z_{g,t+1} / P}{\sum_{g,t} z_{g,t}^2 / N}

over the P pairs of neighbors; the ratio of Durbin and Watson (1950) is near 2 (1 - r).  The
simulated data sets give its distribution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.checks.columns import read_labels, read_numbers
from ilk.diagnostics.checks.null import judge, judged_check
from ilk.diagnostics.checks.units import CORRELATION, scores_of, units_of, views_of
from ilk.errors import ModelError
from ilk.inference.clusters import outermost_groupings

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import Check
    from ilk.typing import FloatArray, IntArray

__all__ = ["check_time", "durbin_watson"]

_LIKE = (
    "Give the groups a slope in time (1 + time | group), or a smooth of time; what is left asks "
    "for robust standard errors (fit.cov_with('CR2'))."
)
_UNLIKE = (
    "Neighbors differ by more than the model says: look for a curve in time that bends too much, "
    "or for responses that make up for those before them."
)

_LAGS = 12
"""Steps that the picture goes back."""


def check_time(context: Context) -> tuple[Check, ...]:
    """Test whether neighbors in time are alike; nothing without a column of times.

    Parameters
    ----------
    context : Context
        The fit and what was asked.

    Returns
    -------
    tuple of Check
    """
    if context.asked.time is None:
        return ()
    name, time = read_numbers(context.fitted.design, context.asked.time, "time")
    within, codes = _series(context)
    keys = np.column_stack([codes[context.rows].astype(np.float64), time[context.rows]])
    units = units_of(keys)
    where = f"{name} within {within}" if within else name
    group = keys[units.first, 0]  # np.unique has sorted units by group, then time
    if not np.any(group[1:] == group[:-1]):
        raise ModelError(
            f"time={name!r}: no level of {within!r} has two times, so nothing has a neighbor; "
            "give the factor within which time runs as group=.",
            code="time",
        )
    estimand = views_of(context, units)[0]
    z = scores_of(context, units, estimand)
    lags = [lag for lag in range(1, _LAGS + 1) if np.any(group[lag:] == group[:-lag])]
    curves = np.stack([_lagged(z, group, lag) for lag in lags])
    found = judge(curves[0])
    low, high = np.quantile(curves[:, 1:], [0.025, 0.975], axis=1)
    watson = durbin_watson(z[:, 0], group)
    return (
        judged_check(
            context,
            found,
            large=abs(found.observed) >= CORRELATION,
            code="time",
            title="Neighbors in time are independent",
            where=where,
            estimand=estimand,
            sentence=f"Residuals of neighbors in {name!r} correlate by {found.observed:.2f} "
            f"(Durbin-Watson {watson:.2f}).",
            advice=_LIKE if found.observed > found.expected else _UNLIKE,
            detail={
                "lag": np.array(lags),
                "correlation": curves[:, 0],
                "low": low,
                "high": high,
                "durbin_watson": np.array(watson),
            },
        ),
    )


def _series(context: Context) -> tuple[str, IntArray]:
    """Factor within which time runs: the one asked for, the only outermost one, or none."""
    design = context.fitted.design
    if context.asked.group is not None:
        levels = read_labels(design, context.asked.group, "group")
        return levels.name, levels.codes
    outer = outermost_groupings(design)
    if len(outer) > 1:
        names = ", ".join(repr(g.name) for g in outer)
        raise ModelError(
            f"time= runs within levels of one factor, but {names} cross; name it, group=.",
            code="time",
        )
    if not outer or len(outer[0].levels) == context.fitted.model.rows:
        return "", np.zeros(context.fitted.model.rows, dtype=np.int32)
    return outer[0].name, outer[0].codes


def _lagged(z: FloatArray, group: FloatArray, lag: int) -> FloatArray:
    """Correlation (m,) of units so many steps apart in the same group, units sorted."""
    pairs = np.flatnonzero(group[lag:] == group[:-lag])
    products = np.einsum("ij,ij->j", z[pairs + lag], z[pairs])
    return np.asarray(products / len(pairs) / np.mean(z * z, axis=0))


def durbin_watson(z: FloatArray, group: FloatArray) -> float:
    """Mean squared difference of neighbors over the mean square, near 2 if they are independent.

    Parameters
    ----------
    z : (N,) array
        Residuals, sorted by group and time.
    group : (N,) array
        Their groups.
    """
    same = group[1:] == group[:-1]
    return float(np.sum(np.diff(z)[same] ** 2) / np.sum(z * z) * len(z) / max(same.sum(), 1))
