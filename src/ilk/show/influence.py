"""Influence as an answer: which cluster moves the estimates, and which conclusion changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.influence.influence import Influence, influence
from ilk.diagnostics.influence.units import ROWS
from ilk.inference.labelled import label
from ilk.late import Late
from ilk.show.answer import AbstractAnswer, Answer
from ilk.show.numbers import p_value, plain, significant
from ilk.show.summary import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.fitted import Fitted

__all__ = ["InfluenceAnswer", "changed_conclusions", "influence_answer", "unit_words"]

pictures = Late("ilk.plot.influence")

_SHOWN = 10
"""Units in the table of text."""

_CHANGES = 12
"""Changed conclusions in the table of text."""

_FAR = 4
"""Moves by more than a standard error that are named."""

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
        notes=tuple(plain(note, 2000) for note in _notes(found)),
        tables=_changes(found),
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


def unit_words(found: Influence, i: int) -> str:
    """Name one of what was left out, such as ``"hospital A"`` or ``"row 12"``."""
    name = "row" if found.group == ROWS else found.group
    return plain(f"{name} {found.levels[i]}")


def changed_conclusions(found: Influence) -> list[tuple[int, int, str]]:
    """Find the conclusions that hang on one unit, the largest move first.

    Parameters
    ----------
    found : Influence
        The numbers.

    Returns
    -------
    list of (unit, coefficient, words)
        Intercepts are left out: that they differ from zero is seldom a conclusion.
    """
    inner = np.array([name != INTERCEPT for _, name in found.names], dtype=bool)
    known = found.p_value < 1.0 - found.level
    with np.errstate(invalid="ignore"):
        matters = known | (found.p_values < 1.0 - found.level)
    out = []
    for words, where in (
        ("has the other sign", found.turned & matters),
        ("no longer significant", found.lost & ~found.turned),
        ("becomes significant", found.gained & ~found.turned),
        ("not determined", found.undetermined),
    ):
        out += [(int(i), int(j), words) for i, j in np.argwhere(where & inner)]
    size = np.nan_to_num(np.abs(found.dfbetas), nan=np.inf)
    return sorted(out, key=lambda row: -size[row[0], row[1]])


def _labels(found: Influence) -> tuple[str, ...]:
    return tuple(label(component, name) for component, name in found.names)


def _dfbetas_names(found: Influence) -> tuple[str, ...]:
    return tuple(f"dfbetas[{name}]" for name in _labels(found))


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
        names = _labels(found)
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
    return f"{_KIND[part.kind]}({part.term})"


def _changes(found: Influence) -> tuple[Table, ...]:
    rows = changed_conclusions(found)
    if not rows:
        return ()
    names = _labels(found)
    cells = tuple(
        (
            unit_words(found, i),
            plain(names[j]),
            significant(float(found.estimate[j])),
            p_value(float(found.p_value[j])),
            "" if np.isnan(found.coef[i, j]) else significant(float(found.coef[i, j])),
            "" if np.isnan(found.p_values[i, j]) else p_value(float(found.p_values[i, j])),
            words,
        )
        for i, j, words in rows[:_CHANGES]
    )
    more = len(rows) - len(cells)
    unsure = [i for i, _, words in rows if not found.exact[i]]
    notes = [f"{more} more are in .estimates.frame."] if more else []
    if unsure:
        some = ", ".join(repr(found.levels[i]) for i in dict.fromkeys(unsure[:3]))
        dots = ", ..." if len(dict.fromkeys(unsure)) > 3 else ""
        notes.append(f"By a step; exact=[{some}{dots}] fits the model again without them.")
    return (
        Table(
            "Conclusions that hang on one of them",
            ("without", "", "all", "p", "without it", "p", ""),
            cells,
            labels=2,
            notes=tuple(plain(note, 2000) for note in notes),
        ),
    )


def _notes(found: Influence) -> list[str]:
    notes = [*_largest(found)]
    if found.names and not changed_conclusions(found):
        alpha = f"{1.0 - found.level:.3g}"
        notes.append(
            f"No conclusion hangs on one of them: no coefficient but perhaps an intercept crosses "
            f"p = {alpha} or changes its sign."
        )
    notes.append(
        "DFBETAS: estimate of all rows minus that without, in standard errors of all rows; Cook's "
        "D: the same of all coefficients together, squared, per coefficient; covratio above 1: it "
        "adds precision."
    )
    exact, step = int(found.exact.sum()), int((~found.exact).sum())
    if step and exact:
        notes.append(
            f"Fitted again without {exact} of them, asked for or far from all rows; a step for the "
            "others."
        )
    elif exact:
        notes.append("Fitted again without each of them.")
    else:
        notes.append(
            "By a second-order step from the estimates of all rows; exact=True fits again."
        )
    if found.held:
        notes.append(
            "The factors cross and the data are large: the step uses the curvature of all rows."
        )
    failed = [i for i in range(found.count) if found.reasons[i]]
    for i in failed[:5]:
        notes.append(f"No numbers without {unit_words(found, i)}: {found.reasons[i]}.")
    if len(failed) > 5:
        notes.append(f"{len(failed) - 5} more have no numbers; .frame has the reasons.")
    return notes


def _largest(found: Influence) -> Sequence[str]:
    if not np.isfinite(found.cook).any():
        return []
    i = int(np.nanargmax(found.cook))
    moved = np.nan_to_num(found.dfbetas[i])
    j = int(np.abs(moved).argmax())
    name = _labels(found)[j]
    text = (
        f"{unit_words(found, i)} has the largest Cook's distance, "
        f"{significant(float(found.cook[i]))}: without it {name} is "
        f"{significant(float(found.coef[i, j]))} instead of "
        f"{significant(float(found.estimate[j]))}, {significant(abs(float(moved[j])), 2)} standard "
        f"errors {'lower' if moved[j] > 0 else 'higher'}."
    )
    far = [(int(r), int(c)) for r, c in np.argwhere(np.abs(found.dfbetas) > 1.0)]
    far = sorted({*far} - {(i, j)}, key=lambda pair: -abs(found.dfbetas[pair]))
    words = [
        f"{_labels(found)[c]} without {unit_words(found, r)} (DFBETAS {found.dfbetas[r, c]:+.2g})"
        for r, c in far[:_FAR]
    ]
    more = f" and {len(far) - _FAR} more" if len(far) > _FAR else ""
    texts = [text[0].upper() + text[1:]]
    if words:
        texts.append(f"Also by more than one standard error: {'; '.join(words)}{more}.")
    return texts
