"""Effects: what happens to a mean when something changes, and how sure that is."""

from __future__ import annotations

from ilk.effects.comparison import Comparison, compare_means

__all__ = ["Comparison", "compare_means"]
