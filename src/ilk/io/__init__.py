"""Fits on disk: one file of JSON and arrays; reading one runs no code."""

from __future__ import annotations

from ilk.io.load import fitted_from_bytes, load_fitted
from ilk.io.own import NOTHING, Own, own_of
from ilk.io.save import fit_bytes, save_fitted

__all__ = [
    "NOTHING",
    "Own",
    "fit_bytes",
    "fitted_from_bytes",
    "load_fitted",
    "own_of",
    "save_fitted",
]
