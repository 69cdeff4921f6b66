"""Starting values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.kernels.contract import LinearFactor
from ilk.likelihood.base import Start
from ilk.model.factors import factor_start

if TYPE_CHECKING:
    from ilk.likelihood.base import AbstractMarginal
    from ilk.typing import FloatArray


def default_start(marginal: AbstractMarginal) -> Start:
    """Start from the family's intercepts; covariance parameters from moments where possible.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.

    Returns
    -------
    Start
    """
    model, data = marginal.model, marginal.scaled.data
    theta = None
    if not isinstance(marginal.factor, LinearFactor):
        theta = factor_start(model.covariances, [term.width for term in data.terms])
    if model.linear:
        return Start(np.zeros(data.predictors[0].X.shape[1]), theta)
    offset = data.predictors[0].offset
    intercepts = model.family.start(data.response, data.trials, offset, data.weights)
    beta = []
    for k, (part, fixed) in enumerate(zip(data.predictors, model.fitted_parts, strict=True)):
        known = 0.0 if k == 0 or part.offset is None else float(np.mean(part.offset))
        value = intercepts[k] - known
        beta.append(_constant_predictor(part.X, fixed.has_intercept, fixed.names, value))
    return Start(np.concatenate(beta), theta)


def _constant_predictor(
    X: FloatArray, has_intercept: bool, names: tuple[str, ...], value: float
) -> FloatArray:
    """Coefficients whose linear predictor is, as nearly as X allows, a constant."""
    if has_intercept and "Intercept" in names:
        beta = np.zeros(X.shape[1])
        beta[names.index("Intercept")] = value
        return beta
    if X.shape[1] == 0 or value == 0.0:
        return np.zeros(X.shape[1])
    solution: FloatArray = np.linalg.lstsq(X, np.full(len(X), value), rcond=None)[0]
    return solution
