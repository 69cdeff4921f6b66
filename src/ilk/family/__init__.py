"""Families: distributions of the response given linear predictors, and links."""

from __future__ import annotations

from ilk.family.arguments import refuse_foreign_arguments
from ilk.family.base import AbstractFamily
from ilk.family.registry import FAMILIES, make_family

__all__ = ["FAMILIES", "AbstractFamily", "make_family", "refuse_foreign_arguments"]
