"""A line on a terminal that says how many of many refits are done.

It appears on standard error only if that is a terminal, and only when the work has taken more than
a moment; it is wiped away at the end.
"""

from __future__ import annotations

import sys
import time
from typing import final

__all__ = ["Progress"]

_PATIENCE, _PAUSE = 2.0, 0.2
"""Seconds before the line appears, and between changes of it."""


@final
class Progress:
    """Counts what is done, inside a ``with`` block.

    Parameters
    ----------
    what : str
        Name of the work.
    total : int
        How much there is.
    done : int
        How much was there already.
    unit : str
        What is counted.
    """

    def __init__(self, what: str, total: int, done: int = 0, unit: str = "refits") -> None:
        self._what, self._total, self._done, self._unit = what, total, done, unit
        self._start = self._last = time.monotonic()
        self._width = 0

    def __enter__(self) -> Progress:
        return self

    def add(self, count: int) -> None:
        """Count some more as done."""
        self._done += count
        now = time.monotonic()
        patient = now - self._start < _PATIENCE or now - self._last < _PAUSE
        if patient or not sys.stderr.isatty():
            return
        text = f"{self._what}: {self._done} of {self._total} {self._unit}"
        sys.stderr.write(f"\r{text:<{self._width}}")
        sys.stderr.flush()
        self._last, self._width = now, max(self._width, len(text))

    def __exit__(self, *_: object) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
