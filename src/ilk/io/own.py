"""Families and links of the user's own, which a file names but cannot hold.

A file holds no code and names no module to import, so that reading one can run nothing.  What is
the user's own has to be given again; name, parameters and link must be those that the file states,
and the likelihood that is computed anew shows whether the functions are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from ilk.errors import DataError, ModelError
from ilk.family.base import AbstractFamily
from ilk.family.link import AbstractLink, is_registered
from ilk.family.registry import FAMILIES, WRAPPERS

__all__ = ["NOTHING", "Own", "check_own", "is_own", "own_of"]


@final
@dataclass(frozen=True, slots=True)
class Own:
    """What is given again when a file is read.

    Attributes
    ----------
    family : AbstractFamily or None
        The family of the fit, or the one that it is made of.
    link : AbstractLink or None
        The link of the fit.
    """

    family: AbstractFamily | None = None
    link: AbstractLink | None = None

    @property
    def given(self) -> bool:
        """Whether anything is."""
        return self.family is not None or self.link is not None

    def find_family(self, name: Any, parameters: Any, link: Any) -> AbstractFamily:
        """The family of this description.

        Raises
        ------
        DataError
            It is not given, or the one that is given is another.
        """
        for family in self._families():
            if (family.name, family.parameters, family.link.name) == (name, parameters, link):
                return family
        if self.family is None:
            raise DataError(
                f"The family {name!s:.60} of the fit is your own, which a file cannot hold; "
                "give it again: ilk.load(path, family=...).",
                code="own-family",
            )
        other = self.family
        raise DataError(
            f"The fit has a family {name!s:.60} of your own with parameters "
            f"{_listed(parameters)} and link {link!s:.60}, but family= is {other.name!r} with "
            f"{_listed(other.parameters)} and link {other.link.name!r}.",
            code="own-family",
        )

    def find_link(self, name: Any) -> AbstractLink:
        """The link of this name.

        Raises
        ------
        DataError
            It is not given.
        """
        links = [self.link, *(family.link for family in self._families())]
        for link in links:
            if link is not None and link.name == name and not is_registered(link):
                return link
        raise DataError(
            f"The link {name!s:.60} of the fit is your own, which a file cannot hold; give it "
            "again: ilk.load(path, link=...).",
            code="own-link",
        )

    def _families(self) -> list[AbstractFamily]:
        """The family, and those that it is made of."""
        found: list[AbstractFamily] = []
        family: Any = self.family
        while isinstance(family, AbstractFamily):
            found.append(family)
            family = getattr(family, "base", None)
        return found


NOTHING = Own()


def is_own(family: AbstractFamily) -> bool:
    """Whether a family is not one of the package's."""
    return type(family) not in (*FAMILIES.values(), *WRAPPERS.values())


def own_of(family: AbstractFamily) -> Own:
    """What has to be given again with a fit of a family."""
    inner: Any = family
    while isinstance(inner, AbstractFamily):
        if is_own(inner) or not is_registered(inner.link):
            return Own(family)
        inner = getattr(inner, "base", None)
    return NOTHING


def check_own(family: Any, link: Any) -> Own:
    """Check what a user gives again."""
    if family is not None and not isinstance(family, AbstractFamily):
        raise ModelError(
            f"family={family!r:.60} is no family; give the object that the fit was made with.",
            code="own-family",
        )
    if link is not None and not isinstance(link, AbstractLink):
        raise ModelError(
            f"link={link!r:.60} is no link; give the object that the fit was made with.",
            code="own-link",
        )
    return Own(family, link)


def _listed(parameters: Any) -> str:
    return ", ".join(map(str, parameters)) if isinstance(parameters, tuple) else "none"
