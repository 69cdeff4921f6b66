r"""Residuals against the fitted values: whether their center and their spread stay the same.

Observations are put into ten groups of like fitted means.  With :math:`\bar u_g` the mean residual
and :math:`s_g` the mean of :math:`(u - 1/2)^2` in group g of :math:`n_g`,

.. math:: T_{center} = 12 \sum_g n_g (\bar u_g - \bar u)^2, \qquad
   T_{spread} = 180 \sum_g n_g (s_g - \bar s)^2,

which would each be about chi-square on nine degrees of freedom for independent residuals of a known
model; the distributions that are used are those of the simulated data sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.checks.null import judge, judged_check
from ilk.diagnostics.checks.record import skipped
from ilk.diagnostics.checks.simulated import sum_by

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import Check
    from ilk.diagnostics.checks.simulated import Simulated
    from ilk.typing import FloatArray, IntArray

__all__ = ["check_pattern", "fitted_bins"]

_BINS = 10
_OFF, _SPREAD = 0.05, 0.25
"""Move of the mean residual, and relative change of the spread, from which a pattern matters."""

_QUARTILES = (0.25, 0.5, 0.75)


def check_pattern(context: Context) -> tuple[Check, ...]:
    """Test whether residuals depend on the fitted values.

    Parameters
    ----------
    context : Context
        The fit and its simulated data sets.

    Returns
    -------
    tuple of Check
        Two, of the center and of the spread.
    """
    simulated = context.conditional()
    mean = context.fitted.family.mean(simulated.eta)
    bins, count = fitted_bins(mean)
    if count < 3:
        return (
            skipped(
                "pattern",
                "Residuals do not depend on the fitted values",
                "The fitted values are nearly all the same: there is nothing to compare.",
                estimand="conditional",
            ),
        )
    return _center_and_spread(context, simulated, mean, bins, count)


def fitted_bins(mean: FloatArray, count: int = _BINS) -> tuple[IntArray, int]:
    """Groups of like fitted values, about equally large.

    Parameters
    ----------
    mean : (k,) array
        Fitted values.
    count : int
        Number of groups at most.

    Returns
    -------
    codes : (k,) array of int
    number : int
        How many there are.
    """
    edges = np.unique(np.quantile(mean, np.linspace(0.0, 1.0, count + 1)[1:-1]))
    present, codes = np.unique(np.searchsorted(edges, mean, side="right"), return_inverse=True)
    return codes, len(present)


def _center_and_spread(
    context: Context, simulated: Simulated, mean: FloatArray, bins: IntArray, count: int
) -> tuple[Check, Check]:
    u = simulated.residuals - np.float32(0.5)
    size = np.bincount(bins, minlength=count)[:, None]
    center, spread = sum_by(bins, count, u) / size, sum_by(bins, count, u * u) / size
    moves = center - np.mean(u, axis=0)
    ratios = spread / np.maximum(np.mean(u * u, axis=0), 1e-12)
    first = judge(12.0 * np.sum(size * moves**2, axis=0), "upper")
    second = judge(180.0 * np.sum(size * (ratios - 1.0) ** 2, axis=0) / 144.0, "upper")
    at = np.bincount(bins, weights=mean, minlength=count) / size[:, 0]
    cloud = {"fitted": mean, "residual": simulated.residuals[:, 0].astype(float)}
    detail = cloud | _quartiles(simulated, bins, count, at)
    off, wide = np.abs(moves[:, 0]).max(), np.abs(ratios[:, 0] - 1.0).max()
    low, high = ratios[0, 0], ratios[-1, 0]
    return (
        judged_check(
            context,
            first,
            large=bool(off >= _OFF),
            code="pattern",
            title="Center does not depend on fitted values",
            where="",
            estimand="conditional",
            sentence=f"Over {count} groups of fitted values the mean position of the response "
            f"moves by up to {off:.3f} (0.5 is the whole way).",
            advice="A covariate has a curve or an interaction that is missing, or the link is "
            "wrong: look at the residuals against each covariate.",
            detail=detail,
        ),
        judged_check(
            context,
            second,
            large=bool(wide >= _SPREAD),
            code="pattern",
            title="Spread does not depend on fitted values",
            where="",
            estimand="conditional",
            sentence=f"The spread of residuals is {low:.2f} times the average at the lowest fitted "
            f"values and {high:.2f} times at the highest.",
            advice=_spread_advice(context, high > low),
            detail=detail,
        ),
    )


def _spread_advice(context: Context, grows: bool) -> str:
    family = context.fitted.family
    if family.name == "gaussian":
        return "Model the variance (dispersion='~ x')" + (
            ", or the logarithm of the response, or family='gamma'." if grows else "."
        )
    if family.has_dispersion:
        return "Model the dispersion (dispersion='~ x'), or another relation of variance and mean."
    return "Another relation of variance and mean is wanted: a family with a dispersion."


def _quartiles(
    simulated: Simulated, bins: IntArray, count: int, at: FloatArray
) -> dict[str, FloatArray]:
    """Quartiles of the residuals in each group, with limits of 95 % of the simulated ones."""
    values = np.empty((count, 3, simulated.draws + 1))
    for b in range(count):
        values[b] = np.quantile(simulated.residuals[bins == b], _QUARTILES, axis=0)
    low, high = np.quantile(values[:, :, 1:], [0.025, 0.975], axis=2)
    return {"at": at, "quartiles": values[:, :, 0], "low": low, "high": high}
