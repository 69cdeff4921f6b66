"""Is the model right? Residuals of several kinds."""

from __future__ import annotations

from ilk.diagnostics.residuals import ResidualKind, residuals, row_residuals

__all__ = ["ResidualKind", "residuals", "row_residuals"]
