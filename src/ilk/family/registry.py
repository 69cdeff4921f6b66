"""Families by the names that users write."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ilk.errors import ModelError, did_you_mean
from ilk.family.adjacent_category import AdjacentCategory
from ilk.family.base import AbstractFamily
from ilk.family.beta import Beta
from ilk.family.beta_binomial import BetaBinomial
from ilk.family.beyond import Beyond
from ilk.family.binomial import Binomial
from ilk.family.censored import Censored, can_be_censored
from ilk.family.continuation_ratio import ContinuationRatio
from ilk.family.conway_maxwell import ConwayMaxwellPoisson
from ilk.family.cumulative import Cumulative
from ilk.family.exponential import Exponential
from ilk.family.gamma import Gamma
from ilk.family.gaussian import Gaussian
from ilk.family.generalized_poisson import GeneralizedPoisson
from ilk.family.inflation import ZeroInflated, hurdle
from ilk.family.inverse_gaussian import InverseGaussian
from ilk.family.link import AbstractLink, find_link
from ilk.family.lognormal import Lognormal
from ilk.family.multinomial import Multinomial
from ilk.family.negative_binomial import NegativeBinomial1, NegativeBinomial2
from ilk.family.ordered_beta import OrderedBeta
from ilk.family.poisson import Poisson
from ilk.family.scored import Scored
from ilk.family.skew_normal import SkewNormal
from ilk.family.student import Student
from ilk.family.truncated import Truncated
from ilk.family.tweedie import Tweedie
from ilk.family.weibull import Weibull

__all__ = ["FAMILIES", "WRAPPERS", "is_taken", "make_censored", "make_family"]

FAMILIES: dict[str, type[AbstractFamily]] = {
    kind.name: kind
    for kind in (
        Gaussian,
        Student,
        SkewNormal,
        Binomial,
        Poisson,
        NegativeBinomial1,
        NegativeBinomial2,
        GeneralizedPoisson,
        ConwayMaxwellPoisson,
        Gamma,
        InverseGaussian,
        Lognormal,
        Exponential,
        Weibull,
        Tweedie,
        Beta,
        OrderedBeta,
        BetaBinomial,
        Cumulative,
        AdjacentCategory,
        ContinuationRatio,
        Multinomial,
    )
}
"""Families by name; the zero-inflated ones are made by wrapping."""

WRAPPERS: dict[str, type[AbstractFamily]] = {
    "zero_inflated": ZeroInflated,
    "truncated": Truncated,
    "censored": Censored,
    "scored": Scored,
    "beyond": Beyond,
}
"""Families that are made of another family."""

_PREFIXES: dict[str, Callable[[AbstractFamily], AbstractFamily]] = {
    "truncated_": Truncated,
    "hurdle_": hurdle,
}
"""How names of families around another family begin."""

_ELSEWHERE = {
    "p": "poisson",
    "pois": "poisson",
    "normal": "gaussian",
    "norm": "gaussian",
    "bernoulli": "binomial",
    "nbinom": "negative_binomial_2",
    "nbinom1": "negative_binomial_1",
    "nbinom2": "negative_binomial_2",
    "nb": "negative_binomial_2",
    "nb1": "negative_binomial_1",
    "nb2": "negative_binomial_2",
    "negbin": "negative_binomial_2",
    "negbinomial": "negative_binomial_2",
    "negativebinomial": "negative_binomial_2",
    "negative_binomial": "negative_binomial_2",
    "betabinomial": "beta_binomial",
    "beta_family": "beta",
    "betar": "beta",
    "ordbeta": "ordered_beta",
    "orderedbeta": "ordered_beta",
    "inversegaussian": "inverse_gaussian",
    "inverse.gaussian": "inverse_gaussian",
    "log_normal": "lognormal",
    "lnorm": "lognormal",
    "exp": "exponential",
    "genpois": "generalized_poisson",
    "compois": "conway_maxwell_poisson",
    "com_poisson": "conway_maxwell_poisson",
    "categorical": "multinomial",
    "multinom": "multinomial",
    "tw": "tweedie",
    "t": "student",
    "t_family": "student",
    "student_t": "student",
    "skewnormal": "skew_normal",
    "quasipoisson": "negative_binomial_1",
    "quasibinomial": "beta_binomial",
}
"""Names of the same distributions in other programs, and the nearest for those without density."""


def make_family(
    family: str | AbstractFamily,
    link: str | AbstractLink | None = None,
    *,
    zero_inflated: bool = False,
) -> AbstractFamily:
    """Family by its name, with a link and zero inflation where asked for.

    Parameters
    ----------
    family : str or AbstractFamily
        Name, or a family object (one of :mod:`ilk.families` or of the user's own).
    link : str or AbstractLink, optional
        Link of the mean; by default the family's usual one.
    zero_inflated : bool
        Whether the response has excess zeros, with a predictor of their own.

    Returns
    -------
    AbstractFamily
        The family.

    Raises
    ------
    ModelError
        The family or the link is unknown, or they do not go together.
    """
    made = _lookup(family)
    if link is not None:
        made = _with_link(made, find_link(link))
    if zero_inflated and not isinstance(made, ZeroInflated):
        made = ZeroInflated(made)
    return made


def make_censored(family: AbstractFamily) -> Censored:
    """Family of responses that may be censored.

    Parameters
    ----------
    family : AbstractFamily
        Family before censoring.

    Raises
    ------
    ModelError
        The family does not say how probable censored responses are; names those that do.
    """
    if isinstance(family, Censored):
        return family
    if not can_be_censored(family):
        able = [name for name, kind in FAMILIES.items() if can_be_censored(kind())]
        raise ModelError(
            f"Responses of family {family.name!r} cannot be censored in this version; those of "
            f"{', '.join(able[:-1])} and {able[-1]} can.",
            code="censoring",
        )
    return Censored(family)


def is_taken(name: str) -> bool:
    """Whether a name is that of one of the package's families, or of one around another."""
    around = (*_PREFIXES, *(f"{wrapper}_" for wrapper in WRAPPERS))
    return name in FAMILIES or name in WRAPPERS or name.startswith(around)


def _lookup(family: object) -> AbstractFamily:
    if isinstance(family, str) and family in FAMILIES:
        return FAMILIES[family]()
    if isinstance(family, AbstractFamily):
        if FAMILIES.get(family.name, type(family)) is not type(family):
            raise ModelError(
                f"Your family {family.name!r} has the name of another one; give it its own.",
                code="unknown-family",
            )
        return family
    for prefix, around in _PREFIXES.items():
        if isinstance(family, str) and family.startswith(prefix):
            inner = family.removeprefix(prefix)
            if inner in FAMILIES:
                return around(FAMILIES[inner]())
    made = family() if callable(family) else None  # poisson instead of poisson()
    if isinstance(made, AbstractFamily):
        return made
    raise ModelError(_unknown(family), code="unknown-family")


def _with_link(family: AbstractFamily, link: AbstractLink) -> AbstractFamily:
    if isinstance(family, (ZeroInflated, Truncated, Censored)):
        return type(family)(_with_link(family.base, link))
    if not dataclasses.is_dataclass(family) or not any(
        field.name == "link" for field in dataclasses.fields(family)
    ):
        raise ModelError(
            f"The link of family {family.name!r} is part of the family; leave link= out.",
            code="link-not-for-family",
        )
    changed: AbstractFamily = dataclasses.replace(family, link=link)
    return changed


def _unknown(family: object) -> str:
    known = ", ".join(FAMILIES)
    if not isinstance(family, str):
        return f"family={family!r} is neither a name nor a family; the names are {known}."
    plain = family.casefold().replace(" ", "_").replace("-", "_")
    bare = plain.removeprefix("zero_inflated_").removeprefix("zi").lstrip("_")
    if bare != plain and (bare in FAMILIES or bare in _ELSEWHERE):
        inner = bare if bare in FAMILIES else _ELSEWHERE[bare]
        return (
            f"Unknown family {family!r}; zero inflation is asked for with "
            f"family={inner!r} and zero_inflation='~ 1'."
        )
    prefix = next((p for p in _PREFIXES if plain.startswith(p)), "")
    inner = plain.removeprefix(prefix)
    other = inner if inner in FAMILIES else _ELSEWHERE.get(inner)
    if other is not None:
        return f"Unknown family {family!r}; here it is called {prefix + other!r}."
    return f"Unknown family {family!r}; there are {known}.{did_you_mean(family, FAMILIES)}"
