r"""Random effects in row coordinates.

Every term gives each row q_t random effects, those of the row's level; over all terms a row is
touched by m = sum of q_t effects, at the positions ``index (n, m)`` of u, with coefficients
``columns (n, m)``.  So (Z b)_i is a sum of m products, Z'g is a sum by position, and of a matrix
over u only the (m, m) parts between effects of the same row are ever needed.

The terms that share the grouping of the term with most effects *lead*: they come first in row
coordinates, and their part of H is block diagonal with one (Q, Q) block per level.

A term of multiple membership has s copies of its row coordinates, one for each membership, with
columns times weights; all copies have the one Lambda_t of the term.  It never leads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.kernels.contract import EngineData, PrecisionPattern, TermData
from ilk.kernels.reference.loadings import Loadings
from ilk.typing import FloatArray, IntArray

__all__ = ["RowDesign", "row_design"]


@final
@dataclass(frozen=True, slots=True)
class RowDesign:
    """Random effects in row coordinates.

    Attributes
    ----------
    size : int
        Number U of random effects.
    columns : ndarray (n, m)
        Coefficients z of the row's effects.
    index : ndarray (n, m) of int
        Their positions in u.
    predictor : ndarray (m,) of int
        The linear predictor that each column belongs to.
    loading_effect, loading_predictor : ndarray (e,) of int
        Row coordinate and linear predictor of each loading.
    copies : tuple of tuple of slice
        Row coordinates of each term, once for each membership, in the order of the data's terms.
    positions : tuple of ndarray (L_t, q_t) of int
        Positions in u of each term's effects.
    leading : int
        Number Q of row coordinates that lead.
    groups : ndarray (n,) of int
        Level of each row in the leading grouping.
    lead_index : ndarray (L, Q) of int
        Positions in u of the leading effects, by level.
    rest_index : ndarray (R,) of int
        Positions in u of the other effects.
    rest : ndarray (n, m - Q) of int
        Which of the other effects touch each row, as positions in ``rest_index``.
    structured : tuple of (int, PrecisionPattern)
        Terms whose levels are not independent; they do not lead.
    """

    size: int
    columns: FloatArray
    index: IntArray
    predictor: IntArray
    loading_effect: IntArray
    loading_predictor: IntArray
    copies: tuple[tuple[slice, ...], ...]
    positions: tuple[IntArray, ...]
    leading: int
    groups: IntArray
    lead_index: IntArray
    rest_index: IntArray
    rest: IntArray
    structured: tuple[tuple[int, PrecisionPattern], ...] = ()

    @property
    def width(self) -> int:
        """Number m of random effects that touch a row."""
        return int(self.columns.shape[1])

    @property
    def terms(self) -> tuple[slice, ...]:
        """Row coordinates of the first membership of each term."""
        return tuple(first for first, *_ in self.copies)

    @property
    def factor_size(self) -> int:
        """Number of elements of all Lambda_t, the sum of q_t^2."""
        return sum((part.stop - part.start) ** 2 for part in self.terms)

    @property
    def lambda_size(self) -> int:
        """Length of ``lam``: all Lambda_t, then each Q and its log determinant."""
        return self.factor_size + sum(len(pattern.rows) + 1 for _, pattern in self.structured)

    def factor(self, lam: FloatArray) -> FloatArray:
        """Block-diagonal matrix Lambda (m, m) in row coordinates."""
        out = np.zeros((self.width, self.width))
        start = 0
        for parts in self.copies:
            q = parts[0].stop - parts[0].start
            for part in parts:
                out[part, part] = lam[start : start + q * q].reshape(q, q, order="F")
            start += q * q
        return out

    def diagonal_blocks(self, matrix: FloatArray) -> FloatArray:
        """Blocks of a matrix (m, m) that belong to terms, flat; sums over memberships."""
        blocks = [
            np.sum([matrix[part, part].ravel(order="F") for part in parts], axis=0)
            for parts in self.copies
        ]
        return np.concatenate([np.zeros(0), *blocks])

    def total(self, contributions: FloatArray) -> FloatArray:
        """Sum row contributions (n, m) by effect, (U,)."""
        flat = np.bincount(self.index.ravel(), contributions.ravel(), minlength=self.size)
        return np.asarray(flat, dtype=np.float64)

    def loadings(self, factor: FloatArray) -> Loadings:
        """Lambda'z by effect and predictor, for Lambda (m, m)."""
        effect, predictor = self.loading_effect, self.loading_predictor
        if len(effect) == self.width:
            return Loadings(self.columns @ factor, effect, predictor, self.width)
        own = self.predictor[:, None] == predictor
        return Loadings(self.columns @ (factor[:, effect] * own), effect, predictor, self.width)


def fixed_parts(data: EngineData, beta: FloatArray) -> tuple[FloatArray, ...]:
    """o_k + X_k beta_k (n,) of each predictor.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping.
    beta : ndarray (P,)
        Coefficients of all predictors.
    """
    out, start = [], 0
    for part in data.predictors:
        stop = start + part.X.shape[1]
        eta = part.X @ beta[start:stop]
        out.append(eta if part.offset is None else eta + part.offset)
        start = stop
    return tuple(out)


def row_design(data: EngineData) -> RowDesign:
    """Row coordinates of the random effects of a data set.

    Parameters
    ----------
    data : EngineData
        Terms, their codes and columns.

    Returns
    -------
    RowDesign
        Leading terms first.
    """
    n, terms = len(data.response), data.terms
    starts = np.cumsum([0, *(term.levels * term.width for term in terms)])
    positions = tuple(
        start + np.arange(term.levels * term.width).reshape(term.levels, term.width)
        for start, term in zip(starts, terms, strict=False)
    )
    lead = _leading_terms(terms)
    order = [*lead, *(t for t in range(len(terms)) if t not in lead)]
    width = sum(term.width * term.memberships for term in terms)
    leading = sum(terms[t].width for t in lead)

    columns, index = np.zeros((n, width)), np.zeros((n, width), int)
    predictor: list[int] = []
    loadings: list[tuple[int, int]] = []
    copies: dict[int, tuple[slice, ...]] = {}
    for t in order:
        term, parts = terms[t], []
        for k in range(term.memberships):
            effects = range(len(predictor), len(predictor) + term.width)
            parts.append(slice(effects.start, effects.stop))
            codes, z = term.member(k)
            columns[:, parts[-1]] = 1.0 if z is None else z
            index[:, parts[-1]] = positions[t][codes]
            predictor += term.predictors
            loadings += [(j, k) for j in effects for k in sorted(set(term.predictors))]
        copies[t] = tuple(parts)

    rest_index = np.concatenate(
        [np.zeros(0, int), *(positions[t].ravel() for t in order[len(lead) :])]
    )
    inverse = np.zeros(int(starts[-1]), int)
    inverse[rest_index] = np.arange(len(rest_index))
    return RowDesign(
        size=int(starts[-1]),
        columns=columns,
        index=index,
        predictor=np.array(predictor, int),
        loading_effect=np.array([j for j, _ in loadings], int),
        loading_predictor=np.array([k for _, k in loadings], int),
        copies=tuple(copies[t] for t in range(len(terms))),
        positions=positions,
        leading=leading,
        groups=np.asarray(terms[lead[0]].codes) if lead else np.zeros(n, int),
        lead_index=np.hstack([positions[t] for t in lead]) if lead else np.zeros((1, 0), int),
        rest_index=rest_index,
        rest=inverse[index[:, leading:]],
        structured=tuple(
            (t, term.precision) for t, term in enumerate(terms) if term.precision is not None
        ),
    )


def _leading_terms(terms: Sequence[TermData]) -> list[int]:
    """Terms whose levels stand alone and share the grouping of the one with most effects."""
    free = [term for term in terms if not term.linked]
    if not free:
        return []
    first = max(free, key=lambda term: term.levels * term.width)
    return [t for t, term in enumerate(terms) if not term.linked and _same_grouping(term, first)]


def _same_grouping(a: TermData, b: TermData) -> bool:
    return a.levels == b.levels and (a.codes is b.codes or np.array_equal(a.codes, b.codes))
