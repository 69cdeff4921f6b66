"""The answer of `Fit.exogeneity`: tests, the proposed refit, and the bias curve."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.diagnostics.exogeneity import exogeneity
from ilk.diagnostics.exogeneity.hausman import upper_tail
from ilk.inference.wald import two_sided
from ilk.late import Late
from ilk.show.answer import AbstractAnswer, Answer
from ilk.show.numbers import p_value, significant
from ilk.show.summary import Table

if TYPE_CHECKING:
    from ilk.diagnostics.exogeneity import Exogeneity
    from ilk.diagnostics.exogeneity.bias import BiasCurve
    from ilk.diagnostics.exogeneity.hausman import Hausman
    from ilk.diagnostics.exogeneity.within_between import GroupTest
    from ilk.fitted import Fitted

__all__ = ["ExogeneityAnswer", "exogeneity_answer"]

pictures = Late("ilk.plot.bias")

ALL = "(all)"
"""Term of the joint test."""


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ExogeneityAnswer(AbstractAnswer):
    """Answer to the question whether random effects and covariates are related.

    Parameters
    ----------
    answer : Answer
        The tests; its picture is the bias of the coefficients against the assumed correlation.
    curve : Answer
        Bias of every coefficient by correlation, with the same picture.
    hausman : Hausman
        Random against fixed effects: ``statistic, df, p_value, terms, difference, reason``.
    formula : str
        Formula of the proposed model, ready to paste.
    refit : callable
        Gives its fit.
    """

    answer: Answer
    curve: Answer
    hausman: Hausman
    formula: str
    refit: Callable[[], Any]

    @property
    def proposed(self) -> Any:
        """Fit of the proposed model, with the cluster means as terms of their own."""
        return self.refit()


def exogeneity_answer(
    fitted: Fitted, group: str | None, level: float, wrap: Callable[[Fitted], Any]
) -> ExogeneityAnswer:
    """Test whether random effects and covariates are related.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    group : str or None
        Grouping factor.
    level : float
        Coverage of the intervals.
    wrap : callable
        Makes of the record of a fit what users hold.

    Returns
    -------
    ExogeneityAnswer
    """
    z = two_sided(level)
    found = exogeneity(fitted, group)
    curves = tuple(curve for test in found.groups for curve in test.curves)
    curve = _curve_answer(fitted, curves)
    answer = Answer(
        title="Are the random effects unrelated to the covariates?",
        question=(
            "Does a covariate have the same effect between clusters as within them? The estimate "
            "is the difference, between minus within; zero if random effects and covariate are "
            "unrelated."
        ),
        columns=_columns(found, z),
        flavor=fitted.design.flavor,
        words=("group", "term"),
        hidden=("random", "within", "wald", "likelihood_ratio", "estimand", "implied_correlation"),
        heads={
            "share_between": "between",
            "p_value": "p (Wald)",
            "p_likelihood_ratio": "p (LR)",
        },
        level=level,
        notes=_notes(found, curves),
        tables=(_summary(found, curves),),
        picture=curve.picture,
    )
    return ExogeneityAnswer(
        answer, curve, found.hausman, found.formula, lambda: wrap(found.proposed())
    )


def _columns(found: Exogeneity, z: float) -> dict[str, Any]:
    rows = [row for test in found.groups for row in _rows(test)]
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    for name, values in columns.items():
        if name not in ("group", "term", "estimand"):
            columns[name] = np.array(values, dtype=np.int64 if name == "df" else float)
    half = z * columns["std_error"]
    placed: dict[str, Any] = {}
    for name, values in columns.items():
        placed[name] = values
        if name == "std_error":
            placed["conf_low"] = columns["estimate"] - half
            placed["conf_high"] = columns["estimate"] + half
    return placed


def _rows(test: GroupTest) -> list[dict[str, Any]]:
    implied = {curve.term: curve.implied for curve in test.curves}
    rows = [
        {
            "group": test.group,
            "term": c.term,
            "share_between": c.share,
            "random": c.random,
            "within": c.within,
            "estimate": c.contextual,
            "std_error": c.error,
            "wald": c.wald,
            "df": c.df,
            "p_value": upper_tail(c.wald, c.df),
            "likelihood_ratio": c.likelihood_ratio,
            "p_likelihood_ratio": upper_tail(c.likelihood_ratio, c.df),
            "implied_correlation": (
                implied.get(c.columns[0], math.nan) if len(c.columns) == 1 else math.nan
            ),
            "estimand": "conditional",
        }
        for c in test.covariates
    ]
    joint = dict.fromkeys(rows[0], math.nan) | {
        "group": test.group,
        "term": ALL,
        "wald": test.wald,
        "df": test.df,
        "p_value": upper_tail(test.wald, test.df),
        "likelihood_ratio": test.likelihood_ratio,
        "p_likelihood_ratio": upper_tail(test.likelihood_ratio, test.df),
        "estimand": "conditional",
    }
    return [*rows, joint]


def _summary(found: Exogeneity, curves: tuple[BiasCurve, ...]) -> Table:
    h = found.hausman
    if h.reason:
        hausman = f"not defined: {h.reason}"
    else:
        hausman = (
            f"chi-square {significant(h.statistic)} on {h.df} df, p {_compared(h.p_value)} "
            f"({h.estimator})"
        )
    rows = [("Hausman", hausman)]
    for curve in curves:
        error = f"bias {significant(float(curve.at(curve.implied)[curve.own]))} of the estimate "
        rows.append(
            (
                f"{curve.term}, {curve.group}",
                f"implied correlation {curve.implied:.2f}: {error}"
                f"{significant(curve.estimate[curve.own])}",
            )
        )
    rows.append(("proposed", found.formula))
    return Table("Further", ("", ""), tuple(rows), labels=2)


def _compared(p: float) -> str:
    text = p_value(p)
    return f"< {text[1:]}" if text.startswith("<") else f"= {text}"


def _notes(found: Exogeneity, curves: tuple[BiasCurve, ...]) -> tuple[str, ...]:
    notes = [
        "Wald: the cluster means' coefficients in the extended model. LR: likelihood ratio of the "
        "models with and without them."
    ]
    if found.hausman.reason and all(math.isfinite(test.wald) for test in found.groups):
        notes.append("The Wald test of all cluster means asks Hausman's question and is defined.")
    without = [test.group for test in found.groups if not test.curves]
    if without:
        notes.append(
            f"No bias curve for {', '.join(without)}: there is no random intercept, or one "
            "without variance, that a covariate could be correlated with."
        )
    if len(curves) > 1:
        notes.append("The implied correlation and bias of each covariate are of it alone.")
    return (*notes, *found.notes)


def _curve_answer(fitted: Fitted, curves: tuple[BiasCurve, ...]) -> Answer:
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("group", "covariate", "term", "correlation", "bias", "fitted", "adjusted")
    }
    for curve in curves:
        for j, name in enumerate(curve.names):
            for rho, bias in zip(curve.correlations, curve.bias[:, j], strict=True):
                row = (curve.group, curve.term, name, float(rho), float(bias))
                values = (*row, float(curve.estimate[j]), float(curve.estimate[j] - bias))
                for column, value in zip(columns.values(), values, strict=True):
                    column.append(value)
    exact = fitted.model.linear
    errors = dict(zip(fitted.names, np.sqrt(np.diag(fitted.vcov)), strict=True))
    return Answer(
        title="Bias if random intercepts and cluster means are correlated",
        question=(
            "By how much is each coefficient off if the random intercepts of the clusters have "
            "this correlation with the cluster means of the covariate?"
        ),
        columns={
            name: values if name in ("group", "covariate", "term") else np.array(values, float)
            for name, values in columns.items()
        },
        flavor=fitted.design.flavor,
        words=("group", "covariate", "term"),
        notes=(
            "At the variance components of the fit"
            + (
                "."
                if exact
                else "; to first order in the correlation, with the working weights of the fit."
            ),
        ),
        picture=(lambda ax: pictures.draw_bias(curves, errors, ax)) if curves else None,
    )
