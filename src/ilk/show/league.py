"""The answer to "who is really better?": the league table as frame, text, HTML and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final

import numpy as np

from ilk.frame import answer
from ilk.late import Late
from ilk.prediction.levels import check_choice
from ilk.prediction.quantities import exceedance
from ilk.ranking import league_table
from ilk.show.league_text import league_notes, league_rows, league_title, measured, reading_order

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.ranking import League
    from ilk.ranking.funnel import Funnel
    from ilk.show.summary import Table

pictures = Late("ilk.plot.league")
funnels = Late("ilk.ranking.funnel")

__all__ = ["LeagueAnswer", "LeaguePicture", "league_answer"]

LeaguePicture: TypeAlias = Literal["ranks", "caterpillar", "shrinkage", "funnel"]
"""Pictures of a league table."""

_NUMBERS = (
    *("observed", "expected", "ratio", "ratio_low", "ratio_high", "raw_rate", "raw_rank"),
    *("effect", "effect_low", "effect_high", "rate", "rate_low", "rate_high", "weight"),
    *("expected_rank", "percentile", "median_rank", "rank_low", "rank_high"),
    *("p_best", "p_worst", "p_above"),
)
"""Columns of the frame, in order."""


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class LeagueAnswer:
    """Levels of a grouping factor compared and ranked.

    Parameters
    ----------
    table : League
        The numbers as arrays, in the order of the levels of the fit.
    fitted : Fitted
        The fit, for control limits.
    """

    table: League
    fitted: Fitted

    @property
    def frame(self) -> Any:
        """A row for each level, by expected rank; columns without numbers are left out.

        Columns ``group, term, level, n, exposure``; ``observed, expected`` with their ``ratio`` (or
        ``difference``) and its limits; ``raw_rate, raw_rank``; ``effect`` (scale of the link),
        ``rate`` and their limits; ``weight`` of the level's own data; ``expected_rank, percentile,
        median_rank, rank_low, rank_high``; ``p_best, p_worst, p_above``; ``estimand`` of effect,
        rate and ranks, and ``expected_estimand``.
        """
        table = self.table
        order = reading_order(table)
        rows = len(order)
        columns: dict[str, Any] = {
            "group": [table.group] * rows,
            "term": [table.term] * rows,
            "level": [table.levels[i] for i in order],
            "n": table.size[order],
            "exposure": table.exposure[order],
        }
        for name in _NUMBERS:
            values = getattr(table, name)[order]
            if not np.all(np.isnan(values)):
                columns[name.replace("ratio", table.comparison)] = values
        columns["estimand"] = ["conditional"] * rows
        if "expected" in columns:
            columns["expected_estimand"] = [table.expected_estimand] * rows
        return answer(columns, self.fitted.design.flavor)

    @property
    def notes(self) -> tuple[str, ...]:
        """How to read the table, and what was assumed."""
        return league_notes(self.table, self.fitted.design.response.name)

    @property
    def text(self) -> str:
        """The table as text; of many levels, both ends."""
        from ilk.show.text import table_text

        title, question = self._head()
        return "\n".join([title, *question, "", table_text(self._rows()).lstrip("\n")])

    @property
    def html(self) -> str:
        """The table as an HTML fragment that brings its own style."""
        from ilk.show.html import STYLE, table_html

        title, question = self._head()
        return "\n".join(
            [
                '<div class="ilk-summary">',
                f"<style>{STYLE}</style>",
                f"<h3>{escape(title)}</h3>",
                f"<p>{escape(' '.join(line.strip() for line in question))}</p>",
                table_html(self._rows()),
                "</div>",
            ]
        )

    def plot(self, ax: Any = None, *, kind: LeaguePicture = "ranks") -> Any:
        """Draw the table.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new axes by default.
        kind : {"ranks", "caterpillar", "shrinkage", "funnel"}
            Ranks with their intervals; effects with theirs, in order; raw rates and what the model
            makes of them; or observed over expected against size, with control limits of the model.

        Returns
        -------
        matplotlib axes
        """
        check_choice("kind", kind, LeaguePicture)
        words = measured(self.table, self.fitted.design.response.name)
        return pictures.draw_league(self.fitted, self.table, kind, words, ax)

    def funnel(self, coverages: tuple[float, ...] = (0.95, 0.998)) -> Funnel:
        """Control limits from the fitted model: what `plot(kind="funnel")` draws.

        Parameters
        ----------
        coverages : tuple of float
            Central probabilities of the limits.

        Returns
        -------
        Funnel
            Levels, sizes and limits as arrays; ``outside(coverage, within)`` says which levels are
            beyond them.
        """
        found: Funnel = funnels.funnel(self.fitted, self.table, coverages=coverages)
        return found

    def _head(self) -> tuple[str, list[str]]:
        import textwrap

        from ilk.show.text import WIDTH

        title, question = league_title(self.table, self.fitted.design.response.name)
        lines = textwrap.wrap(question, WIDTH, initial_indent="  ", subsequent_indent="  ")
        return title, lines

    def _rows(self) -> Table:
        return league_rows(self.table, self.notes)

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def league_answer(fitted: Fitted, group: str, **options: Any) -> LeagueAnswer:
    """Compare and rank the levels of a grouping factor.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    group : str
        Grouping factor.
    **options
        As `ilk.ranking.league_table` takes them.

    Returns
    -------
    LeagueAnswer
    """
    about = exceedance(fitted, options.pop("category", None))
    return LeagueAnswer(league_table(about, group, **options), about)
