"""Tracing the profile of one parameter after another around a fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, final

import numpy as np

from ilk.fitted import Lazy
from ilk.inference.profile.curve import ProfileCurve
from ilk.inference.profile.maxima import Maxima
from ilk.inference.profile.names import labels_of, parameters_of, values_of
from ilk.inference.profile.paths import path_of
from ilk.inference.profile.search import End, Walk, fill
from ilk.inference.wald import two_sided
from ilk.likelihood.joint import joint_likelihood, joint_point, joint_scale

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.inference.profile.names import Parameter
    from ilk.inference.profile.paths import Path
    from ilk.typing import FloatArray

__all__ = ["Surroundings"]

_STEPS = 7
"""Constrained maxima on each side of a curve that is kept for a picture."""

_USUAL = (two_sided(0.9), two_sided(0.95))
"""Values of zeta that intervals are often asked at: there the curves need no interpolation."""

_NONE_LEFT = -8.0
"""A log dispersion, or logit of an inflation, below this is on a plateau."""


@final
class Surroundings:
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
        maxima = Maxima(
            path,
            information,
            self.value if exact else None,
            strict=self.strict,
            plateaus=_plateaus(self.fitted, self.phi),
        )
        walks = Walk(maxima, -1, self.target), Walk(maxima, 1, self.target)
        ends = walks[0].end(), walks[1].end()
        if self.dense:
            steps = np.append(self.target * np.arange(1, _STEPS) / _STEPS, _USUAL)
            fill(maxima, -1, np.sort(steps))
            fill(maxima, 1, np.sort(steps))
        below, above = maxima.side(-1), maxima.side(1)
        points = [*below[:0:-1], *above]
        signs = [-1] * (len(below) - 1) + [1] * len(above)
        pairs = list(zip(points, signs, strict=True))
        return ProfileCurve(
            parameter=parameter,
            label=self.labels[parameter],
            estimate=float(self.estimates[parameter]),
            position=np.array([p.w for p in points]),
            value=np.array([path.value(p.w) for p in points]),
            zeta=np.array([s * maxima.zeta(p) for p, s in pairs]),
            loglik=np.array([p.value for p in points]),
            slope=np.array([maxima.rise(p, s) for p, s in pairs]),
            others=np.array([values_of(self.parameters, path.joint, p.phi) for p in points]),
            to_value=path.value,
            bounds=(path.low, path.high),
            ends=ends,
            monotone=walks[0].monotone and walks[1].monotone,
            rejected=maxima.rejected,
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


def _plateaus(fitted: Fitted, phi: FloatArray) -> tuple[int, ...]:
    """Elements of phi that say that there is no extra dispersion, or no inflation, at all."""
    model = fitted.model
    limited = model.family.dispersion_limit is not None
    of_counts = ("zero_inflation", "dispersion") if limited else ("zero_inflation",)
    return tuple(
        where.start
        for name, where in model.slices.items()
        if name in of_counts and where.stop - where.start == 1 and phi[where.start] < _NONE_LEFT
    )
