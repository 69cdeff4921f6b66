r"""Which coefficients have no finite estimate because the data are separated.

Separation is looked for in the data, not in where a search ended (`ilk.model.separation`).  What
is left of the data when all rows that a direction moves are taken out determines the coefficients
that stand; the others run to plus or minus infinity, or, where several directions pull at one
coefficient, depend on the path on which the likelihood is climbed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.inference.wald import coefficient_covariance
from ilk.model.scaling import scale_columns
from ilk.model.separation import has_limits, separating_direction

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.model.separation import Predictor
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["Separation", "separation"]

_PREDICTORS: tuple[Predictor, ...] = ("mean", "zero_inflation")


@dataclass(frozen=True, slots=True)
class Separation:
    """Coefficients that can be separated, and whether they are.

    Parameters
    ----------
    names : tuple of (str, str)
        ``(component, name)`` of each.
    direction : (k,) array
        Weight of each in a direction that separates; zero where it has no part in it.
    finite : (k,) array of bool
        Whether the coefficient has a finite maximum likelihood estimate.
    estimate : (k,) array
        The estimate; inf or -inf where it runs there, nan where that depends on the path.
    std_error : (k,) array
        Standard error; nan where the estimate is not finite.
    rows : (k,) array of int
        Rows whose outcome is predicted perfectly in the limit, by component.
    total : int
        Number of rows.
    penalized : bool
        Whether a penalty holds the estimates.
    """

    names: tuple[tuple[str, str], ...]
    direction: FloatArray
    finite: BoolArray
    estimate: FloatArray
    std_error: FloatArray
    rows: IntArray
    total: int
    penalized: bool


def separation(fitted: Fitted) -> Separation:
    """Look for separation in a model's data.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    Separation
    """
    model = fitted.model
    P = len(fitted.names)
    direction, rows = np.zeros(P), np.zeros(P, dtype=int)
    finite = np.ones(P, dtype=bool)
    estimate = fitted.coef.copy()
    able = [p for p in model.slices if p in _PREDICTORS or model.family.event(p) is not None]
    asked = able if has_limits(model) else []
    for predictor in asked:
        part, place = model.parts[predictor], model.slices[predictor]
        found = separating_direction(model, predictor)
        if found is None or (predictor == "zero_inflation" and not found.upward):
            continue
        weights = dict(zip(part.names, found.direction, strict=True))
        infinite = np.array([name in found.infinite for name in part.names])
        direction[place] = [weights[name] for name in part.names]
        finite[place] = ~infinite
        rows[place] = found.rows
        run = scale_columns(part)[1] @ found.kernel
        ends = np.full(len(infinite), np.nan)
        if found.kernel.shape[1] == 1:
            toward = run[:, 0] * np.sign(run[:, 0] @ found.direction)
            ends = np.copysign(np.inf, toward)
        if model.penalty is None:
            estimate[place] = np.where(infinite, ends, estimate[place])
    errors = np.sqrt(np.diagonal(coefficient_covariance(fitted).matrix))
    chosen = [j for j, (component, _) in enumerate(fitted.names) if component in asked]
    return Separation(
        names=tuple(fitted.names[j] for j in chosen),
        direction=direction[chosen],
        finite=finite[chosen],
        estimate=estimate[chosen],
        std_error=np.where(np.isfinite(estimate), errors, np.nan)[chosen],
        rows=rows[chosen],
        total=model.rows,
        penalized=model.penalty is not None,
    )
