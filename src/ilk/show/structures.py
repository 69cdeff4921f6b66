"""What a summary says of covariance structures: their names, their levels, their parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ilk.covariance.decay import practical_range
from ilk.covariance.levels.known import KnownCovariance, KnownPrecision
from ilk.covariance.levels.neighbors import Neighbors
from ilk.covariance.levels.pedigree import Pedigree
from ilk.covariance.levels.space import Space
from ilk.covariance.levels.tree import Tree
from ilk.covariance.structured import Structured, within_levels
from ilk.show.numbers import fixed, integer, plain, significant, with_error

if TYPE_CHECKING:
    from ilk.covariance.base import AbstractCovariance
    from ilk.covariance.levels.base import AbstractLevels
    from ilk.design.grouping import Grouping
    from ilk.design.random import RandomTerm
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray
    from ilk.variance.record import VarianceComponent

__all__ = [
    "WITHIN",
    "level_theta",
    "levels_in_all",
    "levels_of",
    "levels_text",
    "parameter_cells",
    "parameter_header",
    "parameter_notes",
    "scale_words",
    "structure_facts",
]

WITHIN = {
    "us": "any covariance matrix",
    "diag": "independent effects",
    "cs": "compound symmetry: one correlation, standard deviations of their own",
    "homcs": "compound symmetry: one correlation, one standard deviation",
    "identity": "independent effects of one variance",
    "iid": "independent effects of one variance",
    "rr": "reduced rank: loadings on a few factors",
    "ar1": "first-order autoregression: correlation rho^h at h steps",
    "ou": "Ornstein-Uhlenbeck process: correlation exp(-d/range) at distance d in time",
    "toep": "Toeplitz: a correlation for each lag, standard deviations of their own",
    "exp": "exponential correlations: exp(-d/range) at distance d",
    "gau": "Gaussian correlations: exp(-(d/range)^2) at distance d",
    "matern": "Matern correlations",
    "custom": "a structure of the user's own",
}
"""Structures within a level in words, by name."""


def levels_of(fitted: Fitted) -> dict[str, tuple[Grouping, AbstractLevels]]:
    """Structures over the levels of grouping factors, by factor.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    dict of str to (Grouping, AbstractLevels)
    """
    pairs = zip(fitted.design.terms, fitted.model.covariances, strict=True)
    return {
        term.grouping.name: (term.grouping, covariance.levels)
        for term, covariance in pairs
        if isinstance(covariance, Structured)
    }


def level_theta(fitted: Fitted, name: str) -> FloatArray:
    """Parameters (m,) of the structure over the levels of a factor, as a search moves them.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    name : str
        Grouping factor with a structure.
    """
    for term, over in zip(fitted.design.terms, fitted.dependences, strict=True):
        if over is not None and term.grouping.name == name:
            return over.theta
    raise LookupError(f"the levels of {name!r} have no structure")


def levels_in_all(grouping: Grouping, levels: AbstractLevels | None) -> int:
    """Number of levels that have names; a map computes with others beside its areas.

    Parameters
    ----------
    grouping : Grouping
        The factor.
    levels : AbstractLevels or None
        Its structure.
    """
    return len(levels.names) if isinstance(levels, Neighbors) else len(grouping.levels)


def levels_text(grouping: Grouping, levels: AbstractLevels | None = None) -> str:
    """How many levels a factor has; those of a structure with data, and in all.

    Parameters
    ----------
    grouping : Grouping
        The factor.
    levels : AbstractLevels, optional
        Its structure.
    """
    total, used = levels_in_all(grouping, levels), grouping.used
    if used == total:
        return f"{plain(grouping.name)}: {integer(total)} levels"
    return f"{plain(grouping.name)}: {integer(used)} levels with data of {integer(total)}"


def scale_words(group: str, levels: AbstractLevels) -> str:
    """Whose variance the variance of a structured term is.

    Parameters
    ----------
    group : str
        Name of the grouping factor.
    levels : AbstractLevels
        Its structure.
    """
    name = plain(group)
    if isinstance(levels, Tree):
        whose = "of an average tip" if levels.model != "ou" else "of any node"
    elif isinstance(levels, Pedigree):
        whose = "in the base population, before inbreeding"
    elif isinstance(levels, Space):
        whose = "of any place"
    elif isinstance(levels, Neighbors) and levels.model == "car":
        return (
            f"The variance of {name} is not scaled: it is divided by the number of neighbors, and "
            "grows with rho."
        )
    elif isinstance(levels, Neighbors):
        whose = "of a typical area"
    elif isinstance(levels, KnownCovariance):
        size = float(np.mean(np.diagonal(levels.matrix)))
        whose = f"per unit of the given matrix, whose mean diagonal is {significant(size, 3)}"
    elif isinstance(levels, KnownPrecision):
        whose = "per unit of the inverse of the given matrix"
    else:
        whose = "of an average level"
    return f"The variance of {name} is that {whose}."


def structure_facts(fitted: Fitted) -> list[tuple[str, str]]:
    """Name the structures of a fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    list of (str, str)
        Labels and texts for the head of a summary.
    """
    facts = []
    for name, (_, levels) in levels_of(fitted).items():
        known = "estimated: " + ", ".join(levels.parameters) if levels.parameters else "known"
        facts.append(("structure", plain(f"{name}: {levels.describe()} ({known})", 2000)))
    for term, covariance in zip(fitted.design.terms, fitted.model.covariances, strict=True):
        within = within_levels(covariance)
        if len(term.column_names) > 1 and within.name not in ("us", "diag", "identity", "iid"):
            words = WITHIN.get(within.name, within.name)
            if within.name == "rr":
                q = len(term.column_names)
                words = f"reduced rank: {q} effects by loadings on {within.rank(q)} factors"
            facts.append(("structure", plain(f"{term.label}: {words}", 2000)))
    return facts


def parameter_header(level: float) -> tuple[str, ...]:
    """Head of the table of correlation parameters.

    Parameters
    ----------
    level : float
        Coverage of the intervals.
    """
    return ("group", "parameter", "estimate", "std. error", f"{100 * level:g}% interval", "", "")


def parameter_cells(part: VarianceComponent) -> tuple[str, ...]:
    """Cells of a parameter of a structure.

    Parameters
    ----------
    part : VarianceComponent
        The parameter.
    """
    name = part.kind.replace("_", "-")
    if part.terms:
        name = f"{name} ({plain(part.term)})"
    decimals = with_error(part.estimate, part.std_error)
    if math.isfinite(part.highest):
        decimals = 3
    return (
        plain(part.group),
        name,
        fixed(part.estimate, decimals),
        fixed(part.std_error, decimals),
        fixed(part.conf_low, decimals),
        fixed(part.conf_high, decimals),
        "boundary" if part.boundary else "",
    )


def parameter_notes(fitted: Fitted, shown: Sequence[VarianceComponent]) -> tuple[str, ...]:
    """How to read parameters of structures.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    shown : sequence of VarianceComponent
        Those in the table.
    """
    notes: dict[str, None] = {}
    terms, covariances = fitted.design.terms, fitted.model.covariances
    for part in shown:
        t = part.place[0]
        said = _meaning(terms[t], covariances[t], part)
        if said:
            notes[said] = None
    if any(part.boundary for part in shown):
        notes["boundary: at the end of what it can be, or without variance; see the verdict."] = (
            None
        )
    return tuple(notes)


_LEVEL_WORDS = {
    "lambda": "lambda (Pagel): 1 is Brownian motion along the tree, 0 unrelated tips.",
    "phi": "phi: share of the variance that is in space; the rest is each area's own.",
    "half_life": "half-life: distance at which the correlation is one half.",
    "smoothness": "smoothness (Matern): 0.5 is the exponential correlation; larger is smoother.",
}


def _meaning(term: RandomTerm, covariance: AbstractCovariance, part: VarianceComponent) -> str:
    over = covariance.levels if isinstance(covariance, Structured) else None
    if over is None or part.terms:
        return _of_series(within_levels(covariance).name, part)
    if part.kind == "rho" and isinstance(over, Neighbors):
        words = {
            "leroux": "0 is areas that do not depend on each other, 1 the intrinsic autoregression",
            "car": "0 is areas that do not depend on each other; near 1 neighbors are alike",
        }
        return f"rho: {words.get(over.model, 'share of the variance that is in space')}."
    if part.kind == "range" and isinstance(over, Space):
        return _range_words(over.kind_of_decay, part.estimate, over.nu)
    if part.kind == "range":
        return "range: path length along the tree at which the correlation is 1/e (0.37)."
    del term
    return _LEVEL_WORDS.get(part.kind, "")


def _of_series(name: str, part: VarianceComponent) -> str:
    if part.kind == "rho" and name == "ar1":
        return "rho: correlation of neighboring steps; of h steps apart it is rho^h."
    if name == "custom":
        return ""
    if part.kind == "rho":
        return "rho: correlation of any two of these effects."
    if part.kind == "range" and name == "ou":
        return "range: time in which the correlation falls to 1/e (0.37), exp(-d/range)."
    if part.kind == "range":
        return _range_words(name, part.estimate, None)
    return _LEVEL_WORDS.get(part.kind, "")


def _range_words(kind: str, value: float, nu: float | None) -> str:
    formula = {"exp": "exp(-d/range)", "gau": "exp(-(d/range)^2)"}
    if kind in formula:
        end = value * practical_range(kind, 0.0)  # type: ignore[arg-type]
        return (
            f"range: the correlation at distance d is {formula[kind]}; it has fallen to 0.05 at "
            f"{significant(end, 3)}."
        )
    if nu is None:
        return "range: distances are divided by it in the Matern correlation."
    end = value * practical_range("matern", 0.0, math.log(nu))
    return (
        f"range: distances are divided by it in the Matern correlation of smoothness {nu:g}; it "
        f"has fallen to 0.05 at {significant(end, 3)}."
    )
