"""Is the model right? One call that looks at many things and says what it found."""

from __future__ import annotations

from ilk.diagnostics.checks.record import Check, Checks
from ilk.diagnostics.checks.run import check

__all__ = ["Check", "Checks", "check"]
