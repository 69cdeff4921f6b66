r"""A fit whose series and fields have effects at the positions of new rows too.

Effects at positions without data are part of the same model: the likelihood does not change, and
given those at positions with data they are normal with mean :math:`G_{*o} G_{oo}^{-1} b` and
covariance :math:`G_{**} - G_{*o} G_{oo}^{-1} G_{o*}`.  So the model is set up once more with all
positions, at the estimates and without a search, and its modes, covariances and their derivatives
are those of the new positions as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ilk.covariance.structured import Structured
from ilk.design.random import at_positions, covariance_of
from ilk.design.scope import Scope
from ilk.estimation.run import marginal_likelihood
from ilk.fitted import Lazy
from ilk.frame import columns

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["with_positions"]


def with_positions(fitted: Fitted, data: Any, estimand: str) -> Fitted:
    """Give the series and fields of a fit effects at the positions of new rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    data : data frame, dict of columns or None
        New rows.
    estimand : {"conditional", "typical", "population"}
        The question: only the first has effects.

    Returns
    -------
    Fitted
        The same estimates; the fit itself if there are no new positions.
    """
    design = fitted.design
    if data is None or estimand != "conditional":
        return fitted
    if all(term.positions is None for term in design.terms):
        return fitted
    scope = Scope(columns(data))
    terms = tuple(at_positions(term, scope) for term in design.terms)
    if all(new is old for new, old in zip(terms, design.terms, strict=True)):
        return fitted
    structures = tuple(
        old
        if new is term
        else (
            replace(old, within=covariance_of(new))
            if isinstance(old, Structured)
            else covariance_of(new)
        )
        for old, new, term in zip(fitted.model.covariances, terms, design.terms, strict=True)
    )
    model = replace(fitted.model, design=replace(design, terms=terms), covariances=structures)
    marginal = marginal_likelihood(model)
    point = marginal.at(fitted.estimates.psi)
    found = marginal.estimates(point)
    return replace(
        fitted,
        model=model,
        marginal=marginal,
        point=point,
        estimates=replace(fitted.estimates, modes=found.modes, covariances=found.covariances),
        mode_covariance=Lazy(lambda: marginal.mode_covariance(point)),
        mode_sensitivity=Lazy(lambda: marginal.mode_sensitivity(point)),
    )
