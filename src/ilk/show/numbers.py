"""Numbers and labels as text: digits that mean something, aligned; nothing that can do harm."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = [
    "align",
    "counted",
    "degrees",
    "fixed",
    "integer",
    "p_value",
    "plain",
    "significant",
    "with_error",
]

MISSING = "-"
"""Text of a number that does not exist."""


def with_error(value: float, error: float, digits: int = 3) -> int:
    """Choose how many decimals of an estimate are worth showing.

    Parameters
    ----------
    value : float
        Estimate.
    error : float
        Its standard error, of which `digits` significant digits are kept.
    digits : int
        Significant digits.

    Returns
    -------
    int
        Number of decimals, between 0 and 8; of the value itself if there is no error.

    Examples
    --------
    >>> with_error(251.405105, 6.8246), with_error(-0.3512, 0.0471)
    (2, 4)
    """
    size = error if math.isfinite(error) and error > 0.0 else abs(value)
    if not math.isfinite(size) or size == 0.0:
        return digits
    return min(8, max(0, digits - 1 - math.floor(math.log10(size))))


def fixed(value: float, decimals: int) -> str:
    """Write a number with a fixed number of decimals, or in powers of ten where it needs it.

    Examples
    --------
    >>> fixed(10.46729, 2), fixed(-0.0, 1), fixed(4.2e12, 2), fixed(float("nan"), 2)
    ('10.47', '0.0', '4.2e+12', '-')
    """
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if abs(value) >= 1e10 or (value != 0.0 and abs(value) < 0.5 * 10.0**-decimals <= 1e-8):
        return f"{value:.4g}"
    text = f"{value:.{decimals}f}"
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text


def significant(value: float, digits: int = 4) -> str:
    """Write a number with a number of significant digits, without powers of ten where possible.

    Examples
    --------
    >>> significant(25.5918), significant(0.065551), significant(1234567.8), significant(0.99999)
    ('25.59', '0.06555', '1234568', '1.000')
    """
    if value == 0.0:
        return "0"
    decimals = with_error(value, math.nan, digits)
    if decimals > 0 and round(abs(value), decimals) >= 10.0 ** (digits - decimals):
        decimals -= 1  # rounding made it a power of ten, with one digit more before the point
    return fixed(value, decimals)


def p_value(p: float) -> str:
    """Write a p-value.

    Examples
    --------
    >>> p_value(0.04187), p_value(1e-9), p_value(float("nan"))
    ('0.042', '<0.001', '-')
    """
    if math.isnan(p):
        return MISSING
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def integer(value: float) -> str:
    """Write a count, thousands set apart.

    Examples
    --------
    >>> integer(73421)
    '73,421'
    """
    return f"{value:,.0f}"


def counted(count: int, thing: str) -> str:
    """Write a number with what it counts, in the plural unless it is one.

    Parameters
    ----------
    count : int
        The number.
    thing : str
        What is counted, in the singular.

    Examples
    --------
    >>> counted(1, "parameter"), counted(1200, "parameter")
    ('1 parameter', '1,200 parameters')
    """
    return f"{integer(count)} {thing}{'s' if count != 1 else ''}"


def degrees(df: float) -> str:
    """Write degrees of freedom in words.

    Examples
    --------
    >>> degrees(1.0), degrees(12.4)
    ('1 degree of freedom', '12.4 degrees of freedom')
    """
    return f"{df:g} degree{'s' if df != 1.0 else ''} of freedom"


def align(texts: Sequence[str]) -> list[str]:
    """Pad numbers so that their decimal points stand below each other.

    Parameters
    ----------
    texts : sequence of str
        Numbers as text.

    Examples
    --------
    >>> align(["251.41", "10.5", "7"])
    ['251.41', ' 10.5 ', '  7   ']
    """
    parts = [text.partition(".") if _is_number(text) else (text, "", "") for text in texts]
    left = max((len(whole) for whole, _, _ in parts), default=0)
    right = max((len(point + rest) for _, point, rest in parts), default=0)
    return [f"{whole:>{left}}{point + rest:<{right}}" for whole, point, rest in parts]


def _is_number(text: str) -> bool:
    return text.lstrip("<-").replace(".", "", 1).isdigit()


def plain(label: object, width: int = 60) -> str:
    r"""Write a label of the data on one line, without control characters, of bounded length.

    Parameters
    ----------
    label : object
        Column name, level or message.
    width : int
        Longest text.

    Examples
    --------
    >>> plain("a\x1b[31m\nb"), plain("x" * 100, 10)
    ('a\\x1b[31m\\nb', 'xxxxxxxxx…')
    """
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(label)[: 4 * width])
    return text if len(text) <= width else text[: width - 1] + "…"
