"""What a rule is: an identifier, a severity, and a function that looks at a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, final

from ilk.lint.material import Material
from ilk.lint.record import Finding

__all__ = ["Remark", "Rule"]


class Remark(NamedTuple):
    """What a rule says of one place in a model.

    Attributes
    ----------
    terms : tuple of str
        Columns and terms concerned.
    sentence, fix : str
        What was found, and what to do.
    severity : str or None
        Where it differs from the rule's.
    """

    terms: tuple[str, ...]
    sentence: str
    fix: str
    severity: str | None = None


Look: TypeAlias = Callable[[Material], Iterable[Remark]]
"""Looks at a model."""


@final
@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Parameters
    ----------
    code : str
        Identifier, which never changes.
    severity : str
        Of its findings, unless one says otherwise.
    look : function
        Gives a remark for each place where the rule applies.
    """

    code: str
    severity: str
    look: Look

    def findings(self, material: Material) -> list[Finding]:
        """Ask the rule.

        Parameters
        ----------
        material : Material
            The model.
        """
        return [
            Finding(
                self.code, severity or self.severity, tuple(dict.fromkeys(terms)), sentence, fix
            )
            for terms, sentence, fix, severity in self.look(material)
        ]
