"""Counts of persons who answer items, for tests of nested and crossed random effects."""

from __future__ import annotations

import numpy as np
import pandas as pd


def counts(persons: int = 24, items: int = 3, seed: int = 1) -> pd.DataFrame:
    """Persons in schools answer items."""
    rng = np.random.default_rng(seed)
    n = persons * items
    person, item = np.repeat(np.arange(persons), items), np.tile(np.arange(items), persons)
    effect = rng.normal(0.0, 0.7, persons)[person] + rng.normal(0.0, 0.4, items)[item]
    return pd.DataFrame(
        {
            "y": rng.poisson(np.exp(0.5 + effect)),
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "w": rng.normal(size=n),
            "person": [f"p{k}" for k in person],
            "item": [f"i{k}" for k in item],
            "school": [f"s{k // 6}" for k in person],
            "row": np.arange(n),
        }
    )
