"""What a check of a model says: a verdict with its numbers, a sentence and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from ilk.typing import FloatArray, IntArray

__all__ = ["Check", "CheckVerdict", "Checks", "skipped"]

CheckVerdict: TypeAlias = Literal["ok", "note", "problem", "skipped"]
"""``"note"``: significant but small, or large but uncertain; ``"problem"``: both."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    code : str
        Stable identifier, such as ``"dispersion"``; it picks the check in ``checks=``.
    title : str
        What was looked at, in a few words.
    where : str
        Factor, column or part of the model concerned; empty for all rows.
    estimand : str or None
        ``"conditional"``: these clusters; ``"population"``: new clusters of the same sizes; None
        where that makes no difference.
    verdict : {"ok", "note", "problem", "skipped"}
        The verdict.
    statistic, expected : float
        What was measured, and its mean if the model is right; nan where there is no number.
    p_value : float
        Probability of a departure at least as large if the model is right; nan without a test.
    sentence : str
        What was found, in plain words.
    advice : str
        What to do about it; what it is for a check that found nothing is not shown.
    detail : mapping of str to array, optional
        Numbers for pictures and for those who want to look closer.
    large : bool
        Whether the departure is large enough to matter, if it is real.
    p_adjusted : float
        The p-value times what looking at several things costs (Benjamini and Hochberg 1995), over
        all checks of one call.
    """

    code: str
    title: str
    where: str
    estimand: str | None
    verdict: CheckVerdict
    statistic: float
    expected: float
    p_value: float
    sentence: str
    advice: str = ""
    detail: Mapping[str, Any] | None = None
    large: bool = False
    p_adjusted: float = np.nan


def skipped(
    code: str, title: str, sentence: str, where: str = "", estimand: str | None = None
) -> Check:
    """Say that a check does not apply, and why.

    Parameters
    ----------
    code, title, where, estimand
        As in `Check`.
    sentence : str
        Why, and what would be looked at instead.

    Returns
    -------
    Check
    """
    nan = float("nan")
    return Check(code, title, where, estimand, "skipped", nan, nan, nan, sentence)


@dataclass(frozen=True, slots=True)
class Checks:
    """All that was looked at.

    Parameters
    ----------
    checks : tuple of Check
        In the order in which they were made.
    rows : (k,) array of int
        Row of the fit of each observation that residuals were drawn for: rows with frequency
        weights stand there as often as they count, and of very large data some are chosen.
    residuals : mapping of str to (k,) array
        Residuals between 0 and 1 by estimand, ``"conditional"`` and ``"population"``: uniform if
        the model is right.  Only those that a check needed.
    draws : int
        Simulated data sets.
    seed : int
        Seed of the draws.
    alpha : float
        Probability of a false alarm that was asked for.
    notes : tuple of str
        What was assumed or left out, in sentences.
    """

    checks: tuple[Check, ...]
    rows: IntArray
    residuals: Mapping[str, FloatArray] = field(repr=False)
    draws: int
    seed: int
    alpha: float
    notes: tuple[str, ...] = ()

    def __getitem__(self, code: str) -> tuple[Check, ...]:
        """Checks with one code, in every place and for every estimand that was looked at."""
        return tuple(check for check in self.checks if check.code == code)

    @property
    def worst(self) -> CheckVerdict:
        """The worst verdict."""
        found = {check.verdict for check in self.checks}
        order: tuple[CheckVerdict, ...] = ("problem", "note", "ok")
        return next((verdict for verdict in order if verdict in found), "skipped")
