"""Design, family and covariance structures together: a probability model."""

from __future__ import annotations

from ilk.model.model import Model

__all__ = ["Model"]
