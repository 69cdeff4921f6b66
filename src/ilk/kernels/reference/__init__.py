"""Engines in NumPy: the mathematics as it reads on paper.

They follow the same contract as the compiled engines (:mod:`ilk.kernels.contract`) and serve as
their documentation, as referee in tests, without a compiler, and for densities written in Python.

Everything is computed in *row coordinates* (:mod:`.rows`): row i is touched by few random effects,
so with m of them per row Z is an (n, m) array of columns and an (n, m) array of positions in u.
"""

from __future__ import annotations

from ilk.kernels.reference.crossed import CrossedEngine
from ilk.kernels.reference.laplace import LaplaceEngine
from ilk.kernels.reference.linear import LinearEngine

__all__ = ["CrossedEngine", "LaplaceEngine", "LinearEngine"]
