"""Tables, summary and short description of fits by `ilk.fixed` and `ilk.conditional`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.residuals import row_residuals
from ilk.errors import ModelError, did_you_mean
from ilk.fixed_effects import FixedFitted
from ilk.inference.wald import check_method, two_sided
from ilk.inference.within import ratio_name, ratio_table, within_table
from ilk.show.numbers import fixed, integer, p_value, plain, significant, with_error
from ilk.show.summary import Summary, Table
from ilk.show.wording import association, versions

if TYPE_CHECKING:
    from ilk.fixed_effects import Absorbed, ConditionalFitted
    from ilk.inference.wald import CoefficientTable
    from ilk.inference.within import WithinFitted
    from ilk.show.tidy import Columns

__all__ = [
    "cluster_effects",
    "glance_conditional",
    "glance_fixed",
    "ratios",
    "summarize_conditional",
    "summarize_fixed",
    "tidy_within",
    "within_augment",
    "within_in_short",
    "within_intervals",
]

CONDITIONAL = "conditional"
"""The question that effects within clusters answer."""

_ARGUMENTS = {
    "trials": ("trials", "{}"),
    "exposure": ("exposure", "{}: its logarithm has coefficient one"),
    "offset": ("offset", "{}: coefficient one"),
    "frequency_weights": ("weights", "{}: frequency, a row stands for so many identical rows"),
    "precision_weights": ("weights", "{}: precision, the variance of a row is divided by it"),
}

MARK = "not estimable"
"""What stands beside a coefficient about which comparisons within clusters say nothing."""


def tidy_within(fitted: WithinFitted, level: float = 0.95) -> Columns:
    """Tabulate the coefficients.

    Columns: ``component, group, term, estimate, std_error, statistic, df, p_value, conf_low,
    conf_high, estimand, note``; the note says why a coefficient has no estimate.

    Parameters
    ----------
    fitted : FixedFitted or ConditionalFitted
        The fit.
    level : float
        Coverage of the intervals.
    """
    table = within_table(fitted, level)
    reasons = fitted.within.not_estimable
    return {
        "component": [component for component, _ in table.names],
        "group": [None] * len(table.names),
        "term": [name for _, name in table.names],
        "estimate": table.estimate,
        "std_error": table.std_error,
        "statistic": table.statistic,
        "df": np.full(len(table.names), fitted.within.df),
        "p_value": table.p_value,
        "conf_low": table.conf_low,
        "conf_high": table.conf_high,
        "estimand": [CONDITIONAL] * len(table.names),
        "note": [reasons.get(name, "") for name in table.names],
    }


def within_intervals(fitted: WithinFitted, level: float = 0.95, method: str = "wald") -> Columns:
    """Tabulate intervals of the coefficients.

    Columns: ``component, group, term, estimate, conf_low, conf_high, method``.
    """
    check_method(method, ["wald"], ["profile", "bootstrap"])
    columns = tidy_within(fitted, level)
    wanted = ("component", "group", "term", "estimate", "conf_low", "conf_high")
    return {
        **{name: columns[name] for name in wanted},
        "method": [method] * len(columns["term"]),
    }


def ratios(fitted: WithinFitted, level: float = 0.95) -> Columns:
    """Tabulate the exponentials of the coefficients.

    Columns: ``term, measure, estimate, std_error, p_value, conf_low, conf_high, estimand``.

    Parameters
    ----------
    fitted : FixedFitted or ConditionalFitted
        The fit.
    level : float
        Coverage of the intervals.
    """
    table = ratio_table(fitted, level)
    rows = len(table.names)
    return {
        "term": [name for _, name in table.names],
        "measure": [ratio_name(fitted)] * rows,
        "estimate": table.estimate,
        "std_error": table.std_error,
        "p_value": table.p_value,
        "conf_low": table.conf_low,
        "conf_high": table.conf_high,
        "estimand": [CONDITIONAL] * rows,
    }


def cluster_effects(fitted: FixedFitted, group: str | None = None, level: float = 0.95) -> Columns:
    """Tabulate the clusters' own parameters, one row for each level.

    Columns: ``group, level, term, estimate, std_error, conf_low, conf_high, n``.

    Parameters
    ----------
    fitted : FixedFitted
        The fit.
    group : str, optional
        Factor; all by default.
    level : float
        Coverage of the intervals.
    """
    tables = _factors(fitted, group)
    q = two_sided(level, fitted.within.df)
    estimate = np.concatenate([table.estimate for table in tables])
    error = np.concatenate([table.std_error for table in tables])
    labels = [label for table in tables for label in table.grouping.levels]
    if len({type(label) for label in labels}) > 1:
        labels = [str(label) for label in labels]
    with np.errstate(invalid="ignore"):
        low, high = estimate - q * error, estimate + q * error
    return {
        "group": [t.grouping.name for t in tables for _ in t.grouping.levels],
        "level": labels,
        "term": ["Intercept"] * len(labels),
        "estimate": estimate,
        "std_error": error,
        "conf_low": low,
        "conf_high": high,
        "n": np.concatenate([table.counts for table in tables]),
        "estimand": [CONDITIONAL] * len(labels),
    }


def _factors(fitted: FixedFitted, group: str | None) -> list[Absorbed]:
    names = [table.grouping.name for table in fitted.absorbed]
    if group is None:
        return list(fitted.absorbed)
    if group not in names:
        raise ModelError(
            f"group={group!r} is no factor of the clusters; there are {', '.join(names)}."
            f"{did_you_mean(group, names)}",
            code="group",
        )
    return [fitted.absorbed[names.index(group)]]


def glance_fixed(fitted: FixedFitted) -> Columns:
    """Tabulate what describes the fit as a whole, in one row."""
    count, nobs = fitted.parameter_count, fitted.nobs
    one = {
        "family": fitted.family.name,
        "link": fitted.family.link.name,
        "estimator": "cluster effects absorbed",
        "nobs": nobs,
        "df_model": count,
        "df_clusters": fitted.cluster_count,
        "df_resid": nobs - count,
        "clusters": sum(len(table.estimate) - table.aside for table in fitted.absorbed),
        "loglik": fitted.loglik,
        "aic": -2.0 * fitted.loglik + 2.0 * count,
        "bic": -2.0 * fitted.loglik + math.log(nobs) * count,
        "sigma": math.sqrt(fitted.dispersion) if fitted.family.name == "gaussian" else math.nan,
        "dispersion": fitted.dispersion,
        "converged": fitted.verdict.converged,
        "verdict": fitted.verdict.status.value,
    }
    return {name: [value] for name, value in one.items()}


def glance_conditional(fitted: ConditionalFitted) -> Columns:
    """Tabulate what describes the fit as a whole, in one row."""
    count = fitted.parameter_count
    one = {
        "family": fitted.family.name,
        "link": fitted.family.link.name,
        "estimator": "conditional likelihood",
        "nobs": fitted.nobs,
        "df_model": count,
        "df_clusters": 0,
        "clusters": fitted.informative,
        "loglik": fitted.loglik,
        "loglik_null": fitted.null_loglik,
        "aic": -2.0 * fitted.loglik + 2.0 * count,
        "converged": fitted.verdict.converged,
        "verdict": fitted.verdict.status.value,
    }
    return {name: [value] for name, value in one.items()}


def within_augment(fitted: FixedFitted) -> Columns:
    """Tabulate the rows in use with fitted means and residuals.

    Columns: ``row`` (position in the caller's data), the response, the factors, ``fitted``,
    ``residual``, ``pearson`` and ``estimand``.
    """
    design, sample = fitted.design, fitted.sample
    own = ("row", "fitted", "residual", "pearson", "estimand")
    columns: Columns = {"row": design.rows.kept[sample.used]}
    theirs: Columns = {design.response.name: sample.y}
    for term in design.terms:
        labels = term.grouping.levels
        theirs[term.grouping.name] = [labels[c] for c in term.grouping.codes[sample.used]]
    for name, values in theirs.items():
        columns[f"{name}_" if name in own else name] = values
    arrays = (fitted.family, sample.y, sample.trials, fitted.predictors, sample.precision)
    columns["fitted"] = fitted.mean
    columns["residual"] = row_residuals(*arrays, "response")
    columns["pearson"] = row_residuals(*arrays, "pearson")
    columns["estimand"] = [CONDITIONAL] * len(sample.y)
    return columns


def within_in_short(fitted: WithinFitted) -> str:
    """Describe a fit in one line."""
    text = plain(fitted.formula.text, 80)
    family = f"{fitted.family.name}, {fitted.family.link.name}"
    if isinstance(fitted, FixedFitted):
        names = ", ".join(table.grouping.name for table in fitted.absorbed)
        kind, how = "FixedFit", f"{names} absorbed ({fitted.cluster_count} df)"
    else:
        kind = "ConditionalFit"
        how = f"given the totals of {fitted.informative} {fitted.design.terms[0].grouping.name}"
    return (
        f"<ilk.{kind}: {text}; {family}; {plain(how, 80)}; n = {fitted.nobs}; "
        f"log-lik. {fixed(fitted.loglik, 2)}; {fitted.verdict.status.name.lower()}>"
    )


def summarize_fixed(fitted: FixedFitted, level: float = 0.95) -> Summary:
    """Collect the summary of a fit with absorbed clusters.

    Parameters
    ----------
    fitted : FixedFitted
        The fit.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Summary
    """
    linear = fitted.family.name == "gaussian" and fitted.family.link.name == "identity"
    model = "Linear model" if linear else "Generalized linear model"
    count = fitted.parameter_count
    spread = [
        f"{plain(table.grouping.name)}: {integer(len(table.estimate) - table.aside)} levels in use"
        + (f" of {integer(len(table.estimate))}" if table.aside else "")
        for table in fitted.absorbed
    ]
    facts = [
        *_model_facts(fitted),
        ("estimator", "one parameter per cluster, absorbed; compares within clusters only"),
        ("std. errors", fitted.within.covariance_kind),
        ("rows", _rows(fitted, len(fitted.sample.y))),
        ("groups", "; ".join(spread)),
        (
            "df spent",
            f"{integer(fitted.cluster_count)} on clusters, {len(fitted.coef)} on coefficients"
            + (", 1 on the dispersion" if fitted.family.has_dispersion else ""),
        ),
        *_further_facts(fitted),
    ]
    if linear:
        facts.append(("residual sd", significant(math.sqrt(fitted.dispersion))))
    elif fitted.family.has_dispersion:
        facts.append(("dispersion", significant(fitted.dispersion)))
    facts.append(("log-lik.", f"{fixed(fitted.loglik, 2)}, {integer(count)} parameters"))
    notes = (
        "Conditional effects (within a cluster, all that is constant in it held, measured or not).",
    )
    return _summary(fitted, f"{model} with fixed cluster effects", facts, level, notes)


def summarize_conditional(fitted: ConditionalFitted, level: float = 0.95) -> Summary:
    """Collect the summary of a fit by the conditional likelihood.

    Parameters
    ----------
    fitted : ConditionalFitted
        The fit.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Summary
    """
    kind = "logistic" if fitted.family.name == "binomial" else "Poisson"
    group = plain(fitted.design.terms[0].grouping.name)
    facts = [
        *_model_facts(fitted),
        ("estimator", f"maximum likelihood given the total of each level of {group}, exact"),
        ("std. errors", fitted.within.covariance_kind),
        ("rows", _rows(fitted, fitted.rows)),
        (
            "groups",
            f"{group}: {integer(fitted.informative)} levels carry information"
            + (f", of {integer(fitted.strata)}" if fitted.informative < fitted.strata else ""),
        ),
        ("df spent", f"none on clusters, {len(fitted.coef)} on coefficients"),
        *_further_facts(fitted),
        (
            "log-lik.",
            f"{fixed(fitted.loglik, 2)} (conditional), {fixed(fitted.null_loglik, 2)} without "
            f"effects, {fitted.parameter_count} parameters",
        ),
    ]
    notes = (
        "Conditional effects (within a cluster). There is no intercept and there are no means: "
        "what clusters differ in has been conditioned away.",
    )
    return _summary(fitted, f"Conditional {kind} regression", facts, level, notes)


def _summary(
    fitted: WithinFitted,
    title: str,
    facts: list[tuple[str, str]],
    level: float,
    notes: tuple[str, ...],
) -> Summary:
    verdict = fitted.verdict
    return Summary(
        title=title,
        facts=tuple(facts),
        tables=(_coefficients(fitted, level, notes),),
        verdict=verdict.status.value,
        reasons=tuple(
            (reason.severity, plain(f"{reason.message} {reason.advice}".strip(), 2000))
            for reason in verdict.reasons
        ),
        footer=versions(fitted.search),
        association=association(),
    )


def _model_facts(fitted: WithinFitted) -> list[tuple[str, str]]:
    family = fitted.family
    return [
        ("formula", plain(fitted.formula.text, 400)),
        ("family", f"{family.name}, link {family.link.name}"),
    ]


def _further_facts(fitted: WithinFitted) -> list[tuple[str, str]]:
    """Reference levels, arguments, and what was left out."""
    design = fitted.design
    facts = []
    references = design.fixed[0].reference_levels
    if references:
        text = "; ".join(f"{plain(f)} = {plain(repr(label))}" for f, label in references.items())
        facts.append(("reference", text))
    for name, column in design.arguments.items():
        used = "trials" if design.binomial and name == "precision_weights" else name
        label, text = _ARGUMENTS[used]
        facts.append((label, text.format(plain(column or "an array"))))
    return facts + [("note", plain(note, 2000)) for note in (*design.notes, *fitted.notes)]


def _rows(fitted: WithinFitted, used: int) -> str:
    total = fitted.design.rows.total
    text = f"{integer(used)} used" + (f" of {integer(total)}" if used < total else "")
    if fitted.design.frequency_weights is not None:
        text += f", standing for {integer(fitted.nobs)} observations"
    return text


def _coefficients(fitted: WithinFitted, level: float, notes: tuple[str, ...]) -> Table:
    table = within_table(fitted, level)
    df = fitted.within.df
    name = ratio_name(fitted)
    ratio = None if name is None else ratio_table(fitted, level)
    header = ["", "estimate", "std. error", "z" if math.isinf(df) else "t", "p"]
    header += [f"{100 * level:g}% interval", ""]
    if name is not None:
        header.append(name)
    if not math.isinf(df):
        notes = (*notes, f"t with {df:g} degrees of freedom.")
    reasons = fitted.within.not_estimable
    if reasons:
        marked = [f"{plain(n)} ({why})" for (_, n), why in reasons.items()]
        notes = (*notes, f"{MARK.capitalize()}: {'; '.join(marked)}.")
    rows = [_row(table, ratio, i) for i in range(len(table.names))]
    return Table("Coefficients of the mean", tuple(header), tuple(rows), notes=notes)


def _row(table: CoefficientTable, ratio: CoefficientTable | None, i: int) -> tuple[str, ...]:
    decimals = with_error(float(table.estimate[i]), float(table.std_error[i]))
    cells = (
        plain(table.names[i][1]),
        fixed(float(table.estimate[i]), decimals),
        fixed(float(table.std_error[i]), decimals),
        fixed(float(table.statistic[i]), 2),
        p_value(float(table.p_value[i])),
        fixed(float(table.conf_low[i]), decimals),
        fixed(float(table.conf_high[i]), decimals),
    )
    if ratio is None:
        return cells
    digits = with_error(float(ratio.estimate[i]), float(ratio.std_error[i]))
    return (*cells, fixed(float(ratio.estimate[i]), digits))
