r"""Clusters that came after the fit, with data of their own: empirical Bayes without refitting.

At the estimates of the fit, the random effects of a new cluster given its data are as those of any
other: their modes minimize

.. math:: -\sum_i l(y_i \mid x_i'\hat\beta + z_i'b) + \tfrac12\, b'\hat G^{-1} b,

and the inverse Hessian there is their conditional covariance matrix (exact for the linear model:
best linear unbiased prediction).  Clusters are independent given the parameters, so that rows of
new levels alone need no others; where a later row also belongs to a level of the fit (another
patient of a known hospital), the rows of the fit are taken in, and the effects of known levels move
too.  How the modes move with the parameters, by which their standard errors count the uncertainty
of these, comes with them; in the covariance parameters by central differences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.later import extended, later_frequencies, later_response
from ilk.errors import DataError, FitError, ModelError
from ilk.kernels import laplace_engine
from ilk.kernels.contract import EngineData, PredictorData, TermData
from ilk.likelihood.base import apply_blocks, flatten
from ilk.model.dependence import refuse_dependent
from ilk.num.triangular import covariance_root
from ilk.prediction.known import KnownEffects, estimated, first_places
from ilk.prediction.levels import training_cases
from ilk.prediction.new_data import new_cases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.design.build import Design
    from ilk.fitted import Fitted
    from ilk.kernels.contract import LaplaceEngine
    from ilk.prediction.levels import Cases, Estimand
    from ilk.typing import FloatArray, IntArray

__all__ = ["Updated", "observe", "updated"]

_STEP = 1e-4  # of central differences in the covariance parameters


@dataclass(frozen=True, slots=True)
class Updated:
    """What is known after later rows were seen.

    Parameters
    ----------
    design : Design
        That of the fit, whose groupings also have the levels of the later rows.
    effects : KnownEffects
        Random effects of all these levels.
    """

    design: Design
    effects: KnownEffects


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows with their response: cases (n), y (n,), frequency weights (n,) or None."""

    cases: Cases
    y: FloatArray
    weights: FloatArray | None


def updated(fitted: Fitted, data: Any, observed: Any, estimand: Estimand) -> Updated | None:
    """Update the random effects for a question that says so.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    data : data frame, dict of columns or None
        Rows of the question.
    observed : data frame, dict of columns or None
        Later rows with their response.
    estimand : {"conditional", "typical", "population"}
        The question: only the first has random effects of clusters.

    Returns
    -------
    Updated or None
        None without later rows.

    Raises
    ------
    ModelError
        The question does not use the random effects of the clusters observed.
    """
    if observed is None:
        return None
    if estimand != "conditional":
        raise ModelError(
            f"observed= updates the random effects of new clusters, which estimand={estimand!r} "
            "does not use; ask for estimand='conditional'.",
            code="observed",
        )
    if data is None:
        raise ModelError(
            "observed= goes with rows to predict: give them first, as in "
            "fit.predict(new, observed=history).",
            code="observed",
        )
    return observe(fitted, observed)


def observe(fitted: Fitted, data: Any) -> Updated:
    """Update the random effects by later rows, parameters held at their estimates.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    data : data frame or dict of columns
        Later rows with their response; each belongs to at least one level that was not in the data
        of the fit.

    Returns
    -------
    Updated

    Raises
    ------
    DataError
        A column is missing, a value is missing, or a row belongs to levels of the fit only.
    ModelError
        The model has no random effects.
    """
    design = fitted.design
    if not design.terms:
        raise ModelError(
            "observed= updates the random effects of clusters, and the model has none.",
            code="observed",
        )
    refuse_dependent(
        design,
        "observed=",
        "Fit again with the later rows, or give the structure these levels and fit with them.",
    )
    for name in ("exposure", "offset", "trials"):
        if design.arguments.get(name, "") is None:
            raise ModelError(
                f"observed= needs {name} too, which the fit has as values of its own; fit with "
                f"{name}= as the name of a column.",
                code="observed",
            )
    larger = extended(design, data)
    later = _later_rows(fitted, larger, data)
    known = [len(term.grouping.levels) for term in design.terms]
    levels = [len(term.grouping.levels) for term in larger.terms]
    is_new = [codes >= count for codes, count in zip(later.cases.codes, known, strict=True)]
    _refuse_known(design, later, is_new)
    if all(bool(np.all(new)) for new in is_new):
        fresh = [codes - n for codes, n in zip(later.cases.codes, known, strict=True)]
        alone = replace(later, cases=replace(later.cases, codes=tuple(fresh)))
        added = [a - b for a, b in zip(levels, known, strict=True)]
        return Updated(larger, _side_by_side(estimated(fitted), _effects(fitted, alone, added)))
    everything = _stacked(_fitted_rows(fitted), later)
    return Updated(larger, _effects(fitted, everything, levels))


def _later_rows(fitted: Fitted, larger: Design, data: Any) -> _Rows:
    found = new_cases(fitted, data, design=larger, missing="error")
    cases = found.cases
    if cases.rows == 0:
        raise DataError("observed= has no rows.", code="no-rows")
    codes = tuple(
        cases.codes[t] if term.grouping.columns else _own_levels(old.grouping.levels, cases.rows)
        for t, (term, old) in enumerate(zip(larger.terms, fitted.design.terms, strict=True))
    )
    response = later_response(fitted.design, data, cases.trials)
    if response.other is not None:
        raise ModelError(
            "observed= cannot be used with a censored response in this version; fit the model "
            "again with those rows.",
            code="censoring",
        )
    fitted.family.check(response.y, response.second, f"{response.name} of observed=")
    return _Rows(
        replace(cases, codes=codes, trials=response.trials),
        response.y,
        later_frequencies(fitted.design, data),
    )


def _own_levels(known: Sequence[object], rows: int) -> IntArray:
    """Codes of a grouping that has a level per row."""
    return np.arange(len(known), len(known) + rows, dtype=np.int32)


def _refuse_known(design: Design, later: _Rows, is_new: Sequence[Any]) -> None:
    """Refuse rows that belong to levels of the fit only: they may have been counted already."""
    cluster = [t for t, term in enumerate(design.terms) if term.grouping.columns]
    if not cluster:
        return
    stale = ~np.logical_or.reduce([is_new[t] for t in cluster])
    if np.any(stale):
        row, count = int(np.argmax(stale)), int(stale.sum())
        term = design.terms[cluster[0]]
        label = term.grouping.levels[int(later.cases.codes[cluster[0]][row])]
        raise DataError(
            f"observed= has {count} row{'s' if count > 1 else ''} whose clusters were all in the "
            f"data of the fit, first row {row} ({term.grouping.name} {label!r}): it is for "
            "clusters that came later. Refit with all data instead, or rename a cluster that is "
            "another one.",
            code="observed-known",
        )


def _fitted_rows(fitted: Fitted) -> _Rows:
    design = fitted.design
    return _Rows(training_cases(fitted), design.response.y, design.frequency_weights)


def _stacked(a: _Rows, b: _Rows) -> _Rows:
    """Rows of the fit, then later ones."""
    n, m = a.cases.rows, b.cases.rows

    def join(x: FloatArray | None, y: FloatArray | None, default: float) -> FloatArray | None:
        if x is None and y is None:
            return None
        first = np.full(n, default) if x is None else x
        return np.concatenate([first, np.full(m, default) if y is None else y])

    pairs = zip(a.cases.columns, b.cases.columns, strict=True)
    cases = replace(
        a.cases,
        X=tuple(np.vstack(both) for both in zip(a.cases.X, b.cases.X, strict=True)),
        offsets=tuple(
            join(x, y, 0.0) for x, y in zip(a.cases.offsets, b.cases.offsets, strict=True)
        ),
        codes=tuple(np.concatenate(c) for c in zip(a.cases.codes, b.cases.codes, strict=True)),
        columns=tuple(None if x is None or y is None else np.vstack([x, y]) for x, y in pairs),
        trials=join(a.cases.trials, b.cases.trials, 1.0),
        precision=join(a.cases.precision, b.cases.precision, 1.0),
    )
    weights = join(a.weights, b.weights, 1.0)
    return _Rows(cases, np.concatenate([a.y, b.y]), weights)


def _effects(fitted: Fitted, rows: _Rows, levels: Sequence[int]) -> KnownEffects:
    """Random effects given rows, at the estimates."""
    psi = fitted.estimates.psi
    engine, roots, modes = _at(fitted, rows, levels, psi)

    def covariance() -> tuple[FloatArray, ...]:
        return tuple(engine.conditional_covariance())

    def solve(rhs: FloatArray) -> FloatArray:
        inner = apply_blocks(rhs, levels, [root.T for root in roots])
        return apply_blocks(engine.solve(inner), levels, roots)

    def sensitivity() -> FloatArray:
        out = np.zeros((sum(m.size for m in modes), len(psi)))
        P = len(fitted.coef)
        slope = engine.solve(engine.cross_information())
        out[:, :P] = -apply_blocks(slope[:, :P], levels, roots)
        for j in range(P, len(psi)):
            step = _STEP * max(1.0, abs(float(psi[j])))
            ends = []
            for side in (step, -step):
                moved = psi.copy()
                moved[j] += side
                ends.append(flatten(_at(fitted, rows, levels, moved)[2]))
            out[:, j] = (ends[0] - ends[1]) / (2.0 * step)
        return out

    return KnownEffects(modes, covariance, sensitivity, solve)


def _lower(root: FloatArray) -> FloatArray:
    """Lower triangular matrix with the same product R R'."""
    return np.asarray(np.linalg.qr(root.T)[1].T, dtype=np.float64)


def _at(
    fitted: Fitted, rows: _Rows, levels: Sequence[int], psi: FloatArray
) -> tuple[LaplaceEngine, list[FloatArray], tuple[FloatArray, ...]]:
    """Find the modes at a parameter: the engine there, roots R_t of G_t = R R', modes b = R u."""
    model, cases = fitted.model, rows.cases
    roots = [_lower(covariance_root(G)) for G in fitted.covariances_at(psi)]
    order = list(fitted.family.parameters)
    predictors = [
        PredictorData(np.asfortranarray(X), offset)
        for X, offset in zip(cases.X, cases.offsets, strict=True)
    ]
    if model.linear:
        log_variance = np.full(cases.rows, psi[-1])
        if cases.precision is not None:
            log_variance -= np.log(cases.precision)
        predictors.append(PredictorData(np.empty((cases.rows, 0), order="F"), log_variance))
    terms = []
    for t, term in enumerate(model.design.terms):
        z = np.ones((cases.rows, 1)) if cases.columns[t] is None else cases.columns[t]
        terms.append(
            TermData(
                predictors=tuple(order.index(name) for name in term.predictors),
                codes=cases.codes[t].astype(np.int32),
                levels=levels[t],
                columns=np.ascontiguousarray(z),
            )
        )
    data = EngineData(rows.y, cases.trials, rows.weights, tuple(predictors), tuple(terms))
    engine = laplace_engine(data, fitted.family)
    coef = psi[: len(fitted.coef)]
    lam = np.concatenate([root.ravel(order="F") for root in roots])
    found = engine.evaluate(np.array(coef), lam, gradient=False, tolerance=1e-18)
    if not found.converged:
        raise FitError(
            "The random effects of observed= could not be found: look for extreme values in its "
            "response or columns.",
            code="no-mode",
        )
    u, modes, start = engine.modes(), [], 0
    for count, root in zip(levels, roots, strict=True):
        stop = start + count * len(root)
        modes.append(u[start:stop].reshape(count, len(root)) @ root.T)
        start = stop
    return engine, roots, tuple(modes)


def _side_by_side(a: KnownEffects, b: KnownEffects) -> KnownEffects:
    """Effects that are independent given the parameters: in each term levels of a, then of b."""
    modes = tuple(np.vstack(both) for both in zip(a.modes, b.modes, strict=True))
    first, second = [], []
    for (start, _), x, y in zip(first_places(modes), a.modes, b.modes, strict=True):
        first.append(start + np.arange(x.size))
        second.append(start + x.size + np.arange(y.size))
    places = np.concatenate(first), np.concatenate(second)

    def merged(x: FloatArray, y: FloatArray) -> FloatArray:
        out = np.empty((len(x) + len(y), x.shape[1]))
        out[places[0]], out[places[1]] = x, y
        return out

    return KnownEffects(
        modes,
        lambda: tuple(map(np.concatenate, zip(a.covariance(), b.covariance(), strict=True))),
        lambda: merged(a.sensitivity(), b.sensitivity()),
        lambda rhs: merged(a.solve(rhs[places[0]]), b.solve(rhs[places[1]])),
    )
