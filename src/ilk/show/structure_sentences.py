"""Sentences of methods and caveats on covariance structures: what was assumed, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ilk.covariance.levels.known import KnownCovariance, KnownPrecision
from ilk.covariance.levels.neighbors import Neighbors
from ilk.covariance.levels.pedigree import Pedigree
from ilk.covariance.levels.space import Space
from ilk.covariance.levels.tree import Tree
from ilk.show.numbers import integer, plain, significant
from ilk.show.structures import level_theta, levels_of, scale_words

if TYPE_CHECKING:
    from ilk.covariance.levels.base import AbstractLevels
    from ilk.design.random import RandomTerm
    from ilk.fitted import Fitted

__all__ = ["assumed", "over_levels", "series_words", "vecchia_words"]

_SERIES = {
    "ar1": "first-order autoregressive correlations (rho^h at h steps) and one variance",
    "ou": "correlations that fall exponentially with the time between (Ornstein-Uhlenbeck process) "
    "and one variance",
    "toep": "a correlation for each lag (Toeplitz) and a variance for each time",
    "exp": "correlations that fall exponentially with distance and one variance",
    "gau": "correlations that fall with the square of distance (Gaussian) and one variance",
    "matern": "Matern correlations of distance (Stein 1999) and one variance",
}

_TREES = {
    "brownian": "Felsenstein 1985; Hadfield and Nakagawa 2010",
    "pagel": "Pagel 1999; Hadfield and Nakagawa 2010",
    "ou": "Hansen 1997; Hadfield and Nakagawa 2010",
}

_MAPS = {
    "icar": "Besag, York and Mollie 1991; Sorbye and Rue 2014",
    "car": "Besag 1974",
    "leroux": "Leroux, Lei and Breslow 2000; Sorbye and Rue 2014",
    "bym2": "Riebler and others 2016; Sorbye and Rue 2014",
}


def series_words(term: RandomTerm) -> str | None:
    """Effects of a series or field in words; None for other terms.

    Parameters
    ----------
    term : RandomTerm
        The term.
    """
    if term.positions is None:
        return None
    what = ", ".join(plain(name) for name in term.positions.columns)
    many = integer(len(term.column_names))
    where = "times" if term.structure in ("ar1", "ou", "toep") else "places"
    structure = _SERIES.get(term.structure, f"correlations of structure {plain(term.structure)}")
    return f"effects at {many} {where} ({what}), with {structure},"


def over_levels(fitted: Fitted) -> list[str]:
    """Sentences on how levels depend on each other, each with its sources.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    return [
        f"Effects of the levels of {plain(name)} were correlated with each other: "
        f"{plain(levels.describe(), 2000)}{_sources(levels)}. {scale_words(name, levels)}"
        for name, (_, levels) in levels_of(fitted).items()
    ]


def _sources(levels: AbstractLevels) -> str:
    found = ""
    if isinstance(levels, Tree):
        found = _TREES[levels.model]
    elif isinstance(levels, Pedigree):
        found = "Henderson 1976; Quaas 1976"
    elif isinstance(levels, Neighbors):
        found = _MAPS[levels.model]
    elif isinstance(levels, Space):
        found = "Stein 1999" + (
            "; Vecchia 1988; Datta and others 2016" if levels.method == "vecchia" else ""
        )
    return f" ({found})" if found else ""


def assumed(name: str, levels: AbstractLevels) -> tuple[str, str]:
    """What a structure takes for granted, and what to do about it.

    Parameters
    ----------
    name : str
        Grouping factor.
    levels : AbstractLevels
        Its structure.

    Returns
    -------
    sentence, advice : str
    """
    group = plain(name)
    if isinstance(levels, Tree):
        if levels.model == "brownian":
            advice = "Compare with model='pagel', and with other trees that the data allow."
        else:
            advice = "Compare with model='brownian', and with other trees that the data allow."
        return f"The tree of {group} and its branch lengths are taken as known.", advice
    if isinstance(levels, Pedigree):
        return (
            f"The pedigree of {group} is taken as right and complete: individuals without known "
            "parents as unrelated and from one population.",
            "Add the environment that relatives share (dam, litter, place) as terms of its own, "
            "or it is counted as genetic.",
        )
    if isinstance(levels, Space):
        return (
            f"Correlations between levels of {group} are taken to depend on distance alone, the "
            "same everywhere and in all directions; range and variance of a field are known less "
            "well than their ratio.",
            "Look at the map of the field and at fit.check().",
        )
    if isinstance(levels, Neighbors):
        return (
            f"Which levels of {group} are neighbors is taken as known, and all borders as alike.",
            "Try other weights of neighbors.",
        )
    if isinstance(levels, (KnownCovariance, KnownPrecision)):
        return (
            f"The {levels.kind} of {group} is taken as known without error.",
            "If it was estimated from few markers or few data, try others of the same size.",
        )
    return (f"The structure of {group} is taken as known.", "Compare with independent levels.")


def vecchia_words(fitted: Fitted, name: str) -> str | None:
    """Say that a field is approximate, and how much that loses; None if it is not.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    name : str
        Grouping factor with a structure.
    """
    levels = levels_of(fitted)[name][1]
    if not isinstance(levels, Space) or levels.method != "vecchia":
        return None
    lost = levels.lost(level_theta(fitted, name))
    width = min(levels.neighbors, len(levels.names) - 1)
    than = "the exact field" if len(levels.names) <= 2000 else f"{2 * width} neighbors"
    return (
        f"The field of {plain(name)} is approximate (Vecchia): each place is given its "
        f"{width} nearest among those before it. At these estimates it loses "
        f"{significant(max(lost, 0.0), 2)} in log-likelihood against {than}, were the field itself "
        "observed."
    )
