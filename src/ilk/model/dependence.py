"""Which terms have levels that depend on each other, and how: structures at their parameters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ilk.covariance.levels.sparse_factor import SparseFactor
from ilk.covariance.structured import Structured
from ilk.errors import ModelError

if TYPE_CHECKING:
    from ilk.covariance.levels.base import AbstractLevels, Precision
    from ilk.design.build import Design
    from ilk.design.random import RandomTerm
    from ilk.model.model import Model
    from ilk.typing import FloatArray, IntArray


__all__ = ["Dependence", "dependences", "dependent_groups", "refuse_dependent"]


@final
@dataclass(frozen=True, slots=True)
class Dependence:
    """Structure over the levels of a term, at its parameters.

    Attributes
    ----------
    levels : AbstractLevels
        The structure.
    theta : ndarray (m,)
        Its parameters.
    places : slice
        Where they stand among the covariance parameters of all terms.
    """

    levels: AbstractLevels
    theta: FloatArray
    places: slice
    _kept: list[Precision] = field(default_factory=list, repr=False, compare=False)

    @property
    def precision(self) -> Precision:
        """Precision matrix of the levels, computed once."""
        if not self._kept:
            self._kept.append(self.levels.precision(self.theta))
        return self._kept[0]

    def precision_times(self, x: FloatArray) -> FloatArray:
        """Precision matrix of the levels, times x (L, ...)."""
        if (known := self.levels.spectrum()) is not None:
            return known.solve(x.reshape(len(x), -1)).reshape(x.shape)
        Q = self.precision.sparse()
        return np.asarray((Q @ x.reshape(len(x), -1)).reshape(x.shape))

    def covariance_times(self, x: FloatArray) -> FloatArray:
        """Covariance matrix of the levels, times x (L, ...)."""
        if (known := self.levels.spectrum()) is not None:
            return known.times(x.reshape(len(x), -1)).reshape(x.shape)
        solver = SparseFactor(self.precision.sparse())
        return np.asarray(solver.solve(x.reshape(len(x), -1)).reshape(x.shape))

    def covariance_among(self, levels: IntArray) -> FloatArray:
        """Covariance matrix (k, k) of some of the levels."""
        unit = np.zeros((len(self.levels.levels), len(levels)))
        unit[levels, np.arange(len(levels))] = 1.0
        return self.covariance_times(unit)[levels]

    def root(self) -> FloatArray:
        """Dense root R (L, L) of the covariance matrix of the levels, RR'."""
        whole = np.linalg.cholesky(self.precision.dense())
        return np.asarray(np.linalg.inv(whole).T)

    def named(self) -> IntArray:
        """Levels (k,) that have names of the user's, without those of a structure's own making."""
        return np.unique(np.fromiter(self.levels.places().values(), dtype=np.intp))

    def variances(self) -> FloatArray:
        """Variances (L,) of the levels, about one on average."""
        return self.levels.variances(self.theta)

    def slopes(self) -> list[Any]:
        """Derivatives of the precision matrix in its parameters, sparse (L, L) each."""
        found = self.precision
        return [found.sparse(elements) for elements in found.slope.T]


def dependences(model: Model, theta: FloatArray) -> tuple[Dependence | None, ...]:
    """Structures over the levels by term, None where levels are independent.

    Parameters
    ----------
    model : Model
        The model.
    theta : ndarray (m_theta,)
        Covariance parameters of all terms.
    """
    found: list[Dependence | None] = []
    for covariance, own in zip(model.covariances, model.theta_slices, strict=True):
        if isinstance(covariance, Structured):
            places = slice(own.stop - covariance.free, own.stop)
            found.append(Dependence(covariance.levels, np.asarray(theta[places]), places))
        else:
            found.append(None)
    return tuple(found)


def dependent_groups(design: Design, groups: Collection[str] | None = None) -> tuple[str, ...]:
    """Grouping factors whose levels depend on each other, or share rows.

    Parameters
    ----------
    design : Design
        Of a fit.
    groups : collection of str, optional
        Those that matter; all by default.
    """
    names = (_dependent(term) for term in design.terms)
    return tuple(dict.fromkeys(n for n in names if n and (groups is None or n in groups)))


def _dependent(term: RandomTerm) -> str | None:
    alone = not term.grouping.structured and term.grouping.weights is None
    return None if alone else term.grouping.name


def refuse_dependent(
    design: Design, question: str, instead: str, groups: Collection[str] | None = None
) -> None:
    """Refuse a question whose answer takes levels for independent where they are not.

    Parameters
    ----------
    design : Design
        Of a fit.
    question : str
        What is asked: ``"influence() of clusters"``.
    instead : str
        What to do, as a sentence.
    groups : collection of str, optional
        Factors that the question is about; all by default.

    Raises
    ------
    ModelError
        Levels of such a factor depend on each other.
    """
    names = dependent_groups(design, groups)
    if names:
        structured = any(term.grouping.structured for term in design.terms)
        why = "depend on each other (covariance=)" if structured else "share rows (mm())"
        raise ModelError(
            f"{question} takes clusters for independent, and the levels of "
            f"{' and '.join(map(repr, names))} {why}. {instead}",
            code="dependent-levels",
        )
