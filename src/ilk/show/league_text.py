"""The words of a league table: title, cells, and the sentences that say how to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.show.numbers import fixed, integer, p_value, plain, with_error
from ilk.show.rates import unit_words
from ilk.show.summary import Table

if TYPE_CHECKING:
    from ilk.ranking import League
    from ilk.typing import FloatArray, IntArray

__all__ = ["league_notes", "league_rows", "league_title", "measured", "reading_order"]

_ALL = 40
"""Levels up to which text shows all."""

_END = 12
"""Levels that are shown of each end otherwise."""

_LABEL, _SHORTEST, _WIDEST = 16, 6, 96
"""Characters of labels at most and at least, and of a line without its indent."""

_GRADES = ((0.5, "poor"), (0.75, "moderate"), (np.inf, "good"))


def reading_order(table: League) -> IntArray:
    """Levels by expected rank, then by the order of the fit."""
    return np.argsort(table.expected_rank, kind="stable")


def league_title(table: League, response: str) -> tuple[str, str]:
    """Title, and the question that the table answers.

    Parameters
    ----------
    table : League
        The numbers.
    response : str
        Name of the response.
    """
    group = plain(table.group)
    end = "lowest" if table.low_is_first else "highest"
    count = integer(len(table.levels))
    question = (
        f"Which levels of {group} are really better, once chance and case mix are taken into "
        f"account? Rank 1 of {count} is the {end} {_noun(table)}, taken as best "
        f"(order={'low' if table.low_is_first else 'high'!r})."
    )
    return f"League table of {group}: {measured(table, response)}", question


def _noun(table: League) -> str:
    """What is ranked, in a word or two."""
    return f"slope of {plain(table.term)}" if table.quantity == "slope" else table.quantity


def measured(table: League, response: str) -> str:
    """What `rate` is, with its unit.

    Parameters
    ----------
    table : League
        The numbers.
    response : str
        Name of the response.
    """
    name = plain(response)
    if table.said is not None and table.quantity != "slope":
        return plain(table.said, 200)
    if table.quantity == "slope":
        kind = {"log": "ratio per unit", "logit": "odds ratio per unit"}.get(table.scale)
        return f"slope of {plain(table.term)} ({kind or f'scale of the {table.scale} link'})"
    if table.quantity == "mean":
        return f"mean of {name}"
    per = f"{table.per:,.10g} " if table.per != 1.0 else ""
    if table.quantity == "proportion":
        unit = f"per {per}trials" if per else "per trial"
        return f"{name} {unit}"
    if table.exposure_name is None:
        return f"{name} per {per}{'rows' if per else 'row'}"
    return f"{name} per {unit_words(table.exposure_name, table.per)}"


def league_rows(table: League, notes: tuple[str, ...]) -> Table:
    """Cells of the most useful columns.

    Parameters
    ----------
    table : League
        The numbers.
    notes : tuple of str
        Sentences below.
    """
    order = reading_order(table)
    many = len(order) > _ALL
    shown = np.concatenate([order[:_END], order[-_END:]]) if many else order
    columns = _columns(table, shown)
    width = sum(2 + max(len(head), *map(len, cells)) for head, cells in columns)
    room = max(_SHORTEST, min(_LABEL, _WIDEST - width))
    labels = _cut([table.levels[i] for i in shown], room)
    rows = list(zip(labels, *(cells for _, cells in columns), strict=True))
    if many:
        left = len(order) - 2 * _END
        rows.insert(_END, ("...", *("" for _ in columns)))
        notes = (f"{integer(left)} more levels, in the middle, are in .frame.", *notes)
    return Table("", ("", *(head for head, _ in columns)), tuple(rows), notes=notes)


def _cut(labels: list[object], room: int) -> list[str]:
    """Labels no longer than they may be: cut at the end, or in the middle to tell them apart."""
    texts = [plain(label, 2000) for label in labels]
    cut = [text if len(text) <= room else f"{text[: room - 1]}…" for text in texts]
    if len(set(cut)) == len(set(texts)):
        return cut
    tail = room // 2
    return [
        text if len(text) <= room else f"{text[: room - 1 - tail]}…{text[-tail:]}" for text in texts
    ]


def _columns(table: League, shown: IntArray) -> list[tuple[str, list[str]]]:
    """Heads and cells."""
    cover = f"{100 * table.level:g}% interval"
    places = _decimals(table)

    def numbers(values: FloatArray, decimals: int) -> list[str]:
        return [fixed(float(v), decimals) for v in values[shown]]

    columns: list[tuple[str, list[str]]] = []
    if table.quantity == "slope":
        columns.append(("n", numbers(table.size, 0)))
        columns.append(("weight", numbers(table.weight, 2)))
    elif table.comparison == "difference":
        columns.append(("n", numbers(table.size, 0)))
        columns.append(("raw mean", numbers(table.raw_rate, places)))
        columns.append(("raw rank", [_rank(v) for v in table.raw_rank[shown]]))
    else:
        whole = bool(np.all(table.observed == np.round(table.observed)))
        columns.append(("obs", numbers(table.observed, 0 if whole else 1)))
        columns.append(("exp", numbers(table.expected, 1)))
        columns.append(("O/E", numbers(table.ratio, 2)))
        columns.append(("raw rank", [_rank(v) for v in table.raw_rank[shown]]))
    columns.append((table.quantity, numbers(table.rate, places)))
    columns.append((cover, numbers(table.rate_low, places)))
    columns.append(("", numbers(table.rate_high, places)))
    columns.append(("rank", numbers(table.expected_rank, 1)))
    columns.append((cover, [_rank(v) for v in table.rank_low[shown]]))
    columns.append(("", [_rank(v) for v in table.rank_high[shown]]))
    columns.append(("P best", [p_value(float(v)) for v in table.p_best[shown]]))
    if table.threshold is None:
        columns.append(("P worst", [p_value(float(v)) for v in table.p_worst[shown]]))
    else:
        columns.append(("P above", [p_value(float(v)) for v in table.p_above[shown]]))
    return columns


def _decimals(table: League) -> int:
    """Decimals of rates."""
    width = float(np.median(table.rate_high - table.rate_low))
    return with_error(table.center, 0.25 * width, 2)


def _rank(value: float) -> str:
    """Rank as text; a shared one may be half."""
    return fixed(float(value), 0 if float(value).is_integer() else 1)


def league_notes(table: League, response: str) -> tuple[str, ...]:
    """Sentences that say how to read the table, and what was assumed.

    Parameters
    ----------
    table : League
        The numbers.
    response : str
        Name of the response.
    """
    if table.tied:
        return (
            f"The estimated variance between the levels of {plain(table.group)} is zero: the model "
            "finds no difference between them beyond chance, all share the middle rank, and any "
            "order of them would be an order of luck.",
            *table.notes,
        )
    return (
        _rank_note(table),
        _rankability_note(table),
        *_number_notes(table, response),
        *table.notes,
        table.method,
    )


def _rank_note(table: League) -> str:
    level = f"{100 * table.level:g}%"
    text = (
        f"rank: expected rank, the mean over {integer(table.draws)} joint draws of all levels, "
        f"with its {level} interval; P best"
    )
    first = f"probability of being among the {_group(table.best, 'first')}"
    if table.threshold is None:
        return f"{text}, P worst: {first}, and among the {_group(table.worst, 'last')}."
    return f"{text}: {first}; P above: of a {_noun(table)} above {table.threshold:g}."


def _group(count: int, which: str) -> str:
    return which if count == 1 else f"{which} {integer(count)}"


def _rankability_note(table: League) -> str:
    middle = 0.5 * (len(table.levels) + 1)
    apart = int(np.sum((table.rank_low > middle) | (table.rank_high < middle)))
    grade = next(word for bound, word in _GRADES if table.rankability < bound)
    return (
        f"Rankability {fixed(table.rankability, 2)}, {grade}: in the median level that share of "
        "the variance of what its own data say is true difference and the rest is chance "
        f"(van Dishoeck et al. 2011). {_apart(apart, len(table.levels))}"
    )


def _apart(count: int, levels: int) -> str:
    if count == 0:
        return f"None of the {integer(levels)} rank intervals is on one side of the middle rank."
    if count == levels:
        return f"All {integer(levels)} rank intervals are on one side of the middle rank."
    verb = "is" if count == 1 else "are"
    return (
        f"{integer(count)} of the {integer(levels)} rank intervals {verb} on one side of the "
        "middle rank; the others cannot be told from it."
    )


def _number_notes(table: League, response: str) -> list[str]:
    if table.quantity == "slope":
        return [
            f"slope: {measured(table, response)}, fixed part included; weight: of the level's own "
            "data, 0 where all is shrunk (estimand: conditional)."
        ]
    notes = []
    if table.comparison == "ratio":
        whose = (
            "an average level of the population"
            if table.expected_estimand == "population"
            else "a typical level, with random effects of zero,"
        )
        notes.append(
            f"exp: expected of {whose} with the same rows, and O/E observed over that; raw rank: "
            f"of the raw {table.quantity}, by chance and case mix too."
        )
    if table.said is not None:
        notes.append(
            "Effects and ranks use all categories of the response, observed and raw numbers those "
            "up to and from one of them."
        )
    notes.append(
        f"{table.quantity}: {measured(table, response)} that the level's effect, shrunk, would "
        f"give with the rows of all levels (estimand: conditional); with an effect of zero "
        f"{fixed(table.center, _decimals(table))}."
    )
    return notes
