"""One refit at a time: the statistic of it, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ilk.errors import FitError, IlkError, ModelError
from ilk.estimation.verify import is_optimum

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Outcome", "Statistic", "attempt", "sound"]

Statistic: TypeAlias = "Callable[[Fitted], FloatArray]"
"""What is looked at: takes a fit to an array."""

Outcome: TypeAlias = "FloatArray | str"
"""Values of a statistic, or why there are none."""


def attempt(make: Callable[[], Fitted], statistic: Statistic, size: int) -> Outcome:
    """Compute a statistic of a refit.

    Parameters
    ----------
    make : callable
        Makes the refit.
    statistic : callable
        Takes it to an array.
    size : int
        Length that the array must have.

    Returns
    -------
    (size,) array or str
        The values, nan where they are not finite; or the reason why there are none.
    """
    try:
        again = make()
        with np.errstate(all="ignore"):
            value = np.asarray(statistic(again), dtype=np.float64)
    except (IlkError, np.linalg.LinAlgError, ArithmeticError) as error:
        return str(error).rstrip(".") or type(error).__name__
    if value.shape != (size,):
        raise ModelError(
            f"The statistic has {size} numbers for the fit, but {value.size} for one of its "
            "refits; give a function whose result always has the same length.",
            code="statistic",
        )
    finite = np.isfinite(value)
    if size and not np.any(finite):
        return "the statistic is not finite"
    return np.where(finite, value, np.nan)


def sound(again: Fitted) -> Fitted:
    """Give back a refit if its search ended at an optimum; else an error says that it did not."""
    if not is_optimum(again.point):
        raise FitError("the search did not end at an optimum", code="no-optimum")
    return again
