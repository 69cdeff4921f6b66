"""Exposures of counts: one that enters as a covariate, one that is not used, one not logged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from math import isfinite

import numpy as np

from ilk.design.exposure_like import ExposureLike, exposure_like, exposure_name
from ilk.formula.language import Call, Name, quoted
from ilk.lint.material import Material, inner_column
from ilk.lint.rule import Remark

__all__ = ["exposure_as_covariate", "offset_not_logged", "unused_exposure"]

_SOME = 20_000
"""Rows from which a relation to the counts is judged."""

_MOST = 20
"""Columns that are looked at, and columns that are reported."""

_REPORTED = 3

_LOGARITHM = re.compile(r"^(log|ln)[_. ]?(?![a-z]*istic)", re.IGNORECASE)
"""How names of logarithms begin."""

_LARGEST = 20.0
"""Logarithms of exposures are smaller than this."""


def exposure_as_covariate(material: Material) -> Iterator[Remark]:
    """Find exposures, or their logarithms, that have a coefficient of their own."""
    if not material.counts:
        return
    for text, column in _covariates(material):
        if column in material.known:
            yield Remark(
                (text, column),
                f"{column!r} enters twice: with coefficient one, and as the covariate {text!r}, "
                "whose coefficient says how far the events are from being in proportion to it.",
                f"If {column!r} is the exposure, leave {text!r} out of the formula; "
                "fit.exposure_check() compares both models.",
                "note",
            )
        elif not material.known and _suspect(material, column, logged=text != column):
            how = (
                f"as the covariate {text!r}, so a doubling of it need not double the expected count"
                if text != column
                else "as a covariate, so the expected count grows exponentially with it"
            )
            yield Remark(
                (text, column),
                f"{column!r} looks like an exposure but enters {how}.",
                f"Give exposure={column!r} and leave it out of the formula; "
                "fit.exposure_check() compares both models.",
            )
        elif not material.known and text == column and _logarithm(material, column):
            yield Remark(
                (column,),
                f"{column!r} looks like the logarithm of an exposure but enters as a covariate, so "
                "a doubling of the exposure need not double the expected count.",
                f"Write offset({quoted(column)}), whose coefficient is one; the interval of the "
                "free coefficient says whether one agrees with the data.",
            )


def unused_exposure(material: Material) -> Iterator[Remark]:
    """Find columns that look like the exposure of counts that have none."""
    if not material.counts or material.known or _has_suspect(material):
        return
    kinds = {name: exposure_name(name) for name in material.unused}
    for kind in ("clear", "possible"):  # the second are of interest where there is no first
        named = islice((name for name, found in kinds.items() if found == kind), _MOST)
        likes = [like for like in (_like(material, name) for name in named) if like is not None]
        if kind == "possible":
            likes = [like for like in likes if isfinite(like.coefficient)]
        if likes:
            break
    for like in likes[:_REPORTED]:
        yield Remark(
            (like.column,),
            f"The counts have no exposure, but the column {like.column!r} {like.words}.",
            f"Is the expected count in proportion to it? Then give exposure={like.column!r}: the "
            "model is one of rates.",
        )


def offset_not_logged(material: Material) -> Iterator[Remark]:
    """Find exposures that are an offset as they are, where their logarithm is meant."""
    if material.base.link.name != "log":
        return
    given = material.design.arguments.get("offset")
    names = [] if given is None else [given]
    offsets = material.design.spec.predictors[0].offsets
    names += [o.expression.column for o in offsets if isinstance(o.expression, Name)]
    for name in names:
        values = material.number(name)
        large = values is not None and bool(np.all(values > 0.0) and np.max(values) > _LARGEST)
        if large and exposure_name(name) in ("clear", "possible"):
            yield Remark(
                (name,),
                f"The offset {name!r} looks like an exposure, but is not its logarithm.",
                f"Give exposure={name!r}, or write offset(log({name})).",
            )


def _covariates(material: Material) -> Iterator[tuple[str, str]]:
    """Covariates of the mean that are numbers: the text of the term, and its column."""
    for term in material.mean.recipe.terms.terms:
        if len(term.factors) != 1 or term.factors[0].text in material.mean.recipe.levels:
            continue
        expression = term.factors[0].expression
        plain = isinstance(expression, Name) or (
            isinstance(expression, Call) and expression.function.startswith("log")
        )
        column = inner_column(expression) if plain else None
        if column is not None:
            yield term.text, column


def _suspect(material: Material, column: str, *, logged: bool) -> bool:
    like = _like(material, column)
    clear = exposure_name(column) == "clear"
    return like is not None and (clear or (like.by_behavior and (like.by_name or logged)))


def _has_suspect(material: Material) -> bool:
    return any(
        _suspect(material, c, logged=t != c) or (t == c and _logarithm(material, c))
        for t, c in _covariates(material)
    )


def _logarithm(material: Material, column: str) -> bool:
    """Whether a column is named like the logarithm of an exposure, and counts agree."""
    bare = _LOGARITHM.sub("", column)
    values = material.number(column) if bare not in ("", column) else None
    if values is None or not np.all(np.isfinite(values) & (values < _LARGEST)):
        return False
    step = max(1, len(values) // _SOME)
    like = exposure_like(bare, np.exp(values[::step]), material.y[::step])
    return (
        like is not None and like.by_name and (like.by_behavior or exposure_name(bare) == "clear")
    )


def _like(material: Material, column: str) -> ExposureLike | None:
    values = material.number(column)
    if values is None:
        return None
    step = max(1, len(values) // _SOME)
    if len(np.unique(values[::step][:1000])) < 3:  # an indicator
        return None
    return exposure_like(column, values[::step], material.y[::step])
