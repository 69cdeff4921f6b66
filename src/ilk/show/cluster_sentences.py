"""A sentence for each coefficient: what ignoring clusters does to its standard error, and why."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ilk.design.fixed import INTERCEPT
from ilk.show.numbers import plain

if TYPE_CHECKING:
    from ilk.diagnostics.cluster_report import ClusterReport

__all__ = ["coefficient_sentences"]

_NEAR = 0.05
"""Relative difference of standard errors that is not spoken of."""

_PARTLY = 0.01
"""Share of variance between clusters from which on a column varies between them too."""


def coefficient_sentences(found: ClusterReport) -> list[str]:
    """Say of each coefficient whether ignoring clusters overstates or understates what is known.

    Parameters
    ----------
    found : ClusterReport
        The report.

    Returns
    -------
    list of str
        One sentence each.
    """
    return [_sentence(found, j) for j in range(len(found.places.terms))]


def _sentence(found: ClusterReport, j: int) -> str:
    places = found.places
    to_robust, to_mixed = 1.0 / math.sqrt(places.realized[j]), float(places.ratio[j])
    known = math.isfinite(to_robust)
    judged = to_robust if known else to_mixed
    parts = [f"{to_robust:.2f} times the cluster-robust one"] * known
    parts += [f"{to_mixed:.2f} times the mixed model's"] * math.isfinite(to_mixed)
    if not parts:
        return f"{plain(places.terms[j])}{_where(found, j)}."
    verdict = "about right"
    if judged < 1.0 - _NEAR:
        verdict = "too small"
    elif judged > 1.0 + _NEAR:
        verdict = "too large"
    return (
        f"{plain(places.terms[j])}{_where(found, j)}: ignoring clusters makes its standard error "
        f"{verdict}, {' and '.join(parts)}{_why(found, j, verdict)}."
    )


def _where(found: ClusterReport, j: int) -> str:
    places = found.places
    if places.terms[j] == INTERCEPT:
        return ""
    constant = places.constant_in[j]
    if constant is not None:
        return f" is constant within {plain(constant)}"
    between = places.between[j]
    if between < _PARTLY:
        return f" varies within {plain(found.group)} only"
    share = f"{100.0 * between:.0f} % of its variance is between"
    return f" varies within {plain(found.group)} ({share})"


def _why(found: ClusterReport, j: int, verdict: str) -> str:
    places = found.places
    if places.terms[j] == INTERCEPT or verdict == "about right":
        return ""
    if places.constant_in[j] is not None:
        small = "; rows of a cluster repeat one value of it, so that clusters count, not rows"
        return small if verdict == "too small" else ""
    if verdict == "too large":
        return "; it is compared within clusters, whose rows differ less than rows at large"
    if places.slope[j]:
        return "; its effect differs between clusters, so that clusters count, not rows"
    return "; part of it compares clusters, whose differences it does not count"
