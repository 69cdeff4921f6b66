"""The answer to "is the Laplace approximation good enough?": moves, and a sentence of judgment."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.approximation import Method, approximation
from ilk.late import Late
from ilk.show.answer import Answer
from ilk.show.numbers import fixed, plain

if TYPE_CHECKING:
    from ilk.diagnostics.approximation import Approximation, ParameterShift
    from ilk.fitted import Fitted

__all__ = ["approximation_answer"]

pictures = Late("ilk.plot.approximation")

_NOTHING, _LITTLE = 0.01, 0.1
"""Standard errors up to which a move is none, and up to which it changes no conclusion."""


def approximation_answer(
    fitted: Fitted,
    nodes: int | None = None,
    method: Method = "auto",
    *,
    draws: int | None = None,
    seed: int = 0,
) -> Answer:
    """Ask how far a better approximation of the likelihood moves a fit.

    Columns: ``component, group, term, estimate, better, std_error, difference, shift,
    sampling_error, method, estimand``.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    nodes, method, draws, seed
        As in `ilk.diagnostics.approximation`.

    Returns
    -------
    Answer
    """
    found = approximation(fitted, nodes, method, draws=draws, seed=seed)
    rows = found.parameters

    def column(name: str) -> np.ndarray:
        return np.array([getattr(row, name) for row in rows], dtype=np.float64)

    sampled = found.method == "importance"
    return Answer(
        title="Is the approximation of the likelihood good enough?",
        question=(
            "By how many of its standard errors does each parameter move when the integral over "
            f"the random effects is computed by {found.better_by}, instead of {found.fit_by}?"
            if found.method != "exact"
            else "How far is the likelihood of the fit from the exact one?"
        ),
        columns={
            "component": [row.component for row in rows],
            "group": [row.group for row in rows],
            "term": [row.term for row in rows],
            "estimate": column("estimate"),
            "better": column("better"),
            "std_error": column("std_error"),
            "difference": column("difference"),
            "shift": column("shift"),
            "sampling_error": column("sampling"),
            "method": [found.method] * len(rows),
            "estimand": ["conditional" if row.group is None else None for row in rows],
        },
        flavor=fitted.design.flavor,
        words=("component", "group", "term"),
        hidden=(
            *(() if len({row.component for row in rows}) > 1 else ("component",)),
            *("difference", "method", "estimand"),
            *(() if sampled else ("sampling_error",)),
        ),
        heads={"shift": "shift in SE", "sampling_error": "MC error"},
        notes=tuple(plain(note, 2000) for note in _notes(found)),
        picture=lambda ax: pictures.draw_approximation(rows, ax),
    )


def _notes(found: Approximation) -> list[str]:
    """Judgment first, then the log-likelihood and how it was computed."""
    if found.method == "exact":
        return [f"The likelihood of this fit is {found.fit_by}: there is nothing to approximate."]
    notes = [_judgment(found)]
    moved = found.better_loglik - found.loglik
    error = f" (Monte Carlo error {found.loglik_error:.2g})" if found.method == "importance" else ""
    notes.append(
        f"Log-likelihood: {fixed(found.loglik, 2)} by the fit, "
        f"{fixed(found.better_loglik, 2)} by the better approximation{error}, a shift of "
        f"{fixed(moved, 3)}."
    )
    if found.method == "importance":
        notes.append(
            f"shift in SE and its Monte Carlo error are in standard errors; the weights leave at "
            f"least {found.effective:.0f} of {found.draws} draws effective."
        )
    elif found.left:
        notes.append(
            f"The effects of {' and '.join(found.left)} are left to the Laplace approximation on "
            "both sides; method='importance' integrates them too."
        )
    elif not found.settled:
        notes.append(
            "More nodes were not tried, or the last ones still moved something: give more (nodes=)."
        )
    return notes


def _judgment(found: Approximation) -> str:
    """One plain sentence."""
    name = found.fit_by[0].upper() + found.fit_by[1:]
    worst = found.worst
    if worst is None:
        return f"{name} cannot be judged: no parameter has a standard error."
    size = abs(worst.shift)
    noise = max(
        (row.sampling for row in found.parameters if math.isfinite(row.sampling)), default=0
    )
    within = max(_NOTHING, 2.0 * noise)
    if size <= _LITTLE:
        bound = f"{_NOTHING:g}" if size <= _NOTHING else f"{math.ceil(100.0 * size) / 100.0:.2f}"
        best = size <= within
        return (
            f"{name} is {'good' if best else 'near'} enough: no parameter moves by more than "
            + (f"{bound} standard errors.")
        )
    return f"{_direction(worst)}: {_advice(found, worst.group)}."


def _direction(row: ParameterShift) -> str:
    """Say which way the farthest parameter is off."""
    size = fixed(abs(row.shift), 2 if abs(row.shift) < 1.0 else 1)
    of = f" of {row.group}" if row.group is not None else ""
    if row.term.startswith("sd("):
        way = "too small" if row.difference > 0.0 else "too large"
        return f"{row.term}{of} is {way} by {size} standard errors"
    return f"{row.term}{of} is off by {size} standard errors"


def _advice(found: Approximation, group: str | None) -> str:
    if found.method == "quadrature" and found.fit_by == "Laplace":
        return "fit with quadrature='auto'"
    if found.method == "quadrature":
        return "fit with more nodes, or with quadrature='auto'"
    if found.fit_by == "Laplace" and found.integrable and group in (None, *found.integrable):
        return f"fit with quadrature='auto', which integrates {' and '.join(found.integrable)}"
    return "report the better estimates beside those of the fit"
