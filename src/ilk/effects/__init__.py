"""Effects: what happens to a mean when something changes, and how sure that is."""

from __future__ import annotations

from ilk.effects.comparison import Comparison, compare_means
from ilk.effects.counterfactuals import Counterfactuals, counterfactuals
from ilk.effects.marginal_coefficients import MarginalCoefficients, marginal_coefficients
from ilk.effects.standardize import Standardization, standardize

__all__ = [
    "Comparison",
    "Counterfactuals",
    "MarginalCoefficients",
    "Standardization",
    "compare_means",
    "counterfactuals",
    "marginal_coefficients",
    "standardize",
]
