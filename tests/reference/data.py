"""Reads the reference cases and their data tables.

The columns of a table get the kind that the case names: numbers stay the doubles that were fitted,
factors become categoricals whose first level is the reference level.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

HERE = Path(__file__).parent

Case = dict[str, Any]


@lru_cache(maxsize=1)
def cases() -> tuple[Case, ...]:
    """All cases, in the order of the file."""
    return tuple(json.loads((HERE / "cases.json").read_text(encoding="utf-8")))


def case(identifier: str) -> Case:
    """The case of this ``id``."""
    return next(found for found in cases() if found["id"] == identifier)


@lru_cache(maxsize=8)
def _text_table(path: str) -> pd.DataFrame:
    return pd.read_csv(HERE / path, dtype=str, keep_default_na=False, na_values=["NA"])


def table(found: Case) -> pd.DataFrame:
    """The data of a case: the columns it uses, each of its kind."""
    text = _text_table(found["data"])
    kinds = found["columns"]
    return pd.DataFrame({name: as_kind(text[name], kind) for name, kind in kinds.items()})


def as_kind(column: pd.Series, kind: dict[str, Any]) -> pd.Series:
    """A text column as numbers or as a categorical with the levels in the stated order."""
    if kind["kind"] == "factor":
        return column.astype(pd.CategoricalDtype(kind["levels"]))
    if kind["kind"] == "ordered":
        return column.astype(pd.CategoricalDtype(kind["levels"], ordered=True))
    return pd.to_numeric(column)


def new_rows(found: Case, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows for prediction; a level that the data lack stays in its column (as one more level)."""
    frame = pd.DataFrame({name: [row.get(name) for row in rows] for name in _used(rows)})
    for name in frame:
        kind = found["columns"].get(name, {"kind": "numeric"})
        if kind["kind"] == "factor":
            extra = [v for v in frame[name].dropna().unique() if v not in kind["levels"]]
            frame[name] = frame[name].astype(pd.CategoricalDtype([*kind["levels"], *extra]))
    return frame


def _used(rows: list[dict[str, Any]]) -> list[str]:
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    return list(names)


def fingerprints() -> dict[str, tuple[str, str]]:
    """Per file: the recorded and the present SHA-256."""
    answer = {}
    for line in (HERE / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        recorded, name = line.split("  ", 1)
        answer[name] = (recorded, hashlib.sha256((HERE / name).read_bytes()).hexdigest())
    return answer
