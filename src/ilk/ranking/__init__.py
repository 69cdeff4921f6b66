"""Who is really better? Levels of a grouping factor compared and ranked."""

from __future__ import annotations

from ilk.ranking.league import league_table
from ilk.ranking.ranks import expected_ranks
from ilk.ranking.record import Adjust, Expected, League, Order

__all__ = ["Adjust", "Expected", "League", "Order", "expected_ranks", "league_table"]
