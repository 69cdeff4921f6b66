"""The report on clusters as an answer: standard errors by method, and what they come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.diagnostics.cluster_report import ClusterReport, cluster_report
from ilk.diagnostics.cluster_report.side_by_side import IGNORED, MIXED, Side
from ilk.late import Late
from ilk.show.answer import AbstractAnswer, Answer, table_of
from ilk.show.cluster_sections import (
    coefficients_section,
    correlations_section,
    effects_section,
    false_positives_section,
    sizes_section,
)
from ilk.show.cluster_sentences import coefficient_sentences
from ilk.show.numbers import plain
from ilk.show.summary import Table

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["ClusterReportAnswer", "cluster_report_answer"]

pictures = Late("ilk.plot.cluster_report")


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ClusterReportAnswer(AbstractAnswer):
    """What it costs to ignore that rows come in clusters.

    Parameters
    ----------
    answer : Answer
        A row per coefficient of the mean and method: estimates, standard errors, ratios.
    sizes : Answer
        A row per grouping factor: how many clusters of which sizes.
    correlations : Answer or None
        Intraclass correlations on each scale; None where they are not defined.
    design_effects : Answer or None
        A row per grouping factor: design effect of a mean, effective sample size.
    coefficients : Answer
        A row per coefficient: where its column varies, and its design effects.
    false_positives : Answer or None
        A row per coefficient and method: how often an effect is found that is not there.
    report : ClusterReport
        All numbers.
    wrap : callable
        Makes of the record of a fit what users hold.
    """

    answer: Answer
    sizes: Answer
    correlations: Answer | None
    design_effects: Answer | None
    coefficients: Answer
    false_positives: Answer | None
    report: ClusterReport
    wrap: Callable[[Fitted], Any]

    @property
    def mixed(self) -> Any:
        """The mixed model: the fit itself, or the one that was made for the comparison."""
        return self.wrap(self.report.mixed)


def cluster_report_answer(
    fitted: Fitted, group: Any, wrap: Callable[[Fitted], Any], **options: Any
) -> ClusterReportAnswer:
    """Report on the clusters of a model, in words and tables.

    Columns: ``term, method, estimand, estimate, std_error, ratio, design_effect``.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    group, **options
        As `cluster_report` takes them.
    wrap : callable
        Makes of the record of a fit what users hold.

    Returns
    -------
    ClusterReportAnswer
    """
    found = cluster_report(fitted, group, **options)
    flavor, level = found.mixed.design.flavor, found.level
    sizes = sizes_section(found, flavor)
    correlations = correlations_section(found, flavor)
    effects = None if found.effects is None else effects_section(found.effects, flavor, level)
    coefficients = coefficients_section(found, flavor)
    wrong = found.false_positives
    false = None if wrong is None else false_positives_section(wrong, found, flavor)
    sections = (sizes, correlations, effects, coefficients, false)
    response = plain(found.mixed.design.response.name)
    answer = Answer(
        title=f"What does it cost to ignore that rows of {response} come in clusters?",
        question="How large are the standard errors of the coefficients by methods that ignore "
        "clusters, allow for them, or model them?",
        columns=_side_columns(found),
        flavor=flavor,
        words=("term", "method", "estimand"),
        heads={"design_effect": "design effect"},
        notes=_notes(found),
        tables=tuple(_table(section) for section in sections if section is not None),
        picture=lambda ax: pictures.draw_cluster_report(pictures.cluster_picture(found), ax),
    )
    return ClusterReportAnswer(
        answer, sizes, correlations, effects, coefficients, false, found, wrap
    )


def _table(section: Answer) -> Table:
    shown = {name: v for name, v in section.columns.items() if name not in section.hidden}
    return table_of(
        section.title, shown, section.words, section.level, section.notes, section.heads
    )


def _side_columns(found: ClusterReport) -> dict[str, Any]:
    terms, sides, same = found.places.terms, found.sides, _collapsible(found)
    if np.all(same):
        sides = tuple(side for side in sides if side.estimand == "population")
    ignored = found.sides[0].std_error
    like = {e: found.side(MIXED, e) or found.side(MIXED, "conditional") for e in _ESTIMANDS}

    def ratio(side: Side) -> FloatArray:
        other = like[side.estimand]
        assert other is not None
        return _over(side.std_error, other.std_error)

    def effect(side: Side) -> FloatArray:
        squared = _over(side.std_error, ignored) ** 2
        return np.where(same, squared, np.nan) if side.estimand == "conditional" else squared

    def by_term(values: Sequence[Any]) -> Any:
        return np.column_stack(values).ravel()

    return {
        "term": [term for term in terms for _ in sides],
        "method": [side.method for _ in terms for side in sides],
        "estimand": [side.estimand for _ in terms for side in sides],
        "estimate": by_term([side.estimate for side in sides]),
        "std_error": by_term([side.std_error for side in sides]),
        "ratio": by_term([ratio(side) for side in sides]),
        "design_effect": by_term([effect(side) for side in sides]),
    }


_ESTIMANDS = ("population", "conditional")


def _over(a: FloatArray, b: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(b > 0.0, a / b, np.nan)


def _collapsible(found: ClusterReport) -> Any:
    """(p,) whether a conditional coefficient is the population's too."""
    one, all_of = found.side(MIXED, "conditional"), found.side(MIXED)
    if one is None or all_of is None:
        return np.zeros(len(found.places.terms), dtype=bool)
    return np.isclose(one.estimate, all_of.estimate, rtol=1e-6, atol=1e-12) & np.isclose(
        one.std_error, all_of.std_error, rtol=1e-6
    )


def _notes(found: ClusterReport) -> tuple[str, ...]:
    population = found.side(MIXED) is not None
    notes = [
        *coefficient_sentences(found),
        "ratio: standard error over that of the mixed model for the same estimand. "
        "design effect: squared standard error over that of ignoring clusters."
        if population
        else "ratio: standard error over that of the mixed model, whose coefficients are "
        "conditional. design effect: squared standard error over that of ignoring clusters.",
        "Standard errors: " + "; ".join(_kinds(found)) + ".",
    ]
    if np.all(_collapsible(found)):
        notes.append("Effects in one cluster and effects on the population's mean are the same.")
    elif population:
        notes.append(
            "conditional: the effect in one cluster, its random effects held; population: the "
            "effect on the mean over clusters, which is what all but the mixed model estimate. "
            "Compare like with like."
        )
    return tuple(plain(note, 2000) for note in (*notes, *found.notes))


def _kinds(found: ClusterReport) -> list[str]:
    return [
        f"{side.method}: {side.words}"
        for side in found.sides
        if side.method not in (IGNORED, MIXED)
    ] or ["model-based"]
