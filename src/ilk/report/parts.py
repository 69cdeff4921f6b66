"""Sections of a report, and the pictures in them, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ilk.report.pictures import as_data

__all__ = ["picture_of", "section"]


def section(
    identifier: str,
    title: str,
    *,
    text: Sequence[str] = (),
    picture: Mapping[str, Any] | None = None,
    table: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make one section of a report.

    Parameters
    ----------
    identifier : str
        Letters, digits and hyphens; unique in the report.
    title : str
        Heading.
    text : sequence of str
        Paragraphs.
    picture : mapping, optional
        ``kind``, ``data``, ``alt``, ``caption`` and ``options``, see :mod:`ilk.report.pictures`.
    table : mapping, optional
        ``columns`` (``label``, ``kind``, perhaps ``decimals``, and ``sort``, ``"up"`` or
        ``"down"``, if a click is to order the rows), ``rows`` and ``note``.

    Returns
    -------
    dict
        The section.
    """
    if table is not None:
        columns = [{"decimals": None, "sort": None, **column} for column in table["columns"]]
        table = {**table, "columns": columns}
    return {
        "id": identifier,
        "title": title,
        "text": list(text),
        "picture": picture,
        "table": table,
    }


def picture_of(
    kind: str, table: Any, alt: str, caption: str = "", **options: Any
) -> dict[str, Any]:
    """Make the picture of a section.

    Parameters
    ----------
    kind : str
        One of :data:`ilk.report.pictures.PICTURES`.
    table : dataclass
        Table of the picture.
    alt : str
        A sentence for those who cannot see it.
    caption : str
        Text below.
    **options
        Of the kind.

    Returns
    -------
    dict
    """
    return {
        "kind": kind,
        "data": as_data(table),
        "alt": alt,
        "caption": caption,
        "options": options,
    }
