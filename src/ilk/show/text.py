"""The summary as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ilk.show.numbers import align, plain

if TYPE_CHECKING:
    from ilk.lint.record import Finding
    from ilk.show.summary import Summary, Table

__all__ = ["findings_text", "summary_text", "table_text"]

WIDTH = 88
"""Columns of running text; tables may be as wide as their labels need."""


def summary_text(summary: Summary) -> str:
    """Write a summary as text.

    Parameters
    ----------
    summary : Summary
        What was collected.
    """
    blocks = [summary.title, _facts(summary.facts)]
    blocks += [table_text(table) for table in summary.tables]
    blocks.append(_verdict(summary))
    if summary.findings:
        blocks.append(f"Findings\n{findings_text(summary.findings)}")
    blocks.append("\n".join(_indented(summary.association) + [f"  {summary.footer}"]))
    return "\n\n".join(blocks)


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    lines = []
    for label, text in facts:
        lines += textwrap.wrap(
            text, WIDTH, initial_indent=f"  {label:<12}", subsequent_indent=" " * 14
        ) or [f"  {label}"]
    return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")


def _verdict(summary: Summary) -> str:
    lines = textwrap.wrap(f"Verdict: {summary.verdict}", WIDTH)
    for severity, text in summary.reasons:
        lines += textwrap.wrap(
            f"{severity}: {text}", WIDTH, initial_indent="  ", subsequent_indent="    "
        )
    return "\n".join(lines)


def findings_text(findings: Sequence[Finding]) -> str:
    """Write findings: what was found under its identifier, and what to do about it.

    Parameters
    ----------
    findings : sequence of Finding
        The findings.
    """
    lines = []
    for finding in findings:
        said = f"{finding.severity}: {plain(finding.sentence, 2000)} [{finding.code}]"
        for text, first in ((said, "  "), (plain(finding.fix, 2000), "    -> ")):
            lines += textwrap.wrap(
                text,
                WIDTH,
                initial_indent=first,
                subsequent_indent=" " * max(4, len(first)),
                break_on_hyphens=False,
            )
    return "\n".join(lines)


def table_text(table: Table) -> str:
    r"""Write a table as text: words to the left, numbers at their decimal points.

    Parameters
    ----------
    table : Table
        The table.

    Examples
    --------
    >>> from ilk.show.summary import Table
    >>> print(table_text(Table("Ages", ("", "mean"), (("boys", "7.5"), ("girls", "10")))))
    Ages
             mean
      boys    7.5
      girls  10
    """
    columns: list[list[str]] = []
    j = 0
    while j < len(table.header):
        cells = [row[j] for row in table.rows]
        if table.spans(j):
            others = [row[j + 1] for row in table.rows]
            cells = _ranges(cells, others)
            columns.append(_column(table.header[j], cells, left=False))
            j += 1
        elif j < table.labels or not any(cell[-1:].isdigit() for cell in cells):
            columns.append(_column(table.header[j], cells, left=True))
        else:
            columns.append(_column(table.header[j], align(cells), left=False))
        j += 1
    lines = ["  " + "  ".join(parts).rstrip() for parts in zip(*columns, strict=True)]
    if not any(table.header):  # a list of labels and texts
        lines = lines[1:]
    notes = (_indented(note) for note in table.notes)
    return "\n".join([table.title, *lines, *(line for note in notes for line in note)])


def _ranges(low: Sequence[str], high: Sequence[str]) -> list[str]:
    """Both ends of intervals; nothing but a dash where there is none."""
    left, right = max(map(len, low), default=0), max(map(len, high), default=0)
    return [
        "-".rjust(left + 3).ljust(left + right + 4)
        if a == b == "-"
        else f"{a:>{left}} to {b:>{right}}"
        if a or b
        else ""
        for a, b in zip(low, high, strict=True)
    ]


def _column(name: str, cells: Sequence[str], *, left: bool) -> list[str]:
    width = max([len(name), *map(len, cells)])
    return [f"{cell:<{width}}" if left else f"{cell:>{width}}" for cell in (name, *cells)]
