"""The answers of a fit as columns: what the frames that users get are made of.

Every function returns a dictionary of columns; the facade turns it into a frame of the kind that
the data came in.  A table that reports means or effects carries its estimand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ilk.diagnostics.residuals import residuals
from ilk.family.categorical import AbstractCategorical
from ilk.inference.criteria import aic, aicc, bic, df_model, df_resid
from ilk.inference.wald import coefficient_table
from ilk.late import Late
from ilk.prediction.random_effects import random_effects
from ilk.show.wording import estimator_phrase
from ilk.variance.components import DEVIATION, RESIDUAL, variance_components
from ilk.variance.record import CORRELATION

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.inference.intervals import Intervals
    from ilk.inference.wald import CoefficientCovariance, CoefficientTable
    from ilk.prediction.predict import Prediction
    from ilk.typing import FloatArray, IntArray
    from ilk.variance.record import VarianceComponent

__all__ = [
    "augment",
    "by_category",
    "coefficient_columns",
    "fitted_values",
    "glance",
    "interval_columns",
    "interval_table",
    "intervals",
    "level_effects",
    "predictions",
    "row_columns",
    "tidy",
    "variance_table",
]

every_kind = Late("ilk.inference.intervals")

Columns: TypeAlias = dict[str, Any]
"""Columns of a frame by name."""

CONDITIONAL = "conditional"

RHO = "rho"
"""Name of the correlation in a series, or of all pairs; that of a map belongs to no effect."""


def tidy(
    fitted: Fitted, level: float = 0.95, covariance: CoefficientCovariance | None = None
) -> Columns:
    """Tabulate all parameters, one row each: coefficients, then variance components.

    Columns: ``component, group, term, estimate, std_error, statistic, df, p_value, conf_low,
    conf_high, estimand``.  The group of a coefficient is None; the terms of variance components are
    ``sd(...)`` and ``correlation(...)``, those of covariance structures ``rho(week)``, ``range``,
    ...  ``df`` is infinite for z statistics.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage of the intervals.
    covariance : CoefficientCovariance, optional
        Covariance matrix and degrees of freedom of the coefficients; by default the model's.
    """
    table = coefficient_table(fitted, level, covariance)
    parts = variance_components(fitted, level)
    count, blank = len(parts), [math.nan] * len(parts)
    return {
        "component": [c for c, _ in table.names] + [c.component for c in parts],
        "group": [None] * len(table.names) + [c.group for c in parts],
        "term": [name for _, name in table.names] + [c.label for c in parts],
        "estimate": np.append(table.estimate, [c.estimate for c in parts]),
        "std_error": np.append(table.std_error, [c.std_error for c in parts]),
        "statistic": np.append(table.statistic, blank),
        "df": np.append(table.df, blank),
        "p_value": np.append(table.p_value, blank),
        "conf_low": np.append(table.conf_low, [c.conf_low for c in parts]),
        "conf_high": np.append(table.conf_high, [c.conf_high for c in parts]),
        "estimand": [CONDITIONAL] * len(table.names) + [None] * count,
    }


def intervals(fitted: Fitted, level: float = 0.95, method: str = "wald", **options: Any) -> Columns:
    """Tabulate intervals of coefficients and variance components.

    Columns: ``component, group, term, estimate, conf_low, conf_high, estimand, method``.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage.
    method : str
        Kind of interval, see `ilk.inference.intervals`.
    **options
        Of the method.
    """
    return interval_table(every_kind.intervals(fitted, level, method, **options))


def interval_table(found: Intervals) -> Columns:
    """Put intervals into columns.

    Parameters
    ----------
    found : Intervals
        The intervals.
    """
    return {
        "component": list(found.component),
        "group": list(found.group),
        "term": list(found.term),
        "estimate": found.estimate,
        "conf_low": found.conf_low,
        "conf_high": found.conf_high,
        "estimand": list(found.estimand),
        "method": list(found.method),
    }


def interval_columns(columns: Columns, method: str | list[str]) -> Columns:
    """Take the intervals from a table of parameters, and say how they were made.

    Columns: ``component, group, term, estimate, conf_low, conf_high, estimand, method``.

    Parameters
    ----------
    columns : dict
        From `tidy` or its like.
    method : str or list of str
        How the intervals were made, in all rows or each.
    """
    wanted = ("component", "group", "term", "estimate", "conf_low", "conf_high", "estimand")
    methods = [method] * len(columns["term"]) if isinstance(method, str) else method
    return {**{name: columns[name] for name in wanted}, "method": methods}


def coefficient_columns(table: CoefficientTable, df: float, estimand: str) -> Columns:
    """Tabulate coefficients of a model without random effects.

    Columns: ``component, group, term, estimate, std_error, statistic, df, p_value, conf_low,
    conf_high, estimand``.

    Parameters
    ----------
    table : CoefficientTable
        The coefficients.
    df : float
        Degrees of freedom of their statistics.
    estimand : str
        What they are effects on.
    """
    count = len(table.names)
    return {
        "component": [component for component, _ in table.names],
        "group": [None] * count,
        "term": [name for _, name in table.names],
        "estimate": table.estimate,
        "std_error": table.std_error,
        "statistic": table.statistic,
        "df": np.full(count, df),
        "p_value": table.p_value,
        "conf_low": table.conf_low,
        "conf_high": table.conf_high,
        "estimand": [estimand] * count,
    }


def glance(fitted: Fitted) -> Columns:
    """Tabulate what describes the fit as a whole, in one row.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    one = {
        "family": fitted.family.name,
        "link": fitted.family.link.name,
        "estimator": estimator_phrase(fitted),
        "nobs": fitted.nobs,
        "df_model": df_model(fitted),
        "df_resid": df_resid(fitted),
        "loglik": fitted.loglik,
        "aic": aic(fitted),
        "aicc": aicc(fitted),
        "bic": bic(fitted),
        "sigma": math.sqrt(fitted.estimates.sigma2),
        "dispersion": fitted.dispersion,
        "converged": fitted.verdict.converged,
        "verdict": fitted.verdict.status.value,
    }
    return {name: [value] for name, value in one.items()}


def fitted_values(fitted: Fitted) -> FloatArray:
    """Fitted means (n,), or probabilities (n, J) of categories, at the conditional modes.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    family = fitted.family
    if isinstance(family, AbstractCategorical):
        return family.probabilities(fitted.predictors).T
    return fitted.mean


def augment(fitted: Fitted) -> Columns:
    """Tabulate the rows of the fit with fitted means and residuals.

    Columns: ``row`` (position in the caller's data), the response, the grouping factors, ``fitted``
    (mean at the conditional modes), ``residual``, ``pearson`` and ``estimand``.  Of categories
    ``fitted`` is the probability of the one observed, ``fitted_...`` that of each; of these and of
    censored responses there are ``quantile`` residuals in place of the others.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    design, family = fitted.design, fitted.family
    labels = None
    if isinstance(family, AbstractCategorical):
        every = family.probabilities(fitted.predictors)
        codes = design.response.y.astype(np.intp)
        labels = [family.levels[code] for code in codes]
        own: Columns = {"fitted": every[codes, np.arange(len(codes))]}
        own.update((f"fitted_{level}", p) for level, p in zip(family.levels, every, strict=True))
    else:
        own = {"fitted": fitted.mean}
    if family.categorical or design.response.other is not None:
        own["quantile"] = residuals(fitted, "quantile")
    else:
        own["residual"] = residuals(fitted, "response")
        own["pearson"] = residuals(fitted, "pearson")
    own["estimand"] = [CONDITIONAL] * fitted.model.rows
    return row_columns(design, own, response=labels)


def row_columns(
    design: Design, own: Columns, used: IntArray | None = None, response: Any = None
) -> Columns:
    """Put columns of a fit behind the position, response and clusters of its rows.

    Parameters
    ----------
    design : Design
        The design.
    own : dict
        Columns of the fit; one of the caller's that has the name of one gets a ``_`` behind it.
    used : (n,) array of int, optional
        Rows of the design that the fit used; all by default.
    response : sequence, optional
        Responses of these rows, where those of the design are codes.
    """
    rows = slice(None) if used is None else used
    observed = design.response.y[rows] if response is None else response
    theirs: Columns = {design.response.name: observed}
    for term in design.terms:
        theirs[term.grouping.name] = _labels(term.grouping, rows)
    columns: Columns = {"row": design.rows.kept[rows]}
    for name, values in theirs.items():
        columns[f"{name}_" if name in own or name == "row" else name] = values
    return {**columns, **own}


def _labels(grouping: Grouping, rows: IntArray | slice) -> list[Any]:
    """Level of each row; several with signs between them."""
    labels = grouping.levels
    if grouping.weights is None:
        return [labels[code] for code in grouping.codes[rows]]
    pairs = zip(grouping.members[rows].tolist(), grouping.weights[rows].tolist(), strict=True)
    return [
        " + ".join(dict.fromkeys(str(labels[c]) for c, w in zip(*both, strict=True) if w != 0.0))
        for both in pairs
    ]


def level_effects(
    fitted: Fitted, group: str | None = None, level: float = 0.95, **options: Any
) -> Columns:
    """Tabulate the random effects, one row for each level and effect.

    Columns: ``component, group, level, term, estimate, std_error, conf_low, conf_high, n,
    shrinkage, kind``; shrinkage is the weight of the level's own data, 1 minus the conditional over
    the prior variance; kind says what the estimate is, ``"mode"`` or ``"mean"``.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    group : str, optional
        Grouping factor; all by default.
    level : float
        Coverage of the intervals.
    **options
        As `random_effects` takes them.
    """
    tables = random_effects(fitted, group, level, **options)
    labels: list[object] = []
    words: dict[str, list[str]] = {"component": [], "group": [], "term": []}
    for table in tables:
        L, q = table.estimate.shape
        words["component"] += [table.component] * (L * q)
        words["group"] += [table.group] * (L * q)
        words["term"] += list(table.names) * L
        labels += [label for label in table.levels for _ in range(q)]
    if len({type(label) for label in labels}) > 1:
        labels = [str(label) for label in labels]

    def flat(name: str) -> Any:
        return np.concatenate([np.zeros(0), *(getattr(t, name).ravel() for t in tables)])

    return {
        "component": words["component"],
        "group": words["group"],
        "level": labels,
        "term": words["term"],
        "estimate": flat("estimate"),
        "std_error": flat("std_error"),
        "conf_low": flat("conf_low"),
        "conf_high": flat("conf_high"),
        "n": np.concatenate([np.zeros(0), *(np.repeat(t.count, len(t.names)) for t in tables)]),
        "shrinkage": flat("weight"),
        "kind": [str(options.get("estimate", "mode"))] * len(labels),
    }


def variance_table(fitted: Fitted, level: float = 0.95) -> Columns:
    """Tabulate the variance components, one row for each standard deviation and correlation.

    Columns: ``component, group, term, kind, estimate, sd, variance, correlation, std_error,
    conf_low, conf_high, boundary``.  Standard error and limits are those of the estimate; the term
    of a correlation is ``"a ~ b"``.  Kinds are ``"sd"``, ``"correlation"`` and the parameters of
    covariance structures, such as ``"rho"``, ``"range"`` or ``"lambda"``.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage of the intervals.
    """
    parts = variance_components(fitted, level)
    sd = np.array([c.estimate if c.kind == DEVIATION else math.nan for c in parts], dtype=float)
    return {
        "component": [c.component for c in parts],
        "group": [c.group for c in parts],
        "term": [c.term if c.group != RESIDUAL else RESIDUAL for c in parts],
        "kind": [c.kind for c in parts],
        "estimate": np.array([c.estimate for c in parts], dtype=float),
        "sd": sd,
        "variance": sd**2,
        "correlation": np.array(
            [c.estimate if _is_correlation(c) else math.nan for c in parts], dtype=float
        ),
        "std_error": np.array([c.std_error for c in parts], dtype=float),
        "conf_low": np.array([c.conf_low for c in parts], dtype=float),
        "conf_high": np.array([c.conf_high for c in parts], dtype=float),
        "boundary": np.array([c.boundary for c in parts], dtype=bool),
    }


def _is_correlation(part: VarianceComponent) -> bool:
    return part.kind == CORRELATION or (part.kind == RHO and bool(part.terms))


def predictions(
    prediction: Prediction, exposure: FloatArray | None = None, unit: str | None = None
) -> Columns:
    """Tabulate predictions, one row each.

    Columns: ``estimate``, then ``std_error, conf_low, conf_high, interval`` if an interval was
    asked for, ``per`` and ``unit`` (``1000``, ``"patient_days"``) if the fit has an exposure, and
    ``estimand``.

    Parameters
    ----------
    prediction : Prediction
        The answer.
    exposure : (n,) array, optional
        Exposure that each estimate is for.
    unit : str, optional
        What it is measured in: the name of its column.
    """
    n = len(prediction.estimate)
    columns: Columns = {"estimate": prediction.estimate}
    if prediction.interval is not None:
        columns["std_error"] = prediction.std_error
        columns["conf_low"] = prediction.conf_low
        columns["conf_high"] = prediction.conf_high
        columns["interval"] = [prediction.interval] * n
    if exposure is not None:
        columns["per"] = exposure
        columns["unit"] = [unit or "exposure"] * n
    columns["estimand"] = prediction.estimands
    return columns


def by_category(parts: Sequence[Columns], labels: Sequence[Any], column: str) -> Columns:
    """Tables of each category as one, the categories of a row below each other.

    Parameters
    ----------
    parts : sequence of dict
        A table per category, all with the same rows.
    labels : sequence
        The categories.
    column : str
        Name of their column, the first.
    """
    rows = len(parts[0]["estimate"])
    columns: Columns = {column: list(labels) * rows}
    for name, values in parts[0].items():
        every = [part[name] for part in parts]
        if isinstance(values, np.ndarray):
            columns[name] = np.stack(every, axis=1).ravel()
        else:
            columns[name] = [word for words in zip(*every, strict=True) for word in words]
    return columns
