"""What passes between the package and an engine: plain arrays in, plain arrays out.

An engine evaluates and maximizes the marginal log-likelihood of the model

    eta_k = o_k + X_k beta_k + sum over the terms t of the columns of Z_t for predictor k times b_t,
    b_t = Lambda_t u_t,   u ~ N(0, I),   log density of row i = l(y_i | eta_i1, ..., eta_iK).

It knows neither formulas nor the names of families and covariance structures.  Conventions:

* ``beta (P,)`` concatenates the coefficients of all predictors.
* ``Lambda_t (q_t, q_t)`` is lower triangular and shared by the levels of term t; ``lam`` is the
  concatenation over terms of all its elements in column-major order, zeros above the diagonal
  included.
* ``u (U,)``, U = sum of L_t q_t, runs over terms, then levels, then columns.
* ``theta (m_theta,)`` are the covariance parameters; a *factor map* takes theta to ``lam`` and the
  Jacobian d lam / d theta.

There are two engines, :class:`LaplaceEngine` for any density and :class:`LinearEngine` for the
linear mixed model, each in a compiled and in a readable version with the same methods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, TypeVar

import numpy as np

from ilk.kernels.spectrum import Spectrum
from ilk.num.jets import Jet
from ilk.typing import FloatArray, IntArray

__all__ = [
    "Density",
    "EngineData",
    "Evaluation",
    "FactorMap",
    "LaplaceEngine",
    "LinearEngine",
    "LinearEvaluation",
    "LinearFactor",
    "Nodes",
    "PredictorData",
    "SearchResult",
    "SearchStatus",
    "TermData",
    "nodes_by_term",
]


@dataclass(frozen=True, slots=True)
class PredictorData:
    """Fixed part of one linear predictor.

    Attributes
    ----------
    X : ndarray (n, p)
        Design matrix in Fortran order; p may be 0.
    offset : ndarray (n,) or None
        Known part of the predictor.
    """

    X: FloatArray
    offset: FloatArray | None


@dataclass(frozen=True, slots=True)
class PrecisionPattern:
    """Where the precision matrix Q of a term's levels has elements: its lower triangle.

    Attributes
    ----------
    rows, columns : ndarray (nnz,) of int32
        Places, rows >= columns, sorted by column, then row; every diagonal element is among them.
    varies : bool
        Whether the elements depend on parameters, so that their derivatives are wanted.
    spectrum : Spectrum or None
        Eigenvalues and eigenvectors of Q^-1, if they are known and do not vary.
    """

    rows: IntArray
    columns: IntArray
    varies: bool = False
    spectrum: Spectrum | None = None


@dataclass(frozen=True, slots=True)
class TermData:
    """One random-effects term.

    Attributes
    ----------
    predictors : tuple of q int
        Index of the linear predictor that each column belongs to.
    codes : ndarray (n,) or (n, s) of int32
        Level of each row, 0 <= code < levels; the s levels of each row in a term of multiple
        membership.
    levels : int
        Number of levels L_t.
    columns : ndarray (n, q) or None
        Row of Z within its level, in C order; None stands for one column of ones.
    precision : PrecisionPattern or None
        Where the precision matrix of u over the levels has elements, u ~ N(0, Q^-1 x I_q); None
        stands for the identity. The elements of Q, then log|Q|, of all such terms in order follow
        those of all Lambda_t in ``lam``.
    weights : ndarray (n, s) or None
        Weights of the s levels of each row, which adds z_i' sum of w_is b[c_is] to its predictor;
        a level of weight 0 has no part in the row. None where ``codes`` is (n,).
    """

    predictors: tuple[int, ...]
    codes: IntArray
    levels: int
    columns: FloatArray | None
    precision: PrecisionPattern | None = None
    weights: FloatArray | None = None

    @classmethod
    def single(
        cls,
        predictor: int,
        codes: IntArray,
        levels: int,
        columns: FloatArray | None,
        precision: PrecisionPattern | None = None,
        weights: FloatArray | None = None,
    ) -> TermData:
        """Term of which all columns belong to one predictor."""
        width = 1 if columns is None or columns.ndim < 2 else columns.shape[1]
        return cls((predictor,) * width, codes, levels, columns, precision, weights)

    @property
    def width(self) -> int:
        """Number q of random effects per level."""
        return 1 if self.columns is None else int(self.columns.shape[1])

    @property
    def linked(self) -> bool:
        """Whether levels depend on each other or share rows, so that none stands alone."""
        return self.precision is not None or self.weights is not None

    @property
    def memberships(self) -> int:
        """Number s of levels of a row."""
        return 1 if self.weights is None else int(self.weights.shape[1])

    def member(self, k: int) -> tuple[IntArray, FloatArray | None]:
        """Level (n,) of each row in its k-th membership, and columns (n, q) times weights."""
        if self.weights is None:
            return self.codes, self.columns
        w = self.weights[:, k, None]
        return self.codes[:, k], w if self.columns is None else w * self.columns

    @property
    def mixed(self) -> bool:
        """Whether the columns belong to several predictors."""
        return len(set(self.predictors)) > 1

    def within(self, k: int) -> bool:
        """Whether all columns belong to predictor k."""
        return set(self.predictors) == {k}


@dataclass(frozen=True, slots=True)
class EngineData:
    """Everything an engine needs to know about the data.

    Attributes
    ----------
    response : ndarray (n,)
        Response y.
    trials : ndarray (n,) or None
        Binomial sizes; None stands for ones.
    weights : ndarray (n,) or None
        Multipliers of the rows' log densities (of their squared residuals in the linear engine).
    predictors : tuple of PredictorData
        One for each of the K linear predictors.
    terms : tuple of TermData
        Random-effects terms; may be empty.
    """

    response: FloatArray
    trials: FloatArray | None
    weights: FloatArray | None
    predictors: tuple[PredictorData, ...]
    terms: tuple[TermData, ...]

    def __post_init__(self) -> None:
        """Check shapes and ranges of codes, so that a kernel never reads out of bounds."""
        n = self.response.shape[0]
        vectors = [self.response, self.trials, self.weights]
        vectors += [part.offset for part in self.predictors]
        vectors += [np.asarray(term.codes) for term in self.terms if term.weights is None]
        for vector in vectors:
            if vector is not None and vector.shape != (n,):
                raise ValueError(f"vector of shape {vector.shape} among data of {n} rows")
        for term in self.terms:
            if term.weights is not None and not (
                np.shape(term.codes) == term.weights.shape == (n, term.memberships)
            ):
                raise ValueError(
                    f"codes {np.shape(term.codes)} and weights {term.weights.shape} of memberships "
                    f"among data of {n} rows"
                )
        matrices = [part.X for part in self.predictors]
        matrices += [term.columns for term in self.terms if term.columns is not None]
        for matrix in matrices:
            if matrix.ndim != 2 or matrix.shape[0] != n:
                raise ValueError(f"matrix of shape {matrix.shape} among data of {n} rows")
        for term in self.terms:
            if len(term.predictors) != term.width:
                raise ValueError(f"{len(term.predictors)} predictors for {term.width} columns")
            if not all(0 <= k < len(self.predictors) for k in term.predictors):
                raise ValueError(f"term of predictors {term.predictors} of {len(self.predictors)}")
            if n and not 0 <= int(term.codes.min()) <= int(term.codes.max()) < term.levels:
                raise ValueError(f"level codes outside 0..{term.levels - 1}")

    @property
    def lambda_size(self) -> int:
        """Length of ``lam``: the sum of q_t^2, and what follows for precision matrices."""
        patterns = [term.precision for term in self.terms if term.precision is not None]
        elements = sum(len(pattern.rows) + 1 for pattern in patterns)
        return sum(term.width**2 for term in self.terms) + elements


@dataclass(frozen=True, slots=True)
class LinearFactor:
    """Factor map that is linear in theta.

    ``lam[rows[e]] = base[rows[e]] + values[e] * theta[columns[e]]``, summed over the entries e.

    Attributes
    ----------
    rows : ndarray (nnz,) of int32
        Positions in ``lam``.
    columns : ndarray (nnz,) of int32
        Positions in theta.
    values : ndarray (nnz,)
        Coefficients.
    theta_size, lambda_size : int
        Lengths of theta and ``lam``.
    base : ndarray (lambda_size,)
        ``lam`` at theta = 0.
    """

    rows: IntArray
    columns: IntArray
    values: FloatArray
    theta_size: int
    lambda_size: int
    base: FloatArray

    def __call__(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Factor and Jacobian.

        Parameters
        ----------
        theta : ndarray (theta_size,)
            Covariance parameters.

        Returns
        -------
        lam : ndarray (lambda_size,)
            Elements of all Lambda_t.
        jacobian : ndarray (lambda_size, theta_size)
            d lam / d theta.
        """
        jacobian = np.zeros((self.lambda_size, self.theta_size))
        np.add.at(jacobian, (self.rows, self.columns), self.values)
        return self.base + jacobian @ theta, jacobian

    def elements(self, theta: FloatArray) -> FloatArray:
        """Factor alone, ``lam`` of shape (lambda_size,)."""
        lam = np.array(self.base, dtype=np.float64)
        np.add.at(lam, self.rows, self.values * theta[self.columns])
        return lam


FactorMap: TypeAlias = LinearFactor | Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Takes theta to ``lam`` and the Jacobian d lam / d theta."""


NumberT = TypeVar("NumberT", FloatArray, Jet)


class Density(Protocol):
    """Log density of a row as a function of its K linear predictors.

    ``key`` names the compiled twin of the density, None if there is none.
    """

    @property
    def key(self) -> str | None:
        """Name of the compiled density, e.g. ``"poisson:log"``."""

    @property
    def predictors(self) -> int:
        """Number K of linear predictors."""

    def log_density(
        self, y: FloatArray, trials: FloatArray | None, eta: Sequence[NumberT]
    ) -> NumberT:
        """Log density by row, up to terms that depend on y, trials only.

        Parameters
        ----------
        y : ndarray (n,)
            Response.
        trials : ndarray (n,) or None
            Binomial sizes.
        eta : sequence of K jets, or of K ndarrays (n,)
            Linear predictors.

        Returns
        -------
        jet or ndarray (n,)
            Log density, of the kind of ``eta``.
        """


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Marginal log-likelihood at one point (beta, lam).

    Attributes
    ----------
    value : float
        Log-likelihood without the constants in y; minus infinity if no mode was found.
    grad_beta : ndarray (P,) or None
        Gradient in beta, if asked for.
    grad_lam : ndarray (sum of q_t^2,) or None
        Gradient in the full matrices Lambda_t, column-major; only the lower triangles count.
    converged : bool
        Whether the modes were found.
    clipped : bool
        Whether negative weights had to be clipped on the way to the modes, a sign that the
        conditional density may have several modes.
    """

    value: float
    grad_beta: FloatArray | None
    grad_lam: FloatArray | None
    converged: bool
    clipped: bool


@dataclass(frozen=True, slots=True)
class LinearEvaluation:
    """Profiled log-likelihood of the linear mixed model at one ``lam``.

    Attributes
    ----------
    value : float
        ML or REML log-likelihood, maximized over beta and sigma, with all terms in 2 pi;
        half the sum of log precision weights is the caller's to add.
    beta : ndarray (p,)
        Generalized least squares estimate.
    sigma2 : float
        Residual variance estimate.
    grad_lam : ndarray (sum of q_t^2,) or None
        Gradient in the full matrices Lambda_t, column-major, if asked for.
    """

    value: float
    beta: FloatArray
    sigma2: float
    grad_lam: FloatArray | None


SearchStatus: TypeAlias = Literal["converged", "line_search", "max_steps", "no_mode"]
"""How a search ended: at an optimum; no further progress; out of steps; modes not found."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Where a search for the maximum ended, and how it got there.

    Attributes
    ----------
    status : str
        ``"converged"``, ``"line_search"``, ``"max_steps"`` or ``"no_mode"``.
    beta : ndarray (P,)
        Coefficients.
    theta : ndarray (m_theta,)
        Covariance parameters.
    value : float
        Log-likelihood, as in :class:`Evaluation` or :class:`LinearEvaluation`.
    gradient : ndarray (m,)
        Gradient of the value in (beta, theta); in theta only for the linear engine.
    inverse_hessian : ndarray (m, m)
        Inverse of the (approximate) Hessian of minus the value.
    decrement : float
        Predicted further gain in log-likelihood.
    steps, evaluations, passes : int
        Outer steps, evaluations of the objective, passes over the density.
    clipped : bool
        As in :class:`Evaluation`, at the end.
    sigma2 : float
        Residual variance in the linear engine, otherwise not a number.
    """

    status: SearchStatus
    beta: FloatArray
    theta: FloatArray
    value: float
    gradient: FloatArray
    inverse_hessian: FloatArray
    decrement: float
    steps: int
    evaluations: int
    passes: int
    clipped: bool
    sigma2: float


Nodes: TypeAlias = int | tuple[int, ...]
"""Quadrature nodes per dimension: one number for all terms, or one for each term."""


def nodes_by_term(nodes: Nodes, terms: int) -> tuple[int, ...]:
    """Quadrature nodes of each term.

    Parameters
    ----------
    nodes : int or tuple of int
        For all terms, or for each.
    terms : int
        Number of terms.
    """
    return nodes if isinstance(nodes, tuple) else (nodes,) * terms


class LaplaceEngine(Protocol):
    """Laplace approximation or adaptive Gauss-Hermite quadrature for any density.

    Constructed as ``LaplaceEngine(data, density, threads=1)``.  With nodes > 1 the grouping
    factors must be nested in each other, with at most three random effects per level of each.
    """

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
        """Log-likelihood at (beta, lam).

        Parameters
        ----------
        beta : ndarray (P,)
            Coefficients.
        lam : ndarray (sum of q_t^2,)
            Elements of all Lambda_t.
        nodes : int or tuple of int
            Quadrature nodes per dimension; 1 is the Laplace approximation.
        gradient : bool
            Whether to compute the gradient.
        tolerance : float
            Newton decrement, in log-likelihood units, at which a mode is accepted.
        cold : bool
            Start the search for the modes from u = 0 rather than from the last modes.
        """

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
        """Maximize over (beta, theta).

        Parameters
        ----------
        factor : FactorMap
            Takes theta to ``lam``.
        beta : ndarray (P,)
            Start of the coefficients.
        theta : ndarray (m_theta,), optional
            Start of the covariance parameters; by default from moments (linear factor only).
        inverse_hessian : ndarray (m, m), optional
            Start of the inverse Hessian of a warm start; with it, no joint start is made.
        nodes : int or tuple of int
            Quadrature nodes per dimension.
        max_steps : int
            Greatest number of outer steps.
        tolerance : float
            Predicted gain in log-likelihood at which the search ends.
        """

    def information(
        self,
        factor: FactorMap,
        beta: FloatArray,
        theta: FloatArray,
        scale: FloatArray,
        *,
        nodes: Nodes = 1,
    ) -> FloatArray:
        """Observed information (m, m) in (beta, theta).

        Central differences of the exact gradient with steps ``1e-3 * scale``.
        """

    def modes(self) -> FloatArray:
        """Modes u (U,) at the last evaluation."""

    def conditional_covariance(self) -> list[FloatArray]:
        """Blocks of Lambda P Lambda', P = H^-1, by term: (L_t, q_t, q_t)."""

    def solve(self, rhs: FloatArray) -> FloatArray:
        """H^-1 rhs for rhs (U, k) at the last evaluation."""

    def cross_information(self) -> FloatArray:
        """Lambda' Z' W X (U, P) at the last evaluation."""

    def fixed_information(self) -> FloatArray:
        """X' W X (P, P) at the last evaluation."""

    def set_response(self, response: FloatArray) -> None:
        """Replace the response (n,), keeping everything else."""


class LinearEngine(Protocol):
    """Linear mixed model with beta and sigma profiled out.

    Constructed as ``LinearEngine(data, count=None, threads=1)``; ``count`` is the number of
    observations if it is not the number of rows (frequency weights).
    """

    def evaluate(self, lam: FloatArray, *, reml: bool, gradient: bool = True) -> LinearEvaluation:
        """Profiled log-likelihood at ``lam``."""

    def fit(
        self,
        factor: FactorMap,
        *,
        theta: FloatArray | None = None,
        reml: bool,
        max_steps: int = 100,
        tolerance: float = 1e-8,
    ) -> SearchResult:
        """Maximize over theta; parameters as in :meth:`LaplaceEngine.fit`.

        The result's point is the last one evaluated.
        """

    def information(
        self, factor: FactorMap, theta: FloatArray, scale: FloatArray, *, reml: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Curvature in theta.

        Returns
        -------
        information : ndarray (m, m)
            Minus the Hessian of the profiled log-likelihood in theta.
        slope : ndarray (m,)
            d log sigma2-hat(theta) / d theta.
        """

    def modes(self) -> FloatArray:
        """Modes u (U,) at the last evaluation; b = Lambda u."""

    def conditional_covariance(self) -> list[FloatArray]:
        """Blocks of sigma2 Lambda H^-1 Lambda' by term: (L_t, q_t, q_t)."""

    def solve(self, rhs: FloatArray) -> FloatArray:
        """H^-1 rhs for rhs (U, k), H = Lambda' Z' W Z Lambda + I."""

    def cross_information(self) -> FloatArray:
        """Lambda' Z' W X (U, p) at the last evaluation, without 1 / sigma2."""

    def coefficient_covariance(self) -> FloatArray:
        """(R_X' R_X)^-1 (p, p), the covariance of beta-hat divided by sigma2."""

    def set_response(self, response: FloatArray) -> None:
        """Replace the response (n,), keeping everything else."""
