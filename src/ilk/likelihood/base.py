r"""What every marginal likelihood can do, and how its engine's numbers are taken back.

A marginal likelihood pairs a model with an engine that holds the model's scaled arrays.  Engines
remember where they evaluated last (modes, factorization); a marginal moves its engine to the point
it is asked about first, under a lock, so that questions asked later, in any order and from any
thread, see the same numbers.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from ilk.errors import ModelError
from ilk.kernels.contract import SearchResult
from ilk.model.factors import factor_elements, factor_map, split_factors
from ilk.model.scaling import rescale_response

if TYPE_CHECKING:
    from ilk.fitted import Estimates
    from ilk.kernels.contract import FactorMap, LaplaceEngine, LinearEngine
    from ilk.model.model import Model
    from ilk.model.scaling import ScaledModel
    from ilk.typing import FloatArray


@dataclass(frozen=True, slots=True)
class Search:
    """How the optimum is searched for.

    Parameters
    ----------
    max_steps : int
        Greatest number of steps of the outer search.
    tolerance : float, optional
        The search ends when one more step is predicted to gain less than this, in
        log-likelihood units.  By default 1e-8 for linear mixed models, whose search converges
        quadratically, and 1e-10 for all others.
    threads : int
        Threads for data with many independent clusters; results do not depend on it.

    Examples
    --------
    >>> import ilk
    >>> ilk.Search(tolerance=1e-10)
    Search(max_steps=200, tolerance=1e-10, threads=1)
    """

    max_steps: int = 200
    tolerance: float | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        if self.max_steps < 1 or int(self.max_steps) != self.max_steps:
            raise ModelError(f"Search(max_steps={self.max_steps!r}): give a whole number above 0.")
        if self.tolerance is not None and not 0.0 < self.tolerance < 1.0:
            raise ModelError(f"Search(tolerance={self.tolerance!r}): give a number in (0, 1).")
        if self.threads < 1 or int(self.threads) != self.threads:
            raise ModelError(f"Search(threads={self.threads!r}): give a whole number above 0.")


@dataclass(frozen=True, slots=True)
class Start:
    """Where a search begins, on the engine's scale.

    Parameters
    ----------
    beta : (P,) array
        Coefficients.
    theta : (m_theta,) array or None
        Covariance parameters; None lets the engine start from moments.
    inverse_hessian : (m, m) array or None
        Of a warm start.
    """

    beta: FloatArray
    theta: FloatArray | None = None
    inverse_hessian: FloatArray | None = None


class EngineState:
    """An engine shared by marginals that differ in the response only, and where it stands.

    Parameters
    ----------
    engine : LaplaceEngine or LinearEngine
        The engine.
    response : (n,) array
        The response that it holds, on its own scale.
    """

    __slots__ = ("engine", "lock", "point", "response")

    def __init__(self, engine: LaplaceEngine | LinearEngine, response: FloatArray) -> None:
        self.engine = engine
        self.response = response
        self.lock = threading.RLock()
        self.point: bytes | None = None

    def hold(self, response: FloatArray) -> None:
        """Give the engine this response, unless it holds it already."""
        if self.response is not response:
            self.engine.set_response(response)
            self.response = response
            self.point = None


class AbstractMarginal(ABC):
    """Marginal likelihood of a model; see `ilk.likelihood.gaussian` and `.laplace`.

    Methods that take a `SearchResult` answer at its point.  ``psi`` is the flat vector of
    `ilk.fitted`; random effects are flat over terms, then levels, then columns.

    Parameters
    ----------
    model : Model
        The model.
    scaled : ScaledModel
        The model on the engine's scale.
    state : EngineState
        Engine that holds the scaled arrays.
    """

    def __init__(self, model: Model, scaled: ScaledModel, state: EngineState) -> None:
        self.model = model
        self.scaled = scaled
        self.state = state
        self.levels = [term.levels for term in scaled.data.terms]
        widths = [term.width for term in scaled.data.terms]
        self.factor: FactorMap = factor_map(model.covariances, widths)
        self._last: tuple[bytes, FloatArray] | None = None
        self._bent: tuple[bytes, tuple[FloatArray, ...]] | None = None

    @classmethod
    @abstractmethod
    def of(cls, model: Model, threads: int = 1) -> AbstractMarginal:
        """Build the criterion of a model with an engine of its own."""

    @abstractmethod
    def maximize(self, start: Start, search: Search) -> SearchResult:
        """Search for the maximum."""

    @abstractmethod
    def at_point(self, beta: FloatArray, theta: FloatArray) -> SearchResult:
        """A point on the engine's scale, as the result of a search of no steps."""

    @abstractmethod
    def gradient(self, result: SearchResult) -> FloatArray:
        """Exact gradient (k,) at a point in the parameters that the search moves."""

    @abstractmethod
    def information(self, result: SearchResult) -> FloatArray:
        """Observed information (k, k) in the parameters that the search moves."""

    @abstractmethod
    def split(self, psi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """``(coef, theta)`` of the flat vector."""

    @abstractmethod
    def estimates(self, result: SearchResult) -> Estimates:
        """Numbers on the scale of the user's columns."""

    @abstractmethod
    def covariance(self, result: SearchResult) -> FloatArray:
        """(m, m) covariance matrix of the estimates of ``psi``."""

    @abstractmethod
    def coef_covariance(self, result: SearchResult, whole: Callable[[], FloatArray]) -> FloatArray:
        """(P, P) covariance matrix of the coefficients.

        ``whole`` gives the covariance matrix of ``psi``, for criteria that have no cheaper way.
        """

    @abstractmethod
    def covariances_at(self, psi: FloatArray) -> tuple[FloatArray, ...]:
        """Covariance matrices G_t of the random effects at ``psi``."""

    @abstractmethod
    def mode_sensitivity(self, result: SearchResult) -> FloatArray:
        """(U, m) derivative of the modes b of all random effects in ``psi``."""

    @abstractmethod
    def move(self, result: SearchResult) -> FloatArray:
        """Bring the engine to a result's point (the caller holds the lock); gives lam there."""

    @abstractmethod
    def forget(self, result: SearchResult) -> None:
        """Bring the engine to a point by a way that does not depend on where it stood before."""

    def lam(self, theta: FloatArray) -> FloatArray:
        """Elements of all factors at theta, ``lam`` of the engine; the last are remembered."""
        key, last = theta.tobytes(), self._last
        if last is None or last[0] != key:
            elements = factor_elements(self.factor, theta)
            elements.flags.writeable = False
            last = self._last = (key, elements)
        return last[1]

    def curvature_once(
        self, result: SearchResult, compute: Callable[[], tuple[FloatArray, ...]]
    ) -> tuple[FloatArray, ...]:
        """What an engine says of the curvature at a point; the last answer is remembered."""
        key, bent = result.beta.tobytes() + result.theta.tobytes(), self._bent
        if bent is None or bent[0] != key:
            bent = self._bent = (key, compute())
        return bent[1]

    def with_response(self, model: Model) -> Self:
        """The same criterion and engine for a model that differs in its response only."""
        return type(self)(model, rescale_response(model, self.scaled), self.state)

    def at(self, psi: FloatArray) -> SearchResult:
        """The point ``psi``, as the result of a search of no steps."""
        coef, theta = self.split(psi)
        return self.at_point(self.scaled.beta(coef), np.array(theta))

    def mode_covariance(self, result: SearchResult) -> tuple[FloatArray, ...]:
        """Conditional covariance of the effects of each level, (L_t, q_t, q_t) by term."""
        with self.state.lock:
            self.move(result)
            blocks = self.state.engine.conditional_covariance()
        maps = self.scaled.term_maps
        return tuple(np.matmul(np.matmul(T, C), T.T) for C, T in zip(blocks, maps, strict=True))

    def conditional_solve(self, result: SearchResult, rhs: FloatArray) -> FloatArray:
        """Conditional covariance matrix of all random effects b (U, U), times rhs (U, k)."""
        unit = 1.0 if np.isnan(result.sigma2) else result.sigma2
        with self.state.lock:
            roots = self.roots(self.move(result))
            inner = apply_blocks(rhs, self.levels, [root.T for root in roots])
            return unit * apply_blocks(self.state.engine.solve(inner), self.levels, roots)

    def roots(self, lam: FloatArray) -> list[FloatArray]:
        """``T Lambda`` (q_t, q_t) of each term: ``b = T Lambda u``."""
        maps = self.scaled.term_maps
        factors = split_factors(lam, [len(T) for T in maps])
        return [T @ factor for T, factor in zip(maps, factors, strict=True)]

    def effects(self, roots: Sequence[FloatArray]) -> tuple[FloatArray, ...]:
        """Modes b (L_t, q_t) of the random effects where the engine stands.

        Parameters
        ----------
        roots : sequence of (q_t, q_t) arrays
            ``T Lambda`` of each term there.
        """
        u = self.state.engine.modes()
        out, start = [], 0
        for root, count in zip(roots, self.levels, strict=True):
            stop = start + count * len(root)
            out.append(u[start:stop].reshape(count, len(root)) @ root.T)
            start = stop
        return tuple(out)

    def mode_slope(self, roots: Sequence[FloatArray]) -> FloatArray:
        """(U, P) derivative ``-T Lambda H^-1 Lambda'Z'WX`` of b in beta where the engine stands.

        Parameters
        ----------
        roots : sequence of (q_t, q_t) arrays
            ``T Lambda`` of each term there.
        """
        engine = self.state.engine
        return -apply_blocks(engine.solve(engine.cross_information()), self.levels, roots)


def no_steps(
    found: bool,
    beta: FloatArray,
    theta: FloatArray,
    value: float,
    *,
    size: int,
    clipped: bool = False,
    sigma2: float = np.nan,
) -> SearchResult:
    """A single evaluation as the result of a search of no steps.

    Parameters
    ----------
    found : bool
        Whether the likelihood could be evaluated.
    beta, theta, value, clipped, sigma2
        As in `SearchResult`.
    size : int
        Number of parameters that a search would move; gradient and Hessian are unknown.
    """
    return SearchResult(
        status="converged" if found else "no_mode",
        beta=beta,
        theta=theta,
        value=value,
        gradient=np.full(size, np.nan),
        inverse_hessian=np.full((size, size), np.nan),
        decrement=np.nan,
        steps=0,
        evaluations=1,
        passes=0,
        clipped=clipped,
        sigma2=sigma2,
    )


def flatten(effects: Sequence[FloatArray]) -> FloatArray:
    """Random effects of all terms as one flat vector (U,)."""
    return np.concatenate([np.zeros(0), *(part.ravel() for part in effects)])


def steps_of(result: SearchResult) -> FloatArray:
    """Rough standard errors from the search's curvature, as a scale for differences."""
    scale = np.sqrt(np.abs(np.diag(result.inverse_hessian)))
    sound = np.isfinite(scale) & (scale > 0.0)
    out: FloatArray = np.where(sound, np.minimum(scale, 10.0), 1.0)
    return out


def covariances_of(roots: Sequence[FloatArray], unit: float = 1.0) -> tuple[FloatArray, ...]:
    """Covariance matrices ``G = unit R R'`` by term, R = T Lambda."""
    return tuple(unit * root @ root.T for root in roots)


def apply_blocks(x: FloatArray, levels: Sequence[int], blocks: Sequence[FloatArray]) -> FloatArray:
    """Multiply each level's part of x (U, k) by its term's block (q_t, q_t)."""
    out = np.empty_like(x)
    start = 0
    for count, block in zip(levels, blocks, strict=True):
        q = len(block)
        stop = start + count * q
        part = x[start:stop].reshape(count, q, -1)
        out[start:stop] = np.matmul(block, part).reshape(count * q, -1)
        start = stop
    return out
