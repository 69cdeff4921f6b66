"""The answer to "do the data support the random part?": tables, sentences, simpler models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from ilk.diagnostics.adequacy import Adequacy, adequacy
from ilk.show.answer import AbstractAnswer, Answer, table_of
from ilk.show.numbers import integer, plain

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.show.summary import Table

__all__ = ["AdequacyAnswer", "adequacy_answer"]


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class AdequacyAnswer(AbstractAnswer):
    """Whether the data support the random part of a model.

    Parameters
    ----------
    answer : Answer
        A row for each variance component.
    simpler : Answer
        A row for each simpler random part that was estimated: its frame has their formulas.
    """

    answer: Answer
    simpler: Answer


def adequacy_answer(fitted: Fitted, *, refits: bool = True) -> AdequacyAnswer:
    """Judge whether the data support the random part of a model.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    refits : bool
        Whether to estimate models with simpler random parts.

    Returns
    -------
    AdequacyAnswer
    """
    found = adequacy(fitted, refits=refits)
    flavor = fitted.design.flavor
    simpler = Answer(
        title="Simpler random parts",
        question="What would models with less in their random part change?",
        columns=_simpler_columns(found),
        flavor=flavor,
        words=("change", "formula", "coefficient", "status", "judgment"),
        hidden=("loglik", "aic", "status", "judgment"),
        heads={"aic_difference": "AIC change"},
    )
    answer = Answer(
        title="Do the data support the random part?",
        question="How much is known of each standard deviation and correlation, in levels whose "
        "effects, had they been observed, would say as much (effective levels)?",
        columns=_columns(found),
        flavor=flavor,
        words=("component", "group", "term"),
        hidden=("component", "judgment"),
        heads={
            "per_parameter": "levels / parameter",
            "relative_error": "rel. error",
            "effective": "effective",
            "estimate": "estimate",
        },
        notes=_notes(found),
        tables=_tables(found),
    )
    return AdequacyAnswer(answer, simpler)


def _columns(found: Adequacy) -> dict[str, Any]:
    rows = found.components
    return {
        "component": [row.part.component for row in rows],
        "group": [row.part.group for row in rows],
        "term": [f"{_KIND[row.part.kind]}({row.part.term})" for row in rows],
        "estimate": [row.part.estimate for row in rows],
        "std_error": [row.part.std_error for row in rows],
        "levels": [row.levels for row in rows],
        "per_parameter": [row.per_parameter for row in rows],
        "relative_error": [row.relative_error for row in rows],
        "effective": [row.effective for row in rows],
        "share": [row.share for row in rows],
        "judgment": [row.judgment for row in rows],
    }


_KIND = {"sd": "sd", "correlation": "corr"}


def _notes(found: Adequacy) -> tuple[str, ...]:
    notes = []
    for group in found.groups:
        rows = f"{group.smallest:g} to {group.largest:g} rows each (median {group.median:g})"
        if group.smallest == group.largest:
            rows = f"{group.smallest:g} row{'s' if group.smallest != 1 else ''} each"
        notes.append(
            f"{plain(group.name)}: {integer(group.levels)} levels, {rows}, for "
            f"{group.parameters} covariance parameter{'s' if group.parameters != 1 else ''}."
        )
    alike: dict[tuple[str, str], list[str]] = {}
    for row in found.components:
        words = f"{_KIND[row.part.kind]}({plain(row.part.term)})"
        alike.setdefault((plain(row.part.group), row.judgment), []).append(words)
    notes += [f"{g}, {', '.join(terms)}: {judgment}" for (g, judgment), terms in alike.items()]
    notes += [plain(f"{r.message[0].upper()}{r.message[1:]}", 2000) for r in found.singular]
    return tuple(notes)


def _simpler_columns(found: Adequacy) -> dict[str, Any]:
    rows = found.simpler
    return {
        "change": [row.change for row in rows],
        "formula": [row.formula for row in rows],
        "parameters": [row.parameters for row in rows],
        "loglik": [row.loglik for row in rows],
        "aic": [row.aic for row in rows],
        "aic_difference": [row.aic_difference for row in rows],
        "shift": [row.shift for row in rows],
        "coefficient": [row.coefficient for row in rows],
        "status": [row.status for row in rows],
        "judgment": [row.judgment for row in rows],
    }


def _tables(found: Adequacy) -> tuple[Table, ...]:
    if not found.simpler:
        return ()
    columns = _simpler_columns(found)
    shown = {name: columns[name] for name in ("change", "parameters", "aic_difference", "shift")}
    notes = [f"{plain(row.change)}: {row.judgment}" for row in found.simpler]
    return (
        table_of(
            "Simpler random parts",
            shown,
            ("change",),
            notes=(
                *notes,
                "shift: the largest move of a coefficient of the mean, in its standard errors. "
                "The formulas are in .simpler.frame.",
            ),
            heads={"aic_difference": "AIC change", "change": ""},
        ),
    )
