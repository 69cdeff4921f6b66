"""The sentences of a summary: which estimator made the numbers, and what they mean."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.effects.collapsibility import collapsibility
from ilk.family.inflation import ZeroInflated
from ilk.formula.spec import MEAN
from ilk.model.quadrature import is_laplace, most_nodes, shares
from ilk.prediction.levels import check_choice
from ilk.show.numbers import fixed, plain

if TYPE_CHECKING:
    from ilk.family.base import AbstractFamily
    from ilk.fitted import Fitted, SearchLog

__all__ = [
    "Causes",
    "association",
    "component_words",
    "estimator",
    "estimator_phrase",
    "in_short",
    "model_name",
    "reading",
    "software",
    "versions",
]

Causes: TypeAlias = Literal["observational", "randomized", None]
"""How the data came about, as far as the words on association and causation depend on it."""

_ASSOCIATION: dict[str | None, str] = {
    None: "Estimates describe associations. Whether they are effects of one thing on another "
    "depends on how the data came about, which the model does not know.",
    "observational": "The data are observational: estimates describe associations. They are "
    "effects of one thing on another only if nothing left out of the model influences both.",
    "randomized": "By design the effect of what was assigned at random is causal, as far as the "
    "assignment was kept and nobody was lost; estimates of all else describe associations.",
}


def model_name(fitted: Fitted) -> str:
    """Name the kind of model."""
    mixed = bool(fitted.design.terms)
    if fitted.model.linear:
        return "Linear mixed model" if mixed else "Linear model"
    return "Generalized linear mixed model" if mixed else "Generalized linear model"


def estimator_phrase(fitted: Fitted) -> str:
    """Name the estimator in a few words, such as ``"REML"`` or ``"ML by Laplace"``."""
    if fitted.model.linear:
        return "REML" if fitted.model.reml else "ML"
    if fitted.model.reml:
        return "REML by Laplace approximation"
    ml = "ML" if fitted.model.penalty is None else "penalized ML"
    if not fitted.design.terms:
        return ml
    nodes = fitted.model.nodes
    beside = " and Laplace" if shares(fitted.model).laplace else ""
    how = (
        "Laplace approximation"
        if is_laplace(nodes)
        else f"quadrature (AGQ-{most_nodes(nodes)}{beside})"
    )
    return f"{ml} by {how}"


def in_short(fitted: Fitted) -> str:
    """Describe a fit in one line."""
    text = plain(fitted.formula.text, 80)
    family = f"{fitted.family.name}, {fitted.family.link.name}"
    return (
        f"<ilk.Fit: {text}; {family}; {estimator_phrase(fitted)}; n = {fitted.nobs}; "
        f"log-lik. {fixed(fitted.loglik, 2)}; {fitted.verdict.status.name.lower()}>"
    )


def estimator(fitted: Fitted) -> str:
    """Say in a sentence what was maximized."""
    if fitted.model.linear:
        what = (
            "restricted maximum likelihood (REML)"
            if fitted.model.reml
            else ("maximum likelihood (ML)")
        )
        return f"{what}, exact"
    if fitted.model.reml:
        return "restricted maximum likelihood (REML), Laplace approximation"
    penalty, nodes = fitted.model.penalty, fitted.model.nodes
    if not fitted.design.terms:
        how = "exact"
    elif is_laplace(nodes):
        how = "Laplace approximation"
    else:
        words = shares(fitted.model)
        how = f"adaptive Gauss-Hermite quadrature, {words} (AGQ-{most_nodes(nodes)})"
    if penalty is None:
        return f"maximum likelihood (ML), {how}"
    return f"maximum penalized likelihood, {how}; penalty: {penalty.words}"


def reading(fitted: Fitted, component: str = "mean") -> tuple[str, ...]:
    """Say how the coefficients of a predictor are to be read.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    component : str
        The predictor.

    Returns
    -------
    tuple of str
        A sentence or two: which estimand the coefficients have, and how it relates to the
        population's; none for a predictor without random effects.
    """
    if not any(term.reaches(component) for term in fitted.design.terms):
        return ()
    relation = plain(collapsibility(fitted, component).reason, 2000)
    if component == "mean" and isinstance(fitted.family, ZeroInflated):
        return (
            f"Conditional effects on the {fitted.family.proper} (within a cluster, random effects "
            f"held). {relation} The mean of all {fitted.family.responses} depends on the "
            f"{fitted.family.zero}s too (see "
            "fit.standardize()).",
        )
    return (f"Conditional effects (within a cluster, random effects held). {relation}",)


def association(design: Causes = None) -> str:
    """Say whether estimates are associations or effects, by how the data came about.

    Parameters
    ----------
    design : {None, "observational", "randomized"}
        How they came about; the model does not know.
    """
    check_choice("design", design, Causes)
    return _ASSOCIATION[design]


def component_words(family: AbstractFamily, component: str) -> str:
    """Name a linear predictor, such as ``"log dispersion"``.

    Parameters
    ----------
    family : AbstractFamily
        The family.
    component : str
        One of its parameters.
    """
    words = family.predictor_words(component)
    if words is not None:
        return words
    scale = None if component == MEAN else family.scale(component)
    return component.replace("_", " ") if scale is None else scale.predictor


def versions(search: SearchLog) -> str:
    """Name the versions that made the numbers."""
    import ilk

    return (
        f"ilk {ilk.__version__} ({search.engine} engine), NumPy {np.__version__}, "
        f"Python {platform.python_version()}"
    )


def software() -> str:
    """Name package, language and arithmetic with their versions, for a sentence."""
    import ilk

    return f"ilk {ilk.__version__}, Python {platform.python_version()} and NumPy {np.__version__}"
