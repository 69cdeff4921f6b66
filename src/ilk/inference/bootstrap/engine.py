r"""The bootstrap: a statistic of many fits to data like those of the fit.

**parametric**: responses are drawn from the fitted model, :math:`y^* \sim f(\cdot;\hat\psi)`, with
new random effects (``estimand="population"``) or with those that were estimated
(``"conditional"``), and the model is estimated again for each.  **cluster**: whole clusters of the
outermost grouping factor are drawn with replacement (`ilk.inference.bootstrap.clusters`).  Every
refit begins at the estimates.  A refit that ends on the boundary of the parameter space is a draw
like any other; one whose search finds no optimum is counted as failed, with its reason.

Draw j depends on the data, the model, the seed and j alone: not on how many are drawn, in how many
threads or processes, or whether some were stored before (`ilk.inference.bootstrap.store`).
Davison and Hinkley (1997), Bootstrap Methods and Their Application, chapters 2, 3 and 5.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError
from ilk.estimation.run import marginal_likelihood, refitter
from ilk.inference.bootstrap.attempts import Outcome, Statistic, attempt, sound
from ilk.inference.bootstrap.clusters import Resampled, RowRefits, members_of, resampled_unit
from ilk.inference.bootstrap.draws import Draws, sorted_draws
from ilk.inference.bootstrap.store import Store, open_store
from ilk.inference.parallel import check_jobs, in_chunks
from ilk.inference.progress import Progress
from ilk.prediction.levels import check_choice
from ilk.simulate import generator_of, response_drawer

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = [
    "BootstrapKind",
    "bootstrap",
    "check_drawable",
    "check_draws",
    "check_seed",
    "collect",
    "deletions",
    "origin",
]

BootstrapKind: TypeAlias = Literal["parametric", "cluster"]
"""What is drawn."""

Work: TypeAlias = "Callable[[list[Any]], list[Outcome]]"
"""Refits some samples."""

_MOST_DELETIONS = 400
"""Parts that the jackknife leaves out, one at a time, at most; more clusters share parts."""


@dataclass(frozen=True, slots=True)
class ResponseRefits:
    """Work on responses that were drawn: refit, and compute the statistic.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    statistic : callable
        What is looked at.
    size : int
        Its length.
    """

    fitted: Fitted
    statistic: Statistic
    size: int

    def __call__(self, responses: list[FloatArray]) -> list[Outcome]:
        """Outcome of each response."""
        again = refitter(self.fitted.model, self.fitted.estimates.psi)
        return [attempt(lambda y=y: sound(again(y)), self.statistic, self.size) for y in responses]  # type: ignore[misc]


def bootstrap(
    fitted: Fitted,
    statistic: Statistic,
    *,
    kind: BootstrapKind = "parametric",
    draws: Any = 999,
    cluster: str | None = None,
    seed: Any = None,
    n_jobs: Any = 1,
    path: str | PathLike[str] | None = None,
    estimand: Literal["population", "conditional"] = "population",
    name: str = "",
) -> Draws:
    """Refit to data like those of the fit and compute a statistic of each refit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    statistic : callable
        Takes a `Fitted` to an array of k numbers.
    kind : {"parametric", "cluster"}
        Responses drawn from the model, or clusters drawn from the data.
    draws : int
        Number of samples.
    cluster : str, optional
        Column whose levels are drawn; every grouping factor must be nested in it.  The outermost
        grouping factor by default; rows of a model without random terms.
    seed : int, optional
        Makes the draws repeatable; by default that of the store, or drawn at random and reported.
    n_jobs : int or None
        Number of refits at one time, through joblib: threads, or what `joblib.parallel_config`
        says.
    path : str or path, optional
        Directory that keeps the draws, so that a run that was stopped goes on where it was.
    estimand : {"population", "conditional"}
        Whether parametric samples have new random effects or those that were estimated.
    name : str
        Name of the statistic; a store is of one statistic.

    Returns
    -------
    Draws

    Raises
    ------
    ModelError
        An option is wrong, or the model cannot be resampled so.
    FitError
        More than half of the refits failed.
    DataError
        The store is one of another bootstrap, or damaged.
    """
    check_choice("kind", kind, BootstrapKind)
    wanted = check_draws(draws)
    jobs = check_jobs(n_jobs)
    check_seed(seed)
    estimate = _checked(np.asarray(statistic(fitted), dtype=np.float64))
    if kind == "parametric":
        _check_parametric(fitted, cluster, estimand)
        unit, units = "response", fitted.model.rows
    else:
        check_choice("estimand", estimand, Literal["population"])
        unit, codes = resampled_unit(fitted, cluster)
        members = members_of(codes)
        units = len(members)
    what = {"kind": kind, "unit": unit, "estimand": estimand, "statistic": name}
    store = open_store(path, fitted, what, estimate, seed)
    root = np.random.SeedSequence(store.seed)
    work: Work
    if kind == "parametric":
        draw = response_drawer(origin(fitted), estimand)
        work = ResponseRefits(fitted, statistic, len(estimate))
        outcomes = collect(work, lambda j: draw(generator_of(root, j)), wanted, jobs, store)
    else:
        work = RowRefits(fitted, statistic, len(estimate))
        outcomes = collect(
            work, lambda j: Resampled.of(members, generator_of(root, j)), wanted, jobs, store
        )
    return sorted_draws(estimate, outcomes, kind, unit, units, store.seed)


def deletions(
    fitted: Fitted, statistic: Statistic, *, cluster: str | None = None, n_jobs: int | None = 1
) -> FloatArray:
    """Jackknife: the statistic without each of the clusters.

    With more than 400 clusters, parts of several clusters are left out, clusters being dealt to
    parts in turn; the acceleration of BCa intervals does not depend on it to first order.

    Parameters
    ----------
    fitted, statistic, cluster, n_jobs
        As in `bootstrap`.

    Returns
    -------
    (J, k) array
        Values, nan where a refit failed.
    """
    codes = resampled_unit(fitted, cluster)[1]
    members = members_of(codes)
    parts = min(len(members), _MOST_DELETIONS)
    kept = np.arange(len(members)) % parts

    def without(j: int) -> Resampled:
        rows = np.concatenate([m for m, part in zip(members, kept, strict=True) if part != j])
        return Resampled(np.sort(rows), np.zeros(len(rows), dtype=np.int64))

    estimate = np.asarray(statistic(fitted), dtype=np.float64)
    store = open_store(None, fitted, {}, estimate, 0)
    work = RowRefits(fitted, statistic, len(estimate))
    outcomes = collect(work, without, parts, n_jobs, store, "jackknife")
    lost = np.full(estimate.shape, np.nan)
    return np.array([lost if isinstance(value, str) else value for value in outcomes])


def collect(
    work: Work,
    piece: Callable[[int], Any],
    count: int,
    n_jobs: int | None,
    store: Store,
    what: str = "bootstrap",
) -> list[Outcome]:
    """Do what is not stored yet, storing it, and give all outcomes by their numbers.

    Parameters
    ----------
    work : callable
        Refits some samples.
    piece : callable
        Makes the sample of a number.
    count : int
        Number of samples.
    n_jobs : int or None
        Workers.
    store : Store
        What is there already.
    what : str
        Name of the work, for the line of progress.

    Returns
    -------
    list of array or str
        Value, or the reason why there is none.
    """
    found = {j: outcome for j, outcome in store.read().items() if j < count}
    wanted = [j for j in range(count) if j not in found]
    chunks = in_chunks(work, piece, wanted, n_jobs)
    with Progress(what, count, len(found)) as progress, closing(chunks):
        for numbers, outcomes in chunks:
            store.write(numbers, outcomes)
            found.update(zip(numbers, outcomes, strict=True))
            progress.add(len(numbers))
    return [found[j] for j in range(count)]


def origin(fitted: Fitted) -> Fitted:
    """The fit with all of its numbers computed from its parameters, as a loaded one has them."""
    marginal = marginal_likelihood(fitted.model)
    point = marginal.at(fitted.estimates.psi)
    estimates = replace(marginal.estimates(point), psi=fitted.estimates.psi)
    return replace(fitted, marginal=marginal, point=point, estimates=estimates)


def check_draws(draws: Any) -> int:
    """Check a number of draws; the error says what is wrong with it."""
    if isinstance(draws, (int, np.integer)) and draws >= 2:
        return int(draws)
    raise ModelError(f"draws={draws!r:.60}: give a whole number above 1.", code="draws")


def check_seed(seed: Any) -> None:
    """Check a seed; the error says what is wrong with it."""
    whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if seed is not None and not (whole and seed >= 0):
        raise ModelError(f"seed={seed!r:.60}: give a whole number from 0.", code="seed")


def _check_parametric(fitted: Fitted, cluster: str | None, estimand: str) -> None:
    check_choice("estimand", estimand, Literal["population", "conditional"])
    if cluster is not None:
        raise ModelError(
            f"cluster={cluster!r:.80}: a parametric bootstrap draws responses, not clusters; leave "
            "it out, or use kind='cluster'.",
            code="cluster",
        )
    check_drawable(fitted)


def check_drawable(fitted: Fitted) -> None:
    """Refuse a fit that responses cannot be drawn from."""
    weights = fitted.design.frequency_weights
    if weights is not None and np.any(weights != 1.0):
        raise ModelError(
            "A parametric bootstrap draws one response for a row, but frequency weights say that "
            "rows stand for several; give the rows one by one, or use kind='cluster'.",
            code="frequency-weights",
        )
    if fitted.design.response.other is not None:
        raise ModelError(
            "A parametric bootstrap draws data like those observed, but when the rows whose value "
            "was observed would have been censored is not known; use kind='cluster'.",
            code="censoring",
        )
    if not fitted.verdict.converged:
        raise ModelError(
            f"The fit is {fitted.verdict.status.value}, so that there is no model to draw "
            "responses from; see verdict.",
            code="verdict",
        )


def _checked(estimate: FloatArray) -> FloatArray:
    if estimate.ndim == 1 and len(estimate) and np.any(np.isfinite(estimate)):
        return estimate
    raise ModelError(
        f"The statistic of the fit is an array of shape {estimate.shape} without finite numbers; "
        "give a function that takes a fit to one or more numbers.",
        code="statistic",
    )
