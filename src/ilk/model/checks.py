r"""What the data cannot tell: identifiability and separation, checked on the model itself.

Separation (Albert and Anderson 1984, Biometrika 71): a direction d of the coefficients along which
the likelihood never falls has no finite maximum.  For a binomial response, d separates if
``x_i'd >= 0`` wherever all trials succeeded, ``<= 0`` wherever all failed, ``= 0`` elsewhere, with
at least one strict sign; for counts, ``x_i'd <= 0`` where the count is zero and ``= 0`` elsewhere.
Such a d is found by linear programming (Konis 2007, thesis, University of Oxford).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ilk.errors import DataError, ModelError

if TYPE_CHECKING:
    from ilk.design.random import RandomTerm
    from ilk.model.model import Model
    from ilk.typing import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class SeparatingDirection:
    """A direction of coefficients along which the likelihood never falls.

    Parameters
    ----------
    names : tuple of str
        Coefficients that take part.
    rows : int
        Number of rows whose fitted probability or mean runs to its limit.
    direction : (p,) array
        The direction, largest element 1 in absolute value.
    """

    names: tuple[str, ...]
    rows: int
    direction: FloatArray


_SAMPLE = 1000
"""Rows that are asked first where there are many."""

_COUNTS = ("poisson", "negative_binomial_1", "negative_binomial_2")


def separating_direction(model: Model) -> SeparatingDirection | None:
    """Direction of separation of the mean's coefficients, if there is one.

    Parameters
    ----------
    model : Model
        Binomial, beta-binomial and count families can be separated; others cannot.

    Returns
    -------
    SeparatingDirection or None
    """
    response, part = model.design.response, model.design.fixed[0]
    y, X = response.y, part.X
    if X.shape[1] == 0:
        return None
    if model.family.name in ("binomial", "beta_binomial"):
        full = np.ones_like(y) if response.trials is None else response.trials
        sign = np.where(y >= full, 1.0, np.where(y <= 0.0, -1.0, 0.0))
    elif model.family.name in _COUNTS:
        sign = np.where(y <= 0.0, -1.0, 0.0)
    else:
        return None
    spread = np.abs(X).max(axis=0)
    rows = np.unique(np.column_stack([sign, X / np.where(spread > 0.0, spread, 1.0)]), axis=0)
    sign, scaled = rows[:, 0], rows[:, 1:]
    if not np.any(sign):
        return None
    everything = np.ones(X.shape[1], dtype=bool)
    sample = slice(None, None, len(rows) // _SAMPLE) if len(rows) >= 2 * _SAMPLE else None
    # If the sampled rows have full rank, no direction leaves all of them unmoved; so one that
    # separates all rows separates these.
    if (
        sample is not None
        and np.linalg.matrix_rank(scaled[sample]) == X.shape[1]
        and _problem(sign[sample], scaled[sample]).solve(everything) is None
    ):
        return None
    problem = _problem(sign, scaled)
    solution = problem.solve(everything)
    if solution is None:
        return None
    solution = _simplest(problem, solution, part.names)
    direction = solution / np.where(spread > 0.0, spread, 1.0)
    moving = int(np.sum(np.abs(X @ direction) > 1e-7))
    involved = [name for name, d in zip(part.names, solution, strict=True) if d != 0.0]
    names = [name for name in involved if name != "Intercept"] or involved
    return SeparatingDirection(tuple(names), moving, direction / np.abs(direction).max())


def _problem(sign: FloatArray, scaled: FloatArray) -> _Separation:
    free = sign != 0.0
    return _Separation(
        signed=sign[free, None] * scaled[free],
        equal=None if free.all() else scaled[~free],
    )


@dataclass(frozen=True, slots=True)
class _Separation:
    """The linear program: maximize sum of signed d, signed d >= 0, equal d = 0, |d_j| <= 1."""

    signed: FloatArray
    equal: FloatArray | None

    def solve(self, allowed: BoolArray) -> FloatArray | None:
        """Separating direction among the allowed columns; None if there is none."""
        from scipy.optimize import linprog

        reach = allowed.astype(float)
        found = linprog(
            -self.signed.sum(axis=0),
            A_ub=-self.signed,
            b_ub=np.zeros(len(self.signed)),
            A_eq=self.equal,
            b_eq=None if self.equal is None else np.zeros(len(self.equal)),
            bounds=np.column_stack([-reach, reach]),
            method="highs",
        )
        if found.status != 0 or -found.fun < 1e-7 * len(self.signed):
            return None
        direction: FloatArray = np.where(np.abs(found.x) < 1e-7, 0.0, found.x)
        return direction


def _simplest(problem: _Separation, direction: FloatArray, names: tuple[str, ...]) -> FloatArray:
    """A direction of one column (and the intercept) if one suffices, else the one found."""
    intercept = np.array([name == "Intercept" for name in names])
    for j in np.flatnonzero((direction != 0.0) & ~intercept):
        allowed = intercept.copy()
        allowed[j] = True
        single = problem.solve(allowed)
        if single is not None:
            return single
    return direction


def homogeneous_groups(model: Model) -> str | None:
    """Grouping factor whose levels all have only failures or only successes, if there is one.

    Such data drive the standard deviation of that factor's intercept to infinity.
    """
    response = model.design.response
    if model.family.name != "binomial":
        return None
    full = np.ones_like(response.y) if response.trials is None else response.trials
    for term in model.design.terms:
        codes, levels = term.grouping.codes, len(term.grouping.levels)
        total = np.bincount(codes, weights=full, minlength=levels)
        events = np.bincount(codes, weights=response.y, minlength=levels)
        used = total > 0
        rows = np.bincount(codes, minlength=levels)
        mixed = (events > 0) & (events < total) & used
        if not mixed.any() and rows.max() > 1:
            return term.grouping.name
    return None


def check_identified(model: Model) -> None:
    """Refuse models whose variance parameters no data of this shape can tell apart.

    Raises
    ------
    DataError
        Fewer rows than coefficients; a linear model with as many random effects as rows.
    ModelError
        Two terms of one predictor with the same grouping and a column in common.
    """
    design = model.design
    rows = model.rows
    for part in model.fitted_parts:
        if part.X.shape[1] > rows:
            raise DataError(
                f"The {part.predictor} has {part.X.shape[1]} coefficients but there are only "
                f"{rows} rows: leave out terms.",
                code="too-few-rows",
            )
    if model.linear:
        if model.nobs <= design.fixed[0].X.shape[1]:
            raise DataError(
                f"The model has as many coefficients ({design.fixed[0].X.shape[1]}) as "
                f"observations ({model.nobs}): no residual variance is left to estimate.",
                code="too-few-rows",
            )
        for term in design.terms:
            q = len(term.column_names)
            if len(term.grouping.levels) * q >= rows and model.design.frequency_weights is None:
                raise DataError(
                    f"The term ({term.label}) has {len(term.grouping.levels) * q} random effects "
                    f"for {rows} rows: in a Gaussian model they cannot be told from the residual. "
                    "Leave out a slope, or group by a factor with several rows per level.",
                    code="saturated-term",
                )
    _check_duplicates(model)
    _check_absorbed(model)


def _check_duplicates(model: Model) -> None:
    """Refuse two terms that group the rows alike and have a column in common."""
    seen: dict[tuple[str, str, int], list[RandomTerm]] = {}
    for term in model.design.terms:
        for name in term.column_names if term.structure in ("us", "diag") else ():
            # terms with other numbers of levels group the rows otherwise
            before = seen.setdefault((term.predictor, name, len(term.grouping.levels)), [])
            for other in before:
                if _partition(other.grouping.codes) == _partition(term.grouping.codes):
                    raise ModelError(
                        f"The terms ({other.label}) and ({term.label}) group the rows alike and "
                        f"share the column {name!r}: their variances cannot be told apart. Keep "
                        "one.",
                        code="duplicate-term",
                    )
            before.append(term)


def _check_absorbed(model: Model) -> None:
    """Refuse grouping factors whose levels the fixed part tells apart already."""
    parts = model.parts
    for term in model.design.terms:
        X, levels = parts[term.predictor].X, len(term.grouping.levels)
        if "Intercept" not in term.column_names or X.shape[1] < levels:
            continue
        indicators = (term.grouping.codes[:, None] == np.arange(levels)).astype(float)
        spread = np.abs(X).max(axis=0)
        scaled = X / np.where(spread > 0.0, spread, 1.0)
        solution = np.linalg.lstsq(scaled, indicators, rcond=None)[0]
        if np.abs(scaled @ solution - indicators).max() < 1e-8:
            raise ModelError(
                f"The fixed part of the {term.predictor} has a coefficient for every level of "
                f"{term.grouping.name!r}, so nothing is left for the random intercept of "
                f"({term.label}). Leave {term.grouping.name!r} out of one of the two.",
                code="absorbed-term",
            )


def _partition(codes: np.ndarray) -> bytes:
    """Fingerprint of a partition of the rows, whatever its levels are called."""
    import hashlib

    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return hashlib.blake2b(order[inverse].astype(np.int32).tobytes(), digest_size=16).digest()
