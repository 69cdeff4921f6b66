r"""Tests of single sources: the likelihood ratio on the boundary, and permuted names of levels.

The **likelihood ratio** asks whether the variance of a source is zero
(`ilk.inference.comparison.likelihood_ratio`).

The **permutation test** asks whether the structure matters: whether data of related levels are
more alike than chance would make them.  The names of the levels that have data are dealt out at
random, B times.  With r the scores of the rows, :math:`\partial \log f / \partial \eta`, in the
model without the term, and :math:`T_l = \sum_{i : l(i) = l} r_i z_i`, the statistic is that of the
score test of the variance,

.. math:: q = \operatorname{tr}(T' C\, T\, G_1) - E_0 \operatorname{tr}(T' C\, T\, G_1),
          \qquad p = \frac{1 + \#\{q_b \ge q\}}{1 + B},

which costs a product with C for each permutation, and no fit.  The expectation is that in the
model without the term, the mean over responses drawn from it (the same ones for all permutations):
other structured terms take away what is alike in related levels, of the data and not of
permutations.  The parameters of a structure, such
as the range of a field, are unknown there: q is standardized by its permutation distribution at
each of several ranges, and the largest is taken, of the data and of each permutation alike.  The
test is exact if the term is the only random one and there are no covariates but the intercept;
otherwise the residuals are exchangeable but for what was estimated.  ``"likelihood_ratio"`` as
the statistic estimates the model again for each permutation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError
from ilk.estimation.run import run
from ilk.fitted import Fitted
from ilk.formula.spec import MEAN
from ilk.inference.comparison.likelihood_ratio import (
    LikelihoodRatio,
    NullMethod,
    check_options,
    likelihood_ratio,
)
from ilk.inference.comparison.nesting import columns_of
from ilk.inference.comparison.reduced import spec_places, without_term
from ilk.inference.progress import Progress
from ilk.likelihood.base import Search
from ilk.num import jets
from ilk.prediction.levels import check_choice
from ilk.simulate import full_predictors
from ilk.variance.alike import working_draws
from ilk.variance.partition_sources import Source, sources_of

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.model.dependence import Dependence
    from ilk.typing import FloatArray, IntArray

__all__ = ["PermutationTest", "SourceTest", "permutation_test", "source_tests"]

Statistic: TypeAlias = Literal["score", "likelihood_ratio"]
"""What is compared between the data and permutations of them."""

_SHIFTS = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Logarithms of ranges, relative to the one that the structure starts from."""

_DRAWS, _FEW_DRAWS = 100, 20
"""Responses drawn for an expectation, with up to 2,000 levels and with more."""

_CELLS = 4_000_000
_FEWEST = 19


@dataclass(frozen=True, slots=True)
class SourceTest:
    """Likelihood-ratio test of a source.

    Parameters
    ----------
    source : Source
        The random term.
    ratio : LikelihoodRatio
        The test of the model without it.
    loglik_without : float
        Log-likelihood of that model.
    """

    source: Source
    ratio: LikelihoodRatio
    loglik_without: float


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """Permutation test of a structure.

    Parameters
    ----------
    source : Source
        The random term.
    statistic : str
        ``"score"`` or ``"likelihood_ratio"``.
    observed : float
        Its value in the data.
    permuted : (B,) array
        Its values in permutations of the names of the levels.
    levels : int
        Number of levels with data.
    seed : int or None
        Seed of the permutations.
    interrupted : bool
        Whether it was stopped before all permutations were done.
    """

    source: Source
    statistic: str
    observed: float
    permuted: FloatArray
    levels: int
    seed: int | None
    interrupted: bool

    @property
    def p_value(self) -> float:
        """The p-value, the data counted as one permutation."""
        slack = 1e-9 * max(1.0, abs(self.observed))
        above = int(np.sum(self.permuted >= self.observed - slack))
        return (1.0 + above) / (1.0 + len(self.permuted))

    @property
    def p_error(self) -> float:
        """Monte Carlo error of the p-value."""
        p = self.p_value
        return math.sqrt(p * (1.0 - p) / (1.0 + len(self.permuted)))


def source_tests(
    fitted: Fitted,
    method: NullMethod = "auto",
    draws: int | None = None,
    seed: int | None = 0,
    n_jobs: int | None = 1,
) -> tuple[SourceTest, ...]:
    """Test each random term by leaving it out.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    method, draws, seed, n_jobs
        As in `ilk.inference.comparison.likelihood_ratio.likelihood_ratio`.

    Returns
    -------
    tuple of SourceTest
        In the order of the terms.

    Raises
    ------
    ModelError
        The fit is no maximum of a likelihood.
    """
    check_options(method, draws)
    _check_fit(fitted)
    found = []
    for source in sources_of(fitted):
        without = _without(fitted, source)
        if without.verdict.converged:
            ratio = likelihood_ratio(without, fitted, method, draws, seed, n_jobs)
        else:
            reason = f"no test: the model without it is {without.verdict.status.value}"
            difference = fitted.parameter_count - without.parameter_count
            ratio = LikelihoodRatio(math.nan, difference, reason, math.nan, False)
        found.append(SourceTest(source, ratio, without.loglik))
    return tuple(found)


def permutation_test(
    fitted: Fitted,
    source: str,
    count: int = 999,
    *,
    statistic: Statistic = "score",
    seed: int | None = 0,
) -> PermutationTest:
    """Test whether a structure matters by permuting the names of its levels.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    source : str
        Name of the random term as the partition has it.
    count : int
        Number of permutations.
    statistic : {"score", "likelihood_ratio"}
        Score of the variance, which takes no fits, or the likelihood ratio.
    seed : int or None
        Makes the permutations repeatable.

    Returns
    -------
    PermutationTest

    Raises
    ------
    ModelError
        There is no such source, or its levels are independent.
    """
    check_choice("statistic", statistic, Statistic)
    if count < _FEWEST:
        raise ModelError(
            f"count={count!r}: give a whole number of permutations from {_FEWEST}.", code="count"
        )
    _check_fit(fitted)
    one = _find(fitted, source)
    codes = fitted.design.terms[one.term].grouping.codes
    seen = np.unique(codes)
    rng = np.random.default_rng(seed)
    orders = (rng.permutation(len(seen)) for _ in range(count))
    without = _without(fitted, one)
    if statistic == "score":
        observed, values = _scores(fitted, without, one, seen, orders, count)
    else:
        observed, values = _ratios(fitted, without, one, seen, orders, count)
    return PermutationTest(
        source=one,
        statistic=statistic,
        observed=observed,
        permuted=values,
        levels=len(seen),
        seed=seed,
        interrupted=len(values) < count,
    )


def _check_fit(fitted: Fitted) -> None:
    if fitted.model.penalty is not None:
        raise ModelError(
            "Tests of sources compare maximized likelihoods, but this fit maximizes a penalized "
            "one; fit without penalty=.",
            code="penalty",
        )
    if not fitted.verdict.converged:
        raise ModelError(
            "The fit is no maximum of the likelihood, so that tests mean nothing; see its "
            ".verdict.",
            code="not-converged",
        )


def _find(fitted: Fitted, name: str) -> Source:
    sources = sources_of(fitted)
    structured = [source for source in sources if source.levels is not None]
    for source in sources:
        if source.name != name:
            continue
        if source.levels is None:
            raise ModelError(
                f"The levels of {name!r} are independent of each other, so that permuting their "
                "names changes nothing; test its variance by .tests().",
                code="independent",
            )
        return source
    known = ", ".join(repr(source.name) for source in structured) or "none"
    raise ModelError(
        f"source={name!r}: there is no such source with a structure; there are {known}.",
        code="unknown-source",
    )


def _without(fitted: Fitted, source: Source) -> Fitted:
    """The model estimated again without a term of the design."""
    places = spec_places(fitted)
    own = [index for index, (t, _, _) in enumerate(places) if t == source.term]
    left = fitted
    for index in reversed(own):
        left = without_term(left, index)
    return left


def _row_scores(without: Fitted) -> FloatArray:
    """Derivative (n,) of the log density in the predictor of the mean, at the modes."""
    response, names = without.design.response, without.family.parameters
    eta = full_predictors(without, without.estimates.modes)
    if without.model.linear:
        return np.asarray((response.y - eta[0]) / np.exp(eta[1]))
    jet = without.family.log_density(response.y, response.second, jets.variables(eta, 2))
    return np.asarray(jet.first[list(names).index(MEAN)])


def _dependence_grid(fitted: Fitted, source: Source) -> list[Dependence]:
    """The structure at several values of its range, none of which comes from the data."""
    (own,) = (fitted.dependences[source.term],)
    assert own is not None
    levels = own.levels
    start = levels.start()
    if "range" not in levels.parameters:
        return [replace(own, theta=start)]
    place = levels.parameters.index("range")
    unit = np.eye(len(start))[place]
    return [replace(own, theta=start + shift * unit) for shift in _SHIFTS]


def _scores(
    fitted: Fitted,
    without: Fitted,
    source: Source,
    seen: IntArray,
    orders: Iterator[IntArray],
    count: int,
) -> tuple[float, FloatArray]:
    """Standardized score statistics of the data and of the permutations."""
    term = fitted.design.terms[source.term]
    weights = fitted.design.frequency_weights
    pull = _row_scores(without) * (1.0 if weights is None else weights)
    z, codes = columns_of(term), term.grouping.codes
    levels = len(term.grouping.levels)
    T = np.column_stack([np.bincount(codes, pull * column, levels) for column in z.T])[seen]
    shape = _shape(fitted, source)
    grid = _dependence_grid(fitted, source)
    dense = [_covariance(dependence, seen) for dependence in grid]
    expected = _drawn_sums(without, term, seen, whole=dense[0] is not None)
    own = np.concatenate([T[None], expected])
    chunk = max(1, _CELLS // (levels * T.shape[1] * len(own)))

    def centered(orders_of: list[IntArray]) -> FloatArray:
        """Statistics less their expectations, one row for each order."""
        sums = np.concatenate([own[:, order] for order in orders_of])
        each = _quadratic(grid, dense, seen, sums, shape, levels)
        each = each.reshape(len(orders_of), len(own), -1)
        return np.asarray(each[:, 0] - each[:, 1:].mean(axis=1))

    found: list[FloatArray] = [centered([np.arange(len(seen))])]
    done = 0
    try:
        with Progress("permutations", count, unit="permutations") as progress:
            while done < count:
                some = [next(orders) for _ in range(min(chunk, count - done))]
                found.append(centered(some))
                done += len(some)
                progress.add(len(some))
    except KeyboardInterrupt:
        if done < _FEWEST:
            raise
    values = np.vstack(found)
    if values.shape[1] > 1:
        spread = values.std(axis=0)
        values = (values - values.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    largest = values.max(axis=1)
    return float(largest[0]), largest[1:]


def _drawn_sums(without: Fitted, term: RandomTerm, seen: IntArray, *, whole: bool) -> FloatArray:
    """Sums T (m, l, q) of the scores of responses that the model without the term would give."""
    draws = _DRAWS if whole else _FEW_DRAWS
    y = working_draws(without, draws, np.random.default_rng(0))
    z, codes, levels = columns_of(term), term.grouping.codes, len(term.grouping.levels)
    out = np.empty((draws, len(seen), z.shape[1]))
    for d in range(draws):
        for j, column in enumerate(z.T):
            out[d, :, j] = np.bincount(codes, y[:, d] * column, levels)[seen]
    return out


def _shape(fitted: Fitted, source: Source) -> FloatArray:
    """Diagonal matrix (q, q) by which columns of different sizes count alike."""
    z = columns_of(fitted.design.terms[source.term])
    return np.diag(1.0 / np.maximum(np.mean(z**2, axis=0), 1e-300))


_DENSE = 2000
"""Levels with data up to which their covariance matrix is made."""


def _covariance(dependence: Dependence, seen: IntArray) -> FloatArray | None:
    """Covariance matrix of the levels with data, unless there are many."""
    return None if len(seen) > _DENSE else dependence.covariance_among(seen)


def _quadratic(
    grid: list[Dependence],
    dense: list[FloatArray | None],
    seen: IntArray,
    T: FloatArray,
    shape: FloatArray,
    levels: int,
) -> FloatArray:
    """Statistics (B, g) of sums T (B, l, q) at each structure of the grid."""
    count, size, width = T.shape
    flat = np.ascontiguousarray(np.moveaxis(T, 0, 2).reshape(size, width * count))
    out = np.empty((count, len(grid)))
    for g, (dependence, C) in enumerate(zip(grid, dense, strict=True)):
        if C is not None:
            turned = C @ flat
        else:
            whole = np.zeros((levels, width * count))
            whole[seen] = flat
            turned = dependence.covariance_times(whole)[seen]
        turned = turned.reshape(size, width, count)
        for a in range(width):
            turned[:, a] *= shape[a, a]
        out[:, g] = np.einsum("lqb,lqb->b", flat.reshape(size, width, count), turned)
    return out


def _ratios(
    fitted: Fitted,
    without: Fitted,
    source: Source,
    seen: IntArray,
    orders: Iterator[IntArray],
    count: int,
) -> tuple[float, FloatArray]:
    """Likelihood ratios of the data and of the permutations."""
    again = _refits(fitted, source, seen)
    observed = max(0.0, 2.0 * (fitted.loglik - without.loglik))
    values: list[float] = []
    try:
        with Progress("permutations", count) as progress:
            for order in orders:
                values.append(max(0.0, 2.0 * (again(order) - without.loglik)))
                progress.add(1)
    except KeyboardInterrupt:
        if len(values) < _FEWEST:
            raise
    return observed, np.array(values)


def _refits(fitted: Fitted, source: Source, seen: IntArray) -> Callable[[IntArray], float]:
    """Function from an order of the levels with data to the maximized log-likelihood."""
    model = fitted.model
    term = model.design.terms[source.term]
    place = np.searchsorted(seen, term.grouping.codes)

    def again(order: IntArray) -> float:
        codes = seen[order][place].astype(term.grouping.codes.dtype)
        moved = replace(term, grouping=replace(term.grouping, members=codes))
        terms = tuple(
            moved if t == source.term else other for t, other in enumerate(model.design.terms)
        )
        permuted = replace(model, design=replace(model.design, terms=terms))
        return run(permuted, Search(), fitted.estimates.psi, warn=False).loglik

    return again
