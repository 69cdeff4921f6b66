r"""Profile likelihood: curves and intervals of every parameter, on the user's scale.

The interval of a parameter holds the values v that a likelihood-ratio test does not reject,

.. math:: \{v : |\zeta(v)| \le z_{1 - \alpha/2}\}, \qquad
   \zeta(v) = \operatorname{sign}(v - \hat v)
   \sqrt{2 [\ell(\hat\psi) - \max_{\psi : \psi_j = v} \ell(\psi)]}.

It follows the parameter through any change of scale, ends where the parameter space ends (a
standard deviation of zero, a correlation of one), and has an infinite end where the curve never
falls far enough (a coefficient of a separating column).  The likelihood is the full one (ML) also
for fits by REML, which are fitted again.  Bates, Maechler, Bolker and Walker (2015), section 5.1,
describe the same for linear mixed models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import FitError, ModelError
from ilk.estimation.run import run
from ilk.estimation.verify import is_optimum
from ilk.fitted import Status
from ilk.inference.parallel import require_joblib
from ilk.inference.profile.curve import ProfileCurve, notes_on_ends
from ilk.inference.profile.maxima import BetterOptimum
from ilk.inference.profile.names import chosen_parameters, labels_of, listed, parameters_of
from ilk.inference.profile.trace import Surroundings
from ilk.inference.progress import Progress
from ilk.inference.wald import check_level, two_sided
from ilk.likelihood.base import Search
from ilk.likelihood.joint import psi_of

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.inference.profile.names import Parameter
    from ilk.typing import FloatArray

__all__ = ["Profile", "ProfileCurve", "profile"]

_RESTARTS = 3
"""How often a fit may begin again because a profile found a better optimum."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Profiles of some parameters of a fit.

    Parameters
    ----------
    curves : tuple of ProfileCurve
        One for each parameter asked for.
    labels : tuple of str
        Names of all parameters of the fit, unique.
    level : float
        Coverage up to which the curves tell intervals.
    fitted : Fitted
        The fit that was profiled: by ML, and at the best optimum found.
    refitted : bool
        Whether it took the place of a fit by REML.
    gained : float
        Log-likelihood by which a profile improved on the fit; 0 if it did not.
    """

    curves: tuple[ProfileCurve, ...]
    labels: tuple[str, ...]
    level: float
    fitted: Fitted
    refitted: bool
    gained: float

    def limits(self, level: float) -> FloatArray:
        """Limits (k, 2) of the intervals with some coverage."""
        check_level(level)
        if level > self.level + 1e-12:
            raise ModelError(
                f"level={level}: the curves reach to {self.level:g}; profile with level={level}.",
                code="level",
            )
        return np.array([curve.limits(level) for curve in self.curves]).reshape(-1, 2)

    def notes(self, level: float) -> tuple[str, ...]:
        """Say what was profiled, and how limits that are not crossings are to be read."""
        out = [_criterion(self)]
        if self.gained > 0.0:
            out.append(
                f"A profile found a better optimum than the fit (log-likelihood higher by "
                f"{self.gained:.3g}): the fit's verdict was wrong. Estimates and curves are those "
                "of the better one; fit again with other starting values (start=)."
            )
        limits = self.limits(level)
        out += notes_on_ends(self.curves, limits)
        broken = [curve.label for curve in self.curves if not curve.monotone]
        if broken:
            out.append(
                f"{listed(broken)}: the curve turns back, so that the values compatible with the "
                "data need not be one interval; look at the picture."
            )
        spoiled = [curve.label for curve in self.curves if curve.rejected]
        if spoiled:
            out.append(
                f"{listed(spoiled)}: some searches ended where the approximation of the likelihood "
                "breaks down, above any optimum; they were left out, and limits that stand beside "
                "such places are not to be trusted. Use quadrature=, or a simpler random part."
            )
        return tuple(out)


def profile(
    fitted: Fitted,
    parameters: Any = None,
    *,
    level: float = 0.99,
    n_jobs: int = 1,
    curves: bool = True,
) -> Profile:
    """Profile parameters of a fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    parameters : str, (str, str) or sequence of these, optional
        Terms as tables name them, or pairs of component or group and term; all by default.
    level : float
        Coverage up to which the curves are followed.
    n_jobs : int
        Number of parameters at one time (threads, through joblib).
    curves : bool
        Whether the curves are filled with points for a picture; otherwise only the limits are
        found, which takes a fraction of the time.

    Returns
    -------
    Profile

    Raises
    ------
    ModelError
        A name is not known, or an option is wrong.
    FitError
        The fit has not converged.
    """
    target = two_sided(level)
    _check_jobs(n_jobs)
    chosen = chosen_parameters(parameters_of(fitted), parameters)
    refitted = fitted.model.reml
    if refitted:
        model = replace(fitted.model, reml=False)
        fitted = run(model, Search(), fitted.estimates.psi, warn=False)
    if fitted.verdict.status is Status.NOT_CONVERGED:
        raise FitError(
            "The fit has not converged, so that there is no maximum that a profile could be "
            "measured from; look at fit.verdict.",
            code="no-optimum",
        )
    around = Surroundings(fitted, target, curves, strict=True)
    begun, restarts = around.value, 0
    while True:
        try:
            found = _each(around.curve, chosen, n_jobs)
            break
        except BetterOptimum as better:
            restarts += 1
            again = _confirmed(around, better)
            strict = again is not None and restarts < _RESTARTS
            around = Surroundings(again or around.fitted, target, curves, strict=strict)
    return Profile(
        curves=tuple(found),
        labels=labels_of(around.parameters),
        level=level,
        fitted=around.fitted,
        refitted=refitted,
        gained=max(0.0, around.value - begun) if restarts else 0.0,
    )


def _confirmed(around: Surroundings, better: BetterOptimum) -> Fitted | None:
    """Fit from a point above the fit; None if no optimum above the fit is there.

    Where the approximation of the likelihood breaks down, it can be large and have no maximum.
    """
    fitted = around.fitted
    try:
        again = run(fitted.model, Search(), psi_of(fitted.marginal, better.phi), warn=False)
    except FitError:
        return None
    confirmed = is_optimum(again.point) and again.loglik > fitted.loglik
    return again if confirmed else None


def _each(
    one: Callable[[Parameter], ProfileCurve], chosen: Sequence[Parameter], n_jobs: int
) -> list[ProfileCurve]:
    """Curves of all parameters, in this thread or in several."""

    def counted(found: Iterable[ProfileCurve]) -> list[ProfileCurve]:
        out = []
        with Progress("profile", len(chosen), unit="parameters") as progress:
            for curve in found:
                out.append(curve)
                progress.add(1)
        return out

    if n_jobs == 1:
        return counted(map(one, chosen))
    joblib = require_joblib()
    parallel = joblib.Parallel(n_jobs=n_jobs, require="sharedmem", return_as="generator")
    return counted(parallel(joblib.delayed(one)(parameter) for parameter in chosen))


def _check_jobs(n_jobs: Any) -> None:
    if not isinstance(n_jobs, Integral) or n_jobs == 0:
        raise ModelError(
            f"n_jobs={n_jobs!r:.60}: give the number of parameters at one time, or -1 for as many "
            "as there are processors.",
            code="n-jobs",
        )


def _criterion(found: Profile) -> str:
    """What was profiled, in a sentence."""
    model = found.fitted.model
    if model.penalty is not None:
        return "Profiled is the penalized likelihood; intervals hold the penalty's opinion too."
    if found.refitted:
        return (
            "Profiled is the likelihood (ML): the fit is by REML, whose criterion cannot compare "
            "values of coefficients, so the model was fitted again by ML; estimates are ML's."
        )
    if model.linear:
        return "Profiled is the likelihood (ML)."
    if np.all(np.asarray(model.nodes) == 1):
        return "Profiled is the likelihood by the Laplace approximation."
    return "Profiled is the likelihood by adaptive quadrature."
