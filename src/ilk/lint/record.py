"""A finding: what looks unintended in a model, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

__all__ = ["SEVERITIES", "Finding"]

SEVERITIES = ("note", "warning")
"""How sure a finding is: worth a thought, or most likely a mistake."""


@final
@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a model that looks unintended.

    Parameters
    ----------
    code : str
        Stable identifier of the rule, such as ``"exposure-as-covariate"``.
    severity : str
        ``"note"`` (worth a thought) or ``"warning"`` (most likely a mistake).
    terms : tuple of str
        Columns and terms concerned.
    sentence : str
        What was found.
    fix : str
        What to do about it.
    """

    code: str
    severity: str
    terms: tuple[str, ...]
    sentence: str
    fix: str

    def __str__(self) -> str:
        return f"{self.sentence} {self.fix}"
