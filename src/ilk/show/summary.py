"""What a summary says: everything collected from a fit, before any layout.

Collecting and writing are apart: `summarize` reads the fit and returns a plain record of titles,
facts, tables and sentences; `ilk.show.text` and `ilk.show.html` write the same record as text and
as HTML.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ilk.inference.criteria import aic, bic
from ilk.inference.wald import coefficient_table, covariance_kind
from ilk.show.numbers import fixed, integer, p_value, plain, significant, with_error
from ilk.show.wording import (
    association,
    estimator,
    estimator_phrase,
    model_name,
    reading,
    versions,
)
from ilk.variance.components import DEVIATION, variance_components

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.inference.wald import CoefficientTable
    from ilk.show.wording import Causes

__all__ = ["Summary", "Table", "summarize"]

_FORMULAS = {"dispersion": "dispersion", "zero_inflation": "zero infl."}

_ARGUMENTS = {
    "trials": ("trials", "{}"),
    "exposure": ("exposure", "{}: its logarithm has coefficient one"),
    "offset": ("offset", "{}: coefficient one"),
    "frequency_weights": ("weights", "{}: frequency, a row stands for so many identical rows"),
    "precision_weights": ("weights", "{}: precision, the variance of a row is divided by it"),
}

_COMPONENTS = {
    "mean": "Coefficients of the mean",
    "dispersion": "Coefficients of the log dispersion",
    "zero_inflation": "Coefficients of the logit of an excess zero",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text.

    Parameters
    ----------
    title : str
        What it shows.
    header : tuple of str
        Names of the columns; an interval's name is followed by "" for its other end.
    rows : tuple of tuple of str
        Cells; "" where there is nothing to say.
    labels : int
        Number of leading columns that are words, set to the left; the others are numbers.
    notes : tuple of str
        Sentences below the table.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int = 1
    notes: tuple[str, ...] = ()

    def spans(self, j: int) -> bool:
        """Whether columns j and j + 1 are the two ends of an interval."""
        following = self.header[j + 1 : j + 2]
        return self.header[j].endswith("interval") and following == ("",)


@dataclass(frozen=True, slots=True, repr=False)
class Summary:
    """Summary of a fit; printing shows the text, notebooks show the HTML.

    Parameters
    ----------
    title : str
        Kind of model and estimator.
    facts : tuple of (str, str)
        Label and text of what is said before the tables.
    tables : tuple of Table
        Coefficients by component, random effects.
    verdict : str
        Verdict in words.
    reasons : tuple of (str, str)
        Severity and text of each reason behind it.
    footer : str
        Versions.
    association : str
        Whether estimates are associations or effects; may be empty.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    verdict: str
    reasons: tuple[tuple[str, str], ...]
    footer: str
    association: str = ""

    @property
    def text(self) -> str:
        """The summary as text, at most 100 columns wide unless labels need more."""
        from ilk.show.text import summary_text

        return summary_text(self)

    @property
    def html(self) -> str:
        """The summary as an HTML fragment that brings its own style."""
        from ilk.show.html import summary_html

        return summary_html(self)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def summarize(fitted: Fitted, level: float = 0.95, design: Causes = None) -> Summary:
    """Collect the summary of a fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage of the intervals.
    design : {None, "observational", "randomized"}
        How the data came about, for the sentence on association and causation.

    Returns
    -------
    Summary
    """
    cause = association(design)
    verdict = fitted.verdict
    return Summary(
        title=f"{model_name(fitted)}, {estimator_phrase(fitted)}",
        facts=_facts(fitted),
        tables=(*_coefficients(fitted, level), *_random_part(fitted, level)),
        verdict=verdict.status.value,
        reasons=tuple(
            (reason.severity, plain(f"{reason.message} {reason.advice}".strip(), 2000))
            for reason in verdict.reasons
        ),
        footer=versions(fitted.search),
        association=cause,
    )


def _facts(fitted: Fitted) -> tuple[tuple[str, str], ...]:
    """Collect what a reader must know before looking at any number."""
    design, family = fitted.design, fitted.family
    facts = [("formula", plain(fitted.formula.text, 400))]
    facts += [
        (_FORMULAS.get(part.name, part.name), plain(part.text, 400))
        for part in fitted.formula.predictors[1:]
    ]
    facts.append(("family", f"{family.name}, link {family.link.name}"))
    facts.append(("estimator", estimator(fitted)))
    facts.append(("std. errors", covariance_kind(fitted)))
    facts.append(("rows", _rows(fitted)))
    groups = {term.grouping.name: len(term.grouping.levels) for term in design.terms}
    if groups:
        facts.append(
            ("groups", "; ".join(f"{plain(g)}: {integer(n)} levels" for g, n in groups.items()))
        )
    references = {
        factor: label
        for part in fitted.model.fitted_parts
        for factor, label in part.reference_levels.items()
    }
    if references:
        text = "; ".join(f"{plain(f)} = {plain(repr(label))}" for f, label in references.items())
        facts.append(("reference", text))
    facts += [
        (label, text.format(plain(column or "an array")))
        for name, column in design.arguments.items()
        for label, text in (_ARGUMENTS[_as_used(name, binomial=design.binomial)],)
    ]
    facts += [("note", plain(note, 2000)) for note in design.notes]
    criterion = " (restricted)" if fitted.model.reml else ""
    count = fitted.parameter_count
    facts.append(("log-lik.", f"{fixed(fitted.loglik, 2)}{criterion}, {count} parameters"))
    facts.append(("AIC, BIC", f"{fixed(aic(fitted), 2)}, {fixed(bic(fitted), 2)}"))
    return tuple(facts)


def _as_used(argument: str, *, binomial: bool) -> str:
    """Precision weights of a proportion are its trials."""
    return "trials" if binomial and argument == "precision_weights" else argument


def _rows(fitted: Fitted) -> str:
    rows = fitted.design.rows
    used = len(rows.kept)
    text = f"{integer(used)} used" + (f" of {integer(rows.total)}" if used < rows.total else "")
    if fitted.design.frequency_weights is not None:
        text += f", standing for {integer(fitted.nobs)} observations"
    return text


def _coefficients(fitted: Fitted, level: float) -> list[Table]:
    table = coefficient_table(fitted, level)
    tables = []
    for part in fitted.model.fitted_parts:
        rows = [i for i, (component, _) in enumerate(table.names) if component == part.predictor]
        if not rows:
            continue
        tables.append(
            Table(
                _COMPONENTS.get(part.predictor, f"Coefficients of {part.predictor}"),
                ("", "estimate", "std. error", "z", "p", f"{100 * level:g}% interval", ""),
                tuple(_coefficient_row(table, i) for i in rows),
                notes=_notes(fitted, part.predictor),
            )
        )
    return tables


def _notes(fitted: Fitted, predictor: str) -> tuple[str, ...]:
    """Say below a table of coefficients how to read them."""
    notes = reading(fitted, predictor)
    if predictor == "dispersion" and math.isfinite(fitted.dispersion):
        return (*notes, f"Dispersion phi = {significant(fitted.dispersion)}.")
    return notes


def _coefficient_row(table: CoefficientTable, i: int) -> tuple[str, ...]:
    decimals = with_error(float(table.estimate[i]), float(table.std_error[i]))
    return (
        plain(table.names[i][1]),
        fixed(float(table.estimate[i]), decimals),
        fixed(float(table.std_error[i]), decimals),
        fixed(float(table.statistic[i]), 2),
        p_value(float(table.p_value[i])),
        fixed(float(table.conf_low[i]), decimals),
        fixed(float(table.conf_high[i]), decimals),
    )


def _random_part(fitted: Fitted, level: float) -> list[Table]:
    components = variance_components(fitted, level)
    if not components:
        return []
    several = len({c.component for c in components if c.component != "dispersion"}) > 1
    rows, previous = [], None
    for c in components:
        name = plain(c.group) + (f" ({c.component})" if several and c.kind == DEVIATION else "")
        group = "" if (c.component, c.group) == previous else name
        previous = (c.component, c.group)
        deviation = c.kind == DEVIATION
        decimals = with_error(c.estimate, c.std_error)
        rows.append(
            (
                group,
                "" if c.terms == (c.group,) else plain(c.term),
                fixed(c.estimate, decimals) if deviation else "",
                significant(c.estimate**2) if deviation else "",
                "" if deviation else fixed(c.estimate, 3),
                fixed(c.conf_low, decimals if deviation else 3),
                fixed(c.conf_high, decimals if deviation else 3),
                "boundary" if c.boundary else "",
            )
        )
    marked = any(c.boundary for c in components)
    header = ("group", "term", "sd", "variance", "corr.", f"{100 * level:g}% interval", "", "")
    drop = [
        j for j in (4, 7) if all(not row[j] for row in rows)
    ]  # no correlations, nothing on the boundary
    return [
        Table(
            "Random effects" if fitted.design.terms else "Residual",
            tuple(h for j, h in enumerate(header) if j not in drop),
            tuple(tuple(c for j, c in enumerate(row) if j not in drop) for row in rows),
            labels=2,
            notes=_random_notes(marked),
        )
    ]


def _random_notes(boundary: bool) -> tuple[str, ...]:
    if not boundary:
        return ()
    return (
        "boundary: this part of the covariance matrix is singular; Wald intervals do not exist "
        "or are unreliable there.",
    )
