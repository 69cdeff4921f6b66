r"""A crossed design: which effects are integrated, and which are left to Laplace.

The engine of the integrated effects u takes the columns Z_v of all other effects among those of X,
so that its coefficients are (beta_0, b_v, beta_1, ...), with b_v those of the others after the
coefficients of the first predictor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from ilk.kernels.choice import MOST_CROSSING, MOST_CROSSING_ENTRIES
from ilk.kernels.contract import Density, EngineData, LaplaceEngine, PredictorData
from ilk.kernels.reference.rows import RowDesign, row_design
from ilk.typing import FloatArray

__all__ = ["CrossedDesign", "crossed_design"]


@final
@dataclass(frozen=True, slots=True)
class CrossedDesign:
    """A design with some terms that are integrated.

    Attributes
    ----------
    data : EngineData
        The data with all terms.
    density : Density
        Log density of a row.
    integrated, others : tuple of int
        The terms.
    own : EngineData
        The data with the integrated terms only.
    rows, across : RowDesign
        Row coordinates of the integrated effects and of the others.
    inner : LaplaceEngine
        Engine of the integrated effects.
    """

    data: EngineData
    density: Density
    integrated: tuple[int, ...]
    others: tuple[int, ...]
    own: EngineData
    rows: RowDesign
    across: RowDesign
    inner: LaplaceEngine

    @property
    def place(self) -> slice:
        """Where b_v stands among the coefficients of the inner engine."""
        first = self.data.predictors[0].X.shape[1]
        return slice(first, first + self.across.size)

    def factors(self, lam: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Elements of Lambda of the integrated terms and of the others."""
        ends = np.cumsum([term.width**2 for term in self.data.terms])
        blocks = np.split(np.asarray(lam, dtype=np.float64), ends[:-1])
        own, others = ([blocks[t] for t in terms] for terms in (self.integrated, self.others))
        return np.concatenate(own), np.concatenate(others)

    def merge(self, own: FloatArray, others: FloatArray) -> FloatArray:
        """Elements of all Lambda in the order of the terms."""
        blocks: dict[int, FloatArray] = {}
        for terms, part in ((self.integrated, own), (self.others, others)):
            ends = np.cumsum([self.data.terms[t].width ** 2 for t in terms])
            blocks |= dict(zip(terms, np.split(part, ends[:-1]), strict=True))
        return np.concatenate([blocks[t] for t in range(len(self.data.terms))])

    def fixed(self, beta: FloatArray) -> list[FloatArray]:
        """o_k + X_k beta_k of each predictor."""
        out, start = [], 0
        for part in self.data.predictors:
            stop = start + part.X.shape[1]
            eta = part.X @ beta[start:stop]
            out.append(eta if part.offset is None else eta + part.offset)
            start = stop
        return out

    def with_response(self, y: FloatArray) -> CrossedDesign:
        """The same design and engine with another response (n,)."""
        self.inner.set_response(y)
        data, own = (replace(part, response=y) for part in (self.data, self.own))
        return replace(self, data=data, own=own)


def crossed_design(
    data: EngineData,
    density: Density,
    integrated: tuple[int, ...],
    plain: Callable[[EngineData, Density], LaplaceEngine],
) -> CrossedDesign:
    """Take the terms of a design apart.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping; all random effects in the first predictor.
    density : Density
        Log density of a row.
    integrated : tuple of int
        The terms that are integrated; they share one grouping.
    plain : callable
        Makes an engine of data and density.
    """
    others = tuple(t for t in range(len(data.terms)) if t not in integrated)
    own = replace(data, terms=tuple(data.terms[t] for t in integrated))
    rows = row_design(own)
    across = row_design(replace(data, terms=tuple(data.terms[t] for t in others)))
    if len(rows.rest_index):
        raise ValueError("quadrature in a crossed design is for one grouping factor")
    if not all(term.within(0) for term in data.terms):
        raise ValueError("quadrature in a crossed design is for effects on the mean")
    if across.size > MOST_CROSSING or across.size * len(data.response) > MOST_CROSSING_ENTRIES:
        raise ValueError(f"{across.size} effects beside those that are integrated are too many")
    first = data.predictors[0]
    X = np.asfortranarray(np.hstack([first.X, _dense(across)]))
    fixed = (PredictorData(X, first.offset), *data.predictors[1:])
    inner = plain(replace(own, predictors=fixed), density)
    return CrossedDesign(data, density, integrated, others, own, rows, across, inner)


def _dense(rows: RowDesign) -> FloatArray:
    """Z_v as a dense matrix (n, U_v)."""
    out = np.zeros((len(rows.columns), rows.size))
    for j in range(rows.width):
        out[np.arange(len(out)), rows.index[:, j]] = rows.columns[:, j]
    return out
