"""Sensitivity to the random effects as an answer: moves of the coefficients, refits, warnings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.sensitivity import TAIL_DF, Refit, Sensitivity, sensitivity
from ilk.inference.wald import check_level
from ilk.late import Late
from ilk.show.answer import Answer
from ilk.show.numbers import fixed, plain, significant
from ilk.show.summary import Table

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["sensitivity_answer"]

pictures = Late("ilk.plot.sensitivity")

_FAR = 1.0
"""Standard errors that a coefficient may move before there is a warning."""

_WIDER = 1.25
"""Standard errors this many times as large are worth a word."""


def sensitivity_answer(fitted: Fitted, group: str | None = None, level: float = 0.95) -> Answer:
    """Fit under other assumptions on the random effects, and put the moves into words.

    Columns: ``model, group, term, estimate, std_error, shift, error_ratio, loglik, aic, verdict,
    estimand``.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    group : str, optional
        Factor whose random effects are changed.
    level : float
        Coverage of the intervals in the picture.

    Returns
    -------
    Answer
    """
    check_level(level)
    found = sensitivity(fitted, group)
    rows = [
        (refit, j)
        for refit in found.refits
        for j in (range(len(found.terms)) if np.any(np.isfinite(refit.estimate)) else (None,))
    ]
    missing = np.full(len(found.terms), np.nan)
    shifts = {id(refit): found.shift(refit) for refit in found.refits}
    ratios = {id(refit): found.error_ratio(refit) for refit in found.refits}

    def column(pick: Any) -> Any:
        return np.array([np.nan if j is None else pick(refit)[j] for refit, j in rows], dtype=float)

    factors = list(dict.fromkeys(r.group for r in found.refits if r.group is not None))
    return Answer(
        title="Do the coefficients depend on what is assumed of the random effects?",
        question=(
            "By how many of its standard errors does each coefficient move when other random "
            f"effects of {' and '.join(map(plain, factors)) or 'the clusters'} are assumed, rows "
            "and fixed part as they are?"
        ),
        columns={
            "model": [refit.model for refit, _ in rows],
            "group": [refit.group for refit, _ in rows],
            "term": [None if j is None else found.terms[j] for _, j in rows],
            "estimate": column(lambda refit: refit.estimate),
            "std_error": column(lambda refit: refit.std_error),
            "shift": column(lambda refit: shifts.get(id(refit), missing)),
            "error_ratio": column(lambda refit: ratios.get(id(refit), missing)),
            "loglik": np.array([refit.loglik for refit, _ in rows]),
            "aic": np.array([refit.aic for refit, _ in rows]),
            "verdict": [refit.verdict for refit, _ in rows],
            "estimand": ["conditional"] * len(rows),
        },
        flavor=fitted.design.flavor,
        words=("model", "group", "term"),
        hidden=(*(("group",) if len(factors) < 2 else ()), "loglik", "aic", "verdict", "estimand"),
        heads={"shift": "shift in SE", "error_ratio": "SE ratio"},
        notes=tuple(plain(note, 2000) for note in _notes(found, factors)),
        level=level,
        tables=(_refits(found, factors),),
        picture=lambda ax: pictures.draw_sensitivity(
            pictures.sensitivity_picture(found, level), ax
        ),
    )


def _model(refit: Refit, factors: list[str]) -> str:
    """What was changed, and of which factor where there are several."""
    if refit.group is None or len(factors) < 2:
        return refit.model
    return f"{refit.model} ({refit.group})"


def _refits(found: Sensitivity, factors: list[str]) -> Table:
    return Table(
        "Refits",
        ("", "random effects", "loglik", "aic", "verdict"),
        tuple(
            (
                plain(_model(refit, factors)),
                plain(refit.random),
                fixed(refit.loglik, 2),
                fixed(refit.aic, 2),
                plain(refit.verdict.partition(":")[0]),
            )
            for refit in found.refits
        ),
        labels=2,
    )


def _notes(found: Sensitivity, factors: list[str]) -> list[str]:
    """Warnings first, then what was compared."""
    notes = []
    usable = [refit for refit in found.refits[1:] if refit.sound and found.refits[0].sound]
    for j, term in enumerate(found.terms):
        if term == INTERCEPT:
            continue
        far = [(found.shift(refit)[j], refit) for refit in usable]
        far = [(shift, refit) for shift, refit in far if abs(shift) > _FAR]
        if far:
            shift, refit = max(far, key=lambda pair: abs(pair[0]))
            notes.append(
                f"Warning: {term} moves by {significant(float(shift), 3)} standard errors under "
                f"'{_model(refit, factors)}': do not report it without saying so, and prefer the "
                "random effects that the design of the study calls for."
            )
    if not notes and usable:
        notes.append(
            "No coefficient but perhaps the intercept moves by more than one standard error."
        )
    notes += _wider(found, usable, factors)
    if np.isfinite(found.tails_gain):
        notes.append(
            f"t effects with {TAIL_DF:g} degrees of freedom change the maximized log-likelihood by "
            f"{significant(found.tails_gain, 3)} against normal ones."
        )
    for refit in found.refits[1:]:
        if refit.sound:
            continue
        status, _, why = refit.verdict.partition(": ")
        because = f": {why}" if why else ", so that no warning rests on it"
        notes.append(f"{_model(refit, factors)} is {status}{because.rstrip('.')}.")
    return [*notes, *found.notes]


def _wider(found: Sensitivity, usable: list[Refit], factors: list[str]) -> list[str]:
    notes = []
    for j, term in enumerate(found.terms):
        if term == INTERCEPT or not usable:
            continue
        ratio, refit = max(
            ((float(found.error_ratio(r)[j]), r) for r in usable), key=lambda pair: pair[0]
        )
        gain = refit.loglik - found.refits[0].loglik
        if ratio > _WIDER and _worse(found, refit) > 0.0:
            notes.append(
                f"The standard error of {term} is {significant(ratio, 3)} times as large under "
                f"'{_model(refit, factors)}', but that model is worse by AIC (by "
                f"{significant(_worse(found, refit), 3)}): no reason to prefer its interval."
            )
        elif ratio > _WIDER:
            by = f", and the log-likelihood by {significant(gain, 3)}" if gain > 0.0 else ""
            notes.append(
                f"The standard error of {term} grows to {significant(ratio, 3)} times under "
                f"'{_model(refit, factors)}'{by}: its interval in the fit may be too short."
            )
    return notes


def _worse(found: Sensitivity, refit: Refit) -> float:
    """By how much the AIC of a refit is above that of the fit; nan where they do not compare."""
    if refit.model.startswith(("t(", "normal effects")):  # integrated in another way
        return math.nan
    return refit.aic - found.refits[0].aic
