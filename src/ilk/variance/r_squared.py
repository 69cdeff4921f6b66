r"""Variance explained by the fixed part, and by fixed part and random effects together.

.. math:: R^2_{marginal} = \frac{\sigma^2_f}{\sigma^2_f + \sum_g \sigma^2_g + \sigma^2_e
          + \sigma^2_d}, \qquad
          R^2_{conditional} = \frac{\sigma^2_f + \sum_g \sigma^2_g}{\sigma^2_f + \sum_g \sigma^2_g
          + \sigma^2_e + \sigma^2_d}

(Nakagawa and Schielzeth 2013; Johnson 2014 for random slopes; Nakagawa, Johnson and Schielzeth 2017
for other families).  On the scale of the response the parts are exact variances, see
docs/derivations/variance-explained.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.prediction.levels import check_choice
from ilk.variance.distribution import Approximation
from ilk.variance.icc import Baseline, check_options, variance_notes
from ilk.variance.levels_of_variance import (
    VarianceScale,
    factor_names,
    fewer_rows,
    null_level,
    own_sample,
    variance_levels,
)
from ilk.variance.shares import Shares, Uncertainty, ratio, shares_of

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Explained", "r_squared"]

MEASURES = ("marginal", "conditional")


@dataclass(frozen=True, slots=True)
class Explained:
    """Shares of the variance that a model explains.

    Parameters
    ----------
    measures : tuple of str
        ``"marginal"`` and ``"conditional"``.
    shares : Shares
        The numbers.
    parts : mapping of str to float
        Variance of each part, by its name.
    scale : str
        ``"latent"`` or ``"response"``.
    level : float
        Coverage.
    notes : tuple of str
        What the numbers rest on.
    """

    measures: tuple[str, ...]
    shares: Shares
    parts: Mapping[str, float]
    scale: str
    level: float
    notes: tuple[str, ...]


def r_squared(
    fitted: Fitted,
    *,
    scale: VarianceScale = "latent",
    approximation: Approximation = "lognormal",
    baseline: Baseline = "fit",
    uncertainty: Uncertainty = "delta",
    level: float = 0.95,
    **options: Any,
) -> Explained:
    """Compute marginal and conditional R squared.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    scale, approximation, baseline, uncertainty, level, **options
        As `icc` takes them.

    Returns
    -------
    Explained
    """
    check_options(fitted, scale, approximation, baseline, level)
    check_choice("uncertainty", uncertainty, Uncertainty)
    sample = own_sample(fitted)
    if scale == "response":
        sample = fewer_rows(fitted, sample)
    mean = null_level(fitted) if baseline == "null" and scale == "latent" else None

    def function(fit: Fitted, psi: FloatArray) -> FloatArray:
        found = variance_levels(fit, psi, sample, scale, approximation, mean)
        explained = found.fixed, found.fixed + found.together
        return np.array([ratio(part, found.total) for part in explained])

    shares = shares_of(fitted, function, level, uncertainty, **options)
    found = variance_levels(fitted, fitted.estimates.psi, sample, scale, approximation, mean)
    names = factor_names(fitted)
    parts = {"fixed part": found.fixed, **dict(zip(names, found.between.tolist(), strict=True))}
    mixed = found.together - float(found.between.sum())
    if len(names) > 1 and scale == "response" and mixed > 1e-9 * found.total:
        parts["factors together, beyond each"] = mixed
    if found.rows > 0.0:
        parts["random effect per row"] = found.rows
    parts["residual" if fitted.model.linear else "distribution"] = found.distribution
    return Explained(
        measures=MEASURES,
        shares=shares,
        parts=parts,
        scale=scale,
        level=level,
        notes=tuple(variance_notes(fitted, scale, approximation, baseline)),
    )
