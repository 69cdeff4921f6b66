"""The tables of the report on clusters beside that of standard errors: one answer each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.cluster_report.side_by_side import MIXED, ROBUST
from ilk.show.answer import Answer
from ilk.show.numbers import integer, plain

if TYPE_CHECKING:
    from ilk.diagnostics.cluster_report import ClusterReport
    from ilk.diagnostics.cluster_report.design_effect import DesignEffects
    from ilk.diagnostics.cluster_report.false_positives import FalsePositives
    from ilk.typing import FloatArray

__all__ = [
    "coefficients_section",
    "correlations_section",
    "effects_section",
    "false_positives_section",
    "sizes_section",
]


def sizes_section(found: ClusterReport, flavor: str) -> Answer:
    """Say how many clusters of which sizes there are.

    Parameters
    ----------
    found : ClusterReport
        The report.
    flavor : str
        Make of the frames.

    Returns
    -------
    Answer
    """
    sizes = found.sizes
    return Answer(
        title=f"Clusters of {integer(sizes.units)} {sizes.unit}",
        question=f"How many clusters of how many {sizes.unit} are there?",
        columns={
            "group": list(sizes.groups),
            "clusters": sizes.clusters,
            "smallest": _whole(sizes.smallest),
            "lower_quartile": sizes.lower,
            "median": sizes.median,
            "upper_quartile": sizes.upper,
            "largest": _whole(sizes.largest),
            "mean": sizes.mean,
            "cv": sizes.cv,
            "singletons": sizes.singletons,
            "unit": [sizes.unit] * len(sizes.groups),
        },
        flavor=flavor,
        words=("group",),
        hidden=("unit",),
        heads={"lower_quartile": "25 %", "upper_quartile": "75 %"},
        notes=(
            "cv: standard deviation of the sizes over their mean; singletons: clusters of one "
            f"{sizes.unit[:-1]}.",
        ),
    )


def _whole(sizes: FloatArray) -> Any:
    """Sizes as whole numbers if all are."""
    return sizes.astype(np.int64) if np.all(sizes == np.rint(sizes)) else sizes


def correlations_section(found: ClusterReport, flavor: str) -> Answer | None:
    """Say how alike the rows of a cluster are, on every scale; None where that is not defined.

    Parameters
    ----------
    found : ClusterReport
        The report.
    flavor : str
        Make of the frames.

    Returns
    -------
    Answer or None
    """
    if not found.correlations:
        return None
    rows = [
        (part, i)
        for part in found.correlations
        for i, measure in enumerate(part.measures)
        if measure == "adjusted"
    ]
    columns = ("estimate", "std_error", "conf_low", "conf_high")
    notes = [note for part in found.correlations for note in (*part.notes, part.shares.origin)]
    return Answer(
        title="Intraclass correlations, covariates held",
        question="How alike are rows that share a level of a factor?",
        columns={
            "group": [part.groups[i] for part, i in rows],
            "scale": [part.scale for part, _ in rows],
            **{n: np.array([getattr(p.shares, n)[i] for p, i in rows]) for n in columns},
            "estimand": ["population"] * len(rows),
        },
        flavor=flavor,
        words=("group", "scale"),
        hidden=("estimand",),
        level=found.level,
        notes=tuple(plain(note, 2000) for note in dict.fromkeys(notes)),
    )


def effects_section(effects: DesignEffects, flavor: str, level: float) -> Answer:
    """Say what correlation does to the variance of a mean.

    Parameters
    ----------
    effects : DesignEffects
        Design effects by factor.
    flavor : str
        Make of the frames.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Answer
    """
    effective = effects.effective
    several = len(effects.groups) > 1
    return Answer(
        title="Design effect of a mean, and how many independent units say as much",
        question="By how much does correlation within clusters inflate the variance of a mean?",
        columns={
            "group": list(effects.groups),
            "mates": effects.mates,
            "correlation": effects.correlation,
            "correlation_low": effects.correlation_low,
            "correlation_high": effects.correlation_high,
            "design_effect": effects.design_effect,
            "conf_low": effects.effect_low,
            "conf_high": effects.effect_high,
            "effective": effective[:, 0],
            "effective_low": effective[:, 1],
            "effective_high": effective[:, 2],
            "scale": [effects.scale] * len(effects.groups),
            "estimand": ["population"] * len(effects.groups),
        },
        flavor=flavor,
        words=("group",),
        hidden=(
            *("correlation_low", "correlation_high", "effective_low", "effective_high"),
            *("scale", "estimand"),
        ),
        heads={"design_effect": "design effect", "effective": "effective n"},
        notes=(
            "design effect = 1 + mates x correlation (Kish 1965): mates are the other units that a "
            "unit shares a cluster with, on average; the correlation is that of two such units on "
            f"the {effects.scale} scale, covariates held."
            + (" Pairs that share several factors are correlated by all of them." * several),
        ),
        level=level,
    )


def coefficients_section(found: ClusterReport, flavor: str) -> Answer:
    """Say where the columns vary, and which design effects follow.

    Parameters
    ----------
    found : ClusterReport
        The report.
    flavor : str
        Make of the frames.

    Returns
    -------
    Answer
    """
    places = found.places
    return Answer(
        title="Design effects of the coefficients that ignore clusters",
        question="Does a covariate vary within clusters or between them, and what follows?",
        columns={
            "term": list(places.terms),
            "between": places.between,
            "constant_in": [
                "" if name is None or term == INTERCEPT else name
                for term, name in zip(places.terms, places.constant_in, strict=True)
            ],
            "random_slope": places.slope,
            "expected": places.expected,
            "realized": places.realized,
            "estimand": ["population"] * len(places.terms),
        },
        flavor=flavor,
        words=("term", "constant_in"),
        hidden=("estimand", *(() if places.slope.any() else ("random_slope",))),
        heads={"constant_in": "constant in", "random_slope": "random slope"},
        notes=(
            f"between: share of the column's variance that lies between levels of {found.group}. "
            "expected: by the mixed model (in linear ones as by Scott and Holt 1982): largest for "
            "what is constant in clusters, below one for what varies within them only. realized: "
            f"squared {ROBUST} over squared standard error.",
        ),
    )


def false_positives_section(wrong: FalsePositives, found: ClusterReport, flavor: str) -> Answer:
    """Say how often each method finds what is not there.

    Parameters
    ----------
    wrong : FalsePositives
        Rates by coefficient and method.
    found : ClusterReport
        The report.
    flavor : str
        Make of the frames.

    Returns
    -------
    Answer
    """
    lost = bool(wrong.failed.any())
    return Answer(
        title=f"False positives of tests at the level {wrong.alpha:g}, by simulation",
        question="How often does a method find an effect where there is none?",
        columns={
            "term": list(wrong.terms),
            "method": list(wrong.methods),
            "estimate": wrong.rate,
            "conf_low": wrong.conf_low,
            "conf_high": wrong.conf_high,
            "draws": wrong.draws,
            "failed": wrong.failed,
            "alpha": np.full(len(wrong.terms), wrong.alpha),
            "estimand": ["conditional" if m == MIXED else "population" for m in wrong.methods],
        },
        flavor=flavor,
        words=("term", "method"),
        hidden=("alpha", "estimand", *(() if lost else ("failed",))),
        heads={"estimate": "rate"},
        level=found.level,
        notes=(
            "Responses are drawn from the mixed model with the coefficient at zero, for the rows "
            "and clusters of the data and new random effects. Each method tests as it does by "
            "default: t where it has degrees of freedom, else z. The interval is that of the "
            f"simulation (Wilson); seed {wrong.seed}.",
            *(("failed: draws in which the method gave no test.",) if lost else ()),
        ),
    )
