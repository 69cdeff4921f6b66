r"""Null distributions of the likelihood ratio, at and off the edge of the parameter space.

Where the smaller model sets k parameters to values that they may cross, twice the gain in
log-likelihood is :math:`\chi^2_k` in large samples.  Where it sets variances to zero, which they
cannot cross, it is the squared length of the projection of a normal vector onto a cone, a mixture
of :math:`\chi^2_j` with weights that sum to one (Chernoff 1954; Self and Liang 1987; Stram and Lee
1994).  One variance and k free parameters, such as the covariances of a new slope with the k
effects that were there before, have

.. math:: \tfrac12 \chi^2_k + \tfrac12 \chi^2_{k+1}.

With several variances at zero the cone is an orthant, with the covariance matrix of several new
effects that of the positive semidefinite matrices, and the weights depend on the information
:math:`J` on these parameters, all others profiled out.  Then the ratio is drawn:
:math:`z \sim N(0, J^{-1})`, and

.. math:: z'Jz - \min_{g \in C} (z - g)'J(z - g) + \chi^2_k.

Derivation: docs/derivations/boundary-tests.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.num.stable import special

if TYPE_CHECKING:
    from ilk.typing import FloatArray

__all__ = ["Null", "bound", "chi_bar", "chi_square", "cone_draws", "drawn", "svec"]

_STEPS = 400
"""Most steps of the projection onto a cone."""


@dataclass(frozen=True, slots=True)
class Null:
    """Distribution of a likelihood ratio if the smaller model is right.

    Parameters
    ----------
    label : str
        What it is, in a few words.
    df : tuple of int
        Degrees of freedom of the chi-square distributions that are mixed.
    weights : tuple of float
        Their weights.
    draws : (d,) array or None
        A sample that, a chi-square variate of ``df[0]`` added, takes the place of the mixture.
    """

    label: str
    df: tuple[int, ...]
    weights: tuple[float, ...] = (1.0,)
    draws: FloatArray | None = None

    def p_value(self, statistic: float) -> float:
        """Probability of a ratio at least as large.

        Parameters
        ----------
        statistic : float
            Twice the gain in log-likelihood.

        Returns
        -------
        float
            With draws and no chi-square variate at least 1 / (d + 1) (Davison and Hinkley 1997).
        """
        if np.isnan(statistic):
            return float("nan")
        if self.draws is None:
            tails = [_tail(np.array(statistic), k) for k in self.df]
            return float(np.dot(self.weights, tails))
        tail = _tail(statistic - self.draws, self.df[0])
        count = len(self.draws)
        return float((tail.sum() + 1.0) / (count + 1.0) if self.df[0] == 0 else tail.mean())


def _tail(x: FloatArray, df: int) -> FloatArray:
    """P(chi-square >= x); with no degrees of freedom all of it is at zero."""
    if df == 0:
        return np.asarray(x <= 0.0, dtype=np.float64)
    return np.asarray(special().chdtrc(df, np.maximum(x, 0.0)), dtype=np.float64)


def chi_square(df: int) -> Null:
    """Null distribution without a boundary.

    Parameters
    ----------
    df : int
        Number of parameters.
    """
    return Null(f"chi2({df})", (df,))


def chi_bar(free: int) -> Null:
    """Null distribution of one variance at zero.

    Parameters
    ----------
    free : int
        Number of other parameters, which may move to either side.

    Examples
    --------
    >>> round(chi_bar(0).p_value(2.706), 3), round(chi_bar(1).p_value(5.138), 3)
    (0.05, 0.05)
    """
    return Null(f"0.5 chi2({free}) + 0.5 chi2({free + 1})", (free, free + 1), (0.5, 0.5))


def bound(difference: int) -> Null:
    """Distribution whose tail no cone of so many parameters exceeds (Perlman 1969).

    Parameters
    ----------
    difference : int
        Number of parameters.
    """
    mixed = chi_bar(difference - 1)
    return Null(f"{mixed.label}, an upper bound", mixed.df, mixed.weights)


def drawn(label: str, draws: FloatArray, free: int = 0) -> Null:
    """Null distribution given by a sample.

    Parameters
    ----------
    label : str
        What it is.
    draws : (d,) array
        The sample.
    free : int
        Degrees of freedom of an independent chi-square variate that is to be added.
    """
    return Null(label, (free,), (1.0,), draws)


def svec(matrices: FloatArray) -> FloatArray:
    """Symmetric matrices (..., r, r) as vectors (..., r (r + 1) / 2) of the same inner product.

    Parameters
    ----------
    matrices : (..., r, r) array
        Symmetric matrices.
    """
    rows, columns = np.tril_indices(matrices.shape[-1])
    weight = np.where(rows == columns, 1.0, np.sqrt(2.0))
    return np.asarray(matrices[..., rows, columns] * weight)


def _smat(vectors: FloatArray, r: int) -> FloatArray:
    """Inverse of `svec`."""
    rows, columns = np.tril_indices(r)
    weight = np.where(rows == columns, 1.0, np.sqrt(0.5))
    out = np.zeros((*vectors.shape[:-1], r, r))
    out[..., rows, columns] = vectors * weight
    out[..., columns, rows] = vectors * weight
    return out


def cone_draws(
    information: FloatArray, sizes: Sequence[int], draws: int, rng: np.random.Generator
) -> FloatArray:
    """Draw the likelihood ratio of parameters that lie in a cone, zero in the smaller model.

    Parameters
    ----------
    information : (m, m) array
        Information on the parameters, all others profiled out: variances, and covariance matrices
        in the form of `svec`.
    sizes : sequence of int
        Size r of each of the matrices in turn; 1 for a variance.
    draws : int
        Number of draws.
    rng : Generator
        Source of randomness.

    Returns
    -------
    (draws,) array

    Raises
    ------
    LinAlgError
        The information is not finite and positive definite.

    Examples
    --------
    >>> import numpy as np
    >>> ratio = cone_draws(np.eye(2), [1, 1], 20_000, np.random.default_rng(1))
    >>> bool(abs(np.mean(ratio < 1e-12) - 0.25) < 0.01)
    True
    """
    if not np.all(np.isfinite(information)):
        raise np.linalg.LinAlgError("the information is not finite")
    J = _standardized(information, sizes)
    root = np.linalg.cholesky(J)
    score = rng.standard_normal((draws, len(J))) @ root.T  # J z
    g = np.zeros_like(score)
    ahead, momentum = g, 1.0
    step = 1.0 / float(np.linalg.eigvalsh(J)[-1])
    for _ in range(_STEPS):  # accelerated projected gradient (Beck and Teboulle 2009)
        following = _project(ahead + step * (score - ahead @ J), sizes)
        change = following - g
        pace = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
        ahead = following + (momentum - 1.0) / pace * change
        g, momentum = following, pace
        if np.abs(change).max() < 1e-7:
            break
    ratio = 2.0 * np.sum(g * score, axis=1) - np.sum((g @ J) * g, axis=1)
    return np.asarray(np.maximum(ratio, 0.0))


def _standardized(information: FloatArray, sizes: Sequence[int]) -> FloatArray:
    """The same after a change of effects that brings it near the identity; cones stay cones."""
    change = np.zeros_like(information)
    start = 0
    for r in sizes:
        stop = start + r * (r + 1) // 2
        part = slice(start, stop)
        change[part, part] = _congruence(information[part, part], r)
        start = stop
    return np.asarray(change @ information @ change.T)


def _congruence(J: FloatArray, r: int) -> FloatArray:
    """Map of scores S to those of ``L^-1 S L^-T``, for information that is about M x M, M = LL'."""
    rows, columns = np.tril_indices(r)
    root = np.sqrt(np.diag(J))
    unit = np.diag(root[rows == columns])
    for k in np.flatnonzero(rows != columns):
        i, j = rows[k], columns[k]
        at = int(np.flatnonzero((rows == i) & (columns == i))[0])
        unit[i, j] = unit[j, i] = J[at, k] / (np.sqrt(2.0) * root[at])
    try:
        L = np.linalg.cholesky(unit)
    except np.linalg.LinAlgError:  # not of that form
        L = np.diag(np.sqrt(np.diag(unit)))
    inverse = np.linalg.inv(L)
    basis = _smat(np.eye(len(J)), r)
    return svec(inverse @ basis @ inverse.T).T


def _project(points: FloatArray, sizes: Sequence[int]) -> FloatArray:
    """Nearest points of the cone."""
    out: FloatArray = np.maximum(points, 0.0)
    start = 0
    for r in sizes:
        stop = start + r * (r + 1) // 2
        if r > 1:
            part = _smat(points[:, start:stop], r)
            out[:, start:stop] = svec(_semidefinite(part) if r > 2 else _semidefinite_pairs(part))
        start = stop
    return out


def _semidefinite(M: FloatArray) -> FloatArray:
    """Nearest positive semidefinite matrices (d, r, r)."""
    values, vectors = np.linalg.eigh(M)
    kept = vectors * np.maximum(values, 0.0)[:, None, :]
    return np.asarray(kept @ np.swapaxes(vectors, 1, 2))


def _semidefinite_pairs(M: FloatArray) -> FloatArray:
    """Nearest positive semidefinite matrices (d, 2, 2), from their eigenvalues in closed form."""
    middle = 0.5 * (M[:, 0, 0] + M[:, 1, 1])
    half = np.hypot(0.5 * (M[:, 0, 0] - M[:, 1, 1]), M[:, 0, 1])
    low, high = middle - half, middle + half
    gap = np.where(half > 0.0, 2.0 * half, 1.0)
    leading = (high / gap)[:, None, None] * (M - low[:, None, None] * np.eye(2))
    inside = np.where((low >= 0.0)[:, None, None], M, leading)
    return np.where((high <= 0.0)[:, None, None], 0.0, inside)
