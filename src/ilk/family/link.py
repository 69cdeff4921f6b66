"""Links by the names that users write."""

from __future__ import annotations

import re

from ilk.errors import ModelError, did_you_mean
from ilk.family.link_base import POSITIVE, REAL, UNIT, AbstractLink, AbstractPlainLink, Interval
from ilk.family.link_real import Identity, Inverse, InverseSquared, Log, Power, Softplus, Sqrt
from ilk.family.link_unit import Cauchit, Cloglog, Logit, Loglog, Probit

__all__ = [
    "LINKS",
    "POSITIVE",
    "REAL",
    "UNIT",
    "AbstractLink",
    "AbstractPlainLink",
    "Cauchit",
    "Cloglog",
    "Identity",
    "Interval",
    "Inverse",
    "InverseSquared",
    "Log",
    "Logit",
    "Loglog",
    "Power",
    "Probit",
    "Softplus",
    "Sqrt",
    "find_link",
    "is_registered",
    "link_kind",
]

LINKS: dict[str, type[AbstractLink]] = {
    kind.name: kind
    for kind in (
        Identity,
        Log,
        Logit,
        Probit,
        Cloglog,
        Loglog,
        Cauchit,
        Inverse,
        InverseSquared,
        Sqrt,
        Softplus,
    )
} | {"power": Power}
"""Links by the names that users write; that of a power comes with its exponent, ``power(0.5)``."""

_OTHER_NAMES = {"1/mu^2": "inverse_squared", "1/mu": "inverse", "cauchy": "cauchit"}
_POWER = re.compile(r"power\((?P<top>[^()/]+)(/(?P<bottom>[^()/]+))?\)")


def find_link(link: str | AbstractLink) -> AbstractLink:
    """Link by its name.

    Parameters
    ----------
    link : str or AbstractLink
        Name, with the exponent of a power, ``"power(0.5)"`` or ``"power(1/3)"``; or a link of
        one's own.

    Returns
    -------
    AbstractLink
        The link.

    Raises
    ------
    ModelError
        No link has this name.

    Examples
    --------
    >>> find_link("power(1/2)")
    Power(exponent=0.5)
    """
    if isinstance(link, AbstractLink):
        return link
    if link in LINKS and link != "power":
        return LINKS[link]()
    if str(link).startswith("power"):
        return _power(link)
    renamed = _OTHER_NAMES.get(link)
    hint = f" Did you mean {renamed!r}?" if renamed else did_you_mean(str(link), LINKS)
    raise ModelError(
        f"Unknown link {link!r}; there are {', '.join(LINKS)}.{hint}", code="unknown-link"
    )


def is_registered(link: AbstractLink) -> bool:
    """Whether a link is one of the package's own, not a user's of the same name."""
    return LINKS.get(link_kind(link)) is type(link)


def link_kind(link: AbstractLink) -> str:
    """Name of a link without its parameters.

    Parameters
    ----------
    link : AbstractLink
        The link.

    Examples
    --------
    >>> link_kind(Power(0.5)), link_kind(Log())
    ('power', 'log')
    """
    return "power" if isinstance(link, Power) else link.name


def _power(text: str) -> Power:
    found = _POWER.fullmatch(text.replace(" ", ""))
    try:
        if found is not None:
            return Power(float(found["top"]) / float(found["bottom"] or 1.0))
    except (ValueError, ZeroDivisionError):
        pass
    raise ModelError(
        f"The link {text!r} needs its exponent, such as 'power(0.5)' or 'power(1/3)'.",
        code="unknown-link",
    )
