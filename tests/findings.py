"""Data and one call for the tests of findings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import ilk


def codes(formula: str, data: Any, family: str = "gaussian", **keywords: Any) -> tuple[str, ...]:
    """Identifiers of what is found."""
    return ilk.lint(formula, data, family, **keywords).codes


def found(code: str, formula: str, data: Any, family: str = "gaussian", **keywords: Any) -> Any:
    """The only finding of an identifier."""
    (finding,) = (f for f in ilk.lint(formula, data, family, **keywords) if f.code == code)
    return finding


def clustered(groups: int = 30, size: int = 8, seed: int = 1) -> pd.DataFrame:
    """Rows in clusters of one size, with columns of every kind."""
    rng = np.random.default_rng(seed)
    rows = groups * size
    group = np.repeat(np.arange(groups), size)
    days = rng.integers(20, 400, rows)
    return pd.DataFrame(
        {
            "school": [f"s{i:02d}" for i in group],
            "school_id": group + 101,
            "room": [f"s{i:02d}r{j % 2}" for i, j in enumerate(group)],
            "x": rng.normal(size=rows),
            "w": rng.normal(size=rows),
            "size": np.repeat(rng.normal(size=groups), size),
            "year": np.tile(np.arange(2001, 2001 + size), groups),
            "age": rng.integers(20, 60, rows),
            "treatment": np.tile([0, 1], rows // 2),
            "arm": np.repeat(np.where(np.arange(groups) % 2, "new", "usual"), size),
            "kind": np.tile(["a", "b", "c", "d"], rows // 4),
            "y": rng.normal(10.0, 1.0, rows),
            "events": rng.poisson(0.02 * days),
            "person_days": days,
            "died": rng.integers(0, 2, rows),
        }
    )
