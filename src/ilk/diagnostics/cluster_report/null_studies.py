"""Responses without an effect: every method is fitted to them, and tests the coefficient."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ilk.diagnostics.cluster_report.clusters import without_random
from ilk.diagnostics.cluster_report.side_by_side import (
    GEE,
    IGNORED,
    MIXED,
    ROBUST,
    ROBUST_ALL,
    fit_gee,
    mean_part,
)
from ilk.errors import IlkError
from ilk.estimation.run import refitter
from ilk.gee.sandwich import covariance
from ilk.gee.solve import solve
from ilk.inference.bootstrap.attempts import sound
from ilk.inference.bootstrap.engine import origin
from ilk.inference.infinite import infinite
from ilk.inference.robust.covariance import robust_covariance
from ilk.inference.wald import coefficient_covariance, p_values

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.gee.fitted import GeeFitted
    from ilk.inference.robust.covariance import CovarianceKind
    from ilk.inference.wald import CoefficientCovariance
    from ilk.typing import FloatArray

__all__ = ["NullStudies", "without_effect"]

T = TypeVar("T")

_CLOSE = 1e-6
"""Last step of estimating equations, in standard errors."""


def without_effect(mixed: Fitted, place: int) -> Fitted:
    """The fit with a coefficient of the mean at zero.

    Parameters
    ----------
    mixed : Fitted
        The fit.
    place : int
        Of the coefficient among those of the mean.
    """
    psi = mixed.estimates.psi.copy()
    psi[mean_part(mixed).start + place] = 0.0
    return origin(replace(mixed, estimates=replace(mixed.estimates, psi=psi)))


@dataclass(frozen=True, slots=True)
class NullStudies:
    """Work on responses: fit every method, and test the coefficient.

    Parameters
    ----------
    fitted : Fitted
        The mixed model.
    place : int
        Of the coefficient among those of the mean.
    methods : tuple of str
        Which are tried.
    group : Grouping
        Clusters of the robust methods.
    crossing : tuple of Grouping
        Factors of the robust method for all.
    cov : str
        Kind of the sandwich.
    """

    fitted: Fitted
    place: int
    methods: tuple[str, ...]
    group: Grouping
    crossing: tuple[Grouping, ...]
    cov: CovarianceKind

    def __call__(self, responses: list[FloatArray]) -> list[FloatArray]:
        """(k,) p-values of the methods for each response; nan where one fails."""
        null, first = without_effect(self.fitted, self.place), without_random(self.fitted)
        again = _Again(
            mixed=refitter(null.model, null.estimates.psi),
            plain=refitter(first.model, first.estimates.psi),
            marginal=fit_gee(first, self.group) if GEE in self.methods else None,
        )
        return [self._tests(y, again) for y in responses]

    def _tests(self, y: FloatArray, again: _Again) -> FloatArray:
        tests: dict[str, Callable[[], float]] = {MIXED: lambda: self._mixed(sound(again.mixed(y)))}
        plain = _or_nothing(lambda: sound(again.plain(y)))
        if plain is not None and not infinite(plain).any():
            tests[IGNORED] = lambda: self._wald(plain)
            tests[ROBUST] = lambda: self._robust(plain, self.cov, [self.group])
            tests[ROBUST_ALL] = lambda: self._robust(plain, "CR1", self.crossing)
            tests[GEE] = lambda: self._gee(y, again.marginal, plain)
        found = [_or_nothing(tests[m]) if m in tests else None for m in self.methods]
        return np.array([math.nan if p is None else p for p in found])

    def _mixed(self, mixed: Fitted) -> float:
        lost = infinite(mixed)[mean_part(mixed).start + self.place]
        return math.nan if lost else self._wald(mixed)

    def _wald(self, fitted: Fitted, used: CoefficientCovariance | None = None) -> float:
        """p-value of the coefficient, by the tests of a summary."""
        place = mean_part(fitted).start + self.place
        used = coefficient_covariance(fitted) if used is None else used
        error = math.sqrt(used.matrix[place, place])
        df = math.inf if used.df is None else used.df(np.eye(len(fitted.coef))[place])
        return _p_value(float(fitted.coef[place]), error, df)

    def _robust(self, plain: Fitted, cov: CovarianceKind, groups: Sequence[Grouping]) -> float:
        labels = [group.codes for group in groups]
        cluster = labels if len(labels) > 1 else labels[0]
        return self._wald(plain, robust_covariance(plain, cov, cluster))

    def _gee(self, y: FloatArray, first: GeeFitted | None, plain: Fitted) -> float:
        assert first is not None
        rows = first.rows
        trials = plain.design.response.trials
        share = y if trials is None else y / trials
        rows = replace(rows, y=share[rows.clusters.rows])
        start = np.asarray(np.linalg.solve(first.back, plain.coef[mean_part(plain)]), float)
        found = solve(rows, first.working, start=start, tolerance=_CLOSE)
        if found is None or found.status != "converged":
            return math.nan
        matrix = covariance("robust", found.whitened, found.residuals.scale, rows.clusters)
        weights = first.back[self.place]
        error = math.sqrt(float(weights @ matrix @ weights))
        return _p_value(float(weights @ found.beta), error, first.df())


@dataclass(frozen=True, slots=True)
class _Again:
    """What every response is handed to."""

    mixed: Callable[[FloatArray], Fitted]
    plain: Callable[[FloatArray], Fitted]
    marginal: GeeFitted | None


def _p_value(estimate: float, error: float, df: float) -> float:
    if not (error > 0.0 and math.isfinite(estimate)):
        return math.nan
    return float(p_values(np.array([estimate / error]), df)[0])


def _or_nothing(make: Callable[[], T]) -> T | None:
    """What can be made; nothing where a fit or a test fails."""
    try:
        with np.errstate(all="ignore"):
            return make()
    except (IlkError, np.linalg.LinAlgError, ArithmeticError, ValueError):
        return None
