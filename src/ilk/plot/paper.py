"""Pictures on dark paper: the colors of the house exchanged for their light counterparts.

A new figure stands on the paper of the user (``figure.facecolor`` of matplotlib); an axis that is
given stands on its own. Where the paper is dark, every color of the house that was drawn becomes
one that is as far from dark paper as the original is from white. Reports have CSS variables for
the same and are left alone: their figures are transparent.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.typing import FloatArray

__all__ = ["BLUE", "FAINT", "INK", "MUTED", "ORANGE", "PAPER", "follow_paper", "user_paper"]

PAPER = "#ffffff"
INK = "#1c2127"
MUTED = "#69717c"
FAINT = "#d5dae0"
BLUE = "#1f6fb2"
ORANGE = "#c8590b"

_ON_DARK = {
    INK: "#e4e7eb",
    MUTED: "#9aa3ae",
    FAINT: "#343b43",
    BLUE: "#6cb1ec",
    ORANGE: "#f0965a",
}
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_DARK = 0.18
"""Relative luminance below which paper is dark: black and white ink are equally readable there."""

_SETTERS = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def user_paper() -> Any:
    """Color of the paper that the user's settings ask for; white where they ask for none."""
    settings = importlib.import_module("matplotlib").rcParams
    color = _rgba(settings["figure.facecolor"])
    return PAPER if color[3] == 0.0 else settings["figure.facecolor"]


def follow_paper(axis: Axes) -> None:
    """Exchange the colors of the house for those that can be read, if the paper is dark.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        An axis on which all has been drawn.
    """
    own, behind = _rgba(axis.get_facecolor()), _rgba(axis.figure.get_facecolor())
    paper = own if own[3] > 0.0 else behind
    if paper[3] == 0.0 or _luminance(paper) >= _DARK:
        return
    exchange = {_key(_rgba(old)): _rgba(new) for old, new in _ON_DARK.items()}
    exchange[_key(_rgba(PAPER))] = paper
    for artist in axis.findobj(lambda one: one is not axis.patch):
        for name in _SETTERS:
            _exchange(artist, name, exchange)
    axis.tick_params(colors=_ON_DARK[MUTED], grid_color=_ON_DARK[FAINT], which="both")


def _exchange(artist: Any, name: str, exchange: dict[tuple[float, ...], FloatArray]) -> None:
    """Replace the colors of one kind of one artist, opacities kept."""
    get, put = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
    if get is None or put is None:
        return
    colors = _rgba_rows(get())
    found = [exchange.get(_key(color)) for color in colors]
    if any(new is not None for new in found):
        alpha = artist.get_alpha()
        mixed = [
            color if new is None else np.append(new[:3], color[3] if alpha is None else 1.0)
            for color, new in zip(colors, found, strict=True)
        ]
        put(mixed if len(mixed) > 1 else mixed[0])


def _rgba_rows(color: Any) -> FloatArray:
    """(k, 4) colors of an artist; none where it is colored by a map."""
    try:
        found = importlib.import_module("matplotlib.colors").to_rgba_array(color)
    except (TypeError, ValueError):
        return np.empty((0, 4))
    return np.asarray(found, dtype=np.float64)


def _rgba(color: Any) -> FloatArray:
    return np.asarray(importlib.import_module("matplotlib.colors").to_rgba(color))


def _key(color: FloatArray) -> tuple[float, ...]:
    return tuple(np.round(color[:3], 4).tolist())


def _luminance(color: FloatArray) -> float:
    """Relative luminance of a color (WCAG 2.1)."""
    rgb = color[:3]
    linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(_LUMINANCE @ linear)
