"""Standardization and counterfactuals as answers: the question in words, the table, the notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.effects.counterfactuals import counterfactuals
from ilk.effects.standardize import Standardization, standardize
from ilk.late import Late
from ilk.prediction.quantities import quantities, quantity_column
from ilk.show.answer import Answer
from ilk.show.numbers import plain
from ilk.show.questions import estimand_phrase, listed, mean_phrase, unit_names
from ilk.show.tidy import Columns, by_category, predictions

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.prediction.quantities import Of
    from ilk.typing import FloatArray, IntArray

__all__ = ["counterfactual_table", "standardization_answer"]

pictures = Late("ilk.plot.standardization")

_FREE = ("measure", "level", "reference", "estimate", "std_error", "conf_low", "conf_high")
"""Names of columns that no subgroup may take."""


def standardization_answer(
    fitted: Fitted,
    variable: str,
    levels: Any,
    *,
    errors: str | None = None,
    of: Of | None = None,
    scores: Any = None,
    **options: Any,
) -> Answer:
    """Standardize, and put the result into words.

    Columns: ``measure``, ``category`` (of probabilities of categories), those of the subgroups,
    ``level, reference, estimate, std_error, conf_low, conf_high, n`` (or ``weight``) and
    ``estimand``.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    variable : str
        Column to set.
    levels : sequence or None
        Its values.
    errors : str, optional
        Sentence on the standard errors; by default that of a mixed model.
    of, scores
        What is asked of a category.
    **options
        As `standardize` takes them.

    Returns
    -------
    Answer
    """
    found = standardize(fitted, variable, levels, of=of, scores=scores, **options)
    asked = quantities(fitted, of, scores)
    about = asked[0].fitted
    own = None if asked[0].label is None else quantity_column(asked[0], ())
    subgroups = {_renamed(name): list(values) for name, values in found.subgroups.items()}
    weight = "weight" if found.weighted_by else "n"
    columns: dict[str, Any] = {
        "measure": list(found.measures),
        **subgroups,
        "level": list(found.levels),
        "reference": list(found.references),
        "estimate": found.estimate,
        "std_error": found.std_error,
        "conf_low": found.conf_low,
        "conf_high": found.conf_high,
        weight: _counts(found.weight),
        "estimand": [found.estimand] * len(found.estimate),
    }
    lone = not any(label is not None for label in found.references)
    hidden = ("estimand", *(("reference",) if lone else ()))
    if all(label is None for label in found.levels):
        hidden = (*hidden, "level")
    means = "means" if fitted.family == about.family or own is None else "probabilities"
    return Answer(
        title=f"What would {plain(variable)} do? Standardized {means} of "
        f"{plain(fitted.design.response.name)}",
        question=_question(about, found, own),
        columns=columns,
        flavor=fitted.design.flavor,
        words=("measure", *subgroups, "level", "reference"),
        notes=tuple(plain(note, 2000) for note in _notes(about, found, errors)),
        level=found.level,
        hidden=hidden,
        picture=lambda ax: pictures.draw_standardized(
            pictures.standardized_picture(found, mean_phrase(about, found.per)), ax
        ),
    )


def counterfactual_table(
    fitted: Fitted,
    scenarios: Any,
    data: Any,
    *,
    per: float | None = None,
    of: Of | None = None,
    scores: Any = None,
    **options: Any,
) -> tuple[Columns, str]:
    """Tabulate the predictions of every row under every scenario.

    Columns: ``row``, ``category`` (of probabilities of categories, which stand below each other
    row by row), those that were set, and those of predictions; a column that was set and has
    one of these names is called ``"row (set)"`` and the like.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    scenarios : mapping of str to values
        Columns and what they are set to.
    data : data frame or None
        The rows.
    per : float, optional
        Units of exposure that the predictions are rates for.
    of, scores
        What is asked of a category.
    **options
        As `counterfactuals` takes them.

    Returns
    -------
    columns : dict
        The table.
    flavor : str
        Make of the frame.
    """
    asked = quantities(fitted, of, scores)
    parts: list[Columns] = []
    for part in asked:
        found = counterfactuals(part.fitted, scenarios, data, per=per, **options)
        numbers = predictions(found.prediction, found.exposure, fitted.design.exposure_name)
        settings = {
            f"{name} (set)" if name == "row" or name in numbers else name: values
            for name, values in found.settings.items()
        }
        parts.append({"row": found.row, **settings, **numbers})
    if asked[0].label is None:
        return parts[0], found.flavor
    column = quantity_column(asked[0], parts[0])
    return by_category(parts, [part.label for part in asked], column), found.flavor


def _counts(weight: FloatArray) -> FloatArray | IntArray:
    """Sums of weights as whole numbers, if they are."""
    return weight.astype(np.int64) if np.all(weight == np.round(weight)) else weight


def _renamed(name: str) -> str:
    """Name of a column of subgroups that does not hide one of the table's own."""
    return f"{name} (subgroup)" if name in (*_FREE, "n", "weight", "estimand") else name


def _question(fitted: Fitted, found: Standardization, own: str | None) -> str:
    """Say which question the numbers answer."""
    what = mean_phrase(fitted, found.per)
    name = plain(found.variable)
    slopes_only = set(found.measures) == {"slope"}
    if slopes_only:
        act = f"By how much would the {what} change per unit of {name}"
    elif found.step == found.step:
        direction = "higher" if found.step > 0 else "lower"
        act = (
            f"What would the {what} be if {name} were as observed, and {abs(found.step):g} "
            f"{direction}, in every row"
        )
    else:
        values = listed([label for label in dict.fromkeys(found.levels) if label is not None])
        act = f"What would the {what} be if {name} were {values} in every row"
    rows = "rows of the fit" if found.target == "fit" else "rows of the target data"
    return (
        f"{act}, all else as it is? Averaged over the {rows}"
        f"{_within(own, found.subgroups)}, {_estimand(fitted, found.estimand)}."
    )


def _within(own: str | None, subgroups: Mapping[str, Any]) -> str:
    """Columns that rows are set apart by; the categories of the response are none."""
    names = [plain(name) for name in subgroups if name != own]
    return f" within {' and '.join(names)}" if names else ""


def _estimand(fitted: Fitted, estimand: str) -> str:
    """The estimand as a part of a sentence."""
    phrase = estimand_phrase(fitted, estimand)
    return f"and {phrase}" if phrase.startswith("over") else phrase


def _notes(fitted: Fitted, found: Standardization, errors: str | None) -> list[str]:
    """Say what the numbers rest on."""
    notes = [*dict.fromkeys(found.notes)]
    if found.weighted_by:
        notes.append(f"Rows are weighed by {' times '.join(found.weighted_by)}.")
    if found.per is not None:
        notes.append("A rate is the sum of expected events over the sum of the exposures.")
    if "nnt" in found.measures:
        notes.append(
            "nnt is 1 / difference: as many rows set to the level rather than the reference make "
            "for one event more (one fewer if it is negative)."
        )
    notes.append(errors or _errors(fitted, found))
    if not fitted.verdict.converged:
        notes.append(
            f"The fit is {fitted.verdict.status.value}: see verdict before these numbers are used."
        )
    return notes


def _errors(fitted: Fitted, found: Standardization) -> str:
    """Say where standard errors and intervals come from."""
    units = unit_names(fitted) or "rows"
    if found.draws is not None:
        draws, failed = found.draws, found.draws.failed
        unit = "rows" if draws.unit == "row" else f"levels of {plain(draws.unit)}"
        lost = f" ({failed} more failed and are left out)" if failed else ""
        rows = (
            "together with their rows"
            if found.covariates == "sample"
            else ("averaged over the same rows")
        )
        return (
            f"Standard errors and percentile intervals from {len(draws.values)} refits to "
            f"resampled {unit}{lost}, {rows}; seed {draws.seed}."
        )
    scales = _scales(fitted, found.measures)
    counted = "coefficients and variance parameters"
    if found.estimand == "conditional" and fitted.design.terms:
        counted = "coefficients, variance parameters and the random effects of these levels"
    if found.covariates == "sample":
        return (
            f"Standard errors by the delta method count {counted}, and that other {units} could "
            f"have been sampled.{scales}"
        )
    return (
        f"Standard errors by the delta method count {counted}; the covariates are taken as they "
        f"are (covariates='fixed').{scales}"
    )


def _scales(fitted: Fitted, measures: Sequence[str]) -> str:
    """Say on which scale intervals are made, where it is not that of the estimate."""
    parts = []
    if "mean" in measures and fitted.family.link.name != "identity":
        parts.append("means are made on the scale of the link")
    if not {"ratio", "odds_ratio"}.isdisjoint(measures):
        parts.append("ratios on the log scale" if parts else "ratios are made on the log scale")
    return f" Intervals of {', of '.join(parts)}." if parts else ""
