"""Marginal means, contrasts and slopes as answers: the question in words, the table, the notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.effects.by_category import join_categories
from ilk.effects.contrasts import Contrasts, contrasts
from ilk.effects.means import MarginalMeans, marginal_means
from ilk.effects.slopes import MarginalSlopes, marginal_slopes
from ilk.late import Late
from ilk.prediction.means import is_inverse_link
from ilk.prediction.quantities import quantities
from ilk.show.answer import Answer
from ilk.show.numbers import plain, significant
from ilk.show.questions import estimand_phrase, listed, mean_phrase

if TYPE_CHECKING:
    from ilk.effects.grid import Grid
    from ilk.fitted import Fitted
    from ilk.prediction.quantities import Of, Quantity
    from ilk.typing import FloatArray

__all__ = ["contrasts_answer", "means_answer", "slopes_answer"]

pictures = Late("ilk.plot.means")

_TAKEN = (
    *("estimate", "std_error", "df", "conf_low", "conf_high", "estimand", "scale", "measure"),
    *("level", "reference", "statistic", "p_value", "term"),
)
"""Names of columns that no factor may take."""

_WEIGHTS = {
    "equal": "equal weights",
    "proportional": "weighed by how often their combinations occur",
    "outer": "weighed by how often each level occurs",
    "cells": "weighed by how often their combinations occur at the levels asked about",
    "flat": "equal weights over the combinations that occur",
}

_ADJUSTED = {
    "mvt": "exactly, from the joint normal distribution of the contrasts (Tukey's method for all "
    "pairs of equal precision)",
    "holm": "by Holm's method (intervals by Bonferroni's)",
    "bonferroni": "by Bonferroni's method",
    "bh": "by Benjamini and Hochberg's method, which bounds the share of false discoveries "
    "(intervals are one at a time)",
    "scheffe": "by Scheffe's method, which covers all other contrasts too",
}

_KINDS = {
    "pairwise": "every level with every earlier one",
    "reference": "every level with the reference",
    "sequential": "every level with the one before",
    "effect": "every level with the average of all",
    "polynomial": "orthogonal polynomials in the levels",
    "custom": "weights as given",
}


def means_answer(
    fitted: Fitted, variables: Any, *, of: Of | None = None, scores: Any = None, **options: Any
) -> Answer:
    """Estimate means on a grid, and put them into words.

    Columns: ``category`` (of probabilities of categories), those of the factors, ``estimate,
    std_error, df, conf_low, conf_high, scale, estimand``.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    variables : str or sequence of str
        Columns asked about.
    of, scores
        What is asked of a category, see `ilk.prediction.quantities.quantities`.
    **options
        As `marginal_means` takes them.

    Returns
    -------
    Answer
    """
    wanted = _asked(fitted, of, scores, options)
    tables = [marginal_means(part.fitted, variables, **options) for part in wanted]
    found = join_categories(tables, wanted)
    fitted = found.grid.fitted
    what = _what(fitted, found.grid, found.scale)
    groups = _groups(found.by, wanted)
    asked = f" at each level of {listed(found.variables, 'and')}" if found.variables else ""
    factors = _factors(found.grid)
    return Answer(
        title=f"Marginal {'means' if wanted[0].label is None else 'probabilities'} of "
        f"{plain(fitted.design.response.name)}",
        question=f"What is the {what}{asked}{groups}, "
        f"{estimand_phrase(fitted, found.grid.estimand)}? "
        f"{_averaged(fitted, found.grid, found.averaged, found.scale)}",
        columns={**factors, **_numbers(found)},
        flavor=fitted.design.flavor,
        words=tuple(factors),
        notes=_notes(fitted, found, _limits(found)),
        level=found.level,
        hidden=(*_plain_df(found.df), "scale", "estimand"),
        picture=lambda ax: pictures.draw_means(pictures.means_picture(found, what), ax),
    )


def slopes_answer(
    fitted: Fitted, variable: str, *, of: Of | None = None, scores: Any = None, **options: Any
) -> Answer:
    """Estimate slopes on a grid, and put them into words.

    Columns: ``term``, ``category`` (of probabilities of categories), those of the factors,
    ``estimate, std_error, df, conf_low, conf_high, scale, estimand``.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    variable : str
        Number that slopes are in.
    of, scores
        What is asked of a category.
    **options
        As `marginal_slopes` takes them.

    Returns
    -------
    Answer
    """
    wanted = _asked(fitted, of, scores, options)
    tables = [marginal_slopes(part.fitted, variable, **options) for part in wanted]
    found = join_categories(tables, wanted)
    fitted = found.grid.fitted
    what = _what(fitted, found.grid, found.scale)
    factors = _factors(found.grid)
    groups = _groups(found.by, wanted)
    name = plain(variable)
    return Answer(
        title=f"Slopes in {name}",
        question=f"By how much does the {what} change per unit of {name}{groups}, "
        f"{estimand_phrase(fitted, found.grid.estimand)}? "
        f"{_averaged(fitted, found.grid, found.averaged, found.scale)}",
        columns={"term": [variable] * len(found.estimate), **factors, **_numbers(found)},
        flavor=fitted.design.flavor,
        words=("term", *factors),
        notes=_notes(fitted, found, "Slopes are derivatives through the whole formula."),
        level=found.level,
        hidden=(*_plain_df(found.df), "scale", "estimand", *(("term",) if factors else ())),
        picture=lambda ax: pictures.draw_forest(pictures.slopes_picture(found, what), ax),
    )


def contrasts_answer(
    fitted: Fitted,
    variables: Any,
    kind: Any,
    *,
    of: Of | None = None,
    scores: Any = None,
    **options: Any,
) -> Answer:
    """Compare means on a grid, and put the comparisons into words.

    Columns: ``measure``, ``category`` (of probabilities of categories), those of `by`, ``level,
    reference, estimate, std_error, statistic, df, p_value, conf_low, conf_high, scale,
    estimand``.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    variables : str or sequence of str
        Columns whose levels are compared.
    kind : str or mapping
        Which comparisons.
    of, scores
        What is asked of a category; the comparisons of each are a family.
    **options
        As `contrasts` takes them.

    Returns
    -------
    Answer
    """
    wanted = _asked(fitted, of, scores, options)
    tables = [contrasts(part.fitted, variables, kind, **options) for part in wanted]
    found = join_categories(tables, wanted)
    fitted = found.grid.fitted
    what = _what(fitted, found.grid, found.scale)
    by = {_renamed(name): [group[i] for group in found.groups] for i, name in enumerate(found.by)}
    measure = found.measure if found.slope is None else f"difference of slopes in {found.slope}"
    lone = all(reference is None for reference in found.references)
    columns: dict[str, Any] = {
        "measure": [measure] * len(found.estimate),
        **by,
        "level": list(found.names),
        "reference": list(found.references),
        "estimate": found.estimate,
        "std_error": found.std_error,
        "statistic": found.statistic,
        "df": found.df,
        "p_value": found.p_value,
        "conf_low": found.conf_low,
        "conf_high": found.conf_high,
        "scale": [found.scale] * len(found.estimate),
        "estimand": [found.grid.estimand] * len(found.estimate),
    }
    return Answer(
        title=f"Contrasts of {listed(found.variables, 'and')}",
        question=_contrast_question(found, what, _groups(found.by, wanted)),
        columns=columns,
        flavor=fitted.design.flavor,
        words=("measure", *by, "level", "reference"),
        notes=(*_notes(fitted, found, *_adjustment(found)),),
        level=found.level,
        hidden=(
            "measure",
            *_plain_df(found.df),
            "scale",
            "estimand",
            *(("reference",) if lone else ()),
        ),
        picture=lambda ax: pictures.draw_forest(pictures.contrasts_picture(found, what), ax),
    )


def _asked(
    fitted: Fitted, of: Of | None, scores: Any, options: Mapping[str, Any]
) -> tuple[Quantity, ...]:
    """What is asked of the response; the linear predictor has no categories."""
    return quantities(fitted, of, scores, linear=options.get("scale") == "link")


def _groups(by: Sequence[str], asked: Sequence[Quantity]) -> str:
    """Say what sets groups apart; the categories are part of what the numbers are."""
    others = by[1:] if asked[0].label is not None else by
    return f", for each {listed(others, 'and')}" if others else ""


def _contrast_question(found: Contrasts, what: str, groups: str) -> str:
    """Say what is compared, how, with what, and for whom."""
    fitted = found.grid.fitted
    measure = {"difference": "difference", "ratio": "ratio", "odds_ratio": "odds ratio"}
    of = (
        f"the {what}" if found.slope is None else f"the slope of the {what} in {plain(found.slope)}"
    )
    references = set(found.references)
    against = _KINDS[found.kind]
    if found.kind == "reference" and len(references) == 1:
        against = f"every other level with {plain(next(iter(references)))}"
    return (
        f"How does {of} compare between the levels of {listed(found.variables, 'and')}{groups}, "
        f"{estimand_phrase(fitted, found.grid.estimand)}? {measure[found.measure].capitalize()}s: "
        f"{against}. {_averaged(fitted, found.grid, found.averaged, found.scale)}"
    )


def _what(fitted: Fitted, grid: Grid, scale: str) -> str:
    """What means are of."""
    phrase = mean_phrase(fitted, grid.per)
    link = fitted.family.link.name
    if scale == "response" or link == "identity":
        return phrase
    if fitted.family.categorical:
        return f"linear predictor of {plain(fitted.design.response.name)} (thresholds apart)"
    if not is_inverse_link(fitted.family):
        phrase = phrase.replace("mean of", "mean (excess zeros apart) of", 1)
    return f"{link} of the {phrase}"


def _averaged(fitted: Fitted, grid: Grid, how: str, scale: str) -> str:
    """Say over what and on which scale rows are averaged, and what is held."""
    held = [
        f"{plain(name)} at {'its mean ' if name in grid.means else ''}{_short(value)}"
        for name, value in grid.held.items()
    ]
    at = f" with {listed(held, 'and')}" if held and len(held) <= 4 else ""
    if len(held) > 4:
        at = f" with {', '.join(held)}"
    if grid.kind == "observed":
        return f"{_act(fitted, how, scale)} over the rows of the fit{at}."
    if grid.averaged:
        over = "; ".join(
            f"{plain(name)}: {listed(values, 'and')}" for name, values in grid.averaged.items()
        )
        return f"{_act(fitted, how, scale)} over {over} ({_WEIGHTS[grid.weights]}){at}."
    return f"Computed{at}." if at else ""


def _act(fitted: Fitted, how: str, scale: str) -> str:
    if fitted.family.link.name == "identity" or (how == "link" and scale == "link"):
        return "Averaged"
    if how == "link":
        return "Linear predictors are averaged and taken back to means,"
    if scale == "link":
        return "Means are averaged and taken to the link,"
    return "Means are averaged"


def _short(value: object) -> str:
    return significant(value) if isinstance(value, float) else plain(value)


def _renamed(name: str) -> str:
    """Name of a factor's column that does not hide one of the table's own."""
    return f"{name} (factor)" if name in _TAKEN else name


def _factors(grid: Grid) -> dict[str, list[Any]]:
    return {_renamed(name): [cell[i] for cell in grid.cells] for i, name in enumerate(grid.focal)}


def _numbers(found: MarginalMeans | MarginalSlopes) -> dict[str, FloatArray | list[str]]:
    count = len(found.estimate)
    return {
        "estimate": found.estimate,
        "std_error": found.std_error,
        "df": found.df,
        "conf_low": found.conf_low,
        "conf_high": found.conf_high,
        "scale": [found.scale] * count,
        "estimand": [found.grid.estimand] * count,
    }


def _by_t(adjust: str) -> str:
    return _ADJUSTED[adjust].replace("joint normal distribution", "joint t distribution")


def _plain_df(df: FloatArray) -> tuple[str, ...]:
    """The column of degrees of freedom, if there are none."""
    return () if np.isfinite(df).any() else ("df",)


def _limits(found: MarginalMeans) -> str:
    if found.scale == "link" or found.grid.fitted.family.link.name == "identity":
        kind = "t distribution" if np.isfinite(found.df).any() else "normal distribution"
        return f"Intervals are one at a time, from the {kind}."
    return "Intervals are one at a time, made on the scale of the link."


def _adjustment(found: Contrasts) -> Sequence[str]:
    """Say how a family is judged, and what is tested."""
    null = "1" if found.measure != "difference" else "0"
    groups = " in each family" if found.by else ""
    tested = f"Tested against {null}" + (", on the log scale" if null == "1" else "")
    if found.family == 1:
        return (f"{tested}; a single contrast{groups}, not adjusted.",)
    if found.adjust == "none":
        return (
            f"{tested}, one at a time: p-values and intervals are not adjusted for the "
            f"{found.family} contrasts{groups}.",
        )
    what = "P-values and intervals" if found.simultaneous else "P-values"
    return (
        f"{tested}. {what} are adjusted for {found.family} contrasts{groups} "
        f"{_ADJUSTED[found.adjust] if _plain_df(found.df) else _by_t(found.adjust)}.",
    )


def _notes(
    fitted: Fitted, found: MarginalMeans | MarginalSlopes | Contrasts, *more: str
) -> tuple[str, ...]:
    """Say what the numbers rest on."""
    notes = [*dict.fromkeys(found.notes), *more]
    if found.grid.estimand == "conditional" and fitted.design.terms:
        counted = "coefficients, variance parameters and the random effects of these levels"
        notes.append(f"Standard errors by the delta method count {counted}.")
    elif not fitted.model.linear:
        notes.append(
            "Standard errors by the delta method count coefficients and variance parameters."
        )
    bends = bool(fitted.design.terms) and fitted.family.link.name != "identity"
    if bends and found.grid.estimand == "typical":
        notes.append(
            "A typical cluster is not the average of all: estimand='population' averages over them."
        )
    if not fitted.verdict.converged:
        notes.append(
            f"The fit is {fitted.verdict.status.value}: see verdict before these numbers are used."
        )
    return tuple(plain(note, 2000) for note in notes)
