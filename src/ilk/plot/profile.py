"""Profile curves, one panel for each parameter, with the interval that they tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ilk.errors import ModelError
from ilk.inference.profile.search import End
from ilk.inference.wald import two_sided
from ilk.plot.style import BLUE, MUTED, follow_paper, house_style, new_panels, printable, tidy_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.inference.profile.curve import ProfileCurve
    from ilk.inference.profile.profile import Profile
    from ilk.typing import FloatArray

__all__ = ["ProfilePanel", "ProfilePicture", "draw_profile", "profile_picture"]

_COLUMNS = 3

_DEPTH = -1.9
"""How far below the maximum a picture of the log-likelihood goes, in cutoffs."""

_HEIGHTS = {"zeta": "\N{GREEK SMALL LETTER ZETA}", "loglik": "log-likelihood below maximum"}


@dataclass(frozen=True, slots=True)
class ProfilePanel:
    """One curve.

    Parameters
    ----------
    label : str
        Name of the parameter.
    value, height : (k,) arrays
        The curve.
    estimate, height_there : float
        Where the likelihood is largest.
    limits : (float, float)
        The interval.
    shown : (float, float)
        Range of the axis.
    """

    label: str
    value: FloatArray
    height: FloatArray
    estimate: float
    height_there: float
    limits: tuple[float, float]
    shown: tuple[float, float]


@dataclass(frozen=True, slots=True)
class ProfilePicture:
    """What the picture shows.

    Parameters
    ----------
    panels : tuple of ProfilePanel
        One for each parameter.
    kind : str
        ``"zeta"`` or ``"loglik"``.
    cutoff : float
        Height at which the interval is read, without its sign.
    level : float
        Coverage.
    """

    panels: tuple[ProfilePanel, ...]
    kind: str
    cutoff: float
    level: float


def profile_picture(
    found: Profile, level: float = 0.95, kind: Literal["zeta", "loglik"] = "zeta"
) -> ProfilePicture:
    """Choose what to show.

    Parameters
    ----------
    found : Profile
        The curves.
    level : float
        Coverage of the intervals.
    kind : {"zeta", "loglik"}
        Signed root, or log-likelihood below its maximum.

    Returns
    -------
    ProfilePicture
    """
    if kind not in ("zeta", "loglik"):
        raise ModelError(f"kind={kind!r:.60}: choose 'zeta' or 'loglik'.", code="picture")
    target = two_sided(level)
    panels = tuple(
        _panel(curve, (float(low), float(high)), kind)
        for curve, (low, high) in zip(found.curves, found.limits(level), strict=True)
    )
    return ProfilePicture(panels, kind, target if kind == "zeta" else 0.5 * target**2, level)


def _panel(curve: ProfileCurve, limits: tuple[float, float], kind: str) -> ProfilePanel:
    value, zeta = curve.drawn()
    low, high = float(value[0]), float(value[-1])
    if curve.ends[0] is End.INFINITE and curve.ends[1] is not End.INFINITE:
        low = max(low, curve.estimate - 2.5 * (high - curve.estimate))
    if curve.ends[1] is End.INFINITE and curve.ends[0] is not End.INFINITE:
        high = min(high, curve.estimate + 2.5 * (curve.estimate - low))
    return ProfilePanel(
        label=curve.label,
        value=value,
        height=zeta if kind == "zeta" else -0.5 * zeta**2,
        estimate=curve.estimate,
        height_there=0.0,
        limits=limits,
        shown=(low, high),
    )


def draw_profile(table: ProfilePicture, ax: Any = None) -> Any:
    """Draw profile curves.

    Parameters
    ----------
    table : ProfilePicture
        What to show.
    ax : matplotlib axes or sequence of them, optional
        One for each panel; a new figure by default.

    Returns
    -------
    matplotlib axes, or array of them
        The axis of a single panel, the axes of several.
    """
    count = len(table.panels)
    if ax is None:
        axes = new_panels(count, _COLUMNS, 3.0, 2.4)
    else:
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    with house_style():
        if len(axes) != count:
            raise ModelError(
                f"ax= holds {len(axes)} axes, but there are {count} parameters to draw.",
                code="picture",
            )
        for i, (axis, panel) in enumerate(zip(axes, table.panels, strict=True)):
            _draw(axis, panel, table)
            if ax is not None or i % _COLUMNS == 0:
                axis.set_ylabel(_HEIGHTS[table.kind])
        axes[0].set_title(
            f"{100 * table.level:g}% intervals", fontsize=9, color=MUTED, fontweight="normal"
        )
        for axis in axes:
            follow_paper(axis)
    return axes[0] if count == 1 else axes


def _draw(axis: Axes, panel: ProfilePanel, table: ProfilePicture) -> None:
    tidy_axis(axis, grid="y")
    zeta = table.kind == "zeta"
    low, high = panel.shown
    margin = 0.04 * (high - low) if high > low else 1.0
    for height in (-table.cutoff, table.cutoff) if zeta else (-table.cutoff,):
        axis.axhline(height, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    axis.plot(panel.value, panel.height, color=BLUE, zorder=3)
    base = 0.0 if zeta else -table.cutoff
    ends = [min(max(limit, low - margin), high + margin) for limit in panel.limits]
    if np.all(np.isfinite(ends)):
        axis.plot(ends, [base, base], color=BLUE, linewidth=5.0, alpha=0.25, solid_capstyle="butt")
    foot = 0.0 if zeta else _DEPTH * table.cutoff
    for limit in panel.limits:
        if low <= limit <= high:
            top = float(np.interp(limit, panel.value, panel.height))
            axis.plot([limit, limit], [foot, top], color=MUTED, linewidth=0.9, zorder=2)
    if np.isfinite(panel.estimate):
        axis.plot([panel.estimate], [panel.height_there], "o", color=BLUE, markersize=5, zorder=4)
    axis.set_xlim(low - margin, high + margin)
    if not zeta:
        axis.set_ylim(_DEPTH * table.cutoff, 0.12 * table.cutoff)
    axis.set_xlabel(printable(panel.label, 40))
