"""Influence in sentences: who moves what, and which conclusion hangs on one cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.influence.units import ROWS
from ilk.inference.labelled import label
from ilk.show.numbers import p_value, plain, significant
from ilk.show.summary import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.diagnostics.influence.record import Influence

__all__ = [
    "change_tables",
    "changed_conclusions",
    "coefficient_labels",
    "influence_notes",
    "unit_words",
]

_CHANGES = 12
"""Changed conclusions in the table of text."""

_FAR = 4
"""Moves by more than a standard error that are named."""


def coefficient_labels(found: Influence) -> tuple[str, ...]:
    """Label the coefficients.

    Parameters
    ----------
    found : Influence
        The numbers.
    """
    return tuple(label(component, name) for component, name in found.names)


def unit_words(found: Influence, i: int) -> str:
    """Name one of what was left out, such as ``"hospital A"`` or ``"row 12"``.

    Parameters
    ----------
    found : Influence
        The numbers.
    i : int
        Which one.
    """
    name = "row" if found.group == ROWS else found.group
    return plain(f"{name} {found.levels[i]}")


def changed_conclusions(found: Influence) -> list[tuple[int, int, str]]:
    """Find the conclusions that hang on one unit, the largest move first.

    Parameters
    ----------
    found : Influence
        The numbers.

    Returns
    -------
    list of (unit, coefficient, words)
        Intercepts are left out: that they differ from zero is seldom a conclusion.
    """
    inner = np.array([name != INTERCEPT for _, name in found.names], dtype=bool)
    known = found.p_value < 1.0 - found.level
    with np.errstate(invalid="ignore"):
        matters = known | (found.p_values < 1.0 - found.level)
    out = []
    for words, where in (
        ("has the other sign", found.turned & matters),
        ("no longer significant", found.lost & ~found.turned),
        ("becomes significant", found.gained & ~found.turned),
        ("not determined", found.undetermined),
    ):
        out += [(int(i), int(j), words) for i, j in np.argwhere(where & inner)]
    size = np.nan_to_num(np.abs(found.dfbetas), nan=np.inf)
    return sorted(out, key=lambda row: -size[row[0], row[1]])


def change_tables(found: Influence) -> tuple[Table, ...]:
    """Table of the conclusions that hang on one cluster; none if there are none.

    Parameters
    ----------
    found : Influence
        The numbers.
    """
    rows = changed_conclusions(found)
    if not rows:
        return ()
    names = coefficient_labels(found)
    cells = tuple(
        (
            unit_words(found, i),
            plain(names[j]),
            significant(float(found.estimate[j])),
            p_value(float(found.p_value[j])),
            "" if np.isnan(found.coef[i, j]) else significant(float(found.coef[i, j])),
            "" if np.isnan(found.p_values[i, j]) else p_value(float(found.p_values[i, j])),
            words,
        )
        for i, j, words in rows[:_CHANGES]
    )
    more = len(rows) - len(cells)
    unsure = [i for i, _, words in rows if not found.exact[i]]
    notes = [f"{more} more are in .estimates.frame."] if more else []
    if unsure:
        some = ", ".join(repr(found.levels[i]) for i in dict.fromkeys(unsure[:3]))
        dots = ", ..." if len(dict.fromkeys(unsure)) > 3 else ""
        notes.append(f"By a step; exact=[{some}{dots}] fits the model again without them.")
    return (
        Table(
            "Conclusions that hang on one of them",
            ("without", "", "all", "p", "without it", "p", ""),
            cells,
            labels=2,
            notes=tuple(plain(note, 2000) for note in notes),
        ),
    )


def influence_notes(found: Influence) -> list[str]:
    """Put into sentences what matters most, then how it was found.

    Parameters
    ----------
    found : Influence
        The numbers.
    """
    notes = [*_largest(found)]
    if found.names and not changed_conclusions(found):
        alpha = f"{1.0 - found.level:.3g}"
        notes.append(
            f"No conclusion hangs on one of them: no coefficient but perhaps an intercept crosses "
            f"p = {alpha} or changes its sign."
        )
    notes.append(
        "DFBETAS: estimate of all rows minus that without, in standard errors of all rows; Cook's "
        "D: the same of all coefficients together, squared, per coefficient; covratio above 1: it "
        "adds precision."
    )
    exact, step = int(found.exact.sum()), int((~found.exact).sum())
    if step and exact:
        notes.append(
            f"Fitted again without {exact} of them, asked for or far from all rows; a step for the "
            "others."
        )
    elif exact:
        notes.append("Fitted again without each of them.")
    else:
        notes.append(
            "By a second-order step from the estimates of all rows; exact=True fits again."
        )
    if found.held:
        notes.append(
            "The factors cross and the data are large: the step uses the curvature of all rows."
        )
    failed = [i for i in range(found.count) if found.reasons[i]]
    for i in failed[:5]:
        notes.append(f"No numbers without {unit_words(found, i)}: {found.reasons[i].rstrip('.?')}.")
    if len(failed) > 5:
        notes.append(f"{len(failed) - 5} more have no numbers; .frame has the reasons.")
    return notes


def _largest(found: Influence) -> Sequence[str]:
    if not np.isfinite(found.cook).any():
        return []
    i = int(np.nanargmax(found.cook))
    moved = np.nan_to_num(found.dfbetas[i])
    j = int(np.abs(moved).argmax())
    name = coefficient_labels(found)[j]
    text = (
        f"{unit_words(found, i)} has the largest Cook's distance, "
        f"{significant(float(found.cook[i]))}: without it {name} is "
        f"{significant(float(found.coef[i, j]))} instead of "
        f"{significant(float(found.estimate[j]))}, {significant(abs(float(moved[j])), 2)} standard "
        f"errors {'lower' if moved[j] > 0 else 'higher'}."
    )
    far = [(int(r), int(c)) for r, c in np.argwhere(np.abs(found.dfbetas) > 1.0)]
    far = sorted({*far} - {(i, j)}, key=lambda pair: -abs(found.dfbetas[pair]))
    names = coefficient_labels(found)
    words = [
        f"{names[c]} without {unit_words(found, r)} (DFBETAS {found.dfbetas[r, c]:+.2g})"
        for r, c in far[:_FAR]
    ]
    more = f" and {len(far) - _FAR} more" if len(far) > _FAR else ""
    texts = [text[0].upper() + text[1:]]
    if words:
        texts.append(f"Also by more than one standard error: {'; '.join(words)}{more}.")
    return texts
