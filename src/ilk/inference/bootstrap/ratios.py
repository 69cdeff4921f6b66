r"""Null distribution of the likelihood ratio of any two nested models, by refits.

Responses are drawn from the smaller model and both models are estimated again for each; the
ratios :math:`t^*_b` are a sample from the null distribution, exact up to the uncertainty of the
smaller model's parameters, whatever lies on the boundary and however few clusters there are.  The
likelihoods are of the kind that the fits have, restricted or not.  Davison and Hinkley (1997),
section 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import FitError
from ilk.estimation.run import refitter
from ilk.inference.bootstrap.attempts import attempt, sound
from ilk.inference.bootstrap.engine import check_drawable, collect, origin
from ilk.inference.bootstrap.store import open_store
from ilk.inference.comparison.boundary import Null, drawn
from ilk.simulate import generator_of, response_drawer

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.inference.bootstrap.attempts import Outcome
    from ilk.typing import FloatArray

__all__ = ["PairRefits", "bootstrap_null"]


@dataclass(frozen=True, slots=True)
class PairRefits:
    """Work on responses drawn from the smaller of two models: estimate both, and compare.

    Parameters
    ----------
    small, large : Fitted
        Nested models of the same rows.
    """

    small: Fitted
    large: Fitted

    def __call__(self, responses: list[FloatArray]) -> list[Outcome]:
        """Likelihood ratio of each response."""
        slim = refitter(self.small.model, self.small.estimates.psi)
        wide = refitter(self.large.model, self.large.estimates.psi)
        out = []
        for y in responses:

            def ratio(again: Fitted, y: FloatArray = y) -> FloatArray:
                return np.array([max(0.0, 2.0 * (again.loglik - sound(slim(y)).loglik))])

            out.append(attempt(lambda y=y: sound(wide(y)), ratio, 1))  # type: ignore[misc]
        return out


def bootstrap_null(
    small: Fitted, large: Fitted, draws: int, seed: int | None, n_jobs: int | None = 1
) -> Null:
    """Draw the null distribution of a likelihood ratio by refits.

    Parameters
    ----------
    small, large : Fitted
        Nested models of the same rows.
    draws : int
        Number of responses drawn from the smaller model.
    seed : int or None
        Makes the draws repeatable.
    n_jobs : int or None
        Refits at one time, as in `ilk.inference.bootstrap.engine.bootstrap`.

    Returns
    -------
    Null

    Raises
    ------
    ModelError
        Responses cannot be drawn from the smaller model.
    FitError
        More than half of the refits failed.
    """
    check_drawable(small)
    store = open_store(None, large, {}, np.zeros(1), seed)
    root = np.random.SeedSequence(store.seed)
    draw = response_drawer(origin(small))
    work = PairRefits(small, large)
    outcomes = collect(work, lambda j: draw(generator_of(root, j)), draws, n_jobs, store, "test")
    values = [outcome[0] for outcome in outcomes if not isinstance(outcome, str)]
    if len(values) < 0.5 * draws:
        failed = next(outcome for outcome in outcomes if isinstance(outcome, str))
        raise FitError(
            f"{draws - len(values)} of {draws} refits to responses of the smaller model failed, "
            f"the first of them because: {failed}. Use method='chi_bar'.",
            code="bootstrap",
        )
    return drawn(f"bootstrap, {len(values)} refits", np.array(values))
