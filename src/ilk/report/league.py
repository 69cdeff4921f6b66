"""The league table of a report: pictures and rows, from the record of `fit.league_table`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.plot.funnel import funnel_table
from ilk.plot.ranks import ranks_table
from ilk.plot.shrinkage import shrinkage_table
from ilk.ranking import league_table
from ilk.ranking.funnel import funnel
from ilk.report.numbers import decimals
from ilk.report.parts import picture_of, section

if TYPE_CHECKING:
    from ilk.ranking import League
    from ilk.report.asked import Reportable
    from ilk.report.unit import Unit

__all__ = ["league_rows", "league_sections", "ranked_group"]

_COMPARED = {
    "ratio": "O / E: observed over expected, with limits from the level's own data.",
    "difference": "Difference: observed less expected, per row, with limits from the level's own "
    "data.",
}

MOST = 1000
"""A factor with more levels than this has no table in a report."""


def ranked_group(fit: Reportable) -> str | None:
    """Grouping factor whose levels a report ranks unless told otherwise.

    Parameters
    ----------
    fit : Fit
        The fit.

    Returns
    -------
    str or None
        The only factor of a model for counts or proportions, if its levels have several rows or
        their own exposure, and a level of their own; else None.
    """
    fitted = fit.fitted
    design, family = fitted.design, fitted.family
    groups = {term.grouping.name for term in design.terms}
    levels = any(term.has_intercept and term.predictor == "mean" for term in design.random_parts)
    trials = design.response.trials
    counts = family.discrete and not family.categorical
    counted = counts and (not family.takes_trials or trials is not None)
    if len(groups) != 1 or not levels or not counted:
        return None
    grouping = design.terms[0].grouping
    repeated = bool(np.bincount(grouping.codes).max() > 1)
    known = design.exposure is not None or trials is not None or repeated
    return grouping.name if known and 3 <= len(grouping.levels) <= MOST else None


def league_sections(fit: Reportable, group: str, unit: Unit) -> list[dict[str, Any]]:
    """From raw to shrunken values, how sure ranks are, and who does not fit in.

    Parameters
    ----------
    fit : Fit
        The fit.
    group : str
        One of its grouping factors.
    unit : Unit
        Unit of the rates.

    Returns
    -------
    list of dict
        Three sections.
    """
    table = league_table(fit.fitted, group, per=unit.per)
    return [
        section(
            "league",
            f"How each {group} does",
            text=[
                "Each estimate is a compromise between the level's own data and all levels "
                "together. The less data, the more it is drawn to the middle, so that neither "
                "good nor bad luck of a small one looks like merit or fault.",
            ],
            picture=picture_of(
                "shrinkage",
                shrinkage_table(table, unit.label),
                f"Arrows from raw to shrunken {unit.label} of all levels of {group}, in order of "
                "the shrunken value. Small levels move furthest.",
                f"{_capital(unit.label)}, same case mix. The horizontal line is the middle of the "
                "population, to which all are drawn.",
            ),
            table=league_rows(fit, table, unit),
        ),
        section(
            "ranks",
            "How sure the ranks are",
            text=[
                "Ranks are less certain than rates. Where intervals overlap widely, the order of "
                "two levels is a toss of a coin; filled points are levels of which one can say on "
                "which side of the middle they are."
            ],
            picture=picture_of(
                "ranks",
                ranks_table(table, unit.label),
                f"Median ranks of the levels of {group} with 95% intervals, and their raw ranks.",
                "Crosses are the ranks of raw rates.",
            ),
        ),
        section(
            "funnel",
            f"Which {group} does not fit in",
            text=[
                "Between the lines is what chance does to levels that are all alike. The shaded "
                "funnel adds the differences between levels that the model has found: a level "
                "outside of it is one that the model did not expect."
            ],
            picture=picture_of(
                "funnel",
                funnel_table(funnel(fit.fitted, table)),
                f"Observed over expected of the levels of {group} against their size, with control "
                "limits.",
                "Limits from the fitted model, 95% and 99.8%.",
            ),
        ),
    ]


def league_rows(fit: Reportable, table: League, unit: Unit) -> dict[str, Any]:
    """Rows of the league table, by expected rank.

    Parameters
    ----------
    fit : Fit
        The fit.
    table : League
        Its league table.
    unit : Unit
        Unit of the rates.

    Returns
    -------
    dict
        ``columns``, ``rows`` and ``note``, as sections take them.
    """
    places = decimals(table.center)
    interval = f"{100 * table.level:g}% interval"
    exposed = str(table.exposure_name or "rows").replace("_", " ")
    response = fit.fitted.design.response.name
    ratio = table.comparison == "ratio"
    rate = {"kind": "number", "decimals": places, "sort": "up"}
    rank = {"kind": "number", "decimals": 1, "sort": "up"}
    chance = {"kind": "number", "decimals": 2, "sort": "down"}
    compared = "O / E" if ratio else "difference"
    word = {"rate": "rate", "proportion": "proportion", "mean": "mean"}[table.quantity]
    columns: list[tuple[dict[str, Any], Any]] = [
        (
            {"label": table.group, "kind": "text", "sort": "up"},
            [str(level) for level in table.levels],
        ),
        ({"label": exposed, "kind": "integer", "sort": "down"}, table.exposure),
        ({"label": response, "kind": _whole(table.observed), "sort": "down"}, table.observed),
        ({"label": "expected", "kind": "number", "decimals": 1, "sort": "down"}, table.expected),
        ({"label": compared, "kind": "number", "decimals": 2, "sort": "up"}, table.ratio),
        ({"label": interval, "kind": "number"}, _ends(table.ratio_low, table.ratio_high, 2)),
        ({"label": f"raw {word}", **rate}, table.raw_rate),
        ({"label": "raw rank", "kind": "integer", "sort": "up"}, table.raw_rank),
        ({"label": f"shrunken {word}", **rate}, table.rate),
        ({"label": interval, "kind": "number"}, _ends(table.rate_low, table.rate_high, places)),
        ({"label": "expected rank", **rank}, table.expected_rank),
        ({"label": interval, "kind": "number"}, _ends(table.rank_low, table.rank_high, 0)),
        ({"label": _among("lowest", table.best), **chance}, table.p_best),
        ({"label": _among("highest", table.worst), **chance}, table.p_worst),
    ]
    order = np.argsort(table.expected_rank, kind="stable")
    rows = [[_plain(values[i]) for _, values in columns] for i in order]
    return {
        "columns": [head for head, _ in columns],
        "rows": rows,
        "note": _note(table, unit),
    }


def _note(table: League, unit: Unit) -> str:
    whose = "an average" if table.expected_estimand == "population" else "a typical"
    return (
        f"{_capital(unit.label)}. Expected: what {whose} {table.group} would "
        f"have seen with the same rows. {_COMPARED[table.comparison]} Raw: the level's own data "
        "alone. Shrunken: for the rows of all levels, from the level's own data and the "
        "distribution of all levels. Rank 1 is the lowest; expected ranks "
        f"and probabilities are over {table.draws:,} joint draws of all "
        f"levels. Rankability {table.rankability:.2f}: the share of the variation between "
        "estimates that is real. A click on a heading orders the rows."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _among(which: str, count: int) -> str:
    return f"P({which})" if count == 1 else f"P(among {which} {count})"


def _whole(values: Any) -> str:
    return "integer" if bool(np.all(values % 1 == 0)) else "number"


def _ends(low: Any, high: Any, places: int) -> list[str]:
    return [f"{a:.{places}f} \N{EN DASH} {b:.{places}f}" for a, b in zip(low, high, strict=True)]


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else float(value)
