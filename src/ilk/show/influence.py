"""Influence as an answer: which cluster moves the estimates, and which conclusion changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.diagnostics.influence.influence import influence
from ilk.diagnostics.influence.record import Influence
from ilk.diagnostics.influence.units import ROWS
from ilk.late import Late
from ilk.show.answer import AbstractAnswer, Answer
from ilk.show.influence_words import (
    change_tables,
    changed_conclusions,
    coefficient_labels,
    influence_notes,
)
from ilk.show.numbers import plain

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["InfluenceAnswer", "influence_answer"]

pictures = Late("ilk.plot.influence")

_SHOWN = 10
"""Units in the table of text."""

_KIND = {"sd": "sd", "correlation": "corr"}


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class InfluenceAnswer(AbstractAnswer):
    """What the estimates would be without each cluster or row.

    Parameters
    ----------
    answer : Answer
        A row for each cluster or row, the most influential first.
    estimates : Answer
        A row for each of them and each parameter: the estimate without it.
    influence : Influence
        The numbers as arrays.
    """

    answer: Answer
    estimates: Answer
    influence: Influence


def influence_answer(
    fitted: Fitted,
    group: Any = None,
    *,
    exact: Any = False,
    level: float = 0.95,
    n_jobs: int | None = 1,
) -> InfluenceAnswer:
    """Leave out clusters or rows one at a time, and say which of them changes a conclusion.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    group : str or array, optional
        What is left out; single rows by default.
    exact : bool, level or sequence of levels
        Whether the model is fitted again without each, or without which of them.
    level : float
        Level of the tests that decide about conclusions.
    n_jobs : int or None
        Refits at one time.

    Returns
    -------
    InfluenceAnswer
    """
    found = influence(fitted, group, exact=exact, level=level, n_jobs=n_jobs)
    flavor = fitted.design.flavor
    unit = "row" if found.group == ROWS else plain(found.group)
    answer = Answer(
        title="Influence",
        question=(
            f"How would the estimates change without each {unit}?"
            if found.group == ROWS
            else f"How would the estimates change without each level of {unit}?"
        ),
        columns=_columns(found),
        flavor=flavor,
        words=("level", "most_moved"),
        hidden=("leverage", "method", "reason", "estimand", *_dfbetas_names(found)),
        heads={
            "level": unit,
            "most_moved": "most moved",
            "cook_distance": "Cook's D",
            "cook_distance_spread": "D (variances)",
            "displacement": "displacement",
            "dfbetas": "DFBETAS",
        },
        notes=tuple(plain(note, 2000) for note in influence_notes(found)),
        tables=change_tables(found),
        picture=lambda ax: pictures.draw_influence(pictures.influence_picture(found), ax),
        shown=_SHOWN,
    )
    estimates = Answer(
        title="Estimates without each of them",
        question=f"What are the estimates without each {unit}, and does a conclusion change?",
        columns=_long(found),
        flavor=flavor,
        words=("level", "component", "group", "term"),
        hidden=("component", "estimand", "method"),
        heads={"all_rows": "all rows", "level": unit},
        level=level,
        picture=lambda ax: pictures.draw_dfbetas(pictures.dfbetas_picture(found), ax),
        shown=4 * _SHOWN,
    )
    return InfluenceAnswer(answer, estimates, found)


def _dfbetas_names(found: Influence) -> tuple[str, ...]:
    return tuple(f"dfbetas[{name}]" for name in coefficient_labels(found))


def _columns(found: Influence) -> dict[str, Any]:
    order = found.order
    moved = found.dfbetas[order]
    size = np.nan_to_num(np.abs(moved), nan=-1.0)
    columns: dict[str, Any] = {
        "level": [found.levels[i] for i in order],
        "rows": _counts(found.size[order]),
        "cook_distance": found.cook[order],
    }
    if found.parts:
        columns["cook_distance_spread"] = found.cook_spread[order]
    columns["displacement"] = found.displacement[order]
    columns["covratio"] = found.covratio[order]
    if not np.isnan(found.leverage).all():
        columns["leverage"] = found.leverage[order]
    if found.names:
        top = size.argmax(axis=1)
        names = coefficient_labels(found)
        there = size.max(axis=1) >= 0.0
        columns["most_moved"] = [names[j] if t else None for j, t in zip(top, there, strict=True)]
        columns["dfbetas"] = moved[np.arange(len(moved)), top]
        for j, name in enumerate(_dfbetas_names(found)):
            columns[name] = moved[:, j]
    columns["estimand"] = ["conditional"] * len(order)
    columns["method"] = ["refit" if found.exact[i] else "step" for i in order]
    columns["reason"] = [found.reasons[i] for i in order]
    return columns


def _counts(values: Any) -> Any:
    whole = np.rint(values)
    return whole.astype(np.int64) if np.allclose(values, whole) else values


def _long(found: Influence) -> dict[str, Any]:
    order, P, K = found.order, len(found.names), len(found.parts)
    G = len(order)
    parts = found.parts
    words = {(i, j): text for i, j, text in changed_conclusions(found)}

    def both(coef: Any, spread: Any) -> Any:
        return np.hstack([coef[order], spread[order]]).ravel()

    none = np.full((found.count, K), np.nan)
    every = np.concatenate([found.estimate, [part.estimate for part in parts]])
    errors = np.concatenate([found.std_error, [part.std_error for part in parts]])
    estimate = both(found.coef, found.spread)
    with np.errstate(invalid="ignore", divide="ignore"):
        dfbetas = (np.tile(every, G) - estimate) / np.tile(errors, G)
    return {
        "level": [found.levels[i] for i in order for _ in range(P + K)],
        "component": [*(name[0] for name in found.names), *(p.component for p in parts)] * G,
        "group": [*(None for _ in found.names), *(p.group for p in parts)] * G,
        "term": [*(name[1] for name in found.names), *(_term(p) for p in parts)] * G,
        "all_rows": np.tile(every, G),
        "estimate": estimate,
        "std_error": both(found.error, none),
        "p_value": both(found.p_values, none),
        "dfbetas": dfbetas,
        "change": [words.get((int(i), j), "") for i in order for j in range(P + K)],
        "estimand": ["conditional"] * (G * (P + K)),
        "method": ["refit" if found.exact[i] else "step" for i in order for _ in range(P + K)],
    }


def _term(part: Any) -> str:
    return f"{_KIND.get(part.kind, part.kind)}({part.term or part.group})"
