"""Pictures of a fit.

Each picture is two functions: one makes a table from a fit, the other draws the table on an axis. A
third, with the name of the picture, does both. matplotlib is imported when something is drawn.
"""

from __future__ import annotations

from ilk.plot.caterpillar import (
    Caterpillar,
    caterpillar,
    caterpillar_of_league,
    caterpillar_table,
    draw_caterpillar,
)
from ilk.plot.coefficients import (
    Coefficients,
    coefficients,
    coefficients_table,
    draw_coefficients,
)
from ilk.plot.effects import Effect, draw_effect, effect, effect_table, reference_row
from ilk.plot.funnel import FunnelPicture, draw_funnel, funnel_table
from ilk.plot.ranks import Ranks, draw_ranks, ranks_table
from ilk.plot.shrinkage import Shrinkage, draw_shrinkage, shrinkage_table
from ilk.plot.style import house_style
from ilk.plot.twofold import Twofold, draw_twofold, twofold_table

__all__ = [
    "Caterpillar",
    "Coefficients",
    "Effect",
    "FunnelPicture",
    "Ranks",
    "Shrinkage",
    "Twofold",
    "caterpillar",
    "caterpillar_of_league",
    "caterpillar_table",
    "coefficients",
    "coefficients_table",
    "draw_caterpillar",
    "draw_coefficients",
    "draw_effect",
    "draw_funnel",
    "draw_ranks",
    "draw_shrinkage",
    "draw_twofold",
    "effect",
    "effect_table",
    "funnel_table",
    "house_style",
    "ranks_table",
    "reference_row",
    "shrinkage_table",
    "twofold_table",
]
