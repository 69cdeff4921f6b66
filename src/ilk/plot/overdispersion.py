"""Variance against mean by groups of fitted values, with the line of each model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.diagnostics.checks.pattern import fitted_bins
from ilk.formula.spec import MEAN, OLRE
from ilk.plot.style import INK, drawing, printable

if TYPE_CHECKING:
    from ilk.diagnostics.overdispersion import Overdispersion
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["draw_variances", "row_moments"]

_NODES = 31
"""Nodes of the sum over the effect of a row."""


def row_moments(fitted: Fitted) -> tuple[FloatArray, FloatArray]:
    """Mean and variance (n,) of each row's response, the effect of the row itself averaged over.

    Parameters
    ----------
    fitted : Fitted
        A fit of counts; of counts among trials the moments are those of proportions.
    """
    model, trials = fitted.model, fitted.design.response.trials
    effects, spread = list(fitted.estimates.modes), 0.0
    for t, term in enumerate(fitted.design.terms):
        if term.grouping.name == OLRE and term.predictor == MEAN:
            effects[t] = np.zeros_like(effects[t])
            spread = float(np.sqrt(fitted.estimates.covariances[t][0, 0]))
    eta = model.linear_predictors(fitted.coef, effects)
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES if spread else 1)
    weights = weights / weights.sum()
    size = 1.0 if trials is None else trials
    first, second = np.zeros(model.rows), np.zeros(model.rows)
    for node, weight in zip(nodes, weights, strict=True):
        at = [eta[0] + spread * node, *eta[1:]]
        mean = fitted.family.mean(at)
        first += weight * mean
        second += weight * (fitted.family.variance(at, trials) / size**2 + mean**2)
    return first, np.maximum(second - first**2, 0.0)


def draw_variances(found: Overdispersion, ax: Any = None) -> Any:
    """Draw the variance against the mean in groups of like fitted values.

    Parameters
    ----------
    found : Overdispersion
        The fits.
    ax : matplotlib axes, optional
        Where to draw; new axes by default.

    Returns
    -------
    matplotlib axes
    """
    base = next((one.fitted for one in found.alternatives if one.sound), None)
    center = found.fitted.mean if base is None else row_moments(base)[0]
    response = found.fitted.design.response
    y = response.y if response.trials is None else response.y / response.trials
    bins, count = fitted_bins(center)
    rows = np.bincount(bins, minlength=count)
    mean = np.bincount(bins, center, count) / rows
    observed = np.bincount(bins, (y - center) ** 2, count) / rows
    order = np.argsort(mean)
    with drawing(ax, 6.4, 4.2) as axis:
        axis.plot(mean, observed, "o", color=INK, label="observed")
        for one in found.alternatives:
            if one.sound and one.fitted is not None:
                variance = np.bincount(bins, row_moments(one.fitted)[1], count) / rows
                axis.plot(mean[order], variance[order], "-", linewidth=1.3, label=one.name)
        axis.set_xlabel(f"fitted mean of {printable(response.name)}, in groups of like rows")
        axis.set_ylabel("variance")
        axis.legend(frameon=False, fontsize="small")
        return axis
