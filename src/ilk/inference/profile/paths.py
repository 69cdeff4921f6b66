r"""What can be profiled, and the likelihood with that parameter held: exact reparametrizations.

All parameters of a fit are ``phi = (beta, theta)`` on the engine's scale.  A *path* for one
parameter of the user's scale is a smooth map

.. math:: \varphi = \varphi(x, w)

from m - 1 free numbers x and the position w along the path, such that the parameter has the value
``value(w)`` whatever x is.  The profile likelihood is the maximum over x, without any constraint
left to hold.  How each map is made is derived in docs/derivations/profile.md: a coefficient is one
coordinate of a turned basis; a standard deviation of an unstructured term is, after a rotation of
the term's columns, the first element of its factor; a correlation is the sine of an angle.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ilk.covariance.compound import CompoundSymmetry, HomogeneousCompoundSymmetry
from ilk.covariance.correlated import AbstractCorrelated
from ilk.covariance.diagonal import Diagonal
from ilk.covariance.identity import ScaledIdentity
from ilk.covariance.structured import within_levels
from ilk.covariance.toeplitz import Toeplitz
from ilk.covariance.unstructured import Unstructured
from ilk.errors import ModelError
from ilk.num.differences import jacobian
from ilk.num.triangular import diagonal_positions, lower_indices
from ilk.variance.parameters import expanded
from ilk.variance.record import HALF_LIFE

if TYPE_CHECKING:
    from ilk.inference.profile.names import Parameter
    from ilk.likelihood.joint import JointLikelihood
    from ilk.typing import FloatArray, IntArray

__all__ = ["Path", "path_of"]

Placed: TypeAlias = "tuple[FloatArray, FloatArray, FloatArray]"
"""phi (m,) and its derivatives in x (m, m - 1) and in w (m,)."""


@dataclass(frozen=True, slots=True)
class Path:
    """The likelihood along one parameter.

    Parameters
    ----------
    joint : JointLikelihood
        The likelihood, in coordinates that suit the parameter.
    placed : callable
        Takes (x, w) to phi and its derivatives.
    x, w : (m - 1,) array, float
        Where the fit stands.
    low, high : float
        Ends of w where the parameter space ends.
    value : callable
        The parameter, increasing in w.
    signs : (k,) array of int
        Elements of x whose sign is free: the likelihood is even in them and flat at zero.
    back : callable
        Takes phi to the coordinates of the fit.
    """

    joint: JointLikelihood
    placed: Callable[[FloatArray, float], Placed]
    x: FloatArray
    w: float
    low: float
    high: float
    value: Callable[[float], float]
    signs: IntArray
    back: Callable[[FloatArray], FloatArray]


def path_of(parameter: Parameter, joint: JointLikelihood, phi: FloatArray) -> Path | None:
    """Make the path of a parameter through the point where a fit stands.

    Parameters
    ----------
    parameter : Parameter
        The parameter.
    joint : JointLikelihood
        The fit's likelihood.
    phi : (m,) array
        Its point.

    Returns
    -------
    Path or None
        None for the correlation of an effect whose variance is zero: every value is as good.
    """
    if parameter.kind in ("coefficient", "residual"):
        return _along_coefficient(parameter, joint, phi)
    if parameter.kind == "parameter":
        return _along_structure(parameter, joint, phi)
    t, i, *j = parameter.place
    covariance, q = within_levels(joint.covariances[t]), joint.widths[t]
    if isinstance(covariance, Unstructured) and q > 1:
        turn = _turned_for_correlation if j else _turned_for_deviation
        return turn(joint, phi, t, i, *j)
    return _along_coordinate(joint, phi, t, i, bool(j))


def _along_coefficient(parameter: Parameter, joint: JointLikelihood, phi: FloatArray) -> Path:
    """Hold ``c'beta``, c the row of the map to the user's columns."""
    (j,) = parameter.place
    m = len(phi)
    row = np.zeros(m)
    row[: len(joint.coef_shift)] = joint.coef_map[j]
    shift = float(joint.coef_shift[j])
    basis, direction = _complement(row), row / float(row @ row)

    def placed(x: FloatArray, w: float) -> Placed:
        return basis @ x + direction * (w - shift), basis, direction

    residual = parameter.kind == "residual"
    return Path(
        joint=joint,
        placed=placed,
        x=basis.T @ phi,
        w=float(row @ phi) + shift,
        low=-math.inf,
        high=math.inf,
        value=_half_exponential if residual else _same,
        signs=_signs(joint, basis),
        back=_unchanged,
    )


def _complement(row: FloatArray) -> FloatArray:
    """Orthonormal basis (m, m - 1) of what is orthogonal to a vector; unit vectors where it is 0.

    The other columns are those of the Householder reflection that takes the vector's support to
    its largest element.
    """
    k = int(np.argmax(np.abs(row)))
    v = row / np.linalg.norm(row)
    v[k] += math.copysign(1.0, v[k])
    reflection = np.eye(len(row)) - np.outer(v, v) * (2.0 / float(v @ v))
    return np.delete(reflection, k, axis=1)


def _along_coordinate(
    joint: JointLikelihood, phi: FloatArray, t: int, i: int, correlation: bool
) -> Path:
    """Hold one element of theta behind a standard deviation or a correlation."""
    covariance, q = within_levels(joint.covariances[t]), joint.widths[t]
    unit = abs(float(joint.term_maps[t][i, i]))
    return _held(joint, phi, t, _coordinate(covariance, q, i, unit, correlation))


def _along_structure(parameter: Parameter, joint: JointLikelihood, phi: FloatArray) -> Path:
    """Hold the one element of theta behind a parameter of a structure."""
    t, k = parameter.place
    covariance, q = joint.covariances[t], joint.widths[t]
    theta = phi[joint.theta_slice(t)]
    known = covariance.reported([str(i) for i in range(q)]).parameters
    shown, _, sources = expanded(known, covariance.natural(theta, q))
    source = sources[k]
    times = known[source].half_life if shown[k].kind == HALF_LIFE else 1.0
    # off the limits of angles, where derivatives vanish
    slope = jacobian(lambda x: covariance.natural(x, q)[source], np.full(len(theta), 0.3), 1e-3)
    moving = np.flatnonzero(np.abs(slope) > 1e-12)
    if len(moving) != 1:
        raise _not_profiled(covariance)
    (e,) = moving.tolist()

    def natural(element: float) -> float:
        moved = theta.copy()
        moved[e] = element
        return times * float(covariance.natural(moved, q)[source])

    low, high, sign = -math.inf, math.inf, 1.0
    if math.isfinite(known[source].high):  # an angle
        low, high = -0.5 * math.pi, 0.5 * math.pi
        if abs(natural(high) - natural(low)) < 1e-9:
            sign = math.copysign(1.0, natural(high) - natural(0.0))
            low, high = (0.0, high) if sign > 0.0 else (low, 0.0)
    coordinate: _Coordinate = (
        e,
        lambda w: (sign * w, sign),
        lambda element: min(max(sign * element, low), high),
        lambda w: natural(sign * w),
        low,
        high,
    )
    return _held(joint, phi, t, coordinate)


def _held(joint: JointLikelihood, phi: FloatArray, t: int, coordinate: _Coordinate) -> Path:
    """Hold an element of theta of a term, a function of w."""
    k, to_theta, from_theta, value, low, high = coordinate
    k += joint.theta_slice(t).start
    basis = np.delete(np.eye(len(phi)), k, axis=1)

    def placed(x: FloatArray, w: float) -> Placed:
        element, slope = to_theta(w)
        out = basis @ x
        out[k] = element
        direction = np.zeros(len(out))
        direction[k] = slope
        return out, basis, direction

    return Path(
        joint=joint,
        placed=placed,
        x=np.delete(phi, k),
        w=from_theta(float(phi[k])),
        low=low,
        high=high,
        value=value,
        signs=_signs(joint, basis),
        back=_unchanged,
    )


_Coordinate: TypeAlias = (
    "tuple[int, Callable[[float], tuple[float, float]], Callable[[float], float], "
    "Callable[[float], float], float, float]"
)


def _coordinate(covariance: object, q: int, i: int, unit: float, correlation: bool) -> _Coordinate:
    """Element of theta of a term behind a parameter: position, maps to and from it, value, range.

    ``unit`` is the standard deviation of the user's effect for one of the scaled effect.
    """
    if correlation:
        if not isinstance(covariance, (CompoundSymmetry, HomogeneousCompoundSymmetry)):
            raise _not_profiled(covariance)
        last = q if isinstance(covariance, CompoundSymmetry) else 1

        def common(w: float) -> float:
            return 1.0 - math.sin(w) ** 2 * q / (q - 1)

        return last, lambda w: (-w, -1.0), lambda angle: -angle, common, -0.5 * math.pi, 0.0
    if isinstance(covariance, (CompoundSymmetry, Toeplitz)):

        def log(w: float) -> tuple[float, float]:
            return (math.log(w / unit), 1.0 / w) if w > 0.0 else (-math.inf, math.inf)

        return i, log, lambda element: unit * math.exp(element), _same, 0.0, math.inf
    shared = isinstance(
        covariance, (ScaledIdentity, HomogeneousCompoundSymmetry, AbstractCorrelated)
    )
    if not shared and not isinstance(covariance, (Diagonal, Unstructured)):
        raise _not_profiled(covariance)
    return (
        0 if shared else i,
        lambda w: (w / unit, 1.0 / unit),
        lambda element: unit * abs(element),
        _same,
        0.0,
        math.inf,
    )


def _not_profiled(covariance: object) -> ModelError:
    name = getattr(covariance, "name", type(covariance).__name__)
    return ModelError(
        f"Variance components of the structure {name!r} cannot be profiled; name other parameters, "
        "or use method='wald'.",
        code="profile-structure",
    )


def _turned_for_deviation(joint: JointLikelihood, phi: FloatArray, t: int, i: int) -> Path:
    """Hold the first element of a factor whose first effect is a multiple of the i-th."""
    row = joint.term_maps[t][i]
    unit = float(np.linalg.norm(row))
    rotation = np.column_stack([row / unit, _complement(row)])
    turned, there, back = _turn(joint, phi, t, rotation)
    k = turned.theta_slice(t).start
    basis = np.delete(np.eye(len(phi)), k, axis=1)
    direction = np.zeros(len(phi))
    direction[k] = 1.0 / unit

    def placed(x: FloatArray, w: float) -> Placed:
        return basis @ x + direction * w, basis, direction

    return Path(
        joint=turned,
        placed=placed,
        x=np.delete(there, k),
        w=unit * float(there[k]),
        low=0.0,
        high=math.inf,
        value=_same,
        signs=_signs(turned, basis),
        back=back,
    )


def _turned_for_correlation(
    joint: JointLikelihood, phi: FloatArray, t: int, i: int, j: int
) -> Path | None:
    """Hold the angle between the first two rows of a factor whose effects are the i-th and j-th.

    The rows are ``s_1 (1, 0)`` and ``s_2 (sin w, cos w)``; log s_1 and log s_2 are free.
    """
    rows = joint.term_maps[t][[i, j]]
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    rest = _rest(rows, np.array(joint.data.terms[t].predictors))
    turned, there, back = _turn(joint, phi, t, np.linalg.inv(np.vstack([rows, rest])))
    q, start = joint.widths[t], turned.theta_slice(t).start
    a, b, c = start, start + 1, start + q
    first, second = abs(there[a]), math.hypot(there[b], there[c])
    if min(first, second) < 1e-8 * max(1.0, first, second):
        return None
    others = np.delete(np.arange(len(phi)), [a, b, c])
    spread = np.zeros((len(phi), len(phi) - 3))
    spread[others, np.arange(len(others))] = 1.0

    def placed(x: FloatArray, w: float) -> Placed:
        s1, s2 = math.exp(x[-2]), math.exp(x[-1])
        sine, cosine = math.sin(w), math.cos(w)
        out = spread @ x[:-2]
        out[[a, b, c]] = s1, s2 * sine, s2 * cosine
        logs, direction = np.zeros((len(out), 2)), np.zeros(len(out))
        logs[a, 0], logs[b, 1], logs[c, 1] = s1, s2 * sine, s2 * cosine
        direction[b], direction[c] = s2 * cosine, -s2 * sine
        return out, np.hstack([spread, logs]), direction

    return Path(
        joint=turned,
        placed=placed,
        x=np.concatenate([there[others], [math.log(first), math.log(second)]]),
        w=math.atan2(math.copysign(1.0, there[a]) * there[b], abs(there[c])),
        low=-0.5 * math.pi,
        high=0.5 * math.pi,
        value=_sine,
        signs=_signs(turned, spread),
        back=back,
    )


def _rest(rows: FloatArray, predictors: IntArray) -> FloatArray:
    """Orthonormal rows (q - 2, q) orthogonal to two rows, each with columns of one predictor."""
    found = []
    for k in dict.fromkeys(predictors.tolist()):
        here = np.flatnonzero(predictors == k)
        _, size, basis = np.linalg.svd(rows[:, here])
        free = basis[int(np.sum(size > 1e-10)) :]
        wide = np.zeros((len(free), len(predictors)))
        wide[:, here] = free
        found.append(wide)
    return np.vstack(found)


def _turn(
    joint: JointLikelihood, phi: FloatArray, t: int, back: FloatArray
) -> tuple[JointLikelihood, FloatArray, Callable[[FloatArray], FloatArray]]:
    """Change the coordinates of an unstructured term; the point there, and the way back."""
    q, start = joint.widths[t], joint.theta_slice(t).start
    rows, columns = lower_indices(q)
    where = slice(start, start + len(rows))
    inverse = np.asarray(np.linalg.inv(back), dtype=np.float64)

    def moved(point: FloatArray, by: FloatArray) -> FloatArray:
        factor = np.zeros((q, q))
        factor[rows, columns] = point[where]
        out = point.copy()
        out[where] = lower_factor(by @ factor)[rows, columns]
        return out

    return joint.turned(t, back), moved(phi, inverse), lambda point: moved(point, back)


def lower_factor(root: FloatArray) -> FloatArray:
    """Lower-triangular L (q, q) with ``L L' = root root'`` and a diagonal that is not negative."""
    factor = np.linalg.qr(root.T)[1].T
    sign = np.where(np.diagonal(factor) < 0.0, -1.0, 1.0)
    return np.asarray(factor * sign, dtype=np.float64)


def _signs(joint: JointLikelihood, basis: FloatArray) -> IntArray:
    """Free numbers that are signed diagonal elements of factors."""
    signed = np.zeros(len(basis))
    for t, (whole, q) in enumerate(zip(joint.covariances, joint.widths, strict=True)):
        covariance, start = within_levels(whole), joint.theta_slice(t).start
        where = slice(start, start + covariance.size(q))
        if isinstance(covariance, Unstructured):
            signed[where.start + diagonal_positions(q)] = 1.0
        elif isinstance(covariance, (Diagonal, ScaledIdentity)):
            signed[where] = 1.0
        elif isinstance(covariance, (HomogeneousCompoundSymmetry, AbstractCorrelated)):
            signed[where.start] = 1.0
    return np.flatnonzero(basis.T @ signed)


def _same(w: float) -> float:
    return w


def _sine(w: float) -> float:
    return math.sin(w)


def _half_exponential(w: float) -> float:
    return float(np.exp(0.5 * w))


def _unchanged(phi: FloatArray) -> FloatArray:
    return phi
