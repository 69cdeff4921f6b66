r"""Whether one model is a special case of another, and how it is reached from the larger one.

A model is nested in another of the same rows if each fixed part's columns are combinations of the
other's, with the same offset, and if every covariance matrix that its random terms can have is one
that the other's can have too.  What the larger model adds falls into three kinds, which decide the
distribution of the likelihood ratio (`ilk.inference.comparison.boundary`):

* *free* parameters, which may move to either side of their value in the smaller model: columns,
  correlations, covariances of a new effect with effects that have variance already, a dispersion
  that is one in the smaller model (generalized and Conway-Maxwell-Poisson families);
* *variances* that the smaller model sets to zero, the edge of their range, each on its own (among
  them the dispersion of a negative binomial family and the probability of an excess zero);
* *blocks*, the covariance matrices of several new correlated effects, zero in the smaller model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ilk.covariance.structured import Structured
from ilk.family.inflation import ZeroInflated
from ilk.inference.comparison.cells import joined_cells
from ilk.num.triangular import rank

if TYPE_CHECKING:
    from ilk.covariance import AbstractLevels
    from ilk.design.random import RandomTerm
    from ilk.family.base import AbstractFamily
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Block", "Nesting", "columns_of", "find_nesting", "same_space"]

_ZEROS = "zero_inflation"

_VARIANCES = ("us", "iid", "diag", "identity", "cs", "homcs")
"""Structures without parameters that are lost where new variances are zero, or refused already."""

_TOLERANCE = 1e-8
"""A column is a combination of others if its residual is below this share of its length."""

_SPECIAL = {
    "us": ("us", "diag", "identity", "cs", "homcs"),
    "diag": ("diag", "identity"),
    "cs": ("cs", "diag", "homcs", "identity"),
    "homcs": ("homcs", "identity"),
    "identity": ("identity",),
    "toep": ("toep", "homtoep", "hetar1", "ar1"),
    "homtoep": ("homtoep", "ar1"),
    "hetar1": ("hetar1", "ar1"),
    "matern": ("matern", "exp"),
}
"""Structures that are special cases of each one, on the same columns; of others, themselves."""


@dataclass(frozen=True, slots=True)
class Block:
    """New effects of a random term of the larger model, whose variances the smaller sets to zero.

    Parameters
    ----------
    term : int
        Position of the term in the larger model.
    old : (q, k) array
        Combinations of the term's effects that the smaller model has.
    new : (q, r) array
        Combinations that it lacks.
    structure : str
        ``"us"`` if the new effects may be correlated, with each other and with the old ones;
        ``"diag"`` if each has a variance of its own, ``"identity"`` if they share one.
    """

    term: int
    old: FloatArray
    new: FloatArray
    structure: str

    @property
    def size(self) -> int:
        """Number r of new effects."""
        return int(self.new.shape[1])

    @property
    def matrix(self) -> bool:
        """Whether it is the covariance matrix of several effects, not variances on their own."""
        return self.structure == "us" and self.size > 1

    @property
    def parameters(self) -> int:
        """Number of variances and covariances of the new effects."""
        if self.structure == "identity":
            return 1
        return self.size * (self.size + 1) // 2 if self.matrix else self.size


@dataclass(frozen=True, slots=True)
class Nesting:
    """How a model is a special case of another.

    Parameters
    ----------
    difference : int
        Number of parameters that the larger model has more.
    free : int
        How many of them may move to either side.
    blocks : tuple of Block
        New random effects.
    dispersion, inflation : bool
        Whether the family's dispersion, the probability of an excess zero, is zero in the smaller
        model.
    same_fixed : bool
        Whether the fixed parts of the mean span the same space.
    unknown : str
        Why no distribution of the likelihood ratio is known, as a part of a sentence; empty if one
        is.
    """

    difference: int
    free: int
    blocks: tuple[Block, ...] = ()
    dispersion: bool = False
    inflation: bool = False
    same_fixed: bool = True
    unknown: str = ""

    @property
    def variances(self) -> int:
        """Number of parameters at zero on their own."""
        alone = sum(block.parameters for block in self.blocks if not block.matrix)
        return alone + self.dispersion + self.inflation

    @property
    def matrices(self) -> tuple[int, ...]:
        """Sizes of the covariance matrices of several correlated new effects."""
        return tuple(block.size for block in self.blocks if block.matrix)


def find_nesting(small: Fitted, large: Fitted) -> Nesting | str:
    """Find out whether a model is a special case of another of the same rows.

    Parameters
    ----------
    small, large : Fitted
        The models.

    Returns
    -------
    Nesting or str
        The reason, as a part of a sentence, if it is not nested.
    """
    difference = large.parameter_count - small.parameter_count
    if difference <= 0:
        return "it has no fewer parameters"
    added = _families(small, large)
    if isinstance(added, str):
        return added
    reason = _fixed(small, large)
    if reason is not None:
        return reason
    blocks = _random(small, large)
    if isinstance(blocks, str):
        return blocks
    dispersion, inflation = added
    cones = sum(block.parameters for block in blocks)
    p, q = (sum(part.X.shape[1] for part in f.model.main_parts) for f in (small, large))
    return Nesting(
        difference=difference,
        free=difference - cones - dispersion - inflation,
        blocks=tuple(blocks),
        dispersion=dispersion,
        inflation=inflation,
        same_fixed=p == q,
        unknown=_unknown(large, blocks),
    )


def _unknown(large: Fitted, blocks: Sequence[Block]) -> str:
    """Say which parameters mean nothing where the variances of new effects are zero."""
    for block in blocks:
        term, covariance = large.design.terms[block.term], large.model.covariances[block.term]
        free = isinstance(covariance, Structured) and covariance.free > 0
        if free or term.structure not in _VARIANCES:
            return (
                f"where the variance of ({term.label}) is zero, its other parameters mean nothing"
            )
    return ""


def _families(small: Fitted, large: Fitted) -> tuple[bool, bool] | str:
    """Whether dispersion and inflation are at their limits in the smaller model."""
    a, b = small.family, large.family
    inflation = _ZEROS in b.parameters and _ZEROS not in a.parameters
    inner_a, inner_b = _inner(a), _inner(b)
    dispersion = inner_b.dispersion_limit == inner_a.name
    if inner_a.link != inner_b.link:
        return "the links differ"
    same = inner_a.name == inner_b.name or dispersion or _at_one(inner_a, large)
    if not same or (_ZEROS in a.parameters and _ZEROS not in b.parameters):
        return f"the family {a.name} is no limit of {b.name}"
    for added, name in ((dispersion, "dispersion"), (inflation, _ZEROS)):
        if not added:
            continue
        modeled = large.model.parts[name].X.shape[1] > 1
        if modeled or any(term.reaches(name) for term in large.design.terms):
            return f"where its {name.replace('_', ' ')} is zero, what it depends on has no meaning"
    return dispersion, inflation


def _at_one(inner: AbstractFamily, large: Fitted) -> bool:
    """Whether a family is the larger one's where the dispersion is one: within, not at an edge."""
    if _inner(large.family).unit_dispersion != inner.name:
        return False
    return large.model.predictor_offset(large.model.parts["dispersion"]) is None


def _inner(family: AbstractFamily) -> AbstractFamily:
    return family.base if isinstance(family, ZeroInflated) else family


def _fixed(small: Fitted, large: Fitted) -> str | None:
    """Reason why the fixed parts are not nested."""
    theirs = large.model.parts
    for part in small.design.fixed:
        other = theirs.get(part.predictor)
        if other is None:
            return f"the other has no predictor of {part.predictor}"
        offset = np.zeros(1) if part.offset is None else part.offset
        known = np.zeros(1) if other.offset is None else other.offset
        if not np.allclose(offset, known, rtol=1e-12, atol=1e-12):
            return f"the offsets of the {part.predictor.replace('_', ' ')} differ"
        missing = [
            name
            for name, inside in zip(part.names, _inside(part.X, other.X), strict=True)
            if not inside
        ]
        if missing:
            return f"the other lacks {_some(missing)} in the {part.predictor.replace('_', ' ')}"
    return None


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _inside(columns: FloatArray, space: FloatArray) -> list[bool]:
    """Whether each column is a combination of the columns of a space."""
    sizes = np.linalg.norm(columns, axis=0)
    residual = np.linalg.norm(columns - space @ _combinations(columns, space), axis=0)
    return [bool(r <= _TOLERANCE * size) for r, size in zip(residual, sizes, strict=True)]


def same_space(A: FloatArray, B: FloatArray) -> bool:
    """Whether the columns of two matrices span the same space.

    Parameters
    ----------
    A, B : (n, p) arrays
        Matrices of full rank.
    """
    return A.shape == B.shape and all(_inside(A, B))


def _combinations(columns: FloatArray, space: FloatArray) -> FloatArray:
    """Coefficients A (q, k) of ``columns = space A``, by least squares on scaled columns."""
    scale = np.linalg.norm(space, axis=0)
    scale[scale == 0.0] = 1.0
    found: FloatArray = np.linalg.lstsq(space / scale, columns, rcond=None)[0]
    return np.asarray(found / scale[:, None])


def _random(small: Fitted, large: Fitted) -> list[Block] | str:
    """New random effects, by the first way of finding each term of the smaller in the larger."""
    ours, theirs = small.design.terms, large.design.terms
    reason = _over_levels(small, large)
    if reason is not None:
        return reason
    found = _placed(small, large, ours, theirs)
    if isinstance(found, str):
        joined = joined_cells(theirs, ours)
        if len(joined) < len(theirs) and _placed(small, large, ours, joined) == []:
            return []
    return found


def _over_levels(small: Fitted, large: Fitted) -> str | None:
    """Reason why structures over the levels of factors differ."""
    known = [_levels_of(fitted) for fitted in (small, large)]
    for name in known[0].keys() & known[1].keys():
        if not _alike(known[0][name], known[1][name]):
            return f"the levels of {name!r} depend on each other in another way"
    return None


def _levels_of(fitted: Fitted) -> dict[str, AbstractLevels]:
    pairs = zip(fitted.design.terms, fitted.model.covariances, strict=True)
    return {t.grouping.name: c.levels for t, c in pairs if isinstance(c, Structured)}


def _alike(one: AbstractLevels, other: AbstractLevels) -> bool:
    """Whether two structures are the same."""
    if one is other:
        return True
    a, b = one.to_arrays(), other.to_arrays()
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)


def _placed(
    small: Fitted,
    large: Fitted,
    ours: Sequence[RandomTerm],
    theirs: Sequence[RandomTerm],
) -> list[Block] | str:
    """New random effects of one list of terms beside another."""
    if any(term.members for term in (*ours, *theirs)):
        spread: Callable[[RandomTerm], FloatArray] = partial(
            spread_columns, names=large.family.parameters
        )
    else:
        spread = columns_of
    homes = [
        [
            j
            for j, other in enumerate(theirs)
            if _same_levels(term, other) and _fits(term, other, spread)
        ]
        for term in ours
    ]
    for term, places in zip(ours, homes, strict=True):
        if not places:
            return f"the other has no random term that contains ({term.label})"
    for placed in _placements(homes):
        blocks = _blocks(ours, theirs, placed, spread)
        if blocks is not None:
            break
    else:
        return "its random terms do not fit side by side into those of the other"
    for block in blocks:
        if block.structure in ("cs", "homcs") and block.size > 1:
            label = theirs[block.term].label
            return f"where the variances of {label} are zero, its correlation has no meaning"
    return blocks


def _placements(homes: Sequence[Sequence[int]]) -> Iterator[tuple[int, ...]]:
    if not homes:
        yield ()
        return
    for first in homes[0]:
        for rest in _placements(homes[1:]):
            yield (first, *rest)


def _same_levels(a: RandomTerm, b: RandomTerm) -> bool:
    """Whether b has the predictors of a, and the same clusters, whatever their names."""
    if a.grouping.structured != b.grouping.structured:
        return False
    if not set(a.predictors) <= set(b.predictors) or len(a.grouping.levels) != len(
        b.grouping.levels
    ):
        return False
    if a.grouping.weights is not None or b.grouping.weights is not None:
        return a.grouping.membership == b.grouping.membership
    x, y = a.grouping.codes, b.grouping.codes
    if np.array_equal(x, y):
        return True
    match = np.full(len(a.grouping.levels), -1)
    match[x] = y
    return bool(np.array_equal(match[x], y))


def columns_of(term: RandomTerm) -> FloatArray:
    """Columns (n, q) of a random term."""
    return np.ones((term.grouping.rows, 1)) if term.columns is None else term.columns


def spread_columns(term: RandomTerm, names: Sequence[str]) -> FloatArray:
    """Columns (K n, q) of a random term, those of each of K predictors in rows of its own.

    Parameters
    ----------
    term : RandomTerm
        The term.
    names : sequence of str
        The predictors.
    """
    z = columns_of(term)
    own = [np.where([name == one for one in term.predictors], z, 0.0) for name in names]
    return np.vstack(own)


def _fits(term: RandomTerm, other: RandomTerm, spread: Callable[[RandomTerm], FloatArray]) -> bool:
    """Whether a term's covariance matrices are among those of another."""
    mine, theirs = spread(term), spread(other)
    if not all(_inside(mine, theirs)):
        return False
    if other.structure in ("us", "iid"):
        return term.structure != "rr"  # on the edge of the covariance matrices of full rank
    if other.structure not in ("diag", "cs", "homcs", "identity"):
        return np.array_equal(mine, theirs) and _specializes(term, other)
    axes = _axes(_combinations(mine, theirs))
    if axes is None or len(set(axes)) < len(axes):
        return False
    if mine.shape[1] == theirs.shape[1] and term.structure in _SPECIAL[other.structure]:
        return "identity" not in (term.structure, other.structure) or np.allclose(
            mine, theirs[:, axes]
        )
    single = mine.shape[1] == 1
    return other.structure == "diag" and (term.structure in _SPECIAL["diag"] or single)


def _specializes(term: RandomTerm, other: RandomTerm) -> bool:
    """Whether a structure of positions, of few factors or of the user's own is one of another."""
    if term.own is not other.own or term.structure not in _SPECIAL.get(
        other.structure, (other.structure,)
    ):
        return False
    if other.structure == "rr":
        return dict(term.settings) == dict(other.settings)
    nu = dict(other.settings).get("nu")
    mine = 0.5 if term.structure == "exp" else dict(term.settings).get("nu")
    return nu is None or nu == mine


def _axes(A: FloatArray) -> list[int] | None:
    """Column of the other term that each column is a multiple of; None if one is a mixture."""
    size = np.abs(A)
    axes = size.argmax(axis=0)
    rest = size.copy()
    rest[axes, np.arange(A.shape[1])] = 0.0
    small = rest.max(axis=0, initial=0.0) <= _TOLERANCE * np.maximum(size.max(axis=0), 1e-300)
    return axes.tolist() if small.all() else None


def _blocks(
    ours: Sequence[RandomTerm],
    theirs: Sequence[RandomTerm],
    placed: Sequence[int],
    spread: Callable[[RandomTerm], FloatArray],
) -> list[Block] | None:
    """New effects of each of the larger model's terms; None if the placement does not do."""
    blocks = []
    for j, other in enumerate(theirs):
        columns = spread(other)
        q = columns.shape[1]
        inside = [ours[i] for i, home in enumerate(placed) if home == j]
        parts = [_combinations(spread(term), columns) for term in inside]
        old = np.hstack(parts) if parts else np.zeros((q, 0))
        if other.structure != "us" and len(inside) > 1:
            axes = [axis for part in parts for axis in _axes(part) or ()]
            if other.structure != "diag" or len(set(axes)) < len(axes):
                return None
        new = _complement(old)
        if new.shape[1] == 0:
            continue
        blocks.append(Block(j, old, new, other.structure))
    return blocks


def _complement(old: FloatArray) -> FloatArray:
    """Coordinates (q, r) that, with the combinations that there are, span all effects."""
    q = len(old)
    chosen: list[int] = []
    basis = old
    for axis in range(q):
        unit = np.eye(q)[:, [axis]]
        wider = np.hstack([basis, unit])
        scaled = wider / np.maximum(np.linalg.norm(wider, axis=0), 1e-300)
        if rank(scaled) > rank(scaled[:, :-1]):
            chosen.append(axis)
            basis = wider
    return np.eye(q)[:, chosen]
