r"""Scores and informations of clusters in models fitted by Laplace's approximation or quadrature.

Random effects of different clusters are independent, so that the log-likelihood, approximated or
not, is a sum over clusters, :math:`L(\psi) = \sum_g L_g(\psi)` with
:math:`\psi = (\beta, \theta)`.  An engine of a cluster's own rows gives the exact score
:math:`s_g = \partial L_g / \partial \psi` and, by differences of it, the observed information
:math:`A_g`; the sums over clusters are the score of the whole model, zero, and its information.
Without random terms rows are independent, and derivatives of the log density are all there is to
compute.  Derivation: docs/derivations/robust.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from ilk.errors import FitError
from ilk.fitted import Lazy
from ilk.inference.robust.df import ClusterSums
from ilk.inference.robust.linear import sums_by
from ilk.inference.robust.units import levels_within
from ilk.kernels import laplace_engine
from ilk.kernels.contract import EngineData, PredictorData, TermData
from ilk.likelihood.base import steps_of
from ilk.num.jets import pair, variables
from ilk.num.triangular import covariance_root

if TYPE_CHECKING:
    from ilk.family.base import AbstractFamily
    from ilk.fitted import Fitted
    from ilk.kernels.contract import LaplaceEngine
    from ilk.likelihood.laplace import LaplaceMarginal
    from ilk.typing import FloatArray, IntArray

__all__ = ["RowPieces", "general_sums"]

_PRECISE = 1e-18
"""Newton decrement at which the modes are accepted."""

_NEGLIGIBLE = 1e-4
"""Gain in log-likelihood that the clusters' scores may promise together: the fit is no optimum."""


def general_sums(fitted: Fitted, codes: IntArray, count: int, copies: FloatArray) -> ClusterSums:
    """Sum scores and informations by cluster.

    Parameters
    ----------
    fitted : Fitted
        A fit of any family.
    codes : (n,) array of int
        Cluster of each row; the levels of all random terms are nested in the clusters.
    count : int
        Number of clusters.
    copies : (count,) array
        How many independent clusters each one stands for; its sums are divided by this.

    Raises
    ------
    FitError
        The clusters' scores do not sum to zero, so that the fit is no optimum.
    """
    marginal = cast("LaplaceMarginal", fitted.marginal)
    covariance = fitted.psi_covariance()
    known = np.isfinite(np.diag(covariance))  # others stay where they are
    L = covariance_root(covariance[np.ix_(known, known)])
    back = np.eye(len(covariance))
    P = len(fitted.coef)
    back[:P, :P] = marginal.scaled.coef_map  # psi = back @ (beta, theta) + constant
    # whitened coordinates: psi = L w, hence (beta, theta) = back^-1 L w
    turn = np.linalg.solve(back, np.eye(len(back))[:, known] @ L)
    if fitted.design.terms:
        pieces: _Pieces = _OfEngines(fitted, codes, count)
    else:
        data = marginal.scaled.data
        pieces = RowPieces(data, fitted.family, fitted.point.beta, codes, count)
    inverse_copies = 1.0 / copies
    total = pieces.scores() @ turn
    promised = 0.5 * float(np.sum(total.sum(axis=0) ** 2))
    if not promised < _NEGLIGIBLE:
        raise FitError(
            "The scores of the clusters do not sum to zero, so that the estimates are no maximum "
            "of the likelihood and robust standard errors have no meaning. See fit.verdict; more "
            "quadrature nodes or a simpler random part may help.",
            code="no-optimum",
        )

    def informations() -> FloatArray:
        inner = turn.T @ pieces.informations() @ turn
        return np.asarray(inner * inverse_copies[:, None, None])

    return ClusterSums(
        root=np.eye(len(covariance))[:P, known] @ L,
        scores=total * inverse_copies[:, None],
        informations=Lazy(informations),
        copies=copies,
    )


class RowPieces:
    """A model without random terms: sums of derivatives of the rows' log densities.

    Parameters
    ----------
    data : EngineData
        Arrays of the rows.
    family : AbstractFamily
        Their density.
    beta : (P,) array
        Coefficients of all predictors.
    codes : (n,) array of int
        What each row belongs to.
    count : int
        How many sums there are.
    """

    def __init__(
        self,
        data: EngineData,
        family: AbstractFamily,
        beta: FloatArray,
        codes: IntArray,
        count: int,
    ) -> None:
        eta, start = [], 0
        for part in data.predictors:
            stop = start + part.X.shape[1]
            linear = part.X @ beta[start:stop]
            eta.append(linear if part.offset is None else linear + part.offset)
            start = stop
        jet = family.log_density(data.response, data.trials, variables(eta, 2))
        self._jet = jet if data.weights is None else jet * data.weights
        self._X = [part.X for part in data.predictors]
        self._codes, self._count = codes, count

    def scores(self) -> FloatArray:
        """(m, P)."""
        rows = [X * self._jet.first[k][:, None] for k, X in enumerate(self._X)]
        return sums_by(self._codes, self._count, np.hstack(rows))

    def informations(self) -> FloatArray:
        """(m, P, P)."""
        blocks = []
        for k, left in enumerate(self._X):
            for i in range(left.shape[1]):
                rows = [
                    (-self._jet.second[pair(k, j)] * left[:, i])[:, None] * right
                    for j, right in enumerate(self._X)
                ]
                blocks.append(sums_by(self._codes, self._count, np.hstack(rows)))
        return np.stack(blocks, axis=1)


class _OfEngines:
    """A model with random terms: an engine of each cluster's rows."""

    def __init__(self, fitted: Fitted, codes: IntArray, count: int) -> None:
        marginal = cast("LaplaceMarginal", fitted.marginal)
        self._density, self._nodes = fitted.family, fitted.model.nodes
        self._factor, self._point = marginal.factor, fitted.point
        self._slices = _Slices.of(marginal.scaled.data, codes, count)
        self._size = len(fitted.estimates.psi)
        self._count = count

    def scores(self) -> FloatArray:
        """(m, P + m_theta)."""
        lam, jacobian = self._factor(self._point.theta)
        out = np.empty((self._count, self._size))
        for g, engine in enumerate(self._engines()):
            for cold in (False, True):
                tolerance = 1e-10 if cold else _PRECISE
                at = engine.evaluate(
                    self._point.beta, lam, nodes=self._nodes, tolerance=tolerance, cold=cold
                )
                if at.converged:
                    break
            if at.grad_beta is None or at.grad_lam is None or not at.converged:
                raise FitError(
                    "The modes of the random effects of a cluster could not be found alone, so "
                    "that its score is not known; use 'model' or a bootstrap.",
                    code="no-mode",
                )
            out[g, : len(at.grad_beta)] = at.grad_beta
            out[g, len(at.grad_beta) :] = jacobian.T @ at.grad_lam
        return out

    def informations(self) -> FloatArray:
        """(m, P + m_theta, P + m_theta)."""
        point, steps = self._point, steps_of(self._point)
        return np.stack(
            [
                engine.information(self._factor, point.beta, point.theta, steps, nodes=self._nodes)
                for engine in self._engines()
            ]
        )

    def _engines(self) -> Iterator[LaplaceEngine]:
        for g in range(self._count):
            yield laplace_engine(self._slices.data(g), self._density)


_Pieces = RowPieces | _OfEngines


@dataclass(frozen=True, slots=True)
class _Slices:
    """The data sorted by cluster, to be cut into data of single clusters.

    Parameters
    ----------
    whole : EngineData
        All rows, sorted by cluster.  Codes of the terms count the levels within each cluster.
    bounds : (m + 1,) array of int
        Where the rows of each cluster begin and end.
    """

    whole: EngineData
    bounds: IntArray

    @classmethod
    def of(cls, data: EngineData, codes: IntArray, count: int) -> _Slices:
        """Sort data by cluster."""
        order = np.argsort(codes, kind="stable")
        home = codes[order]

        def take(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else np.ascontiguousarray(values[order])

        terms = []
        for term in data.terms:
            inner, _ = levels_within(term.codes[order], home)
            terms.append(TermData(term.predictors, inner, int(inner.max()) + 1, take(term.columns)))
        return cls(
            EngineData(
                response=data.response[order],
                trials=take(data.trials),
                weights=take(data.weights),
                predictors=tuple(
                    PredictorData(np.ascontiguousarray(part.X[order]), take(part.offset))
                    for part in data.predictors
                ),
                terms=tuple(terms),
            ),
            np.searchsorted(home, np.arange(count + 1)),
        )

    def data(self, g: int) -> EngineData:
        """Data of one cluster."""
        rows = slice(int(self.bounds[g]), int(self.bounds[g + 1]))

        def cut(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else values[rows]

        terms = []
        for term in self.whole.terms:
            codes = term.codes[rows]
            levels = int(codes.max()) + 1
            terms.append(TermData(term.predictors, codes, levels, cut(term.columns)))
        return EngineData(
            response=self.whole.response[rows],
            trials=cut(self.whole.trials),
            weights=cut(self.whole.weights),
            predictors=tuple(
                PredictorData(np.asfortranarray(part.X[rows]), cut(part.offset))
                for part in self.whole.predictors
            ),
            terms=tuple(terms),
        )
