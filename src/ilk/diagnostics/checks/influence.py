"""Influence: whether a conclusion, or an estimate, hangs on a single cluster.

Each cluster of each grouping factor is left out by one step
(:mod:`ilk.diagnostics.influence.one_step`); without random terms each row is.  A coefficient that
moves by more than one standard error, or a conclusion that changes with a move of more than half of
one, is worth a word; a conclusion that changes with a move of more than one is a problem of the
report, if not of the model: the result is that of one cluster.  Where a p-value is near the level
of the test, small moves cross it in models that are right, and are not spoken of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.checks.record import Check, skipped
from ilk.diagnostics.influence.influence import influence
from ilk.diagnostics.influence.record import Influence
from ilk.diagnostics.influence.units import ROWS, blocks_of
from ilk.errors import FitError
from ilk.frame import quote
from ilk.inference.labelled import label
from ilk.model.dependence import dependent_groups

if TYPE_CHECKING:
    from ilk.diagnostics.checks.context import Context
    from ilk.fitted import Fitted

__all__ = ["check_influence"]

_TITLE = "No cluster decides alone"

_SMALL = 0.5
"""Standard errors; smaller moves change no conclusion worth a word."""

_MOST, _ROWS = 2000, 10_000
"""Clusters of a factor at most, and rows of fits without random terms."""

_VISITS = 2e7
"""Rows visited at most."""


def check_influence(context: Context) -> tuple[Check, ...]:
    """Look for clusters without which the estimates would be others.

    Parameters
    ----------
    context : Context
        The fit.

    Returns
    -------
    tuple of Check
        One for each grouping factor; one for rows without random terms.
    """
    fitted = context.fitted
    if fitted.model.penalty is not None:
        return (
            skipped(
                "influence",
                _TITLE,
                "The estimates are penalized; fit.influence(exact=True) fits again without each.",
            ),
        )
    if fitted.model.reml and not fitted.model.linear:
        words = (
            "The fit is by restricted likelihood; fit.influence(exact=True) fits again without "
            "each."
        )
        return (skipped("influence", _TITLE, words),)
    if not fitted.names:
        return (skipped("influence", _TITLE, "There are no coefficients."),)
    related = dependent_groups(fitted.design)
    if related:
        words = (
            f"The levels of {' and '.join(related)} depend on each other; "
            "fit.influence(exact=True) fits again without each."
        )
        return (skipped("influence", _TITLE, words),)
    names = dict.fromkeys(
        term.grouping.name
        for term in fitted.design.terms
        if len(term.grouping.levels) < fitted.model.rows
    )
    groups = list(names) if fitted.design.terms else [None]
    return tuple(_check(context, group) for group in groups)


def _check(context: Context, group: str | None) -> Check:
    fitted = context.fitted
    where = group or ROWS
    if _too_much(fitted, group):
        words = (
            f"Leaving out each of so many takes a while; fit.influence({where!r}) does it on "
            "request."
        )
        return skipped("influence", _TITLE, words, where=where)
    try:
        found = influence(fitted, group, level=1.0 - context.alpha)
    except FitError as refusal:
        return skipped("influence", _TITLE, refusal.message, where=where)
    return _judged(found, where)


def _too_much(fitted: Fitted, group: str | None) -> bool:
    """Whether steps for all levels would take more than a few seconds."""
    if group is None:
        return fitted.model.rows > _ROWS
    grouping = next(t.grouping for t in fitted.design.terms if t.grouping.name == group)
    if len(grouping.levels) > _MOST:
        return True
    blocks = blocks_of(fitted.design)
    sizes = np.bincount(blocks)
    # each level of an inner or crossed factor has the rest of its block evaluated
    first = np.unique(grouping.codes, return_index=True)[1]
    visits = float(sizes[blocks[first]].sum()) * len(fitted.estimates.psi) * 2.0
    return visits > _VISITS


def _judged(found: Influence, where: str) -> Check:
    names = tuple(label(component, name) for component, name in found.names)
    inner = np.array([name != INTERCEPT for _, name in found.names], dtype=bool)
    moved = np.where(np.isnan(found.dfbetas), 0.0, found.dfbetas)
    with np.errstate(invalid="ignore"):
        matters = (found.p_value < 1.0 - found.level) | (found.p_values < 1.0 - found.level)
    changed = (found.lost | found.gained | (found.turned & matters)) & inner
    changed &= np.abs(moved) > _SMALL
    changed |= found.undetermined & inner
    far = np.abs(moved) > 1.0
    verdict = "problem" if np.any(changed & far) else "note" if changed.any() or far.any() else "ok"
    what = "row" if found.group == ROWS else found.group
    argument = repr("rows" if found.group == ROWS else found.group)
    cook = np.nan_to_num(found.cook, nan=-1.0)
    top = int(cook.argmax())
    sentences, named = [], []
    if found.undetermined[:, inner].any():
        i, j = map(int, np.argwhere(found.undetermined & inner)[0])
        named.append(i)
        sentences.append(f"{names[j]} is known from {what} {quote(found.levels[i])} alone.")
    elif changed.any():
        i, j = map(
            int, np.unravel_index(np.argmax(np.where(changed, np.abs(moved), -1.0)), changed.shape)
        )
        named.append(i)
        sentences.append(
            f"Without {what} {quote(found.levels[i])} {names[j]} is {found.coef[i, j]:.3g} (p "
            f"{found.p_values[i, j]:.2g}) instead of {found.estimate[j]:.3g} (p "
            f"{found.p_value[j]:.2g})."
        )
    if far.any():
        i, j = map(int, np.unravel_index(np.argmax(np.abs(moved)), moved.shape))
        named.append(i)
        sentences.append(
            f"{int(far.any(axis=1).sum())} of {found.count} move a coefficient by more than one "
            f"standard error, {what} {quote(found.levels[i])} {names[j]} by {abs(moved[i, j]):.2g}."
        )
    if not sentences:
        sentences.append(f"No {what} moves a coefficient by more than one standard error.")
    sentences.append(
        f"The largest Cook's distance is that of {what} {quote(found.levels[top])}, "
        f"{found.cook[top]:.2g}."
    )
    return Check(
        code="influence",
        title=_TITLE,
        where=where,
        estimand="conditional",
        verdict=verdict,  # type: ignore[arg-type]
        statistic=float(found.cook[top]),
        expected=float("nan"),
        p_value=float("nan"),
        sentence=" ".join(sentences),
        advice=_advice(argument, [found.levels[i] for i in dict.fromkeys([*named, top])]),
        detail={
            "level": list(found.levels),
            "cook": found.cook,
            "dfbetas": found.dfbetas,
            "term": list(names),
            "group": [found.group],
        },
        large=verdict == "problem",
    )


def _advice(argument: str, levels: list[object]) -> str:
    """Say what to do about the levels that the sentences name."""
    its, it = ("its", "it") if len(levels) == 1 else ("their", "each of them")
    return (
        f"Look at {its} data, and report the estimates without {it}: fit.influence({argument}, "
        f"exact={levels!r})."
    )
