"""Answers as text, HTML and columns of frames."""

from __future__ import annotations

from ilk.show.summary import Summary, Table, summarize
from ilk.show.wording import in_short

__all__ = ["Summary", "Table", "in_short", "summarize"]
