"""Comparisons of models and tests of random effects, as answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.frame import answer
from ilk.inference.comparison.compare import compare
from ilk.inference.comparison.random_effects import random_effect_tests
from ilk.late import Late
from ilk.show.answer import AbstractAnswer, Answer, table_of
from ilk.show.numbers import integer, plain
from ilk.show.summary import Table
from ilk.show.wording import estimator_phrase

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.inference.comparison.compare import Comparison
    from ilk.inference.comparison.likelihood_ratio import NullMethod

__all__ = ["ComparisonAnswer", "comparison_answer", "random_effect_answer"]

pictures = Late("ilk.plot.comparison")


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ComparisonAnswer(AbstractAnswer):
    """Answer to the question which of several models describes the responses best.

    Parameters
    ----------
    answer : Answer
        Information criteria, a row per model; its picture is each model's distance from the best.
    ratios : mapping of str to list
        Likelihood-ratio tests, as columns.
    """

    answer: Answer
    ratios: Mapping[str, Any]

    @property
    def tests(self) -> Any:
        """Likelihood-ratio tests, a row per pair: ``smaller, larger, statistic, df, null, ...``."""
        return answer(self.ratios, self.answer.flavor)


def comparison_answer(
    models: Sequence[Any],
    names: Sequence[str] | None = None,
    *,
    method: NullMethod = "auto",
    draws: int | None = None,
    seed: int | None = 0,
    n_jobs: int | None = 1,
    refits: int = 500,
) -> ComparisonAnswer:
    """Compare models of the same responses.

    Parameters
    ----------
    models : sequence of Fitted
        Fits.
    names, method, draws, seed, n_jobs, refits
        As in `ilk.inference.comparison.compare.compare`.

    Returns
    -------
    ComparisonAnswer
    """
    found = compare(
        models, names, method=method, draws=draws, seed=seed, n_jobs=n_jobs, refits=refits
    )
    columns = _criteria(found)
    ratios = _ratios(found)
    tables = [_described(columns)]
    if ratios["smaller"]:
        heads = {"null": "null distribution"}
        tested = {name: ratios[name] for name in _TEST_ORDER}
        tested["null"] = [t.ratio.null if t.ratio.tested else "no test" for t in found.tests]
        notes = (*_reasons(found), *_boundary_notes(found))
        tables.append(
            table_of(
                "Likelihood-ratio tests", tested, ("smaller", "larger"), heads=heads, notes=notes
            )
        )
    shown = Answer(
        title="Models compared",
        question=(
            "Which model would describe new data of the same kind best? The smaller a criterion, "
            "the better; weight: share of evidence by AIC among these models."
        ),
        columns=columns,
        flavor=found.models[0].design.flavor,
        words=("model",),
        hidden=("formula", "family", "estimator", "conditional_df", "verdict"),
        heads=_HEADS,
        notes=_notes(found),
        tables=tuple(tables),
        picture=lambda ax: pictures.draw_comparison(found, ax),
    )
    return ComparisonAnswer(shown, ratios)


_HEADS = {
    "loglik": "log-lik.",
    "aic": "AIC",
    "aicc": "AICc",
    "bic": "BIC",
    "caic": "cond. AIC",
    "akaike_weight": "weight",
}

_TEST_ORDER = ("smaller", "larger", "statistic", "df", "p_value", "null")


def _criteria(found: Comparison) -> dict[str, Any]:
    return {
        "model": [*found.names],
        "formula": [model.formula.text for model in found.models],
        "family": [f"{m.family.name}, {m.family.link.name}" for m in found.models],
        "estimator": [estimator_phrase(model) for model in found.models],
        "loglik": np.array([model.loglik for model in found.models]),
        "df": [model.parameter_count for model in found.models],
        "aic": found.aic,
        "aicc": found.aicc,
        "bic": found.bic,
        "caic": np.array([one.value for one in found.conditional]),
        "conditional_df": np.array([one.df for one in found.conditional]),
        "delta": found.delta,
        "akaike_weight": found.weights,
        "verdict": [model.verdict.status.name.lower() for model in found.models],
    }


def _described(columns: Mapping[str, Any]) -> Table:
    """Formulas of the models; family and estimator in the rows only if they differ."""
    differing = [name for name in ("family", "estimator") if len(set(columns[name])) > 1]
    shared = [columns[name][0] for name in ("family", "estimator") if name not in differing]
    shown = [columns[name] for name in ("model", "formula", *differing)]
    return Table(
        "Models",
        ("", "formula", *differing),
        tuple(tuple(plain(cell, 160) for cell in row) for row in zip(*shown, strict=True)),
        labels=len(shown),
        notes=(f"All: {'; '.join(shared)}.",) if shared else (),
    )


def _ratios(found: Comparison) -> dict[str, list[Any]]:
    return {
        "smaller": [found.names[test.small] for test in found.tests],
        "larger": [found.names[test.large] for test in found.tests],
        "statistic": [test.ratio.statistic for test in found.tests],
        "df": [test.ratio.df for test in found.tests],
        "null": [test.ratio.null for test in found.tests],
        "p_value": [test.ratio.p_value for test in found.tests],
    }


def _notes(found: Comparison) -> tuple[str, ...]:
    n = found.models[0].nobs
    notes = [
        "delta: AIC minus the smallest. cond. AIC: for new rows of the same clusters; AIC: for "
        f"rows of new clusters. n of AICc and BIC is the number of observations, {integer(n)}."
    ]
    if found.models[0].model.reml:
        notes.append("Restricted likelihoods (REML) of the same fixed part.")
    missing: dict[str, list[str]] = {}
    for name, one in zip(found.names, found.conditional, strict=True):
        if math.isnan(one.df):
            missing.setdefault(one.method, []).append(plain(name))
    notes += [f"cond. AIC of {_and(names)}: {why}." for why, names in missing.items()]
    own = [
        plain(name)
        for name, model in zip(found.names, found.models, strict=True)
        if any(len(t.grouping.levels) == model.model.rows for t in model.design.terms)
    ]
    if own:
        notes.append(
            f"{_and(own)}: rows have random effects of their own, given which the cond. AIC is; it "
            "cannot be set against that of models without."
        )
    for i, reason in found.collapsed:
        notes.append(f"{plain(found.names[i])}: {plain(reason.message, 300)}")
    return tuple(notes)


def _reasons(found: Comparison) -> list[str]:
    """Say why there is no test of some pairs."""
    return [
        f"{plain(found.names[test.small])} and {plain(found.names[test.large])}: "
        f"{plain(test.ratio.null, 300)}."
        for test in found.tests
        if not test.ratio.tested
    ]


def _boundary_notes(found: Comparison) -> tuple[str, ...]:
    """Say which tests start from a model that is on the boundary itself."""
    edge = {i for i, _ in found.collapsed}
    names = dict.fromkeys(
        plain(found.names[test.small])
        for test in found.tests
        if test.ratio.tested and test.small in edge
    )
    if not names:
        return ()
    return (
        f"{_and(list(names))} has a part at zero itself, so that tests against it are "
        "approximate (p-values tend to be too large).",
    )


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def random_effect_answer(
    fitted: Fitted,
    method: NullMethod = "auto",
    draws: int | None = None,
    seed: int | None = 0,
    n_jobs: int | None = 1,
) -> Answer:
    """Test each part of the random terms by leaving it out.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    method, draws, seed, n_jobs
        As in `ilk.inference.comparison.random_effects.random_effect_tests`.

    Returns
    -------
    Answer
    """
    tests = random_effect_tests(fitted, method, draws, seed, n_jobs)
    own = fitted.parameter_count * 2.0 - 2.0 * fitted.loglik
    several = len({test.component for test in tests}) > 1
    columns = {
        "component": [test.component for test in tests],
        "group": [test.group for test in tests],
        "term": [test.term for test in tests],
        "sd": np.array([test.sd for test in tests]),
        "statistic": np.array([test.ratio.statistic for test in tests]),
        "df": [test.ratio.df for test in tests],
        "p_value": np.array([test.ratio.p_value for test in tests]),
        "null": [test.ratio.null for test in tests],
        "loglik_without": np.array([test.loglik_without for test in tests]),
        "aic_difference": np.array([test.aic_without - own for test in tests]),
        "bar": [test.bar for test in tests],
    }
    kind = "restricted log-likelihood" if fitted.model.reml else "log-likelihood"
    return Answer(
        title="Tests of random effects",
        question=(
            "Would the model be as good without this part of its random terms? Each is left out "
            "and the model is estimated again."
        ),
        columns=columns,
        flavor=fitted.design.flavor,
        words=("component", "group", "term") if several else ("group", "term"),
        hidden=("loglik_without", "bar", *(() if several else ("component",))),
        heads={"null": "null distribution", "aic_difference": "AIC without - with"},
        notes=(
            f"statistic: twice the gain in {kind}; df: parameters that go. A variance of zero "
            "is the edge of its range, which the null distributions take into account.",
        ),
    )
