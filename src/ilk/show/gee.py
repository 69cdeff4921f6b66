"""Tables, summary and short description of a fit by generalized estimating equations."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.effects.without_effects import without_effects
from ilk.errors import FitError
from ilk.frame import answer, row_labels
from ilk.gee.criteria import quasi_criteria
from ilk.gee.sandwich import KIND_NAMES, check_kind
from ilk.inference.marginal import marginal_table, normal_level
from ilk.inference.wald import check_level
from ilk.prediction.marginal import marginal_cases, predict_marginal, refuse_distribution
from ilk.prediction.rates import is_rate
from ilk.show.answer import Answer
from ilk.show.numbers import counted, degrees, fixed, integer, plain, significant
from ilk.show.rates import rate_table
from ilk.show.standardization import counterfactual_table, standardization_answer
from ilk.show.summary import (
    Summary,
    Table,
    coefficient_cells,
    coefficient_header,
    design_facts,
    reasons,
    rows_fact,
)
from ilk.show.tidy import coefficient_columns, interval_columns, predictions, row_columns
from ilk.show.wording import association, versions

if TYPE_CHECKING:
    from ilk.gee.criteria import QuasiCriteria
    from ilk.gee.fitted import GeeFitted
    from ilk.prediction import Interval, Scale
    from ilk.show.tidy import Columns
    from ilk.show.wording import Causes

__all__ = [
    "augment_gee",
    "counterfactuals_gee",
    "criteria_table",
    "gee_in_short",
    "glance_gee",
    "intervals_gee",
    "predicted_gee",
    "standardized_gee",
    "summarize_gee",
    "tidy_gee",
    "working_table",
]

POPULATION = "population"
"""The question that coefficients and means of a marginal model answer."""

READING = {
    "identity": "Population effects: differences between means of the population's subgroups.",
    "log": "Population effects: log ratios of means of the population's subgroups.",
    "logit": "Population effects: log odds ratios between the population's subgroups, averaged "
    "over clusters; they are closer to zero than those within a cluster.",
}
"""How coefficients are to be read, by link."""

_SHOWN = 12
"""Parameters of the working correlation that a summary shows at most."""


def tidy_gee(fitted: GeeFitted, level: float = 0.95, kind: str | None = None) -> Columns:
    """Tabulate the coefficients.

    Columns: ``component, group, term, estimate, std_error, statistic, df, p_value, conf_low,
    conf_high, estimand, std_error_kind``.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    level : float
        Coverage of the intervals.
    kind : str, optional
        Kind of standard errors; that of the fit by default.
    """
    table = marginal_table(fitted, level, kind)
    chosen = fitted.settings.std_errors if kind is None else check_kind(kind)
    return {
        **coefficient_columns(table, fitted.df(chosen), POPULATION),
        "std_error_kind": [chosen] * len(table.names),
    }


def intervals_gee(fitted: GeeFitted, level: float = 0.95, kind: str | None = None) -> Columns:
    """Tabulate intervals of the coefficients.

    Columns: ``component, group, term, estimate, conf_low, conf_high, estimand, method``; the
    method is the kind of standard errors.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    level : float
        Coverage.
    kind : str, optional
        Kind of standard errors; that of the fit by default.
    """
    columns = tidy_gee(fitted, level, kind)
    return interval_columns(columns, [f"wald, {name}" for name in columns["std_error_kind"]])


def glance_gee(fitted: GeeFitted) -> Columns:
    """Tabulate what describes the fit as a whole, in one row.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    """
    criteria = _criteria(fitted)
    one = {
        "family": fitted.family.name,
        "link": fitted.family.link.name,
        "estimator": "GEE",
        "covariance": fitted.settings.covariance,
        "std_errors": fitted.settings.std_errors,
        "estimand": POPULATION,
        "nobs": fitted.nobs,
        "clusters": fitted.clusters.count,
        "largest_cluster": fitted.clusters.largest,
        "df_model": len(fitted.names),
        "scale": fitted.scale,
        "dispersion": fitted.dispersion,
        "qic": math.nan if criteria is None else criteria.qic,
        "qicu": math.nan if criteria is None else criteria.qicu,
        "cic": math.nan if criteria is None else criteria.cic,
        "converged": fitted.verdict.converged,
        "verdict": fitted.verdict.status.value,
    }
    return {name: [value] for name, value in one.items()}


def augment_gee(fitted: GeeFitted) -> Columns:
    """Tabulate the rows of the fit with fitted means and residuals.

    Columns: ``row`` (position in the caller's data), the response, the clusters, ``fitted``,
    ``residual``, ``pearson`` (standardized, scale in) and ``estimand``.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    """
    design, response = fitted.design, fitted.design.response
    mean = fitted.mean
    rate = response.y if response.trials is None else response.y / response.trials
    pearson = np.empty(len(mean))
    pearson[fitted.clusters.rows] = fitted.solution.residuals.e / math.sqrt(fitted.scale)
    own: Columns = {
        "fitted": mean,
        "residual": rate - mean,
        "pearson": pearson,
        "estimand": [POPULATION] * len(mean),
    }
    return row_columns(design, own)


def working_table(fitted: GeeFitted) -> Answer:
    """Show the working correlation: its parameters, and its matrix for the first rows.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    """
    labels, R = fitted.working.matrix(fitted.alpha)
    size = min(len(labels), _SHOWN)
    matrix = Table(
        "Working correlation matrix" + (f", first {size} of {len(labels)}" * (size < len(labels))),
        ("", *(plain(label, 20) for label in labels[:size])),
        tuple(
            (plain(labels[j], 20), *(fixed(float(r), 3) for r in R[j, :size])) for j in range(size)
        ),
    )
    return Answer(
        title=f"Working correlation: {fitted.settings.covariance}",
        question="How alike are two rows of the same cluster, given the columns? (An assumption "
        "that decides how rows are weighed; robust standard errors do not rest on it.)",
        columns={"term": list(fitted.working.names), "estimate": fitted.alpha},
        flavor=fitted.design.flavor,
        words=("term",),
        notes=_order_notes(fitted),
        tables=(matrix,),
    )


def predicted_gee(
    fitted: GeeFitted,
    data: Any,
    *,
    scale: Scale = "response",
    interval: Interval = None,
    level: float = 0.95,
    per: float | None = None,
    exposure: Any = None,
    offset: Any = None,
) -> Any:
    """Predict the population's means of the rows of a frame; see `ilk.GeeFit.predict`.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    data : frame or None
        Rows to predict; those of the fit for None.
    scale, interval, level, per, exposure, offset
        The question, see `ilk.prediction.marginal`.

    Returns
    -------
    frame
        A row per row of the data, of the make of the data and with its index; of the rows of the
        fit with their positions in its data.
    """
    cases = marginal_cases(fitted, data, exposure=exposure, offset=offset, per=per)
    means = predict_marginal(fitted, cases.cases, scale=scale, interval=interval, level=level)
    index = fitted.design.rows.kept if data is None else row_labels(data)
    columns = predictions(means, cases.exposure, fitted.design.exposure_name)
    return answer(cases.spread(columns), cases.flavor, index)


def standardized_gee(fitted: GeeFitted, variable: str, levels: Any, **options: Any) -> Answer:
    """Standardize the population's means, see `ilk.effects.standardize`.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    variable : str
        Column to set.
    levels : sequence or None
        Its values.
    **options
        As `standardize` takes them.
    """
    level, df = check_level(options.pop("level", 0.95)), fitted.df()
    if not df > 0.0:
        raise FitError(
            f"There are {fitted.clusters.count} clusters for {len(fitted.names)} coefficients, so "
            "that uncertainty between clusters is not determined: leave out terms.",
            code="few-clusters",
        )
    other = options.get("covariates") == "sample"
    count = ", and that other clusters could have been sampled" if other else ""
    errors = (
        f"Standard errors by the delta method count the coefficients{count}: "
        f"{KIND_NAMES[fitted.settings.std_errors]}{_df_words(df)}."
    )
    found = standardization_answer(
        without_effects(fitted),
        variable,
        levels,
        level=normal_level(level, df),
        errors=errors,
        **options,
    )
    return replace(
        found,
        question=found.question.replace(" (the distribution of random effects)", ""),
        level=level,
    )


def counterfactuals_gee(fitted: GeeFitted, scenarios: Any, data: Any, **options: Any) -> Any:
    """Tabulate the predictions of every row under every scenario; the columns and their make.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    scenarios : mapping of str to values
        Columns and what they are set to.
    data : data frame or None
        The rows.
    **options
        As `counterfactuals` takes them.
    """
    if options.get("interval") not in (None, "confidence"):
        refuse_distribution()
    level = normal_level(check_level(options.pop("level", 0.95)), fitted.df())
    return counterfactual_table(
        without_effects(fitted), scenarios, data, estimand="population", level=level, **options
    )


def criteria_table(fitted: GeeFitted, scale: float = 1.0) -> Answer:
    """Show the quasi-likelihood criteria.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    scale : float
        Scale at which the quasi-likelihood is computed.
    """
    found = quasi_criteria(fitted, scale)
    return Answer(
        title="Quasi-likelihood criteria",
        question="Which of several marginal models of the same rows is better? (Smaller is better: "
        "QIC and CIC for the working correlation, QICu for the columns.)",
        columns={
            "covariance": [fitted.settings.covariance],
            "qic": np.array([found.qic]),
            "qicu": np.array([found.qicu]),
            "cic": np.array([found.cic]),
            "quasi_loglik": np.array([found.quasi_loglik]),
            "df_model": [len(fitted.names)],
            "scale": np.array([found.scale]),
        },
        flavor=fitted.design.flavor,
        words=("covariance",),
        notes=(
            "The quasi-likelihood is at the scale shown; compare models at one and the same scale.",
        ),
    )


def summarize_gee(
    fitted: GeeFitted,
    level: float = 0.95,
    kind: str | None = None,
    design: Causes = None,
) -> Summary:
    """Collect the summary of a fit.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    level : float
        Coverage of the intervals.
    kind : str, optional
        Kind of standard errors; that of the fit by default.
    design : {None, "observational", "randomized"}
        How the data came about, for the sentence on association and causation.

    Returns
    -------
    Summary
    """
    cause = association(design)
    return Summary(
        title="Marginal model, generalized estimating equations (GEE)",
        facts=_facts(fitted, kind),
        tables=(
            _coefficients(fitted, level, kind),
            *_rate_ratios(fitted, level, kind),
            *_working(fitted),
        ),
        verdict=fitted.verdict.status.value,
        reasons=reasons(fitted.verdict),
        footer=versions(fitted.search),
        association=cause,
    )


def gee_in_short(fitted: GeeFitted) -> str:
    """Describe a fit in one line."""
    text = plain(fitted.formula.text, 80)
    return (
        f"<ilk.GeeFit: {text}; {fitted.family.name}, {fitted.family.link.name}; "
        f"{fitted.settings.covariance}; {fitted.clusters.count} clusters; n = {fitted.nobs}; "
        f"{fitted.verdict.status.name.lower()}>"
    )


def _facts(fitted: GeeFitted, kind: str | None) -> tuple[tuple[str, str], ...]:
    """Collect what a reader must know before looking at any number."""
    design, family, clusters = fitted.design, fitted.family, fitted.clusters
    chosen = fitted.settings.std_errors if kind is None else check_kind(kind)
    smallest, largest = int(clusters.sizes.min()), clusters.largest
    size = ("" if smallest == largest else f"{integer(smallest)} to ") + counted(largest, "row")
    facts = [
        ("formula", plain(fitted.formula.text, 400)),
        ("family", f"{family.name}, link {family.link.name} (mean and variance only)"),
        ("estimand", "population (means over all clusters)"),
        ("working", f"{fitted.settings.covariance} correlation within clusters"),
        ("std. errors", KIND_NAMES[chosen] + _df_words(fitted.df(chosen))),
        rows_fact(design, fitted.nobs),
        (
            "clusters",
            f"{plain(design.terms[0].grouping.name)}: {integer(clusters.count)}, of {size}",
        ),
    ]
    facts += [("order", note) for note in _order_notes(fitted)]
    facts += design_facts(design, fitted.model.fitted_parts)
    if fitted.rows.marginal.shaped:
        facts.append(("dispersion", f"phi = {significant(fitted.dispersion)} (moments)"))
    else:
        facts.append(("scale", f"{significant(fitted.scale)} (mean squared Pearson residual)"))
    criteria = _criteria(fitted)
    if criteria is not None:
        qic, qicu, cic = (fixed(x, 2) for x in (criteria.qic, criteria.qicu, criteria.cic))
        facts.append(("QIC", f"{qic}; QICu {qicu}; CIC {cic}"))
    return tuple(facts)


def _df_words(df: float) -> str:
    return "" if math.isinf(df) else f"; t with {degrees(df)}"


def _order_notes(fitted: GeeFitted) -> tuple[str, ...]:
    """Say what positions within clusters are, where they matter."""
    settings, clusters = fitted.settings, fitted.clusters
    if settings.covariance in ("independence", "exchangeable", "nested"):
        return ()
    if settings.ordered_by is None:
        text = "rows of a cluster in the order of the data; rows left out keep their place"
    elif settings.ordered_by == "(order)":
        text = "the values given as order="
    else:
        text = plain(settings.ordered_by)
    if settings.covariance in ("ar1", "m_dependent"):
        unit = "" if settings.ordered_by is None else f" of {clusters.step:g}"
        text += f"; distances in steps{unit}"
    return (text,)


def _criteria(fitted: GeeFitted) -> QuasiCriteria | None:
    try:
        return quasi_criteria(fitted)
    except (FitError, np.linalg.LinAlgError):
        return None


def _coefficients(fitted: GeeFitted, level: float, kind: str | None) -> Table:
    table = marginal_table(fitted, level, kind)
    chosen = fitted.settings.std_errors if kind is None else check_kind(kind)
    reading = READING.get(
        fitted.family.link.name,
        f"Population effects on the scale of the {fitted.family.link.name} of the population's "
        "mean.",
    )
    return Table(
        "Coefficients of the population's mean",
        coefficient_header(level, fitted.df(chosen)),
        tuple(coefficient_cells(table, i) for i in range(len(table.names))),
        notes=(reading, f"Standard errors: {KIND_NAMES[chosen]}."),
    )


def _rate_ratios(fitted: GeeFitted, level: float, kind: str | None) -> list[Table]:
    """Coefficients as ratios of the population's rates, for fits that have rates."""
    if not is_rate(fitted.design, fitted.family):
        return []
    table = marginal_table(fitted, level, kind)
    whose = "Population: averaged over clusters."
    found = rate_table(fitted.design, fitted.family, table, level, whose)
    return [found] if found.rows else []


def _working(fitted: GeeFitted) -> list[Table]:
    names, values = fitted.working.names, fitted.alpha
    if not names:
        return []
    more = len(names) - _SHOWN
    notes = (f"{integer(more)} more are in working_correlation().",) if more > 0 else ()
    rows = tuple((plain(n), fixed(float(v), 4)) for n, v in zip(names, values, strict=True))
    return [Table("Working correlation", ("", "estimate"), rows[:_SHOWN], notes=notes)]
