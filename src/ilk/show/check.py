"""The answer to "is the model right?": a verdict for each check, sentences, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.diagnostics.checks.context import Asked
from ilk.diagnostics.checks.run import check
from ilk.frame import answer
from ilk.late import Late
from ilk.show.answer import Answer
from ilk.show.numbers import counted, p_value, plain, significant

if TYPE_CHECKING:
    from ilk.diagnostics.checks.record import Check, Checks
    from ilk.fitted import Fitted

__all__ = ["CheckAnswer", "check_answer"]

pictures = Late("ilk.plot.checks")

_SMALL = 0.001
"""Statistics below it are written as 0."""


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class CheckAnswer:
    """What the checks of a fit have found.

    Parameters
    ----------
    answer : Answer
        A row for each check.
    checks : Checks
        The record, with the numbers behind each verdict.
    flavor : str
        Make of the frame that the caller uses.
    """

    answer: Answer
    checks: Checks
    flavor: str

    @property
    def frame(self) -> Any:
        """A row for each check, as a frame of the kind that the data came in."""
        return answer(_columns(self.checks), self.flavor)

    @property
    def text(self) -> str:
        """The answer as text."""
        return self.answer.text

    @property
    def html(self) -> str:
        """The answer as an HTML fragment that brings its own style."""
        return self.answer.html

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentence and advice of each note and problem, and how it was looked at."""
        return self.answer.notes

    @property
    def verdict(self) -> str:
        """The worst verdict: ``"ok"``, ``"note"``, ``"problem"`` or ``"skipped"``."""
        return self.checks.worst

    @property
    def residuals(self) -> Any:
        """Frame of residuals between 0 and 1: ``row`` of the data, ``conditional``, ``population``.

        Only those that the checks needed; rows with frequency weights stand there once for each
        observation.
        """
        return answer({"row": self.checks.rows, **self.checks.residuals}, self.flavor)

    def __getitem__(self, code: str) -> tuple[Check, ...]:
        """Checks with one code: ``fit.check()["dispersion"]``."""
        return self.checks[code]

    def plot(self, kind: str | None = None, ax: Any = None) -> Any:
        """Draw the checks.

        Parameters
        ----------
        kind : str, optional
            One picture, such as ``"qq"``, ``"pattern"``, ``"dispersion"`` or ``"zeros"``; a panel
            of those that there are by default.
        ax : matplotlib axes, optional
            Where to draw one picture; new axes by default.

        Returns
        -------
        matplotlib axes, or an array of them for a panel
        """
        return pictures.draw_checks(self.checks, kind, ax)

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def check_answer(
    fitted: Fitted,
    checks: Sequence[str] | str | None = None,
    *,
    draws: int | None = None,
    seed: int = 0,
    alpha: float = 0.05,
    refits: int = 0,
    n_jobs: int | None = 1,
    **asked: Any,
) -> CheckAnswer:
    """Check a fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    checks, draws, seed, alpha, refits, n_jobs
        As in `ilk.diagnostics.checks.check`.
    **asked
        Fields of `Asked`.

    Returns
    -------
    CheckAnswer
    """
    found = check(
        fitted,
        checks=checks,
        asked=Asked(**asked),
        draws=draws,
        seed=seed,
        alpha=alpha,
        refits=refits,
        n_jobs=n_jobs,
    )
    rows = [row for row in found.checks if row.verdict != "skipped"]
    table = Answer(
        title="Is the model right?",
        question=_overall(found),
        columns={
            "verdict": [row.verdict for row in rows],
            "check": [row.title for row in rows],
            "where": [row.where for row in rows],
            "estimand": [row.estimand for row in rows],
            "statistic": [_figure(row.statistic) for row in rows],
            "expected": [_figure(row.expected) for row in rows],
            "p": ["" if np.isnan(row.p_value) else p_value(row.p_value) for row in rows],
        },
        flavor=fitted.design.flavor,
        words=("verdict", "check", "where", "estimand"),
        notes=tuple(_notes(found)),
    )
    return CheckAnswer(table, found, fitted.design.flavor)


def _figure(value: float) -> str:
    """Write a statistic with three digits."""
    if np.isnan(value):
        return ""
    return significant(value, 3) if abs(value) >= _SMALL else "0"


def _columns(found: Checks) -> dict[str, Any]:
    """Columns of the frame."""
    rows = found.checks
    words = ("verdict", "code", "title", "where", "estimand")
    figures = ("statistic", "expected", "p_value", "p_adjusted")
    return {
        **{name: [getattr(row, name) for row in rows] for name in words},
        **{name: np.array([getattr(row, name) for row in rows], dtype=float) for name in figures},
        **{name: [getattr(row, name) for row in rows] for name in ("sentence", "advice")},
    }


def _overall(found: Checks) -> str:
    """One sentence over all checks."""
    counts = {v: sum(one.verdict == v for one in found.checks) for v in ("ok", "note", "problem")}
    looked = sum(counts.values())
    if not looked:
        return "No check applies to this fit."
    if counts["problem"]:
        bad = list(dict.fromkeys(c.title for c in found.checks if c.verdict == "problem"))
        more = f", and {counted(counts['note'], 'note')}" if counts["note"] else ""
        return (
            f"Of {looked} checks {counts['problem']} found a problem{more}. Not so: "
            f"{'; '.join(title[:1].lower() + title[1:] for title in bad)}."
        )
    if counts["note"]:
        return f"Of {looked} checks none found a problem; {counted(counts['note'], 'note')} below."
    return f"None of {looked} checks found anything against the model."


def _notes(found: Checks) -> list[str]:
    """Sentence and advice of whatever is not fine, then how it was looked at."""
    notes, seen = [], set()
    for one in found.checks:
        if one.verdict not in ("problem", "note"):
            continue
        key = (one.title, one.where)
        if key not in seen:
            seen.add(key)
            where = f" [{one.where}]" if one.where else ""
            twice = sum(
                (c.title, c.where) == key and c.verdict == one.verdict for c in found.checks
            )
            same = " So it is with new clusters." if twice > 1 else ""
            said = f"{one.sentence}{same} {one.advice}".strip()
            notes.append(plain(f"{one.verdict}: {one.title}{where}? {said}", 2000))
    notes += _skipped(found)
    if any(np.isfinite(one.p_value) for one in found.checks):
        notes.append(
            f"p-values are from {found.draws} data sets drawn from the fitted model. A problem is "
            "a large departure whose p-value, corrected for the number of checks, is below "
            f"{found.alpha:g}; a note is a small one, or one that is large by a p-value of its own "
            f"below {0.2 * found.alpha:g}."
        )
    return [*notes, *found.notes]


def _skipped(found: Checks) -> list[str]:
    """Say what was not looked at; why, where one reason stands behind several checks or all."""
    reasons: dict[str, list[str]] = {}
    for one in found.checks:
        if one.verdict == "skipped":
            titles = reasons.setdefault(one.sentence, [])
            titles += [one.title] if one.title not in titles else []
    everything = all(one.verdict == "skipped" for one in found.checks)
    told = [r for r, titles in reasons.items() if everything or len(titles) > 1]
    notes = [plain(f"skipped: {'; '.join(reasons[r])}? {r}", 2000) for r in told]
    made = {one.title for one in found.checks if one.verdict != "skipped"}
    rest = [t for r, titles in reasons.items() if r not in told for t in titles if t not in made]
    if rest:
        notes.append(plain(f"Does not apply here (.frame says why): {'; '.join(rest)}.", 2000))
    return notes
