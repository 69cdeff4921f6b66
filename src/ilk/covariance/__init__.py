"""Covariance structures of random effects: from parameters to triangular factors."""

from __future__ import annotations

from ilk.covariance.base import AbstractCovariance
from ilk.covariance.registry import STRUCTURES, covariance_structure

__all__ = ["STRUCTURES", "AbstractCovariance", "covariance_structure"]
