"""The four pictures of a league table, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from ilk.errors import ModelError, did_you_mean
from ilk.plot.caterpillar import caterpillar_of_league, draw_caterpillar
from ilk.plot.funnel import draw_funnel, funnel_table
from ilk.plot.ranks import draw_ranks, ranks_table
from ilk.plot.shrinkage import draw_shrinkage, shrinkage_table
from ilk.ranking.funnel import funnel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.fitted import Fitted
    from ilk.ranking.record import League

__all__ = ["Kind", "draw_league"]

Kind: TypeAlias = Literal["ranks", "caterpillar", "shrinkage", "funnel"]
"""Pictures of a league table."""


def draw_league(
    fitted: Fitted,
    league: League,
    kind: Kind = "ranks",
    quantity: str = "rate",
    ax: Axes | None = None,
) -> Axes:
    """Draw a league table.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    league : League
        Its league table.
    kind : {"ranks", "caterpillar", "shrinkage", "funnel"}
        Which picture.
    quantity : str
        What the rates are, in words, with unit.
    ax : matplotlib.axes.Axes, optional
        Axis to draw on; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axis.
    """
    if kind == "ranks":
        return draw_ranks(ranks_table(league, quantity), ax)
    if kind == "caterpillar":
        return draw_caterpillar(caterpillar_of_league(league), ax)
    if kind == "shrinkage":
        return draw_shrinkage(shrinkage_table(league, quantity), ax)
    if kind == "funnel":
        return draw_funnel(funnel_table(funnel(fitted, league)), ax)
    kinds = get_args(Kind)
    raise ModelError(
        f"kind={kind!r:.60} is no picture of a league table; there are {', '.join(kinds)}."
        + did_you_mean(str(kind), kinds),
        code="picture",
    )
