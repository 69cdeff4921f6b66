r"""P-values from simulated data sets, and verdicts that count size as well as significance.

With T of the observed data first among m + 1 exchangeable values, the share of values at least as
large is a valid p-value (Davison and Hinkley 1997, ch. 4); the two-sided one is twice the smaller
tail.  Where fewer than three simulated values are as far out, the tail is that of the Pearson type
III distribution with the mean, variance and skewness of the simulated values (Winkler and others
2016), for no share of m draws says how small a small probability is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.diagnostics.checks.record import Check
from ilk.num.stable import special

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import CheckVerdict
    from ilk.typing import FloatArray

__all__ = ["Judged", "Side", "judge", "judged_check", "verdict_of"]

Side: TypeAlias = Literal["two", "upper"]
"""Which departures count."""

_COUNTED = 3
"""Simulated values as far out from which their share is taken as it is."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A statistic among its simulated values.

    Parameters
    ----------
    observed : float
        Of the data.
    expected, deviation : float
        Mean and standard deviation of the simulated values.
    p_value : float
        Of the departure; nan if the statistic does not vary.
    """

    observed: float
    expected: float
    deviation: float
    p_value: float


def judge(values: FloatArray, side: Side = "two") -> Judged:
    """Compare a statistic with its simulated values.

    Parameters
    ----------
    values : (m + 1,) array
        Statistic of the observed data, then of the simulated ones.
    side : {"two", "upper"}
        Which departures count.

    Returns
    -------
    Judged

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.diagnostics.checks.null import judge
    >>> judge(np.arange(100.0)[::-1], "upper").p_value  # 99 simulated values, the observed on top
    0.04
    """
    values = np.asarray(values, dtype=np.float64)
    observed, simulated = float(values[0]), values[1:]
    expected, deviation = float(simulated.mean()), float(simulated.std(ddof=1))
    if not np.isfinite(observed) or not deviation > 0.0:
        return Judged(observed, expected, deviation, float("nan"))
    upper = _tail(observed, simulated, expected, deviation)
    if side == "upper":
        return Judged(observed, expected, deviation, upper)
    lower = _tail(-observed, -simulated, -expected, deviation)
    return Judged(observed, expected, deviation, min(1.0, 2.0 * min(upper, lower)))


def _tail(observed: float, simulated: FloatArray, mean: float, deviation: float) -> float:
    beyond = int(np.sum(simulated >= observed))
    if beyond >= _COUNTED or observed <= mean:
        return (beyond + 1) / (len(simulated) + 1)
    counts = bool(np.all(simulated == np.rint(simulated)))
    z = (observed - (0.5 if counts else 0.0) - mean) / deviation
    skew = float(np.mean(((simulated - mean) / deviation) ** 3))
    return min((_COUNTED + 1) / (len(simulated) + 1), _pearson_tail(z, skew))


def _pearson_tail(z: float, skew: float) -> float:
    """P(Z > z) of the Pearson type III distribution with mean 0, variance 1 and a skewness."""
    if abs(skew) < 1e-3:
        return float(special().ndtr(-z))
    shape = 4.0 / skew**2
    x = shape + 2.0 * z / skew if skew > 0.0 else shape - 2.0 * z / -skew
    if skew > 0.0:
        return float(special().gammaincc(shape, x))
    return float(special().gammainc(shape, max(x, 0.0)))


def verdict_of(p_value: float, large: bool, alpha: float) -> CheckVerdict:
    """Judge a departure by both its p-value and its size.

    Parameters
    ----------
    p_value : float
        Of the test.
    large : bool
        Whether the departure is large enough to matter.
    alpha : float
        Probability of a false alarm.

    Returns
    -------
    str
        ``"problem"`` if significant and large, ``"note"`` if significant and small, else ``"ok"``.
    """
    if not p_value < alpha:
        return "ok"
    return "problem" if large else "note"


def judged_check(
    context: Context,
    found: Judged,
    *,
    large: bool,
    statistic: float | None = None,
    expected: float | None = None,
    **words: Any,
) -> Check:
    """Make a check of a statistic that was compared with its simulated values.

    Parameters
    ----------
    context : Context
        Says what is significant.
    found : Judged
        The comparison.
    large : bool
        Whether the departure is large enough to matter.
    statistic, expected : float, optional
        What to show in the place of the two compared.
    **words
        Other fields of `Check`.

    Returns
    -------
    Check
    """
    return Check(
        verdict=verdict_of(found.p_value, large, context.alpha),
        statistic=found.observed if statistic is None else statistic,
        expected=found.expected if expected is None else expected,
        p_value=found.p_value,
        large=large,
        **words,
    )
