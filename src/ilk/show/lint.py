"""Findings about a model, as a frame, text and HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, final, overload

from ilk.frame import answer
from ilk.show.html import STYLE, findings_html
from ilk.show.numbers import plain
from ilk.show.text import WIDTH, findings_text

if TYPE_CHECKING:
    from ilk.lint.record import Finding

__all__ = ["LintAnswer", "lint_answer"]

_TITLE = "What looks unintended in the model"
_NOTHING = "Nothing looks unintended in the model."


@final
@dataclass(frozen=True, slots=True, repr=False)
class LintAnswer:
    """Findings about a model; a sequence of them.

    Parameters
    ----------
    findings : tuple of Finding
        Warnings first, then notes.
    flavor : str
        Make of the frame that the caller uses.
    refusal : str or None
        Why `ilk.fit` would refuse the model, if it would.
    """

    findings: tuple[Finding, ...]
    flavor: str
    refusal: str | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """Identifiers, in order."""
        return tuple(finding.code for finding in self.findings)

    @property
    def frame(self) -> Any:
        """A row for each: ``code, severity, terms, sentence, fix``."""
        columns = {
            "code": list(self.codes),
            "severity": [finding.severity for finding in self.findings],
            "terms": [", ".join(finding.terms) for finding in self.findings],
            "sentence": [finding.sentence for finding in self.findings],
            "fix": [finding.fix for finding in self.findings],
        }
        return answer(columns, self.flavor)

    @property
    def text(self) -> str:
        """The findings as text."""
        if not self.findings:
            return _NOTHING
        blocks = [f"{_TITLE}\n{findings_text(self.findings)}"]
        if self.refusal is not None:
            blocks.append("\n".join(textwrap.wrap(self._refused(), WIDTH)))
        return "\n\n".join(blocks)

    @property
    def html(self) -> str:
        """The findings as an HTML fragment that brings its own style."""
        refused = "" if self.refusal is None else f"<p>{escape(self._refused())}</p>"
        inner = (
            f"<h3>{_TITLE}</h3>{findings_html(self.findings)}{refused}"
            if self.findings
            else f"<p>{_NOTHING}</p>"
        )
        return f'<div class="ilk-summary">\n<style>{STYLE}</style>\n{inner}\n</div>'

    def _refused(self) -> str:
        return f"ilk.fit refuses this model. {plain(self.refusal or '', 2000)}"

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, index: int | slice) -> Finding | tuple[Finding, ...]:
        return self.findings[index]

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def lint_answer(findings: Sequence[Finding], flavor: str, refusal: str | None = None) -> LintAnswer:
    """Make the answer of `ilk.lint`.

    Parameters
    ----------
    findings : sequence of Finding
        What was found.
    flavor : str
        Make of the frame that the caller uses.
    refusal : str, optional
        Why the model would be refused.

    Returns
    -------
    LintAnswer
    """
    return LintAnswer(tuple(findings), flavor, refusal)
