"""From covariance parameters to factors: all terms' structures as one map for the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ilk.covariance.structured import Structured
from ilk.kernels.contract import FactorMap, LinearFactor

if TYPE_CHECKING:
    from ilk.covariance.base import AbstractCovariance
    from ilk.covariance.levels.base import Precision
    from ilk.typing import FloatArray


def factor_map(covariances: Sequence[AbstractCovariance], widths: Sequence[int]) -> FactorMap:
    """Map from theta of all terms to what the engine calls ``lam``.

    These are the elements of all Lambda_t, then, for each structure over levels, the elements of
    its precision matrix and their log determinant.

    Parameters
    ----------
    covariances : sequence of AbstractCovariance
        Structure of each term.
    widths : sequence of int
        Number q_t of random effects per level.

    Returns
    -------
    FactorMap
        A `LinearFactor` if every structure is linear in theta, which the engine evaluates by
        itself, otherwise a function.
    """
    parts = [c.linear(q) for c, q in zip(covariances, widths, strict=True)]
    linear = [part for part in parts if part is not None]
    over = [c.levels for c in covariances if isinstance(c, Structured)]
    if len(linear) < len(parts) or any(levels.parameters for levels in over):
        return _composite(covariances, widths)
    if len(linear) == 1 and not over:
        return linear[0]
    rows, columns, values, base = [], [], [], []
    row_start = column_start = 0
    for part in linear:
        rows.append(np.asarray(part.rows) + row_start)
        columns.append(np.asarray(part.columns) + column_start)
        values.append(part.values)
        base.append(part.base)
        row_start += part.lambda_size
        column_start += part.theta_size
    base += [_elements(levels.precision(np.zeros(0))) for levels in over]
    empty = not linear
    return LinearFactor(
        rows=np.zeros(0, np.int32) if empty else np.concatenate(rows).astype(np.int32),
        columns=np.zeros(0, np.int32) if empty else np.concatenate(columns).astype(np.int32),
        values=np.zeros(0) if empty else np.concatenate(values),
        theta_size=column_start,
        lambda_size=sum(len(part) for part in base),
        base=np.zeros(0) if empty else np.concatenate(base),
    )


def _elements(precision: Precision) -> FloatArray:
    """Elements of a precision matrix, then their log determinant."""
    return np.append(precision.values, precision.log_det)


def _composite(covariances: Sequence[AbstractCovariance], widths: Sequence[int]) -> FactorMap:
    sizes = [c.size(q) for c, q in zip(covariances, widths, strict=True)]
    ends = np.cumsum([0, *sizes])
    rows = np.cumsum([0, *(q * q for q in widths)])
    known = {
        t: c.levels.precision(np.zeros(0))
        for t, c in enumerate(covariances)
        if isinstance(c, Structured) and not c.levels.parameters
    }

    def evaluate(theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        lam = [np.zeros(rows[-1])]
        jacobian = [np.zeros((rows[-1], ends[-1]))]
        for t, (covariance, q) in enumerate(zip(covariances, widths, strict=True)):
            here, there = slice(rows[t], rows[t + 1]), slice(ends[t], ends[t + 1])
            factor, derivative = covariance.factor(theta[there], q)
            lam[0][here] = factor.ravel(order="F")
            jacobian[0][here, there] = derivative.reshape(q * q, -1, order="F")
            if not isinstance(covariance, Structured):
                continue
            free = slice(ends[t + 1] - covariance.free, ends[t + 1])
            over = known.get(t) or covariance.levels.precision(theta[free])
            slope = np.zeros((len(over.values) + 1, ends[-1]))
            slope[:-1, free], slope[-1, free] = over.slope, over.log_det_slope
            lam.append(_elements(over))
            jacobian.append(slope)
        return np.concatenate(lam), np.concatenate(jacobian)

    return evaluate


def factor_start(covariances: Sequence[AbstractCovariance], widths: Sequence[int]) -> FloatArray:
    """Start of theta that the structures propose themselves.

    Parameters
    ----------
    covariances, widths
        As in `factor_map`.

    Returns
    -------
    (m_theta,) array
    """
    starts = [c.start(q) for c, q in zip(covariances, widths, strict=True)]
    return np.concatenate(starts) if starts else np.zeros(0)


def factor_elements(factor: FactorMap, theta: FloatArray) -> FloatArray:
    """Elements ``lam`` of all factors, without their derivative.

    Parameters
    ----------
    factor : FactorMap
        As `factor_map` gives it.
    theta : (m_theta,) array
        Covariance parameters.

    Returns
    -------
    (sum of q_t^2,) array
    """
    return factor.elements(theta) if isinstance(factor, LinearFactor) else factor(theta)[0]


def split_factors(lam: FloatArray, widths: Sequence[int]) -> list[FloatArray]:
    """Factors Lambda_t (q_t, q_t) from the flat, column-major vector of all.

    Parameters
    ----------
    lam : (sum of q_t^2,) array
        Elements.
    widths : sequence of int
        q_t.
    """
    out, start = [], 0
    for q in widths:
        out.append(lam[start : start + q * q].reshape(q, q, order="F"))
        start += q * q
    return out
