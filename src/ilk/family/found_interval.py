r"""Distributions on an interval, with atoms beside it, found from their densities.

An interval is mapped to the real line, :math:`y = y(t)`.  On both sides of the peak, of the density
in y (where there may be an edge) or else in t, :math:`t = \text{peak} \pm w \sinh(s)` with the
distance w at which the density in t has fallen by a factor of e, so that narrow peaks and long
tails are seen alike; 16 panels in s on each side, with 12 nodes of Gauss's rule, give integrals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ilk.family.found import AbstractFound, Height, Range, find_range
from ilk.family.support import Support
from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["FoundInterval", "find_interval"]

_SIDE = 16
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_STEPS = 8


@final
@dataclass(frozen=True, slots=True)
class FoundInterval(AbstractFound):
    """Distributions of n rows on an interval.

    Attributes
    ----------
    log_density : callable
        Log density of numbers and rows.
    support : Support
        The interval, and the atoms.
    place : Range
        Where the mass is, in coordinates t.
    """

    log_density: Height
    support: Support
    place: Range

    @property
    def range(self) -> Range:
        """Where the mass is, in coordinates t."""
        return self.place

    def take(self, rows: IntArray) -> FoundInterval:
        """Distributions of some of the rows."""
        return FoundInterval(
            lambda y, r: self.log_density(y, rows[r]), self.support, self.place.take(rows)
        )

    def masses(self) -> tuple[IntArray, FloatArray, FloatArray]:
        """Rows, numbers and their masses; atoms last."""
        n = len(self.place.peak)
        rows, y, mass = self._panels(np.arange(n))
        atoms = np.tile(np.array(self.support.atoms), n)
        whose = np.repeat(np.arange(n), len(self.support.atoms))
        return (
            np.append(rows, whose),
            np.append(y, atoms),
            np.append(mass, self._atom_mass(atoms, whose)),
        )

    def cdf(self, y: FloatArray, rows: IntArray) -> FloatArray:
        """Probability of at most y."""
        out = np.zeros(len(y))
        for atom in self.support.atoms:
            mass = self._atom_mass(np.full(len(y), atom), rows)
            out += np.where(y >= atom, mass, 0.0)
        t = np.clip(self.support.coordinate(y), self.place.low[rows], self.place.high[rows])
        s = self._position(t, rows)
        panel = np.clip(np.floor(s), -_SIDE, _SIDE - 1).astype(int)
        below = self._edges(rows)[np.arange(len(y)), panel + _SIDE]
        return np.asarray(np.clip(out + below + self._integral(panel, s, rows), 0.0, 1.0))

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Random numbers, by inversion."""
        rows = np.arange(len(self.place.peak))
        edges = self._edges(rows)
        single = [self._atom_mass(np.full(len(rows), a), rows) for a in self.support.atoms]
        u = rng.random(len(rows)) * (edges[:, -1] + sum(single, start=np.zeros(len(rows))))
        out, todo = np.empty(len(rows)), np.ones(len(rows), bool)
        for atom, mass in zip(self.support.atoms, single, strict=True):
            out[todo & (u < mass)] = atom
            todo &= u >= mass
            u = u - mass
        rest = np.flatnonzero(todo)
        s = self._quantile(np.minimum(u[rest], edges[rest, -1]), rest, edges[rest])
        out[rest] = self.support.number(self._coordinate(s, rest)[0])[0]
        return out

    def _atom_mass(self, atoms: FloatArray, rows: IntArray) -> FloatArray:
        if not len(atoms):
            return atoms
        mass = np.exp(self.log_density(atoms, rows))
        return np.where(np.isfinite(mass), mass, 0.0)

    def _ends(self, rows: IntArray, right: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Widths w, and the panels' length in asinh(|t - peak| / w), on the sides asked for."""
        place = self.place
        width = np.where(right, place.above[rows], place.below[rows])
        reach = np.where(
            right, place.high[rows] - place.peak[rows], place.peak[rows] - place.low[rows]
        )
        return width, np.arcsinh(reach / width) / _SIDE

    def _coordinate(self, s: FloatArray, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Coordinate t, and its slope, at a position s between -16 and 16."""
        width, length = self._ends(rows, s >= 0.0)
        at = s * length
        return self.place.peak[rows] + width * np.sinh(at), width * length * np.cosh(at)

    def _position(self, t: FloatArray, rows: IntArray) -> FloatArray:
        away = t - self.place.peak[rows]
        width, length = self._ends(rows, away >= 0.0)
        with np.errstate(all="ignore"):
            s = np.arcsinh(away / width) / length
        return np.clip(np.where(np.isfinite(s), s, 0.0), -_SIDE, _SIDE)

    def _density(self, s: FloatArray, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Numbers y, and the density in s."""
        t, slope = self._coordinate(s, rows)
        y, log_slope = self.support.number(t)
        with np.errstate(all="ignore"):
            density = slope * np.exp(self.log_density(y, rows) + log_slope)
        return y, np.where(np.isfinite(density), density, 0.0)

    def _panels(self, rows: IntArray) -> tuple[IntArray, FloatArray, FloatArray]:
        s = (np.arange(-_SIDE, _SIDE)[:, None] + 0.5 * (_NODES + 1.0)).ravel()
        whose = np.repeat(rows, len(s))
        y, density = self._density(np.tile(s, len(rows)), whose)
        return whose, y, density * np.tile(0.5 * _WEIGHTS, 2 * _SIDE * len(rows))

    def _edges(self, rows: IntArray) -> FloatArray:
        """Integral (m, panels + 1) of the density up to the ends of the panels."""
        whose, inverse = np.unique(rows, return_inverse=True)
        masses = self._panels(whose)[2].reshape(len(whose), 2 * _SIDE, -1).sum(axis=2)
        edges = np.concatenate([np.zeros((len(whose), 1)), np.cumsum(masses, axis=1)], axis=1)
        return np.asarray(edges[inverse.ravel()])

    def _integral(self, start: FloatArray, end: FloatArray, rows: IntArray) -> FloatArray:
        """Integral (m,) of the density between positions."""
        half = 0.5 * (end - start)
        s = 0.5 * (start + end)[:, None] + half[:, None] * _NODES
        density = self._density(s.ravel(), np.repeat(rows, len(_NODES)))[1]
        return np.asarray(half * (density.reshape(s.shape) @ _WEIGHTS))

    def _quantile(self, u: FloatArray, rows: IntArray, edges: FloatArray) -> FloatArray:
        """Positions (m,) where the integral is u, by Newton's steps between bisections."""
        panel = np.clip(np.sum(edges <= u[:, None], axis=1) - 1, 0, 2 * _SIDE - 1)
        m = np.arange(len(u))
        start = panel - float(_SIDE)
        rest, mass = u - edges[m, panel], edges[m, panel + 1] - edges[m, panel]
        left, right = start, start + 1.0
        s = start + np.clip(rest / np.where(mass > 0.0, mass, 1.0), 0.0, 1.0)
        for _ in range(_STEPS):
            short = rest - self._integral(start, s, rows)
            left, right = np.where(short > 0.0, s, left), np.where(short > 0.0, right, s)
            density = self._density(s, rows)[1]
            with np.errstate(all="ignore"):
                step = s + short / density
            s = np.where((step > left) & (step < right), step, 0.5 * (left + right))
        return np.asarray(s)


def find_interval(log_density: Height, support: Support, near: FloatArray) -> FoundInterval:
    """Find distributions on an interval.

    Parameters
    ----------
    log_density : callable
        Log density of numbers (m,) and rows (m,), not finite where it is not defined.
    support : Support
        The interval, and the atoms.
    near : ndarray (n,)
        Numbers where the mass may be, such as the means.

    Examples
    --------
    >>> import numpy as np
    >>> normal = lambda y, rows: -0.5 * (y - 3.0) ** 2 - 0.5 * np.log(2.0 * np.pi)
    >>> found = find_interval(normal, Support(-np.inf, np.inf), np.array([0.0]))
    >>> [moment.round(10) for moment in found.moments()]
    [array([1.]), array([3.]), array([1.])]
    """
    ends = support.ends
    with np.errstate(all="ignore"):
        hint = np.clip(support.coordinate(near), *ends)
    hint = np.where(np.isfinite(hint), hint, 0.5 * (ends[0] + ends[1]))

    def height(t: FloatArray, rows: IntArray) -> FloatArray:
        with np.errstate(all="ignore"):
            y, log_slope = support.number(t)
            found = log_density(y, rows) + log_slope
        return np.where(np.isfinite(found), found, -np.inf)

    def plain(t: FloatArray, rows: IntArray) -> FloatArray:
        with np.errstate(all="ignore"):
            found = log_density(support.number(t)[0], rows)
        return np.where(np.isfinite(found), found, -np.inf)

    place = find_range(height, hint, ends, (False, False), plain)
    return FoundInterval(log_density, support, place)
