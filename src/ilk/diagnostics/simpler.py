"""Models with simpler random parts: what they save, and how far they move the coefficients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import IlkError
from ilk.formula.spec import MEAN
from ilk.inference.comparison.reduced import (
    random_specs,
    removable,
    spec_places,
    uncorrelated,
    without_term,
)
from ilk.inference.criteria import aic

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Simpler", "simpler_models"]

_DROPPED = 3
"""Effects of one term that are left out one at a time, at most."""

_SPOKEN = 1.0
"""Standard errors by which a coefficient moves that a judgment speaks of."""

_STILL = 1e-4
"""Moves in standard errors that are only the tolerance of the search."""


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


def simpler_models(fitted: Fitted) -> tuple[Simpler, ...]:
    """Estimate models without correlations, an effect or a term, one at a time.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.

    Returns
    -------
    tuple of Simpler
        By term: without its correlations, without each effect, without the term.
    """
    out: list[Simpler] = []
    places = spec_places(fitted)
    for index, (one, (t, _, here)) in enumerate(zip(random_specs(fitted), places, strict=True)):
        spec = one.spec
        estimates: dict[str, Callable[[], Fitted]] = {}
        several = len(spec.effects.terms) > 1 or len(fitted.design.terms[t].parts) > 1
        if several and here.start == 0 and spec.structure in ("us", "cs", "homcs"):
            estimates["no correlations in"] = partial(uncorrelated, fitted, index)
        for term in removable(spec)[:_DROPPED]:
            what = "no intercept in" if term.text == "1" else f"no effect of {term.text} in"
            estimates[what] = partial(without_term, fitted, index, (term,))
        estimates["no"] = partial(without_term, fitted, index)
        out += [
            _refit(fitted, one.predictor, f"{what} ({spec.label})", estimate)
            for what, estimate in estimates.items()
        ]
    # without its intercept a factor may have a column more: no simpler model
    return tuple(row for row in out if row.parameters < fitted.parameter_count)


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
    new = dict(zip(found.names, found.coef, strict=True))  # a constant dispersion may be profiled
    there = np.array([new.get(name, np.nan) for name in fitted.names])
    moves = (there - fitted.coef) / np.where(errors > 0.0, errors, np.nan)
    mean = np.array([component == "mean" for component, _ in fitted.names])
    return np.where(mean & np.isfinite(moves), moves, 0.0)


def _choice(found: Fitted, difference: float, shift: float, coefficient: str) -> str:
    if not found.verdict.converged:
        return f"No guide: that model is {found.verdict.status.value}."
    moved = f"{coefficient} moves by {shift:.2g} standard errors"
    if shift < _STILL:
        moved = "no coefficient moves"
    if np.isfinite(shift) and shift > _SPOKEN:
        return f"Not without care: {moved}."
    if not np.isfinite(difference):
        return f"No AIC for penalized fits; {moved}."
    if difference < -1e-6:
        return f"Preferred by AIC (Akaike 1974); {moved}."
    if difference < 2.0:
        return f"About as good by AIC; {moved}."
    return f"Worse by AIC; {moved}."
