r"""Conditional density of the random effects given the parameters, and its mode.

    h(u) = -sum of l_i(eta_i) + u'Q u / 2,     eta = o + X beta + Z Lambda u

Q is the identity but for structures over levels (:mod:`.prior`).  The gradient of h is Q u -
Lambda'g with the score g = Z'l', its Hessian H = Lambda'A Lambda + Q with A = -Z'l''Z.  The mode is
found by Newton's method with limited steps and backtracking; where H is not positive definite (log
densities that are not concave), rows with negative curvature are left out of H for the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.kernels.contract import Density, EngineData
from ilk.kernels.reference.arrow import Arrow, factorize
from ilk.kernels.reference.loadings import Loadings
from ilk.kernels.reference.prior import Prior
from ilk.kernels.reference.rows import RowDesign
from ilk.num.jets import Jet, pair, variables
from ilk.typing import FloatArray

__all__ = ["Conditional", "Mode", "curvature", "find_mode", "weighted_density"]

_MAX_STEPS = 100
_MAX_CHANGE = 5.0
"""Greatest change of an effect in a step, in prior standard deviations."""


def weighted_density(
    data: EngineData, density: Density, eta: Sequence[FloatArray], order: int
) -> Jet:
    """Log density of every row with derivatives in the linear predictors, times weights.

    Parameters
    ----------
    data : EngineData
        Response, trials, weights.
    density : Density
        Log density.
    eta : sequence of K ndarrays (n,)
        Linear predictors.
    order : int
        Highest order of derivatives.
    """
    with np.errstate(all="ignore"):
        jet = density.log_density(data.response, data.trials, variables(eta, order))
        return jet if data.weights is None else jet * data.weights


def curvature(jet: Jet) -> FloatArray:
    """Minus the second derivatives as an array (K, K, n)."""
    count = jet.variables
    order = [[pair(k, j) for j in range(count)] for k in range(count)]
    return np.asarray(-jet.second[np.array(order, int)])


@final
@dataclass(frozen=True, slots=True)
class Conditional:
    """Density of u at given parameters.

    Attributes
    ----------
    data : EngineData
        The data.
    density : Density
        Log density.
    rows : RowDesign
        Row coordinates.
    loadings : Loadings
        Lambda'z_i by effect and predictor.
    fixed : tuple of ndarray (n,)
        o_k + X_k beta_k of each predictor.
    prior : Prior or None
        Prior precision of u; None stands for the identity.
    """

    data: EngineData
    density: Density
    rows: RowDesign
    loadings: Loadings
    fixed: tuple[FloatArray, ...]
    prior: Prior | None = None

    def predictors(self, u: FloatArray) -> list[FloatArray]:
        """Linear predictors at u (U,)."""
        effects = u[self.rows.index]
        return [fixed + self.loadings.reach(effects, k) for k, fixed in enumerate(self.fixed)]

    def jet(self, u: FloatArray, order: int) -> Jet:
        """Weighted log density of every row at u."""
        return weighted_density(self.data, self.density, self.predictors(u), order)

    def joint(self, u: FloatArray) -> float:
        """Minus h(u); minus infinity where the density is not defined."""
        total = float(np.sum(self.jet(u, 0).value)) - 0.5 * float(u @ self.pulled(u))
        return total if np.isfinite(total) else -np.inf

    def pulled(self, u: FloatArray) -> FloatArray:
        """Q u (U,)."""
        return u if self.prior is None else self.prior.apply(u)

    def residual(self, u: FloatArray, jet: Jet) -> FloatArray:
        """Lambda'g - Q u (U,)."""
        return self.rows.total(self.loadings.pull(jet.first)) - self.pulled(u)

    def factorize(self, w: FloatArray) -> Arrow | None:
        """H at weights w (K, K, n), factorized."""
        return factorize(
            self.rows, self.loadings, w, None if self.prior is None else self.prior.rest
        )


@final
@dataclass(frozen=True, slots=True)
class Mode:
    """Mode of the conditional density.

    Attributes
    ----------
    u : ndarray (U,)
        Where it is.
    jet : Jet
        Weighted log density there, of the order asked for.
    arrow : Arrow
        Factorized H there.
    value : float
        Minus h(u).
    clipped : bool
        Whether H was not positive definite on the way.
    passes : int
        Evaluations of the density.
    """

    u: FloatArray
    jet: Jet
    arrow: Arrow
    value: float
    clipped: bool
    passes: int


def find_mode(conditional: Conditional, u: FloatArray, order: int, tolerance: float) -> Mode | None:
    """Find the mode of the conditional density.

    Parameters
    ----------
    conditional : Conditional
        The density.
    u : ndarray (U,)
        Start; the search is repeated from zero if it fails.
    order : int
        Order of derivatives wanted at the mode, 2 or 3.
    tolerance : float
        Newton decrement r'H^-1 r, in log-likelihood units, below which one last step is taken.

    Returns
    -------
    Mode or None
        None if no mode was found.
    """
    found = _newton(conditional, u, order, tolerance)
    if found is None and np.any(u):
        found = _newton(conditional, np.zeros_like(u), order, tolerance)
    return found


def _newton(conditional: Conditional, u: FloatArray, order: int, tolerance: float) -> Mode | None:
    clipped, value = False, conditional.joint(u)
    if not np.isfinite(value):
        return None
    for passes in range(1, _MAX_STEPS + 1):
        jet = conditional.jet(u, 2)
        w = curvature(jet)
        arrow = conditional.factorize(w)
        indefinite = arrow is None
        if arrow is None:
            clipped = True
            arrow = conditional.factorize(_clip(w))
            if arrow is None:
                return None
        residual = conditional.residual(u, jet)
        step = arrow.solve(residual)
        decrement = float(residual @ step)
        if not np.isfinite(decrement):
            return None
        if decrement < tolerance and not indefinite:
            return _finish(conditional, u, step, order, clipped, passes)
        step *= min(1.0, _MAX_CHANGE / float(np.max(np.abs(step))))
        moved = _backtrack(conditional, u, step, value, float(residual @ step))
        if moved is None:
            # at the limit of floating point, or at a saddle
            small = decrement < 1e4 * tolerance and not indefinite
            return _finish(conditional, u, 0.0 * step, order, clipped, passes) if small else None
        u, value = moved
    return None


def _clip(w: FloatArray) -> FloatArray:
    """Weights (K, K, n) without negative ones and without those across predictors."""
    out = np.zeros_like(w)
    for k in range(len(w)):
        out[k, k] = np.maximum(w[k, k], 0.0)
    return out


def _backtrack(
    conditional: Conditional, u: FloatArray, step: FloatArray, value: float, slope: float
) -> tuple[FloatArray, float] | None:
    """First of u + step, u + step / 2, ... that raises the joint log density enough."""
    noise = 1e-13 * (1.0 + abs(value))
    length = 1.0
    for _ in range(30):
        trial = u + length * step
        there = conditional.joint(trial)
        if there >= value + 1e-4 * length * slope - noise:
            return trial, there
        length *= 0.5
    return None


def _finish(
    conditional: Conditional,
    u: FloatArray,
    step: FloatArray,
    order: int,
    clipped: bool,
    passes: int,
) -> Mode | None:
    """Take the last step and evaluate everything there."""
    u = u + step
    jet = conditional.jet(u, order)
    arrow = conditional.factorize(curvature(jet))
    value = float(np.sum(jet.value)) - 0.5 * float(u @ conditional.pulled(u))
    if arrow is None or not np.isfinite(value):
        return None
    return Mode(u, jet, arrow, value, clipped, passes + 1)
