r"""What the data can say about each variance component, and what simpler random parts would change.

If the effects of L levels were observed, the logarithm of their standard deviation would have
standard error :math:`1 / \sqrt{2 L}`, and Fisher's z of a correlation :math:`1 / \sqrt{L - 3}`.
Solved for L at the standard error that the fit has, these give the number of levels whose effects,
had they been observed, would say as much: the *effective levels*

.. math:: L_e = \frac{1}{2\,(\mathrm{se}(s) / s)^2}, \qquad
   L_e = 3 + \frac{(1 - r^2)^2}{\mathrm{se}(r)^2},

a share :math:`L_e / L` of what there could be at most with so many levels.

Rules of thumb: fewer than five levels say next to nothing about a variance (Gelman and Hill 2007,
p. 247); with fewer than 50, its standard errors are too small (Maas and Hox 2005); a singular
covariance matrix asks for a simpler structure (Bates et al. 2015), unless that moves the fixed
effects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.diagnostics.simpler import Simpler, simpler_models
from ilk.errors import ModelError
from ilk.estimation.vanished import vanished_reasons
from ilk.variance.components import DEVIATION, RESIDUAL, variance_components

if TYPE_CHECKING:
    from ilk.fitted import Fitted, Reason
    from ilk.variance.components import VarianceComponent

__all__ = ["Adequacy", "ComponentAdequacy", "GroupAdequacy", "adequacy"]

_FEW = 5
"""Levels below which a variance between levels cannot be estimated usefully."""

_ROUGH = 10.0
"""Effective levels below which intervals are rough."""

_MANY = 50
"""Levels from which standard errors of variances are good."""


@dataclass(frozen=True, slots=True)
class GroupAdequacy:
    """Levels of a grouping factor.

    Parameters
    ----------
    name : str
        The factor.
    levels : int
        Number of levels.
    smallest, median, largest : float
        Rows per level.
    parameters : int
        Covariance parameters of all its terms.
    """

    name: str
    levels: int
    smallest: float
    median: float
    largest: float
    parameters: int


@dataclass(frozen=True, slots=True)
class ComponentAdequacy:
    """What is known of one standard deviation or correlation.

    Parameters
    ----------
    part : VarianceComponent
        Estimate and standard error.
    levels : int
        Levels of its factor.
    per_parameter : float
        Levels for each covariance parameter of its term.
    relative_error : float
        Standard error as a share of the standard deviation; of a correlation, that of Fisher's z.
    effective : float
        Effective levels.
    judgment : str
        One plain sentence.
    """

    part: VarianceComponent
    levels: int
    per_parameter: float
    relative_error: float
    effective: float
    judgment: str

    @property
    def share(self) -> float:
        """Effective levels as a share of the levels."""
        return self.effective / self.levels


@dataclass(frozen=True, slots=True)
class Adequacy:
    """Whether the data support the random part of a model.

    Parameters
    ----------
    groups : tuple of GroupAdequacy
        Grouping factors.
    components : tuple of ComponentAdequacy
        Variance components, without the residual.
    singular : tuple of Reason
        Directions that have vanished.
    simpler : tuple of Simpler
        Simpler random parts.
    """

    groups: tuple[GroupAdequacy, ...]
    components: tuple[ComponentAdequacy, ...]
    singular: tuple[Reason, ...]
    simpler: tuple[Simpler, ...]


def adequacy(fitted: Fitted, *, refits: bool = True) -> Adequacy:
    """Judge whether the data support the random part of a model.

    Parameters
    ----------
    fitted : Fitted
        A mixed model.
    refits : bool
        Whether to estimate models with simpler random parts.

    Returns
    -------
    Adequacy

    Raises
    ------
    ModelError
        There are no random terms.
    """
    if not fitted.design.terms:
        raise ModelError(
            "adequacy() judges random terms, and this model has none.", code="no-random-terms"
        )
    return Adequacy(
        groups=_groups(fitted),
        components=_components(fitted),
        singular=tuple(vanished_reasons(fitted.marginal, fitted.point)),
        simpler=simpler_models(fitted) if refits else (),
    )


def _sizes(fitted: Fitted) -> list[int]:
    """Number of covariance parameters of each term."""
    pairs = zip(fitted.design.terms, fitted.model.covariances, strict=True)
    return [covariance.size(len(term.column_names)) for term, covariance in pairs]


def _groups(fitted: Fitted) -> tuple[GroupAdequacy, ...]:
    found: dict[str, GroupAdequacy] = {}
    for term, size in zip(fitted.design.terms, _sizes(fitted), strict=True):
        grouping = term.grouping
        before = found.get(grouping.name)
        rows = grouping.count()
        rows = rows[rows > 0]  # a structure has levels without data
        found[grouping.name] = GroupAdequacy(
            name=grouping.name,
            levels=len(rows),
            smallest=float(rows.min()),
            median=float(np.median(rows)),
            largest=float(rows.max()),
            parameters=size + (0 if before is None else before.parameters),
        )
    return tuple(found.values())


def _components(fitted: Fitted) -> tuple[ComponentAdequacy, ...]:
    out, sizes = [], _sizes(fitted)
    for part in variance_components(fitted):
        if part.group == RESIDUAL or len(part.place) == 2:
            continue
        term, size = fitted.design.terms[part.place[0]], sizes[part.place[0]]
        levels = term.grouping.used
        relative, effective = _information(part)
        out.append(
            ComponentAdequacy(
                part=part,
                levels=levels,
                per_parameter=levels / max(size, 1),
                relative_error=relative,
                effective=effective,
                judgment=_judgment(part, levels, effective),
            )
        )
    return tuple(out)


def _information(part: VarianceComponent) -> tuple[float, float]:
    """Relative error and effective levels; nan on the boundary."""
    error = part.std_error
    if part.boundary or not np.isfinite(error) or error <= 0.0:
        return np.nan, np.nan
    if part.kind == DEVIATION:
        relative = error / part.estimate
        return relative, 0.5 / relative**2
    relative = error / (1.0 - part.estimate**2)
    return relative, 3.0 + 1.0 / relative**2


def _judgment(part: VarianceComponent, levels: int, effective: float) -> str:
    if part.boundary and part.kind == DEVIATION and part.estimate == 0.0:
        return "Zero: the data do not support it; leave it out (Bates et al. 2015)."
    if part.boundary:
        return "Part of a singular covariance matrix; simplify (Bates et al. 2015)."
    if levels < _FEW:
        return (
            f"{levels} levels say next to nothing about a variance; a fixed factor says more "
            "(Gelman and Hill 2007)."
        )
    if not np.isfinite(effective):
        return "No standard error: nothing is known of its precision."
    if effective < _ROUGH:
        return (
            f"Known as well as from {effective:.2g} levels with observed effects: use its profile "
            "interval, and expect it to be wide."
        )
    if levels < _MANY:
        return "With fewer than 50 levels its standard error is too small (Maas and Hox 2005)."
    return "Well determined."
