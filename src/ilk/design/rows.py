"""One decision for all parts of a model about which rows are used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from ilk.errors import DataError, ModelError
from ilk.typing import BoolArray, IntArray

Missing: TypeAlias = Literal["drop", "error"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of the data that a design uses.

    Parameters
    ----------
    total : int
        Number of rows of the data.
    kept : (n,) array of int
        Positions of the rows that are used.
    dropped : mapping
        Number of rows without a value by column, or by reason such as ``"trials = 0"``. A row that
        lacks two values counts twice.
    """

    total: int
    kept: IntArray
    dropped: Mapping[str, int]

    @property
    def selection(self) -> IntArray | None:
        """Positions, or None if all rows are used."""
        return None if len(self.kept) == self.total else self.kept

    @property
    def note(self) -> str | None:
        """Sentence about the rows that were left out, or None."""
        count = self.total - len(self.kept)
        if count == 0:
            return None
        reasons = ", ".join(f"{name}: {number}" for name, number in self.dropped.items())
        empty = any(name.endswith((" = 0", ": no trials", ": no ends")) for name in self.dropped)
        cause = "missing values or no information" if empty else "missing values"
        return f"{count} of {self.total} rows were left out for {cause} ({reasons})."


def choose_rows(
    total: int,
    missing: Mapping[str, BoolArray | None],
    unusable: Mapping[str, BoolArray | None],
    policy: Missing = "drop",
    *,
    allow_none: bool = False,
) -> Rows:
    """Choose the rows that have all values.

    Parameters
    ----------
    total : int
        Number N of rows.
    missing : mapping
        (N,) mask of missing values by column; None where there are none.
    unusable : mapping
        (N,) mask of rows that carry no information by reason (weight zero, no trials).
    policy : {"drop", "error"}
        What to do about missing values.
    allow_none : bool
        Whether it is fine that no row is left.

    Returns
    -------
    Rows

    Raises
    ------
    DataError
        No row is left, or values are missing and the policy is ``"error"``.
    """
    if policy not in ("drop", "error"):
        raise ModelError(
            f"missing={policy!r} is not known; choose 'drop' or 'error'.", code="choice"
        )
    dropped: dict[str, int] = {}
    gone: BoolArray | None = None
    for masks in (missing, unusable):
        for name, mask in masks.items():
            count = 0 if mask is None else int(mask.sum())
            if mask is None or count == 0:
                continue
            dropped[name] = count
            if policy == "error" and masks is missing:
                raise DataError(
                    f"Column {name!r} lacks {count} value{'s' if count > 1 else ''}, first in row "
                    f"{int(np.argmax(mask))}; fill them, or use missing='drop'.",
                    code="missing",
                )
            gone = mask if gone is None else gone | mask
    if gone is None:
        return Rows(total, np.arange(total), dropped)
    kept = np.flatnonzero(~gone)
    if len(kept) == 0 and not allow_none:
        reasons = ", ".join(f"{name}: {count}" for name, count in dropped.items())
        raise DataError(
            f"None of the {total} rows has a value in every column of the model (missing are "
            f"{reasons}).",
            code="no-rows",
        )
    return Rows(total, kept, dropped)
