"""From a plain dictionary to one self-contained HTML page.

The page loads nothing and runs no script. Everything that comes from data (labels, column names,
formulas, messages) passes through the template's automatic escaping; pictures are drawn here, and
their labels are shapes.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from typing import Any

from ilk.errors import ModelError
from ilk.report.numbers import cell, clean
from ilk.report.pictures import svg

__all__ = ["render"]


def render(report: Mapping[str, Any]) -> str:
    """Render a report.

    Parameters
    ----------
    report : mapping
        What :func:`ilk.report.collect` returns.

    Returns
    -------
    str
        An HTML page.
    """
    try:
        jinja2 = importlib.import_module("jinja2")
        markup = importlib.import_module("markupsafe").Markup
    except ModuleNotFoundError as error:
        raise ModelError(
            "reports need Jinja2, which is not installed; run: pip install 'ilk[report]'.",
            code="missing-package",
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ilk.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = cell
    environment.filters["clean"] = clean
    pictures = {
        section["id"]: markup(svg(section["picture"], section["id"]))
        for section in report["sections"]
        if section["picture"] is not None
    }
    orders = {
        section["id"]: _orders(section["table"])
        for section in report["sections"]
        if section["table"] is not None
    }
    page: str = environment.get_template("report.html").render(
        report=report, pictures=pictures, orders=orders
    )
    return page


def _orders(table: Mapping[str, Any]) -> list[str]:
    """Place of each row when a column orders them, as CSS variables; none without such columns."""
    rows = table["rows"]
    places = [
        (j, column["sort"] == "down")
        for j, column in enumerate(table["columns"])
        if column["sort"] is not None
    ]
    styles: list[list[str]] = [[] for _ in rows]
    for j, down in places:
        keys = [_key(row[j]) for row in rows]
        order = sorted(range(len(rows)), key=keys.__getitem__, reverse=down)
        for place, i in enumerate(order, start=1):
            styles[i].append(f"--by-{j + 1}: {place}")
    return ["; ".join(parts) for parts in styles] if places else []


def _key(value: Any) -> tuple[float, str]:
    """Numbers by size, then texts."""
    return (float(value), "") if isinstance(value, (int, float)) else (math.inf, str(value))
