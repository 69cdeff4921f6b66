"""Weights of the usual families of contrasts among levels, and those that a caller writes down."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.errors import DataError, ModelError, did_you_mean
from ilk.frame import listing, quote
from ilk.prediction.levels import check_choice

if TYPE_CHECKING:
    from ilk.frame import Label
    from ilk.typing import FloatArray

__all__ = ["AVERAGE", "Kind", "Weighted", "contrast_weights", "level_text"]

Kind: TypeAlias = Literal["pairwise", "reference", "sequential", "effect", "polynomial"]
"""Families of contrasts."""

AVERAGE = "average"
"""What effects are compared with."""

_DEGREES = ("linear", "quadratic", "cubic", "quartic", "quintic", "sextic")


@dataclass(frozen=True, slots=True)
class Weighted:
    """Contrasts among m levels.

    Parameters
    ----------
    weights : (k, m) array
        Weight of each level in each contrast.
    names : tuple
        What each contrast compares: a level, or the name of the contrast.
    references : tuple
        What it is compared with; None where that is no level.
    notes : tuple of str
        What the weights are where that is not plain.
    """

    weights: FloatArray
    names: tuple[Label, ...]
    references: tuple[Label | None, ...]
    notes: tuple[str, ...] = ()


def contrast_weights(
    levels: Sequence[tuple[Label, ...]],
    kind: Kind | Mapping[str, Any],
    *,
    reference: Any = None,
    default: tuple[Label, ...] | None = None,
) -> Weighted:
    """Make the weights of a family of contrasts.

    Parameters
    ----------
    levels : sequence of m tuples
        Labels of the levels, of one column or several.
    kind : str or mapping
        ``"pairwise"``: each level minus every earlier one.  ``"reference"``: each other level
        minus the reference.  ``"sequential"``: each level minus the one before.  ``"effect"``:
        each level minus the average of all.  ``"polynomial"``: orthogonal polynomials in the
        levels, in their smallest whole numbers if they are evenly spaced.  A mapping gives
        weights by name: one for each level in order, or a mapping of levels to weights.
    reference : Label or tuple, optional
        Level that ``"reference"`` compares with.
    default : tuple, optional
        Reference if none is given; the first level if there is none.

    Returns
    -------
    Weighted

    Examples
    --------
    >>> contrast_weights([("a",), ("b",), ("c",)], "sequential").weights
    array([[-1.,  1.,  0.],
           [ 0., -1.,  1.]])
    >>> contrast_weights([(1,), (2,), (3,), (4,)], "polynomial").weights[0]
    array([-3., -1.,  1.,  3.])
    """
    if isinstance(kind, Mapping):
        return _custom(levels, kind)
    check_choice("kind", kind, Kind)
    if reference is not None and kind != "reference":
        raise ModelError(
            f"reference={reference!r:.60} is for kind='reference', not {kind!r}.", code="reference"
        )
    if len(levels) < 2:
        named = f" ({level_text(levels[0])})" if levels else ""
        raise DataError(
            f"There is a single level{named}, so that there is nothing to compare.", code="levels"
        )
    if kind == "reference":
        base = _find(levels, reference, "reference=") if reference is not None else None
        if base is None:
            base = levels.index(default) if default in levels else 0
        return _pairs(levels, [(i, base) for i in range(len(levels)) if i != base])
    return _KINDS[kind](levels)


def level_text(level: tuple[Label, ...]) -> Label:
    """Label of a level: its own, or those of several columns joined.

    Parameters
    ----------
    level : tuple
        Labels.
    """
    return level[0] if len(level) == 1 else ", ".join(str(label) for label in level)


def _pairs(levels: Sequence[tuple[Label, ...]], pairs: Sequence[tuple[int, int]]) -> Weighted:
    weights = np.zeros((len(pairs), len(levels)))
    for k, (i, j) in enumerate(pairs):
        weights[k, i], weights[k, j] = 1.0, -1.0
    return Weighted(
        weights,
        tuple(level_text(levels[i]) for i, _ in pairs),
        tuple(level_text(levels[j]) for _, j in pairs),
    )


def _pairwise(levels: Sequence[tuple[Label, ...]]) -> Weighted:
    m = len(levels)
    return _pairs(levels, [(i, j) for j in range(m) for i in range(j + 1, m)])


def _sequential(levels: Sequence[tuple[Label, ...]]) -> Weighted:
    return _pairs(levels, [(i, i - 1) for i in range(1, len(levels))])


def _effect(levels: Sequence[tuple[Label, ...]]) -> Weighted:
    m = len(levels)
    return Weighted(np.eye(m) - 1.0 / m, tuple(map(level_text, levels)), (AVERAGE,) * m)


def _polynomial(levels: Sequence[tuple[Label, ...]]) -> Weighted:
    """Orthogonal polynomials in the numbers of the levels, or in their ranks."""
    m = len(levels)
    numbers = [level[0] for level in levels if len(level) == 1]
    numeric = len(numbers) == m and all(
        isinstance(x, (int, float)) and not isinstance(x, bool) for x in numbers
    )
    degrees = range(1, min(m, len(_DEGREES) + 1))
    names = tuple(_DEGREES[d - 1] for d in degrees)
    steps = np.diff(np.array(numbers, dtype=np.float64)) if numeric else np.ones(m - 1)
    if np.allclose(steps, steps[0], rtol=1e-9, atol=0.0):
        signs = np.sign(steps[0]) ** np.array(degrees)
        weights = _whole_polynomials(m, len(names)) * signs[:, None]
        return Weighted(weights, names, (None,) * len(names))
    x = np.array(numbers, dtype=np.float64)
    x = (x - x.mean()) / np.ptp(x)
    Q, R = np.linalg.qr(np.vander(x, len(names) + 1, increasing=True))
    weights = (Q * np.sign(np.diag(R)))[:, 1:].T
    note = (
        "Polynomials are orthogonal in the values of the levels, which are not evenly spaced; the "
        "squares of their weights sum to one."
    )
    return Weighted(weights, names, (None,) * len(names), (note,))


def _whole_polynomials(m: int, count: int) -> FloatArray:
    """(count, m) orthogonal polynomials in 1, ..., m, in the smallest whole numbers."""
    basis: list[list[Fraction]] = [[Fraction(1)] * m]
    for degree in range(1, count + 1):
        p = [Fraction(i) ** degree for i in range(m)]
        for q in basis:
            along = sum((a * b for a, b in zip(p, q, strict=True)), Fraction(0))
            share = along / sum((b * b for b in q), Fraction(0))
            p = [a - share * b for a, b in zip(p, q, strict=True)]
        scale = Fraction(math.lcm(*(a.denominator for a in p)))
        whole = [int(a * scale) for a in p]
        divisor = math.gcd(*whole)
        basis.append([Fraction(a, divisor) for a in whole])
    return np.array([[float(a) for a in p] for p in basis[1:]])


def _custom(levels: Sequence[tuple[Label, ...]], given: Mapping[str, Any]) -> Weighted:
    """Weights that the caller wrote down."""
    if not given:
        raise ModelError("kind={} has no contrast.", code="contrast")
    rows = []
    for name, weights in given.items():
        if isinstance(weights, Mapping):
            row = np.zeros(len(levels))
            for level, weight in weights.items():
                row[_find(levels, level, f"contrast {name!r}:")] = _number(name, weight)
        elif isinstance(weights, (str, bytes)) or not hasattr(weights, "__len__"):
            raise ModelError(
                f"Contrast {name!r} is {weights!r:.60}: give one weight for each of the "
                f"{len(levels)} levels, or a dictionary of levels and weights.",
                code="contrast",
            )
        elif len(weights) != len(levels):
            raise ModelError(
                f"Contrast {name!r} has {len(weights)} weights; there are {len(levels)} levels "
                f"({listing([level_text(level) for level in levels])}).",
                code="contrast",
            )
        else:
            row = np.array([_number(name, weight) for weight in weights])
        if not np.any(row):
            raise ModelError(f"Contrast {name!r} has no weight other than zero.", code="contrast")
        rows.append(row)
    table = np.array(rows)
    odd = [n for n, row in zip(given, table, strict=True) if abs(row.sum()) > 1e-9]
    notes = (
        f"The weights of {', '.join(map(quote, odd[:4]))} do not sum to zero: a sum of means, not "
        "a comparison.",
    )
    return Weighted(table, tuple(given), (None,) * len(table), notes if odd else ())


def _number(name: str, weight: Any) -> float:
    if isinstance(weight, (int, float, np.number)) and np.isfinite(weight):
        return float(weight)
    raise ModelError(
        f"Contrast {name!r} has the weight {weight!r:.60}: give numbers.", code="contrast"
    )


def _find(levels: Sequence[tuple[Label, ...]], level: Any, role: str) -> int:
    """Position of a level that the caller named."""
    key = level if isinstance(level, tuple) else (level,)
    if key in levels:
        return levels.index(key)
    texts = [level_text(known) for known in levels]
    if level in texts:
        return texts.index(level)
    hint = did_you_mean(str(level), [str(text) for text in texts[:99]])
    raise DataError(
        f"{role} {quote(level)} is not one of the levels compared, {listing(texts)}.{hint}",
        code="unseen-level",
    )


_KINDS: Mapping[str, Callable[[Sequence[tuple[Label, ...]]], Weighted]] = {
    "pairwise": _pairwise,
    "sequential": _sequential,
    "effect": _effect,
    "polynomial": _polynomial,
}
