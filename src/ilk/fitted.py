"""The frozen record of what a fit has learned: estimates, their uncertainty, and a verdict.

Every question that can be asked of a fit (`inference`, `prediction`, `diagnostics`, ...) takes a
`Fitted`; none of them sees the `Fit` facade that users hold.  Numbers here are on the scale of the
user's columns.  What costs about as much as the fit itself (the observed information, conditional
covariances) is computed when first asked for, and kept.

The flat parameter vector is ``psi = (beta, theta)`` for models fitted by Laplace or quadrature and
``psi = (beta, theta, log sigma2)`` for the profiled Gaussian model: ``beta`` are the coefficients
of all predictors, ``theta`` the covariance parameters on the scale on which they were searched
(elements of the factor Lambda of the scaled columns).
"""

from __future__ import annotations

import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from ilk.errors import ConvergenceWarning, IdentificationWarning
from ilk.frame import answer
from ilk.model.dependence import Dependence, dependences

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.family.base import AbstractFamily
    from ilk.formula.spec import FormulaSpec
    from ilk.kernels.contract import SearchResult
    from ilk.likelihood.base import AbstractMarginal
    from ilk.lint.record import Finding
    from ilk.model.model import Model
    from ilk.typing import FloatArray

T = TypeVar("T")


_NO_GAIN, _NO_SHIFT = 1e-6, 1e-3
"""Log-likelihood and standard errors below which figures differ between machines."""


class Lazy(Generic[T]):
    """A value that is computed on first use and then kept (thread-safe).

    Parameters
    ----------
    compute : callable
        Function without arguments that gives the value.
    """

    __slots__ = ("_compute", "_lock", "_value")

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute: Callable[[], T] | None = compute
        self._lock = threading.Lock()
        self._value: T | None = None

    def __call__(self) -> T:
        """Give the value."""
        with self._lock:
            if self._compute is not None:
                self._value = self._compute()
                self._compute = None
        return self._value  # type: ignore[return-value]

    @property
    def known(self) -> bool:
        """Whether the value has been computed."""
        return self._compute is None


class Status(Enum):
    """What became of a fit, in one word; the text is what the summary prints."""

    CONVERGED = "converged"
    BOUNDARY = "converged on the boundary of the parameter space"
    SEPARATED = "separated: the likelihood has no maximum"
    NOT_IDENTIFIED = "not identified"
    NOT_CONVERGED = "not converged"


NOTHING: Lazy[tuple[Any, ...]] = Lazy(tuple)
"""No findings."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason behind a verdict.

    Parameters
    ----------
    code : str
        Stable identifier, such as ``"singular_covariance"``.
    severity : str
        ``"note"``, ``"warning"`` or ``"error"``.
    terms : tuple of str
        Coefficients, random terms or columns concerned.
    message : str
        What was found.
    advice : str
        What to do about it; may be empty.
    """

    code: str
    severity: str
    terms: tuple[str, ...]
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What exact gradient and curvature say of the point where a search ended.

    Parameters
    ----------
    gain : float
        Log-likelihood that one more step of Newton's method would gain.
    shift : float
        Largest move of an estimate in that step, in standard errors.
    parameter : str
        The parameter that would move so.
    curvature : float
        Smallest curvature as a share of the largest, parameters scaled to unit curvature each.
    level : tuple of tuple of str
        Parameters of each direction along which the likelihood is level.
    rising : tuple of tuple of str
        Parameters of each direction without curvature along which it rises.
    """

    gain: float
    shift: float
    parameter: str
    curvature: float
    level: tuple[tuple[str, ...], ...] = ()
    rising: tuple[tuple[str, ...], ...] = ()

    def __str__(self) -> str:
        gain = f"{self.gain:.1g}" if self.gain > _NO_GAIN else f"less than {_NO_GAIN:g}"
        shift = max(self.shift, _NO_SHIFT)
        return (
            f"one more Newton step would gain {gain} in log-likelihood and move no estimate by "
            f"more than {shift:.1g} standard errors"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Convergence as a verdict with reasons, never a bare warning.

    Parameters
    ----------
    status : Status
        The verdict in one word.
    reasons : tuple of Reason
        What was found.
    certificate : Certificate or None
        Exact gradient and curvature where the search ended, for fits that were certified.
    flavor : str
        Make of the frame that the caller uses.
    """

    status: Status
    reasons: tuple[Reason, ...] = ()
    certificate: Certificate | None = None
    flavor: str = "pandas"

    @property
    def converged(self) -> bool:
        """Whether the estimates are an optimum; a boundary optimum is one."""
        return self.status in (Status.CONVERGED, Status.BOUNDARY)

    @property
    def frame(self) -> Any:
        """A row for each reason: ``code, severity, terms, message, advice``."""
        columns = {
            "code": [reason.code for reason in self.reasons],
            "severity": [reason.severity for reason in self.reasons],
            "terms": [", ".join(reason.terms) for reason in self.reasons],
            "message": [reason.message for reason in self.reasons],
            "advice": [reason.advice for reason in self.reasons],
        }
        return answer(columns, self.flavor)

    def __str__(self) -> str:
        lines = [self.status.value]
        if self.certificate is not None:
            aside = ", infinite ones aside" if self.status is Status.SEPARATED else ""
            lines.append(f"{self.certificate}{aside}.")
        for reason in self.reasons:
            text = f"{reason.severity}: {reason.message}"
            lines.append(f"{text} {reason.advice}".rstrip())
        return "\n  ".join(lines)


def warn_of(verdict: Verdict, stacklevel: int) -> None:
    """Repeat a bad verdict as a warning.

    Parameters
    ----------
    verdict : Verdict
        Of a fit.
    stacklevel : int
        As `warnings.warn` takes it, counted from the caller of this function.
    """
    if verdict.converged:
        return
    unknown = verdict.status in (Status.SEPARATED, Status.NOT_IDENTIFIED)
    worst = [reason for reason in verdict.reasons if reason.severity == "error"]
    text = " ".join(f"{reason.message} {reason.advice}" for reason in worst)
    warnings.warn(
        f"The fit is {verdict.status.value}: {text}",
        IdentificationWarning if unknown else ConvergenceWarning,
        stacklevel=stacklevel + 1,
    )


@dataclass(frozen=True, slots=True)
class SearchLog:
    """How the optimum was found.

    Parameters
    ----------
    method : str
        Name of the algorithm.
    engine : str
        ``"compiled"``, ``"reference"``, or ``"spectral"`` (rotated by eigenvectors).
    steps, evaluations : int
        Accepted steps and evaluations of the criterion with its gradient.
    decrement : float
        Predicted gain of one more Newton step, in log-likelihood units.
    status : str
        Status reported by the search.
    """

    method: str
    engine: str
    steps: int
    evaluations: int
    decrement: float
    status: str


class AbstractFitted(ABC):
    """What every question may ask of any fitted model.

    The contract is eight names: `formula`, `design`, `coef`, `vcov`, `mean`, `loglik`, `nobs`,
    `verdict`.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def formula(self) -> FormulaSpec:
        """The parsed formulas."""

    @property
    @abstractmethod
    def design(self) -> Design:
        """Matrices, codes and the bookkeeping of rows."""

    @property
    @abstractmethod
    def coef(self) -> FloatArray:
        """(P,) coefficients."""

    @property
    @abstractmethod
    def vcov(self) -> FloatArray:
        """(P, P) covariance matrix of the coefficients."""

    @property
    @abstractmethod
    def mean(self) -> FloatArray:
        """(n,) fitted mean."""

    @property
    @abstractmethod
    def loglik(self) -> float:
        """Maximized log-likelihood with all constants."""

    @property
    @abstractmethod
    def nobs(self) -> int:
        """Number of observations."""

    @property
    @abstractmethod
    def verdict(self) -> Verdict:
        """Verdict of the fit."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """The numbers of a fit, on the scale of the user's columns.

    Parameters
    ----------
    psi : (m,) array
        Flat parameter vector, see the module's first lines.
    names : tuple of (str, str)
        ``(component, name)`` of each coefficient; component is the predictor: ``"mean"``,
        ``"dispersion"`` or ``"zero_inflation"``.
    modes : tuple of (L_t, q_t) arrays
        Conditional modes of the random effects of each term; for the linear model they are also
        the conditional means.
    covariances : tuple of (q_t, q_t) arrays
        Covariance matrix of the random effects of each term.
    sigma2 : float
        Residual variance of the profiled Gaussian model; nan for all others.
    loglik : float
        Maximized log-likelihood with all constants (restricted if the model says so).
    """

    psi: FloatArray
    names: tuple[tuple[str, str], ...]
    modes: tuple[FloatArray, ...]
    covariances: tuple[FloatArray, ...]
    sigma2: float
    loglik: float


@dataclass(frozen=True, slots=True)
class Fitted(AbstractFitted):
    """A fitted mixed model.

    Parameters
    ----------
    model : Model
        Design, family and covariance structures.
    estimates : Estimates
        The numbers.
    marginal : AbstractMarginal
        The criterion, ready to be evaluated again (profiles, bootstrap, refits).
    point : SearchResult
        The optimum on the engine's scale, as the criterion's methods want it.
    search : SearchLog
        How the optimum was found.
    judged : Lazy of Verdict
        Verdict of the fit.
    coef_covariance : Lazy of (P, P) array
        Covariance matrix of the coefficients; cheap for linear models.
    psi_covariance : Lazy of (m, m) array
        Covariance matrix of the estimates of ``psi``.
    mode_covariance : Lazy of tuple of (L_t, q_t, q_t) arrays
        Conditional covariance of the random effects of each level, parameters held fixed.
    mode_sensitivity : Lazy of (U, m) array
        Derivative of the modes of all random effects in ``psi``; rows are flat over terms, then
        levels, then columns.
    findings : Lazy of tuple of Finding
        What looks unintended in the model; none where nobody asks.
    """

    model: Model
    estimates: Estimates
    marginal: AbstractMarginal
    point: SearchResult
    search: SearchLog
    judged: Lazy[Verdict] = field(repr=False)
    coef_covariance: Lazy[FloatArray] = field(repr=False)
    psi_covariance: Lazy[FloatArray] = field(repr=False)
    mode_covariance: Lazy[tuple[FloatArray, ...]] = field(repr=False)
    mode_sensitivity: Lazy[FloatArray] = field(repr=False)
    findings: Lazy[tuple[Finding, ...]] = field(repr=False, default=NOTHING)

    @property
    def formula(self) -> FormulaSpec:
        """The parsed formulas."""
        return self.model.design.spec

    @property
    def design(self) -> Design:
        """Matrices, codes and the bookkeeping of rows."""
        return self.model.design

    @property
    def family(self) -> AbstractFamily:
        """Distribution and link of the response."""
        return self.model.family

    @property
    def coef(self) -> FloatArray:
        """(P,) coefficients of all predictors, in the order of `names`."""
        return self.estimates.psi[: len(self.estimates.names)]

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """``(component, name)`` of each coefficient."""
        return self.estimates.names

    @property
    def vcov(self) -> FloatArray:
        """(P, P) covariance matrix of the coefficients."""
        return self.coef_covariance()

    @property
    def loglik(self) -> float:
        """Maximized log-likelihood with all constants."""
        return self.estimates.loglik

    @property
    def nobs(self) -> int:
        """Number of observations; frequency weights count."""
        return self.model.nobs

    @property
    def parameter_count(self) -> int:
        """Number of estimated parameters (coefficients, covariance parameters, dispersion)."""
        return len(self.estimates.psi)

    @property
    def verdict(self) -> Verdict:
        """Verdict of the fit."""
        return self.judged()

    @property
    def predictors(self) -> list[FloatArray]:
        """(n,) linear predictors at the estimates, random effects at their modes, offsets in."""
        return self.model.linear_predictors(self.coef, self.estimates.modes)

    @property
    def mean(self) -> FloatArray:
        """(n,) fitted mean of the response, random effects at their modes."""
        return self.model.family.mean(self.predictors)

    @property
    def dispersion(self) -> float:
        """Dispersion phi if it is one number: sigma2 of the linear model, else nan."""
        if self.model.linear:
            return self.estimates.sigma2
        parts = self.model.parts
        if "dispersion" not in parts:
            return float("nan")
        part = parts["dispersion"]
        single = part.X.shape[1] == 1 and np.ptp(part.X[:, 0]) == 0.0
        return float(np.exp(self.coef[self.model.slices["dispersion"]][0])) if single else np.nan

    @property
    def dependences(self) -> tuple[Dependence | None, ...]:
        """Structures over the levels by term, None where levels are independent."""
        return dependences(self.model, self.marginal.split(self.estimates.psi)[1])

    def conditional_solve(self, rhs: FloatArray) -> FloatArray:
        """Conditional covariance of all random effects b (U, U), times rhs (U, k).

        Random effects are flat over terms, then levels, then columns.
        """
        return self.marginal.conditional_solve(self.point, rhs)

    def covariances_at(self, psi: FloatArray) -> tuple[FloatArray, ...]:
        """Covariance matrices of the random effects as a function of ``psi``.

        Parameters
        ----------
        psi : (m,) array
            Flat parameter vector.

        Returns
        -------
        tuple of (q_t, q_t) arrays
        """
        return self.marginal.covariances_at(psi)
