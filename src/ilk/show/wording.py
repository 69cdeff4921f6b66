"""The sentences of a summary: which estimator made the numbers, and what they mean."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import numpy as np

from ilk.show.numbers import fixed, plain, significant

if TYPE_CHECKING:
    from ilk.fitted import Fitted, SearchLog

__all__ = ["estimator", "estimator_phrase", "in_short", "model_name", "reading", "versions"]


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
    if not fitted.design.terms:
        return "ML"
    nodes = fitted.model.nodes
    return "ML by Laplace approximation" if nodes == 1 else f"ML by quadrature (AGQ-{nodes})"


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
    if not fitted.design.terms:
        return "maximum likelihood (ML), exact"
    nodes = fitted.model.nodes
    if nodes == 1:
        return "maximum likelihood (ML), Laplace approximation"
    return (
        f"maximum likelihood (ML), adaptive Gauss-Hermite quadrature, {nodes} nodes (AGQ-{nodes})"
    )


def reading(fitted: Fitted) -> tuple[str, ...]:
    """Say how the coefficients of the mean are to be read.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    tuple of str
        Sentences: which estimand the coefficients have, and how it relates to the population's.
    """
    terms = [
        (term, G)
        for term, G in zip(fitted.design.terms, fitted.estimates.covariances, strict=True)
        if term.predictor == "mean"
    ]
    if not terms:
        return ()
    head = "Conditional effects (within a cluster, random effects held)."
    link = fitted.family.link.name
    if link == "identity":
        return (f"{head} With the identity link they are the population's effects too.",)
    if not any(np.any(G) for _, G in terms):
        return (f"{head} All variances are zero, so they are the population's effects too.",)
    intercepts = all(tuple(term.column_names) == ("Intercept",) for term, _ in terms)
    if link == "log" and intercepts:
        shift = 0.5 * sum(float(G[0, 0]) for _, G in terms)
        return (
            f"{head} With the log link and random intercepts the slopes are the population's too; "
            f"its intercept is higher by half the variance ({significant(shift, 3)}).",
        )
    if link == "log":
        return (
            f"{head} The population's effects depend on the covariates that have random slopes: "
            "see predict(estimand='population').",
        )
    if link in ("logit", "probit", "cloglog"):
        return (
            f"{head} The population's effects are smaller (attenuated): see "
            "predict(estimand='population').",
        )
    return (f"{head} For the population see predict(estimand='population').",)


def versions(search: SearchLog) -> str:
    """Name the versions that made the numbers."""
    import ilk

    return (
        f"ilk {ilk.__version__} ({search.engine} engine), NumPy {np.__version__}, "
        f"Python {platform.python_version()}"
    )
