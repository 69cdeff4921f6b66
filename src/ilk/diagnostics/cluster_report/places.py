"""Where the columns of the mean vary, within clusters or between them, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.cluster_report.side_by_side import IGNORED, MIXED, ROBUST, ROBUST_ALL, Side
from ilk.diagnostics.contextual import cluster_columns
from ilk.formula.spec import MEAN

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.typing import BoolArray, FloatArray

__all__ = ["CoefficientPlaces", "coefficient_places"]


@dataclass(frozen=True, slots=True)
class CoefficientPlaces:
    """Where the columns of the mean vary: within clusters or between them.

    Parameters
    ----------
    terms : tuple of str
        The p coefficients that the data determine.
    between : (p,) array
        Share of the variance of the column that lies between clusters; nan for the intercept.
    constant_in : tuple of str or None
        The largest clusters in which the column is constant.
    slope : (p,) array of bool
        Whether its effect differs between clusters (a random slope).
    expected : (p,) array
        Design effect that the correlation of the responses leads one to expect; nan without one.
    realized : (p,) array
        Squared ratio of the cluster-robust standard error (for all factors, if they cross) to the
        one that ignores clusters.
    ratio : (p,) array
        Standard error that ignores clusters, over that of the mixed model.
    """

    terms: tuple[str, ...]
    between: FloatArray
    constant_in: tuple[str | None, ...]
    slope: BoolArray
    expected: FloatArray
    realized: FloatArray
    ratio: FloatArray


def coefficient_places(
    mixed: Fitted,
    chosen: Grouping,
    factors: Sequence[Grouping],
    found: Sequence[Side],
    inflation: FloatArray,
) -> CoefficientPlaces:
    """Collect where the columns of the mean vary, and their design effects.

    Parameters
    ----------
    mixed : Fitted
        The mixed model.
    chosen : Grouping
        Clusters of the robust methods.
    factors : sequence of Grouping
        Grouping factors of the mean.
    found : sequence of Side
        Coefficients by method.
    inflation : (p,) array
        Expected design effects.

    Returns
    -------
    CoefficientPlaces
    """
    part = mixed.model.fitted_parts[0]
    weights = mixed.design.frequency_weights
    seen = cluster_columns(part, chosen, weights)
    intercept = np.array([name == INTERCEPT for name in part.names], dtype=bool)
    by_size = sorted({g.name: g for g in (chosen, *factors)}.values(), key=lambda g: len(g.levels))
    constant: list[str | None] = [None] * len(part.names)
    for grouping in reversed(by_size):
        varies = cluster_columns(part, grouping, weights).varies
        constant = [
            c if moves else grouping.name for c, moves in zip(constant, varies, strict=True)
        ]
    slopes = {
        name
        for term in mixed.design.random_parts
        if term.predictor == MEAN and term.grouping.name in [g.name for g in factors]
        for name in term.column_names
    }
    errors = {(side.method, side.estimand): side.std_error for side in found}
    ignored = errors[IGNORED, "population"]
    like = errors.get((MIXED, "population"), errors[MIXED, "conditional"])
    nothing = np.full(len(ignored), np.nan)
    robust = errors.get((ROBUST, "population"), nothing)
    robust = errors.get((ROBUST_ALL, "population"), robust)
    return CoefficientPlaces(
        terms=part.names,
        between=np.where(intercept, np.nan, seen.share),
        constant_in=tuple(constant),
        slope=np.array([n in slopes and n != INTERCEPT for n in part.names], dtype=bool),
        expected=inflation,
        realized=(robust / ignored) ** 2,
        ratio=ignored / like,
    )
