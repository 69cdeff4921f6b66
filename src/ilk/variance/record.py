"""One variance component: the row of a table."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["CORRELATION", "DEVIATION", "HALF_LIFE", "RESIDUAL", "VarianceComponent"]

DEVIATION = "sd"
CORRELATION = "correlation"
HALF_LIFE = "half_life"
RESIDUAL = "Residual"


@dataclass(frozen=True, slots=True)
class VarianceComponent:
    """One standard deviation, correlation, or other parameter of the random effects.

    Parameters
    ----------
    component : str
        Predictor that the random effects belong to; ``"dispersion"`` for the residual.
    group : str
        Grouping factor; ``"Residual"`` for the residual of the linear model.
    terms : tuple of str
        Name of the random effect, of the two that are correlated, or of the series; none for a
        parameter of the levels.
    kind : str
        ``"sd"``, ``"correlation"``, or the parameter of a structure: ``"rho"``, ``"range"``, ...
    estimate, std_error, conf_low, conf_high : float
        On the scale of the parameter.
    boundary : bool
        Whether the row belongs to a singular part of its term's covariance matrix, or is at a
        limit of its parameter.
    place : tuple of int
        Term, row and column of a standard deviation or correlation; term and number of another
        parameter; empty for the residual.
    lowest, highest : float
        Limits of the parameter.
    """

    component: str
    group: str
    terms: tuple[str, ...]
    kind: str
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    boundary: bool
    place: tuple[int, ...] = ()
    lowest: float = 0.0
    highest: float = math.inf

    @property
    def term(self) -> str:
        """Name of the random effect, or ``"a ~ b"`` for a correlation; empty for levels."""
        return " ~ ".join(self.terms)

    @property
    def label(self) -> str:
        """Name in tables of parameters: ``"sd(Intercept)"``, ``"rho(week)"``, ``"lambda"``."""
        return f"{self.kind}({self.term})" if self.terms else self.kind
