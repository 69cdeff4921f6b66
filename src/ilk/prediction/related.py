r"""Levels without effects of their own in the fit whose structure says where they belong.

A new place of a field (by its coordinates), an individual whose parents are known (columns ``sire``
and ``dam``), a tip that grows from a node (``parent``, ``length``), a name of a node that shares a
level: given the effects b of all levels of the structure, the effect of such a level is

.. math:: b_\ast = w(\theta)' b + e, \qquad e \sim N(0,\; v(\theta)\, G),

with weights and variance of `AbstractLevels.extend`.  So its conditional mode is
:math:`w'\hat b`, its conditional covariance :math:`w'Cw + vG` with C that of b (kriging; best
linear unbiased prediction), and its modes move with the parameters as those of b do, and by the
derivative of w.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.grouping import find_levels
from ilk.design.levels import match_levels
from ilk.design.scope import Scope
from ilk.errors import DataError, ModelError
from ilk.frame import Tabular, columns, factor, numbers, quote
from ilk.prediction.known import KnownEffects, estimated, first_places
from ilk.prediction.update import Updated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ilk.covariance.levels.base import Extension
    from ilk.design.grouping import Grouping
    from ilk.fitted import Fitted
    from ilk.frame import Label
    from ilk.model.dependence import Dependence
    from ilk.typing import FloatArray

__all__ = ["related"]

_STEP = 1e-4
"""Step of differences in the parameters, as for the modes."""

_BELONGS: Mapping[str, tuple[str, str]] = {
    "pedigree": ("sire", "dam"),
    "tree": ("parent", "length"),
}
"""Columns of new data that say where new individuals, or tips, belong."""

_NOBODY = (0, "0", "", "NA", ".")
"""What stands for an unknown parent, beside missing values."""

_COLUMNS = 256
"""Right-hand sides solved for at one time at most."""


@dataclass(frozen=True, slots=True)
class _Added:
    """Levels that come to those of a term.

    Parameters
    ----------
    labels : tuple
        Their names.
    points : sequence or None
        Where they belong, as `AbstractLevels.extend` takes it.
    extension : Extension
        Weights (m, L) of the levels of the fit, and variances (m,).
    """

    labels: tuple[Label, ...]
    points: Any
    extension: Extension


def related(fitted: Fitted, data: Any, estimand: str) -> Updated | None:
    """Give effects to levels of new rows of which the structures over levels know.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    data : data frame, dict of columns or None
        New rows.
    estimand : {"conditional", "typical", "population"}
        The question: only the first has effects of levels.

    Returns
    -------
    Updated or None
        None where there are no such levels.
    """
    if data is None or estimand != "conditional":
        return None
    found: dict[str, _Added | None] = {}
    frame = columns(data)
    for term, over in zip(fitted.design.terms, fitted.dependences, strict=True):
        name = term.grouping.name
        if over is not None and name not in found:
            found[name] = _added(term.grouping, over, frame)
    added = [
        None if over is None else found[term.grouping.name]
        for term, over in zip(fitted.design.terms, fitted.dependences, strict=True)
    ]
    if all(part is None for part in added):
        return None
    terms = tuple(
        term
        if part is None
        else replace(
            term,
            grouping=replace(term.grouping, levels=(*term.grouping.levels, *part.labels)),
        )
        for term, part in zip(fitted.design.terms, added, strict=True)
    )
    return Updated(replace(fitted.design, terms=terms), _effects(fitted, added))


def _added(grouping: Grouping, over: Dependence, frame: Tabular) -> _Added | None:
    """Levels of a grouping that are new and have a place in its structure."""
    if any(column not in frame for column in grouping.columns):
        return None  # the error is that of reading the rows
    _, unseen = find_levels(grouping, Scope(frame))
    if not unseen:
        return None
    points = _points(grouping, over, frame, unseen)
    try:
        return _Added(unseen, points, over.levels.extend(over.theta, unseen, points))
    except ModelError:  # some of them have no place
        pass
    known = []
    for k, label in enumerate(unseen):
        try:
            over.levels.extend(over.theta, [label], None if points is None else points[k : k + 1])
        except ModelError:
            continue
        known.append(k)
    if not known:
        return None
    labels = tuple(unseen[k] for k in known)
    points = None if points is None else [points[k] for k in known]
    return _Added(labels, points, over.levels.extend(over.theta, labels, points))


def _points(
    grouping: Grouping, over: Dependence, frame: Tabular, labels: Sequence[Label]
) -> list[Any] | None:
    """Where levels belong, a row for each, from the columns that say so; None if there are none."""
    kind = over.levels.kind
    where = grouping.places or _BELONGS.get(kind, ())
    if len(grouping.columns) != 1 or not where or any(column not in frame for column in where):
        return None
    found = factor(frame.column(grouping.columns[0]))
    names = list(over.levels.places())
    read = [
        numbers(frame.column(column))
        if grouping.places or column == "length"
        else _named(frame, column, names)
        for column in where
    ]
    points = []
    for label in labels:
        here = np.flatnonzero(found.codes == found.levels.index(label))
        rows = [tuple(values[i] for values in read) for i in here]
        if grouping.places and not np.all(np.isfinite(np.array(rows))):
            raise DataError(
                f"A coordinate ({', '.join(where)}) of {quote(label)} is missing or "
                "infinite; every new place needs all of them.",
                code="missing",
            )
        if any(row != rows[0] for row in rows):
            raise DataError(
                f"{' and '.join(where)} differ within {quote(label)} of {grouping.name!r}; each "
                "level has one place.",
                code="places",
            )
        points.append(rows[0])
    return points


def _named(frame: Tabular, column: str, names: Sequence[Any]) -> list[Any]:
    """Labels of a column as the structure has them, None where there is none."""
    found = factor(frame.column(column))
    matched = match_levels(names, found.levels)
    known = [
        names[k] if k >= 0 else (None if label in _NOBODY else label)
        for k, label in zip(matched.tolist(), found.levels, strict=True)
    ]
    return [known[code] if code >= 0 else None for code in found.codes.tolist()]


def _effects(fitted: Fitted, added: Sequence[_Added | None]) -> KnownEffects:
    """Effects of the levels of the fit, in each term followed by those of its new levels."""
    known = estimated(fitted)
    weights = [None if part is None else part.extension.weights for part in added]
    modes = tuple(
        m if W is None else np.vstack([m, W @ m]) for m, W in zip(known.modes, weights, strict=True)
    )

    def covariance() -> tuple[FloatArray, ...]:
        blocks = known.covariance()
        starts = [start for start, _ in first_places(known.modes)]
        return tuple(
            block if part is None else np.concatenate([block, _new_blocks(known, part, start, G)])
            for block, part, start, G in zip(
                blocks, added, starts, fitted.estimates.covariances, strict=True
            )
        )

    def sensitivity() -> FloatArray:
        parts = _split(known.sensitivity(), known.modes)
        for t, part in enumerate(added):
            if part is not None:
                parts[t] = np.concatenate([parts[t], _new_slopes(fitted, t, part, parts[t])])
        return np.concatenate([part.reshape(-1, part.shape[2]) for part in parts])

    def solve(rhs: FloatArray) -> FloatArray:
        new = _split(rhs, modes)
        old = [each[: len(m)] for each, m in zip(new, known.modes, strict=True)]
        for t, W in enumerate(weights):
            if W is not None:
                old[t] = old[t] + _times(W.T, new[t][len(old[t]) :])
        solved = _split(known.solve(np.concatenate([_flat(part) for part in old])), known.modes)
        for t, part in enumerate(added):
            if part is not None:
                mine = new[t][len(solved[t]) :]
                own = np.einsum("ab,mbk->mak", fitted.estimates.covariances[t], mine)
                own *= part.extension.variances[:, None, None]
                more = _times(part.extension.weights, solved[t]) + own
                solved[t] = np.concatenate([solved[t], more])
        return np.concatenate([_flat(part) for part in solved])

    return KnownEffects(modes, covariance, sensitivity, solve)


def _new_blocks(known: KnownEffects, part: _Added, start: int, G: FloatArray) -> FloatArray:
    """Conditional covariances (m, q, q) of the effects of new levels, ``w'Cw + vG``."""
    W, q = part.extension.weights, len(G)
    size = sum(modes.size for modes in known.modes)
    count, width = W.shape
    out = part.extension.variances[:, None, None] * G
    step = max(1, _COLUMNS // q)
    for begin in range(0, count, step):
        rows = W[begin : begin + step]
        here = rows.shape[0]
        rhs = np.zeros((size, here, q))
        dense = rows.T.toarray()
        for a in range(q):
            rhs[start + a : start + width * q : q, :, a] = dense
        solved = known.solve(rhs.reshape(size, -1))[start : start + width * q]
        across = solved.reshape(width, q, here, q)
        out[begin : begin + step] += np.einsum("lk,lakb->kab", dense, across, optimize=True)
    return out


def _new_slopes(fitted: Fitted, t: int, part: _Added, slopes: FloatArray) -> FloatArray:
    """Derivatives (m, q, k) of new levels' modes in psi, from those (L, q, k) of the others."""
    out = _times(part.extension.weights, slopes)
    over = fitted.dependences[t]
    assert over is not None
    first = len(fitted.coef) + over.places.start
    for j in range(len(over.theta)):
        step = _STEP * max(1.0, abs(float(over.theta[j])))
        ends = []
        for side in (step, -step):
            moved = over.theta.copy()
            moved[j] += side
            extension = over.levels.extend(moved, part.labels, part.points)
            ends.append(extension.weights @ fitted.estimates.modes[t])
        out[:, :, first + j] += (ends[0] - ends[1]) / (2.0 * step)
    return out


def _times(matrix: Any, x: FloatArray) -> FloatArray:
    """Multiply (m, L) with x (L, q, k)."""
    product = matrix @ x.reshape(len(x), -1)
    return np.asarray(product).reshape(matrix.shape[0], *x.shape[1:])


def _split(x: FloatArray, modes: Sequence[FloatArray]) -> list[FloatArray]:
    """Rows of all effects (U, k), by term (L_t, q_t, k)."""
    out = []
    for (start, _), each in zip(first_places(modes), modes, strict=True):
        out.append(x[start : start + each.size].reshape(*each.shape, x.shape[1]))
    return out


def _flat(x: FloatArray) -> FloatArray:
    return x.reshape(-1, x.shape[2])
