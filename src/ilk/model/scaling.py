r"""The model as the engine sees it: columns centered and scaled, and the way back.

The likelihood is unchanged when columns of X are shifted and scaled (an intercept absorbs the
shift) and when the columns of a random term are, provided that its covariance structure follows:
with :math:`Z = Z_s T^{-1}` the effects are :math:`b = T b_s` and their covariance is
:math:`G = T G_s T'`.  An unstructured covariance follows any T, a diagonal or a correlation
structure with its own standard deviations follows scales only, others none.  The response of a
location-scale family (Gaussian, Student, ...) with identity link is centered and scaled too.  So
raw years or time stamps as slopes, and responses
far from zero, cost no accuracy.

Scales are powers of two, so that scaling alone is exact in floating point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.covariance.structured import Structured
from ilk.kernels.contract import EngineData, PrecisionPattern, PredictorData, TermData

if TYPE_CHECKING:
    from ilk.covariance.base import AbstractCovariance
    from ilk.design.fixed import FixedPart
    from ilk.design.random import RandomTerm
    from ilk.design.response import Response
    from ilk.model.model import Model
    from ilk.typing import FloatArray


@dataclass(frozen=True, slots=True)
class ScaledModel:
    """Data for the engine and the maps back to the scale of the user's columns.

    Parameters
    ----------
    data : EngineData
        Centered and scaled arrays.
    coef_map : (P, P) array
        ``coef = coef_map @ beta + coef_shift`` takes the engine's coefficients back.
    coef_shift : (P,) array
        See `coef_map`.
    term_maps : tuple of (q_t, q_t) arrays
        T of each term, response scale included: ``b = T b_s``.
    center, scale : float
        Of the response: ``y = center + scale * y_s``.
    value_shift : float
        Complete log-likelihood minus the engine's value.
    count : float
        Number of observations, frequency weights counted.
    """

    data: EngineData
    coef_map: FloatArray
    coef_shift: FloatArray
    term_maps: tuple[FloatArray, ...]
    center: float
    scale: float
    value_shift: float
    count: float

    def response(self, y: FloatArray) -> FloatArray:
        """Response on the engine's scale."""
        return (y - self.center) / self.scale

    def coef(self, beta: FloatArray) -> FloatArray:
        """Coefficients on the scale of the user's columns."""
        return self.coef_map @ beta + self.coef_shift

    def beta(self, coef: FloatArray) -> FloatArray:
        """Coefficients on the engine's scale."""
        beta = np.linalg.solve(self.coef_map, coef - self.coef_shift)
        return np.asarray(beta, dtype=np.float64)


def scale_model(model: Model) -> ScaledModel:
    """Center and scale a model.

    Parameters
    ----------
    model : Model
        The model on the scale of the user's columns.

    Returns
    -------
    ScaledModel
    """
    design = model.design
    y = design.response.y
    free = model.family.location_scale and model.family.link.name == "identity"
    center, scale = _response_scale(model) if free else (0.0, 1.0)
    scaled, times = model.family.log_scale

    predictors: list[PredictorData] = []
    maps: list[FloatArray] = []
    shifts: list[FloatArray] = []
    for part in model.fitted_parts:
        X, back = scale_columns(part)
        offset = model.predictor_offset(part)
        shift = np.zeros(len(back))
        if free and part.predictor == "mean":
            back = scale * back
            intercept = _intercept(part.names)
            if intercept is not None:
                shift[intercept] = center
            offset = None if offset is None else offset / scale
        elif free and part.predictor == scaled:
            log_scale = np.full(len(y), -times * math.log(scale))
            offset = log_scale if offset is None else offset + log_scale
        predictors.append(PredictorData(X=X, offset=offset))
        maps.append(back)
        shifts.append(shift)

    order = [part.predictor for part in model.fitted_parts]
    terms: list[TermData] = []
    term_maps: list[FloatArray] = []
    for term, covariance in zip(design.terms, model.covariances, strict=True):
        columns, back = _scale_term(term, covariance)
        terms.append(
            TermData(
                predictors=tuple(order.index(name) for name in term.predictors),
                codes=term.grouping.members,
                levels=len(term.grouping.levels),
                columns=columns,
                precision=_pattern(covariance),
                weights=term.grouping.weights,
            )
        )
        own = np.where([name == "mean" for name in term.predictors], scale, 1.0)
        term_maps.append(own[:, None] * back)

    data = EngineData(
        response=(y - center) / scale if free else y,
        trials=_second(design.response, center, scale),
        weights=_engine_weights(model),
        predictors=tuple(predictors),
        terms=tuple(terms),
    )
    count = float(model.nobs)
    coef_map = _block_diagonal(maps)
    return ScaledModel(
        data=data,
        coef_map=coef_map,
        coef_shift=np.concatenate(shifts) if shifts else np.zeros(0),
        term_maps=tuple(term_maps),
        center=center,
        scale=scale,
        value_shift=_value_shift(model, data, coef_map, scale, count),
        count=count,
    )


def _pattern(covariance: AbstractCovariance) -> PrecisionPattern | None:
    """Where the precision matrix over the levels has elements."""
    if not isinstance(covariance, Structured):
        return None
    over = covariance.levels.precision(covariance.levels.start())
    return PrecisionPattern(
        over.rows,
        over.columns,
        varies=bool(covariance.levels.parameters),
        spectrum=covariance.levels.spectrum(),
    )


def _second(response: Response, center: float, scale: float) -> FloatArray | None:
    """Second number of each row: trials, or the other end on the scale of the response."""
    return response.trials if response.other is None else (response.other - center) / scale


def rescale_response(model: Model, scaled: ScaledModel) -> ScaledModel:
    """The scaled form of a model that differs from the one scaled before in its response only.

    Parameters
    ----------
    model : Model
        The model with the new response.
    scaled : ScaledModel
        Scaled form of the old one; its center and scale are kept.
    """
    data = replace(scaled.data, response=scaled.response(model.design.response.y))
    if model.linear:
        return replace(scaled, data=data)
    shift = _value_shift(model, data, scaled.coef_map, scaled.scale, scaled.count)
    return replace(scaled, data=data, value_shift=shift)


def _engine_weights(model: Model) -> FloatArray | None:
    """Row multipliers: frequency weights; times precision weights in the linear engine."""
    weights = model.design.frequency_weights
    precision = model.design.precision_weights
    if not model.linear or precision is None:
        return weights
    return precision if weights is None else weights * precision


def _value_shift(
    model: Model, data: EngineData, coef_map: FloatArray, scale: float, count: float
) -> float:
    """Complete log-likelihood minus the engine's value.

    The linear engine gives the density of the scaled response, and for REML the determinant of the
    scaled X: with X_s = X B, |X'V^-1 X| = |X_s'V^-1 X_s| / |B|^2.
    """
    frequency = model.design.frequency_weights
    log_scale = math.log(scale)
    if not model.linear:
        constant = model.family.constant(data.response, data.trials)
        if model.design.response.other is None:
            constant = constant - log_scale
        else:  # a probability has no unit
            constant = constant - log_scale * (data.response == data.trials)
        shift = float(constant.sum() if frequency is None else frequency @ constant)
        if model.reml:  # the integral over the coefficients of the user's columns
            means = data.predictors[: len(model.family.main_parameters)]
            p = sum(part.X.shape[1] for part in means)
            shift += float(np.log(coef_map.diagonal()[:p]).sum())
        return shift
    p = len(coef_map)
    shift = -(count - p if model.reml else count) * log_scale
    if model.reml:  # B differs from a diagonal matrix in the row of the intercept only
        shift += sum(map(math.log, (coef_map.diagonal() / scale).tolist()))
    precision = model.design.precision_weights
    if precision is not None:
        logs = np.log(precision)
        shift += 0.5 * float(logs.sum() if frequency is None else frequency @ logs)
    return shift


def _response_scale(model: Model) -> tuple[float, float]:
    """Center (only if an intercept absorbs it) and power-of-two scale of a Gaussian response."""
    y = model.design.response.y
    mean = model.design.fixed[0]
    center = float(y.sum()) / len(y) if mean.has_intercept else 0.0
    residual = y - center
    return center, _power_of_two(math.sqrt(float(residual @ residual) / len(y)))


def _power_of_two(size: float) -> float:
    """Power of two nearest to a positive number; 1 for zero and infinity."""
    return 2.0 ** round(math.log2(size)) if 0.0 < size < math.inf else 1.0


def _column_scales(X: FloatArray, intercept: int | None) -> tuple[FloatArray, FloatArray]:
    """Centers (zero unless there is an intercept) and power-of-two scales of columns.

    The intercept itself stays: center 0, scale 1.
    """
    n, p = X.shape
    center, scale = np.zeros(p), np.ones(p)
    for j in range(p):
        if j == intercept:
            continue
        column = X[:, j]
        mean = 0.0 if intercept is None else float(column.sum()) / n
        variance = float(column @ column) / n - mean * mean
        if not 1e-8 * mean * mean <= variance < math.inf:  # lost to rounding or overflow
            variance = float((column - mean).var())
        center[j], scale[j] = mean, _power_of_two(math.sqrt(variance))
    return center, scale


def _intercept(names: Sequence[str]) -> int | None:
    """Position of the intercept among the columns of a part or term."""
    return names.index("Intercept") if "Intercept" in names else None


def _back(center: FloatArray, scale: FloatArray, intercept: int | None) -> FloatArray:
    """The map (p, p) from effects of centered and scaled columns to effects of the columns."""
    back = np.zeros((len(scale), len(scale)))
    np.fill_diagonal(back, 1.0 / scale)
    if intercept is not None:
        back[intercept] -= center / scale
    return back


def scale_columns(part: FixedPart) -> tuple[FloatArray, FloatArray]:
    """Center (where an intercept absorbs it) and scale the columns of a fixed part.

    Parameters
    ----------
    part : FixedPart
        The part.

    Returns
    -------
    (n, p) array
        Scaled X.
    (p, p) array
        B of ``coef = B beta``.
    """
    X = part.X
    p = X.shape[1]
    intercept = _intercept(part.names)
    if p == (intercept is not None):
        return X, np.eye(p)
    center, scale = _column_scales(X, intercept)
    scaled = X - center  # keeps the order
    scaled /= scale
    return scaled, _back(center, scale, intercept)


def _scale_term(
    term: RandomTerm, covariance: AbstractCovariance
) -> tuple[FloatArray | None, FloatArray]:
    """Scaled columns of a random term and the matrix T of ``b = T b_s``."""
    if term.members:
        made = [_scale_term(member, covariance) for member in term.members]
        ones = np.ones((term.grouping.rows, 1))
        columns = np.hstack([ones if own is None else own for own, _ in made])
        return np.ascontiguousarray(columns), _block_diagonal([back for _, back in made])
    if term.columns is None:
        return None, np.eye(1)
    columns = term.columns
    q = columns.shape[1]
    if covariance.equivariance == "none":
        return np.ascontiguousarray(columns), np.eye(q)
    intercept = _intercept(term.column_names) if covariance.equivariance == "affine" else None
    center, scale = _column_scales(columns, intercept)
    scaled = np.ascontiguousarray(columns - center)
    scaled /= scale
    return scaled, _back(center, scale, intercept)


def _block_diagonal(blocks: list[FloatArray]) -> FloatArray:
    """Block-diagonal matrix of square blocks."""
    if len(blocks) == 1:
        return blocks[0]
    size = sum(len(block) for block in blocks)
    out = np.zeros((size, size))
    start = 0
    for block in blocks:
        stop = start + len(block)
        out[start:stop, start:stop] = block
        start = stop
    return out
