"""What a person sees while work goes on: the step, and after a moment the seconds.

Steps go to standard error, and only if that is a terminal, so that output can be piped.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

__all__ = ["step"]

_PATIENCE = 0.5
_TICK = 0.2


@contextmanager
def step(what: str, stream: TextIO | None = None) -> Iterator[None]:
    """Show a step of long work while a ``with`` block runs.

    Parameters
    ----------
    what : str
        The step, e.g. ``"fitting"``.
    stream : text stream, optional
        Standard error by default; nothing is shown unless it is a terminal.
    """
    out = sys.stderr if stream is None else stream
    if not out.isatty():
        yield
        return
    done = threading.Event()
    watcher = threading.Thread(target=_tick, args=(what, out, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _tick(what: str, out: TextIO, done: threading.Event) -> None:
    start = time.monotonic()
    if done.wait(_PATIENCE):
        return
    while True:
        out.write(f"\r{what} ... {time.monotonic() - start:.0f} s")
        out.flush()
        if done.wait(_TICK):
            break
    out.write("\r" + " " * (len(what) + 16) + "\r")
    out.flush()
