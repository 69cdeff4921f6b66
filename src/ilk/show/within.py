"""Tables, summary and short description of fits by `ilk.fixed` and `ilk.conditional`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.residuals import row_residuals
from ilk.errors import ModelError, did_you_mean
from ilk.fixed_effects import FixedFitted
from ilk.inference.wald import two_sided
from ilk.inference.within import ratio_name, ratio_table, within_table
from ilk.show.numbers import counted, degrees, fixed, integer, plain, significant, with_error
from ilk.show.summary import (
    Summary,
    Table,
    coefficient_cells,
    coefficient_header,
    design_facts,
    reasons,
    rows_fact,
)
from ilk.show.tidy import coefficient_columns, interval_columns, row_columns
from ilk.show.wording import association, versions

if TYPE_CHECKING:
    from ilk.fixed_effects import Absorbed, ConditionalFitted
    from ilk.inference.wald import CoefficientTable
    from ilk.inference.within import WithinFitted
    from ilk.show.tidy import Columns
    from ilk.show.wording import Causes

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
    why = fitted.within.not_estimable
    return {
        **coefficient_columns(table, fitted.within.df, CONDITIONAL),
        "note": [why.get(name, "") for name in table.names],
    }


def within_intervals(fitted: WithinFitted, level: float = 0.95) -> Columns:
    """Tabulate intervals of the coefficients.

    Columns: ``component, group, term, estimate, conf_low, conf_high, estimand, method``.
    """
    return interval_columns(tidy_within(fitted, level), "wald")


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

    Columns: ``group, level, term, estimate, std_error, conf_low, conf_high, n, estimand``.

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
        "estimand": CONDITIONAL,
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
        "estimand": CONDITIONAL,
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
    arrays = (fitted.family, sample.y, sample.trials, fitted.predictors, sample.precision)
    own: Columns = {
        "fitted": fitted.mean,
        "residual": row_residuals(*arrays, "response"),
        "pearson": row_residuals(*arrays, "pearson"),
        "estimand": [CONDITIONAL] * len(sample.y),
    }
    return row_columns(design, own, sample.used)


def within_in_short(fitted: WithinFitted) -> str:
    """Describe a fit in one line."""
    text = plain(fitted.formula.text, 80)
    family = f"{fitted.family.name}, {fitted.family.link.name}"
    if isinstance(fitted, FixedFitted):
        names = ", ".join(table.grouping.name for table in fitted.absorbed)
        kind, how = "FixedFit", f"{names} absorbed ({fitted.cluster_count} df)"
    else:
        kind = "ConditionalFit"
        count = counted(fitted.informative, "level")
        how = f"given the totals of {count} of {fitted.design.terms[0].grouping.name}"
    return (
        f"<ilk.{kind}: {text}; {family}; {plain(how, 80)}; n = {fitted.nobs}; "
        f"log-lik. {fixed(fitted.loglik, 2)}; {fitted.verdict.status.name.lower()}>"
    )


def summarize_fixed(fitted: FixedFitted, level: float = 0.95, design: Causes = None) -> Summary:
    """Collect the summary of a fit with absorbed clusters.

    Parameters
    ----------
    fitted : FixedFitted
        The fit.
    level : float
        Coverage of the intervals.
    design : {None, "observational", "randomized"}
        How the data came about, for the sentence on association and causation.

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
        rows_fact(fitted.design, fitted.nobs, len(fitted.sample.y)),
        ("groups", "; ".join(spread)),
        (
            "df spent",
            f"{integer(fitted.cluster_count)} on clusters, {len(fitted.coef)} on coefficients"
            + (", 1 on the dispersion" if fitted.family.has_dispersion else ""),
        ),
        *design_facts(fitted.design, fitted.design.fixed, fitted.notes),
    ]
    if linear:
        facts.append(("residual sd", significant(math.sqrt(fitted.dispersion))))
    elif fitted.family.has_dispersion:
        facts.append(("dispersion", significant(fitted.dispersion)))
    facts.append(("log-lik.", f"{fixed(fitted.loglik, 2)}, {counted(count, 'parameter')}"))
    notes = (
        "Conditional effects (within a cluster, all that is constant in it held, measured or not).",
    )
    return _summary(fitted, f"{model} with fixed cluster effects", facts, level, notes, design)


def summarize_conditional(
    fitted: ConditionalFitted, level: float = 0.95, design: Causes = None
) -> Summary:
    """Collect the summary of a fit by the conditional likelihood.

    Parameters
    ----------
    fitted : ConditionalFitted
        The fit.
    level : float
        Coverage of the intervals.
    design : {None, "observational", "randomized"}
        How the data came about, for the sentence on association and causation.

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
        rows_fact(fitted.design, fitted.nobs, fitted.rows),
        (
            "groups",
            f"{group}: {integer(fitted.informative)} levels carry information"
            + (f", of {integer(fitted.strata)}" if fitted.informative < fitted.strata else ""),
        ),
        ("df spent", f"none on clusters, {len(fitted.coef)} on coefficients"),
        *design_facts(fitted.design, fitted.design.fixed, fitted.notes),
        (
            "log-lik.",
            f"{fixed(fitted.loglik, 2)} (conditional), {fixed(fitted.null_loglik, 2)} without "
            f"effects, {counted(fitted.parameter_count, 'parameter')}",
        ),
    ]
    notes = (
        "Conditional effects (within a cluster). There is no intercept and there are no means: "
        "what clusters differ in has been conditioned away.",
    )
    return _summary(fitted, f"Conditional {kind} regression", facts, level, notes, design)


def _summary(
    fitted: WithinFitted,
    title: str,
    facts: list[tuple[str, str]],
    level: float,
    notes: tuple[str, ...],
    design: Causes,
) -> Summary:
    return Summary(
        title=title,
        facts=tuple(facts),
        tables=(_coefficients(fitted, level, notes),),
        verdict=fitted.verdict.status.value,
        reasons=reasons(fitted.verdict),
        footer=versions(fitted.search),
        association=association(design),
    )


def _model_facts(fitted: WithinFitted) -> list[tuple[str, str]]:
    family = fitted.family
    return [
        ("formula", plain(fitted.formula.text, 400)),
        ("family", f"{family.name}, link {family.link.name}"),
        ("estimand", "conditional (within a cluster)"),
    ]


def _coefficients(fitted: WithinFitted, level: float, notes: tuple[str, ...]) -> Table:
    table = within_table(fitted, level)
    df = fitted.within.df
    name = ratio_name(fitted)
    ratio = None if name is None else ratio_table(fitted, level)
    header = coefficient_header(level, df) + (() if name is None else (name,))
    if not math.isinf(df):
        notes = (*notes, f"t with {degrees(df)}.")
    missing = fitted.within.not_estimable
    if missing:
        marked = [f"{plain(n)} ({why})" for (_, n), why in missing.items()]
        notes = (*notes, f"{MARK.capitalize()}: {'; '.join(marked)}.")
    rows = [_row(table, ratio, i) for i in range(len(table.names))]
    return Table("Coefficients of the mean", header, tuple(rows), notes=notes)


def _row(table: CoefficientTable, ratio: CoefficientTable | None, i: int) -> tuple[str, ...]:
    cells = coefficient_cells(table, i)
    if ratio is None:
        return cells
    digits = with_error(float(ratio.estimate[i]), float(ratio.std_error[i]))
    return (*cells, fixed(float(ratio.estimate[i]), digits))
