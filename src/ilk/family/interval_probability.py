r"""Logarithm of the probability that a latent variable falls between two thresholds.

With the distribution function F, the inverse of a link, it is :math:`\log(F(b) - F(a))` for
:math:`a < b`.  The difference of two numbers near each other, or near one, is never formed:

.. math:: \text{logit:}\quad \log F(b) + \log(1 - F(a)) + \log(1 - e^{a - b}), \qquad
   \text{cloglog:}\quad -e^a + \log\bigl(1 - \exp(-e^{b + \log(1 - e^{a - b})})\bigr),

and for other links :math:`\log F(b) + \log(1 - F(a)/F(b))` in the lower half, and the same of the
complements in the upper half.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ilk.family.link import AbstractLink, is_registered
from ilk.num import jets
from ilk.num.jets import Jet, NumberT

__all__ = ["log_interval"]


def log_interval(link: AbstractLink, lower: NumberT, upper: NumberT) -> NumberT:
    """Logarithm of F(upper) - F(lower).

    Parameters
    ----------
    link : AbstractLink
        Link whose inverse is F.
    lower, upper : jets, or ndarrays (n,)
        Ends of the interval.

    Returns
    -------
    jet or ndarray (n,)
        Minus infinity where the ends are equal or have crossed.

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.family.link import Logit
    >>> np.exp(log_interval(Logit(), np.array([-1.0]), np.array([1.0]))).round(6)
    array([0.462117])
    """
    gap = upper - lower
    ordered = jets.value(gap) > 0.0
    exact = _EXACT.get(link.name) if is_registered(link) else None
    with np.errstate(all="ignore"):
        if exact is not None:
            found: NumberT = exact(link, lower, upper, gap)
        else:
            found = _by_halves(link, lower, upper)
        impossible: NumberT = _impossible(found)
        return jets.where(ordered, found, impossible)


def _logit(link: AbstractLink, lower: Any, upper: Any, gap: Any) -> Any:
    return link.log_inverse(upper) + link.log_complement(lower) + jets.log1mexp(gap)


def _cloglog(link: AbstractLink, lower: Any, upper: Any, gap: Any) -> Any:
    return jets.log_cloglog(upper + jets.log1mexp(gap)) - jets.exp(lower)


_EXACT: dict[str, Callable[[AbstractLink, Any, Any, Any], Any]] = {
    "logit": _logit,
    "cloglog": _cloglog,
}


def _by_halves(link: AbstractLink, lower: Any, upper: Any) -> Any:
    below, top = link.log_inverse(lower), link.log_inverse(upper)
    left = top + jets.log1mexp(top - below)
    above, rest = link.log_complement(lower), link.log_complement(upper)
    right = above + jets.log1mexp(above - rest)
    middle = 0.5 * (jets.value(lower) + jets.value(upper))
    return jets.where(link.inverse(middle) < 0.5, left, right)


def _impossible(like: Any) -> Any:
    if not isinstance(like, Jet):
        return np.full_like(like, -np.inf)
    first, second, third = (np.zeros_like(x) for x in (like.first, like.second, like.third))
    return Jet(np.full_like(like.value, -np.inf), first, second, third, like.order)
