r"""How often each way of treating clusters finds an effect that is not there, by simulation.

Responses are drawn from the fitted mixed model with one coefficient of the mean set to zero, for
the rows, clusters and covariates of the data and new random effects; each method is fitted to each
of them and tests that coefficient.  A method that keeps its promise rejects in a share
:math:`\alpha` of the draws; the interval of the share is Wilson's.  Draw j depends on the
coefficient, the seed and j alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.cluster_report.null_studies import NullStudies, without_effect
from ilk.errors import ModelError, did_you_mean
from ilk.inference.bootstrap.engine import check_drawable, check_seed
from ilk.inference.parallel import check_jobs, in_chunks
from ilk.inference.power import wilson
from ilk.inference.progress import Progress
from ilk.inference.wald import two_sided
from ilk.simulate import generator_of, response_drawer

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.inference.robust.covariance import CovarianceKind
    from ilk.typing import FloatArray, IntArray


__all__ = ["FalsePositives", "chosen_terms", "false_positives"]


@dataclass(frozen=True, slots=True)
class FalsePositives:
    """Share of draws without an effect in which it is found, by coefficient and method.

    Parameters
    ----------
    terms, methods : tuple of str
        Coefficient that was zero, and method, of each row.
    rate, conf_low, conf_high : (k,) arrays
        Share of rejections and its Monte Carlo interval.
    draws, failed : (k,) arrays of int
        Draws that count, and those in which the method gave no test.
    alpha : float
        Level of the tests.
    seed : int
        Of the draws.
    """

    terms: tuple[str, ...]
    methods: tuple[str, ...]
    rate: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    draws: IntArray
    failed: IntArray
    alpha: float
    seed: int


def false_positives(
    mixed: Fitted,
    group: Grouping,
    crossing: Sequence[Grouping],
    methods: Sequence[str],
    places: Sequence[int],
    *,
    draws: int,
    cov: CovarianceKind,
    alpha: Any,
    level: float,
    seed: Any,
    n_jobs: Any,
) -> FalsePositives:
    """Count false positives.

    Parameters
    ----------
    mixed : Fitted
        The model that responses are drawn from.
    group : Grouping
        Clusters of the robust methods.
    crossing : sequence of Grouping
        Factors of the robust method for all, if there are several.
    methods : sequence of str
        Which are tried.
    places : sequence of int
        Coefficients of the mean that are set to zero, one at a time.
    draws : int
        Responses for each of them.
    cov : str
        Kind of the sandwich.
    alpha, level : float
        Level of the tests, coverage of the intervals.
    seed : int or None
        Makes the draws repeatable.
    n_jobs : int or None
        Draws at one time.

    Returns
    -------
    FalsePositives
    """
    check_drawable(mixed)
    if not (isinstance(alpha, (int, float, np.floating)) and 0.0 < alpha < 1.0):
        raise ModelError(f"alpha={alpha!r:.60}: give a number between 0 and 1.", code="alpha")
    jobs = check_jobs(n_jobs)
    check_seed(seed)
    root = np.random.SeedSequence(seed)
    entropy = int(root.entropy)  # type: ignore[arg-type]
    names = mixed.model.fitted_parts[0].names
    found = []
    with Progress("false positives", draws * len(places)) as progress:
        for place in places:
            draw = response_drawer(without_effect(mixed, place))
            source = np.random.SeedSequence(entropy, spawn_key=(place,))
            work = NullStudies(mixed, place, tuple(methods), group, tuple(crossing), cov)
            piece = partial(_drawn, draw, source)
            outcomes: dict[int, FloatArray] = {}
            chunks = in_chunks(work, piece, range(draws), jobs)
            with closing(chunks):
                for numbers, results in chunks:
                    outcomes.update(zip(numbers, results, strict=True))
                    progress.add(len(numbers))
            found.append(np.array([outcomes[j] for j in range(draws)]))
    p = np.concatenate([part.T for part in found])
    known = np.sum(np.isfinite(p), axis=1)
    rejected = np.sum(p < alpha, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = rejected / known
        low, high = wilson(rejected, known, two_sided(level))
    return FalsePositives(
        terms=tuple(names[place] for place in places for _ in methods),
        methods=tuple(methods) * len(places),
        rate=rate,
        conf_low=low,
        conf_high=high,
        draws=known,
        failed=draws - known,
        alpha=float(alpha),
        seed=entropy,
    )


def chosen_terms(mixed: Fitted, terms: Any) -> list[int]:
    """Places of the coefficients whose tests are tried.

    Parameters
    ----------
    mixed : Fitted
        The model.
    terms : str, sequence of str or None
        Their names; all but the intercept by default.
    """
    names = mixed.model.fitted_parts[0].names
    if terms is None:
        found = [j for j, name in enumerate(names) if name != INTERCEPT]
        if not found:
            raise ModelError(
                "The mean has no coefficient but the intercept, so that there is no effect to set "
                "to zero: leave simulate= out.",
                code="no-covariates",
            )
        return found
    listed = [terms] if isinstance(terms, str) else list(terms)
    for name in listed:
        if name not in names:
            known = ", ".join(map(repr, names[:8])) + (", ..." if len(names) > 8 else "")
            raise ModelError(
                f"terms: {name!r:.80} is no coefficient of the mean; there are {known}."
                f"{did_you_mean(str(name), names)}",
                code="unknown-coefficient",
            )
    return [names.index(name) for name in dict.fromkeys(listed)]


def _drawn(
    draw: Callable[[np.random.Generator], FloatArray], source: np.random.SeedSequence, j: int
) -> FloatArray:
    return draw(generator_of(source, j))
