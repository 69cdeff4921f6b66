"""Responses that do not suit the family: two values, proportions, percentages, counts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from ilk.formula.language import Name
from ilk.lint.material import Material
from ilk.lint.rule import Remark
from ilk.lint.words import identifier_name

__all__ = [
    "count_as_continuous",
    "not_a_count",
    "percentage_response",
    "proportion_without_trials",
    "two_valued_response",
]

_MOST = 50
"""Columns among which numbers of trials are looked for."""

_WHOLE = 1e-6
"""How far from a whole number a count may be, relative to its size."""

_NEAR = 0.5
"""Share of successes that some row has if a column is its trials."""

_ZEROS, _LOW, _DISTINCT = 0.1, 10.0, 4
"""Share of zeros, mean and number of values of what looks like counts."""


def two_valued_response(material: Material) -> Iterator[Remark]:
    """Find responses with two values under a family that is not for them."""
    y = material.y
    if material.design.response.trials is not None or len(y) < 10:
        return
    low, high = float(y.min()), float(y.max())
    if low == high or not np.all((y == low) | (y == high)):
        return
    name, zero_one = material.design.response.name, (low, high) == (0.0, 1.0)
    if material.base.takes_trials and zero_one:
        return
    if zero_one:
        robust = (
            "; for risk ratios by a Poisson model use the robust standard errors of "
            "fit.cov_with('CR2')"
            if material.base.name == "poisson"
            else "; a linear probability model needs robust ones, fit.cov_with('CR2')"
            if material.base.name == "gaussian"
            else ""
        )
        yield Remark(
            (name,),
            f"The response {name!r} is 0 or 1, which the family {material.base.name!r} does not "
            "know: its standard errors assume another variance.",
            f"Use family='binomial'{robust}.",
            "note",
        )
        return
    yield Remark(
        (name,),
        f"The response {name!r} has two values only, {low:g} and {high:g}, as if it were an event "
        "coded by numbers.",
        f"Use family='binomial' with the response I({name} == {high:g}).",
    )


def proportion_without_trials(material: Material) -> Iterator[Remark]:
    """Find proportions of counts whose numbers of trials are a column of the data."""
    design, y = material.design, material.y
    given = design.precision_weights is not None or design.response.trials is not None
    if given or y.min() < 0.0 or y.max() > 1.0 or not _fractional(y):
        return
    name = design.response.name
    columns = [*material.unused, *design.data.names]
    found = next((c for c in islice(columns, _MOST) if _are_trials(material, c)), None)
    if found is not None:
        yield Remark(
            (name, found),
            f"The response {name!r} looks like a proportion of {found!r}: their product is a whole "
            "number in every row.",
            f"Use family='binomial' with precision_weights={found!r}, so that a proportion of many "
            "counts for more than one of few.",
        )
    elif material.base.takes_trials:
        yield Remark(
            (name,),
            f"The response {name!r} holds proportions, but the numbers of trials are not given.",
            "Give them as precision_weights=, or use family='beta' if the proportions are of no "
            "counts.",
        )


def percentage_response(material: Material) -> Iterator[Remark]:
    """Find percentages under a family for proportions."""
    y, base = material.y, material.base
    if base.name != "beta" and not (base.takes_trials and material.design.response.trials is None):
        return
    if y.min() < 0.0 or not 1.0 < y.max() <= 100.0 or len(np.unique(y)) < 3:
        return
    name = material.design.response.name
    if base.takes_trials and not _fractional(y):
        trials = _smallest_bound(material)
        yield Remark(
            (name,) if trials is None else (name, trials),
            f"The response {name!r} holds whole numbers up to {y.max():g}, but the numbers of "
            "trials are not given.",
            "Give them as trials=; percentages are for family='beta', divided by 100."
            if trials is None
            else f"Give them as trials={trials!r}, if {trials!r}, which is never smaller, is what "
            "they are; percentages are for family='beta', divided by 100.",
        )
        return
    yield Remark(
        (name,),
        f"The response {name!r} goes up to {y.max():g}, as percentages do, but the family "
        f"{base.name!r} takes proportions.",
        f"Write I({name} / 100) with family='beta', or counts with trials=.",
    )


def not_a_count(material: Material) -> Iterator[Remark]:
    """Find responses of count families that are not whole numbers."""
    y, base = material.y, material.base
    if not base.discrete or base.takes_trials or not _fractional(y):
        return
    name = material.design.response.name
    yield Remark(
        (name,),
        f"The response {name!r} is not a count, which the family {base.name!r} takes: it holds "
        f"{float(y[np.argmax(y != np.floor(y))]):g}.",
        "A rate is its count with exposure=; positive amounts suit family='gamma'.",
    )


def count_as_continuous(material: Material) -> Iterator[Remark]:
    """Find counts, many of them zero, under the Gaussian family."""
    base, response = material.base, material.design.spec.response
    if base.name != "gaussian" or base.link.name != "identity" or response.kind != "value":
        return
    y = material.y
    if not isinstance(response.parts[0].expression, Name) or y.min() != 0.0 or _fractional(y):
        return
    mean, zeros = float(y.mean()), float(np.mean(y == 0.0))
    skewed = y.max() >= 3.0 * mean + 2.0
    if zeros >= _ZEROS and mean < _LOW and skewed and len(np.unique(y)) >= _DISTINCT:
        yield Remark(
            (response.text,),
            f"The response {response.text!r} looks like a count: whole numbers, {zeros:.0%} of "
            "them 0, with a long tail.",
            "Use family='poisson' or 'negative_binomial_2', whose variance grows with the mean.",
        )


def _fractional(y: np.ndarray) -> bool:
    return bool(np.any(y != np.floor(y)))


def _smallest_bound(material: Material) -> str | None:
    """Column that may be the trials of counts: whole numbers that vary, never smaller, but near."""
    found: dict[str, float] = {}
    for column in islice(material.unused, _MOST):
        n = None if identifier_name(column) else material.whole(column)
        if n is None or n.min() < 1.0 or not np.ptp(n) > 0.0 or np.any(n < material.y):
            continue
        if np.max(material.y / n) >= _NEAR:
            found[column] = float(n.sum())
    return min(found, key=lambda column: found[column]) if found else None


def _are_trials(material: Material, column: str) -> bool:
    """Whether the response times a column gives whole numbers, by more than chance."""
    found = material.column(column)
    if found is None or found.kind not in ("integer", "float"):
        return False
    n = material.number(column)
    if n is None:
        return False
    y = material.y
    for some in (slice(0, 50), slice(None)):  # most columns are ruled out by a few rows
        part, size = y[some], n[some]
        if not np.all(np.isfinite(size) & (size >= 1.0) & (size == np.floor(size))):
            return False
        product = part * size
        if np.any(np.abs(product - np.round(product)) > _WHOLE * np.maximum(size, 1.0)):
            return False
    return float(n.max()) >= 2.0 and len(np.unique(n * (y != np.floor(y)))) > 2
