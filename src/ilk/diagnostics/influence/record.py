"""The record of what the estimates are without each cluster or row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ilk.frame import Label
    from ilk.typing import BoolArray, FloatArray, IntArray
    from ilk.variance.components import VarianceComponent

__all__ = ["Influence"]


@dataclass(frozen=True, slots=True)
class Influence:
    """The estimates without each of G units.

    Parameters
    ----------
    group : str
        What was left out: a factor, or ``"rows"``.
    levels : tuple
        Label of each unit.
    size : (G,) array
        Observations of each; frequency weights count.
    names : tuple of (str, str)
        ``(component, name)`` of the P coefficients.
    estimate, std_error, p_value : (P,) arrays
        Of all rows.
    coef, error, p_values : (G, P) arrays
        Without each unit.
    parts : tuple of VarianceComponent
        The K standard deviations and correlations of all rows.
    spread : (G, K) array
        Those without each unit.
    cook, cook_spread : (G,) arrays
        Cook's distances of the coefficients, and of the variance components.
    displacement : (G,) array
        Likelihood displacement.
    counted : (P,) array of bool
        Coefficients that count in `cook`, `covratio` and `leverage`.
    covratio : (G,) array
        Ratio of the determinants of the coefficients' covariance matrices.
    leverage : (G,) array
        Share of the information on the coefficients, summed over directions; all units sum to the
        number of coefficients where they are independent.
    exact : (G,) array of bool
        Whether a refit was made.
    reasons : tuple of str
        Why there are no numbers; empty where there are.
    held : bool
        Whether the curvature of all rows stood in for that without the unit, for large data.
    level : float
        Level of the tests that decide about conclusions.
    """

    group: str
    levels: tuple[Label, ...]
    size: FloatArray
    names: tuple[tuple[str, str], ...]
    estimate: FloatArray
    std_error: FloatArray
    p_value: FloatArray
    coef: FloatArray
    error: FloatArray
    p_values: FloatArray
    parts: tuple[VarianceComponent, ...]
    spread: FloatArray
    cook: FloatArray
    cook_spread: FloatArray
    displacement: FloatArray
    counted: BoolArray
    covratio: FloatArray
    leverage: FloatArray
    exact: BoolArray
    reasons: tuple[str, ...]
    held: bool
    level: float

    @property
    def count(self) -> int:
        """Number of units."""
        return len(self.levels)

    @property
    def dfbetas(self) -> FloatArray:
        """(G, P) estimate of all rows minus estimate without the unit, in standard errors."""
        return np.asarray((self.estimate - self.coef) / self.std_error)

    @property
    def lost(self) -> BoolArray:
        """(G, P) coefficients that are significant with all rows, and not without the unit."""
        before, after = self._significant()
        return before & ~after & np.isfinite(self.p_values)

    @property
    def gained(self) -> BoolArray:
        """(G, P) coefficients that are significant only without the unit."""
        before, after = self._significant()
        return ~before & after & np.isfinite(self.p_value)

    @property
    def turned(self) -> BoolArray:
        """(G, P) coefficients whose estimate has the other sign without the unit."""
        return np.asarray(np.sign(self.estimate) * np.sign(self.coef) < 0.0)

    @property
    def undetermined(self) -> BoolArray:
        """(G, P) coefficients about which all other units together say nothing."""
        there = np.isfinite(self.cook) | np.isfinite(self.coef).any(axis=1)
        return np.isnan(self.coef) & there[:, None] & np.isfinite(self.estimate)

    @property
    def order(self) -> IntArray:
        """(G,) units, the largest Cook's distance first; those without one before all others."""
        return np.argsort(-np.where(np.isnan(self.cook), np.inf, self.cook), kind="stable")

    def _significant(self) -> tuple[BoolArray, BoolArray]:
        alpha = 1.0 - self.level
        with np.errstate(invalid="ignore"):
            return self.p_value < alpha, self.p_values < alpha
