r"""How often each way of treating clusters finds an effect that is not there, by simulation.

Responses are drawn from the fitted mixed model with one coefficient of the mean set to zero, for
the rows, clusters and covariates of the data and new random effects; each method is fitted to each
of them and tests that coefficient.  A method that keeps its promise rejects in a share
:math:`\alpha` of the draws; the interval of the share is Wilson's.  Draw j depends on the
coefficient, the seed and j alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ilk.design.fixed import INTERCEPT
from ilk.diagnostics.cluster_report.clusters import without_random
from ilk.diagnostics.cluster_report.side_by_side import (
    GEE,
    IGNORED,
    MIXED,
    ROBUST,
    ROBUST_ALL,
    fit_gee,
    mean_part,
)
from ilk.errors import IlkError, ModelError, did_you_mean
from ilk.estimation.run import refitter
from ilk.gee.sandwich import covariance
from ilk.gee.solve import solve
from ilk.inference.bootstrap.attempts import sound
from ilk.inference.bootstrap.engine import check_drawable, check_seed, origin
from ilk.inference.infinite import infinite
from ilk.inference.parallel import check_jobs, in_chunks
from ilk.inference.power import wilson
from ilk.inference.progress import Progress
from ilk.inference.robust.covariance import robust_covariance
from ilk.inference.wald import coefficient_covariance, p_values, two_sided
from ilk.simulate import generator_of, response_drawer

if TYPE_CHECKING:
    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.gee.fitted import GeeFitted
    from ilk.inference.robust.covariance import CovarianceKind
    from ilk.inference.wald import CoefficientCovariance
    from ilk.typing import FloatArray, IntArray

T = TypeVar("T")

_CLOSE = 1e-6
"""Last step of estimating equations, in standard errors."""

__all__ = ["FalsePositives", "NullStudies", "chosen_terms", "false_positives"]


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
            draw = response_drawer(_without_effect(mixed, place))
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
    try:
        return draw(generator_of(source, j))
    except ValueError as error:
        raise ModelError(
            "simulate=: a drawn random effect makes a mean that the family cannot have, so that "
            "no responses can be drawn from this model; use the family's usual link.",
            code="draws",
        ) from error


def _without_effect(mixed: Fitted, place: int) -> Fitted:
    psi = mixed.estimates.psi.copy()
    psi[mean_part(mixed).start + place] = 0.0
    return origin(replace(mixed, estimates=replace(mixed.estimates, psi=psi)))


@dataclass(frozen=True, slots=True)
class NullStudies:
    """Work on responses: fit every method, and test the coefficient.

    Parameters
    ----------
    fitted : Fitted
        The mixed model.
    place : int
        Of the coefficient among those of the mean.
    methods : tuple of str
        Which are tried.
    group : Grouping
        Clusters of the robust methods.
    crossing : tuple of Grouping
        Factors of the robust method for all.
    cov : str
        Kind of the sandwich.
    """

    fitted: Fitted
    place: int
    methods: tuple[str, ...]
    group: Grouping
    crossing: tuple[Grouping, ...]
    cov: CovarianceKind

    def __call__(self, responses: list[FloatArray]) -> list[FloatArray]:
        """(k,) p-values of the methods for each response; nan where one fails."""
        null, first = _without_effect(self.fitted, self.place), without_random(self.fitted)
        again = _Again(
            mixed=refitter(null.model, null.estimates.psi),
            plain=refitter(first.model, first.estimates.psi),
            marginal=fit_gee(first, self.group) if GEE in self.methods else None,
        )
        return [self._tests(y, again) for y in responses]

    def _tests(self, y: FloatArray, again: _Again) -> FloatArray:
        tests: dict[str, Callable[[], float]] = {MIXED: lambda: self._mixed(sound(again.mixed(y)))}
        plain = _or_nothing(lambda: sound(again.plain(y)))
        if plain is not None and not infinite(plain).any():
            tests[IGNORED] = lambda: self._wald(plain)
            tests[ROBUST] = lambda: self._robust(plain, self.cov, [self.group])
            tests[ROBUST_ALL] = lambda: self._robust(plain, "CR1", self.crossing)
            tests[GEE] = lambda: self._gee(y, again.marginal, plain)
        found = [_or_nothing(tests[m]) if m in tests else None for m in self.methods]
        return np.array([math.nan if p is None else p for p in found])

    def _mixed(self, mixed: Fitted) -> float:
        lost = infinite(mixed)[mean_part(mixed).start + self.place]
        return math.nan if lost else self._wald(mixed)

    def _wald(self, fitted: Fitted, used: CoefficientCovariance | None = None) -> float:
        """p-value of the coefficient, by the tests of a summary."""
        place = mean_part(fitted).start + self.place
        used = coefficient_covariance(fitted) if used is None else used
        error = math.sqrt(used.matrix[place, place])
        df = math.inf if used.df is None else used.df(np.eye(len(fitted.coef))[place])
        return _p_value(float(fitted.coef[place]), error, df)

    def _robust(self, plain: Fitted, cov: CovarianceKind, groups: Sequence[Grouping]) -> float:
        labels = [group.codes for group in groups]
        cluster = labels if len(labels) > 1 else labels[0]
        return self._wald(plain, robust_covariance(plain, cov, cluster))

    def _gee(self, y: FloatArray, first: GeeFitted | None, plain: Fitted) -> float:
        assert first is not None
        rows = first.rows
        trials = plain.design.response.trials
        share = y if trials is None else y / trials
        rows = replace(rows, y=share[rows.clusters.rows])
        start = np.asarray(np.linalg.solve(first.back, plain.coef[mean_part(plain)]), float)
        found = solve(rows, first.working, start=start, tolerance=_CLOSE)
        if found is None or found.status != "converged":
            return math.nan
        matrix = covariance("robust", found.whitened, found.residuals.scale, rows.clusters)
        weights = first.back[self.place]
        error = math.sqrt(float(weights @ matrix @ weights))
        return _p_value(float(weights @ found.beta), error, first.df())


@dataclass(frozen=True, slots=True)
class _Again:
    """What every response is handed to."""

    mixed: Callable[[FloatArray], Fitted]
    plain: Callable[[FloatArray], Fitted]
    marginal: GeeFitted | None


def _p_value(estimate: float, error: float, df: float) -> float:
    if not (error > 0.0 and math.isfinite(estimate)):
        return math.nan
    return float(p_values(np.array([estimate / error]), df)[0])


def _or_nothing(make: Callable[[], T]) -> T | None:
    """What can be made; nothing where a fit or a test fails."""
    try:
        with np.errstate(all="ignore"):
            return make()
    except (IlkError, np.linalg.LinAlgError, ArithmeticError, ValueError):
        return None
