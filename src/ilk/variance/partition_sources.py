r"""What each random term adds to the variance: of one row, and between the rows at hand.

The random part of a term at row i is :math:`z_i' b_{l(i)}` with :math:`\operatorname{Cov}(b_k, b_l)
= C_{kl} G`, C the identity or the covariance that a structure gives its levels (mean diagonal one).
Two variances are linear in G.

* **population**: of a row whose level has the average variance,
  :math:`\frac1n \sum_i z_i' G z_i = \operatorname{tr}(B G)`.
* **realised**: the sample variance that the term is expected to show among these very rows,

  .. math:: \frac{1}{n - 1} \left( \operatorname{tr} K - \tfrac1n 1'K1 \right)
            = \operatorname{tr}(A G), \qquad K = Z (C \otimes G) Z',

  .. math:: (n - 1) A = \sum_i C_{l(i) l(i)} z_i z_i' - \tfrac1n T' C\, T, \qquad
            T_{l \cdot} = \sum_{i : l(i) = l} z_i'.

  What all rows have in common, such as the path that they share from the root of a tree, is no
  variance between them.  It takes the diagonal of C and the solution of q systems with the
  precision matrix; no n x n matrix is made.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ilk.covariance.structured import Structured
from ilk.inference.comparison.nesting import columns_of
from ilk.model.dependence import dependences
from ilk.variance.levels_of_variance import own_sample

if TYPE_CHECKING:
    from ilk.covariance.levels.base import AbstractLevels
    from ilk.fitted import Fitted
    from ilk.model.dependence import Dependence
    from ilk.typing import FloatArray

__all__ = ["INDEPENDENT", "RowForms", "Source", "sources_of"]

INDEPENDENT = "independent"
"""Structure of levels that do not depend on each other."""

_REMEMBERED = 64
"""Matrices that are remembered, of different parameters."""


@dataclass(frozen=True, slots=True)
class Source:
    """A random term as a source of variation.

    Parameters
    ----------
    term : int
        Its position in the design.
    name : str
        Unique name: that of the grouping factor where that tells it from the others.
    group : str
        Grouping factor.
    structure : str
        ``"independent"``, ``"tree"``, ``"pedigree"``, ``"field"``, ...
    words : str
        How its levels depend on each other.
    levels : AbstractLevels or None
        Structure over the levels.
    """

    term: int
    name: str
    group: str
    structure: str
    words: str
    levels: AbstractLevels | None


def sources_of(fitted: Fitted) -> tuple[Source, ...]:
    """Name the random terms of a fit as sources of variation.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    tuple of Source
        One for each term of the design.
    """
    terms, structures = fitted.design.terms, fitted.model.covariances
    over = [c.levels if isinstance(c, Structured) else None for c in structures]
    kinds = [INDEPENDENT if levels is None else _kind(levels) for levels in over]
    groups = [term.grouping.name for term in terms]
    pairs = [f"{g} ({k})" for g, k in zip(groups, kinds, strict=True)]
    names = []
    for group, pair, term in zip(groups, pairs, terms, strict=True):
        if Counter(groups)[group] == 1:
            names.append(group)
        else:
            names.append(pair if Counter(pairs)[pair] == 1 else term.label)
    return tuple(
        Source(
            term=t,
            name=names[t],
            group=groups[t],
            structure=kinds[t],
            words="levels independent of each other" if levels is None else levels.describe(),
            levels=levels,
        )
        for t, levels in enumerate(over)
    )


def _kind(levels: AbstractLevels) -> str:
    """Kind of a structure; a known matrix goes by what the user called it."""
    word = getattr(levels, "word", "")
    return word if word and word != "covariance" else levels.kind


@dataclass(slots=True)
class RowForms:
    """The matrices A and B of all terms, those that a parameter moves remembered by its value.

    Parameters
    ----------
    fitted : Fitted
        The fit whose rows they are of.
    """

    fitted: Fitted
    _population: list[FloatArray] = field(init=False, repr=False)
    _known: dict[tuple[int, bytes], FloatArray] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        weights = own_sample(self.fitted).weights
        self._population = []
        for term in self.fitted.design.terms:
            z, share = columns_of(term), term.grouping.share()
            own = weights if share is None else weights * share
            self._population.append((z * own[:, None]).T @ z / weights.sum())
        self._known = {}

    def population(self, psi: FloatArray) -> FloatArray:
        """Variance (T,) that each term adds to a row on average.

        Parameters
        ----------
        psi : (m,) array
            Flat parameter vector.
        """
        pairs = zip(self._population, self.fitted.covariances_at(psi), strict=True)
        return np.array([np.sum(B * G) for B, G in pairs])

    def realised(self, psi: FloatArray) -> FloatArray:
        """Sample variance (T,) over the rows that each term is expected to show.

        Parameters
        ----------
        psi : (m,) array
            Flat parameter vector.
        """
        over = dependences(self.fitted.model, self.fitted.marginal.split(psi)[1])
        found = [
            np.sum(self.form(t, dependence) * G)
            for t, (G, dependence) in enumerate(
                zip(self.fitted.covariances_at(psi), over, strict=True)
            )
        ]
        return np.maximum(np.array(found), 0.0)

    def form(self, t: int, dependence: Dependence | None) -> FloatArray:
        """Matrix A (q, q) of a term.

        Parameters
        ----------
        t : int
            The term.
        dependence : Dependence or None
            How its levels depend on each other.
        """
        key = t, b"" if dependence is None else dependence.theta.tobytes()
        if key not in self._known:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            self._known[key] = self._make(t, dependence)
        return self._known[key]

    def _make(self, t: int, dependence: Dependence | None) -> FloatArray:
        term, weights = self.fitted.design.terms[t], own_sample(self.fitted).weights
        z, grouping = columns_of(term), term.grouping
        sums = np.column_stack([grouping.sums(weights * column) for column in z.T])
        size = float(weights.sum())
        if dependence is None:
            share = grouping.share()
            own, shared = np.ones(len(z)) if share is None else share, sums.T @ sums
        else:
            own = dependence.variances()[grouping.codes]
            shared = sums.T @ dependence.covariance_times(sums)
        form = (z * (weights * own)[:, None]).T @ z - shared / size
        return np.asarray(form / max(size - 1.0, 1.0))
