r"""How averages over rows vary because other rows could have been sampled.

With the parameters held, an average A over a sample of clusters c moves by

.. math:: u_c = \sum_{i \in c} w_i (M_i - A e_i) \Big/ \sum_i w_i e_i

when cluster c is left out or doubled, to first order, and its variance over samples of clusters is
:math:`C/(C-1) \sum_c u_c u_c'`.  It adds to the variance of the parameters: the influence of a
cluster on the parameters is a score, whose expectation given the covariates is zero, and so it does
not covary with u (docs/derivations/marginal.md).  For factors that cross, sums over the levels of
each are added and those over their combinations subtracted (Cameron, Gelbach and Miller 2011).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ilk.effects.target import combine
from ilk.errors import DataError, ModelError
from ilk.frame import Factor, factor
from ilk.inference.clusters import outermost_groupings

if TYPE_CHECKING:
    from ilk.effects.target import Target
    from ilk.typing import FloatArray, IntArray

__all__ = ["cluster_sums", "sampled_clusters", "sampling_covariance"]


_MOST = 4000
"""Averages whose covariances are made at one time at most."""


def sampled_clusters(target: Target, kept: IntArray | None) -> list[IntArray]:
    """Codes of the units that were sampled: a factor's levels, of several factors, or rows.

    Parameters
    ----------
    target : Target
        The rows.
    kept : (n,) array of int, or None
        Those that have all values.

    Returns
    -------
    list of (n,) arrays of int
        One for each outermost factor; empty if rows were sampled one by one.
    """
    found: list[IntArray] = []
    for grouping in outermost_groupings(target.fitted.design):
        if target.own:
            found.append(grouping.codes)
            continue
        if not grouping.columns:
            continue
        for column in grouping.columns:
            if column not in target.frame:
                raise DataError(
                    f"covariates='sample' counts how clusters were sampled and needs the column "
                    f"{column!r}, which the target data lack; add it, or use covariates='fixed'.",
                    code="unknown-column",
                )
        factors = [factor(target.frame.column(column)) for column in grouping.columns]
        codes, _ = combine(factors)
        codes = codes if kept is None else codes[kept]
        if np.any(codes < 0):  # a row without a cluster is one of its own
            alone = np.flatnonzero(codes < 0)
            codes = codes.astype(np.int64)
            codes[alone] = codes.max() + 1 + np.arange(len(alone))
        found.append(codes)
    return found


def cluster_sums(
    contributions: FloatArray, codes: IntArray, groups: IntArray | None, count: int
) -> FloatArray:
    """Sum contributions of rows within clusters, for each subgroup.

    Parameters
    ----------
    contributions : (n,) array
        Contributions of the rows.
    codes : (n,) array of int
        Cluster of each row.
    groups : (n,) array of int, or None
        Subgroup of each row, -1 for none.
    count : int
        Number of subgroups.

    Returns
    -------
    (C, count) array
    """
    clusters = int(codes.max()) + 1
    if groups is None:
        return np.asarray(np.bincount(codes, contributions, clusters)[:, None], dtype=np.float64)
    inside = groups >= 0
    place = codes[inside].astype(np.intp) * count + groups[inside]
    summed = np.bincount(place, contributions[inside], clusters * count)
    return np.asarray(summed.reshape(clusters, count), dtype=np.float64)


def sampling_covariance(
    contributions: Sequence[FloatArray],
    clusters: Sequence[IntArray],
    groups: IntArray | None,
    count: int,
    replicates: FloatArray | None = None,
) -> FloatArray:
    """Covariance matrix of averages over samples of clusters.

    Parameters
    ----------
    contributions : sequence of (n,) arrays
        Contributions of the rows to the averages of each scenario.
    clusters : sequence of (n,) arrays of int
        From `sampled_clusters`.
    groups : (n,) array of int, or None
        Subgroup of each row.
    count : int
        Number of subgroups.
    replicates : (n,) array, optional
        Frequency weights: number of equal rows that each row stands for.  They are sampled one by
        one if there are no clusters.

    Returns
    -------
    (r, r) array
        r is the number of scenarios times that of subgroups.
    """
    r = count * len(contributions)
    if r > _MOST:
        raise ModelError(
            f"covariates='sample' needs the covariances of {r} means, too many to hold at one "
            "time: ask for fewer subgroups (by=) or levels.",
            code="too-large",
        )
    total = np.zeros((r, r))
    n = len(contributions[0])
    factors = [Factor(codes, range(int(codes.max()) + 1)) for codes in clusters]  # type: ignore[arg-type]
    for size in range(1, len(factors) + 1):
        for chosen in itertools.combinations(factors, size):
            codes = chosen[0].codes if size == 1 else _joint(chosen)
            total += (-1.0) ** (size + 1) * _crossed_sums(contributions, codes, groups, count)
    if factors:
        return total
    if replicates is None:
        return _crossed_sums(contributions, np.arange(n), groups, count)
    total_count = float(replicates.sum())
    each = np.sqrt(np.maximum(replicates, 1e-300))
    shares = [part / each for part in contributions]
    uncorrected = _crossed_sums(shares, np.arange(n), groups, count) * (n - 1.0) / n
    return total_count / (total_count - 1.0) * uncorrected


def _joint(factors: Sequence[Factor]) -> IntArray:
    mixed = factors[0].codes.astype(np.int64)
    for found in factors[1:]:
        mixed = mixed * len(found.levels) + found.codes
    return np.unique(mixed, return_inverse=True)[1]


def _crossed_sums(
    contributions: Sequence[FloatArray], codes: IntArray, groups: IntArray | None, count: int
) -> FloatArray:
    sums = np.concatenate(
        [cluster_sums(part, codes, groups, count) for part in contributions], axis=1
    )
    present = len(np.unique(codes))
    if present < 2:
        return np.full((sums.shape[1],) * 2, np.nan)
    product: FloatArray = sums.T @ sums
    return present / (present - 1.0) * product
