"""Levels of factors without a row: declared but absent, or lost with rows that lack a value."""

from __future__ import annotations

from collections.abc import Iterator

from ilk.frame import Label, factor, listing
from ilk.lint.material import Material
from ilk.lint.rule import Remark

__all__ = ["lost_levels", "unused_levels"]


def unused_levels(material: Material) -> Iterator[Remark]:
    """Find categories that no row of the data has."""
    for name in _factors(material):
        column = material.column(name)
        if column is None or column.kind != "category" or column.levels is None:
            continue
        absent = _absent(material, name, column.levels)
        lost = _lost(material, name)
        never = [level for level in absent if level not in lost]
        if never:
            yield Remark(
                (name,),
                f"{name!r} declares {_levels(never)} that no row has.",
                "Nothing is estimated for them; look whether rows are missing that should be "
                "there, or drop the unused categories.",
            )


def lost_levels(material: Material) -> Iterator[Remark]:
    """Find levels all of whose rows were left out for missing values."""
    for name in _factors(material):
        lost = _lost(material, name)
        if lost:
            yield Remark(
                (name,),
                f"All rows of {_levels(lost)} of {name!r} were left out, since they lack a value "
                "or carry no information.",
                "Look at fit.summary() for what they lack; the results are not about them.",
            )


def _factors(material: Material) -> dict[str, None]:
    """Columns that enter by their levels."""
    fixed = [column for part in material.design.fixed for _, column in material.coded(part)]
    groups = [column for group in material.groupings.values() for column in group.columns]
    return dict.fromkeys((*fixed, *groups))


def _absent(material: Material, name: str, levels: tuple[Label, ...]) -> list[Label]:
    used = material.factor(name)
    present = set() if used is None else set(used.levels)
    return [level for level in levels if level not in present]


def _lost(material: Material, name: str) -> list[Label]:
    """Levels of the caller's column that are not among the rows used."""
    frame, rows = material.frame, material.design.rows
    if frame is None or rows.selection is None or name not in frame:
        return []
    column = frame.column(name)
    if len(column.values) != rows.total:
        return []
    return _absent(material, name, factor(column).levels)


def _levels(levels: list[Label]) -> str:
    return f"{len(levels)} level{'s' if len(levels) > 1 else ''} ({listing(levels, 4)})"
