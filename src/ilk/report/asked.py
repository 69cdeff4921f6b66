"""What a report asks of a fit: all that pictures ask, and the record behind it."""

from __future__ import annotations

from typing import Protocol

from ilk.fitted import Fitted
from ilk.plot.asked import Drawable

__all__ = ["Reportable"]


class Reportable(Drawable, Protocol):
    """A fit, as far as reports are concerned."""

    @property
    def fitted(self) -> Fitted:
        """The record of the fit."""
