"""An engine that takes any numbers of nodes by term, and hands each request to the right one.

One node everywhere is the Laplace approximation, and grouping factors nested in each other are
integrated together: both are the plain engine's.  Where only some factors have nodes and the others
cross or contain them, quadrature over the former meets Laplace over the latter
(:mod:`.reference.crossed`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast, final

from ilk.kernels.contract import (
    Density,
    EngineData,
    Evaluation,
    FactorMap,
    LaplaceEngine,
    Nodes,
    SearchResult,
    nodes_by_term,
)
from ilk.kernels.delegate import AbstractDelegating
from ilk.typing import FloatArray

__all__ = ["MOST_CROSSING", "MOST_CROSSING_ENTRIES", "ChoosingEngine", "integrated_terms"]

MOST_CROSSING = 1000
"""Most random effects beside those that are integrated; their Hessian is dense."""

MOST_CROSSING_ENTRIES = 30_000_000
"""Most rows times such effects; their columns are dense."""


def integrated_terms(data: EngineData, nodes: Nodes) -> tuple[int, ...] | None:
    """The terms that are integrated while all others are left to the Laplace approximation.

    Parameters
    ----------
    data : EngineData
        Terms and their codes.
    nodes : int or tuple of int
        Quadrature nodes.

    Returns
    -------
    tuple of int or None
        None where all terms are treated alike: Laplace everywhere, or quadrature everywhere.
    """
    by_term = nodes_by_term(nodes, len(data.terms))
    some = tuple(t for t, k in enumerate(by_term) if k > 1)
    return some if 0 < len(some) < len(by_term) else None


@final
class ChoosingEngine(AbstractDelegating):
    """Engine of a model with several random-effects terms.

    Parameters
    ----------
    data : EngineData
        Response, design and grouping.
    density : Density
        Log density of a row.
    plain : callable
        Makes an engine of data for which all terms are treated alike.
    crossed : callable
        Makes the engine for some integrated terms, from data, density, these terms, ``plain`` and
        the plain engine of all terms.
    """

    def __init__(
        self,
        data: EngineData,
        density: Density,
        plain: Callable[[EngineData, Density], LaplaceEngine],
        crossed: Callable[..., Any],
    ) -> None:
        self._data, self._density = data, density
        self._make, self._crossed = plain, crossed
        self._plain = plain(data, density)
        self._last: LaplaceEngine = self._plain
        self._others: dict[tuple[int, ...], LaplaceEngine] = {}
        self._response: FloatArray | None = None

    def _choose(self, nodes: Nodes) -> LaplaceEngine:
        some = integrated_terms(self._data, nodes)
        if some is None:
            self._last = self._plain
            return self._last
        if any(term.linked for term in self._data.terms):
            raise ValueError("quadrature needs levels that are independent; use nodes=1")
        if some not in self._others:
            made = self._crossed(self._data, self._density, some, self._make, self._plain)
            self._others[some] = cast(LaplaceEngine, made)
            if self._response is not None:
                self._others[some].set_response(self._response)
        self._last = self._others[some]
        return self._last

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
        return self._choose(nodes).evaluate(
            beta, lam, nodes=nodes, gradient=gradient, tolerance=tolerance, cold=cold
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
        return self._choose(nodes).fit(
            factor,
            beta=beta,
            theta=theta,
            inverse_hessian=inverse_hessian,
            nodes=nodes,
            max_steps=max_steps,
            tolerance=tolerance,
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
        return self._choose(nodes).information(factor, beta, theta, scale, nodes=nodes)

    def _at(self) -> LaplaceEngine:
        """The engine that evaluated last."""
        return self._last

    def set_response(self, response: FloatArray) -> None:
        """Replace the response (n,), keeping everything else."""
        self._response = response
        for engine in (self._plain, *self._others.values()):
            engine.set_response(response)
