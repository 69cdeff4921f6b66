"""Sections of a report on covariance structures: what depends on what, and how it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ilk.covariance.levels.space import Space
from ilk.covariance.levels.tree import Tree
from ilk.errors import FitError
from ilk.plot.correlation import correlation_table
from ilk.plot.field import field_table
from ilk.plot.relatedness import relatedness_table
from ilk.plot.tree import tree_table
from ilk.report.parts import picture_of, section
from ilk.show.numbers import plain
from ilk.show.structure_sentences import assumed, vecchia_words
from ilk.show.structures import levels_of, scale_words

if TYPE_CHECKING:
    from ilk.report.asked import Reportable

__all__ = ["structure_sections"]

_MANY = 2000
"""Levels beyond which a report has no picture of them."""

_RELATED = 200
"""Levels up to which a report shows how they are related."""


def structure_sections(fit: Reportable) -> list[dict[str, Any]]:
    """Sections on the structures of a fit; none if it has none.

    Parameters
    ----------
    fit : Fit
        The fit.

    Returns
    -------
    list of dict
    """
    sections = []
    over = levels_of(fit.fitted)
    for number, (name, (grouping, levels)) in enumerate(over.items()):
        text = [f"{plain(levels.describe(), 2000)}.", scale_words(name, levels)]
        text += [words for words in (vecchia_words(fit.fitted, name),) if words is not None]
        text.append(assumed(name, levels)[0])
        title = f"How levels of {plain(name)} depend on each other"
        small = len(grouping.levels) <= _MANY
        picture = _picture_of_levels(fit, name) if small else None
        text[0] = text[0][0].upper() + text[0][1:]
        sections.append(section(f"structure-{number}", title, text=text, picture=picture))
    groups = dict.fromkeys(term.grouping.name for term in fit.fitted.design.terms)
    for number, name in enumerate(groups):
        try:
            table = correlation_table(fit, name)
        except FitError:
            continue
        title = f"Correlations of effects of {plain(name)}"
        picture = picture_of(
            "correlation",
            table,
            f"Correlation of effects of {plain(name)} against {plain(table.unit)}, with its band.",
            "With 95% intervals at each distance.",
        )
        sections.append(section(f"correlation-{number}", title, picture=picture))
    return sections


def _picture_of_levels(fit: Reportable, name: str) -> dict[str, Any] | None:
    grouping, levels = levels_of(fit.fitted)[name]
    group = plain(name)
    if isinstance(levels, Tree):
        return picture_of(
            "tree",
            tree_table(fit, name),
            f"The tree of {group}, branches in the color of their predicted effects.",
            "Conditional modes; those inside the tree are of ancestors.",
        )
    if isinstance(levels, Space) and levels.points.shape[1] <= 2:
        return picture_of(
            "field",
            field_table(fit, name),
            f"Predicted effects of {group} at their places.",
            "Conditional modes; rings are places without data.",
        )
    if grouping.used <= _RELATED:
        return picture_of(
            "relatedness",
            relatedness_table(fit, name),
            f"Covariances of the levels of {group} with data, alike ones beside each other.",
            "In units of the variance.",
        )
    return None
