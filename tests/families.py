"""What the tests of families need to know about each: one row per family of the registry.

Points are ordinary means and other predictors; edges are where formulas fail first; a response is
described by what it may be; truths are what data are simulated from.  Wrapped families (zero
inflation, hurdles, truncation, censoring) are composed from these rows by `cases`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ilk.family import FAMILIES, AbstractFamily, make_family
from ilk.family.censored import Censored, can_be_censored
from ilk.family.inflation import ZeroInflated, hurdle
from ilk.family.truncated import Truncated
from tests.tables import with_exponent

__all__ = ["ROWS", "Case", "Edge", "FamilyRow", "cases", "family_of", "plain", "row_of", "wrapped"]

TRIALS = 7.0
LEVELS = ("a", "b", "c", "d")
EXCESS = -0.7
"""Predictor of zero inflation at ordinary points, and in simulations."""


@dataclass(frozen=True)
class Edge:
    """Linear predictors at which formulas fail first, and responses."""

    eta: tuple[float, ...]
    responses: tuple[float, ...]
    aux: float | None = None
    order: int = 3
    """Derivatives that are looked at: of sums with many terms, few."""


@dataclass(frozen=True)
class FamilyRow:
    """What the tests know about a family.

    Attributes
    ----------
    means : tuple of float
        Ordinary means, before truncation or inflation; predictors of the mean for categories.
    others : tuple of tuples
        Ordinary predictors of the other parameters.
    response : str
        What a response may be: a key of `RESPONSES`.
    edges : tuple of Edge
        With the usual link.
    truth : tuple of float
        Other predictors of simulated data; the first of ``others`` by default.
    responses : tuple of float
        Responses at ordinary points; by default they follow from what a response may be.
    """

    means: tuple[float, ...]
    others: tuple[tuple[float, ...], ...]
    response: str
    edges: tuple[Edge, ...] = ()
    truth: tuple[float, ...] | None = None
    responses: tuple[float, ...] | None = None

    @property
    def tried(self) -> tuple[float, ...]:
        """Responses whose density is looked at at ordinary points."""
        return RESPONSES[self.response][1] if self.responses is None else self.responses

    @property
    def simulated(self) -> tuple[float, ...]:
        """Predictors of the parameters other than the mean in simulated data."""
        return self.others[0] if self.truth is None else self.truth


RESPONSES: dict[str, tuple[Callable[[float], bool], tuple[float, ...]]] = {
    "real": (np.isfinite, (-1.3, 0.4, 6.0)),
    "positive": (lambda y: 0.0 < y < np.inf, (0.05, 0.9, 7.0)),
    "zero or positive": (lambda y: 0.0 <= y < np.inf, (0.0, 0.05, 0.9, 7.0)),
    "count": (lambda y: 0.0 <= y < np.inf and y == int(y), (0.0, 1.0, 6.0)),
    "successes": (lambda y: 0.0 <= y <= 1.0 and y == int(y), (0.0, 2.0, TRIALS)),
    "share": (lambda y: 0.0 < y < 1.0, (0.03, 0.4, 0.93)),
    "share with ends": (lambda y: 0.0 <= y <= 1.0, (0.0, 0.03, 0.4, 0.93, 1.0)),
    "category": (lambda y: False, (0.0, 1.0, 3.0)),
}
"""Whether a number may be a response (without trials), and responses at ordinary points."""

COUNT_MEANS, MEANS, SHARES = (0.3, 2.0, 9.0), (0.4, 1.0, 3.0), (0.1, 0.45, 0.85)
BOTH = ((-2.0,), (0.3,))
BILLION, TRILLIONTH = 20.7, -27.6
"""Logarithms of about 1e9 and 1e-12."""
FEW_AND_MANY = (0.0, 1.0, 7.0, 1e6, 1e9)
TINY_TO_HUGE = (1e-12, 1e-3, 0.7, 40.0, 1e9)
NEAR_THE_ENDS = (1e-12, 1e-3, 0.4, 0.9, 1.0 - 1e-12)


def _grid(means: tuple[float, ...], others: tuple[float, ...], *more: Any) -> tuple[Edge, ...]:
    return tuple(Edge((m, o), *more) for m in means for o in others)


_SPREADS = (-60.0, -20.0, -3.0, 20.0, 60.0)
_NEGATIVE_BINOMIAL = FamilyRow(
    COUNT_MEANS,
    BOTH,
    "count",
    _grid((BILLION, TRILLIONTH, 0.3), _SPREADS, FEW_AND_MANY),
    (-0.7,),
)
_POSITIVE = FamilyRow(
    MEANS,
    BOTH,
    "positive",
    _grid((20.0, TRILLIONTH, 0.3), (-40.0, -20.0, -3.0, 4.0), TINY_TO_HUGE),
    (-0.9,),
)
_CUTS = (-1.1, 0.2, 1.4)
_CATEGORIES = FamilyRow(
    (0.3,),
    (_CUTS,),
    "category",
    (
        Edge((40.0, *_CUTS), (0.0, 1.0, 3.0)),
        Edge((-40.0, *_CUTS), (0.0, 1.0, 3.0)),
        Edge((0.0, -1.0, -1.0 + 1e-9, 30.0), (0.0, 1.0, 2.0, 3.0)),
    ),
)

ROWS: dict[str, FamilyRow] = {
    "gaussian": FamilyRow(
        MEANS,
        BOTH,
        "real",
        _grid((0.0, 1e6), (-60.0, 0.0, 60.0), (0.0, 1e-9, 3.0, 1e9)),
        (0.2,),
    ),
    "student": FamilyRow(
        MEANS,
        ((-2.0, 2.5), (0.3, 2.5)),
        "real",
        tuple(
            Edge((0.5, spread, shape), (0.5, 1.0, -40.0, 1e9))
            for spread in (-20.0, 20.0)
            for shape in (-30.0, -3.0, 3.0, 12.0, 40.0)
        ),
        (-0.3, 1.2),
    ),
    "skew_normal": FamilyRow(
        MEANS,
        ((-2.0, -2.5), (0.3, -2.5)),
        "real",
        tuple(
            Edge((0.5, spread, shape), (0.5, 1.0, -4.0, 40.0))
            for spread in (-20.0, 20.0)
            for shape in (-1e3, -3.0, 1e-8, 0.0, 1e6)
        ),
        (0.0, 4.0),
    ),
    "binomial": FamilyRow(
        SHARES,
        ((),),
        "successes",
        (
            *(Edge((m,), (0.0, 1.0, 7.0), 7.0) for m in (TRILLIONTH, 27.6, 100.0)),
            Edge((0.3,), (0.0, 1.0, 5e8, 1e9), 1e9),
            Edge((-BILLION,), (0.0, 1.0, 5.0), 1e9),
        ),
    ),
    "poisson": FamilyRow(
        COUNT_MEANS,
        ((),),
        "count",
        tuple(Edge((m,), FEW_AND_MANY) for m in (BILLION, TRILLIONTH, 0.3, 300.0, -300.0)),
    ),
    "negative_binomial_1": _NEGATIVE_BINOMIAL,
    "negative_binomial_2": _NEGATIVE_BINOMIAL,
    "generalized_poisson": FamilyRow(
        COUNT_MEANS,
        ((0.3,), (1.5,)),  # below zero the formula is no distribution
        "count",
        (
            *_grid((BILLION, TRILLIONTH, 0.3), (1e-9, 0.5, 20.0), FEW_AND_MANY),
            *_grid((0.3, 3.0), (-0.1,), (0.0, 1.0, 3.0, 7.0)),
        ),
        (0.7,),
    ),
    "conway_maxwell_poisson": FamilyRow(
        (2.0,),
        ((-1.0,), (0.8,)),
        "count",
        _grid((TRILLIONTH, 0.3, 2.5), (-3.0, 0.0, 1.7), (0.0, 1.0, 4.0, 30.0)),
        (-0.7,),
    ),
    "gamma": _POSITIVE,
    "inverse_gaussian": _POSITIVE,
    "lognormal": _POSITIVE,
    "exponential": FamilyRow(
        MEANS, ((),), "positive", tuple(Edge((m,), TINY_TO_HUGE) for m in (20.0, TRILLIONTH, 0.3))
    ),
    "weibull": replace(
        _POSITIVE,
        edges=(
            *_grid((20.0, 0.3), (-2.0, 0.5, 4.0), TINY_TO_HUGE),
            *_grid((0.3,), (-5.0, -3.0), (1e-3, 0.7, 1.4)),
        ),
    ),
    "beta": FamilyRow(
        SHARES,
        # beyond these much of the mass is nearer to 1 than a number can be
        ((-2.5,), (-1.5,)),
        "share",
        _grid((TRILLIONTH, -3.0, 2.0, 27.6), (-25.0, -3.0, 0.5, 20.0), NEAR_THE_ENDS),
    ),
    "beta_binomial": FamilyRow(
        SHARES,
        ((-2.5,), (-1.5,)),
        "successes",
        (
            *_grid((TRILLIONTH, 2.0, 60.0), (-40.0, -25.0, -3.0, 20.0), (0.0, 1.0, 7.0), 7.0),
            *_grid((0.3, -BILLION), (-40.0, -3.0, 0.5), (0.0, 1.0, 5e8, 1e9), 1e9),
        ),
    ),
    "tweedie": FamilyRow(
        MEANS,
        ((-0.5, -0.4), (0.3, 0.6)),
        "zero or positive",
        tuple(
            Edge((m, spread, shape), responses)
            for m in (-12.0, 0.3, 9.0)
            for spread, responses in ((-2.0, (0.0, 1e-6, 1.3)), (5.0, (0.0, 1e-6, 1.3, 1e3)))
            for shape in (-4.0, 0.0, 3.0)
        ),
        (0.2, 0.0),
    ),
    "ordered_beta": FamilyRow(
        (0.2, 0.7),
        ((-2.5, -1.0, 0.8), (-1.5, -1.0, 0.8)),
        "share with ends",
        tuple(
            Edge((m, spread, -1.5, 1.8), (0.0, *NEAR_THE_ENDS, 1.0))
            for m in (TRILLIONTH, 2.0, 27.6)
            for spread in (-25.0, 20.0)
        ),
    ),
    "multinomial": FamilyRow(
        (0.3,),
        ((-0.5, 1.2),),
        "category",
        (
            Edge((40.0, -0.5, 1.2), (0.0, 1.0, 3.0)),
            Edge((-700.0, 30.0, 30.0), (0.0, 1.0, 3.0)),
        ),
        (-0.5, 0.4),
    ),
    "cumulative": _CATEGORIES,
    "adjacent_category": _CATEGORIES,
    "continuation_ratio": _CATEGORIES,
}
"""By the names of the registry."""


def row_of(name: str) -> FamilyRow:
    """Row of a family of the registry."""
    if name not in ROWS:
        raise AssertionError(
            f"family {name!r} has no row in tests/families.py: add to ROWS its ordinary means and "
            "other predictors, what a response may be, the edges where its formulas could fail, "
            "and the predictors that data are simulated with"
        )
    return ROWS[name]


def family_of(name: str, link: str | None = None) -> AbstractFamily:
    """Family of the registry, with four categories where it has categories."""
    made: Any = make_family(name, link)
    return made.with_levels(LEVELS) if made.categorical else made


@dataclass(frozen=True)
class Case:
    """A family with a link, as it is or wrapped, at its ordinary points."""

    family: AbstractFamily

    @property
    def label(self) -> str:
        """Name of the family and the link."""
        return f"{self.family.name}:{self.family.link.name}"

    @property
    def inner(self) -> AbstractFamily:
        """Family of the registry that is wrapped."""
        found: Any = self.family
        while isinstance(found, (ZeroInflated, Truncated, Censored)):
            found = found.base
        return found

    @property
    def usual(self) -> bool:
        """Whether the link is the usual one."""
        return self.family.link == type(self.inner)().link

    @property
    def is_censored(self) -> bool:
        """Whether responses may be censored."""
        return isinstance(self.family, Censored)

    @property
    def row(self) -> FamilyRow:
        """Row of that family."""
        return row_of(self.inner.name)

    @property
    def points(self) -> list[list[float]]:
        """Linear predictors to try."""
        excess = [EXCESS] if "zero_inflation" in self.family.parameters else []
        firsts = self.row.means
        if not self.family.categorical:
            firsts = tuple(float(self.family.link.link(np.array(mu))) for mu in firsts)
        return [[first, *rest, *excess] for first in firsts for rest in self.row.others]

    @property
    def ends(self) -> list[list[float]]:
        """All points of a family of the registry with its usual link; of others two."""
        whole = self.family is self.inner and self.usual
        return self.points if whole else self.points[:: max(len(self.points) - 1, 1)]

    @property
    def responses(self) -> list[tuple[float, float | None]]:
        """Responses to try, with numbers of trials, or with other ends."""
        if isinstance(self.family, Censored):
            low, middle, high = self.row.tried
            open_ends = [(middle, np.inf), (high, np.inf), (low, -np.inf)]
            return [(middle, middle), *open_ends, (low, middle)]
        zero = self.row.response not in ("positive", "share") or "zero_inflation" in (
            self.family.parameters
        )
        tried = [y for y in self.row.tried if y != 0.0]
        if zero and self.family.has_zero:
            tried.insert(0, 0.0)
        return [(y, TRIALS if self.family.takes_trials else None) for y in tried]

    def trials(self, n: int) -> np.ndarray | None:
        """Numbers of trials of n rows."""
        return np.full(n, TRIALS) if self.family.takes_trials else None

    def eta(self, point: list[float], n: int) -> list[np.ndarray]:
        """Linear predictors of n rows."""
        return [np.full(n, e) for e in point]


def plain(categorical: bool = False) -> list[Case]:
    """Every family with each of its links."""
    return [
        Case(family_of(name, with_exponent(link)))
        for name, kind in FAMILIES.items()
        if categorical or not kind.categorical
        for link in kind.links
    ]


def wrapped() -> list[Case]:
    """Every wrapper around everything that it takes: zero inflation with all links."""
    inflated = [
        Case(ZeroInflated(case.family))
        for case in plain()
        if case.family.discrete or 0.0 in case.family.atoms
    ]
    usual = [make_family(name) for name, kind in FAMILIES.items() if not kind.categorical]
    truncated = [Truncated(one) for one in usual if one.discrete and not one.takes_trials]
    hurdles = [hurdle(one) for one in (*truncated, *usual) if not one.has_zero]
    return [*inflated, *(Case(one) for one in (*truncated, *hurdles))]


def censored() -> list[Case]:
    """Every family whose responses may be censored."""
    usual = [make_family(name) for name, kind in FAMILIES.items() if not kind.categorical]
    return [Case(Censored(one)) for one in usual if can_be_censored(one)]


def cases() -> list[Case]:
    """All families with a mean, wrapped or not, that are not censored."""
    return plain() + wrapped()
