r"""Derivatives of functions of several variables by differences whose steps are found row by row.

A derivative of order m is tried at steps that fall by powers of ten,

.. math:: D_j = \frac{1}{h_j^m} \sum_i w_{mi}\, f(x + i h_j), \qquad
   h_j = 30 \cdot 10^{-j} \max(1, |x|),

with central weights of order :math:`h^6` (Fornberg 1988, Mathematics of Computation 51, table 1).
Large steps suffer from truncation and small ones from rounding; where two neighbors agree best,
neither matters, and their difference says how much is right; the smaller step of the two is taken
where the difference is more than rounding.  Estimates that grow as the step falls
are of steps that leap over the function, and do not count; a derivative is zero where no step
finds more than rounding.

Derivatives in several variables are products of such sums at the steps that were found for each.
A function may come with some of its derivatives: then only the rest is left to differences, which
the complex step :math:`f' = \operatorname{Im} f(x + i\delta) / \delta` makes one order less
(Squire and Trapp 1998, SIAM Review 40, 110-112).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from typing import TypeAlias, final

import numpy as np

from ilk.num.jets import Jet, pair, triple
from ilk.typing import FloatArray, IntArray

__all__ = ["Known", "Rows", "complex_step", "difference_jet", "pure_derivative"]

Rows: TypeAlias = Callable[[Sequence[FloatArray], IntArray], FloatArray]
"""Function of K variables (m,) each, and of the rows (m,) that they belong to."""

_WEIGHTS = {
    1: np.array([0.0, -1.0, 9.0, -45.0, 0.0, 45.0, -9.0, 1.0, 0.0]) / 60.0,
    2: np.array([0.0, 2.0, -27.0, 270.0, -490.0, 270.0, -27.0, 2.0, 0.0]) / 180.0,
    3: np.array([-7.0, 72.0, -338.0, 488.0, 0.0, -488.0, 338.0, -72.0, 7.0]) / 240.0,
}
"""Weights at the offsets -4, ..., 4, by the order of the derivative."""

_OFFSETS = np.arange(-4.0, 5.0)
_STEPS = 30.0 * 10.0 ** -np.arange(9.0)
_ALIKE = 0.02
"""Relative difference of estimates at neighboring steps that are of the same thing."""

_DELTA = 1e-30
_FEW = 200
"""Rows up to which each is tried at all steps; of more, the steps are those of a sample."""

_SAMPLE = 64
_CHUNK = 8192
"""Rows at a time."""


@final
@dataclass(frozen=True, slots=True)
class Known:
    """A derivative that need not be found by differences.

    Attributes
    ----------
    variable : int
        The variable.
    order : int
        How often the function is differentiated in it.
    function : callable
        The derivative.
    """

    variable: int
    order: int
    function: Rows


@final
@dataclass(frozen=True, slots=True)
class _Found:
    """Derivatives of a function in one variable, their errors and the steps, (n,) each."""

    value: FloatArray
    error: FloatArray
    step: FloatArray


def complex_step(function: Rows, variable: int) -> Known:
    """First derivative of a function that takes complex numbers.

    Parameters
    ----------
    function : callable
        The function; analytic.
    variable : int
        The variable.
    """

    def slope(x: Sequence[FloatArray], rows: IntArray) -> FloatArray:
        moved = [v + 1j * _DELTA if k == variable else v for k, v in enumerate(x)]
        return np.asarray(np.imag(function(moved, rows)) / _DELTA)  # type: ignore[arg-type]

    return Known(variable, 1, slope)


def pure_derivative(
    function: Rows, x: Sequence[FloatArray], variable: int, order: int
) -> tuple[FloatArray, FloatArray]:
    """Derivative in one variable, and how far it may be off.

    Parameters
    ----------
    function : callable
        The function.
    x : sequence of K ndarrays (n,)
        Where.
    variable : int
        The variable.
    order : int
        1, 2 or 3.

    Returns
    -------
    derivative, error : ndarray (n,)
        Not finite where no step gives a number.

    Examples
    --------
    >>> import numpy as np
    >>> found, error = pure_derivative(lambda x, _: np.exp(x[0]), [np.array([0.0, 2.0])], 0, 3)
    >>> found.round(6)
    array([1.      , 7.389056])
    """
    found = _pure(function, x, np.arange(len(x[0])), variable, (order,))[order]
    return found.value, found.error


def difference_jet(
    function: Rows, x: Sequence[FloatArray], order: int, known: Sequence[Known] = ()
) -> Jet:
    """Jet of a function in its K variables.

    Parameters
    ----------
    function : callable
        The function.
    x : sequence of K ndarrays (n,)
        Where.
    order : int
        Highest order of derivatives, 0 to 3.
    known : sequence of Known
        Derivatives that are there.
    """
    n, count = len(x[0]), len(x)
    singles = count if order >= 1 else 0
    pairs = count * (count + 1) // 2 if order >= 2 else 0
    triples = count * (count + 1) * (count + 2) // 6 if order >= 3 else 0
    out = Jet(
        np.empty(n), np.empty((singles, n)), np.empty((pairs, n)), np.empty((triples, n)), order
    )
    for begin in range(0, n, _CHUNK):
        rows = np.arange(begin, min(begin + _CHUNK, n))
        part = _Derivatives(function, [v[rows] for v in x], rows, order, tuple(known))
        out.value[rows] = function(part.x, rows)
        for k in range(singles):
            out.first[k, rows] = part.of((k,))
        for k, m in combinations_with_replacement(range(count if pairs else 0), 2):
            out.second[pair(k, m), rows] = part.of((k, m))
        for k, m, i in combinations_with_replacement(range(count if triples else 0), 3):
            out.third[triple(k, m, i), rows] = part.of((k, m, i))
    return out


class _Derivatives:
    """Derivatives at some rows, each from the nearest one that is known."""

    def __init__(
        self,
        function: Rows,
        x: Sequence[FloatArray],
        rows: IntArray,
        order: int,
        known: tuple[Known, ...],
    ) -> None:
        self.x, self.rows, self.order = x, rows, order
        self.known = (Known(0, 0, function), *known)
        self.found: dict[tuple[int, int], dict[int, _Found]] = {}
        self.steps: dict[int, FloatArray] = {}

    def of(self, wanted: tuple[int, ...]) -> FloatArray:
        """Derivative in the variables that are named, each as often as it is to be taken."""
        base = self._base(wanted)
        rest = list(wanted)
        for _ in range(self.known[base].order):
            rest.remove(self.known[base].variable)
        if not rest:
            return self.known[base].function(self.x, self.rows)
        if len(set(wanted)) == 1:
            return self._pure(base, wanted[0])[len(rest)].value
        return self._mixed(self.known[base].function, rest)

    def _base(self, wanted: tuple[int, ...]) -> int:
        """The known derivative that leaves least to be done."""
        fits = [
            (k.order, -i) for i, k in enumerate(self.known) if wanted.count(k.variable) >= k.order
        ]
        return -max(fits)[1]

    def _pure(self, base: int, variable: int) -> dict[int, _Found]:
        """All derivatives in one variable that a known one is the nearest to."""
        key = (base, variable)
        if key not in self.found:
            start = self.known[base]
            orders = tuple(
                m - start.order
                for m in range(start.order + 1, max(self.order, start.order + 1) + 1)
                if self._base((variable,) * m) == base
            ) or (1,)
            found = _pure(start.function, self.x, self.rows, variable, orders)
            self.found[key] = found
            last = [found[m].step for m in sorted(found)[-2:]]  # each may have agreed by chance
            self.steps.setdefault(variable, np.sqrt(np.abs(last[0] * last[-1])))
        return self.found[key]

    def _step(self, variable: int) -> FloatArray:
        """Step that is right for a variable."""
        if variable not in self.steps:
            base = self._base((variable,) * self.order)
            if self.known[base].order == self.order:
                base = self._base((variable,) * (self.order - 1))
            self._pure(base, variable)
        return self.steps[variable]

    def _mixed(self, function: Rows, rest: Sequence[int]) -> FloatArray:
        """Product of difference operators."""
        axes = [(k, rest.count(k)) for k in sorted(set(rest))]
        weights = [_WEIGHTS[m] for _, m in axes]
        picked = [np.flatnonzero(w) for w in weights]
        nodes = list(product(*picked))
        n, size = len(self.rows), len(nodes)
        moved = [np.broadcast_to(v, (size, n)).copy() for v in self.x]
        total_weight = np.ones(size)
        scale = np.ones(n)
        for a, (k, m) in enumerate(axes):
            at = np.array([node[a] for node in nodes])
            moved[k] += _OFFSETS[at][:, None] * self._step(k)
            total_weight *= weights[a][at]
            scale *= self._step(k) ** m
        rows = np.broadcast_to(self.rows, (size, n)).ravel()
        values = function([v.ravel() for v in moved], rows).reshape(size, n)
        return np.asarray(total_weight @ values / scale)


def _pure(
    function: Rows,
    x: Sequence[FloatArray],
    rows: IntArray,
    variable: int,
    orders: tuple[int, ...],
) -> dict[int, _Found]:
    """Derivatives of some orders in one variable."""
    steps, n = _STEPS, len(rows)
    if n > _FEW:
        some = np.unique(np.linspace(0, n - 1, _SAMPLE).astype(int))
        tried = _climb(function, [v[some] for v in x], rows[some], variable, orders, steps)
        used = np.concatenate([place for _, place in tried.values()])
        steps = steps[max(int(used.min()) - 1, 0) : int(used.max()) + 3]
    found = _climb(function, x, rows, variable, orders, steps)
    return {order: record for order, (record, _) in found.items()}


def _climb(
    function: Rows,
    x: Sequence[FloatArray],
    rows: IntArray,
    variable: int,
    orders: tuple[int, ...],
    steps: FloatArray,
) -> dict[int, tuple[_Found, IntArray]]:
    """Try all steps; for each order the derivatives, and which step was chosen."""
    used = np.flatnonzero(np.any([_WEIGHTS[m] != 0.0 for m in orders], axis=0) | (_OFFSETS == 0.0))
    at = x[variable]
    h = (at + steps[:, None] * np.maximum(np.abs(at), 1.0)) - at  # (J, n), exact differences
    points = at + h[:, None, :] * _OFFSETS[used][:, None]  # (J, p, n)
    shape = points.shape
    moved = [
        points.ravel() if k == variable else np.broadcast_to(v, shape).ravel()
        for k, v in enumerate(x)
    ]
    with np.errstate(all="ignore"):
        values = function(moved, np.broadcast_to(rows, shape).ravel()).reshape(shape)
        center = values[:, _OFFSETS[used] == 0.0]
        size = np.finfo(float).eps * np.max(np.abs(values), axis=1)
        out = {}
        for m in orders:
            tried = np.einsum("p,jpn->jn", _WEIGHTS[m][used], values - center) / h**m
            out[m] = _choose(tried, h, size / h**m)
    return out


def _choose(tried: FloatArray, h: FloatArray, noise: FloatArray) -> tuple[_Found, IntArray]:
    """The estimate (n,) among those (J, n) of falling steps that its neighbor confirms best."""
    gap = np.abs(np.diff(tried, axis=0))
    larger = np.maximum(np.abs(tried[:-1]), np.abs(tried[1:]))
    gap[~np.isfinite(gap)] = np.inf
    loud = np.abs(tried) > 100.0 * noise
    believed = ((gap <= _ALIKE * larger) & loud[1:]) | ~np.any(loud, axis=0)
    guarded = np.where(believed, gap, np.inf)
    chosen = np.argmin(np.where(np.any(np.isfinite(guarded), axis=0), guarded, gap), axis=0)
    n = np.arange(tried.shape[1])
    chosen += gap[chosen, n] > 4.0 * noise[chosen + 1, n]  # then it is truncation, not rounding
    gap = np.append(gap, gap[-1:], axis=0)
    return _Found(tried[chosen, n], gap[chosen, n], h[chosen, n]), chosen
