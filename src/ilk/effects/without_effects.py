"""A marginal model in the form of a mixed model whose random effects are all zero.

Its mean in every cluster is the population's, so that questions asked of the population's mean
(standardization, counterfactuals) are answered by the functions that answer them for mixed models.
The only uncertain parameters are the coefficients, with the covariance matrix that the marginal
model has for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.design.random import covariance_of
from ilk.fitted import Estimates, Fitted, Lazy
from ilk.likelihood.gaussian import GaussianMarginal
from ilk.likelihood.laplace import LaplaceMarginal
from ilk.model.model import Model

if TYPE_CHECKING:
    from ilk.gee.fitted import GeeFitted

__all__ = ["without_effects"]


def without_effects(gee: GeeFitted) -> Fitted:
    """Take a marginal model for a mixed model without variance between clusters.

    Parameters
    ----------
    gee : GeeFitted
        The marginal model.

    Returns
    -------
    Fitted
        Its predictions for the population are those of the marginal model; log-likelihood and
        variance components mean nothing.
    """
    design = gee.design
    structures = tuple(covariance_of(term) for term in design.terms)
    model = Model(design, gee.family, structures)
    kind = GaussianMarginal if model.linear else LaplaceMarginal
    marginal = kind.of(model, 1)
    p, P, effects = len(gee.coef), len(model.names), len(design.terms)
    psi = np.zeros(P + effects + int(model.linear))
    psi[:p] = gee.coef
    if gee.family.has_dispersion:  # has no part in any mean
        psi[-1 if model.linear else p] = np.log(gee.dispersion)
    covariance = np.zeros((len(psi), len(psi)))
    covariance[:p, :p] = gee.vcov
    sizes = [len(term.grouping.levels) for term in design.terms]
    return Fitted(
        model=model,
        estimates=Estimates(
            psi=psi,
            names=model.names,
            modes=tuple(np.zeros((size, 1)) for size in sizes),
            covariances=tuple(np.zeros((1, 1)) for _ in sizes),
            sigma2=gee.scale if model.linear else float("nan"),
            loglik=float("nan"),
        ),
        marginal=marginal,
        point=marginal.at(psi),
        search=gee.search,
        judged=Lazy(lambda: gee.verdict),
        coef_covariance=Lazy(lambda: covariance[:P, :P]),
        psi_covariance=Lazy(lambda: covariance),
        mode_sensitivity=Lazy(lambda: np.zeros((sum(sizes), len(psi)))),
        mode_covariance=Lazy(lambda: tuple(np.zeros((size, 1, 1)) for size in sizes)),
    )
