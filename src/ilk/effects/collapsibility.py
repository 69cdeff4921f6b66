r"""Whether effects in one cluster are effects on the population too.

Let :math:`\eta_M(\eta, v) = g(E\, g^{-1}(\eta + \sqrt{v} x))` be the population's linear predictor.

* identity: :math:`\eta_M = \eta`, both readings are valid;
* log: :math:`\eta_M = \eta + v/2`, the slopes are the same if the variance v is, and the intercept
  is shifted;
* logit, probit, cloglog: :math:`0 < \partial\eta_M/\partial\eta < 1`, the population's effects are
  attenuated.  For the logit this follows from
  :math:`E\,\mu(1 - \mu) = M(1 - M) - \mathrm{Var}\,\mu`, for the cloglog from the concavity of
  :math:`-S \log S`, for the probit from the closed form;
* where v depends on covariates (random slopes), so do the population's effects of these.

See docs/derivations/marginal.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.effects.population_predictor import population_predictor
from ilk.errors import FitError, ModelError
from ilk.family.categorical import AbstractCategorical
from ilk.family.inflation import ZeroInflated
from ilk.family.link import Cloglog, Identity, Inverse, InverseSquared, Log, Logit, Probit
from ilk.prediction.means import is_inverse_link
from ilk.prediction.population import random_variance

if TYPE_CHECKING:
    from ilk.family.link import AbstractLink
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Collapsibility", "Kind", "collapsibility"]

Kind: TypeAlias = Literal[
    "collapsible",
    "slopes_collapse",
    "attenuated",
    "depends_on_covariates",
    "no_population_mean",
]
"""How effects on the population relate to those in one cluster."""

_MEAN = "mean"
_ATTENUATED = (Logit, Probit, Cloglog)
_SAMPLED = 4096
"""Rows from which the typical attenuation is read at most."""


@dataclass(frozen=True, slots=True)
class Collapsibility:
    """How the coefficients of one predictor relate to those of the population.

    Parameters
    ----------
    kind : str
        ``"collapsible"`` (the same), ``"slopes_collapse"`` (the same but for the intercept),
        ``"attenuated"`` (smaller), ``"depends_on_covariates"`` (no single number says it) or
        ``"no_population_mean"``.
    reason : str
        Why, in a sentence or two.
    shift : float
        What is added to the intercept where nothing else changes, else nan.
    factor : float
        Median over the rows of population over conditional slope, for columns without random
        slopes; nan where it is not known.
    slopes : tuple of str
        Columns with random slopes, which make the variance depend on covariates.
    """

    kind: Kind
    reason: str
    shift: float = float("nan")
    factor: float = float("nan")
    slopes: tuple[str, ...] = ()


def collapsibility(fitted: Fitted, component: str | None = None) -> Collapsibility:
    """Say how conditional coefficients relate to those of the population.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    component : str, optional
        Parameter of the family whose coefficients are meant; by default that of the formula.

    Returns
    -------
    Collapsibility
    """
    main = fitted.family.main_parameters
    component = main[0] if component is None else component
    terms = [term for term in fitted.design.random_parts if term.predictor == component]
    if not terms:
        return Collapsibility(
            "collapsible", "There are no random effects here to average over.", 0.0, 1.0
        )
    variance = _variance(fitted, component)
    if not np.any(variance) and not (component == _MEAN and _is_identity(fitted)):
        return Collapsibility(
            "collapsible",
            "All variances are zero, so they are the population's effects too.",
            0.0,
            1.0,
        )
    family = fitted.family
    if isinstance(family, AbstractCategorical) and component in main:
        return _of_categories(family, fitted, variance)
    if component == _MEAN:
        link = family.link
        base = family.base if isinstance(family, ZeroInflated) else family
        if not is_inverse_link(base):
            return Collapsibility(
                "depends_on_covariates",
                "The mean of this family is not the inverse link of one linear predictor; for the "
                "population see predict(estimand='population').",
            )
    else:
        scale = family.scale(component)
        if scale is None or scale.link is None:
            return Collapsibility(
                "depends_on_covariates", "They have no simple relation to those of the population."
            )
        link = scale.link
    return _judge(link, fitted, component, variance)


def _of_categories(
    family: AbstractCategorical, fitted: Fitted, variance: FloatArray
) -> Collapsibility:
    """Effects on the odds of categories, or what a link makes of their probabilities."""
    opening = f"They are effects on {family.effects_on()}"
    see = "fit.standardize() gives the population's probabilities"
    factor = _cut_factor(family, fitted, variance)
    if not np.isfinite(factor):
        return Collapsibility(
            "depends_on_covariates", f"{opening}; those on the population are others, and {see}."
        )
    return Collapsibility(
        "depends_on_covariates",
        f"{opening}; the population's are about {factor:.2f} times these and depend a little on "
        f"the category ({see}).",
        factor=factor,
    )


def _cut_factor(family: AbstractCategorical, fitted: Fitted, variance: FloatArray) -> float:
    """Median of the attenuation over rows and cuts; nan where cuts have no predictor each."""
    model = fitted.model
    rows = np.unique(np.linspace(0, model.rows - 1, min(model.rows, _SAMPLED)).astype(np.intp))
    eta = [x[rows] for x in model.linear_predictors(fitted.coef, None)]
    cuts = family.cut_links(eta)
    if not len(cuts) or any(t.predictor != _MEAN for t in fitted.design.random_parts):
        return float("nan")
    try:
        slopes = [population_predictor(family.link, cut, variance[rows]).by_eta[0] for cut in cuts]
    except (FitError, ModelError):
        return float("nan")
    weights = fitted.design.frequency_weights
    w = np.ones(len(rows)) if weights is None else weights[rows]
    return _median(np.concatenate(slopes), np.tile(w, len(cuts)))


def _is_identity(fitted: Fitted) -> bool:
    return isinstance(fitted.family.link, Identity)


def _judge(
    link: AbstractLink, fitted: Fitted, component: str, variance: FloatArray
) -> Collapsibility:
    """Judge by the link, where there is some variance."""
    if isinstance(link, Identity):
        return Collapsibility(
            "collapsible", "With the identity link they are the population's effects too.", 0.0, 1.0
        )
    if isinstance(link, (Inverse, InverseSquared)):
        return Collapsibility(
            "no_population_mean",
            f"The mean over the population does not exist for link {link.name!r}, so they hold in "
            "one cluster only.",
        )
    slopes = _slopes(fitted, component, variance)
    see = " (see fit.marginal_coefficients())" if component == _MEAN else ""
    if isinstance(link, Log):
        return _of_log(slopes, variance, see, _names(fitted, component))
    factor = _factor(link, fitted, component, variance)
    known = isinstance(link, _ATTENUATED)
    times = f"about {factor:.2f} times these" if np.isfinite(factor) else "smaller than these"
    if known and not slopes:
        return Collapsibility(
            "attenuated",
            f"The population's effects are attenuated, {times}{see}.",
            factor=factor,
        )
    if known:
        return Collapsibility(
            "depends_on_covariates",
            f"The population's effects are attenuated, {times}; those of {_listed(slopes)} depend "
            f"on the covariates, for there are random slopes{see}.",
            factor=factor,
            slopes=slopes,
        )
    return Collapsibility(
        "depends_on_covariates",
        f"With link {link.name!r} the population's effects depend on the covariates{see}.",
        factor=factor,
        slopes=slopes,
    )


def _names(fitted: Fitted, component: str) -> tuple[str, ...]:
    """Names of the coefficients of one predictor."""
    return tuple(name for part, name in fitted.names if part == component)


def _of_log(
    slopes: tuple[str, ...], variance: FloatArray, see: str, names: tuple[str, ...]
) -> Collapsibility:
    if slopes:
        others = set(names) - {"Intercept", *slopes}
        rest = "; those of other columns are the same" if others else ""
        return Collapsibility(
            "depends_on_covariates",
            f"With the log link the population's effects of {_listed(slopes)} depend on the "
            f"covariates, for there are random slopes{rest}{see}.",
            factor=1.0,
            slopes=slopes,
        )
    shift = 0.5 * float(variance[0])
    by = f"higher by half the variance ({shift:.3g})"
    if "Intercept" not in names:
        reason = (
            "With the log link and a constant variance the population's linear predictor is "
            f"{by}: ratios of means are the same in both, means are not."
        )
    elif len(names) == 1:
        reason = f"With the log link the population's intercept is {by}."
    else:
        reason = (
            "With the log link and a constant variance the slopes are the population's too; its "
            f"intercept is {by}."
        )
    return Collapsibility(
        "slopes_collapse",
        reason,
        shift=shift,
        factor=1.0,
    )


def _variance(fitted: Fitted, component: str) -> FloatArray:
    """(n,) variance of the random part of one predictor."""
    total = np.zeros(fitted.model.rows)
    for term, G in zip(fitted.design.terms, fitted.estimates.covariances, strict=True):
        for part, here in term.parts:
            if part.predictor == component:
                share = part.grouping.share()
                total += random_variance(part.columns, G[here, here], len(total), share)
    return total


def _slopes(fitted: Fitted, component: str, variance: FloatArray) -> tuple[str, ...]:
    """Columns that make the variance depend on covariates; none if it is constant."""
    if float(np.ptp(variance)) <= 1e-10 * float(variance.max()):
        return ()
    names = [
        name
        for term, G in zip(fitted.design.terms, fitted.estimates.covariances, strict=True)
        for part, here in term.parts
        if part.predictor == component and part.columns is not None
        for name, own in zip(part.column_names, np.diag(G)[here], strict=True)
        if own > 0.0 and name != "Intercept"
    ]
    return tuple(dict.fromkeys(names))


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _factor(link: AbstractLink, fitted: Fitted, component: str, variance: FloatArray) -> float:
    """Median over rows of the derivative of the population's predictor in the conditional one."""
    model = fitted.model
    order = [part.predictor for part in model.fitted_parts]
    rows = np.unique(np.linspace(0, model.rows - 1, min(model.rows, _SAMPLED)).astype(np.intp))
    eta = model.linear_predictors(fitted.coef, None)[order.index(component)][rows]
    try:
        slope = population_predictor(link, eta, variance[rows]).by_eta[0]
    except (FitError, ModelError):
        return float("nan")
    weights = fitted.design.frequency_weights
    return _median(slope, np.ones(len(rows)) if weights is None else weights[rows])


def _median(values: FloatArray, weights: FloatArray) -> float:
    """Weighted median."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, 0.5 * below[-1])])
