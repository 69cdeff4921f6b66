"""All rules asked of one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ilk.lint.material import Material
from ilk.lint.record import Finding
from ilk.lint.registry import RULES

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.family.base import AbstractFamily
    from ilk.frame import Tabular

__all__ = ["findings"]


def findings(
    design: Design,
    family: AbstractFamily,
    columns: Tabular | None = None,
    silence: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """Ask all rules.

    Parameters
    ----------
    design : Design
        The design.
    family : AbstractFamily
        The family.
    columns : Frame or Kept, optional
        The caller's data, for rules about columns that the model does not use.
    silence : sequence of str
        Identifiers of rules not to ask.

    Returns
    -------
    tuple of Finding
        Warnings first, then notes.
    """
    material = Material(design, family, columns)
    found = [
        finding for rule in RULES if rule.code not in silence for finding in rule.findings(material)
    ]
    return tuple(sorted(found, key=lambda finding: finding.severity != "warning"))
