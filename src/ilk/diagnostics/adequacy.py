r"""What the data can say about each variance component, and what simpler random parts would change.

If the effects of L levels were observed, the logarithm of their standard deviation would have
standard error :math:`1 / \sqrt{2 L}`, and Fisher's z of a correlation :math:`1 / \sqrt{L - 3}`.
Solved for L at the standard error that the fit has, these give the number of levels whose effects,
had they been observed, would say as much: the *effective levels*

.. math:: L_e = \frac{1}{2\,(\mathrm{se}(s) / s)^2}, \qquad
   L_e = 3 + \frac{(1 - r^2)^2}{\mathrm{se}(r)^2},

a share :math:`L_e / L` of what there could be at most with so many levels.

Rules of thumb: fewer than five levels say next to nothing about a variance (Gelman and Hill 2007,
p. 247); with fewer than 50, its standard errors are too small (Maas and Hox 2005); a singular
covariance matrix asks for a simpler structure (Bates et al. 2015), unless that moves the fixed
effects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import IlkError, ModelError
from ilk.estimation.vanished import vanished_reasons
from ilk.formula.spec import MEAN
from ilk.inference.criteria import aic
from ilk.inference.reduced import random_specs, removable, uncorrelated, without_term
from ilk.variance.components import DEVIATION, RESIDUAL, variance_components

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.fitted import Fitted, Reason
    from ilk.typing import FloatArray
    from ilk.variance.components import VarianceComponent

__all__ = ["Adequacy", "ComponentAdequacy", "GroupAdequacy", "Simpler", "adequacy"]

_FEW = 5
"""Levels below which a variance between levels cannot be estimated usefully."""

_ROUGH = 10.0
"""Effective levels below which intervals are rough."""

_MANY = 50
"""Levels from which standard errors of variances are good."""

_DROPPED = 3
"""Effects of one term that are left out one at a time, at most."""

_SPOKEN = 1.0
"""Standard errors by which a coefficient moves that a judgment speaks of."""


@dataclass(frozen=True, slots=True)
class GroupAdequacy:
    """Levels of a grouping factor.

    Parameters
    ----------
    name : str
        The factor.
    levels : int
        Number of levels.
    smallest, median, largest : float
        Rows per level.
    parameters : int
        Covariance parameters of all its terms.
    """

    name: str
    levels: int
    smallest: float
    median: float
    largest: float
    parameters: int


@dataclass(frozen=True, slots=True)
class ComponentAdequacy:
    """What is known of one standard deviation or correlation.

    Parameters
    ----------
    part : VarianceComponent
        Estimate and standard error.
    levels : int
        Levels of its factor.
    per_parameter : float
        Levels for each covariance parameter of its term.
    relative_error : float
        Standard error as a share of the standard deviation; of a correlation, that of Fisher's z.
    effective : float
        Effective levels.
    judgment : str
        One plain sentence.
    """

    part: VarianceComponent
    levels: int
    per_parameter: float
    relative_error: float
    effective: float
    judgment: str

    @property
    def share(self) -> float:
        """Effective levels as a share of the levels."""
        return self.effective / self.levels


@dataclass(frozen=True, slots=True)
class Simpler:
    """A simpler random part, estimated.

    Parameters
    ----------
    change : str
        What was left out.
    formula : str
        Formula of the mean, or of the predictor that was changed.
    parameters : int
        Number of parameters.
    loglik, aic : float
        Of the simpler model; nan where it could not be estimated.
    aic_difference : float
        AIC of the simpler model minus that of the fit.
    shift : float
        Largest move of a coefficient, in standard errors of the fit.
    coefficient : str
        The coefficient that moves so.
    status : str
        Verdict in words.
    judgment : str
        One plain sentence.
    """

    change: str
    formula: str
    parameters: int
    loglik: float
    aic: float
    aic_difference: float
    shift: float
    coefficient: str
    status: str
    judgment: str


@dataclass(frozen=True, slots=True)
class Adequacy:
    """Whether the data support the random part of a model.

    Parameters
    ----------
    groups : tuple of GroupAdequacy
        Grouping factors.
    components : tuple of ComponentAdequacy
        Variance components, without the residual.
    singular : tuple of Reason
        Directions that have vanished.
    simpler : tuple of Simpler
        Simpler random parts.
    """

    groups: tuple[GroupAdequacy, ...]
    components: tuple[ComponentAdequacy, ...]
    singular: tuple[Reason, ...]
    simpler: tuple[Simpler, ...]


def adequacy(fitted: Fitted, *, refits: bool = True) -> Adequacy:
    """Judge whether the data support the random part of a model.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    refits : bool
        Whether to estimate models with simpler random parts.

    Returns
    -------
    Adequacy

    Raises
    ------
    ModelError
        There are no random terms.
    """
    if not fitted.design.terms:
        raise ModelError(
            "adequacy() judges random terms, and this model has none.", code="no-random-terms"
        )
    return Adequacy(
        groups=_groups(fitted),
        components=_components(fitted),
        singular=tuple(vanished_reasons(fitted.marginal, fitted.point)),
        simpler=_simpler(fitted) if refits else (),
    )


def _sizes(fitted: Fitted) -> list[int]:
    """Number of covariance parameters of each term."""
    pairs = zip(fitted.design.terms, fitted.model.covariances, strict=True)
    return [covariance.size(len(term.column_names)) for term, covariance in pairs]


def _groups(fitted: Fitted) -> tuple[GroupAdequacy, ...]:
    found: dict[str, GroupAdequacy] = {}
    for term, size in zip(fitted.design.terms, _sizes(fitted), strict=True):
        grouping = term.grouping
        before = found.get(grouping.name)
        rows = np.bincount(grouping.codes, minlength=len(grouping.levels))
        found[grouping.name] = GroupAdequacy(
            name=grouping.name,
            levels=len(grouping.levels),
            smallest=float(rows.min()),
            median=float(np.median(rows)),
            largest=float(rows.max()),
            parameters=size + (0 if before is None else before.parameters),
        )
    return tuple(found.values())


def _components(fitted: Fitted) -> tuple[ComponentAdequacy, ...]:
    out = []
    for part in variance_components(fitted):
        if part.group == RESIDUAL:
            continue
        term, size = _term_of(fitted, part)
        levels = len(term.grouping.levels)
        relative, effective = _information(part)
        out.append(
            ComponentAdequacy(
                part=part,
                levels=levels,
                per_parameter=levels / max(size, 1),
                relative_error=relative,
                effective=effective,
                judgment=_judgment(part, levels, effective),
            )
        )
    return tuple(out)


def _term_of(fitted: Fitted, part: VarianceComponent) -> tuple[RandomTerm, int]:
    for term, size in zip(fitted.design.terms, _sizes(fitted), strict=True):
        same = (term.predictor, term.grouping.name) == (part.component, part.group)
        if same and set(part.terms) <= set(term.column_names):
            return term, size
    raise LookupError(f"no random term has {part.term!r}")


def _information(part: VarianceComponent) -> tuple[float, float]:
    """Relative error and effective levels; nan on the boundary."""
    error = part.std_error
    if part.boundary or not np.isfinite(error) or error <= 0.0:
        return np.nan, np.nan
    if part.kind == DEVIATION:
        relative = error / part.estimate
        return relative, 0.5 / relative**2
    relative = error / (1.0 - part.estimate**2)
    return relative, 3.0 + 1.0 / relative**2


def _judgment(part: VarianceComponent, levels: int, effective: float) -> str:
    if part.boundary and part.kind == DEVIATION and part.estimate == 0.0:
        return "Zero: the data do not support it; leave it out (Bates et al. 2015)."
    if part.boundary:
        return "Part of a singular covariance matrix; simplify (Bates et al. 2015)."
    if levels < _FEW:
        return (
            f"{levels} levels say next to nothing about a variance; a fixed factor says more "
            "(Gelman and Hill 2007)."
        )
    if not np.isfinite(effective):
        return "No standard error: nothing is known of its precision."
    if effective < _ROUGH:
        return (
            f"Known as well as from {effective:.2g} levels with observed effects: use its profile "
            "interval, and expect it to be wide."
        )
    if levels < _MANY:
        return "With fewer than 50 levels its standard error is too small (Maas and Hox 2005)."
    return "Well determined."


def _simpler(fitted: Fitted) -> tuple[Simpler, ...]:
    """Estimate models without correlations, an effect or a term, one at a time."""
    out: list[Simpler] = []
    for index, one in enumerate(random_specs(fitted)):
        spec = one.spec
        estimates: dict[str, Callable[[], Fitted]] = {}
        if len(spec.effects.terms) > 1 and spec.structure in ("us", "cs", "homcs"):
            estimates["no correlations in"] = partial(uncorrelated, fitted, index)
        for term in removable(spec)[:_DROPPED]:
            what = "no intercept in" if term.text == "1" else f"no effect of {term.text} in"
            estimates[what] = partial(without_term, fitted, index, (term,))
        estimates["no"] = partial(without_term, fitted, index)
        out += [
            _refit(fitted, one.predictor, f"{what} ({spec.label})", estimate)
            for what, estimate in estimates.items()
        ]
    return tuple(out)


def _refit(fitted: Fitted, predictor: str, change: str, estimate: Callable[[], Fitted]) -> Simpler:
    try:
        found = estimate()
    except IlkError as problem:
        gap = np.nan
        return Simpler(change, "", 0, gap, gap, gap, gap, "", "not estimated", str(problem))
    shifts = _shifts(fitted, found)
    worst = int(np.argmax(np.abs(shifts))) if len(shifts) else -1
    shift = float(abs(shifts[worst])) if worst >= 0 else np.nan
    coefficient = fitted.names[worst][1] if worst >= 0 else ""
    difference = aic(found) - aic(fitted)
    return Simpler(
        change=change,
        formula=_formula(found, predictor),
        parameters=found.parameter_count,
        loglik=found.loglik,
        aic=aic(found),
        aic_difference=difference,
        shift=shift,
        coefficient=coefficient,
        status=found.verdict.status.value,
        judgment=_choice(found, difference, shift, coefficient),
    )


def _formula(found: Fitted, predictor: str) -> str:
    """Formula of the mean, or of the predictor that was changed as an argument."""
    part = found.formula.predictor(predictor)
    if predictor == MEAN or part is None:
        return found.formula.text
    return f"{predictor}={part.text!r}"


def _shifts(fitted: Fitted, found: Fitted) -> FloatArray:
    """Moves of the coefficients in standard errors of the fit; zero where there is none."""
    errors = np.sqrt(np.diagonal(fitted.vcov))
    moves = (found.coef - fitted.coef) / np.where(errors > 0.0, errors, np.nan)
    mean = np.array([component == "mean" for component, _ in fitted.names])
    return np.where(mean & np.isfinite(moves), moves, 0.0)


def _choice(found: Fitted, difference: float, shift: float, coefficient: str) -> str:
    if not found.verdict.converged:
        return f"No guide: that model is {found.verdict.status.value}."
    moved = f"{coefficient} moves by {shift:.2g} standard errors"
    if np.isfinite(shift) and shift > _SPOKEN:
        return f"Not without care: {moved}."
    if not np.isfinite(difference):
        return f"No AIC for penalized fits; {moved}."
    if difference < -1e-6:
        return f"Preferred by AIC (Akaike 1974); {moved}."
    if difference < 2.0:
        return f"About as good by AIC; {moved}."
    return f"Worse by AIC; {moved}."
