"""Whether the random effects are unrelated to the covariates."""

from __future__ import annotations

from ilk.diagnostics.exogeneity.exogeneity import Exogeneity, exogeneity

__all__ = ["Exogeneity", "exogeneity"]
