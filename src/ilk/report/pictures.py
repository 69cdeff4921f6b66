"""Pictures of a report as inline SVG that follows the light or dark theme of the page.

A report holds the *tables* of its pictures, as plain data. Here they are drawn. The colors of the
house become CSS variables, and all identifiers get the prefix of their picture, so that several
pictures can stand in one page.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk import plot
from ilk.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PICTURES", "as_data", "svg"]

_THEME = {
    style.INK: "var(--ink)",
    style.MUTED: "var(--muted)",
    style.FAINT: "var(--faint)",
    style.BLUE: "var(--blue)",
    style.ORANGE: "var(--orange)",
    "#ffffff": "var(--paper)",
}

Draw = Callable[[Any, "Axes", Mapping[str, Any]], object]
Size = Callable[[Any], tuple[float, float]]

PICTURES: Mapping[str, tuple[type[Any], Draw, Size]] = {
    "caterpillar": (
        plot.Caterpillar,
        lambda table, ax, options: plot.draw_caterpillar(table, ax),
        lambda table: (
            (7.6, 3.9)
            if len(table.levels) > style.NAMED_AT_MOST
            else (6.6, 1.0 + 0.17 * len(table.levels))
        ),
    ),
    "coefficients": (
        plot.Coefficients,
        lambda table, ax, options: plot.draw_coefficients(table, ax),
        lambda table: (6.6, 0.9 + 0.32 * len(table.terms)),
    ),
    "correlation": (
        plot.Correlation,
        lambda table, ax, options: plot.draw_correlation(table, ax),
        lambda table: (5.8, 3.6),
    ),
    "effect": (
        plot.Effect,
        lambda table, ax, options: plot.draw_effect(table, ax, **options),
        lambda table: (5.6, 3.5),
    ),
    "field": (
        plot.Field,
        lambda table, ax, options: plot.draw_field(table, ax, **options),
        lambda table: (6.4, 3.6) if len(table.axes) == 1 else (6.0, 4.8),
    ),
    "funnel": (
        plot.FunnelPicture,
        lambda table, ax, options: plot.draw_funnel(table, ax),
        lambda table: (8.2, 4.8),
    ),
    "ranks": (
        plot.Ranks,
        lambda table, ax, options: plot.draw_ranks(table, ax),
        lambda table: (
            (8.2, 4.4)
            if len(table.levels) > style.NAMED_AT_MOST
            else (6.6, 1.4 + 0.19 * len(table.levels))
        ),
    ),
    "relatedness": (
        plot.Relatedness,
        lambda table, ax, options: plot.draw_relatedness(table, ax),
        lambda table: (5.6, 4.6),
    ),
    "shrinkage": (
        plot.Shrinkage,
        lambda table, ax, options: plot.draw_shrinkage(table, ax),
        lambda table: (8.2, 4.2),
    ),
    "tree": (
        plot.TreePicture,
        lambda table, ax, options: plot.draw_tree(table, ax),
        lambda table: (
            (6.8, 5.2)
            if sum(table.tips) > style.NAMED_AT_MOST
            else (6.8, 1.2 + 0.19 * sum(table.tips))
        ),
    ),
    "twofold": (
        plot.Twofold,
        lambda table, ax, options: plot.draw_twofold(table, ax),
        lambda table: (6.0, 3.8),
    ),
}
"""Kind of picture: class of its table, how it is drawn, and its size in inches."""


def as_data(table: Any) -> dict[str, Any]:
    """Plain data of a table: dictionaries, lists, numbers and text.

    Parameters
    ----------
    table : dataclass
        Table of a picture.

    Returns
    -------
    dict
        Its fields.
    """
    return {field.name: plain(getattr(table, field.name)) for field in fields(table)}


def plain(value: Any) -> Any:
    """Turn arrays, tuples and NumPy scalars into lists and Python numbers."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def svg(picture: Mapping[str, Any], identifier: str) -> str:
    """Draw a picture as inline SVG.

    Parameters
    ----------
    picture : mapping
        ``kind``, ``data``, ``alt`` (a sentence for those who cannot see it) and ``options``.
    identifier : str
        Prefix of all identifiers; letters and digits.

    Returns
    -------
    str
        An ``<svg>`` element. Labels in it are drawn as shapes, never as markup.
    """
    kind, draw, size = PICTURES[picture["kind"]]
    table = kind(**{name: _restored(value) for name, value in picture["data"].items()})
    figure, axis = style.new_figure(*size(table))
    out = io.StringIO()
    with style.house_style():
        draw(table, axis, picture.get("options", {}))
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return _inline(out.getvalue(), identifier, 100.0 * size(table)[0])


def _restored(value: Any) -> Any:
    """Make lists of numbers arrays again, and other lists tuples."""
    if not isinstance(value, list):
        return value
    array = np.asarray(value, dtype=object)
    flat = array.ravel().tolist()
    if flat and all(isinstance(item, float) for item in flat):
        return np.asarray(value, dtype=np.float64)
    return tuple(value)


def _inline(text: str, identifier: str, width: float) -> str:
    """Cut the prologue, comments and metadata; prefix identifiers; apply the theme."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid=")', rf"\g<1>{identifier}-", text)
    text = re.sub(r'(href="#)', rf"\g<1>{identifier}-", text)
    text = re.sub(r"(url\(#)", rf"\g<1>{identifier}-", text)
    for color, variable in _THEME.items():
        text = text.replace(color, variable)
    head, rest = text.split(">", 1)
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    shown = f'<svg aria-hidden="true" focusable="false" style="max-width: {width:.0f}px"'
    head = head.replace("<svg", shown, 1)
    return f"{head}>{rest}".strip()
