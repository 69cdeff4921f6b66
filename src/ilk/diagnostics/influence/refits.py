"""Exact estimates without some of the rows: the model is fitted again, from where a step leads.

The design is cut down, not made again: splines keep their knots and coefficients their meaning.  A
coefficient that the other rows do not determine is left out of the refit and has no estimate.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ilk.design.rank import independent_columns
from ilk.design.resample import resample
from ilk.diagnostics.influence.parts import Likelihood
from ilk.errors import IlkError
from ilk.estimation.run import refit_rows
from ilk.inference.parallel import in_chunks
from ilk.inference.progress import Progress
from ilk.inference.wald import coefficient_table
from ilk.model.dependence import dependent_groups

if TYPE_CHECKING:
    from ilk.design.build import Design
    from ilk.design.fixed import FixedPart
    from ilk.diagnostics.influence.spread import Spread
    from ilk.fitted import Fitted
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["Refit", "refits", "refitted_without"]


_NOTHING = 1e-7
"""Part of a direction that counts as none."""


@dataclass(frozen=True, slots=True)
class Refit:
    """What a refit says; nan for coefficients that it does not determine.

    Parameters
    ----------
    coef, p_value : (P,) arrays
        Coefficients and their p-values.
    covariance : (P, P) array
        Covariance matrix of the coefficients.
    spread : (K,) array
        Variance components.
    displacement : float
        Twice the fall of the criterion of all rows.
    reason : str
        Why there are no numbers; empty if there are.
    """

    coef: FloatArray
    p_value: FloatArray
    covariance: FloatArray
    spread: FloatArray
    displacement: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Work:
    """Work on sets of rows that are left out, each with a flat vector to start from."""

    fitted: Fitted
    spread: Spread
    values: bool

    def __call__(self, some: list[tuple[IntArray, FloatArray]]) -> list[Refit]:
        judge = _Displacement(self.fitted) if self.values else None
        return [self._one(rows, start, judge) for rows, start in some]

    def _one(self, rows: IntArray, start: FloatArray, judge: _Displacement | None) -> Refit:
        P, K = len(self.fitted.coef), len(self.spread.parts)
        nothing = np.full(P, np.nan)
        try:
            again, kept, known = refitted_without(self.fitted, rows, start)
            reason = "" if again.verdict.converged else again.verdict.status.value
            if not reason:
                table = coefficient_table(again)
                found = dict(zip(table.names, table.p_value.tolist(), strict=True))
                coef, covariance = nothing.copy(), np.full((P, P), np.nan)
                coef[kept] = again.coef
                covariance[np.ix_(kept, kept)] = again.vcov
                p_value = np.array([found.get(name, np.nan) for name in self.fitted.names])
                coef[~known] = p_value[~known] = np.nan
                covariance[~known, :] = covariance[:, ~known] = np.nan
                return Refit(
                    coef=coef,
                    p_value=p_value,
                    covariance=covariance,
                    spread=self.spread.of(again.estimates),
                    displacement=judge.of(again) if judge is not None and kept.all() else np.nan,
                )
        except (IlkError, np.linalg.LinAlgError, ArithmeticError) as error:
            reason = str(error).rstrip(".") or type(error).__name__
        return Refit(nothing, nothing, np.full((P, P), np.nan), np.full(K, np.nan), np.nan, reason)


class _Displacement:
    """Criterion of all rows at estimates of some."""

    def __init__(self, fitted: Fitted) -> None:
        self._likelihood = Likelihood(fitted)
        self._engine = self._likelihood.engine()
        self._scaled = fitted.marginal.scaled
        self._best = self._likelihood.value(self._engine, *self._likelihood.best)

    def of(self, again: Fitted) -> float:
        factors = []
        for T, G in zip(self._scaled.term_maps, again.estimates.covariances, strict=True):
            inner = np.linalg.solve(T, np.linalg.solve(T, G).T)
            values, vectors = np.linalg.eigh(0.5 * (inner + inner.T))
            root = vectors * np.sqrt(np.maximum(values, 0.0))
            factors.append(np.linalg.qr(root.T).R.T)  # lower triangle of the same matrix
        lam = np.concatenate([np.zeros(0), *(factor.ravel(order="F") for factor in factors)])
        unit = again.estimates.sigma2 / self._scaled.scale**2 if self._likelihood.linear else 1.0
        beta = self._scaled.beta(again.coef)
        return 2.0 * (self._best - self._likelihood.value(self._engine, beta, lam, unit))


def refits(
    fitted: Fitted,
    members: list[IntArray],
    starts: FloatArray,
    spread: Spread,
    n_jobs: int | None = 1,
) -> list[Refit]:
    """Fit the model again without each of some sets of rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    members : list of arrays
        Rows that are left out.
    starts : (G, m) array
        Flat vectors to start from.
    spread : Spread
        Variance components of the fit.
    n_jobs : int or None
        Refits at one time.

    Returns
    -------
    list of Refit
    """
    found: dict[int, Refit] = {}
    plain = fitted.model.linear or not fitted.model.reml
    plain = plain and not dependent_groups(fitted.design)
    work = _Work(fitted, spread, values=plain and fitted.model.penalty is None)
    chunks = in_chunks(work, lambda k: (members[k], starts[k]), range(len(members)), n_jobs)
    with Progress("influence", len(members)) as progress, closing(chunks):
        for numbers, results in chunks:
            found.update(zip(numbers, results, strict=True))
            progress.add(len(numbers))
    return [found[k] for k in range(len(members))]


def refitted_without(
    fitted: Fitted, rows: IntArray, start: FloatArray | None = None
) -> tuple[Fitted, BoolArray, BoolArray]:
    """Fit the model again without some rows.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    rows : (r,) array of int
        Positions of the rows that are left out.
    start : (m,) array, optional
        Flat vector to start from.

    Returns
    -------
    again : Fitted
        The fit of the other rows.
    kept : (P,) array of bool
        Columns that it has: those that do not depend on others in these rows.
    known : (P,) array of bool
        Coefficients that these rows determine.  Without the reference level of a factor, say, none
        of its coefficients is the comparison that it was.
    """
    left = np.setdiff1d(np.arange(fitted.model.rows), rows, assume_unique=True)
    design, kept = _cut(fitted, left)
    psi = fitted.estimates.psi
    psi = psi if start is None else np.where(np.isfinite(start), start, psi)
    whole = np.concatenate([kept, np.ones(len(psi) - len(kept), dtype=bool)])
    moved = replace(fitted, estimates=replace(fitted.estimates, psi=psi[whole]))
    again = refit_rows(moved, design)
    return again, kept, kept if kept.all() else _determined(fitted, left)


def _cut(fitted: Fitted, rows: IntArray) -> tuple[Design, BoolArray]:
    """Design of some rows, without the columns that they do not determine."""
    design = resample(fitted.design, rows, np.zeros(len(rows), dtype=np.int64))
    fixed, kept = [], []
    estimated = {part.predictor for part in fitted.model.fitted_parts}
    for part in design.fixed:
        intercept = part.names.index("Intercept") if "Intercept" in part.names else None
        keep = np.ones(len(part.names), dtype=bool)
        if part.X.shape[1]:
            keep = independent_columns(part.X, intercept)
        if part.predictor in estimated:
            kept.append(keep)
        fixed.append(part if keep.all() else _drop(part, keep))
    return replace(design, fixed=tuple(fixed)), np.concatenate([np.zeros(0, dtype=bool), *kept])


def _determined(fitted: Fitted, rows: IntArray) -> BoolArray:
    """Coefficients (P,) that do not move along any direction about which the rows say nothing."""
    known = []
    for part in fitted.model.fitted_parts:
        X = part.X[rows]
        size = np.linalg.norm(part.X, axis=0)
        _, values, right = np.linalg.svd(X / np.where(size > 0.0, size, 1.0), full_matrices=True)
        padded = np.concatenate([values, np.zeros(len(right) - len(values))])
        empty = right[padded <= _NOTHING * padded.max(initial=0.0)]
        known.append(~np.any(np.abs(empty) > _NOTHING, axis=0))
    return np.concatenate(known)


def _drop(part: FixedPart, keep: BoolArray) -> FixedPart:
    names = np.array(part.names, dtype=object)
    return replace(
        part,
        X=np.asfortranarray(part.X[:, keep]),
        names=tuple(names[keep]),
        dropped=(*part.dropped, *names[~keep]),
    )
