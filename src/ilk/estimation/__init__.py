"""Estimation: from a probability model to the record of a fit."""

from __future__ import annotations
