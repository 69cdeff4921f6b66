"""Data of an engine for some of the rows, and for linear models with a dispersion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.kernels.contract import EngineData, PredictorData, TermData

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["gaussian_data", "square_weights", "take_rows"]


def take_rows(data: EngineData, rows: IntArray) -> EngineData:
    """Cut the data of an engine down to some rows, and the levels that occur there.

    Parameters
    ----------
    data : EngineData
        The data.
    rows : (r,) array of int
        Positions of the rows.
    """

    def cut(values: FloatArray | None) -> FloatArray | None:
        return None if values is None else np.ascontiguousarray(values[rows])

    terms = []
    for term in data.terms:
        present, codes = np.unique(term.codes[rows], return_inverse=True)
        codes = np.ascontiguousarray(codes.reshape(-1), dtype=np.int32)
        terms.append(TermData(term.predictors, codes, len(present), cut(term.columns)))
    return EngineData(
        response=data.response[rows],
        trials=cut(data.trials),
        weights=cut(data.weights),
        predictors=tuple(
            PredictorData(np.asfortranarray(part.X[rows]), cut(part.offset))
            for part in data.predictors
        ),
        terms=tuple(terms),
    )


def gaussian_data(fitted: Fitted) -> EngineData:
    """Data of a linear model for an engine that has the residual variance as a dispersion.

    Parameters
    ----------
    fitted : Fitted
        A linear fit.
    """
    data, design = fitted.marginal.scaled.data, fitted.design
    precision = design.precision_weights
    offset = None if precision is None else -np.log(precision)
    ones = np.asfortranarray(np.ones((len(data.response), 1)))
    return replace(
        data,
        weights=design.frequency_weights,
        predictors=(data.predictors[0], PredictorData(ones, offset)),
    )


def square_weights(fitted: Fitted) -> FloatArray:
    """(n,) weights of the squared residuals of a linear model.

    Parameters
    ----------
    fitted : Fitted
        A linear fit.
    """
    weights = fitted.marginal.scaled.data.weights
    return np.ones(fitted.model.rows) if weights is None else weights
