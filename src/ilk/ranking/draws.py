r"""Draws from the joint posterior of what is ranked, of all levels of a factor at one time.

The posterior is that of all effects given the parameters, mixed over a normal distribution of the
parameters :math:`\psi` around their estimates (Booth and Hobert 1998).  So levels are correlated
through the coefficients, variances and dispersion that they share, and in crossed and nested
designs through other factors too.

* **Levels independent given the parameters**, which is so where all random terms share one factor:
  draws from the exact conditional density of each level, normal in the linear model
  (:mod:`ilk.ranking.linear_levels`), elsewhere tabulated (:mod:`ilk.ranking.level_quantiles`),
  since a small level with few events has a skewed one.  Parameters are drawn a hundred times or
  less, and the density of each level is found anew at each.  Where that would take long (many
  rows), it is found at the estimates and shifted by :math:`D (\psi - \hat\psi)`, with D the
  derivative of the modes.
* **Otherwise**: joint normal draws (:mod:`ilk.ranking.joint_normal`), shifted in the same way.

Uniform numbers have 16 bits: a draw is one of 65,536 equally likely quantiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.num.stable import special
from ilk.num.triangular import covariance_root
from ilk.prediction.known import first_places
from ilk.prediction.level_quadrature import shares_levels
from ilk.ranking.joint_normal import JointNormal
from ilk.ranking.level_quantiles import REST, SCORES, level_quantiles
from ilk.ranking.linear_levels import LinearLevels
from ilk.ranking.target import conditional_variances

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.ranking.target import Target
    from ilk.typing import FloatArray

__all__ = ["Chunk", "Posterior", "posterior"]

_CELLS = 1 << 21
"""Draws of single levels that are made at one time."""

_AT_ONCE = 1 << 17
"""The same, where numbers are to stay in a cache."""

_SETS, _FEWEST = 100, 20
"""Drawn sets of parameters at which the levels' densities are found anew; fewest worth it."""

_WORK = 4e7
"""Evaluations of a row's density that finding them anew may take."""

_TABLE = 1000
"""What a level's table of quantiles takes, in such evaluations."""

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
    if len({term.grouping.name for term in fitted.design.terms}) > 1:
        normal = JointNormal(fitted, target)
        how = "exact" if fitted.model.linear else "around the conditional means"
        return Posterior(
            parameters.shifted(normal.draw),
            f"Draws: joint normal of all levels, {how}, with the covariance that the other "
            "random terms bring; parameters drawn too.",
        )
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
        warm: list[FloatArray] = []

        def quantiles(psi: FloatArray) -> FloatArray:
            table, modes = level_quantiles(fitted, psi, target, warm[0] if warm else None)
            warm[:] = [modes]
            return table

        return _by_level(parameters, quantiles, work, "exact (tabulated)")
    center = target.combine(fitted.estimates.modes)
    deviation = np.sqrt(conditional_variances(fitted, target))
    table = center[:, None] + deviation[:, None] * SCORES
    return Posterior(
        parameters.shifted(_table_sampler(table)),
        "Draws: normal around the conditional mode of each level, which has too many effects for "
        "an exact density; parameters drawn too.",
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
    if sets < _FEWEST:
        table = quantiles(parameters.psi)
        return Posterior(
            parameters.shifted(_table_sampler(table)),
            f"{opening}shifted jointly by drawn parameters.",
        )
    return Posterior(
        parameters.anew(lambda psi: _table_sampler(quantiles(psi)), sets),
        f"{opening}found anew for each of {sets} draws of the parameters.",
    )


def _table_sampler(
    table: FloatArray,
) -> Callable[[int, np.random.Generator], FloatArray]:
    """Sampler (count, L) of levels with given quantiles (L, k) at the normal scores."""
    levels, k = table.shape
    step = float(SCORES[1] - SCORES[0])
    scores = special().ndtri((np.arange(_BITS) + 0.5) / _BITS)
    places = (scores - SCORES[0]) / step
    cell = np.minimum(places.astype(np.intp), k - 2)
    fraction = places - cell
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


class _Parameters:
    """Draws of the parameters, and what they do to all levels at one time."""

    def __init__(self, fitted: Fitted, target: Target, common: FloatArray) -> None:
        self.fitted, self.target, self.common = fitted, target, common
        self.psi = fitted.estimates.psi
        self.coefficients = len(fitted.coef)
        covariance = fitted.psi_covariance()
        self.root = covariance_root(np.where(np.isfinite(covariance), covariance, 0.0))

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
            moved = np.zeros(len(self.psi))
            for k, part in enumerate(np.array_split(np.arange(draws), min(sets, draws))):
                fresh = k % 2 == 0
                moved = self.root @ rng.standard_normal(len(self.psi)) if fresh else -moved
                psi = self.psi + moved
                draw = sampler(psi)
                for count in self.sizes(len(part)):
                    effect = draw(count, rng) + self.fixed(psi)
                    yield Chunk(effect, np.full(count, float(moved @ self.common)))

        return chunks

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
