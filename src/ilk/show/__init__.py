"""Answers as text, HTML and columns of frames."""

from __future__ import annotations

from ilk.show.summary import Summary, Table, summarize

__all__ = ["Summary", "Table", "summarize"]
