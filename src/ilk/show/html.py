"""The summary as HTML for notebooks and pages: one fragment with its own, scoped style.

Every text that comes from the data (names, levels, formulas) is escaped.  Nothing is loaded from
elsewhere and no script is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from ilk.show.numbers import plain

if TYPE_CHECKING:
    from ilk.lint.record import Finding
    from ilk.show.summary import Summary, Table

__all__ = ["STYLE", "findings_html", "summary_html", "table_html"]

STYLE = """
.ilk-summary { font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  max-width: 62rem; color: inherit; }
.ilk-summary h3 { font-size: 1.15em; margin: 0.2em 0 0.5em; font-weight: 650; }
.ilk-summary table { border-collapse: collapse; margin: 0 0 0.25em; font-size: 1em;
  font-variant-numeric: tabular-nums; border: 0; }
.ilk-summary caption { text-align: left; font-weight: 600; padding: 0.7em 0 0.25em;
  caption-side: top; color: inherit; }
.ilk-summary th, .ilk-summary td { padding: 0.16em 0.75em; border: 0; text-align: right;
  vertical-align: baseline; background: none; font-weight: 400; white-space: nowrap; }
.ilk-summary thead th { border-bottom: 1px solid currentColor; opacity: 0.75; font-size: 0.92em; }
.ilk-summary tbody tr { background: none; }
.ilk-summary tbody tr + tr > * { border-top: 1px solid rgba(128, 128, 128, 0.22); }
.ilk-summary .ilk-word { text-align: left; }
.ilk-summary .ilk-word:first-child { padding-left: 0.1em; }
.ilk-summary td.ilk-end { padding-left: 0; }
.ilk-summary th.ilk-start, .ilk-summary td.ilk-start { padding-right: 0.35em; }
.ilk-summary .ilk-facts th { text-align: left; opacity: 0.7; padding-left: 0.1em; }
.ilk-summary .ilk-facts td { text-align: left; white-space: normal; }
.ilk-summary .ilk-facts tbody tr + tr > * { border-top: 0; }
.ilk-summary .ilk-facts th, .ilk-summary .ilk-facts td { padding-top: 0.05em;
  padding-bottom: 0.05em; }
.ilk-summary p { margin: 0.15em 0; max-width: 52rem; }
.ilk-summary .ilk-note, .ilk-summary .ilk-footer { opacity: 0.78; font-size: 0.92em; }
.ilk-summary :not(.ilk-footer) + .ilk-footer { margin-top: 0.8em; }
.ilk-summary .ilk-verdict { margin-top: 0.9em; padding: 0.4em 0.8em;
  border-left: 4px solid #3b7a57; background: rgba(59, 122, 87, 0.10); }
.ilk-summary .ilk-verdict.ilk-doubt { border-color: #b8860b; background: rgba(184, 134, 11, 0.12); }
.ilk-summary .ilk-head { font-weight: 600; padding: 0.7em 0 0; }
.ilk-summary .ilk-findings { margin: 0.2em 0 0; padding-left: 1.3em; }
.ilk-summary .ilk-findings code { font-size: 0.85em; opacity: 0.75; white-space: nowrap; }
.ilk-summary .ilk-verdict.ilk-fault { border-color: #b03a2e; background: rgba(176, 58, 46, 0.12); }
""".strip()
"""Style of the fragment; every rule is confined to it."""


def summary_html(summary: Summary) -> str:
    """Write a summary as an HTML fragment.

    Parameters
    ----------
    summary : Summary
        What was collected.
    """
    facts = "".join(
        f'<tr><th scope="row">{escape(label)}</th><td>{escape(text)}</td></tr>'
        for label, text in summary.facts
    )
    severities = {severity for severity, _ in summary.reasons}
    kind = (
        "ilk-fault"
        if "error" in severities
        else ("ilk-doubt" if "warning" in severities or "boundary" in summary.verdict else "")
    )
    reasons = "".join(
        f"<p>{escape(severity)}: {escape(text)}</p>" for severity, text in summary.reasons
    )
    findings = (
        [f'<p class="ilk-head">Findings</p>{findings_html(summary.findings)}']
        if summary.findings
        else []
    )
    foot = [
        f'<p class="ilk-footer">{escape(line)}</p>'
        for line in (summary.association, summary.footer)
        if line
    ]
    return "\n".join(
        [
            '<div class="ilk-summary">',
            f"<style>{STYLE}</style>",
            f"<h3>{escape(summary.title)}</h3>",
            f'<table class="ilk-facts"><tbody>{facts}</tbody></table>',
            *(table_html(table) for table in summary.tables),
            f'<div class="ilk-verdict {kind}"><p><b>Verdict: {escape(summary.verdict)}</b></p>'
            f"{reasons}</div>",
            *findings,
            *foot,
            "</div>",
        ]
    )


def findings_html(findings: Sequence[Finding]) -> str:
    """Write findings as a list in HTML.

    Parameters
    ----------
    findings : sequence of Finding
        The findings.
    """
    items = "".join(
        f"<li><p>{escape(finding.severity)}: {escape(plain(finding.sentence, 2000))} "
        f"<code>{escape(finding.code)}</code></p>"
        f'<p class="ilk-note">{escape(plain(finding.fix, 2000))}</p></li>'
        for finding in findings
    )
    return f'<ul class="ilk-findings">{items}</ul>'


def table_html(table: Table) -> str:
    """Write a table as HTML.

    Parameters
    ----------
    table : Table
        The table.
    """
    body = "".join(f"<tr>{_row(row, table)}</tr>" for row in table.rows)
    notes = "".join(f'<p class="ilk-note">{escape(note)}</p>' for note in table.notes)
    return (
        f"<table><caption>{escape(table.title)}</caption><thead><tr>{_header(table)}</tr></thead>"
        f"<tbody>{body}</tbody></table>{notes}"
    )


def _header(table: Table) -> str:
    cells, j = [], 0
    while j < len(table.header):
        name = escape(table.header[j])
        if j < table.labels:
            cells.append(f'<th scope="col" class="ilk-word">{name}</th>')
        elif table.spans(j):
            cells.append(f'<th scope="col" colspan="2">{name}</th>')
            j += 1
        else:
            cells.append(f'<th scope="col">{name}</th>')
        j += 1
    return "".join(cells)


def _row(row: Sequence[str], table: Table) -> str:
    cells = []
    for j, cell in enumerate(row):
        text = escape(cell)
        if j == 0:
            cells.append(f'<th scope="row" class="ilk-word">{text}</th>')
        elif j < table.labels:
            cells.append(f'<td class="ilk-word">{text}</td>')
        elif table.spans(j):
            joined = "" if cell == row[j + 1] == "-" else f"{text} to" if text else ""
            cells.append(f'<td class="ilk-start">{joined}</td>')
        elif table.spans(j - 1):
            cells.append(f'<td class="ilk-end">{text}</td>')
        else:
            cells.append(f"<td>{text}</td>")
    return "".join(cells)
