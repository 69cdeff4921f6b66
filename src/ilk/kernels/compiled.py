"""The compiled engines behind the contract of :mod:`ilk.kernels.contract`.

The extension module ``_core`` takes and returns plain arrays and tuples; here they become the
classes of the contract.  Importing this module fails where the package was built without a
compiler.  What the engines compute is documented with their NumPy twins in
:mod:`ilk.kernels.reference`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ilk.kernels import _core
from ilk.kernels.contract import (
    Density,
    EngineData,
    Evaluation,
    FactorMap,
    LinearEvaluation,
    LinearFactor,
    Nodes,
    PrecisionPattern,
    SearchResult,
    TermData,
    nodes_by_term,
)

if TYPE_CHECKING:
    from ilk.kernels._core import FactorArrays, PrecisionArrays, PredictorArrays, TermArrays
    from ilk.typing import FloatArray, IntArray

__all__ = ["LaplaceEngine", "LinearEngine", "density_names"]

Columns: TypeAlias = "tuple[list[PredictorArrays], list[TermArrays]]"


def density_names() -> list[str]:
    """Keys of the densities that the compiled engine knows."""
    return _core.density_names()


class LaplaceEngine:
    """Laplace approximation or adaptive quadrature, compiled.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping.
    density : Density
        Log density of a row; its ``key`` must be among `density_names`.
    threads : int
        Threads that may work on independent parts of the data.  Results do not depend on it.
    """

    def __init__(self, data: EngineData, density: Density, threads: int = 1) -> None:
        if density.key is None:
            raise ValueError("a density without a key has no compiled form")
        predictors, terms = _columns(data)
        self._terms = len(data.terms)
        self._engine = _core.LaplaceEngine(
            _vector(data.response),
            _optional(data.trials),
            _optional(data.weights),
            predictors,
            terms,
            density.key,
            threads,
        )

    def evaluate(
        self,
        beta: FloatArray,
        lam: FloatArray,
        *,
        nodes: Nodes = 1,
        gradient: bool = True,
        tolerance: float = 1e-10,
        cold: bool = False,
    ) -> Evaluation:
        """See :meth:`ilk.kernels.contract.LaplaceEngine.evaluate`."""
        return Evaluation(
            *self._engine.evaluate(
                _vector(beta), _vector(lam), self._nodes(nodes), gradient, tolerance, cold
            )
        )

    def fit(
        self,
        factor: FactorMap,
        *,
        beta: FloatArray,
        theta: FloatArray | None = None,
        inverse_hessian: FloatArray | None = None,
        nodes: Nodes = 1,
        max_steps: int = 200,
        tolerance: float = 1e-8,
    ) -> SearchResult:
        """See :meth:`ilk.kernels.contract.LaplaceEngine.fit`."""
        return SearchResult(
            *self._engine.fit(
                _factor(factor),
                _vector(beta),
                _optional(theta),
                None if inverse_hessian is None else _matrix(inverse_hessian),
                self._nodes(nodes),
                max_steps,
                tolerance,
            )
        )

    def information(
        self,
        factor: FactorMap,
        beta: FloatArray,
        theta: FloatArray,
        scale: FloatArray,
        *,
        nodes: Nodes = 1,
    ) -> FloatArray:
        """See :meth:`ilk.kernels.contract.LaplaceEngine.information`."""
        return self._engine.information(
            _factor(factor),
            _vector(beta),
            _vector(theta),
            _vector(scale),
            self._nodes(nodes),
        )

    def _nodes(self, nodes: Nodes) -> list[int]:
        return list(nodes_by_term(nodes, self._terms))

    def modes(self) -> FloatArray:
        """Modes u (U,) at the last evaluation."""
        return self._engine.modes()

    def conditional_covariance(self) -> list[FloatArray]:
        """Blocks of Lambda P Lambda', P = H^-1, by term: (L_t, q_t, q_t)."""
        return self._engine.conditional_covariance()

    def solve(self, rhs: FloatArray) -> FloatArray:
        """H^-1 rhs for rhs (U, k) at the last evaluation."""
        return self._engine.solve(_matrix(rhs))

    def cross_information(self) -> FloatArray:
        """Lambda' Z' W X (U, P) at the last evaluation."""
        return self._engine.cross_information()

    def fixed_information(self) -> FloatArray:
        """X' W X (P, P) at the last evaluation."""
        return self._engine.fixed_information()

    def set_response(self, response: FloatArray) -> None:
        """Replace the response (n,), keeping everything else."""
        self._engine.set_response(_vector(response))


class LinearEngine:
    """Linear mixed model with beta and sigma profiled out, compiled.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping; one predictor.
    count : float, optional
        Number of observations; by default the number of rows.
    threads : int
        Accepted for the sake of the contract; the engine works on one thread.
    """

    def __init__(self, data: EngineData, count: float | None = None, threads: int = 1) -> None:
        del threads
        predictors, terms = _columns(data)
        self._engine = _core.LinearEngine(
            _vector(data.response),
            _optional(data.weights),
            predictors,
            terms,
            0.0 if count is None else float(count),
        )

    def evaluate(self, lam: FloatArray, *, reml: bool, gradient: bool = True) -> LinearEvaluation:
        """See :meth:`ilk.kernels.contract.LinearEngine.evaluate`."""
        return LinearEvaluation(*self._engine.evaluate(_vector(lam), reml, gradient))

    def fit(
        self,
        factor: FactorMap,
        *,
        theta: FloatArray | None = None,
        reml: bool,
        max_steps: int = 100,
        tolerance: float = 1e-8,
    ) -> SearchResult:
        """See :meth:`ilk.kernels.contract.LinearEngine.fit`."""
        return SearchResult(
            *self._engine.fit(_factor(factor), _optional(theta), reml, max_steps, tolerance)
        )

    def information(
        self, factor: FactorMap, theta: FloatArray, scale: FloatArray, *, reml: bool
    ) -> tuple[FloatArray, FloatArray]:
        """See :meth:`ilk.kernels.contract.LinearEngine.information`."""
        return self._engine.information(_factor(factor), _vector(theta), _vector(scale), reml)

    def modes(self) -> FloatArray:
        """Modes u (U,) at the last evaluation; b = Lambda u."""
        return self._engine.modes()

    def conditional_covariance(self) -> list[FloatArray]:
        """Blocks of sigma2 Lambda H^-1 Lambda' by term: (L_t, q_t, q_t)."""
        return self._engine.conditional_covariance()

    def solve(self, rhs: FloatArray) -> FloatArray:
        """H^-1 rhs for rhs (U, k), H = Lambda' Z' W Z Lambda + I."""
        return self._engine.solve(_matrix(rhs))

    def cross_information(self) -> FloatArray:
        """Lambda' Z' W X (U, p) at the last evaluation, without 1 / sigma2."""
        return self._engine.cross_information()

    def coefficient_covariance(self) -> FloatArray:
        """(R_X' R_X)^-1 (p, p), the covariance of beta-hat divided by sigma2."""
        return self._engine.coefficient_covariance()

    def set_response(self, response: FloatArray) -> None:
        """Replace the response (n,), keeping everything else."""
        self._engine.set_response(_vector(response))


def _vector(values: FloatArray) -> FloatArray:
    return np.ascontiguousarray(values, dtype=np.float64)


def _optional(values: FloatArray | None) -> FloatArray | None:
    return None if values is None else _vector(values)


def _matrix(values: FloatArray) -> FloatArray:
    return np.asfortranarray(values, dtype=np.float64)


def _codes(values: IntArray) -> IntArray:
    return np.ascontiguousarray(values, dtype=np.int32)


def _columns(data: EngineData) -> Columns:
    """Arrays of the predictors and of the terms as ``_core`` takes them."""
    if any(term.mixed for term in data.terms):
        raise ValueError("a term with columns of several predictors has no compiled form")
    predictors = [(_matrix(part.X), _optional(part.offset)) for part in data.predictors]
    terms = []
    for term in data.terms:
        codes, columns = (term.codes, term.columns) if term.weights is None else _slots(term)
        terms.append(
            (
                term.predictors[0],
                _codes(codes),
                int(term.levels),
                None if columns is None else np.ascontiguousarray(columns, dtype=np.float64),
                _precision(term.precision),
            )
        )
    return predictors, terms


def _slots(term: TermData) -> tuple[IntArray, FloatArray]:
    """Codes (s n,) and columns (s n, q) of all memberships, slot after slot.

    The levels of a row descend; where one would come again its columns are in its first place and
    zeros in the others.
    """
    assert term.weights is not None
    codes, weights = np.array(term.codes, dtype=np.int64), np.array(term.weights)
    # a level without weight shares no rows: another one of the row stands in its place
    first = codes[np.arange(len(codes)), np.argmax(weights != 0.0, axis=1)]
    codes = np.where(weights != 0.0, codes, first[:, None])
    order = np.argsort(-codes, axis=1, kind="stable")
    codes, weights = np.take_along_axis(codes, order, 1), np.take_along_axis(weights, order, 1)
    for k in range(codes.shape[1] - 1, 0, -1):
        again = codes[:, k] == codes[:, k - 1]
        weights[again, k - 1] += weights[again, k]
        weights[again, k] = 0.0
    columns = weights.T[:, :, None]
    if term.columns is not None:
        columns = columns * term.columns
    return codes.T.ravel(), columns.reshape(codes.size, -1)


def _precision(pattern: PrecisionPattern | None) -> PrecisionArrays | None:
    if pattern is None:
        return None
    return _codes(pattern.rows), _codes(pattern.columns), pattern.varies


def _factor(factor: FactorMap) -> FactorArrays:
    """A linear factor as a tuple of its fields; any other as a function with ordered arrays."""
    if isinstance(factor, LinearFactor):
        return (
            _codes(factor.rows),
            _codes(factor.columns),
            _vector(factor.values),
            factor.theta_size,
            factor.lambda_size,
            _vector(factor.base),
        )

    def ordered(theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        lam, jacobian = factor(theta)
        return _vector(lam), _matrix(jacobian)

    return ordered
