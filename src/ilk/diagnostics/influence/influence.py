r"""Influence: how the estimates change without each cluster or row, and which conclusions do.

With the estimates :math:`\hat\beta_{(-i)}` without unit i, by one step of Newton's method
(`ilk.diagnostics.influence.one_step`) or by a refit, of the p coefficients of the mean, of excess
zeros and of a formula for the dispersion (a single dispersion is no coefficient of interest):

* **Cook's distance** :math:`D_i = (\hat\beta - \hat\beta_{(-i)})'\,V^{-1}
  (\hat\beta - \hat\beta_{(-i)}) / p`, V the covariance matrix of :math:`\hat\beta` (Cook 1977;
  Nieuwenhuis, te Grotenhuis and Pelzer 2012), and the same of the standard deviations and
  correlations of the random part;
* **DFBETAS** :math:`(\hat\beta_j - \hat\beta_{j(-i)}) / s_j`, in standard errors of all rows:
  positive where the unit raises the estimate;
* **likelihood displacement** :math:`2\,[L(\hat\psi) - L(\hat\psi_{(-i)})]`, L of all rows (Cook
  1986);
* **covariance ratio** :math:`|V_{(-i)}| / |V|`: above 1 the unit adds precision (Belsley, Kuh and
  Welsch 1980).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.diagnostics.influence.measures import cook_distances, determinant_ratios
from ilk.diagnostics.influence.one_step import OneStep, counted_coefficients, one_step
from ilk.diagnostics.influence.record import Influence
from ilk.diagnostics.influence.refits import Refit, refits
from ilk.diagnostics.influence.spread import Spread, spread_of
from ilk.diagnostics.influence.units import ROWS, Unit, deleted_units
from ilk.errors import DataError, FitError, ModelError, did_you_mean
from ilk.fitted import Status
from ilk.inference.infinite import infinite
from ilk.inference.parallel import check_jobs
from ilk.inference.wald import check_level, coefficient_table, p_values
from ilk.model.dependence import dependent_groups, refuse_dependent

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import BoolArray, FloatArray

__all__ = ["influence"]

_REPAIRED = 25
"""Units whose step does not exist, or is long, that are refitted without being asked."""

_LONG, _WIDE = 8.0, 1.5
"""Likelihood displacement, and move of a covariance parameter in standard errors, beyond which a
step is not believed: variances near zero have likelihoods that no parabola fits."""


def influence(
    fitted: Fitted,
    group: Any = None,
    *,
    exact: Any = False,
    level: float = 0.95,
    n_jobs: int | None = 1,
) -> Influence:
    """Leave out clusters or rows, one at a time.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    group : str or array, optional
        A grouping factor or another column whose levels are left out, or a label for each row; None
        or ``"rows"`` for single rows.
    exact : bool, level or sequence of levels
        Whether the model is fitted again without each unit, or without which of them.
    level : float
        Level of the tests that decide about conclusions.
    n_jobs : int or None
        Refits at one time.

    Returns
    -------
    Influence

    Raises
    ------
    ModelError
        There is no such factor or level, or the fit is penalized and steps were asked for.
    FitError
        The fit is no optimum.
    """
    check_level(level)
    jobs = check_jobs(n_jobs)
    _refuse_unsound(fitted)
    unit = deleted_units(fitted.design, group)
    chosen = _chosen(unit, exact)
    laplace_reml = fitted.model.reml and not fitted.model.linear
    if laplace_reml and not chosen.all():
        raise ModelError(
            "The restricted likelihood of this model is no sum over clusters or rows, so that "
            "steps cannot be taken from its parts: use exact=True, which fits the model again "
            "without each, or fit with reml=False.",
            code="reml",
        )
    related = bool(dependent_groups(fitted.design))
    if related and not chosen.all():
        refuse_dependent(
            fitted.design,
            "One step of influence()",
            "Use exact=True, which fits the model again without each.",
        )
    penalized = fitted.model.penalty is not None
    if penalized and not chosen.all():
        raise ModelError(
            "The estimates are penalized, and the clusters' scores do not say what they would be "
            "without a cluster: use exact=True, which fits the model again without each.",
            code="penalty",
        )
    spread = spread_of(fitted)
    result = _Result.empty(fitted, unit, spread)
    held = False
    if not (penalized or laplace_reml or related):
        step = one_step(fitted, unit, jobs)
        held = step.held and not chosen.all()
        result.take_steps(step)
        chosen |= _doubtful(fitted, step, chosen)
    members = unit.members()
    wanted = np.flatnonzero(chosen)
    found = refits(fitted, [members[i] for i in wanted], result.psi[wanted], spread, jobs)
    for i, refit in zip(wanted, found, strict=True):
        result.take_refit(int(i), refit)
    return result.finish(unit, chosen, held, level)


def _doubtful(fitted: Fitted, step: OneStep, chosen: BoolArray) -> BoolArray:
    """Units (G,) to refit because their step does not exist or is long: the longest, not many."""
    P, k = len(fitted.coef), len(fitted.point.theta)
    variance = np.diag(fitted.psi_covariance())[P : P + k]
    moved = np.abs(step.steps[:, P : P + k]) / np.sqrt(variance)
    widest = np.nan_to_num(moved, nan=0.0).max(axis=1, initial=0.0)
    size = np.nan_to_num(step.displacement, nan=0.0) / _LONG
    size = np.where(step.failed, np.inf, np.maximum(size, widest / _WIDE))
    order = np.argsort(-np.where(chosen, 0.0, size), kind="stable")[:_REPAIRED]
    out = np.zeros(len(size), dtype=bool)
    out[order] = True
    return np.asarray(out & ~chosen & (size > 1.0))


def _refuse_unsound(fitted: Fitted) -> None:
    status = fitted.verdict.status
    if status in (Status.SEPARATED, Status.NOT_CONVERGED):
        raise FitError(
            f"The fit is {status.value}, so that it cannot be said how its estimates would change: "
            "see fit.verdict.",
            code="no-optimum",
        )


def _chosen(unit: Unit, exact: Any) -> BoolArray:
    """Units that are to be refitted."""
    if isinstance(exact, (bool, np.bool_)):
        return np.full(unit.count, bool(exact))
    several = isinstance(exact, (Sequence, np.ndarray, set, frozenset))
    some = [exact] if isinstance(exact, str) or not several else list(exact)
    places = {label: i for i, label in enumerate(unit.labels)}
    texts = {str(label): i for label, i in places.items()}
    out = np.zeros(unit.count, dtype=bool)
    for one in some:
        place = places.get(one, texts.get(str(one)))
        if place is None:
            what = "row" if unit.name == ROWS else f"level of {unit.name!r}"
            raise DataError(
                f"exact={one!r:.60} is no {what}, of which there are {unit.count:,}; give True, or "
                "some of them." + did_you_mean(str(one), tuple(texts)),
                code="unknown-level",
            )
        out[place] = True
    return out


@dataclass(frozen=True, slots=True)
class _Result:
    """Arrays by unit, to be filled."""

    fitted: Fitted
    components: Spread
    size: FloatArray
    psi: FloatArray
    coef: FloatArray
    covariance: FloatArray
    p_values: FloatArray
    spread: FloatArray
    displacement: FloatArray
    leverage: FloatArray
    reasons: list[str]

    @classmethod
    def empty(cls, fitted: Fitted, unit: Unit, spread: Spread) -> _Result:
        G, P, K = unit.count, len(fitted.coef), len(spread.parts)
        weights = fitted.design.frequency_weights
        return cls(
            fitted=fitted,
            components=spread,
            size=np.bincount(unit.codes, weights, minlength=G).astype(np.float64),
            psi=np.full((G, len(fitted.estimates.psi)), np.nan),
            coef=np.full((G, P), np.nan),
            covariance=np.full((G, P, P), np.nan),
            p_values=np.full((G, P), np.nan),
            spread=np.full((G, K), np.nan),
            displacement=np.full(G, np.nan),
            leverage=np.full(G, np.nan),
            reasons=[""] * G,
        )

    def take_steps(self, step: OneStep) -> None:
        """Write what one step gives."""
        self.covariance[:] = step.covariance
        self.psi[:] = self.fitted.estimates.psi + step.steps
        self.coef[:] = self.psi[:, : self.coef.shape[1]]
        self.displacement[:], self.leverage[:] = step.displacement, step.leverage
        df = _by_name(self.fitted, coefficient_table(self.fitted).df)
        error = np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))
        for i in range(len(self.psi)):
            self.spread[i] = self.components.at(self.psi[i])
            with np.errstate(invalid="ignore", divide="ignore"):
                self.p_values[i] = p_values(self.coef[i] / error[i], df)
            if step.failed[i]:
                self.reasons[i] = (
                    "without it the curvature at the estimates is not that of a maximum; use exact="
                )

    def take_refit(self, i: int, refit: Refit) -> None:
        """Write what a refit gives."""
        self.coef[i], self.covariance[i] = refit.coef, refit.covariance
        self.p_values[i], self.spread[i] = refit.p_value, refit.spread
        self.displacement[i], self.reasons[i] = refit.displacement, refit.reason

    def finish(self, unit: Unit, exact: BoolArray, held: bool, level: float) -> Influence:
        """Measure."""
        fitted = self.fitted
        estimate, counted = fitted.coef, counted_coefficients(fitted)
        V = np.where(np.outer(~infinite(fitted), ~infinite(fitted)), fitted.vcov, np.nan)
        return Influence(
            group=unit.name,
            levels=unit.labels,
            size=self.size,
            names=fitted.names,
            estimate=estimate,
            std_error=np.sqrt(np.diag(V)),  # nan for infinite coefficients
            p_value=_by_name(fitted, coefficient_table(fitted).p_value),
            coef=self.coef,
            error=np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2)),
            p_values=self.p_values,
            parts=self.components.parts,
            spread=self.spread,
            cook=cook_distances((self.coef - estimate)[:, counted], V[np.ix_(counted, counted)]),
            cook_spread=self.components.distance(self.spread),
            displacement=self.displacement,
            counted=counted,
            covratio=determinant_ratios(
                self.covariance[:, counted][:, :, counted], V[np.ix_(counted, counted)]
            ),
            leverage=self.leverage,
            exact=exact,
            reasons=tuple(self.reasons),
            held=held,
            level=level,
        )


def _by_name(fitted: Fitted, values: FloatArray) -> FloatArray:
    """Column of the coefficients' table, for those that the data determine."""
    table = coefficient_table(fitted)
    found = dict(zip(table.names, values.tolist(), strict=True))
    return np.array([found[name] for name in fitted.names], dtype=np.float64)
