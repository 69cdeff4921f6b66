"""Reports: one self-contained HTML page that says what a fit found.

:func:`collect` makes a plain dictionary, :func:`render` makes the page of it, and :func:`write`
does both and saves the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ilk.report.asked import Reportable
from ilk.report.collect import collect
from ilk.report.parts import section
from ilk.report.render import render
from ilk.show.wording import Causes

__all__ = ["collect", "render", "section", "write"]


def write(
    fit: Reportable,
    data: Any,
    path: str | Path,
    *,
    title: str | None = None,
    lead: Sequence[str] = (),
    focus: str | None = None,
    at: Mapping[str, Any] | None = None,
    rank: str | None = None,
    design: Causes = None,
) -> Path:
    """Write the report of a fit as an HTML page.

    Parameters
    ----------
    fit : Fit
        The fit.
    data : data frame
        The data that it was fitted to.
    path : str or Path
        File to write.
    title, lead, focus, at, rank, design
        See :func:`collect`.

    Returns
    -------
    Path
        The file.
    """
    report = collect(
        fit, data, title=title, lead=lead, focus=focus, at=at, rank=rank, design=design
    )
    file = Path(path)
    file.write_text(render(report), encoding="utf-8")
    return file
