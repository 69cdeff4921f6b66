r"""The league table: which levels of a grouping factor are really better.

A table of raw rates puts small levels at both ends, by luck.  Here each level is described three
times: by its own data (observed against expected, raw rate and rank), by what the model makes of
them (:math:`b_l` given all data, and the rate that follows with the rows of all levels), and by
ranks from joint draws of all levels, with probabilities of being among the first or the last.
Mathematics: docs/derivations/ranks.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import ModelError
from ilk.inference.wald import two_sided
from ilk.model.dependence import dependent_groups
from ilk.prediction.levels import check_choice
from ilk.prediction.quantities import exceedance
from ilk.ranking.counts import Counts, count_levels, sizes_only
from ilk.ranking.draws import of_some, posterior
from ilk.ranking.ranks import RankSummary, mean_ranks, rankability, summarize_draws
from ilk.ranking.record import Adjust, Expected, League, Order
from ilk.ranking.scale import Scale
from ilk.ranking.standards import make_standard
from ilk.ranking.target import OVERALL, choose_target, conditional_variances

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.ranking.standards import Standard
    from ilk.ranking.target import Target
    from ilk.typing import FloatArray, IntArray

__all__ = ["League", "league_table"]

_MOST = 50_000_000
"""Draws of single levels that are kept at most."""

_FEWEST = 100
"""Draws at least."""


def league_table(
    fitted: Fitted,
    group: str,
    *,
    term: str | None = None,
    order: Order = "low",
    threshold: float | None = None,
    best: int | None = None,
    worst: int | None = None,
    per: float = 1.0,
    expected: Expected = "population",
    adjust: Adjust = "case_mix",
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
    category: Any = None,
) -> League:
    """Compare and rank the levels of a grouping factor.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    group : str
        Grouping factor.
    term : str, optional
        Random effect to rank by, such as a slope; by default the sum of all effects of a level at
        the mean of their columns.
    order : {"low", "high"}
        Which end of the scale is best.
    threshold : float, optional
        Rate (or slope) whose excess gets a probability, on the scale of the table.
    best, worst : int, optional
        Sizes of the top and of the bottom group; a tenth of the levels by default.
    per : float
        Units of exposure that rates are for.
    expected : {"population", "typical"}
        What the expected numbers are of.
    adjust : {"case_mix", "within"}
        Whether covariates that are constant within levels are part of the case mix, like all
        others, or part of what a level is ranked by.
    level : float
        Coverage of the intervals.
    draws : int
        Draws from the joint posterior.
    seed : int
        Makes them repeatable.
    category : Label, optional
        Of responses that are categories: the one whose probability, together with all higher ones,
        levels are compared by.

    Returns
    -------
    League

    Raises
    ------
    DataError
        The factor, or the random effect, is unknown.
    ModelError
        There are no random effects, or an argument is out of range.
    """
    two_sided(level)
    fitted = exceedance(fitted, category)
    for name, value, choices in (
        ("order", order, Order),
        ("expected", expected, Expected),
        ("adjust", adjust, Adjust),
    ):
        check_choice(name, value, choices)
    standard = make_standard(fitted, group, adjust, expected)
    every = choose_target(fitted, group, term, standard.weights, standard.fixed)
    seen = _with_data(fitted, every)
    target = every if seen is None else _only(every, seen)
    L, low_first = len(target.levels), order == "low"
    sizes = _group_size("best", best, L), _group_size("worst", worst, L)
    scale = Scale(standard, target, per)
    at = None if threshold is None else scale.effect_at(threshold)
    count = _draw_count(draws, L)
    between = target.prior_variance(fitted.estimates.covariances)
    conditional = conditional_variances(fitted, every)
    own = between * _own_variances(fitted, every)
    source = posterior(fitted, every, scale.common)
    if seen is not None:
        conditional, own, source = conditional[seen], own[seen], of_some(source, seen)
    found = summarize_draws(
        source.chunks(count, np.random.default_rng(_seed(seed))),
        L,
        count,
        low_is_first=low_first == scale.rising,
        best=sizes[0],
        worst=sizes[1],
        threshold=at,
        level=level,
        fold=scale.fold,
    )
    tied = between == 0.0 and bool(np.all(target.fixed == target.fixed[:1]))
    if tied:
        found = _all_equal(found, sizes, level)
    if target.slope:
        counts = sizes_only(standard, target.codes, L)
    else:
        counts = count_levels(standard, target.codes, L, expected, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = scale.per * counts.observed / counts.exposure
        weight = 1.0 - conditional / own if between > 0.0 else np.zeros(L)
    rate_low, rate_high = scale.limits(found.total_low, found.total_high)
    return League(
        group=target.group,
        term=target.name,
        quantity=scale.quantity,
        said=fitted.family.phrase(fitted.design.response.name),
        scale=scale.link,
        levels=target.levels,
        size=counts.size,
        exposure=counts.exposure,
        exposure_name=standard.exposure_name,
        observed=counts.observed,
        expected=counts.expected,
        expected_estimand=expected,
        adjust=adjust,
        comparison=counts.comparison,
        ratio=counts.ratio,
        ratio_low=counts.low,
        ratio_high=counts.high,
        raw_rate=raw,
        raw_rank=mean_ranks(raw, low_is_first=low_first),
        effect=found.effect,
        effect_low=found.effect_low,
        effect_high=found.effect_high,
        rate=scale.values(found.total),
        rate_low=rate_low,
        rate_high=rate_high,
        weight=np.clip(weight, 0.0, 1.0),
        expected_rank=found.expected_rank,
        percentile=100.0 * (found.expected_rank - 0.5) / L,
        median_rank=found.median_rank,
        rank_low=found.rank_low,
        rank_high=found.rank_high,
        p_best=found.p_best,
        p_worst=found.p_worst,
        p_above=found.p_above if scale.rising else 1.0 - found.p_above,
        center=scale.center,
        rankability=rankability(between, conditional),
        threshold=None if threshold is None else float(threshold),
        best=sizes[0],
        worst=sizes[1],
        per=scale.per,
        low_is_first=low_first,
        level=level,
        draws=count,
        tied=tied,
        method=source.method,
        notes=_notes(standard, target, counts, draws, count),
    )


def _with_data(fitted: Fitted, target: Target) -> IntArray | None:
    """Levels that have rows, where others are there for their relatives only; None for all."""
    if not dependent_groups(fitted.design, (target.group,)):
        return None
    rows = np.bincount(target.codes, minlength=len(target.levels))
    return None if np.all(rows > 0) else np.flatnonzero(rows)


def _only(target: Target, seen: IntArray) -> Target:
    """The target of some of its levels."""
    place = np.full(len(target.levels), -1, dtype=np.intp)
    place[seen] = np.arange(len(seen))
    return replace(
        target,
        levels=tuple(target.levels[k] for k in seen.tolist()),
        codes=place[target.codes],
        fixed=target.fixed[seen] if len(target.fixed) == len(target.levels) else target.fixed,
    )


def _own_variances(fitted: Fitted, target: Target) -> FloatArray:
    """Variances (L,) of the levels in units of that of the term; ones, if they are independent."""
    over = fitted.dependences[target.terms[0]]
    return np.ones(len(target.levels)) if over is None else over.variances()


def _group_size(name: str, value: Any, levels: int) -> int:
    """Size of the top or bottom group: a tenth of the levels unless asked for."""
    if value is None:
        return max(1, round(levels / 10))
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not 1 <= value <= levels:
        raise ModelError(
            f"{name}={value!r:.60}: give a whole number of levels from 1 to {levels}, which is how "
            "many there are.",
            code="count",
        )
    return int(value)


def _draw_count(draws: Any, levels: int) -> int:
    whole = isinstance(draws, (int, np.integer)) and not isinstance(draws, bool)
    if not whole or draws < _FEWEST:
        raise ModelError(
            f"draws={draws!r:.60}: give a whole number of at least {_FEWEST}.", code="count"
        )
    return int(min(draws, max(_FEWEST, _MOST // levels)))


def _seed(seed: Any) -> int:
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool) and seed >= 0:
        return int(seed)
    raise ModelError(f"seed={seed!r:.60}: give a whole number that is not negative.", code="seed")


def _all_equal(found: RankSummary, sizes: tuple[int, int], level: float) -> RankSummary:
    """Ranks of levels between which there is no difference: any order is as good."""
    L, tail = len(found.expected_rank), 0.5 * (1.0 - level)
    ones, middle = np.ones(L), 0.5 * (L + 1)
    return replace(
        found,
        expected_rank=middle * ones,
        median_rank=middle * ones,
        rank_low=max(1.0, np.ceil(tail * L)) * ones,
        rank_high=np.ceil((1.0 - tail) * L) * ones,
        p_best=sizes[0] / L * ones,
        p_worst=sizes[1] / L * ones,
    )


def _notes(
    standard: Standard, target: Target, counts: Counts, asked: int, draws: int
) -> tuple[str, ...]:
    """What was assumed, in sentences."""
    notes, fitted = [], standard.fitted
    terms = fitted.design.terms
    others = [t for t, term in enumerate(terms) if term.grouping.name != target.group]
    held = dict.fromkeys(terms[t].grouping.name for t in others if standard.averaged.known[t][0])
    inside = dict.fromkeys(
        terms[t].grouping.name for t in others if not standard.averaged.known[t][0]
    )
    if target.name == OVERALL:
        notes.append(
            "A level's effect is the sum of its random effects at the mean of their columns."
        )
    if target.slope and not np.any(target.fixed):
        notes.append(f"{target.name} has no fixed slope of this name: slopes are around zero.")
    if held:
        notes.append(f"Effects of {', '.join(held)} are part of the case mix.")
    if inside:
        notes.append(f"Effects of {', '.join(inside)}, inside, are averaged over.")
    if standard.unadjusted and not target.slope:
        notes.append(
            f"Not adjusted for, and so part of what is ranked: {', '.join(standard.unadjusted)}."
        )
    if not target.slope:
        notes.append(f"Limits of the {counts.comparison}: {counts.limits}.")
    if draws < asked:
        notes.append(f"{draws:,} draws in place of {asked:,}, to keep memory within bounds.")
    return tuple(notes)
