"""P-values of checks calibrated by refits to responses that are drawn from the fitted model.

Parameters held at their estimates fit the data better than they would fit others, which makes
p-values of simulated data sets too large.  Those of refits to drawn responses are so to the same
degree: the share of them that are as small is a p-value that holds (Beran 1988).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.checks.context import Asked, make_context
from ilk.diagnostics.checks.null import verdict_of
from ilk.diagnostics.checks.registry import run_checks
from ilk.inference.bootstrap.engine import bootstrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.diagnostics.checks.context import Context
    from ilk.diagnostics.checks.record import Check
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["PValues", "calibrated"]


@dataclass(frozen=True, slots=True)
class PValues:
    """P-values of checks of a refit, as a statistic that can be bootstrapped.

    Parameters
    ----------
    names : tuple of str
        Names of `CHECKS`.
    keys : tuple of tuple of str
        Code, title, place and estimand of each p-value.
    asked : Asked
        Factors and columns that were named.
    draws, seed : int
        Of the simulated data sets.
    """

    names: tuple[str, ...]
    keys: tuple[tuple[str, str, str, str | None], ...]
    asked: Asked
    draws: int
    seed: int

    def __call__(self, again: Fitted) -> FloatArray:
        """Give (k,) p-values; 1 where a refit has none."""
        context = make_context(again, draws=self.draws, seed=self.seed, asked=self.asked)
        found = {_key(one): one.p_value for one in run_checks(self.names, context)}
        p = np.array([found.get(key, 1.0) for key in self.keys], dtype=np.float64)
        return np.where(np.isnan(p), 1.0, p)


def _key(one: Check) -> tuple[str, str, str, str | None]:
    return one.code, one.title, one.where, one.estimand


def calibrated(
    context: Context, names: Sequence[str], found: Sequence[Check], refits: int, n_jobs: int | None
) -> tuple[list[Check], tuple[str, ...]]:
    """Replace p-values by their places among those of refits to drawn responses.

    Parameters
    ----------
    context : Context
        Of the fit.
    names : sequence of str
        Names of `CHECKS`.
    found : sequence of Check
        Checks of the fit.
    refits : int
        Refits.
    n_jobs : int or None
        Refits at one time.

    Returns
    -------
    checks : list of Check
    notes : tuple of str
    """
    tested = [i for i, one in enumerate(found) if np.isfinite(one.p_value)]
    out = list(found)
    if not tested:
        return out, ()
    keys = tuple(_key(found[i]) for i in tested)
    wanted = {found[i].code for i in tested}
    needed = tuple(name for name in names if name in wanted)
    statistic = PValues(needed, keys, context.asked, context.draws, context.seed)
    drawn = bootstrap(
        context.fitted, statistic, draws=refits, seed=context.seed, n_jobs=n_jobs, name="checks"
    )
    for column, i in enumerate(tested):
        as_small = np.sum(drawn.values[:, column] <= found[i].p_value)
        p = float((1 + as_small) / (1 + len(drawn.values)))
        verdict = verdict_of(p, found[i].large, context.alpha)
        out[i] = replace(found[i], p_value=p, verdict=verdict)
    return out, (f"p-values are calibrated by {len(drawn.values)} refits to drawn responses.",)
