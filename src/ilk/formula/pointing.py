"""Messages that point into the text of a formula."""

from __future__ import annotations

_WIDTH = 90


def pointed(message: str, text: str, position: int | None, length: int = 1) -> str:
    """Message followed by the formula and a caret under the culprit.

    Parameters
    ----------
    message : str
        What is wrong and what to do.
    text : str
        The formula.
    position : int or None
        Where the culprit begins; None shows nothing.
    length : int
        Its length.

    Returns
    -------
    str
        The message, and two lines if there is a position.

    Examples
    --------
    >>> from ilk.formula.pointing import pointed
    >>> print(pointed("A ')' is missing.", "y ~ (x", 4))
    A ')' is missing.
      y ~ (x
          ^ position 4
    """
    if position is None:
        return message
    flat = "".join(" " if char.isspace() else char for char in text)
    start = max(0, min(position - _WIDTH // 2, len(flat) - _WIDTH))
    shown = flat[start : start + _WIDTH]
    lead, trail = "..." if start else "", "..." if start + _WIDTH < len(flat) else ""
    indent = " " * (len(lead) + position - start)
    carets = "^" * max(1, min(length, _WIDTH - (position - start)))
    return f"{message}\n  {lead}{shown}{trail}\n  {indent}{carets} position {position}"
