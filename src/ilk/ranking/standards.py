r"""What levels are measured against: expected numbers, and the rate of all rows at any effect.

**Indirect standardization.** With :math:`f_i` the frequency of row i and :math:`T_i` its trials,
level l is expected to have

.. math:: E_l = \sum_{i \in l} f_i T_i\, \mu_i, \qquad
   \mu_i = E\, \mu(\eta_i + z_i' b), \; b \sim N(0, G)
   \quad\text{(population)}, \qquad \mu_i = \mu(\eta_i) \quad\text{(typical)},

what a level of the population with the same rows would have.  Effects of factors that cross with
this one, or contain it, are held at their estimates, as part of the case mix; those of factors
nested in it are averaged over, or zero, like its own.

**Direct standardization.** With all n rows, at one unit of exposure each, a level whose effect is e
has the rate

.. math:: M(e) = \frac{\sum_i w_i\, \mu(\eta_i + e)}{\sum_i w_i},

with weights w of exposure, trials or frequency.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.errors import ModelError
from ilk.formula.spec import MEAN
from ilk.prediction.levels import (
    Assumed,
    averaged_covariance,
    averaged_variance,
    known_effects,
    training_cases,
)
from ilk.prediction.means import averaged_mean, is_inverse_link
from ilk.ranking.interpolation import cubic_weights
from ilk.ranking.target import own_terms, ranked_grouping

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.prediction.levels import Cases
    from ilk.ranking.record import Adjust, Expected
    from ilk.typing import FloatArray, IntArray

__all__ = ["Standard", "make_standard"]

_POINTS = 17
"""Effects at which the rate of all rows is computed; between them it is interpolated."""

_STEP = 1e-4


@dataclass(frozen=True, slots=True)
class Standard:
    """The rows of a fit as standard.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cases : Cases
        Rows, with the columns that are not adjusted for at their means.
    averaged, inner : Assumed
        Which random effects are known in the rows, and which are averaged over: those of the level
        and of factors nested in it, or of these only.
    frequency : (n,) array
        How many observations a row stands for.
    unit : (n,) array
        Exposure or trials of a row, else one.
    exposure_name : str or None
        What `unit` is; None where it is one everywhere.
    log_exposure : (n,) array or None
        What one unit of exposure takes from the predictor.
    fixed : (L, P) or (1, P) array
        Weights of coefficients that are part of a level's effect.
    unadjusted : tuple of str
        Columns that are constant within levels and not adjusted for.
    """

    fitted: Fitted
    cases: Cases
    averaged: Assumed
    inner: Assumed
    frequency: FloatArray
    unit: FloatArray
    exposure_name: str | None
    log_exposure: FloatArray | None
    fixed: FloatArray
    unadjusted: tuple[str, ...]

    @property
    def weights(self) -> FloatArray:
        """(n,) weights of the rows in rates."""
        return self.frequency * self.unit

    def predictors(self, coef: FloatArray | None = None) -> list[FloatArray]:
        """(n,) predictors of the rows, the level's effects at zero."""
        fitted = self.fitted
        beta = fitted.coef if coef is None else coef
        eta = []
        for X, offset, where in zip(
            self.cases.X, self.cases.offsets, fitted.model.slices.values(), strict=True
        ):
            part = X @ beta[where]
            eta.append(part if offset is None else part + offset)
        known = known_effects(fitted, self.cases, self.averaged, fitted.estimates.modes)
        return [a + b for a, b in zip(eta, known, strict=True)]

    def row_means(self, kind: Expected) -> FloatArray:
        """(n,) mean of each row, per trial, in a level of the population or a typical one."""
        eta = self.predictors()
        if kind == "typical":
            return np.asarray(self.fitted.family.mean(eta), dtype=np.float64)
        fitted, parts = self.fitted, self.fitted.family.mean_parameters
        both = averaged_covariance(
            fitted, self.cases, self.averaged, fitted.estimates.covariances, parts
        )
        variance = averaged_variance(
            self.fitted, self.cases, self.averaged, self.fitted.estimates.covariances
        )
        return averaged_mean(fitted.family, eta, variance, covariance=both, derivatives=False).value

    def rates(self, effects: FloatArray) -> FloatArray:
        """Rates M(e) at effects of any shape, monotone in them."""
        family, flat = self.fitted.family, np.ravel(effects)
        link, eta = family.link, self._per_unit(self.predictors())
        inner = self._inner_variance()
        if is_inverse_link(family) and link.name in ("log", "identity"):
            center = float(link.link(np.array(self._rate(eta, inner, 0.0))))
            return np.asarray(link.inverse(center + effects), dtype=np.float64)
        low, high = float(np.min(flat, initial=0.0)), float(np.max(flat, initial=0.0))
        grid = np.linspace(low - 0.1, high + 0.1, _POINTS)
        at = np.array([self._rate(eta, inner, float(e)) for e in grid])
        with np.errstate(all="ignore"):
            transformed = np.asarray(link.link(at), dtype=np.float64)
        usable = bool(np.all(np.isfinite(transformed)))
        places = (flat - grid[0]) / (grid[1] - grid[0])
        found = cubic_weights(_POINTS, places) @ (transformed if usable else at)
        if usable and not link.averages:
            found = np.maximum(found, 0.0)
        with np.errstate(all="ignore"):
            found = np.asarray(link.inverse(found), dtype=np.float64) if usable else found
        return np.asarray(found.reshape(np.shape(effects)))

    def rate(self, effect: float = 0.0) -> float:
        """Rate M(e) at one effect."""
        return self._rate(self._per_unit(self.predictors()), self._inner_variance(), effect)

    def common(self) -> FloatArray:
        """(m,) derivative of the effect that would give the same rate, in the parameters."""
        inner, coef = self._inner_variance(), self.fitted.coef
        out = np.zeros(len(self.fitted.estimates.psi))
        base = self._per_unit(self.predictors())
        ends = [self._rate(base, inner, side * _STEP) for side in (1.0, -1.0)]
        slope = (ends[0] - ends[1]) / (2.0 * _STEP)
        for j, (component, _) in enumerate(self.fitted.names):
            if component not in self.fitted.family.mean_parameters or not np.isfinite(coef[j]):
                continue
            step = _STEP * max(1.0, abs(float(coef[j])))
            values = []
            for side in (step, -step):
                moved = coef.copy()
                moved[j] += side
                values.append(self._rate(self._per_unit(self.predictors(moved)), inner, 0.0))
            out[j] = (values[0] - values[1]) / (2.0 * step * slope)
        return out

    def _per_unit(self, eta: Sequence[FloatArray]) -> list[FloatArray]:
        first = eta[0] if self.log_exposure is None else eta[0] - self.log_exposure
        return [first, *eta[1:]]

    def _inner_variance(self) -> list[FloatArray] | None:
        """Variances of the effects of factors nested in this one; None if there are none."""
        if not any(np.any(part) for part in self.inner.averaged):
            return None
        matrices, parts = self.fitted.estimates.covariances, self.fitted.family.mean_parameters
        both = averaged_covariance(self.fitted, self.cases, self.inner, matrices, parts)
        if both is not None:
            raise ModelError(
                "The mean depends on several predictors, whose random effects within the levels "
                "are correlated with each other: rates of the levels of an outer factor are not "
                "available; rank the inner factor.",
                code="correlated-parts",
            )
        return averaged_variance(self.fitted, self.cases, self.inner, matrices)

    def _rate(
        self, eta: Sequence[FloatArray], inner: list[FloatArray] | None, effect: float
    ) -> float:
        moved, family = [eta[0] + effect, *eta[1:]], self.fitted.family
        if inner is None:
            mean = np.asarray(family.mean(moved), dtype=np.float64)
        else:
            mean = averaged_mean(family, moved, inner, derivatives=False).value
        if not family.link.averages and np.any(moved[0] <= 0.0):
            return math.inf
        weights = self.weights
        return float(weights @ mean / weights.sum())


def make_standard(
    fitted: Fitted, group: str, adjust: Adjust, kind: Expected = "population"
) -> Standard:
    """Make the rows of a fit ready as standard.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    group : str
        Factor whose levels are compared.
    adjust : {"case_mix", "within"}
        Which covariates are adjusted for.
    kind : {"population", "typical"}
        Whether rates average over the effects of factors nested in this one, or take them as zero.

    Returns
    -------
    Standard
    """
    grouping, design = ranked_grouping(fitted, group), fitted.design
    cases = training_cases(fitted)
    rows, own = cases.rows, own_terms(fitted, group)
    yes, no = np.ones(rows, dtype=bool), np.zeros(rows, dtype=bool)
    known = tuple(no if t in own else yes for t in range(len(design.terms)))
    averaged = tuple(yes if t in own else no for t in range(len(design.terms)))
    inner = tuple(
        no if term.grouping.name == group or kind == "typical" else part
        for term, part in zip(design.terms, averaged, strict=True)
    )
    unit, name, log_exposure = _units(fitted)
    given = design.frequency_weights
    frequency = np.ones(rows) if given is None else given
    fixed = np.zeros((1, len(fitted.coef)))
    unadjusted: tuple[str, ...] = ()
    if adjust == "within":
        cases, fixed, unadjusted = _without_level_columns(
            fitted, cases, grouping.codes, len(grouping.levels), frequency * unit
        )
    return Standard(
        fitted=fitted,
        cases=cases,
        averaged=Assumed(known, averaged),
        inner=Assumed(known, inner),
        frequency=frequency,
        unit=unit,
        exposure_name=name,
        log_exposure=log_exposure,
        fixed=fixed,
        unadjusted=unadjusted,
    )


def _units(fitted: Fitted) -> tuple[FloatArray, str | None, FloatArray | None]:
    """Exposure or trials of each row, what they are, and what a unit takes from the predictor."""
    design, part = fitted.design, fitted.model.parts[MEAN]
    if design.response.trials is not None:
        return design.response.trials, "trials", None
    if design.exposure is not None:
        name = design.exposure_name or "exposure"
        return design.exposure, name, np.log(design.exposure)
    if part.offset is not None and fitted.family.link.name == "log":
        return np.exp(part.offset), "exp(offset)", part.offset
    return np.ones(fitted.model.rows), None, None


def _without_level_columns(
    fitted: Fitted, cases: Cases, codes: IntArray, levels: int, weights: FloatArray
) -> tuple[Cases, FloatArray, tuple[str, ...]]:
    """Put columns that are constant within levels at their means.

    Returns the rows, the weights (L, P) of the coefficients in the levels' effects, and the names
    of the columns.
    """
    X = cases.X[0].copy()
    first = np.zeros(levels, dtype=np.intp)
    first[codes] = np.arange(len(codes))
    fixed, names = np.zeros((levels, len(fitted.coef))), []
    for j, (component, name) in enumerate(fitted.names):
        if component != MEAN or name == INTERCEPT:
            continue
        column = X[:, j]
        by_level = column[first]
        if np.ptp(column) == 0.0 or not np.array_equal(by_level[codes], column):
            continue
        center = float(weights @ column / weights.sum())
        fixed[:, j] = by_level - center
        X[:, j] = center
        names.append(name)
    return replace(cases, X=(X, *cases.X[1:])), fixed, tuple(names)
