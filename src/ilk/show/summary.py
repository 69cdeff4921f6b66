"""What a summary says: everything collected from a fit, before any layout.

Collecting and writing are apart: `summarize` reads the fit and returns a plain record of titles,
facts, tables and sentences; `ilk.show.text` and `ilk.show.html` write the same record as text and
as HTML.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ilk.formula.spread import own_formulas
from ilk.inference.criteria import aic, bic
from ilk.inference.family_parameters import family_parameters
from ilk.inference.infinite import infinite
from ilk.inference.wald import coefficient_covariance, coefficient_table
from ilk.late import Late
from ilk.prediction.rates import is_rate
from ilk.show.numbers import counted, fixed, integer, p_value, plain, significant, with_error
from ilk.show.structure_sentences import vecchia_words
from ilk.show.structures import (
    levels_of,
    levels_text,
    parameter_cells,
    parameter_header,
    parameter_notes,
    scale_words,
    structure_facts,
)
from ilk.show.wording import (
    association,
    component_words,
    estimator,
    estimator_phrase,
    model_name,
    reading,
    versions,
)
from ilk.variance.components import DEVIATION, variance_components

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.fixed import FixedPart
    from ilk.fitted import Fitted, Verdict
    from ilk.inference.family_parameters import FamilyParameter
    from ilk.inference.wald import CoefficientCovariance, CoefficientTable
    from ilk.lint.record import Finding
    from ilk.show import rates
    from ilk.show.wording import Causes
    from ilk.variance.record import VarianceComponent
else:  # needs the tables of this module
    rates = Late("ilk.show.rates")

__all__ = [
    "Summary",
    "Table",
    "coefficient_cells",
    "coefficient_header",
    "design_facts",
    "reasons",
    "rows_fact",
    "summarize",
]

_FORMULAS = {"zero_inflation": "zero infl."}
"""Labels of formulas whose parameter has a long name."""

_MOST_EFFECTS, _MOST_PAIRS, _MOST_LAGS = 16, 45, 10
"""Rows of one term at most; of more than these only the span is shown."""

_ARGUMENTS = {
    "trials": ("trials", "{}"),
    "exposure": ("exposure", "{}: its logarithm has coefficient one"),
    "offset": ("offset", "{}: coefficient one"),
    "frequency_weights": ("weights", "{}: frequency, a row stands for so many identical rows"),
    "precision_weights": ("weights", "{}: precision, the variance of a row is divided by it"),
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
    findings : tuple of Finding
        What looks unintended in the model.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    verdict: str
    reasons: tuple[tuple[str, str], ...]
    footer: str
    association: str = ""
    findings: tuple[Finding, ...] = ()

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


def summarize(
    fitted: Fitted,
    level: float = 0.95,
    design: Causes = None,
    covariance: CoefficientCovariance | None = None,
) -> Summary:
    """Collect the summary of a fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage of the intervals.
    design : {None, "observational", "randomized"}
        How the data came about, for the sentence on association and causation.
    covariance : CoefficientCovariance, optional
        Covariance matrix and degrees of freedom of the coefficients; by default the model's.

    Returns
    -------
    Summary
    """
    cause = association(design)
    used = coefficient_covariance(fitted) if covariance is None else covariance
    return Summary(
        title=f"{model_name(fitted)}, {estimator_phrase(fitted)}",
        facts=_facts(fitted, used),
        tables=(
            *_coefficients(fitted, level, used),
            *_rate_ratios(fitted, level, used),
            *_random_part(fitted, level),
        ),
        verdict=fitted.verdict.status.value,
        reasons=reasons(fitted.verdict),
        footer=versions(fitted.search),
        association=cause,
        findings=fitted.findings(),
    )


def _facts(fitted: Fitted, covariance: CoefficientCovariance) -> tuple[tuple[str, str], ...]:
    """Collect what a reader must know before looking at any number."""
    design, family = fitted.design, fitted.family
    facts = [("formula", plain(fitted.formula.text, 400))]
    facts += [
        (_FORMULAS.get(part.name, part.name.replace("_", " ")), plain(part.text, 400))
        for part in own_formulas(fitted.formula)
    ]
    facts.append(("family", f"{family.name}, link {family.link.name}"))
    facts.append(("estimator", estimator(fitted)))
    facts.append(("std. errors", covariance.kind))
    if covariance.df is not None:
        facts.append(("df", covariance.df_kind))
    facts.append(rows_fact(design, fitted.nobs))
    groups = {term.grouping.name: term.grouping for term in design.terms}
    groups.update((t.grouping.name, t.grouping) for t in design.terms if t.grouping.structured)
    if groups:
        over = {name: levels for name, (_, levels) in levels_of(fitted).items()}
        said = (levels_text(one, over.get(name)) for name, one in groups.items())
        facts.append(("groups", "; ".join(said)))
    facts += structure_facts(fitted)
    facts += design_facts(design, fitted.model.fitted_parts)
    criterion = " (restricted)" if fitted.model.reml else ""
    count = counted(fitted.parameter_count, "parameter")
    if fitted.model.penalty is not None:
        facts.append(("log-lik.", f"{fixed(fitted.loglik, 2)} without the penalty, {count}"))
        facts.append(("AIC, BIC", "not defined for penalized estimates"))
        return tuple(facts)
    facts.append(("log-lik.", f"{fixed(fitted.loglik, 2)}{criterion}, {count}"))
    facts.append(("AIC, BIC", f"{fixed(aic(fitted), 2)}, {fixed(bic(fitted), 2)}"))
    return tuple(facts)


def design_facts(
    design: Design, parts: Sequence[FixedPart], notes: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Say what references, arguments and left-out rows and columns a design has.

    Parameters
    ----------
    design : Design
        The design.
    parts : sequence of FixedPart
        Predictors with coefficients.
    notes : sequence of str
        Sentences to put behind those of the design.

    Returns
    -------
    list of (str, str)
        Labels and texts.
    """
    facts = []
    references = {f: label for part in parts for f, label in part.reference_levels.items()}
    if references:
        text = "; ".join(f"{plain(f)} = {plain(repr(label))}" for f, label in references.items())
        facts.append(("reference", text))
    for name, column in design.arguments.items():
        # precision weights of a proportion are its trials
        used = "trials" if design.binomial and name == "precision_weights" else name
        if used in _ARGUMENTS:
            label, text = _ARGUMENTS[used]
            facts.append((label, text.format(plain(column or "an array"))))
    return facts + [("note", plain(note, 2000)) for note in (*design.notes, *notes)]


def rows_fact(design: Design, nobs: int, used: int | None = None) -> tuple[str, str]:
    """Say how many rows a fit used, and what they stand for.

    Parameters
    ----------
    design : Design
        The design.
    nobs : int
        Number of observations.
    used : int, optional
        Number of rows; those of the design by default.
    """
    count, total = len(design.rows.kept) if used is None else used, design.rows.total
    text = f"{integer(count)} used" + (f" of {integer(total)}" if count < total else "")
    if design.frequency_weights is not None:
        text += f", standing for {counted(nobs, 'observation')}"
    return ("rows", text)


def reasons(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """Severity and text of each reason of a verdict."""
    return tuple(
        (reason.severity, plain(f"{reason.message} {reason.advice}".strip(), 2000))
        for reason in verdict.reasons
    )


def _coefficients(fitted: Fitted, level: float, covariance: CoefficientCovariance) -> list[Table]:
    table = coefficient_table(fitted, level, covariance)
    student = covariance.df is not None
    tables = []
    for part in fitted.model.fitted_parts:
        if fitted.family.row_label(part.predictor) is not None:
            continue
        rows = [i for i, (component, _) in enumerate(table.names) if component == part.predictor]
        if not rows:
            continue
        tables.append(
            Table(
                f"Coefficients of the {component_words(fitted.family, part.predictor)}",
                coefficient_header(level, 0.0, each=True) if student else coefficient_header(level),
                tuple(coefficient_cells(table, i, df=student) for i in rows),
                notes=_notes(fitted, part.predictor, level),
            )
        )
    return [*tables, *_thresholds(fitted, level, table, student)]


def _thresholds(
    fitted: Fitted, level: float, table: CoefficientTable, student: bool
) -> list[Table]:
    """Tabulate thresholds, and effects on them, together."""
    rows: list[tuple[str, ...]] = []
    notes: dict[str, None] = {}
    for i, (component, name) in enumerate(table.names):
        label = fitted.family.row_label(component)
        if label is not None:
            first, *others = coefficient_cells(table, i, df=student)
            words = plain(label) if name == "Intercept" else f"{plain(label)}: {first}"
            rows.append((words, *others))
            notes |= dict.fromkeys(_notes(fitted, component, level))
    if not rows:
        return []
    header = coefficient_header(level, 0.0, each=True) if student else coefficient_header(level)
    return [Table("Thresholds", header, tuple(rows), notes=tuple(notes))]


def _rate_ratios(fitted: Fitted, level: float, covariance: CoefficientCovariance) -> list[Table]:
    """Coefficients of the mean as rate ratios, for fits that have rates."""
    if not is_rate(fitted.design, fitted.family):
        return []
    mixed = any(term.reaches("mean") for term in fitted.design.terms)
    lost = [
        name
        for (component, name), gone in zip(fitted.names, infinite(fitted), strict=True)
        if gone and component == "mean"
    ]
    table = coefficient_table(fitted, level, covariance)
    whose = "Conditional: within a cluster, random effects held." if mixed else ""
    where = ", random effects zero" if mixed else ""
    found = rates.rate_table(fitted.design, fitted.family, table, level, whose, where, lost)
    return [found] if found.rows else []


def _notes(fitted: Fitted, predictor: str, level: float) -> tuple[str, ...]:
    """Say below a table of coefficients how to read them."""
    lost = [
        plain(name)
        for (component, name), gone in zip(fitted.names, infinite(fitted), strict=True)
        if gone and component == predictor
    ]
    notes = reading(fitted, predictor)
    if lost:
        numbers = "number is" if len(lost) == 1 else "numbers are"
        where = f"{', '.join(lost)}: no finite estimate; the {numbers} where the search stopped."
        notes = (where, *notes)
    own = (one for one in family_parameters(fitted, level) if one.component == predictor)
    return (*notes, *(_constant_parameter(one, level) for one in own))


def _constant_parameter(one: FamilyParameter, level: float) -> str:
    """Say what a constant parameter is on its own scale."""
    symbol = "" if one.symbol.replace("_", " ") == one.label else f" {one.symbol}"
    head = f"{one.label[0].upper()}{one.label[1:]}{symbol} = {significant(one.estimate)}"
    interval = ""
    if not math.isnan(one.conf_low):
        ends = f"{significant(one.conf_low)} to {significant(one.conf_high)}"
        interval = f", {100 * level:g}% interval {ends}"
    return f"{head}{interval}{', where random effects are zero' if one.typical else ''}."


def coefficient_header(
    level: float, df: float = math.inf, *, each: bool = False
) -> tuple[str, ...]:
    """Head of a table of coefficients, by the degrees of freedom of its statistics.

    Parameters
    ----------
    level : float
        Coverage of the intervals.
    df : float
        Degrees of freedom; infinite for z statistics.
    each : bool
        Whether each coefficient shows its own.
    """
    statistic = ("t", "df") if each else ("z" if math.isinf(df) else "t",)
    return ("", "estimate", "std. error", *statistic, "p", f"{100 * level:g}% interval", "")


def coefficient_cells(table: CoefficientTable, i: int, *, df: bool = False) -> tuple[str, ...]:
    """Cells of one coefficient, to as many digits as its standard error supports.

    Parameters
    ----------
    table : CoefficientTable
        The coefficients.
    i : int
        Which one.
    df : bool
        Whether to show its degrees of freedom.
    """
    decimals = with_error(float(table.estimate[i]), float(table.std_error[i]))
    return (
        plain(table.names[i][1]),
        fixed(float(table.estimate[i]), decimals),
        fixed(float(table.std_error[i]), decimals),
        fixed(float(table.statistic[i]), 2),
        *((_degrees(float(table.df[i])),) if df else ()),
        p_value(float(table.p_value[i])),
        fixed(float(table.conf_low[i]), decimals),
        fixed(float(table.conf_high[i]), decimals),
    )


def _degrees(df: float) -> str:
    return "inf" if math.isinf(df) else fixed(df, 1 if df < 1e4 else 0)


def _random_part(fitted: Fitted, level: float) -> list[Table]:
    every = variance_components(fitted, level)
    components = [c for c in every if len(c.place) != 2]
    if not components:
        return []
    several = len({c.component for c in components if c.component != "dispersion"}) > 1
    rows, previous = [], None
    for c, cells in _few_rows(components):
        deviation = c.kind == DEVIATION
        name = plain(c.group) + (f" ({c.component})" if several and deviation else "")
        group = "" if (c.component, c.group) == previous else name
        previous = (c.component, c.group)
        rows.append((group, *cells))
    ended = {c.place[0] for c in every if len(c.place) == 2 and c.boundary}
    marked = [c for c in components if c.boundary and c.place]
    drifts = [c.place[0] in ended and c.estimate > 0.0 for c in marked]
    singular, drifting = not all(drifts), any(drifts)
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
            notes=(*_scales(fitted), *_random_notes(singular, drifting)),
        ),
        *_structure_part(fitted, every, level),
    ]


def _few_rows(
    components: Sequence[VarianceComponent],
) -> list[tuple[VarianceComponent, tuple[str, ...]]]:
    """Rows of standard deviations and correlations; those of very many effects as one."""
    groups: dict[tuple[tuple[int, ...], str], list[VarianceComponent]] = {}
    for c in components:
        groups.setdefault((c.place[:1], c.kind), []).append(c)
    rows = []
    for same in groups.values():
        deviation = same[0].kind == DEVIATION
        if len(same) <= (_MOST_EFFECTS if deviation else _MOST_PAIRS):
            rows += [(c, _random_cells(c)) for c in same]
            continue
        known = [c.estimate for c in same if not math.isnan(c.estimate)] or [math.nan]
        span = (significant(min(known), 3), significant(max(known), 3))
        what = f"{integer(len(same))} {'effects' if deviation else 'pairs'}: {' to '.join(span)}"
        rows.append((same[0], (what, *[""] * 6)))
    return rows


def _random_cells(c: VarianceComponent) -> tuple[str, ...]:
    deviation = c.kind == DEVIATION
    decimals = with_error(c.estimate, c.std_error)
    return (
        "" if c.terms == (c.group,) else plain(c.term),
        fixed(c.estimate, decimals) if deviation else "",
        significant(c.estimate**2) if deviation else "",
        "" if deviation else fixed(c.estimate, 3),
        fixed(c.conf_low, decimals if deviation else 3),
        fixed(c.conf_high, decimals if deviation else 3),
        "boundary" if c.boundary else "",
    )


def _structure_part(
    fitted: Fitted, components: Sequence[VarianceComponent], level: float
) -> list[Table]:
    """Parameters of structures; of very many lags the first ones."""
    found = [c for c in components if len(c.place) == 2]
    shown: list[VarianceComponent] = []
    rows: list[tuple[str, ...]] = []
    for t in dict.fromkeys(c.place[0] for c in found):
        own = [c for c in found if c.place[0] == t]
        few = own if len(own) <= _MOST_LAGS else own[: _MOST_LAGS - 2]
        shown += few
        group = plain(few[0].group)
        for c in few:
            cells = parameter_cells(c)
            rows.append((group, *cells[1:]))
            group = ""
        rest = [c.estimate for c in own[len(few) :]]
        if rest:
            span = f"{significant(min(rest), 3)} to {significant(max(rest), 3)}"
            rows.append(("", f"{integer(len(rest))} more: {span}", *[""] * 5))
    if not rows:
        return []
    notes = parameter_notes(fitted, shown)
    header = parameter_header(level)
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    return [Table("Correlation parameters", header, tuple(rows), labels=2, notes=notes)]


def _scales(fitted: Fitted) -> tuple[str, ...]:
    """Say whose variances those of structured terms are, and what is approximate."""
    notes = []
    for name, (_, levels) in levels_of(fitted).items():
        notes.append(scale_words(name, levels))
        approximate = vecchia_words(fitted, name)
        notes += [] if approximate is None else [approximate]
    return tuple(notes)


def _random_notes(singular: bool, drifting: bool) -> tuple[str, ...]:
    notes = []
    if singular:
        notes.append(
            "boundary: this part of the covariance matrix is singular; Wald intervals do not exist "
            "or are unreliable there."
        )
    if drifting:
        notes.append(
            "boundary: with the parameter of correlations at its end (see the verdict) a standard "
            "deviation may have no value of its own."
        )
    return tuple(notes)
