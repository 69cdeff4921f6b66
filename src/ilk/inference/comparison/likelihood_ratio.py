"""The likelihood-ratio test of two nested models, with the null distribution that fits the case.

Off the boundary it is chi-square.  With one variance at zero it is a mixture of two chi-square
distributions, or for a single variance of a linear mixed model the exact distribution, simulated.
With several at once the mixture's weights are simulated (`ilk.inference.comparison.boundary`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError
from ilk.inference.bootstrap.ratios import bootstrap_null
from ilk.inference.comparison.boundary import Null, bound, chi_bar, chi_square, cone_draws, drawn
from ilk.inference.comparison.nesting import Nesting, columns_of, find_nesting
from ilk.inference.comparison.null_scores import cone_information
from ilk.inference.comparison.restricted_lrt import ratio_draws, spectrum

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = [
    "LikelihoodRatio",
    "NullMethod",
    "check_options",
    "likelihood_ratio",
    "null_distribution",
]

METHODS = ("auto", "chi_bar", "simulated", "bootstrap")

NullMethod: TypeAlias = Literal["auto", "chi_bar", "simulated", "bootstrap"]
"""How null distributions on the boundary are found."""

DRAWS, REFITS = 10_000, 999
"""Draws of a simulated null distribution, and refits of a bootstrap, by default."""

_NOTHING = 1e-7
"""A statistic below this is zero."""

_SLACK = 1e-4
"""A larger model whose log-likelihood is lower by more than this did not reach its optimum."""


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """Likelihood-ratio test of a smaller model against a larger one.

    Parameters
    ----------
    statistic : float
        Twice the gain in log-likelihood; nan if there is no test.
    df : int
        Number of parameters that the larger model has more.
    null : str
        Null distribution, or why there is no test.
    p_value : float
        The p-value; nan if there is no test.
    tested : bool
        Whether the models are nested.
    """

    statistic: float
    df: int
    null: str
    p_value: float
    tested: bool


def check_options(method: Any, draws: Any) -> None:
    """Refuse what says nothing about null distributions.

    Parameters
    ----------
    method, draws
        As in `likelihood_ratio`.
    """
    if method not in METHODS:
        raise ModelError(
            f"method={method!r}: give one of {', '.join(map(repr, METHODS))}.", code="method"
        )
    whole = isinstance(draws, (int, np.integer)) and not isinstance(draws, bool)
    if draws is not None and not (whole and draws >= 100):
        raise ModelError(f"draws={draws!r}: give a whole number from 100.", code="draws")


def likelihood_ratio(
    small: Fitted,
    large: Fitted,
    method: NullMethod = "auto",
    draws: int | None = None,
    seed: int | None = 0,
    n_jobs: int | None = 1,
) -> LikelihoodRatio:
    """Test a smaller model against a larger one of the same rows and likelihood.

    Parameters
    ----------
    small, large : Fitted
        The models; that they may be compared is for the caller to check.
    method : {"auto", "chi_bar", "simulated", "bootstrap"}
        How null distributions on the boundary are found.
    draws : int, optional
        Number of draws of simulated ones, by default 10,000; of refits of a bootstrap 999.
    seed : int, optional
        Makes the draws repeatable.
    n_jobs : int or None
        Refits of a bootstrap at one time.

    Returns
    -------
    LikelihoodRatio
    """
    nesting = find_nesting(small, large)
    difference = large.parameter_count - small.parameter_count
    nan = float("nan")
    if isinstance(nesting, str):
        return LikelihoodRatio(nan, difference, f"not nested: {nesting}", nan, False)
    statistic = 2.0 * (large.loglik - small.loglik)
    if statistic < -_SLACK:
        reason = "the larger model has the lower log-likelihood: it is not at its optimum"
        return LikelihoodRatio(nan, difference, reason, nan, False)
    statistic = statistic if statistic > _NOTHING else 0.0
    if nesting.unknown and method != "bootstrap":
        reason = f"none known (method='bootstrap' draws one): {nesting.unknown}"
        return LikelihoodRatio(statistic, difference, reason, nan, False)
    null = null_distribution(small, large, nesting, method, draws, seed, n_jobs)
    return LikelihoodRatio(statistic, difference, null.label, null.p_value(statistic), True)


def null_distribution(
    small: Fitted,
    large: Fitted,
    nesting: Nesting,
    method: NullMethod = "auto",
    draws: int | None = None,
    seed: int | None = 0,
    n_jobs: int | None = 1,
) -> Null:
    """Distribution of the likelihood ratio of nested models if the smaller one is right.

    Parameters
    ----------
    small, large, method, draws, seed, n_jobs
        As in `likelihood_ratio`.
    nesting : Nesting
        How they are nested.

    Returns
    -------
    Null
    """
    if method == "bootstrap":
        return bootstrap_null(small, large, draws or REFITS, seed, n_jobs)
    draws = draws or DRAWS
    if not nesting.variances and not nesting.matrices:
        return chi_square(nesting.free)
    if nesting.variances == 1 and not nesting.matrices:
        exact = _exact(small, large, nesting, draws, seed) if method != "chi_bar" else None
        return exact or chi_bar(nesting.free)
    if _weighted(small):
        return bound(nesting.difference)
    try:
        information, sizes = cone_information(small, large, nesting, seed)
        sample = cone_draws(information, sizes, draws, np.random.default_rng(seed))
    except (ModelError, np.linalg.LinAlgError):  # no random draws, or collinear scores
        return bound(nesting.difference)
    top = nesting.difference
    return drawn(f"chi2({nesting.free}) to chi2({top}), simulated mixture", sample, nesting.free)


def _weighted(small: Fitted) -> bool:
    """Whether rows stand for several, so that responses cannot be drawn row by row."""
    weights = small.design.frequency_weights
    return weights is not None and bool(np.any(weights != 1.0))


def _exact(
    small: Fitted, large: Fitted, nesting: Nesting, draws: int, seed: int | None
) -> Null | None:
    """Distribution of one variance of a linear mixed model alone; None if it cannot be had."""
    if not (small.model.linear and large.model.linear) or nesting.free or not nesting.blocks:
        return None
    (block,) = nesting.blocks
    if block.structure == "identity" and block.size > 1:
        return None
    term = large.design.terms[block.term]
    if term.grouping.weights is not None:
        return None
    column = (columns_of(term) @ block.new)[:, 0]
    over = large.dependences[block.term]
    root = None if over is None else over.root
    found = spectrum(large, column, term.grouping.codes, len(term.grouping.levels), root)
    if found is None or not len(found.mu):
        return None
    reml = large.model.reml
    others = ", other effects as known" if small.design.terms else ""
    name = f"exact {'restricted ' if reml else ''}LR, simulated{others}"
    return drawn(name, ratio_draws(found, reml=reml, draws=draws, seed=seed))
