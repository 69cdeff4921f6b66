"""Numbers and labels as a report shows them."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

__all__ = ["cell", "clean", "decimals", "number", "rounded"]

_MISSING = "\N{EN DASH}"
_MINUS = re.compile(r"^-(?=\d)")


def number(value: float) -> str:
    """Write a number with three or four significant digits and a proper minus sign.

    Parameters
    ----------
    value : float
        A number.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> from ilk.report.numbers import number
    >>> number(0.034567), number(12.3456), number(123456.7)
    ('0.0346', '12.35', '123457')
    """
    if math.isnan(value):
        return _MISSING
    if math.isinf(value):
        return "\N{INFINITY}" if value > 0 else "\N{MINUS SIGN}\N{INFINITY}"
    size = abs(value)
    if size != 0 and (size < 1e-4 or size >= 1e7):
        return f"{value:.2e}"
    places = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 3
    text = f"{value:.{4 if 0 < size < 0.1 else places}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def decimals(size: float) -> int:
    """Count the decimals with which :func:`number` writes a number.

    Parameters
    ----------
    size : float
        The number.

    Returns
    -------
    int
        Number of decimals.
    """
    text = number(abs(size))
    return 0 if "e" in text else len(text.partition(".")[2])


def rounded(value: float, size: float) -> str:
    """Write a number with the decimals that :func:`number` gives to another one.

    Parameters
    ----------
    value, size : float
        The number, and the one that it is seen beside.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> from ilk.report.numbers import rounded
    >>> rounded(0.80912, 2.5)
    '0.81'
    """
    if not math.isfinite(value):
        return number(value)
    written = f"{value:.{decimals(size)}f}"
    return number(value) if not written.strip("-0.") else written.replace("-", "\N{MINUS SIGN}")


def cell(value: Any, kind: str, places: int | None = None) -> str:
    """Text of a cell of a table, not yet escaped.

    Parameters
    ----------
    value : object
        A number, a text or None.
    kind : {"text", "number", "integer"}
        How numbers are written.
    places : int, optional
        Number of decimals; by default as many as the number needs.

    Returns
    -------
    str
        The text.
    """
    if value is None:
        return _MISSING
    if isinstance(value, (str, bool)) and kind != "text":
        return _MINUS.sub("\N{MINUS SIGN}", clean(value))
    if kind == "text":
        return clean(value)
    if kind == "integer" and math.isfinite(value):
        whole = float(value).is_integer()
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}") if whole else f"{value:g}"
    if places is not None and math.isfinite(value):
        return f"{value:.{places}f}".replace("-", "\N{MINUS SIGN}")
    return number(float(value))


def clean(text: object) -> str:
    """Replace control and direction-changing characters, which could disguise a label.

    Parameters
    ----------
    text : object
        Text from data.

    Returns
    -------
    str
        The text without them.
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c
        for c in str(text)
    )
