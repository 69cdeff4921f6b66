"""Coefficients of a mixed and of a marginal model side by side, as an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.effects.estimands import compare_estimands
from ilk.gee.sandwich import KIND_NAMES
from ilk.inference.wald import two_sided
from ilk.show.answer import Answer
from ilk.show.numbers import plain

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.gee.fitted import GeeFitted
    from ilk.typing import FloatArray

__all__ = ["estimands_table"]

MODELS = (
    ("mixed model, conditional", "conditional"),
    ("mixed model, marginalized", "population"),
    ("GEE", "population"),
)
"""The rows of each coefficient, and the question that each answers."""


def estimands_table(fitted: Fitted, gee: GeeFitted, level: float = 0.95) -> Answer:
    """Set the coefficients of a mixed and of a marginal model side by side.

    Columns: ``term, model, estimand, estimate, std_error, conf_low, conf_high, ratio``; the ratio
    is to the conditional coefficient.

    Parameters
    ----------
    fitted : Fitted
        Mixed model.
    gee : GeeFitted
        Marginal model.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Answer
    """
    found = compare_estimands(fitted, gee)
    normal = two_sided(level)
    quantile = np.array([normal, normal, two_sided(level, gee.df())])
    estimate = _by_term(found.conditional, found.marginalized, found.gee)
    error = _by_term(found.conditional_error, found.marginalized_error, found.gee_error)
    reach = np.tile(quantile, len(found.names)) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = estimate / np.repeat(found.conditional, 3)
    return Answer(
        title="Conditional and population coefficients by two models",
        question="Conditional: what does a change do in one cluster, its random effects held? "
        "Population: what does it do to the mean over all clusters?",
        columns={
            "term": [name for name in found.names for _ in MODELS],
            "model": [model for _ in found.names for model, _ in MODELS],
            "estimand": [estimand for _ in found.names for _, estimand in MODELS],
            "estimate": estimate,
            "std_error": error,
            "conf_low": estimate - reach,
            "conf_high": estimate + reach,
            "ratio": np.where(np.isfinite(ratio), ratio, np.nan),
        },
        flavor=fitted.design.flavor,
        words=("term", "model", "estimand"),
        notes=(
            "ratio: to the conditional coefficient. If both models are right, marginalized and GEE "
            "coefficients differ by chance only.",
            f"Standard errors of GEE: {KIND_NAMES[found.std_errors]}.",
            *_clusters(fitted, gee),
        ),
        level=level,
    )


def _clusters(fitted: Fitted, gee: GeeFitted) -> tuple[str, ...]:
    """Say where the two models do not speak of the same clusters."""
    random = [term.grouping.name for term in fitted.design.random_parts if term.predictor == "mean"]
    clusters = gee.design.terms[0].grouping.name
    if clusters in random:
        return ()
    has = f"random effects of {' and '.join(map(plain, dict.fromkeys(random)))}"
    return (
        f"The mixed model has {has if random else 'no random effects'}, and the clusters of GEE "
        f"are {plain(clusters)}: their standard errors count different kinds of dependence.",
    )


def _by_term(*values: FloatArray) -> FloatArray:
    """(3 p,) numbers of three models, those of one coefficient together."""
    return np.column_stack(values).ravel()
