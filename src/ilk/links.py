r"""Links of the mean, as objects to pass to ``link=`` or to a family.

Their names as text, ``link="cauchit"`` or ``link="power(1/3)"``, do the same.  A link of one's
own is made of two functions by `custom`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ilk.errors import ModelError
from ilk.family.link import LINKS, AbstractLink, AbstractPlainLink, Interval, Power, find_link
from ilk.family.link_custom import CustomLink, Function, make_custom

__all__ = ["LINKS", "AbstractLink", "AbstractPlainLink", "Interval", "custom", "find_link", "power"]


def power(exponent: float) -> Power:
    """Power of the mean, with positive linear predictors.

    Parameters
    ----------
    exponent : float
        Exponent, not zero.

    Returns
    -------
    AbstractLink
        The link.

    Examples
    --------
    >>> import ilk
    >>> ilk.families.gamma(ilk.links.power(-0.5)).link.name
    'power(-0.5)'
    """
    return Power(float(exponent))


def custom(
    link: Function,
    inverse: Function,
    *,
    derivatives: Sequence[Function] | None = None,
    range: tuple[float, float] | Interval = (0.0, 1.0),
    name: str = "custom",
) -> CustomLink:
    """Make a link of two functions of arrays.

    Seven means of the range are tried: the functions must undo each other and be monotone, and
    derivatives must be those that differences say.

    Parameters
    ----------
    link : callable
        Takes means (n,) and gives linear predictors (n,).
    inverse : callable
        Takes linear predictors (n,) and gives means (n,).
    derivatives : sequence of three callables, optional
        First, second and third derivative of the inverse.  Without them an inverse written with
        the functions of `ilk.num.jets` is differentiated exactly, any other by differences.
    range : (low, high) or Interval
        Means that the link takes, ends excluded.
    name : str
        Name for summaries.

    Returns
    -------
    AbstractLink
        The link; families take it as their own.

    Raises
    ------
    ModelError
        Says which of the conditions fails, and where.

    Examples
    --------
    The log of the odds of a test that 5 percent pass by guessing:

    >>> import ilk, numpy as np
    >>> guess = ilk.links.custom(
    ...     lambda mu: np.log((mu - 0.05) / (1.0 - mu)),
    ...     lambda eta: 0.05 + 0.95 / (1.0 + np.exp(-eta)),
    ...     range=(0.05, 1.0),
    ...     name="guess",
    ... )
    >>> ilk.families.binomial(guess).mean([np.array([0.0])])
    array([0.525])
    """
    if not isinstance(name, str) or name in LINKS:  # type: ignore[redundant-expr]
        raise ModelError(
            f"name={name!r:.40} is no name for a link of your own; take another text.", code="link"
        )
    if not all(map(callable, (link, inverse))):
        raise ModelError("A link is made of two functions, link and inverse.", code="link")
    try:
        if isinstance(range, Interval):
            interval = range
        else:
            low, high = range
            interval = Interval(float(low), float(high))
    except (TypeError, ValueError):
        interval = Interval(0.0, 0.0)
    if not interval.low < interval.high:
        raise ModelError(
            f"range={range!r} is not a range of means; give two numbers (low, high).", code="link"
        )
    return make_custom(name, interval, link, inverse, derivatives)
