"""Shares of variance by their usual names: heritability, repeatability, phylogenetic signal, ...

A name belongs to a question of a field, so it follows from the structure of a term and from how its
levels are related to those of other terms: a pedigree whose levels are the mothers of the
individuals of another term gives the maternal effect, not one more heritability.  All of them hold
covariates: their denominator is the variance of the random terms and of the residual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ilk.covariance.levels.pedigree import Pedigree
from ilk.covariance.levels.tree import Tree
from ilk.inference.clusters import forms_clusters, is_nested
from ilk.model.dependence import dependences
from ilk.variance.partition_sources import INDEPENDENT

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray
    from ilk.variance.partition_sources import Source

__all__ = ["Named", "name_shares"]

_KNOWN = 0.9
"""Share of the rows whose mother must agree for a factor to be that of the mothers."""


@dataclass(frozen=True, slots=True)
class Named:
    """A share with a name.

    Parameters
    ----------
    symbol, words : str
        ``"h2"`` and what it means.
    terms : tuple of int
        Sources whose variances are added up.
    linear : bool
        Whether on the scale of the response the additive variance is meant, not all that the
        source explains.
    pagel : bool
        Whether only the part that follows the tree counts, Pagel's lambda of the variance.
    """

    symbol: str
    words: str
    terms: tuple[int, ...]
    linear: bool = False
    pagel: bool = False

    def factor(self, fitted: Fitted, psi: FloatArray) -> float:
        """Part of the variance that counts: 1, or Pagel's lambda.

        Parameters
        ----------
        fitted : Fitted
            The fit.
        psi : (m,) array
            Flat parameter vector.
        """
        if not self.pagel:
            return 1.0
        over = dependences(fitted.model, fitted.marginal.split(psi)[1])[self.terms[0]]
        return 1.0 if over is None else float(over.levels.natural(over.theta)[0])


def name_shares(fitted: Fitted, sources: Sequence[Source]) -> tuple[Named, ...]:
    """Give the shares of a fit that have a usual name.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    sources : sequence of Source
        Its random terms.

    Returns
    -------
    tuple of Named
    """
    found: list[Named] = []
    for source in sources:
        if source.structure == INDEPENDENT:
            found += _of_independent(fitted, source, sources)
        else:
            found += _of_structure(fitted, source, sources)
    return tuple(found)


def _of_structure(fitted: Fitted, source: Source, sources: Sequence[Source]) -> list[Named]:
    t = (source.term,)
    if isinstance(source.levels, Tree):
        pagel = source.levels.model == "pagel"
        words = "phylogenetic signal: share of the variance that follows the tree"
        return [Named("H2", words, t, pagel=pagel)]
    if isinstance(source.levels, Pedigree):
        if _relation(fitted, source, sources) == "mothers":
            return [Named("m2", "maternal genetic effects: share of the variance", t, linear=True)]
        return [Named("h2", "narrow-sense heritability", t, linear=True)]
    if source.structure == "kinship":
        return [Named("h2", "heritability by the relationship matrix", t, linear=True)]
    return []


def _of_independent(fitted: Fitted, source: Source, sources: Sequence[Source]) -> list[Named]:
    term = fitted.design.terms[source.term]
    t = (source.term,)
    if _relation(fitted, source, sources) == "mothers":
        return [Named("c2", "environment that offspring of a mother share", t)]
    alike = tuple(other.term for other in sources if _same_rows(fitted, source, other))
    genetic = any(
        isinstance(sources[other].levels, Pedigree) or sources[other].structure == "kinship"
        for other in alike
    )
    several = term.grouping.weights is None and forms_clusters(term.grouping, fitted.design)
    found = []
    if genetic:
        found.append(Named("pe2", "permanent environment: share of the variance", t))
    if (
        several
        and len(alike) > 1
        and source.term == max(other for other in alike if sources[other].structure == INDEPENDENT)
    ):
        found.append(Named("R", f"repeatability of {source.group}: all of its terms", alike))
    elif several and len(alike) == 1:
        found.append(Named("ICC", f"intraclass correlation of {source.group}", t))
    return found


def _same_rows(fitted: Fitted, a: Source, b: Source) -> bool:
    """Whether two sources divide the rows alike."""
    x, y = (fitted.design.terms[s.term].grouping.members for s in (a, b))
    if x.ndim > 1 or y.ndim > 1:
        return a.term == b.term
    return is_nested(x, y) and is_nested(y, x)


def _relation(
    fitted: Fitted, source: Source, sources: Sequence[Source]
) -> Literal["mothers", "none"]:
    """Whether the levels of a source are the mothers of those of another one with a pedigree."""
    own = fitted.design.terms[source.term].grouping
    if own.weights is not None:
        return "none"
    labels = np.array([str(level) for level in own.levels], dtype=object)[own.codes]
    for other in sources:
        if other.term == source.term or not isinstance(other.levels, Pedigree):
            continue
        codes = fitted.design.terms[other.term].grouping.codes
        dams = np.asarray(other.levels.dams)[codes]
        known = dams >= 0
        names = np.array([str(name) for name in other.levels.names], dtype=object)
        if np.mean(known) > 0.0 and np.mean(names[dams[known]] == labels[known]) >= _KNOWN:
            return "mothers"
    return "none"
