r"""A small space that stands for a cluster with hundreds of random effects.

CR2 needs :math:`X_i` and :math:`V_i` in a space that contains the columns of :math:`X_i` and that
:math:`V_i` maps to itself (docs/derivations/robust.md).  The smallest is the Krylov space
:math:`X_i, V_iX_i, V_i^2X_i, \dots`, whose orthonormal basis the block Lanczos method builds from
products with :math:`V_i` alone.  It ends as soon as it is closed, after a step for each distinct
eigenvalue of :math:`V_i`, and is cut off when what is computed in it has stopped changing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ilk.typing import FloatArray

__all__ = ["krylov_bases"]

_CLOSED = 1e-9
"""Part of a product, relative to all of it, outside the space that counts as none."""


def krylov_bases(
    X: FloatArray, multiply: Callable[[FloatArray], FloatArray], every: int
) -> Iterator[tuple[FloatArray, FloatArray, bool]]:
    """Build growing bases of the Krylov space of a symmetric matrix V.

    Parameters
    ----------
    X : (n, p) array
        Columns that the space contains.
    multiply : callable
        Takes (n, k) to V times it.
    every : int
        Steps between two bases that are given out.

    Yields
    ------
    basis : (n, r) array
        Orthonormal columns U.
    projected : (r, r) array
        U'V U.
    closed : bool
        Whether V maps the space to itself; then there are no more.
    """
    block = _orthonormal(X, _CLOSED)
    basis, products = block, np.empty((len(X), 0))
    step = 0
    while True:
        product = multiply(block)
        products = np.hstack([products, product])
        rest = _outside(product, basis)
        size = np.sqrt(np.max(np.sum(product * product, axis=0)))
        block = _outside(_orthonormal(rest, _CLOSED, size), basis)
        block = np.linalg.qr(block).Q
        closed = block.shape[1] == 0
        step += 1
        if closed or step % every == 0:
            projected = basis.T @ products
            yield basis, 0.5 * (projected + projected.T), closed
        if closed:
            return
        basis = np.hstack([basis, block])


def _orthonormal(columns: FloatArray, share: float, size: float | None = None) -> FloatArray:
    """Orthonormal basis of columns (n, k), directions shorter than a share of a size left out."""
    left, values, _ = np.linalg.svd(columns, full_matrices=False)
    longest = float(values[0]) if size is None and len(values) else size or 0.0
    return np.asarray(left[:, values > share * longest])


def _outside(columns: FloatArray, basis: FloatArray) -> FloatArray:
    """Part of columns that is orthogonal to a basis; twice, against rounding."""
    for _ in range(2):
        columns = columns - basis @ (basis.T @ columns)
    return columns
