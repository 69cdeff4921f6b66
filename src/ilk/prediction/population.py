r"""The mean of the response averaged over random effects: a Gaussian integral of low dimension.

Row i of a model has linear predictors :math:`\eta_k` whose random parts are, before the data speak,
normal with mean zero and variance :math:`v_k = \sum_t z_{it}' G_t z_{it}`.  Whatever the number of
crossed, nested or sloped terms, the average of the mean over the population of clusters is thus

.. math:: M(\eta, v) = E\, \mu(\eta_1 + \sqrt{v_1} x_1, \ldots, \eta_K + \sqrt{v_K} x_K),
          \qquad x \sim N(0, I),

one dimension for each predictor that has random effects (these are independent of each other).
Where a closed form exists it is used (`CLOSED_FORMS`; for the probit see Zeger, Liang and Albert
1988, Biometrics 44, p. 1054).  Otherwise it is integrated (`ilk.prediction.integral`), for many
rows by way of tables (`ilk.prediction.tabulated`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ilk.num.stable import special
from ilk.prediction.integral import Averaged, MeanFunction, integrate
from ilk.prediction.tabulated import tabulate
from ilk.typing import FloatArray

__all__ = ["CLOSED_FORMS", "Averaged", "average", "random_variance"]

_TOLERANCE = 1e-10


def random_variance(
    columns: FloatArray | None, covariance: FloatArray, rows: int, share: FloatArray | None = None
) -> FloatArray:
    """Compute the (n,) variance ``z_i' G z_i`` of one term's contribution to each row.

    Parameters
    ----------
    columns : (n, q) array or None
        Rows of Z within their level; None is a column of ones.
    covariance : (q, q) array
        G, or any symmetric matrix (such as a derivative of G).
    rows : int
        n.
    share : (n,) array, optional
        Variance of the weighted sum over a row's levels, where it belongs to several.

    Examples
    --------
    >>> import numpy as np
    >>> random_variance(np.array([[1.0, 0.0], [1.0, 2.0]]), np.array([[4.0, 1.0], [1.0, 1.0]]), 2)
    array([ 4., 12.])
    """
    if columns is None:
        own = np.full(rows, covariance[0, 0])
        return own if share is None else own * share
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite has no average
        product: FloatArray = (columns @ covariance) * columns
        sums = np.asarray(product.sum(axis=1))
        return sums if share is None else sums * share


def _identity(eta: FloatArray, v: FloatArray) -> Averaged:
    return Averaged(eta + 0.0, (np.ones_like(eta),), (np.zeros_like(eta),))


def _log(eta: FloatArray, v: FloatArray) -> Averaged:
    mean = np.exp(eta + 0.5 * v)
    return Averaged(mean, (mean,), (0.5 * mean,))


def _probit(eta: FloatArray, v: FloatArray) -> Averaged:
    shrink = 1.0 / np.sqrt(1.0 + v)
    argument = eta * shrink
    density = np.exp(-0.5 * argument**2) / math.sqrt(2.0 * math.pi)
    by_variance = -0.5 * density * argument * shrink**2
    return Averaged(special().ndtr(argument), (density * shrink,), (by_variance,))


def _sqrt(eta: FloatArray, v: FloatArray) -> Averaged:
    return Averaged(eta**2 + v, (2.0 * eta,), (np.ones_like(eta),))


CLOSED_FORMS: Mapping[str, Callable[[FloatArray, FloatArray], Averaged]] = {
    "identity": _identity,
    "log": _log,
    "probit": _probit,
    "sqrt": _sqrt,
}
"""M(eta, v) of one predictor by the name of the link whose inverse is averaged."""


def average(
    mean: MeanFunction,
    eta: Sequence[FloatArray],
    variance: Sequence[FloatArray],
    *,
    derivatives: bool = False,
    tolerance: float = _TOLERANCE,
) -> Averaged:
    """Average a mean over normal random parts of its linear predictors.

    Parameters
    ----------
    mean : callable
        Mean of the response as a function of K linear predictors, element by element.
    eta : sequence of K (n,) arrays
        Linear predictors without the random parts.
    variance : sequence of K (n,) arrays
        Variance of the random part of each predictor, zero where it has none.
    derivatives : bool
        Whether to compute derivatives.
    tolerance : float
        Relative error of the values at most, as estimated.

    Returns
    -------
    Averaged

    Raises
    ------
    FitError
        The integral does not settle (it may not exist).

    Examples
    --------
    >>> import numpy as np
    >>> logistic = lambda eta: 1.0 / (1.0 + np.exp(-eta[0]))
    >>> average(logistic, [np.array([1.0])], [np.array([2.0])]).value.round(10)
    array([0.6750567])
    """
    deviation = [np.sqrt(v) for v in variance]
    if len(eta) == 1:
        found = tabulate(mean, eta[0], deviation[0], derivatives)
        if found is not None:
            return found
    return integrate(mean, eta, deviation, derivatives, tolerance)
