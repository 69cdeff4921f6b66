"""Which records a file of a fit may hold, and how formulas, families and structures are named.

Formulas are written as their text and read again through the gate; families and covariance
structures are written by name and looked up in the package's registries.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ilk.design.build import Design
from ilk.design.fixed import FixedPart
from ilk.design.grouping import Grouping
from ilk.design.matrix import Recipe
from ilk.design.positions import Positions
from ilk.design.random import RandomTerm
from ilk.design.response import Response
from ilk.design.rows import Rows
from ilk.errors import DataError, ModelError
from ilk.family.base import AbstractFamily
from ilk.family.link import AbstractLink, find_link, is_registered
from ilk.family.registry import FAMILIES, WRAPPERS
from ilk.fitted import Certificate, Reason, SearchLog, Verdict
from ilk.formula.language import Call, Literal, Name, Operation
from ilk.formula.membership import Membership
from ilk.formula.parse import parse
from ilk.formula.spec import MEAN, Factor, FormulaSpec, Sum, Term
from ilk.formula.spread import own_formulas
from ilk.frame import Column, Kept
from ilk.io.own import NOTHING, Own, is_own
from ilk.lint.record import SEVERITIES, Finding
from ilk.penalties import AbstractPenalty, Firth, LogF, Normal

__all__ = [
    "CLASSES",
    "family_name",
    "formula_texts",
    "read_certificate",
    "read_family",
    "read_findings",
    "read_formula",
    "read_penalty",
    "read_verdict",
]

CLASSES: dict[str, type] = {
    "design": Design,
    "response": Response,
    "fixed": FixedPart,
    "term": RandomTerm,
    "positions": Positions,
    "grouping": Grouping,
    "membership": Membership,
    "rows": Rows,
    "recipe": Recipe,
    "data": Kept,
    "column": Column,
    "sum": Sum,
    "product": Term,
    "factor": Factor,
    "name": Name,
    "literal": Literal,
    "call": Call,
    "operation": Operation,
    "reason": Reason,
    "search": SearchLog,
    "certificate": Certificate,
    "finding": Finding,
    "firth": Firth,
    "log_f": LogF,
    "normal": Normal,
}
"""Records by the key that names them in a file."""


def formula_texts(spec: FormulaSpec) -> dict[str, str]:
    """Write formulas as their texts, by predictor.

    Parameters
    ----------
    spec : FormulaSpec
        The formulas.

    Raises
    ------
    ModelError
        They call functions of the user's, which a file cannot hold.
    """
    if spec.functions:
        raise ModelError(
            f"The formula calls functions of your own ({', '.join(spec.functions)}), which a file "
            "cannot hold: make their columns before the fit.",
            code="save",
        )
    return {part.name: part.text for part in own_formulas(spec)} | {MEAN: spec.text}


def read_formula(texts: Any) -> FormulaSpec:
    """Read formulas from their texts.

    Parameters
    ----------
    texts : dict of str to str
        What `formula_texts` wrote.
    """
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise DataError("The file's formulas are not what ilk writes.", code="file")
    others = {name: text for name, text in texts.items() if name != MEAN}
    return parse(texts[MEAN], **others)


def family_name(family: AbstractFamily) -> dict[str, Any]:
    """Write a family as its name and its fields: link, settings, the family that it wraps.

    A family or a link of the user's own is named only.

    Parameters
    ----------
    family : AbstractFamily
        The family.
    """
    if is_own(family):
        return {"own": family.name, "parameters": family.parameters, "link": family.link.name}
    known = {kind: name for name, kind in (*FAMILIES.items(), *WRAPPERS.items())}
    written: dict[str, Any] = {"name": known[type(family)]}
    for field in dataclasses.fields(family):  # type: ignore[arg-type]
        value = getattr(family, field.name)
        if isinstance(value, AbstractLink):
            value = value.name if is_registered(value) else {"own": value.name}
        written[field.name] = family_name(value) if isinstance(value, AbstractFamily) else value
    return written


def read_family(described: Any, own: Own = NOTHING) -> AbstractFamily:
    """Make a family from what `family_name` wrote.

    Parameters
    ----------
    described : dict
        What it wrote.
    own : Own
        Family and link of the user's own.
    """
    fault = DataError("The file's family is not what ilk writes.", code="file")
    if not isinstance(described, dict):
        raise fault
    fields = dict(described)
    if set(fields) == {"own", "parameters", "link"}:
        return own.find_family(fields["own"], fields["parameters"], fields["link"])
    name = fields.pop("name", None)
    kind = {**FAMILIES, **WRAPPERS}.get(name) if isinstance(name, str) else None
    if kind is None or set(fields) != {f.name for f in dataclasses.fields(kind)}:  # type: ignore[arg-type]
        raise fault
    for field, value in fields.items():
        if isinstance(value, dict) and field == "link":
            fields[field] = own.find_link(value.get("own"))
        elif isinstance(value, dict):
            fields[field] = read_family(value, own)
        elif field == "link":
            if not isinstance(value, str):
                raise fault
            fields[field] = find_link(value)
    return kind(**fields)


def read_certificate(certificate: Any) -> Certificate | None:
    """Check the certificate that a file states."""
    if certificate is not None and not isinstance(certificate, Certificate):
        raise DataError("The file's certificate is not what ilk writes.", code="file")
    return certificate


def read_findings(findings: Any) -> tuple[Finding, ...]:
    """Check the findings that a file states."""
    if not isinstance(findings, tuple) or not all(map(_is_finding, findings)):
        raise DataError("The file's findings are not what ilk writes.", code="file")
    return findings


def _is_finding(found: Any) -> bool:
    if not isinstance(found, Finding) or found.severity not in SEVERITIES:
        return False
    terms: Any = found.terms
    texts = (found.code, found.sentence, found.fix, *(terms if type(terms) is tuple else (None,)))
    return all(type(text) is str for text in texts)


def read_penalty(penalty: Any) -> AbstractPenalty | None:
    """Check the penalty that a file states."""
    if penalty is not None and not isinstance(penalty, AbstractPenalty):
        raise DataError("The file's penalty is not what ilk writes.", code="file")
    return penalty


def read_verdict(status: Any, reasons: Any) -> Verdict:
    """Make a verdict from its status and reasons."""
    from ilk.fitted import Status

    if not isinstance(reasons, tuple) or not all(isinstance(r, Reason) for r in reasons):
        raise DataError("The file's verdict is not what ilk writes.", code="file")
    return Verdict(Status[status], reasons)
