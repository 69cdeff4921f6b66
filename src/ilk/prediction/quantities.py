r"""What is asked of a response: its mean, or, of a category, probabilities and mean scores.

A category has no mean, but everything that is asked of means can be asked of the probability
:math:`P(Y = k)`, of :math:`P(Y \le k)` and :math:`P(Y \ge k)` where categories are ordered, and of
the mean :math:`\sum_k s_k P(Y = k)` of scores.  Each is the mean of another family
(`ilk.family.scored`) with the same parameters, so that a question of a fit is asked by looking at
the same fit with that family.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.errors import ModelError
from ilk.family.beyond import Beyond
from ilk.family.categorical import AbstractCategorical
from ilk.family.censored import Censored, can_be_censored
from ilk.family.scored import Scored
from ilk.prediction.levels import check_choice

if TYPE_CHECKING:
    from ilk.family.base import AbstractFamily
    from ilk.fitted import Fitted
    from ilk.frame import Label

__all__ = [
    "Of",
    "Quantity",
    "by_codes",
    "check_interval",
    "exceedance",
    "quantities",
    "quantity_column",
    "with_family",
]

Kind: TypeAlias = Literal["category", "at_most", "at_least", "score"]
"""What is asked of a category: P(Y = k), P(Y <= k), P(Y >= k) for each k, or the mean score."""

Of: TypeAlias = Kind | Mapping[str, Any]
"""The same, or ``{"beyond": c}`` of a number: P(Y > c) for one or several c."""

CATEGORY = "category"
"""Column of the categories in a table."""

BEYOND = "beyond"
"""Column of the numbers that responses may be beyond."""

_SAID = {
    "category": "probability of each category of {}",
    "at_most": "probability of {} up to each category",
    "at_least": "probability of {} from each category up",
    "score": "mean score of {}",
}
"""What the numbers are, several of them together."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One thing that is asked of a response.

    Parameters
    ----------
    label : Label or None
        The category k, or the number c, that it is about; None if it is about all of the response.
    fitted : Fitted
        The fit, with a family whose mean it is.
    """

    label: Label | None
    fitted: Fitted


def quantities(
    fitted: Fitted,
    of: Of | None = None,
    scores: Mapping[Any, float] | Sequence[float] | None = None,
    *,
    linear: bool = False,
) -> tuple[Quantity, ...]:
    """Say what is asked of the response of a fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    of : {"category", "at_most", "at_least", "score"} or mapping, optional
        For categories; by default the probability of each, or the mean score if there are scores.
        Of a number ``{"beyond": c}``.
    scores : mapping or sequence of J numbers, optional
        Score of each category.
    linear : bool
        Whether the linear predictor is asked about, which has no categories.

    Returns
    -------
    tuple of Quantity
        One with the fit itself, if its response has a mean.

    Raises
    ------
    ModelError
        The response is no category, or has no order, or no scores.
    """
    family = fitted.family
    asked = of is not None or scores is not None
    if not isinstance(family, AbstractCategorical):
        if isinstance(of, Mapping) and scores is None and not linear:
            return _beyond(fitted, of)
        if asked:
            raise ModelError(
                f"{'of' if of is not None else 'scores'}= is for responses that are categories, "
                f"and those of family {family.name!r} are numbers with a mean; leave it out.",
                code="of",
            )
        return (Quantity(None, fitted),)
    if linear:
        _check_linear(family, asked)
        return (Quantity(None, fitted),)
    kind: Any = of or ("category" if scores is None else "score")
    check_choice("of", kind, Kind)
    if scores is not None and kind != "score":
        raise ModelError(
            f"of={kind!r} is about probabilities, which need no scores; leave out one of them.",
            code="of",
        )
    if kind in ("at_most", "at_least"):
        _check_ordered(family, f"of={kind!r} adds up categories in their order")
    if kind == "score":
        numbers = _checked_scores(family, scores)
        return (Quantity(None, with_family(fitted, Scored(family, numbers))),)
    return tuple(_single(fitted, family, kind))


def check_interval(fitted: Fitted, interval: str | None, of: Of | None) -> None:
    """Refuse intervals that probabilities do not have.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    interval : str or None
        Kind of interval that is asked for.
    of : str or mapping, optional
        What is asked of the response.
    """
    if interval in ("cluster", "prediction") and (fitted.family.categorical or of is not None):
        raise ModelError(
            f"interval={interval!r} is for means; of probabilities there are "
            "confidence intervals, interval='confidence'.",
            code="interval",
        )


def quantity_column(part: Quantity, taken: Collection[str]) -> str:
    """Name of the column of the categories (or numbers), beside columns of the data.

    Parameters
    ----------
    part : Quantity
        One of them.
    taken : collection of str
        Names of columns of the data.
    """
    name = BEYOND if isinstance(part.fitted.family, Beyond) else CATEGORY
    return name if name not in taken else f"{name} (response)"


def by_codes(fitted: Fitted) -> Fitted:
    """Look at ordered categories as at their numbers 0, 1, ..., for residuals and checks.

    Parameters
    ----------
    fitted : Fitted
        The fit; one whose response is a number is given back.

    Raises
    ------
    ModelError
        The categories have no order.
    """
    family = fitted.family
    if not isinstance(family, AbstractCategorical):
        return fitted
    _check_ordered(family, "Residuals say how much more or less a response is than expected")
    codes = tuple(float(j) for j in range(family.categories))
    return with_family(fitted, Scored(family, codes, "mean category of {} (numbered from 0)"))


def exceedance(fitted: Fitted, category: Any = None) -> Fitted:
    """Look at a fit as at one of the event of a category or a higher one.

    Parameters
    ----------
    fitted : Fitted
        The fit; one whose response is a number is given back.
    category : Label, optional
        The category; by default the one at which the events and the others are most nearly even.

    Raises
    ------
    ModelError
        The category is none of them or the lowest, or there is no order.
    """
    family = fitted.family
    if not isinstance(family, AbstractCategorical):
        if category is not None:
            raise ModelError(
                f"category= is for responses that are categories, and those of family "
                f"{family.name!r} are numbers; leave it out.",
                code="category",
            )
        return fitted
    _check_ordered(family, "Levels are compared by the probability of a category or a higher one")
    found = {q.label: q.fitted for q in _single(fitted, family, "at_least")}
    if category is None:
        y, weights = fitted.design.response.y, fitted.design.frequency_weights
        shares = [np.average(_scored(one).values(y), weights=weights) for one in found.values()]
        category = list(found)[int(np.argmin(np.abs(np.array(shares) - 0.5)))]
    if category not in found:
        known = ", ".join(repr(label) for label in found)
        raise ModelError(
            f"category={category!r:.60}: give the category that counts with all higher ones, one "
            f"of {known}.",
            code="category",
        )
    said = f"probability of {{}} = {category!r} or higher"
    return with_family(fitted, replace(_scored(found[category]), said=said))


def _scored(fitted: Fitted) -> Scored:
    assert isinstance(fitted.family, Scored)
    return fitted.family


def _check_ordered(family: AbstractCategorical, what: str) -> None:
    if not family.ordered:
        raise ModelError(
            f"{what}, and the categories of family {family.name!r} have no order; "
            "predict(of='category') and standardize() give the probability of each.",
            code="unordered",
        )


def with_family(fitted: Fitted, family: AbstractFamily) -> Fitted:
    """Look at a fit with another family of the same parameters and likelihood.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    family : AbstractFamily
        Another mean of the same linear predictors.
    """
    if family == fitted.family:
        return fitted
    return replace(fitted, model=replace(fitted.model, family=family))


def _beyond(fitted: Fitted, of: Mapping[str, Any]) -> tuple[Quantity, ...]:
    """Probabilities of more than some numbers."""
    given = of.get(BEYOND)
    listed = [given] if np.ndim(given) == 0 else list(given)  # type: ignore[arg-type]
    numbers = [x for x in listed if isinstance(x, (int, float, np.number)) and np.isfinite(x)]
    if set(of) != {BEYOND} or not listed or len(numbers) < len(listed):
        raise ModelError(
            f"of={dict(of)!r:.80}: give numbers that the response may be beyond, as in "
            "of={'beyond': 30}.",
            code="of",
        )
    family = fitted.family
    inner = family.base if isinstance(family, Censored) else family
    if fitted.model.linear or not can_be_censored(inner):
        raise ModelError(
            f"Family {family.name!r} does not give the probability of more than a number here; "
            "lognormal, weibull and exponential do, and gaussian if the response is censored(...).",
            code="beyond",
        )
    known = tuple(dict.fromkeys(float(x) if x != int(x) else int(x) for x in numbers))
    said = "probability of {} beyond " + (f"{known[0]:g}" if len(known) == 1 else "each number")
    return tuple(
        Quantity(c if len(known) > 1 else None, with_family(fitted, Beyond(family, float(c), said)))
        for c in known
    )


def _single(fitted: Fitted, family: AbstractCategorical, kind: Kind) -> list[Quantity]:
    """Probabilities, one of each category that has one which is not trivial."""
    J = family.categories
    marks = np.eye(J)
    places = range(J)
    if kind == "at_most":
        marks, places = np.tril(np.ones((J, J))), range(J - 1)
    elif kind == "at_least":
        marks, places = np.triu(np.ones((J, J))), range(1, J)
    return [
        Quantity(
            family.levels[j],
            with_family(fitted, Scored(family, tuple(map(float, marks[j])), _SAID[kind])),
        )
        for j in places
    ]


def _check_linear(family: AbstractCategorical, asked: bool) -> None:
    if asked:
        raise ModelError(
            "of= and scores= are about probabilities, and scale='link' about the linear predictor "
            "that all categories share; leave out one of them.",
            code="of",
        )
    if not family.ordered:
        raise ModelError(
            f"Family {family.name!r} has a linear predictor of each category and none that they "
            "share: leave out scale='link', which gives probabilities.",
            code="scale",
        )


def _checked_scores(family: AbstractCategorical, scores: Any) -> tuple[float, ...]:
    """Score of each category."""
    shown = ", ".join(map(repr, family.levels[:8])) + (", ..." if family.categories > 8 else "")
    given = scores
    if given is None:
        given = family.levels
        if not all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in given):
            raise ModelError(
                f"The categories {shown} are no numbers: give scores=, a number for each.",
                code="scores",
            )
    if isinstance(given, Mapping):
        if set(given) != set(family.levels):
            raise ModelError(f"scores= needs one number for each of {shown}.", code="scores")
        given = [given[level] for level in family.levels]
    try:
        numbers = tuple(float(x) for x in given)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != family.categories or not np.all(np.isfinite(numbers)):
        raise ModelError(
            f"scores={scores!r:.80}: give {family.categories} finite numbers, one for each of "
            f"{shown}.",
            code="scores",
        )
    if len(set(numbers)) == 1:
        raise ModelError("scores= are all the same, and so is their mean.", code="scores")
    return numbers
