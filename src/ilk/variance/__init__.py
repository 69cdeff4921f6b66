"""Variance components of the random effects."""

from __future__ import annotations

from ilk.variance.components import VarianceComponent, variance_components
from ilk.variance.delta import CovarianceDerivatives, covariance_derivatives

__all__ = [
    "CovarianceDerivatives",
    "VarianceComponent",
    "covariance_derivatives",
    "variance_components",
]
