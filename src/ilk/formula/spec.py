"""What a formula says, in words that know no data: response, terms, random terms, offsets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ilk.covariance import AbstractCovariance
from ilk.formula.language import Expression, Name, column_names
from ilk.formula.membership import Membership
from ilk.frame import Label

MEAN = "mean"
"""Name of the predictor of the response's mean."""

OLRE = "olre()"
"""Name of the grouping in which every row is a level of its own."""

Censoring: TypeAlias = Literal["right", "left", "interval"]
"""What the second part of a censored response says."""

Functions: TypeAlias = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a term: a column, or an expression of columns.

    Parameters
    ----------
    text : str
        Normal form; it names the columns of the design.
    expression : Expression
        What it means.
    """

    text: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Term:
    """A product of factors; without factors it is the intercept.

    Parameters
    ----------
    factors : tuple of Factor
        In the order of the formula.
    """

    factors: tuple[Factor, ...] = ()

    @property
    def text(self) -> str:
        """The term as a formula shows it."""
        return ":".join(factor.text for factor in self.factors) or "1"


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum of terms, by degree as formulaic orders them.

    Parameters
    ----------
    terms : tuple of Term
        The intercept first, if there is one.
    factors : tuple of Factor
        The different factors.
    """

    terms: tuple[Term, ...]
    factors: tuple[Factor, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found = dict.fromkeys(factor for term in self.terms for factor in term.factors)
        object.__setattr__(self, "factors", tuple(found))

    @property
    def has_intercept(self) -> bool:
        """Whether the intercept is among the terms."""
        return Term() in self.terms

    @property
    def text(self) -> str:
        """The sum as a formula shows it, the intercept explicit."""
        texts = [term.text for term in self.terms]
        return " + ".join(texts if self.has_intercept else ["0", *texts])


@dataclass(frozen=True, slots=True)
class RandomSpec:
    """A random term ``(expression | grouping)``.

    Parameters
    ----------
    effects : Sum
        Left of the bar.
    grouping : tuple of str
        Columns whose combinations are the levels; ``(OLRE,)`` for one level per row; the name of a
        multiple membership.
    structure : str
        Name of the covariance structure.
    label : str
        The term as summaries show it.
    name : str or None
        Name between the bars, as in ``(1 |p| g)``: terms of one name are correlated.
    settings : tuple of (str, float)
        Numbers that the structure takes, as in ``rr(0 + species | site, d=2)``.
    by : tuple of str
        Columns whose combinations have covariance parameters of their own, ``(1 | g, by=sex)``.
    cell : tuple
        Labels of these columns, once the data have given them: the term is that of one combination.
    own : AbstractCovariance or None
        A structure of the user's own.
    membership : Membership or None
        What ``mm(...)`` says, where rows belong to several levels each.
    """

    effects: Sum
    grouping: tuple[str, ...]
    structure: str
    label: str
    name: str | None = None
    settings: tuple[tuple[str, float], ...] = ()
    by: tuple[str, ...] = ()
    cell: tuple[Label, ...] = ()
    own: AbstractCovariance | None = None
    membership: Membership | None = None

    @property
    def said(self) -> str:
        """What stands after the grouping."""
        words = [f", {name}={value:g}" for name, value in self.settings]
        if self.cell:
            words += [f", {name}={label}" for name, label in zip(self.by, self.cell, strict=True)]
        elif self.by:
            words.append(f", by={':'.join(self.by)}")
        return "".join(words)

    @property
    def bar(self) -> str:
        """What stands between effects and grouping: one bar, or two around the name."""
        return "|" if self.name is None else f"|{self.name}|"


@dataclass(frozen=True, slots=True)
class PredictorSpec:
    """The right side of one predictor.

    Parameters
    ----------
    name : str
        ``"mean"``, ``"dispersion"`` or ``"zero_inflation"``.
    text : str
        The formula as given.
    fixed : Sum
        Fixed part.
    random : tuple of RandomSpec
        Random terms, nested ones expanded.
    offsets : tuple of Factor
        Known terms with coefficient one.
    """

    name: str
    text: str
    fixed: Sum
    random: tuple[RandomSpec, ...] = ()
    offsets: tuple[Factor, ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseSpec:
    """The left side.

    Parameters
    ----------
    kind : str
        ``"value"``; ``"pair"`` for ``cbind(successes, failures)``; ``"ratio"`` for
        ``successes / trials``; ``"censored"`` for ``censored(...)``.
    parts : tuple of Factor
        One, or two.
    text : str
        The left side as given.
    censoring : {"right", "left", "interval"}
        Of ``censored(...)``: what a status of 0 means, or that the second part is the upper end.
    """

    kind: Literal["value", "pair", "ratio", "censored"]
    parts: tuple[Factor, ...]
    text: str
    censoring: Censoring = "right"

    @property
    def counts(self) -> bool:
        """Whether the two parts are binomial counts."""
        return self.kind in ("pair", "ratio")


@dataclass(frozen=True, slots=True)
class FormulaSpec:
    """All that the formulas of a model say.

    Parameters
    ----------
    text : str
        Formula of the mean, as given.
    response : ResponseSpec
        Left side.
    predictors : tuple of PredictorSpec
        The mean first; others only if they have a formula.
    functions : mapping
        Functions of the caller's, by name.
    right_factors : tuple of Factor
        Factors of the right sides: fixed parts, random terms, offsets.
    memberships : tuple of Membership
        Those of the random terms.
    grouping_columns : tuple of str
        Columns of the other grouping factors.
    columns : tuple of str
        Columns that the formulas read: of the response, the right sides, the groupings.
    """

    text: str
    response: ResponseSpec
    predictors: tuple[PredictorSpec, ...]
    functions: Functions = field(default_factory=dict, compare=False)
    right_factors: tuple[Factor, ...] = field(init=False, repr=False, compare=False)
    memberships: tuple[Membership, ...] = field(init=False, repr=False, compare=False)
    grouping_columns: tuple[str, ...] = field(init=False, repr=False, compare=False)
    columns: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        right = _right_factors(self.predictors)
        groupings = _grouping_columns(self.predictors)
        factors = (*self.response.parts, *right)
        names = (name for factor in factors for name in column_names(factor.expression))
        object.__setattr__(self, "right_factors", right)
        object.__setattr__(self, "grouping_columns", groupings)
        found = (random.membership for part in self.predictors for random in part.random)
        several = tuple(dict.fromkeys(mm for mm in found if mm is not None))
        labels = (name for mm in several for name in (*mm.columns, *mm.weight_columns))
        object.__setattr__(self, "memberships", several)
        object.__setattr__(self, "columns", tuple(dict.fromkeys((*names, *groupings, *labels))))

    @property
    def structures(self) -> dict[str, AbstractCovariance]:
        """Covariance structures of the user's own, by name."""
        return {
            random.structure: random.own
            for part in self.predictors
            for random in part.random
            if random.own is not None
        }

    def predictor(self, name: str) -> PredictorSpec | None:
        """Right side of a predictor; None if it has no formula.

        Parameters
        ----------
        name : str
            Name of the predictor.

        Returns
        -------
        PredictorSpec or None
        """
        return next((part for part in self.predictors if part.name == name), None)


def _right_factors(predictors: tuple[PredictorSpec, ...]) -> tuple[Factor, ...]:
    found: dict[Factor, None] = {}
    for predictor in predictors:
        found.update(dict.fromkeys((*predictor.fixed.factors, *predictor.offsets)))
        for random in predictor.random:
            found.update(dict.fromkeys(random.effects.factors))
            found.update(dict.fromkeys(Factor(name, Name(name)) for name in random.by))
    return tuple(found)


def _grouping_columns(predictors: tuple[PredictorSpec, ...]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            name
            for predictor in predictors
            for random in predictor.random
            for name in random.grouping
            if name != OLRE and random.membership is None
        )
    )
