r"""Draws from the joint posterior of what is ranked, of all levels of a factor at one time.

The posterior is that of all effects given the parameters, mixed over the distribution of the
parameters :math:`\psi` (Booth and Hobert 1998).  So levels are correlated
through the coefficients, variances and dispersion that they share, and in crossed and nested
designs through other factors too.

* **Levels independent given the parameters**, which is so where all random terms share one factor:
  draws from the exact conditional density of each level, normal in the linear model
  (:mod:`ilk.ranking.linear_levels`), elsewhere tabulated (:mod:`ilk.ranking.level_quantiles`),
  since a small level with few events has a skewed one.  Sets of parameters are drawn from a wider
  normal distribution, weighted by the marginal likelihood (a flat prior; with few levels that of a
  standard deviation is far from normal), and the density of each level is found anew at each.
  Where that would take long (many rows), it is found at the estimates and shifted by
  :math:`D (\psi - \hat\psi)`, with :math:`\psi` normal and D the derivative of the modes.
* **Otherwise**: joint normal draws (:mod:`ilk.ranking.joint_normal`), found anew at each set of
  parameters, or, in large designs, shifted in the same way.

In the linear model the criterion is a function of the covariance parameters alone; coefficients and
residual variance are normal given these.

Uniform numbers have 16 bits: a draw is one of 65,536 equally likely quantiles.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.inference.infinite import infinite
from ilk.model.dependence import dependent_groups
from ilk.num.stable import special
from ilk.num.triangular import covariance_root
from ilk.prediction.known import first_places
from ilk.prediction.level_quadrature import shares_levels
from ilk.ranking.joint_normal import JointNormal
from ilk.ranking.level_quantiles import REST, SCORES, level_quantiles, standardized_modes
from ilk.ranking.linear_levels import LinearLevels
from ilk.ranking.target import conditional_variances

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.ranking.target import Target
    from ilk.typing import FloatArray, IntArray

__all__ = ["Chunk", "Posterior", "of_some", "posterior"]

_CELLS = 1 << 21
"""Draws of single levels that are made at one time."""

_AT_ONCE = 1 << 17
"""The same, where numbers are to stay in a cache."""

_SETS, _FEWEST = 64, 20
"""Drawn sets of parameters at which the levels' densities are found anew; fewest worth it."""

_WIDER = 1.2
"""Spread of these sets over that of the estimates."""

_WORK = 4e7
"""Evaluations of a row's density that finding them anew may take."""

_TABLE = 1000
"""What a level's table of quantiles takes, in such evaluations."""

_SOLVE = 4
"""What an element of a solve with the conditional covariance takes, in such evaluations."""

_PASSES = 60
"""Evaluations of all rows that it takes to tabulate the densities once."""

_BITS = 1 << 16


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some draws.

    Parameters
    ----------
    effect : (c, L) array
        What is ranked.
    shift : (c,) array
        What the parameters add to the predictor of a level with an effect of zero.
    """

    effect: FloatArray
    shift: FloatArray


@dataclass(frozen=True, slots=True)
class Posterior:
    """A source of joint draws.

    Parameters
    ----------
    chunks : callable
        Takes a number of draws and a source of randomness to an iterator of `Chunk`.
    method : str
        How the draws are made, in one sentence.
    """

    chunks: Callable[[int, np.random.Generator], Iterator[Chunk]]
    method: str


def posterior(fitted: Fitted, target: Target, common: FloatArray) -> Posterior:
    """Make ready to draw.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    target : Target
        What is ranked.
    common : (m,) array
        Derivative of the predictor of a level with an effect of zero in the parameters.

    Returns
    -------
    Posterior
    """
    parameters = _Parameters(fitted, target, common)
    if not target.prior_variance(fitted.estimates.covariances) > 0.0:
        return Posterior(
            parameters.without_effects,
            "Draws: of the parameters only, for the variance of the effects is estimated as zero.",
        )
    several = len({term.grouping.name for term in fitted.design.terms}) > 1
    if several or dependent_groups(fitted.design):
        return _joint(parameters, JointNormal(fitted, target))
    if fitted.model.linear:
        sums = LinearLevels(fitted, target)
        work = len(target.levels) * _TABLE

        def normal_quantiles(psi: FloatArray) -> FloatArray:
            mean, deviation = sums.at(psi)
            return np.asarray(mean[:, None] + deviation[:, None] * SCORES)

        return _by_level(parameters, normal_quantiles, work, "exact (normal)")
    if shares_levels(fitted):
        width = sum(len(term.column_names) for term in fitted.design.terms)
        work = fitted.model.rows * _PASSES * REST[width] ** (width - 1)
        work += 2 * len(target.levels) * _TABLE
        start = standardized_modes(fitted)

        def quantiles(psi: FloatArray) -> FloatArray:
            return level_quantiles(fitted, psi, target, start)

        return _by_level(parameters, quantiles, work, "exact (tabulated)")
    center = target.combine(fitted.estimates.modes)
    deviation = np.sqrt(conditional_variances(fitted, target))
    table = center[:, None] + deviation[:, None] * SCORES
    return Posterior(
        parameters.shifted(_table_sampler(table)),
        "Draws: normal around the conditional mode of each level, which has too many effects for "
        "an exact density; parameters drawn too.",
    )


def of_some(source: Posterior, seen: IntArray) -> Posterior:
    """Draws of some of the levels.

    Parameters
    ----------
    source : Posterior
        Draws of all.
    seen : (k,) array of int
        Which.
    """

    def chunks(draws: int, rng: np.random.Generator) -> Iterator[Chunk]:
        for chunk in source.chunks(draws, rng):
            yield Chunk(chunk.effect[:, seen], chunk.shift)

    return Posterior(chunks, source.method)


def _joint(parameters: _Parameters, normal: JointNormal) -> Posterior:
    """Draw all levels from their joint normal distribution given the parameters."""
    linear = parameters.fitted.model.linear
    how = "exact" if linear else "around the conditional means"
    opening = (
        f"Draws: joint normal of all levels, {how}, with the covariance that the other random "
        "terms bring"
    )
    sets = min(_SETS, int(_WORK / (_SOLVE * normal.size * len(parameters.target.levels))))
    if sets < _FEWEST or parameters.poles:
        return Posterior(parameters.shifted(normal.draw), f"{opening}; parameters drawn too.")
    return Posterior(
        parameters.anew(lambda psi: normal.at(psi).draw, sets),
        f"{opening}, found anew for each of {sets} sets of parameters, weighted by the likelihood.",
    )


def _by_level(
    parameters: _Parameters,
    quantiles: Callable[[FloatArray], FloatArray],
    work: float,
    density: str,
) -> Posterior:
    """Draw levels independently given the parameters, from tables of quantiles."""
    sets = min(_SETS, int(_WORK / max(work, 1.0)))
    opening = f"Draws: each level from its {density} conditional posterior, "
    if sets < _FEWEST or parameters.poles:
        table = quantiles(parameters.psi)
        return Posterior(
            parameters.shifted(_table_sampler(table)),
            f"{opening}shifted jointly by drawn parameters.",
        )
    return Posterior(
        parameters.anew(lambda psi: _table_sampler(quantiles(psi)), sets),
        f"{opening}found anew for each of {sets} sets of parameters, weighted by the likelihood.",
    )


def _table_sampler(
    table: FloatArray,
) -> Callable[[int, np.random.Generator], FloatArray]:
    """Sampler (count, L) of levels with given quantiles (L, k) at the normal scores."""
    levels, k = table.shape
    cell, fraction = _places()
    flat, first = np.ravel(table), k * np.arange(levels)

    def draw(count: int, rng: np.random.Generator) -> FloatArray:
        out = np.empty((count, levels))
        step = max(1, _AT_ONCE // levels)
        for begin in range(0, count, step):
            part = out[begin : begin + step]
            bits = rng.integers(_BITS, size=part.shape, dtype=np.uint16).astype(np.intp)
            where = cell.take(bits)
            where += first
            low = flat.take(where)
            where += 1
            flat.take(where, out=part)
            part -= low
            part *= fraction.take(bits)
            part += low
        return out

    return draw


def even_normals(rng: np.random.Generator, count: int, size: int) -> FloatArray:
    """Standard normal points (count, size) in pairs of opposite sign, evenly spread.

    Half of them are multiples of square roots of primes modulo one, with a random shift.
    """
    primes = [p for p in range(2, 40 + 20 * size) if all(p % d for d in range(2, p))][:size]
    half = np.arange(1, (count + 1) // 2 + 1)[:, None] * np.sqrt(np.array(primes, dtype=float))
    points = special().ndtri(np.clip((half + rng.random(size)) % 1.0, 1e-9, 1.0 - 1e-9))
    return np.stack([points, -points], axis=1).reshape(-1, size)[:count]


@functools.cache
def _places() -> tuple[IntArray, FloatArray]:
    """Cell of the normal scores that each of the equally likely quantiles is in, and where."""
    scores = special().ndtri((np.arange(_BITS) + 0.5) / _BITS)
    places = (scores - SCORES[0]) / (SCORES[1] - SCORES[0])
    cell = np.minimum(places.astype(np.intp), len(SCORES) - 2)
    return cell, places - cell


class _Parameters:
    """Draws of the parameters, and what they do to all levels at one time."""

    def __init__(self, fitted: Fitted, target: Target, common: FloatArray) -> None:
        self.fitted, self.target, self.common = fitted, target, common
        self.psi = fitted.estimates.psi
        self.coefficients = len(fitted.coef)
        covariance = fitted.psi_covariance()
        # at other parameters the modes may be where no mean is possible
        self.poles = not fitted.family.link.averages
        known = np.isfinite(covariance)
        gone = np.flatnonzero(infinite(fitted))
        known[gone, :] = known[:, gone] = False  # held at their limit, about which nothing is known
        self.root = covariance_root(np.where(known, covariance, 0.0))

    def fixed(self, psi: FloatArray) -> FloatArray:
        """(..., L) or (..., 1) fixed part of what is ranked."""
        return np.asarray(psi[..., : self.coefficients] @ self.target.fixed.T)

    def sizes(self, draws: int) -> list[int]:
        """Numbers of draws that are made at one time."""
        step = max(1, _CELLS // len(self.target.levels))
        return [min(step, draws - begin) for begin in range(0, draws, step)]

    def shifted(
        self, draw: Callable[[int, np.random.Generator], FloatArray]
    ) -> Callable[[int, np.random.Generator], Iterator[Chunk]]:
        """Draws at the estimates, each shifted by parameters of its own."""
        slope = self._slope()

        def chunks(draws: int, rng: np.random.Generator) -> Iterator[Chunk]:
            for count in self.sizes(draws):
                moved = rng.standard_normal((count, len(self.psi))) @ self.root.T
                effect = draw(count, rng)
                effect += moved @ slope.T
                effect += self.fixed(self.psi + moved)
                yield Chunk(effect, moved @ self.common)

        return chunks

    def anew(
        self,
        sampler: Callable[[FloatArray], Callable[[int, np.random.Generator], FloatArray]],
        sets: int,
    ) -> Callable[[int, np.random.Generator], Iterator[Chunk]]:
        """Draws at parameters that are drawn in pairs on both sides of the estimates."""

        def chunks(draws: int, rng: np.random.Generator) -> Iterator[Chunk]:
            moved, counts = self.sets(sets, draws, rng)
            for change, part in zip(moved, counts, strict=True):
                psi = self.psi + change
                draw = sampler(psi)
                for count in self.sizes(int(part)):
                    effect = draw(count, rng) + self.fixed(psi)
                    yield Chunk(effect, np.full(count, float(change @ self.common)))

        return chunks

    def sets(self, sets: int, draws: int, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
        """Changes (k, m) of the parameters, and how many draws to make at each.

        They are normal with a wider spread, weighted by the likelihood.
        """
        z = even_normals(rng, sets, len(self.psi))
        z[:, ~np.any(self.root != 0.0, axis=0)] = 0.0
        moved = _WIDER * z @ self.root.T
        square = np.sum(z**2, axis=1)
        logs = self._log_likelihoods(moved) + 0.5 * square
        if self.fitted.model.linear:
            logs -= 0.5 * _WIDER**2 * (square - self._covariance_part(moved))
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        if not 1.0 / np.sum(weights**2) >= _FEWEST:
            moved, weights = moved / _WIDER, np.full(sets, 1.0 / sets)
        edges = np.floor(draws * np.cumsum(weights) + rng.random()).astype(np.intp)
        edges[-1] = draws
        counts = np.diff(np.minimum(edges, draws), prepend=0)
        return moved[counts > 0], counts[counts > 0]

    def _log_likelihoods(self, moved: FloatArray) -> FloatArray:
        values = np.array([self.fitted.marginal.at(self.psi + change).value for change in moved])
        return np.where(np.isfinite(values), values, -np.inf)

    def _covariance_part(self, moved: FloatArray) -> FloatArray:
        """Part of the squared lengths that belongs to the covariance parameters."""
        own = slice(self.coefficients, len(self.psi) - 1)
        root = self.root[own]
        found = np.sum(moved[:, own] @ np.linalg.pinv(root @ root.T) * moved[:, own], axis=1)
        return np.asarray(found / _WIDER**2)

    def without_effects(self, draws: int, rng: np.random.Generator) -> Iterator[Chunk]:
        """Draws of levels whose random effects are zero."""
        for count in self.sizes(draws):
            moved = rng.standard_normal((count, len(self.psi))) @ self.root.T
            fixed = self.fixed(self.psi + moved)
            effect = np.broadcast_to(fixed, (count, len(self.target.levels)))
            yield Chunk(effect, moved @ self.common)

    def _slope(self) -> FloatArray:
        """(L, m) derivative of what is ranked, random effects only, in the parameters."""
        sensitivity = self.fitted.mode_sensitivity()
        places = first_places(self.fitted.estimates.modes)
        blocks = []
        levels = len(self.target.levels)
        for t, a in zip(self.target.terms, self.target.weights, strict=True):
            start, q = places[t]
            rows = sensitivity[start : start + q * levels].reshape(levels, q, -1)
            blocks.append(np.einsum("lqm,q->lm", rows, a))
        return np.asarray(sum(blocks[1:], blocks[0]))
