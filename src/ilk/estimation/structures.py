"""What a verdict says of the parameters of covariance structures.

A range, Pagel's lambda or the rho of a series may be driven to the end of what it can be, or be
one that the data hardly tell.  The first is a fit on the boundary; the second gets a note.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.covariance.custom import Custom
from ilk.covariance.levels.neighbors import Neighbors
from ilk.covariance.levels.tree import Tree
from ilk.covariance.structured import Structured, within_levels
from ilk.fitted import Reason

if TYPE_CHECKING:
    from ilk.covariance.base import AbstractCovariance
    from ilk.covariance.natural import Natural
    from ilk.design.random import RandomTerm
    from ilk.kernels.contract import SearchResult
    from ilk.likelihood.base import AbstractMarginal
    from ilk.typing import BoolArray, FloatArray

__all__ = ["at_structure_limits", "hardly_known", "has_range", "structure_notes"]

_FEW = 10
"""Levels or positions below which nothing is known of how correlations fall."""

_CONSTANT = 0.95
"""Correlation of the first and the last effect of a series that hardly changes."""

_WIDE = 0.8
"""Standard error of the logarithm of a range or smoothness that says hardly anything."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A parameter where a search ended."""

    term: RandomTerm
    covariance: AbstractCovariance
    place: int
    natural: Natural
    value: float

    @property
    def over(self) -> object:
        """Structure over the levels if it is its parameter, else that within."""
        if isinstance(self.covariance, Structured):
            return self.covariance.within if self.natural.terms else self.covariance.levels
        return self.covariance

    @property
    def label(self) -> str:
        return f"({self.term.label})"


def _parameters(marginal: AbstractMarginal, theta: FloatArray) -> Iterator[_Found]:
    """Parameters of terms that have a variance; place is that of a parameter in theta."""
    model = marginal.model
    for term, covariance, here in zip(
        model.design.terms, model.covariances, model.theta_slices, strict=True
    ):
        q, own = len(term.column_names), theta[here]
        known = covariance.reported(term.column_names).parameters
        if (
            known
            and not isinstance(within_levels(covariance), Custom)
            and np.any(covariance.factor(own, q)[0])
        ):
            first = here.stop - len(known)  # the last elements, where each has its own
            values = covariance.natural(own, q).tolist()
            for k, (one, value) in enumerate(zip(known, values, strict=True)):
                yield _Found(term, covariance, first + k, one, value)


def at_structure_limits(
    marginal: AbstractMarginal, result: SearchResult
) -> tuple[list[Reason], BoolArray]:
    """Find parameters of structures at the end of their range.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the search ended.

    Returns
    -------
    list of Reason
        Notes.
    (m_theta,) array of bool
        Which covariance parameters have run to a limit, or have nothing to act on.
    """
    reasons, left_out = [], _idle(marginal, result.theta)
    for found in _parameters(marginal, result.theta):
        said = _limit(found)
        if said is not None:
            left_out[found.place] = True
            message, advice = said
            reasons.append(Reason("structure_limit", "note", (found.term.label,), message, advice))
    return reasons, left_out


def _idle(marginal: AbstractMarginal, theta: FloatArray) -> BoolArray:
    """Mark (m_theta,) what terms without variance have beside: it changes nothing."""
    idle = np.zeros(len(theta), dtype=bool)
    model = marginal.model
    for term, covariance, here in zip(
        model.design.terms, model.covariances, model.theta_slices, strict=True
    ):
        factor, slope = covariance.factor(theta[here], len(term.column_names))
        if not np.any(factor):
            idle[here] = ~np.any(slope, axis=(0, 1))
    return idle


def _limit(found: _Found) -> tuple[str, str] | None:
    """Say which limit a parameter has reached; None if it has not."""
    one, value, label = found.natural, found.value, found.label
    if not one.at_limit(value):
        return None
    if one.kind == "range":
        return _range_limit(found)
    if one.kind == "smoothness":
        return (
            f"the smoothness of {label} has no upper end: Gaussian correlations.",
            "kind='gau' (or gau() in a formula) says the same without a smoothness.",
        )
    if one.kind not in _WORDS:
        return None
    top = value > 0.5 * (one.low + one.high)
    if one.kind == "rho" and isinstance(found.over, Neighbors):
        low, high = _MAP
    elif one.kind == "rho":
        low, high = _SERIES
    else:
        low, high = _WORDS[one.kind]
    message, advice = high if top else low
    return message.format(label), advice


_SERIES = (
    (
        "the correlation of {} is estimated as the lowest there is.",
        "This is a legitimate optimum of a structure that suits these data badly; try another.",
    ),
    (
        "the correlation of {} is estimated as one: the effects of a level are all the same.",
        "A random intercept has the same estimates and log-likelihood.",
    ),
)

_MAP = (
    (
        "rho of {} is estimated as zero: areas do not depend on each other as far as these data "
        "tell.",
        "Without covariance= areas are independent too.",
    ),
    (
        "rho of {} is estimated as one: the intrinsic autoregression.",
        "model='icar' has no rho and says the same.",
    ),
)

_WORDS = {
    "rho": _SERIES,
    "lambda": (
        (
            "lambda of {} is estimated as zero: tips are unrelated as far as these data tell.",
            "Without covariance= tips are independent too.",
        ),
        (
            "lambda of {} is estimated as one: Brownian motion along the tree.",
            "model='brownian' has no lambda and the same log-likelihood.",
        ),
    ),
    "phi": (
        (
            "phi of {} is estimated as zero: none of the variance is in space.",
            "Without covariance= areas are independent too.",
        ),
        (
            "phi of {} is estimated as one: all of the variance is in space.",
            "model='icar' has no phi and says the same.",
        ),
    ),
}
"""What the lower and the upper limit of a parameter mean, and what to do."""


def _range_limit(found: _Found) -> tuple[str, str]:
    one, value, label = found.natural, found.value, found.label
    if value > one.longest:
        if isinstance(found.over, Tree):
            return (
                f"the range of {label} is longer than the tree by far: no pull toward a middle, "
                "as in Brownian motion; its variance has no value of its own.",
                "model='brownian' has no range and nearly the same log-likelihood.",
            )
        return (
            f"the range of {label} is longer than the largest distance ({one.longest:.4g}) by "
            "far: effects drift without a level of their own, and only the ratio of variance and "
            "range is known.",
            "Add the trend to the fixed part, or take the intercept out of the question.",
        )
    return (
        f"the range of {label} is shorter than the smallest distance ({one.shortest:.4g}) by far: "
        "effects do not depend on distance as far as these data tell.",
        "Independent effects have the same log-likelihood.",
    )


def structure_notes(marginal: AbstractMarginal, result: SearchResult) -> list[Reason]:
    """Say which parameters of structures are near what the data can tell.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the search ended.

    Returns
    -------
    list of Reason
        Notes.
    """
    reasons = []
    for found in _parameters(marginal, result.theta):
        if _limit(found) is None:
            reasons += [*_edge(found), *_steady(found)]
    for term, covariance in zip(
        marginal.model.design.terms, marginal.model.covariances, strict=True
    ):
        reasons += [*_few(term, covariance), *_beside_residual(marginal, term, covariance)]
    return reasons


def _beside_residual(
    marginal: AbstractMarginal, term: RandomTerm, covariance: AbstractCovariance
) -> list[Reason]:
    """A structure with an independent part of each level, where a row is all that a level has."""
    model = marginal.model
    if not isinstance(covariance, Structured) or not model.linear:
        return []
    over = covariance.levels
    own = (isinstance(over, Tree) and over.model == "pagel") or (
        isinstance(over, Neighbors) and over.model == "bym2"
    )
    if not own or term.columns is not None or term.grouping.used < model.rows:
        return []
    (name,) = over.parameters
    other = "brownian" if isinstance(over, Tree) else "icar"
    return [
        Reason(
            "structure_and_residual",
            "warning",
            (term.label,),
            f"each level of {term.grouping.name!r} has one row, so that the independent part of "
            f"({term.label}) can hardly be told from the residual, nor {name} from both.",
            f"model={other!r} has no independent part, and the residual takes its place.",
        )
    ]


def _edge(found: _Found) -> list[Reason]:
    """A range beyond the distances of the data."""
    one, value, label = found.natural, found.value, found.label
    if one.kind != "range":
        return []
    where = (found.term.label,)
    if value > one.longest:
        return [
            Reason(
                "range_edge",
                "note",
                where,
                f"the range of {label} ({value:.4g}) is beyond the largest distance in the data "
                f"({one.longest:.4g}): range and variance are known less well than their ratio.",
                "Do not read the range; predictions inside the data do not suffer.",
            )
        ]
    if value < one.shortest / 3.0:
        return [
            Reason(
                "range_edge",
                "note",
                where,
                f"the range of {label} ({value:.4g}) is below the smallest distance in the data "
                f"({one.shortest:.4g}): hardly two effects are correlated.",
                "Compare with independent effects: ilk.compare().",
            )
        ]
    return []


def _steady(found: _Found) -> list[Reason]:
    """A series that hardly changes from its first to its last time."""
    times = getattr(found.over, "times", None)
    if found.natural.kind != "rho" or times is None:
        return []
    span = times[-1] - times[0] if times else len(found.term.column_names) - 1
    if not found.value > 0.0 or found.value**span < _CONSTANT:
        return []
    return [
        Reason(
            "rho_near_one",
            "note",
            (found.term.label,),
            f"rho of {found.label} is {found.value:.4g}: over all {span + 1} steps the effects of "
            f"a level hardly change (first and last have the correlation {found.value**span:.2g}).",
            "Compare with a random intercept: ilk.compare().",
        )
    ]


def _few(term: RandomTerm, covariance: AbstractCovariance) -> list[Reason]:
    """More parameters than levels or positions can tell."""
    levels = term.used
    q = len(term.column_names)
    if isinstance(covariance, Structured) and covariance.levels.parameters and levels < _FEW:
        names = " and ".join(covariance.levels.parameters)
        return [
            Reason(
                "few_for_structure",
                "note",
                (term.label,),
                f"{levels} levels with data say hardly anything about {names} of ({term.label}).",
                "Give what is known of it, or take independent levels.",
            )
        ]
    if term.positions is None or q < 2:
        return []
    if levels == 1 and q < _FEW:
        return [
            Reason(
                "few_for_structure",
                "note",
                (term.label,),
                f"({term.label}) has one series of {q} positions, which say hardly anything about "
                "its parameters.",
                "Simplify the structure.",
            )
        ]
    size = covariance.size(q)
    if levels > 1 and size > levels:
        return [
            Reason(
                "few_for_structure",
                "note",
                (term.label,),
                f"({term.label}) has {size} covariance parameters for {levels} levels.",
                "Structures with fewer are ar1() and ou() for times, exp() and matern() for "
                "places.",
            )
        ]
    return []


def hardly_known(
    marginal: AbstractMarginal, result: SearchResult, covariance: FloatArray
) -> list[Reason]:
    """Say which ranges and smoothnesses have hardly any curvature.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    result : SearchResult
        Where the search ended.
    covariance : (m, m) array
        Covariance matrix of psi.

    Returns
    -------
    list of Reason
        Notes.
    """
    start = len(marginal.scaled.coef_shift)
    reasons = []
    for found in _parameters(marginal, result.theta):
        if found.natural.kind not in ("range", "smoothness") or _limit(found) is not None:
            continue
        variance = float(covariance[start + found.place, start + found.place])
        if variance >= 0.0 and math.sqrt(variance) < _WIDE:
            continue
        kind, advice = found.natural.kind, "Read its interval, not the estimate."
        if kind == "smoothness":
            advice = "Fix it (nu=0.5, 1.5 or 2.5): predictions hardly depend on it."
        factor = (
            f"a factor of {math.exp(1.96 * math.sqrt(variance)):.2g} either way"
            if (0.0 <= variance < 9.0)
            else "any factor"
        )
        reasons.append(
            Reason(
                f"{kind}_flat",
                "note",
                (found.term.label,),
                f"the {kind} of {found.label} is known to {factor} only.",
                advice,
            )
        )
    return reasons


def has_range(marginal: AbstractMarginal) -> bool:
    """Whether a structure has a range or a smoothness that is estimated.

    Parameters
    ----------
    marginal : AbstractMarginal
        The criterion.
    """
    kinds = {
        one.kind
        for term, covariance in zip(
            marginal.model.design.terms, marginal.model.covariances, strict=True
        )
        for one in covariance.reported(term.column_names).parameters
    }
    return bool(kinds & {"range", "smoothness"})
