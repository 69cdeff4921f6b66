"""Effects: what happens to a mean when something changes, and how sure that is."""

from __future__ import annotations

from ilk.effects.comparison import Comparison, compare_means
from ilk.effects.marginal_coefficients import MarginalCoefficients, marginal_coefficients

__all__ = ["Comparison", "MarginalCoefficients", "compare_means", "marginal_coefficients"]
