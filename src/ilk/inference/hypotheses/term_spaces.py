r"""What the terms of a formula say about the coefficients, whatever the coding of its factors.

The columns of a term are made anew with a known coding of its factors, :math:`X_s`, and written in
the columns of the fit, :math:`X_s = X C`.  Hypotheses about terms are then about the spaces that
they span, and do not depend on how factors were coded in the fit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ilk.design.coding import code_terms
from ilk.design.evaluate import evaluate
from ilk.design.scope import Scope
from ilk.design.transforms import Coded
from ilk.formula.spec import Sum
from ilk.frame import Factor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.design.build import Design
    from ilk.design.fixed import FixedPart
    from ilk.formula.spec import Term
    from ilk.typing import FloatArray

__all__ = [
    "Coding",
    "TermSpaces",
    "annihilator",
    "independent_rows",
    "reduced_rows",
    "term_spaces",
    "whole_basis",
]

Coding: TypeAlias = Literal["treatment", "sum"]
"""Codings of a factor beside an intercept."""

_RANK = 1e-8
"""Singular value, relative to the largest, that counts as zero."""


@dataclass(frozen=True, slots=True)
class TermSpaces:
    """The terms of one predictor and the spaces that their columns span.

    Parameters
    ----------
    terms : tuple of Term
        The terms, the intercept first if there is one.
    root : (p, p) array
        R of the QR decomposition of X (rows times the root of their frequency).
    values : mapping of str to array or Factor
        Values of each factor of the formula, by its text.
    basis : (n, p) array
        Q of the same decomposition.
    weights : (n, 1) array or None
        Roots of the frequencies.
    made : dict
        Coordinates of the products of factors that were made before.
    """

    terms: tuple[Term, ...]
    root: FloatArray
    values: dict[str, Any]
    basis: FloatArray
    weights: FloatArray | None
    made: dict[Any, FloatArray] = field(default_factory=dict, repr=False)

    def numeric(self, term: Term) -> frozenset[str]:
        """Texts of the factors of a term that are numbers."""
        return frozenset(
            f.text for f in term.factors if not isinstance(self.values[f.text], Factor)
        )

    def coordinates(
        self, terms: Sequence[Term], coding: Coding = "treatment"
    ) -> tuple[FloatArray, ...]:
        """Columns of each term of a sum, as coordinates Q'X_s (p, w) in the columns of the fit.

        Parameters
        ----------
        terms : sequence of Term
            Terms of the formula; factors are coded as their sum needs it.
        coding : {"treatment", "sum"}
            Coding of factors that need a column fewer than they have levels.
        """
        texts = list(dict.fromkeys(f.text for term in terms for f in term.factors))
        values = [self.values[text] for text in texts]
        coded = code_terms(
            tuple(tuple(texts.index(f.text) for f in term.factors) for term in terms),
            tuple(isinstance(value, Factor) for value in values),
        )
        empty = np.zeros((len(self.root), 0))
        return tuple(
            np.concatenate([empty, *(self._product(s.parts, texts, coding) for s in some)], axis=1)
            for some in coded
        )

    def _product(
        self, parts: Sequence[tuple[int, bool]], texts: Sequence[str], coding: Coding
    ) -> FloatArray:
        """Coordinates of a product of factors, some of them reduced."""
        named = tuple(
            (texts[i], coding if reduced and isinstance(self.values[texts[i]], Factor) else "full")
            for i, reduced in parts
        )
        if named not in self.made:
            rows = len(self.basis)
            columns = np.ones((rows, 1)) if self.weights is None else self.weights
            for text, code in named:
                one = _columns(self.values[text], code)
                columns = (one[:, :, None] * columns[:, None, :]).reshape(rows, -1)
            self.made[named] = self.basis.T @ columns
        return self.made[named]


def term_spaces(design: Design, part: FixedPart) -> TermSpaces:
    """Evaluate the factors of the terms of a predictor on the rows of the fit.

    Parameters
    ----------
    design : Design
        Of the fit.
    part : FixedPart
        The predictor.

    Returns
    -------
    TermSpaces
    """
    spec = design.spec
    scope = Scope(design.data, None, spec.functions, dict(design.memory), learning=False)
    terms: Sum = part.recipe.terms
    values = {f.text: _values(evaluate(f.expression, scope), scope.count) for f in terms.factors}
    frequency = design.frequency_weights
    weights = None if frequency is None else np.sqrt(frequency)[:, None]
    basis, root = np.linalg.qr(part.X if weights is None else part.X * weights)
    return TermSpaces(terms.terms, root, values, basis, weights)


def _values(value: Any, rows: int) -> Any:
    """Values of a factor: its levels, or columns (n, k) of numbers."""
    if isinstance(value, Coded):
        return value.factor
    if isinstance(value, Factor):
        return value
    if hasattr(value, "keys"):
        made = [np.asarray(value[key]) for key in value if not str(key).startswith("__")]
        return np.column_stack(made)
    if np.ndim(value) == 0:
        return np.full((rows, 1), float(value))
    found = np.asarray(value, dtype=np.float64)
    return found if found.ndim == 2 else found[:, None]


def _columns(value: Any, coding: str) -> FloatArray:
    """Columns (n, k) of a factor: numbers, or indicators of levels in a coding."""
    if not isinstance(value, Factor):
        return np.asarray(value, dtype=np.float64)
    dummies = np.asarray(value.codes[:, None] == np.arange(len(value.levels)), dtype=np.float64)
    if coding == "sum":
        return dummies[:, :-1] - dummies[:, -1:]
    return dummies[:, 1:] if coding == "treatment" else dummies


def independent_rows(rows: FloatArray, scale: float) -> FloatArray:
    """Orthonormal basis (r, p) of the space of some rows (k, p).

    Parameters
    ----------
    rows : (k, p) array
        The rows.
    scale : float
        Singular values below 1e-8 times this count as zero.
    """
    if not rows.size:
        return np.zeros((0, rows.shape[1]))
    _, values, vectors = np.linalg.svd(rows, full_matrices=False)
    return np.asarray(vectors[values > _RANK * max(scale, np.finfo(float).tiny)])


def reduced_rows(rows: FloatArray) -> FloatArray:
    """Reduced row echelon form (r, p) of some rows (k, p): the same space, in one way.

    Parameters
    ----------
    rows : (k, p) array
        The rows.

    Examples
    --------
    >>> import numpy as np
    >>> reduced_rows(np.array([[2.0, 2.0, 1.0], [1.0, -1.0, 0.0]]))
    array([[1.  , 0.  , 0.25],
           [0.  , 1.  , 0.25]])
    """
    scale = float(np.abs(rows).max(initial=0.0))
    work, done = np.array(rows), 0
    for j in range(rows.shape[1]):
        if done == len(work):
            break
        pivot = done + int(np.argmax(np.abs(work[done:, j])))
        if abs(work[pivot, j]) <= _RANK * scale:
            work[done:, j] = 0.0
            continue
        work[[done, pivot]] = work[[pivot, done]]
        work[done] /= work[done, j]
        others = np.arange(len(work)) != done
        work[others] -= np.outer(work[others, j], work[done])
        done += 1
    return np.asarray(np.where(np.abs(work[:done]) < _RANK, 0.0, work[:done]))


def whole_basis(spaces: TermSpaces, coding: Coding = "treatment") -> FloatArray | None:
    """Coordinates (p, p) of all terms together, None if they are no basis.

    Parameters
    ----------
    spaces : TermSpaces
        The terms.
    coding : {"treatment", "sum"}
        Coding of the factors.
    """
    whole: FloatArray = np.concatenate(spaces.coordinates(spaces.terms, coding), axis=1)
    size = np.linalg.norm(whole, axis=0)
    if whole.shape[1] != len(whole) or not np.all(size > 0.0):
        return None
    return whole if np.linalg.cond(whole / size) < 1.0 / _RANK else None


def annihilator(spaces: TermSpaces, terms: Sequence[Term]) -> FloatArray:
    """Restrictions L (r, p) that hold for coefficients whose predictor needs only some terms.

    Parameters
    ----------
    spaces : TermSpaces
        The terms of the fit.
    terms : sequence of Term
        Those that are needed.
    """
    p = len(spaces.root)
    needed = np.concatenate([np.zeros((p, 0)), *spaces.coordinates(terms)], axis=1)
    kept = independent_rows(needed.T, float(np.linalg.norm(needed, 2)) if needed.size else 1.0)
    outside = np.linalg.svd(kept, full_matrices=True)[2][len(kept) :] if len(kept) else np.eye(p)
    whole = whole_basis(spaces)
    if whole is None:
        return np.asarray(outside @ spaces.root)
    rows: FloatArray = outside @ whole  # one way to write a space, that of coefficients alone first
    return np.asarray(reduced_rows(rows) @ np.linalg.solve(whole, spaces.root))
