"""The answer of `Fit.against_fixed`: fixed, random and correlated random effects side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.effects.against_fixed import against_fixed
from ilk.inference.wald import check_level, quantiles
from ilk.show.answer import Answer
from ilk.show.numbers import integer
from ilk.show.summary import Table

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["three_ways"]


def three_ways(fitted: Fitted, group: str | None = None, level: float = 0.95) -> Answer:
    """Set a mixed model beside its alternatives with fixed and correlated random effects.

    Columns: ``term, model, estimate, std_error, conf_low, conf_high, varies_within, df_clusters,
    estimand``.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    group : str, optional
        Factor whose means the correlated model has.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Answer
    """
    ways = against_fixed(fitted, group)
    check_level(level)
    rows = [
        (term, varies, side, i)
        for i, (term, varies) in enumerate(zip(ways.terms, ways.varies, strict=True))
        for side in ways.sides
        if np.isfinite(side.estimate[i]) or not term.startswith("between(")
    ]
    estimate = np.array([side.estimate[i] for _, _, side, i in rows], dtype=float)
    error = np.array([side.std_error[i] for _, _, side, i in rows], dtype=float)
    half = error * quantiles(level, np.array([side.df[i] for _, _, side, i in rows]))
    factors = " and ".join(ways.factors)
    return Answer(
        title="Fixed, random and correlated random effects",
        question=(
            f"Does the effect of each covariate depend on whether the effects of {factors} may be "
            "correlated with it?"
        ),
        columns={
            "term": [term for term, *_ in rows],
            "model": [side.name for _, _, side, _ in rows],
            "estimate": estimate,
            "std_error": error,
            "conf_low": estimate - half,
            "conf_high": estimate + half,
            "varies_within": [varies for _, varies, _, _ in rows],
            "df_clusters": np.array([side.clusters_df for *_, side, _ in rows], dtype=np.int64),
            "estimand": ["conditional"] * len(rows),
        },
        flavor=fitted.design.flavor,
        words=("term", "model"),
        hidden=("df_clusters", "estimand"),
        level=level,
        notes=(
            "Conditional effects (within a cluster) in all three. Random effects that disagree "
            "with both others are biased by cluster effects that go with the covariate.",
            *ways.notes,
        ),
        tables=(
            Table(
                "Degrees of freedom",
                ("", "spent on", "clusters", "coefficients"),
                tuple(
                    (side.name, side.spent, integer(side.clusters_df), integer(side.coefficients))
                    for side in ways.sides
                ),
                labels=2,
            ),
        ),
    )
