"""Tests as answers: linear hypotheses, terms of the formula, terms that may be dropped."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.inference.hypotheses.anova import anova
from ilk.inference.hypotheses.drop_one import drop_one
from ilk.inference.hypotheses.hypothesis import linear_hypothesis
from ilk.show.answer import Answer
from ilk.show.numbers import fixed, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.fitted import Fitted
    from ilk.inference.hypotheses.anova import TermTest
    from ilk.inference.hypotheses.hypothesis import JointTest
    from ilk.inference.wald import CoefficientCovariance

__all__ = ["anova_answer", "drop_one_answer", "hypothesis_answer"]

CONDITIONAL = "conditional"
JOINT = "all together"


def hypothesis_answer(fitted: Fitted, hypothesis: Any, rhs: Any = None, **options: Any) -> Answer:
    """Test linear hypotheses, and put the tests into words.

    Columns: ``hypothesis, estimate, value, std_error, statistic, df_num, df, p_value, conf_low,
    conf_high, test, estimand``; the last of several rows is the joint test.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    hypothesis, rhs, **options
        As `linear_hypothesis` takes them.

    Returns
    -------
    Answer
    """
    found = linear_hypothesis(fitted, hypothesis, rhs, **options)
    several = len(found.labels) > 1
    extra = [math.nan] * several
    tests = [*found.tests, *[found.joint] * several]
    said = " and ".join(map(plain, found.labels[:4])) + (" and so on" * (len(found.labels) > 4))
    notes = [*found.notes, *_lost_notes(fitted, tests), *_wald_notes(found.covariance)]
    if found.method != "wald":
        notes[-1] = f"Standard errors and intervals are Wald's. {notes[-1]}"
    return Answer(
        title="Tests of linear hypotheses" if several else "Test of a linear hypothesis",
        question=f"Are the data at odds with {said}?",
        columns={
            "hypothesis": [*found.labels, *[JOINT] * several],
            "estimate": np.append(found.estimate, extra),
            "value": np.append(found.value, extra),
            "std_error": np.append(found.std_error, extra),
            **_test_columns(tests),
            "conf_low": np.append(found.conf_low, extra),
            "conf_high": np.append(found.conf_high, extra),
            "test": [test.test for test in tests],
            "estimand": [*[CONDITIONAL] * len(found.labels), *[None] * several],
        },
        flavor=fitted.design.flavor,
        words=("hypothesis",),
        hidden=("estimand",) if np.any(found.value) else ("estimand", "value"),
        notes=tuple(plain(note, 2000) for note in notes),
        level=options.get("level", 0.95),
    )


def anova_answer(fitted: Fitted, type: int = 3, **options: Any) -> Answer:
    """Test the terms of the formulas, and put the tests into words.

    Columns: ``component, term, df_num, df, statistic, p_value, test``.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    type, **options
        As `anova` takes them.

    Returns
    -------
    Answer
    """
    found = anova(fitted, type, **options)
    words = {2: "II", 3: "III"}[found.type]
    question = {
        2: "Does the response depend on each term, given all terms that do not contain it?",
        3: (
            "Does the response depend on each term, given all others? A main effect is the average "
            "over the levels of the factors that it interacts with, each with the same weight, "
            "whatever the coding of the fit."
        ),
    }[found.type]
    return Answer(
        title=f"Tests of terms, type {words}",
        question=question,
        columns=_term_columns(found.rows),
        flavor=fitted.design.flavor,
        words=("component", "term"),
        hidden=_one_component(found.rows),
        notes=tuple(
            plain(note, 2000)
            for note in (
                *found.notes,
                *_lost_notes(fitted, [row.test for row in found.rows]),
                *_wald_notes(found.covariance),
            )
        ),
    )


def drop_one_answer(fitted: Fitted, **options: Any) -> Answer:
    """Compare the fit with the smaller models without one term, and put it into words.

    Columns: ``component, term, df_num, df, statistic, p_value, test, loglik, aic,
    aic_difference``, the last three of the model without the term, by maximum likelihood.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    **options
        As `drop_one` takes them.

    Returns
    -------
    Answer
    """
    found = drop_one(fitted, **options)
    columns = {
        **_term_columns(found.rows),
        "loglik": found.loglik,
        "aic": found.aic,
        "aic_difference": found.aic - found.full_aic,
    }
    whole = (
        f"The model itself: log-likelihood {fixed(found.full_loglik, 2)}, "
        f"AIC {fixed(found.full_aic, 2)}; a positive difference of AIC speaks for the term."
    )
    return Answer(
        title="Each term dropped",
        question=(
            "Is the model worse without each term? Terms that are part of an interaction stay."
        ),
        columns=columns,
        flavor=fitted.design.flavor,
        words=("component", "term"),
        heads={
            "loglik": "loglik without",
            "aic": "AIC without",
            "aic_difference": "AIC without - with",
        },
        hidden=_one_component(found.rows),
        notes=tuple(
            plain(note, 2000)
            for note in (
                whole,
                *found.notes,
                *_lost_notes(fitted, [row.test for row in found.rows]),
                *_wald_notes(found.covariance),
            )
        ),
    )


def _test_columns(tests: Sequence[JointTest]) -> dict[str, Any]:
    return {
        "statistic": np.array([test.statistic for test in tests], dtype=np.float64),
        "df_num": np.array([test.df_num for test in tests], dtype=np.int64),
        "df": np.array([test.df for test in tests], dtype=np.float64),
        "p_value": np.array([test.p_value for test in tests], dtype=np.float64),
    }


def _term_columns(rows: Sequence[TermTest]) -> dict[str, Any]:
    found = _test_columns([row.test for row in rows])
    return {
        "component": [row.component for row in rows],
        "term": [row.term for row in rows],
        "df_num": found["df_num"],
        "df": found["df"],
        "statistic": found["statistic"],
        "p_value": found["p_value"],
        "test": [row.test.test for row in rows],
    }


def _one_component(rows: Sequence[TermTest]) -> tuple[str, ...]:
    """The column of components, if all are of the mean."""
    return () if {row.component for row in rows} - {"mean"} else ("component",)


def _lost_notes(fitted: Fitted, tests: Sequence[JointTest]) -> list[str]:
    """Say what is not to be relied on, and why a test has no statistic."""
    notes = []
    if not fitted.verdict.converged:
        notes.append(
            f"The fit is {fitted.verdict.status.value}: see verdict before these numbers are used."
        )
    if any(math.isnan(t.statistic) and t.test == "likelihood ratio" for t in tests):
        notes.append("Without statistic: the fit under the hypothesis did not end at an optimum.")
    if any(t.df_num == 0 for t in tests):
        notes.append("Terms with no degrees of freedom: other terms say the same.")
    return notes


def _wald_notes(covariance: CoefficientCovariance | None) -> list[str]:
    """Say where standard errors and degrees of freedom are from."""
    if covariance is None:
        return ["Likelihood ratios, referred to chi-square with df_num degrees of freedom."]
    return [f"Standard errors: {covariance.kind}. Degrees of freedom: {covariance.df_kind}."]
