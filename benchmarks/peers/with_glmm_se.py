"""glmm with standard errors from the joint information (its default)."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import BenchmarkCase

from . import with_glmm
from .outcome import Fit
from .with_glmm import version

__all__ = ["NAME", "prepare", "version"]

NAME = "glmm_se"


def prepare(case: BenchmarkCase, frame: Any) -> Fit:
    return with_glmm.prepare(case, frame, "hessian")
