"""Collect a report: one plain dictionary of text, numbers, tables and the data of pictures.

Nothing here knows of HTML. The dictionary can be written as JSON, or rendered by
:mod:`ilk.report.render`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ilk.inference.chosen import chosen_covariance
from ilk.inference.wald import CoefficientCovariance
from ilk.plot.asked import columns_of
from ilk.plot.caterpillar import caterpillar_table
from ilk.plot.coefficients import coefficients_table
from ilk.plot.effects import BOTH, effect_table, merge_alike
from ilk.plot.twofold import twofold_table
from ilk.prediction.rates import is_rate
from ilk.report.answers import answers, population_exists, variables, with_mean
from ilk.report.asked import Reportable
from ilk.report.league import league_sections, ranked_group
from ilk.report.parts import picture_of, section
from ilk.report.pictures import plain
from ilk.report.structures import structure_sections
from ilk.report.unit import Unit, unit_of
from ilk.show.summary import Summary, Table, summarize
from ilk.show.wording import Causes

__all__ = ["collect"]

MOST_EFFECTS = 4
"""Variables of which a report shows an effect."""

MOST_LEVELS = 24
"""A factor with more levels than this is left to the table of coefficients."""

_TONES = {"error": 3, "warning": 2, "note": 1}


def collect(
    fit: Reportable,
    data: Any,
    *,
    title: str | None = None,
    lead: Sequence[str] = (),
    focus: str | None = None,
    at: Mapping[str, Any] | None = None,
    rank: str | None = None,
    design: Causes = None,
    cov: Any = "model",
    df: Any = None,
) -> dict[str, Any]:
    """Collect the report of a fit.

    Parameters
    ----------
    fit : Fit
        The fit.
    data : data frame
        The data that it was fitted to.
    title : str, optional
        Title; by default what is modeled.
    lead : sequence of str
        Paragraphs below the title.
    focus : str, optional
        Variable whose effect is answered first; the first one of the formula by default.
    at : mapping of str to object, optional
        Values at which other columns are held in comparisons; by default the mean of a number and
        the most frequent value of all else, and an exposure at its unit.
    rank : str, optional
        Grouping factor whose levels are compared in a league table; by default the only one of a
        model for counts or proportions.
    design : {None, "observational", "randomized"}
        How the data came about: decides what the footer says of association and causation.
    cov, df
        Covariance matrix and degrees of freedom of the coefficients, as `Fit.tidy` takes them;
        all other intervals are the model's.

    Returns
    -------
    dict
        Plain data: dictionaries, lists, text, numbers and None.
    """
    names = tuple(columns_of(data))
    about = with_mean(fit)
    unit = unit_of(fit if about is None else about, names)
    held = {**unit.at, **(at or {})}
    used = chosen_covariance(fit.fitted, cov, df)
    summary = summarize(fit.fitted, design=design, covariance=used)
    moving = [name for name in variables(fit, names) if name not in unit.at]
    if focus is not None:
        moving = [focus, *(name for name in moving if name != focus)]
    moving = moving if about is not None else []
    first, drawn = None, list[dict[str, Any] | None]()
    if about is not None and moving:
        first = answers(about, data, moving[0], unit, held)
        drawn = [_effect(about, data, name, unit, held) for name in moving[:MOST_EFFECTS]]
    effects = [part for part in drawn if part is not None]
    for later in effects[1:]:
        later["text"] = []  # said once
    sections = [
        *effects[:1],
        *_clusters(fit, unit, rank),
        _coefficients(fit, summary, used),
        *_rate_ratios(summary),
        *_random_part(summary),
        *structure_sections(fit),
        *_twofold(fit),
        *effects[1:],
    ]
    report: dict[str, Any] = plain(
        {
            "title": title or f"A model of {fit.fitted.design.response.name}",
            "lead": list(lead) or [summary.title],
            "answers": first,
            "verdict": _verdict(summary, fit),
            "sections": sections,
            "model": _model(summary),
            "notes": [f"{finding.severity}: {finding}" for finding in summary.findings],
            "footer": [summary.association, summary.footer],
        }
    )
    return report


def _coefficients(fit: Reportable, summary: Summary, used: CoefficientCovariance) -> dict[str, Any]:
    table = next(t for t in summary.tables if t.title.startswith("Coefficients"))
    link = fit.fitted.family.link.name
    ratio = link in ("log", "logit", "cloglog")
    shown = coefficients_table(fit, ratio=ratio, cov=used)
    name = {"log": "Ratios of means", "logit": "Odds ratios"}.get(link, "Exponentials")
    if is_rate(fit.fitted.design, fit.fitted.family):
        name = "Rate ratios"
    picture = None
    if 0 < len(shown.terms) <= 40:
        picture = picture_of(
            "coefficients",
            shown,
            "Coefficients of the mean with their 95% intervals, one row each.",
            f"{name} within a cluster, with 95% intervals." if ratio else "With 95% intervals.",
        )
    return section("coefficients", table.title, picture=picture, table=_text_table(table))


def _effect(
    fit: Reportable, data: Any, variable: str, unit: Unit, at: Mapping[str, Any]
) -> dict[str, Any] | None:
    others = {name: value for name, value in at.items() if name != variable}
    both = population_exists(fit)
    table = effect_table(fit, data, variable, at=others, estimands=BOTH if both else ("typical",))
    if not table.continuous and len(table.values) > MOST_LEVELS:
        return None
    table = merge_alike(table)
    alike = len(table.estimands) == 1
    text = (
        "The mean over the population does not exist for this link."
        if not both
        else "The mean of a typical cluster and that of the population are the same here."
        if alike
        else "Typical: a cluster in the middle of the distribution, random effects at zero. "
        "Population: the mean over the distribution of clusters."
    )
    picture = picture_of(
        "effect",
        table,
        f"Predicted {unit.label} against {variable}, for a typical cluster and for the population, "
        "with 95% intervals.",
        _held(table.held, fit),
        ylabel=unit.label,
        per=unit.per,
    )
    return section(
        f"effect-{_slug(variable)}", f"Effect of {variable}", text=[text], picture=picture
    )


def _held(held: Mapping[str, Any], fit: Reportable) -> str:
    """Say at which values the columns of the model were held."""
    formula = fit.fitted.formula
    used = set(formula.columns)
    groups = {g for part in formula.predictors for term in part.random for g in term.grouping}
    parts = [
        f"{name} = {value:.3g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in held.items()
        if name in used and name not in groups and name != fit.fitted.design.response.name
    ]
    return "With 95% intervals." + (f" Held: {', '.join(parts)}." if parts else "")


def _rate_ratios(summary: Summary) -> list[dict[str, Any]]:
    return [
        section("rate-ratios", table.title, table=_text_table(table))
        for table in summary.tables
        if table.title.startswith("Rate ratios") and table.rows
    ]


def _random_part(summary: Summary) -> list[dict[str, Any]]:
    titles = {
        "Random effects": ("random-part", "How much clusters differ"),
        "Residual": ("random-part", "How much clusters differ"),
        "Correlation parameters": ("correlation-parameters", "How their effects go together"),
    }
    return [
        section(*titles[table.title], table=_text_table(table))
        for table in summary.tables
        if table.title in titles
    ]


def _twofold(fit: Reportable) -> list[dict[str, Any]]:
    """Profile of a dispersion and an effect of each row, where a model has both."""
    if all(reason.code != "two_dispersions" for reason in fit.fitted.verdict.reasons):
        return []
    table = twofold_table(fit)
    if table is None:
        return []
    return [
        section(
            "two-dispersions",
            "One variation, two parameters",
            text=[
                "The dispersion of the family and the effects of rows describe the same extra "
                "variation. The dispersion is held at a series of values and all else fitted anew: "
                "where the curve stays low, the data do not tell the two apart."
            ],
            picture=picture_of(
                "twofold",
                table,
                "Log-likelihood lost along the dispersion, with the standard deviation of the "
                "effects of rows that goes with each value.",
                "Labels are standard deviations of the effects of rows; below the line a 95 % "
                "interval has the dispersion.",
            ),
        )
    ]


def _clusters(fit: Reportable, unit: Unit, rank: str | None) -> list[dict[str, Any]]:
    """League table of one factor, caterpillars of all others."""
    group = ranked_group(fit) if rank is None else rank
    sections = [] if group is None else league_sections(fit, group, unit)
    for other in dict.fromkeys(term.grouping.name for term in fit.fitted.design.terms):
        if other == group:
            continue
        table = caterpillar_table(fit, other)
        if len(table.levels) <= 500:
            sections.append(
                section(
                    f"levels-{_slug(other)}",
                    f"Effects of {other}",
                    picture=picture_of(
                        "caterpillar",
                        table,
                        f"Estimated effects of the levels of {other}, in order, with intervals.",
                        f"{table.term}, conditional modes with 95% intervals; hollow where the "
                        "interval contains zero.",
                    ),
                )
            )
    return sections


def _text_table(table: Table) -> dict[str, Any]:
    """Lay out a table of the summary, whose cells are text already."""
    header = list(table.header)
    last = [j for j, name in enumerate(header) if name.endswith("interval")]
    for j in last:
        header[j], header[j + 1] = f"{header[j]}: from", "to"
    return {
        "columns": [
            {"label": name, "kind": "text" if j < table.labels else "number"}
            for j, name in enumerate(header)
        ],
        "rows": [list(row) for row in table.rows],
        "note": " ".join(table.notes),
    }


def _verdict(summary: Summary, fit: Reportable) -> dict[str, Any]:
    severities = [severity for severity, _ in summary.reasons]
    worst = max(severities, key=lambda s: _TONES.get(s, 0), default="good")
    return {
        "status": f"Verdict: {summary.verdict}.",
        "tone": "error" if not fit.fitted.verdict.converged else worst,
        "reasons": [{"message": text, "advice": ""} for _, text in summary.reasons],
    }


def _model(summary: Summary) -> list[dict[str, Any]]:
    facts = [("model", summary.title), *summary.facts]
    return [{"label": label, "value": text, "code": label == "formula"} for label, text in facts]


def _slug(name: str) -> str:
    """Letters and digits of a name for an identifier; others by their number."""
    return "".join(c if c.isascii() and c.isalnum() else f"-{ord(c):x}-" for c in str(name))[:80]
