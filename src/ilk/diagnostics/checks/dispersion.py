r"""Whether there is more, or less, variance than the model says.

With :math:`\bar y_i` and :math:`s_i^2` the mean and variance of row i over all m + 1 data sets, the
observed one among them, the statistic of data set j is

.. math:: T_j = \frac1k \sum_i (y_{ij} - \bar y_i)^2 / s_i^2,

and the ratio of the observed to the mean simulated one is reported.  Conditional data sets hold the
clusters and find variance beyond that of the family; those of the population find it beyond that
of family and clusters together.  0/1 outcomes alone have no variance but that of their mean: they
are summed over groups of like fitted means first.

The **Pearson ratio**, :math:`X^2 / (n - p)` with Pearson residuals around the modes and p
parameters, is the usual figure (McCullagh and Nelder 1989, section 4.5).  It is given beside; with
random effects, whose modes follow the data, it errs on the small side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.checks.context import defines
from ilk.diagnostics.checks.null import judge, judged_check
from ilk.diagnostics.checks.pattern import fitted_bins
from ilk.diagnostics.checks.record import Check, skipped
from ilk.diagnostics.checks.simulated import sum_by
from ilk.diagnostics.residuals import residuals
from ilk.num.stable import special

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.null import Judged
    from ilk.diagnostics.checks.simulated import Simulated
    from ilk.family.base import AbstractFamily
    from ilk.typing import FloatArray

__all__ = ["check_dispersion", "check_pearson", "is_single"]

_OVER, _UNDER = 1.2, 1.0 / 1.2
"""Ratios of variances from which standard errors are wrong by a tenth."""

_TITLE = "Variance is as the model says"

_CHUNK = 1 << 20
"""Numbers that are worked on at once."""

_FEW = 20
"""Groups of 0/1 outcomes: so many rows each at least."""


def check_dispersion(context: Context) -> tuple[Check, ...]:
    """Test whether the responses vary as the model says.

    Parameters
    ----------
    context : Context
        The fit and its simulated data sets.

    Returns
    -------
    tuple of Check
        One for each estimand; of 0/1 outcomes one, of their sums over groups.
    """
    if is_single(context):
        return _single_outcomes(context)
    out = []
    for estimand in context.estimands:
        simulated = context.simulated(estimand)
        values = squared(simulated.responses)
        if not np.any(values):
            return (_no_variance(),)
        detail = {"simulated": values[1:] / values[1:].mean()}
        if estimand == "conditional":
            detail |= mean_and_variance(context, simulated)
        out.append(_judged(context, estimand, "", judge(values), detail))
    return tuple(out)


def is_single(context: Context) -> bool:
    """Whether the responses are 0/1 outcomes, or counts among trials that are all one."""
    trials = context.fitted.design.response.trials
    return context.fitted.family.takes_trials and (trials is None or bool(np.all(trials == 1.0)))


def squared(responses: FloatArray) -> FloatArray:
    """Mean squared deviation of each data set from the rows' means, in the rows' variances.

    Rows that do not vary are left out.

    Parameters
    ----------
    responses : (k, m + 1) array
        Data sets.

    Returns
    -------
    (m + 1,) array

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.diagnostics.checks.dispersion import squared
    >>> squared(np.array([[3.0, 0.0, 0.0, 1.0], [2.0, 2.0, 2.0, 2.0]])).round(3)
    array([2.667, 0.667, 0.667, 0.   ])
    """
    total, rows = np.zeros(responses.shape[1]), 0
    step = max(1, _CHUNK // responses.shape[1])
    for start in range(0, len(responses), step):
        part = responses[start : start + step]
        part = part - part.mean(axis=1, keepdims=True)
        part *= part
        variance = part.mean(axis=1)
        keep = variance > 0.0
        total += (1.0 / variance[keep]) @ part[keep]
        rows += int(keep.sum())
    return total / max(rows, 1)


def _no_variance() -> Check:
    reason = "The responses of data sets of the model do not vary, so there is nothing to compare."
    return skipped("dispersion", _TITLE, reason)


def _judged(
    context: Context, estimand: str, where: str, found: Judged, detail: dict[str, FloatArray]
) -> Check:
    ratio = found.observed / found.expected if found.expected > 0.0 else float("nan")
    rest = "" if estimand == "conditional" else ", random effects included,"
    return judged_check(
        context,
        found,
        large=not _UNDER < ratio < _OVER,
        code="dispersion",
        title=_TITLE,
        where=where,
        estimand=estimand,
        statistic=ratio,
        expected=1.0,
        sentence=f"The responses vary {ratio:.2f} times as much as the model says{rest}"
        f" (95 % of data sets of the model: {_range(detail['simulated'])}).",
        advice=_advice(context, ratio > 1.0),
        detail=detail,
    )


def _range(simulated: FloatArray) -> str:
    low, high = np.quantile(simulated, [0.025, 0.975])
    return f"{low:.2f} to {high:.2f}"


def _advice(context: Context, over: bool) -> str:
    family = context.fitted.family
    if not over:
        return (
            "Standard errors are too large. Look for rows that are not independent, for counts "
            "with an upper limit, or for random effects that the rows cannot tell from noise."
        )
    own = family.too_variable()
    if own is not None:
        return own
    if family.has_dispersion:
        return "Let the dispersion depend on a covariate (dispersion='~ x'), or try another family."
    if family.takes_trials:
        return "Standard errors are too small. Fit family='beta_binomial'."
    return (
        "Standard errors are too small. Fit family='negative_binomial_2', or look for a covariate "
        "or a random slope that is missing; if zeros are in excess, zero_inflation='~ 1'."
    )


def _single_outcomes(context: Context) -> tuple[Check, ...]:
    """Sums of 0/1 outcomes over groups of like fitted means."""
    simulated = context.conditional()
    reason = (
        "Single 0/1 outcomes have no variance beyond that of their mean; groups of like fitted "
        "values are looked at instead."
    )
    first = skipped("dispersion", _TITLE, reason, "", "conditional")
    mean = context.fitted.family.mean(simulated.eta)
    bins, count = fitted_bins(mean, max(3, min(50, len(mean) // _FEW)))
    if count < 3:
        return (first,)
    values = squared(simulated.summed(bins, count))
    if not np.any(values):
        return (_no_variance(),)
    detail = {"simulated": values[1:] / values[1:].mean()}
    detail |= mean_and_variance(context, simulated)
    return first, _judged(context, "conditional", "groups of fitted values", judge(values), detail)


def mean_and_variance(context: Context, simulated: Simulated) -> dict[str, FloatArray]:
    """Variance of the responses in groups of like fitted means, observed and simulated.

    Responses out of several trials are taken as proportions.

    Parameters
    ----------
    context : Context
        The fit.
    simulated : Simulated
        Its conditional data sets.

    Returns
    -------
    dict of arrays (g,)
        ``mean``, ``variance``, and ``variance_expected, variance_low, variance_high`` of the
        simulated data sets (their mean and the middle 95 %).
    """
    trials = context.fitted.design.response.trials
    size = 1.0 if trials is None else trials[simulated.rows][:, None]
    proportions = simulated.responses / size
    center = proportions[:, 1:].mean(axis=1)
    bins, count = fitted_bins(center)
    deviations = (proportions - center[:, None]) ** 2
    rows = np.bincount(bins, minlength=count)
    variance = sum_by(bins, count, deviations) / rows[:, None]
    low, high = np.quantile(variance[:, 1:], [0.025, 0.975], axis=1)
    return {
        "mean": np.bincount(bins, weights=center, minlength=count) / rows,
        "variance": variance[:, 0],
        "variance_expected": variance[:, 1:].mean(axis=1),
        "variance_low": low,
        "variance_high": high,
    }


def check_pearson(context: Context) -> tuple[Check, ...]:
    """Give the Pearson ratio of the fit.

    Parameters
    ----------
    context : Context
        The fit.

    Returns
    -------
    tuple of Check
    """
    title = "Pearson ratio is near one"
    fitted = context.fitted
    if is_single(context):
        reason = "For single 0/1 outcomes the Pearson ratio is near one whatever the model is."
        return (skipped("pearson", title, reason, "", "conditional"),)
    if _estimates_variance(fitted.family):
        reason = "This family estimates its dispersion, which makes the Pearson ratio near one."
        return (skipped("pearson", title, reason, "", "conditional"),)
    if not defines(fitted.family, "variance"):
        reason = f"The family {fitted.family.name!r} does not define its variance."
        return (skipped("pearson", title, reason, "", "conditional"),)
    weights = fitted.design.frequency_weights
    square = residuals(fitted, "pearson") ** 2
    total = float(square.sum() if weights is None else weights @ square)
    df = fitted.nobs - fitted.parameter_count
    if df < 1:
        return (skipped("pearson", title, "There are no degrees of freedom left."),)
    ratio, p = total / df, float(special().chdtrc(df, total))
    far = ratio >= _OVER and p < context.alpha
    return (
        Check(
            code="pearson",
            title=title,
            where="",
            estimand="conditional",
            verdict="note" if far else "ok",
            statistic=ratio,
            expected=1.0,
            p_value=float("nan"),
            sentence=f"Pearson's chi-square around the modes is {total:.1f} on {df:,} degrees of "
            f"freedom, a ratio of {ratio:.2f}.",
            advice="The simulated dispersion is the better judge: with random effects and with "
            "small counts the ratio is not near one even if the model is right."
            if far
            else "",
            detail={"chi_square": np.array(total), "df": np.array(df), "p_upper": np.array(p)},
        ),
    )


def _estimates_variance(family: AbstractFamily) -> bool:
    """Whether the dispersion makes the Pearson ratio near one: all with one but for mixtures."""
    return family.has_dispersion and not family.discrete
