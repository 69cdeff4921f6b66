"""Estimation: from a probability model to the record of a fit."""

from __future__ import annotations

from ilk.estimation.run import refit, run

__all__ = ["refit", "run"]
