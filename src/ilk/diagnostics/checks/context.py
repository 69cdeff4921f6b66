"""What check functions work with: a fit, its simulated data sets, and what was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.diagnostics.checks.simulated import observations, simulate_rows
from ilk.errors import ModelError
from ilk.family.base import AbstractFamily
from ilk.family.inflation import ZeroInflated
from ilk.fitted import Lazy
from ilk.simulate import IMPOSSIBLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ilk.diagnostics.checks.simulated import Simulated
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["Asked", "Context", "defines", "make_context"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller named beyond the fit.

    Parameters
    ----------
    group : str, array or None
        Factor whose levels residuals are put together for.
    time : str, array or None
        Column that orders the rows within groups.
    coordinates : pair of str or array, or None
        Columns of places.
    distances, relatedness : mapping of str to matrix, or None
        Matrix between the levels of a factor.
    neighbors : int
        Nearest neighbors of a place that count.
    covariates : mapping of str to str or array, or None
        Further columns that residuals are looked at against.
    """

    group: Any = None
    time: Any = None
    coordinates: Any = None
    distances: Mapping[str, Any] | None = None
    relatedness: Mapping[str, Any] | None = None
    neighbors: int = 8
    covariates: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What check functions work with.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    rows : (k,) array of int
        Row of the fit of each simulated observation.
    draws : int
        Number m of simulated data sets.
    seed : int
        Seed.
    alpha : float
        Probability of a false alarm.
    asked : Asked
        Factors and columns that were named.
    conditional, population : Lazy of Simulated
        Observed and simulated responses, drawn when first asked for.
    impossible : Lazy of str or None
        Why there are no data sets of the population, where there are none.
    """

    fitted: Fitted
    rows: IntArray
    draws: int
    seed: int
    alpha: float
    asked: Asked
    conditional: Lazy[Simulated] = field(repr=False)
    population: Lazy[Simulated] = field(repr=False)
    impossible: Lazy[str | None] = field(repr=False)

    def simulated(self, estimand: str) -> Simulated:
        """Give the simulated data sets of one estimand."""
        return self.conditional() if estimand == "conditional" else self.population()

    @property
    def estimands(self) -> tuple[str, ...]:
        """Both; the conditional one alone without random effects, as they are the same then.

        Also where new random effects give means that the family cannot have.
        """
        if not self.fitted.design.terms or self.impossible() is not None:
            return ("conditional",)
        return ("conditional", "population")

    def exact(self, simulated: Simulated) -> FloatArray | None:
        """(k,) residuals by the family's distribution function, without the grain of draws.

        None where random effects come anew, and for families without a distribution function.
        """
        if simulated.fresh or not defines(self.fitted.family, "cdf"):
            return None
        response, family = self.fitted.design.response, self.fitted.family
        y, trials = simulated.responses[:, 0], response.trials
        trials = None if trials is None else trials[self.rows]
        upper = family.cdf(y, trials, simulated.eta)
        if family.has_atoms:
            lower = family.cdf_below(y, trials, simulated.eta)
            place = np.random.default_rng(self.seed).random(len(y))
            upper = lower + place * (upper - lower)
        return np.clip(upper, np.finfo(float).tiny, 1.0 - np.finfo(float).epsneg)


def defines(family: AbstractFamily, method: str) -> bool:
    """Whether a family has one of the parts that it may lack.

    Parameters
    ----------
    family : AbstractFamily
        The family.
    method : str
        ``"cdf"``, ``"variance"`` or ``"draw"``.
    """
    inner = family.base if isinstance(family, ZeroInflated) else family
    return getattr(type(inner), method) is not getattr(AbstractFamily, method)


def make_context(
    fitted: Fitted,
    *,
    draws: int = 250,
    seed: int = 0,
    alpha: float = 0.05,
    asked: Asked | None = None,
) -> Context:
    """Make ready to check a fit; nothing is drawn yet.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    draws : int
        Simulated data sets.
    seed : int
        Seed.
    alpha : float
        Probability of a false alarm.
    asked : Asked, optional
        Factors and columns that were named.

    Returns
    -------
    Context
    """
    rows = observations(fitted, draws, seed)

    def lazy(estimand: str) -> Lazy[Simulated]:
        return Lazy(lambda: simulate_rows(fitted, estimand, rows, draws, seed))

    population = lazy("population")

    def impossible() -> str | None:
        try:
            population()
        except ModelError as refusal:
            if refusal.code != IMPOSSIBLE:
                raise
            return refusal.message
        return None

    return Context(
        fitted=fitted,
        rows=rows,
        draws=draws,
        seed=seed,
        alpha=alpha,
        asked=asked or Asked(),
        conditional=lazy("conditional"),
        population=population,
        impossible=Lazy(impossible),
    )
