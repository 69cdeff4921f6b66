r"""Residuals around the fitted means, random effects at their conditional modes.

With response y (a proportion where there are trials), fitted mean :math:`\mu`:

* **response**: :math:`y - \mu`;
* **pearson**: :math:`(y - \mu) / \sqrt{Var(y)}`, dispersion included;
* **deviance**: signed root of the unit deviance (times the precision weight), whose squares sum to
  the deviance; not scaled by the dispersion;
* **quantile**: :math:`\Phi^{-1}(u)` with u the distribution function at y; for counts u is drawn
  uniformly between its values just below and at y.  Standard normal if the model is right
  (Dunn and Smyth 1996, JCGS 5, p. 237).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError
from ilk.num.stable import special
from ilk.prediction.levels import check_choice
from ilk.prediction.quantities import by_codes
from ilk.simulate import full_predictors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.family.base import AbstractFamily
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["ResidualKind", "residuals", "row_residuals"]

ResidualKind: TypeAlias = Literal["response", "pearson", "deviance", "quantile"]
"""Kinds of residuals."""


def residuals(fitted: Fitted, kind: ResidualKind = "response", seed: int | None = 0) -> FloatArray:
    """Compute residuals of the rows of the fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    kind : {"response", "pearson", "deviance", "quantile"}
        Which residuals.
    seed : int, optional
        For quantile residuals of counts, which are randomized; None for fresh randomness.

    Returns
    -------
    (n,) array
    """
    if kind != "quantile":
        fitted = by_codes(fitted)
    response = fitted.design.response
    eta = full_predictors(fitted, fitted.estimates.modes)
    precision = fitted.design.precision_weights
    if response.other is not None and kind in ("deviance", "pearson"):
        raise ModelError(
            f"Residuals of kind {kind!r} are not defined for censored responses; use 'quantile'.",
            code="censoring",
        )
    second = response.second if kind == "quantile" else response.trials
    return row_residuals(fitted.family, response.y, second, eta, precision, kind, seed)


def row_residuals(
    family: AbstractFamily,
    y: FloatArray,
    trials: FloatArray | None,
    eta: Sequence[FloatArray],
    precision: FloatArray | None,
    kind: ResidualKind = "response",
    seed: int | None = 0,
) -> FloatArray:
    """Compute residuals of rows with given linear predictors.

    Parameters
    ----------
    family : AbstractFamily
        Distribution and link.
    y, trials : (n,) arrays
        Response; numbers of trials, or None.
    eta : sequence of (n,) arrays
        All linear predictors, the precision weights in that of the log dispersion.
    precision : (n,) array or None
        Precision weights.
    kind, seed
        As in `residuals`.

    Returns
    -------
    (n,) array
    """
    check_choice("kind", kind, ResidualKind)
    if kind == "quantile":
        return _quantile(family, y, trials, eta, seed)
    mean = family.mean(eta)
    size = 1.0 if trials is None else trials
    raw: FloatArray = family.values(y) / size - mean
    if kind == "response":
        return raw
    if kind == "pearson":
        return size * raw / np.sqrt(family.variance(eta, trials))
    phi = np.exp(eta[1]) if family.has_dispersion else None
    deviance = family.unit_deviance(y, trials, mean, phi)
    if precision is not None:
        deviance = precision * deviance
    return np.sign(raw) * np.sqrt(np.maximum(deviance, 0.0))


def _quantile(
    family: AbstractFamily,
    y: FloatArray,
    trials: FloatArray | None,
    eta: Sequence[FloatArray],
    seed: int | None,
) -> FloatArray:
    upper = family.cdf(y, trials, eta)
    if family.has_atoms:
        lower = family.cdf_below(y, trials, eta)
        position = np.random.default_rng(seed).random(len(y))
        upper = lower + position * (upper - lower)
    inside = np.clip(upper, np.finfo(float).tiny, 1.0 - np.finfo(float).epsneg)
    return np.asarray(special().ndtri(inside))
