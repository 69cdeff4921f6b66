"""What a timed fit returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """Log-likelihood and coefficients of the mean, in the order of the formula."""

    loglik: float
    coefficients: list[float]


Fit = Callable[[], Outcome]
