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

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import FitError, ModelError
from ilk.estimation.run import run
from ilk.estimation.verify import is_optimum
from ilk.fitted import Lazy, Status
from ilk.inference.profile_curve import ProfileCurve, notes_on_ends
from ilk.inference.profile_names import (
    chosen_parameters,
    labels_of,
    listed,
    parameters_of,
    values_of,
)
from ilk.inference.profile_paths import path_of
from ilk.inference.profile_search import BetterOptimum, End, Walk
from ilk.inference.progress import Progress
from ilk.inference.wald import check_level, two_sided
from ilk.likelihood.base import Search
from ilk.likelihood.joint import joint_likelihood, joint_point, joint_scale, psi_of

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.inference.profile_names import Parameter
    from ilk.inference.profile_paths import Path
    from ilk.typing import FloatArray

__all__ = ["Profile", "ProfileCurve", "profile"]

_STEPS = 7
"""Constrained maxima on each side of a curve that is kept for a picture."""

_USUAL = (two_sided(0.9), two_sided(0.95))
"""Values of zeta that intervals are often asked at: there the curves need no interpolation."""

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
    refitted = fitted.model.linear and fitted.model.reml
    if refitted:
        model = replace(fitted.model, reml=False)
        fitted = run(model, Search(), fitted.estimates.psi, warn=False)
    if fitted.verdict.status is Status.NOT_CONVERGED:
        raise FitError(
            "The fit has not converged, so that there is no maximum that a profile could be "
            "measured from; look at fit.verdict.",
            code="no-optimum",
        )
    around = _Surroundings(fitted, target, curves, strict=True)
    begun, restarts = around.value, 0
    while True:
        try:
            found = _each(around.curve, chosen, n_jobs)
            break
        except BetterOptimum as better:
            restarts += 1
            again = _confirmed(around, better)
            strict = again is not None and restarts < _RESTARTS
            around = _Surroundings(again or around.fitted, target, curves, strict=strict)
    return Profile(
        curves=tuple(found),
        labels=labels_of(around.parameters),
        level=level,
        fitted=around.fitted,
        refitted=refitted,
        gained=max(0.0, around.value - begun) if restarts else 0.0,
    )


def _confirmed(around: _Surroundings, better: BetterOptimum) -> Fitted | None:
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


class _Surroundings:
    """What the curves of one fit share.

    Parameters
    ----------
    fitted : Fitted
        A fit by ML.
    target : float
        Value of zeta where curves end.
    dense : bool
        Whether curves are filled.
    strict : bool
        Whether a better optimum is an exception.
    """

    def __init__(self, fitted: Fitted, target: float, dense: bool, *, strict: bool) -> None:
        self.fitted, self.target, self.dense, self.strict = fitted, target, dense, strict
        self.parameters = parameters_of(fitted)
        self.labels = dict(zip(self.parameters, labels_of(self.parameters), strict=True))
        self.phi = joint_point(fitted)
        scale = joint_scale(fitted)
        self.scale = np.where(np.isfinite(scale) & (scale > 0.0), scale, 1.0)
        joint = joint_likelihood(fitted.marginal)
        self.information = Lazy(lambda: joint.information(self.phi, self.scale))
        self.value = joint.evaluate(self.phi)[0]
        self.estimates = dict(
            zip(self.parameters, values_of(self.parameters, joint, self.phi), strict=True)
        )

    def curve(self, parameter: Parameter) -> ProfileCurve:
        """Profile one parameter, on an engine of its own."""
        joint = joint_likelihood(self.fitted.marginal)
        path = path_of(parameter, joint, self.phi)
        if path is None:
            return self._whole_range(parameter)
        turned = path.joint is not joint
        information = self._turned_information(path, parameter) if turned else self.information()
        exact = not turned or np.all(np.asarray(path.joint.nodes) == 1)
        walk = Walk(path, information, self.value if exact else None, strict=self.strict)
        ends = walk.end(-1, self.target), walk.end(1, self.target)
        if self.dense:
            steps = np.append(self.target * np.arange(1, _STEPS) / _STEPS, _USUAL)
            walk.fill(-1, np.sort(steps))
            walk.fill(1, np.sort(steps))
        below, above = walk.side(-1), walk.side(1)
        points = [*below[:0:-1], *above]
        signs = [-1] * (len(below) - 1) + [1] * len(above)
        pairs = list(zip(points, signs, strict=True))
        return ProfileCurve(
            parameter=parameter,
            label=self.labels[parameter],
            estimate=float(self.estimates[parameter]),
            position=np.array([p.w for p in points]),
            value=np.array([path.value(p.w) for p in points]),
            zeta=np.array([s * walk.zeta(p) for p, s in pairs]),
            loglik=np.array([p.value for p in points]),
            slope=np.array([walk.rise(p, s) for p, s in pairs]),
            others=np.array([values_of(self.parameters, path.joint, p.phi) for p in points]),
            to_value=path.value,
            bounds=(path.low, path.high),
            ends=ends,
            monotone=walk.monotone,
            rejected=walk.rejected,
        )

    def _turned_information(self, path: Path, parameter: Parameter) -> FloatArray:
        """Information in coordinates where no element of a term's factor is what it was."""
        joint = path.joint
        phi, scale = path.placed(path.x, path.w)[0], self.scale.copy()
        where = joint.theta_slice(parameter.place[0])
        scale[where] = scale[where].mean()
        return joint.information(phi, scale)

    def _whole_range(self, parameter: Parameter) -> ProfileCurve:
        """Curve of a correlation with an effect that does not vary: flat at zero."""
        joint = joint_likelihood(self.fitted.marginal)
        return ProfileCurve(
            parameter=parameter,
            label=self.labels[parameter],
            estimate=math.nan,
            position=np.array([-1.0, 1.0]),
            value=np.array([-1.0, 1.0]),
            zeta=np.zeros(2),
            loglik=np.full(2, self.value),
            slope=np.full(2, math.nan),
            others=np.tile(values_of(self.parameters, joint, self.phi), (2, 1)),
            to_value=float,
            bounds=(-1.0, 1.0),
            ends=(End.BOUNDARY, End.BOUNDARY),
            monotone=True,
            rejected=0,
        )


def _each(
    one: Callable[[Parameter], ProfileCurve], chosen: Sequence[Parameter], n_jobs: int
) -> list[ProfileCurve]:
    """Curves of all parameters, in this thread or in several."""

    def counted(found: Iterable[ProfileCurve]) -> list[ProfileCurve]:
        out = []
        with Progress("profile", len(chosen)) as progress:
            for curve in found:
                out.append(curve)
                progress.add(1)
        return out

    if n_jobs == 1:
        return counted(map(one, chosen))
    try:
        import joblib
    except ModuleNotFoundError as error:
        raise ModelError(
            "n_jobs > 1 needs joblib, which is not installed; run: pip install 'ilk[parallel]', or "
            "use n_jobs=1.",
            code="missing-package",
        ) from error
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
