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
from ilk.show.answer import AbstractAnswer, Answer
from ilk.show.numbers import counted, plain

if TYPE_CHECKING:
    from ilk.diagnostics.checks.record import Check, Checks
    from ilk.fitted import Fitted

__all__ = ["CheckAnswer", "check_answer"]

pictures = Late("ilk.plot.checks")


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class CheckAnswer(AbstractAnswer):
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


def check_answer(
    fitted: Fitted,
    checks: Sequence[str] | str | None = None,
    *,
    draws: int | None = None,
    seed: int = 0,
    alpha: float = 0.05,
    **asked: Any,
) -> CheckAnswer:
    """Check a fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    checks, draws, seed, alpha
        As in `ilk.diagnostics.checks.check`.
    **asked
        Fields of `Asked`.

    Returns
    -------
    CheckAnswer
    """
    found = check(fitted, checks=checks, asked=Asked(**asked), draws=draws, seed=seed, alpha=alpha)
    rows = found.checks
    table = Answer(
        title="Is the model right?",
        question=_overall(found),
        columns={
            "verdict": [row.verdict for row in rows],
            "code": [row.code for row in rows],
            "title": [row.title for row in rows],
            "where": [row.where for row in rows],
            "estimand": [row.estimand for row in rows],
            "statistic": np.array([row.statistic for row in rows], dtype=np.float64),
            "expected": np.array([row.expected for row in rows], dtype=np.float64),
            "p_value": np.array([row.p_value for row in rows], dtype=np.float64),
            "p_adjusted": np.array([row.p_adjusted for row in rows], dtype=np.float64),
            "sentence": [row.sentence for row in rows],
            "advice": [row.advice for row in rows],
        },
        flavor=fitted.design.flavor,
        words=("verdict", "title", "where", "estimand"),
        hidden=("code", "p_adjusted", "sentence", "advice"),
        heads={"title": "check", "estimand": "clusters"},
        notes=tuple(_notes(found)),
    )
    return CheckAnswer(table, found, fitted.design.flavor)


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
    notes = []
    for one in found.checks:
        if one.verdict in ("problem", "note"):
            where = f" [{plain(one.where)}]" if one.where else ""
            said = f"{one.sentence} {one.advice}".strip()
            notes.append(plain(f"{one.verdict}, {one.title}{where}: {said}", 2000))
    notes += [
        plain(f"skipped, {c.title}: {c.sentence}", 2000)
        for c in found.checks
        if c.verdict == "skipped"
    ]
    if any(np.isfinite(one.p_value) for one in found.checks):
        notes.append(
            f"p-values come from {found.draws} data sets drawn from the fitted model. A problem is "
            f"a large departure with a p-value below {found.alpha:g} after correction for the "
            "number of checks; a note is either small or uncertain."
        )
    return [*notes, *found.notes]
