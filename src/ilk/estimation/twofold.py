r"""Models that describe the same extra variation twice: a dispersion, and an effect of each row.

A negative binomial response with effects of rows has two parameters for one thing: both add to the
variance what grows with the square of the mean, and the data see little but the sum.  The evidence
is the profile of the two: the dispersion :math:`\phi` is held at values from that of the family's
limit to where it explains all, and everything else is fitted anew,

.. math:: \ell_p(\phi) = \max_{\sigma, \beta, \dots} \ell(\phi, \sigma, \beta, \dots), \qquad
   \hat\sigma(\phi) = \arg\max_\sigma .

Where the curve is flat from one end to the other, the data do not tell the two apart; where it
falls to one side, they want one of the two and not the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import FitError, ModelError
from ilk.estimation.identified import NONE_LEFT, doubled_dispersion
from ilk.fitted import Reason
from ilk.formula.spec import MEAN
from ilk.likelihood.base import Search, Start
from ilk.model.nodes import kept_nodes, plan_nodes
from ilk.model.quadrature import is_laplace

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.kernels.contract import SearchResult
    from ilk.likelihood.base import AbstractMarginal
    from ilk.model.model import Model
    from ilk.typing import FloatArray

__all__ = ["TwofoldProfile", "twofold_notes", "twofold_profile", "twofold_start"]

_PART = "dispersion"

_NO_DISPERSION = -15.0
"""Log dispersion at which counts are those of the family's limit."""

_NODES, _WORK = 11, 500_000
"""Quadrature nodes of a profile, and most rows times combinations of nodes."""

_OFF_ZERO = 0.1
"""Least covariance parameters to start from: at zero the gradient vanishes by symmetry."""

_SHARES = (0.0, 0.05, 0.15, 0.3, 0.5, 0.75, 1.0, 1.3)
"""Dispersions of a profile, as shares of that of the model without effects of rows."""


@dataclass(frozen=True, slots=True)
class TwofoldProfile:
    """Profile of a dispersion and the standard deviation of the effects of rows.

    Parameters
    ----------
    family : str
        Family that the dispersion belongs to.
    integration : str
        How random effects are integrated.
    dispersion : (k,) array
        Dispersions phi that were held, increasing.
    deviation : (k,) array
        Standard deviation of the effects of rows that goes best with each.
    loglik : (k,) array
        Log-likelihood, everything else fitted anew.
    """

    family: str
    integration: str
    dispersion: FloatArray
    deviation: FloatArray
    loglik: FloatArray

    @property
    def loss(self) -> FloatArray:
        """Log-likelihood (k,) below the best of the profile."""
        return np.asarray(self.loglik.max() - self.loglik)


@dataclass(frozen=True, slots=True)
class _Point:
    """A constrained maximum: its value, the log dispersion, and the spread of the effects."""

    value: float
    log_dispersion: float
    deviation: float


def twofold_notes(marginal: AbstractMarginal, result: SearchResult) -> list[Reason]:
    """Call a model weakly identified that has a dispersion and an effect of each row.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the search ended.

    Returns
    -------
    list of Reason
        With the code ``"two_dispersions"``; nothing for all other models.
    """
    found = doubled_dispersion(marginal.model)
    if not found or result.status != "converged":
        return found
    evidence = _evidence(marginal, result)
    return [
        replace(
            reason,
            message=f"weakly identified: {reason.message}{evidence}",
            advice=f"{reason.advice[:-1]}; fit.overdispersion() shows both side by side, and the "
            "profile of the two.",
        )
        for reason in found
    ]


def twofold_profile(fitted: Fitted) -> TwofoldProfile | None:
    """Profile of the two parameters that describe the same variation.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    TwofoldProfile or None
        None of models without a dispersion and an effect of each row, or whose dispersion is not
        one number.
    """
    where = _row_term(fitted.model)
    if where is None or fitted.model.parts[_PART].names != ("Intercept",):
        return None
    marginal, result = _integrated(fitted)
    alone = _without_effects(marginal, result, where)
    if alone is None:
        return None
    none = _none(marginal.model)
    top, bottom = math.exp(alone.log_dispersion), 1.0 if none == 0.0 else 0.0
    dispersions = [bottom + share * (top - bottom) for share in _SHARES]
    own = math.exp(float(result.beta[marginal.model.slices[_PART]][0]))
    if abs(own - bottom) > 1e-3 * abs(top - bottom):
        dispersions = sorted([*dispersions, own])
    theta, points = result.theta, []
    for phi in dispersions:
        log_phi = math.log(phi) if phi > 0.0 else _NO_DISPERSION
        held = _held(marginal, result, where, log_phi, theta)
        if held is not None:
            points.append((phi, held[0]))
            theta = held[1]
    if not points:
        return None
    constant = fitted.loglik - fitted.point.value
    nodes = marginal.model.nodes
    return TwofoldProfile(
        marginal.model.family.name,
        "the Laplace approximation" if is_laplace(nodes) else "quadrature",
        np.array([phi for phi, _ in points]),
        np.array([point.deviation for _, point in points]),
        np.array([point.value + constant for _, point in points]),
    )


def twofold_start(marginal: AbstractMarginal, best: SearchResult) -> Start | None:
    """Where to search again if effects of rows have taken all of a dispersion.

    Without a dispersion the gradient in its logarithm vanishes, so that a search stays there
    though a model without effects of rows may be better.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    best : SearchResult
        Where the search ended.

    Returns
    -------
    Start or None
        None of other models, and where there is a dispersion.
    """
    model = marginal.model
    where = _row_term(model)
    if where is None or model.parts[_PART].names != ("Intercept",):
        return None
    place = model.slices[_PART]
    if model.family.dispersion_limit is None or float(best.beta[place][0]) > NONE_LEFT:
        return None
    thetas = _by_term(model, best.theta)
    beta = best.beta.copy()
    beta[place] = math.log(float(thetas[where][0]) ** 2 + 1e-3)
    thetas[where] = np.full_like(thetas[where], _OFF_ZERO)
    return Start(beta, np.concatenate(thetas))


def _integrated(fitted: Fitted) -> tuple[AbstractMarginal, SearchResult]:
    """The criterion of a fit, with all effects integrated by quadrature where that is possible.

    The Laplace approximation errs most where a row has an effect of its own, and by more or less
    along the profile.
    """
    model, marginal, result = fitted.model, fitted.marginal, fitted.point
    terms = model.design.terms
    width = sum(len(term.column_names) for term in terms)
    work = model.rows * float(_NODES) ** width
    if model.reml or model.penalty is not None or not is_laplace(model.nodes) or work > _WORK:
        return marginal, result
    try:
        nodes = plan_nodes(model.design, {term.grouping.name: _NODES for term in terms})
    except ModelError:
        return marginal, result
    finer = replace(model, nodes=nodes)
    end = _maximum(marginal, finer, result.beta, result.theta)
    return (marginal, result) if end is None else (type(marginal).of(finer, 1), end)


def _evidence(marginal: AbstractMarginal, result: SearchResult) -> str:
    """The two ends of the profile in a sentence; nothing where the model is not of that kind."""
    where = _row_term(marginal.model)
    if where is None:
        return ""
    alone = _without_effects(marginal, result, where)
    held = _held(marginal, result, where, _none(marginal.model), result.theta)
    if alone is None or held is None:
        return ""
    best = max(result.value, alone.value, held[0].value)
    return (
        f" All else fitted anew, the log-likelihood is lower by {best - alone.value:.2f} without "
        f"the effects of rows, and by {best - held[0].value:.2f} without the dispersion."
    )


def _row_term(model: Model) -> int | None:
    """Which term has one effect for each row; None if none, or if the dispersion has effects."""
    terms = model.design.terms
    if any(term.reaches(_PART) for term in terms):
        return None
    found = (
        t
        for t, term in enumerate(terms)
        if term.predictor == MEAN
        and len(term.grouping.levels) == model.rows
        and len(term.column_names) == 1
    )
    return next(found, None) if doubled_dispersion(model) else None


def _none(model: Model) -> float:
    """Log dispersion at which there is none."""
    return _NO_DISPERSION if model.family.dispersion_limit is not None else 0.0


def _without_effects(marginal: AbstractMarginal, result: SearchResult, where: int) -> _Point | None:
    """Maximum without effects of rows."""
    model = marginal.model
    terms, covariances = list(model.design.terms), list(model.covariances)
    thetas = _by_term(model, result.theta)
    for parts in (terms, covariances, thetas):
        del parts[where]
    design = replace(model.design, terms=tuple(terms))
    less = replace(
        model, design=design, covariances=tuple(covariances), nodes=kept_nodes(model, design)
    )
    beta = result.beta.copy()
    place = model.slices[_PART]
    if model.parts[_PART].names == ("Intercept",):  # what the effects of rows have explained
        deviation = abs(float(_by_term(model, result.theta)[where][0]))
        beta[place] = math.log(math.exp(min(float(beta[place][0]), 5.0)) + deviation**2 + 1e-3)
    end = _maximum(marginal, less, beta, np.concatenate([np.zeros(0), *thetas]))
    if end is None:
        return None
    return _Point(end.value, float(end.beta[place][0]), 0.0)


def _held(
    marginal: AbstractMarginal,
    result: SearchResult,
    where: int,
    log_dispersion: float,
    theta: FloatArray,
) -> tuple[_Point, FloatArray] | None:
    """Maximum with the dispersion held, and the covariance parameters there."""
    model = marginal.model
    design = model.design
    part = model.parts[_PART]
    known = replace(
        part,
        X=np.zeros((model.rows, 0), order="F"),
        names=(),
        all_names=(),
        offset=np.full(model.rows, log_dispersion),
        has_intercept=False,
    )
    fixed = tuple(known if one is part else one for one in design.fixed)
    less = replace(model, design=replace(design, fixed=fixed))
    beta = np.delete(result.beta, np.arange(len(result.beta))[model.slices[_PART]])
    end = _maximum(marginal, less, beta, theta)
    if end is None:
        return None
    deviation = abs(float(_by_term(model, end.theta)[where][0]))
    return _Point(end.value, log_dispersion, deviation), end.theta


def _by_term(model: Model, theta: FloatArray) -> list[FloatArray]:
    """Covariance parameters of each term."""
    return [theta[here] for here in model.theta_slices]


def _maximum(
    marginal: AbstractMarginal, model: Model, beta: FloatArray, theta: FloatArray
) -> SearchResult | None:
    """Where a search from a point ends, if it is an optimum."""
    start = Start(beta, np.where(np.abs(theta) < _OFF_ZERO, _OFF_ZERO, theta))
    try:
        end = type(marginal).of(model, 1).maximize(start, Search())
    except (FitError, ModelError, np.linalg.LinAlgError):
        return None
    return end if math.isfinite(end.value) else None
