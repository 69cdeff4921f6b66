"""The suites of cases."""

from __future__ import annotations

from .cases import CASES, BenchmarkCase
from .family_cases import FAMILY_CASES

SUITES: dict[str, tuple[BenchmarkCase, ...]] = {"classics": CASES, "families": FAMILY_CASES}


def by_name(name: str) -> BenchmarkCase:
    """Return the case of this name."""
    return next(case for suite in SUITES.values() for case in suite if case.name == name)
