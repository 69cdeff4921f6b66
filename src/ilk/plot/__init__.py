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
from ilk.plot.correlation import (
    Correlation,
    correlation,
    correlation_table,
    draw_correlation,
)
from ilk.plot.effects import Effect, draw_effect, effect, effect_table, reference_row
from ilk.plot.field import Field, draw_field, field, field_table
from ilk.plot.funnel import FunnelPicture, draw_funnel, funnel_table
from ilk.plot.ranks import Ranks, draw_ranks, ranks_table
from ilk.plot.relatedness import (
    Relatedness,
    draw_relatedness,
    relatedness,
    relatedness_table,
)
from ilk.plot.shrinkage import Shrinkage, draw_shrinkage, shrinkage_table
from ilk.plot.style import house_style
from ilk.plot.tree import TreePicture, draw_tree, tree, tree_table
from ilk.plot.twofold import Twofold, draw_twofold, twofold_table

__all__ = [
    "Caterpillar",
    "Coefficients",
    "Correlation",
    "Effect",
    "Field",
    "FunnelPicture",
    "Ranks",
    "Relatedness",
    "Shrinkage",
    "TreePicture",
    "Twofold",
    "caterpillar",
    "caterpillar_of_league",
    "caterpillar_table",
    "coefficients",
    "coefficients_table",
    "correlation",
    "correlation_table",
    "draw_caterpillar",
    "draw_coefficients",
    "draw_correlation",
    "draw_effect",
    "draw_field",
    "draw_funnel",
    "draw_ranks",
    "draw_relatedness",
    "draw_shrinkage",
    "draw_tree",
    "draw_twofold",
    "effect",
    "effect_table",
    "field",
    "field_table",
    "funnel_table",
    "house_style",
    "ranks_table",
    "reference_row",
    "relatedness",
    "relatedness_table",
    "shrinkage_table",
    "tree",
    "tree_table",
    "twofold_table",
]
