r"""Predicted means of a fit with absorbed clusters: of these clusters only.

A row of a known cluster g has the linear predictor
:math:`\hat\eta = o + x'\hat\beta + \hat\alpha_g` with variance
:math:`\phi\, d'(D'WD)^- d + (x - \bar x_g)' V (x - \bar x_g)`, where :math:`\bar x_g` is the
cluster's weighted mean of x and V the covariance matrix of the coefficients.  A cluster that was
not in the data has no :math:`\alpha_g` and no distribution to borrow one from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.replay import replay
from ilk.errors import DataError, ModelError
from ilk.fixed_effects import ABSORBED, FixedFitted, part_labels
from ilk.fixed_effects.absorb import weigh
from ilk.inference.wald import two_sided
from ilk.prediction.intervals import observation_quantiles
from ilk.prediction.levels import Estimand, check_choice
from ilk.prediction.predict import Interval, Prediction, Scale
from ilk.prediction.rates import asked_exposure, at_exposure, check_per

if TYPE_CHECKING:
    from ilk.typing import BoolArray, FloatArray, IntArray

__all__ = ["FixedCases", "fixed_cases", "predict_fixed"]


@dataclass(frozen=True, slots=True)
class FixedCases:
    """Rows to predict.

    Parameters
    ----------
    X : (m, q) array
        Columns of the design but the intercept.
    offset : (m,) array
        Known part of the linear predictor.
    codes : tuple of (m,) arrays
        Level of each row among those of the design, by factor; -1 where it is missing.
    trials, precision : (m,) arrays or None
        Numbers of trials and precision weights.
    flavor : str
        Make of the frame for the answer.
    rows : int
        Number of rows of the answer.
    kept : (m,) array of int or None
        Positions of the cases; None if every row is one.
    positions : (m,) array of int
        Rows of the caller's frame, for messages.
    exposure : (m,) array or None
        Exposure that the mean of each case is for; None if the fit has none.
    """

    X: FloatArray
    offset: FloatArray
    codes: tuple[IntArray, ...]
    trials: FloatArray | None
    precision: FloatArray | None
    flavor: str
    rows: int
    kept: IntArray | None
    positions: IntArray
    exposure: FloatArray | None = None

    def spread(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Put answers at their rows; numbers of rows that lack a value are nan."""
        if self.kept is None:
            return columns
        out: dict[str, Any] = {}
        for name, values in columns.items():
            if isinstance(values, np.ndarray):
                full = np.full(self.rows, np.nan)
                full[self.kept] = values
                out[name] = full
            else:
                out[name] = list(values[:1]) * self.rows
        return out


def fixed_cases(
    fitted: FixedFitted,
    data: Any = None,
    *,
    trials: Any = None,
    exposure: Any = None,
    offset: Any = None,
    per: float | None = None,
) -> FixedCases:
    """Make the rows to predict from a frame.

    Parameters
    ----------
    fitted : FixedFitted
        The fit.
    data : data frame or dict of columns, optional
        New rows; those of the fit by default, with those of clusters that were set aside.
    trials, exposure, offset : str or array, optional
        In place of the columns that the fit used.
    per : float, optional
        Exposure of every row, in place of its own: means are then rates per so many units.  New
        rows that do not have the column of the exposure are for one unit.

    Returns
    -------
    FixedCases

    Raises
    ------
    DataError
        A cluster was not in the data of the fit.
    """
    design = fitted.design
    part = design.fixed[0]
    keep = np.array([j for j, name in enumerate(part.names) if name != "Intercept"], np.intp)
    if data is None:
        n = len(design.response.y)
        if per is not None and exposure is not None:
            check_per(per, exposed=design.exposure is not None, exposure=exposure)
        own, exposed = at_exposure(design, part.offset, per)
        return FixedCases(
            X=part.X[:, keep],
            offset=np.zeros(n) if own is None else own,
            codes=tuple(term.grouping.codes for term in design.terms),
            trials=design.response.trials,
            precision=design.precision_weights,
            flavor=design.flavor,
            rows=n,
            kept=None,
            positions=design.rows.kept,
            exposure=exposed,
        )
    exposure = asked_exposure(design, fitted.family, data, exposure, per)
    new = replay(design, data, trials=trials, exposure=exposure, offset=offset)
    for term, codes in zip(design.terms, new.terms, strict=True):
        if codes.unseen:
            raise _unseen(term.grouping.name, codes.unseen)
    known = new.fixed[0].offset
    m = len(new.rows.kept)
    return FixedCases(
        X=new.fixed[0].X[:, keep],
        offset=np.zeros(m) if known is None else known,
        codes=tuple(term.codes for term in new.terms),
        trials=new.trials,
        precision=new.precision_weights,
        flavor=new.flavor,
        rows=new.rows.total,
        kept=new.rows.selection,
        positions=new.rows.kept,
        exposure=new.exposure,
    )


def _unseen(group: str, labels: tuple[Any, ...]) -> DataError:
    shown = ", ".join(repr(label) for label in labels[:3]) + (", ..." if len(labels) > 3 else "")
    return DataError(
        f"Column {group!r} has levels that were not in the data of the fit ({shown}). A "
        "fixed-effects model has a parameter for each cluster that it has seen and says nothing "
        "about others; random effects do: ilk.fit with "
        f"(1 | {group}), and predict(estimand='population').",
        code="unseen-level",
    )


def predict_fixed(
    fitted: FixedFitted,
    cases: FixedCases,
    *,
    estimand: str = "conditional",
    scale: Scale = "response",
    interval: Interval = None,
    level: float = 0.95,
) -> Prediction:
    """Predict means of known clusters.

    Parameters
    ----------
    fitted : FixedFitted
        The fit.
    cases : FixedCases
        Rows.
    estimand : {"conditional"}
        These clusters, with their own estimated effects; there is no other.
    scale : {"response", "link"}
        Means, or linear predictors.
    interval : {None, "confidence", "prediction"}
        Interval of the mean, or for a new observation.
    level : float
        Coverage of the interval.

    Returns
    -------
    Prediction
    """
    check_choice("scale", scale, Scale)
    check_choice("interval", interval, Interval)
    _check_estimand(estimand)
    if interval == "prediction" and scale == "link":
        raise ModelError(
            "interval='prediction' is for observations, which are on the scale of the response; "
            "leave out scale='link'.",
            code="choice",
        )
    _check_absorbed(fitted, cases)
    eta = _linear_predictor(fitted, cases)
    family = fitted.family
    with np.errstate(all="ignore"):
        mean = eta if scale == "link" else family.mean(_predictors(fitted, cases, eta))
    if interval is None:
        return Prediction(mean, "conditional")
    variance = _variance(fitted, cases)
    q = two_sided(level, fitted.within.df)
    error = np.sqrt(variance)
    with np.errstate(all="ignore"):
        if interval == "confidence":
            ends = [eta - q * error, eta + q * error]
            if scale == "response":
                ends = [family.mean(_predictors(fitted, cases, end)) for end in ends]
                error = error * np.abs(family.link.derivative(eta))
            low, high = np.minimum(*ends), np.maximum(*ends)
        else:
            low, high = _observations(fitted, cases, eta, variance, level)
            error = error * np.abs(family.link.derivative(eta))
    return Prediction(mean, "conditional", interval, error, low, high)


def _check_estimand(estimand: str) -> None:
    if estimand == "conditional":
        return
    check_choice("estimand", estimand, Estimand)
    raise ModelError(
        f"estimand={estimand!r}: a fixed-effects model has no distribution of cluster effects, so "
        "it knows neither a typical cluster nor the population of clusters, only those of its data "
        "('conditional'). Use random effects (ilk.fit).",
        code="estimand",
    )


def _predictors(fitted: FixedFitted, cases: FixedCases, eta: FloatArray) -> list[FloatArray]:
    if not fitted.family.has_dispersion:
        return [eta]
    own = np.full(len(eta), fitted.tau)
    return [eta, own if cases.precision is None else own - np.log(cases.precision)]


def _columns(fitted: FixedFitted, names: tuple[str, ...]) -> IntArray:
    """Positions of columns among those of the cases."""
    all_names = [name for name in fitted.design.fixed[0].names if name != "Intercept"]
    return np.array([all_names.index(name) for name in names], dtype=np.intp)


def _linear_predictor(fitted: FixedFitted, cases: FixedCases) -> FloatArray:
    eta = cases.offset + cases.X[:, _columns(fitted, fitted.sample.names)] @ fitted.coef
    with np.errstate(invalid="ignore"):
        for absorbed, codes in zip(fitted.absorbed, cases.codes, strict=True):
            eta = eta + np.append(absorbed.estimate, np.nan)[codes]
    eta[~_comparable(fitted, cases)] = np.nan
    return eta


def _comparable(fitted: FixedFitted, cases: FixedCases) -> BoolArray:
    """Whether the levels of each row belong to one connected part of the data."""
    if fitted.dummies.parts == 1:
        return np.ones(len(cases.offset), dtype=bool)
    labels = [
        np.append(part, -1)[np.where(position >= 0, position, -1)]
        for part, position in zip(
            part_labels(fitted.dummies), _positions(fitted, cases), strict=True
        )
    ]
    known = np.minimum.reduce(labels) >= 0
    same = np.minimum.reduce(labels) == np.maximum.reduce(labels)
    comparable: BoolArray = same | ~known
    return comparable


def _positions(fitted: FixedFitted, cases: FixedCases) -> list[IntArray]:
    """Level of each row among those in use; -1 for those set aside or missing."""
    return [
        np.append(clusters.position, -1)[codes]
        for clusters, codes in zip(fitted.sample.clusters, cases.codes, strict=True)
    ]


def _variance(fitted: FixedFitted, cases: FixedCases) -> FloatArray:
    """Variance of the linear predictors; nan where an effect is infinite or missing."""
    positions = _positions(fitted, cases)
    rows = np.flatnonzero((np.minimum.reduce(positions) >= 0) & _comparable(fitted, cases))
    out = np.full(len(cases.offset), np.nan)
    if len(rows) == 0:
        return out
    at = [position[rows] for position in positions]
    curvature = fitted.curvature
    X = cases.X[np.ix_(rows, _columns(fitted, fitted.sample.names))]
    means = fitted.dummies.gather(curvature.level_means(fitted.sample.X), at)
    extra = means.shape[1] - X.shape[1]
    gradient = np.column_stack([X, np.zeros((len(rows), extra))]) - means
    own = fitted.scale * curvature.projector.variance(at)
    out[rows] = own + np.einsum("ij,jk,ik->i", gradient, fitted.joint, gradient)
    return out


def _check_absorbed(fitted: FixedFitted, cases: FixedCases) -> None:
    """Refuse rows whose absorbed columns differ from those of their cluster in the fit.

    The cluster's parameter contains the effect of what is constant within it, so a row with another
    value asks for that effect alone, which is not known.
    """
    names = tuple(n for (_, n), why in fitted.within.not_estimable.items() if why == ABSORBED)
    if not names:
        return
    where = _columns(fitted, names)
    part = fitted.design.fixed[0]
    keep = [j for j, name in enumerate(part.names) if name != "Intercept"]
    known = part.X[:, [keep[j] for j in where]][fitted.sample.used]
    effects = weigh(fitted.dummies, np.ones(len(known))).coefficients(known)
    positions = _positions(fitted, cases)
    rows = np.flatnonzero(np.minimum.reduce(positions) >= 0)
    expected = fitted.dummies.gather(effects, [position[rows] for position in positions])
    off = np.abs(cases.X[np.ix_(rows, where)] - expected)
    bad = off > 1e-6 * (1.0 + np.abs(known).max(axis=0))
    if bad.any():
        i, j = (int(k) for k in np.argwhere(bad)[0])
        raise DataError(
            f"{names[j]!r} is constant within {fitted.absorbed[0].grouping.name}, so its effect is "
            f"part of the cluster's parameter and not known by itself; row "
            f"{int(cases.positions[rows[i]])} has another value than its cluster had in the fit.",
            code="absorbed-column",
        )


def _observations(
    fitted: FixedFitted, cases: FixedCases, eta: FloatArray, variance: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Limits for a new observation of each row."""
    family = fitted.family
    predictors = _predictors(fitted, cases, eta)
    if family.name == "gaussian" and family.link.name == "identity":
        half = two_sided(level, fitted.within.df) * np.sqrt(variance + np.exp(predictors[1]))
        return eta - half, eta + half
    low, high = np.full(len(eta), np.nan), np.full(len(eta), np.nan)
    rows = np.flatnonzero(np.isfinite(variance))
    if len(rows):
        trials = None if cases.trials is None else cases.trials[rows]
        tails = (0.5 * (1.0 - level), 0.5 * (1.0 + level))
        none = np.zeros(len(rows))
        spread = [variance[rows], *(none for _ in predictors[1:])]
        ends = observation_quantiles(family, [p[rows] for p in predictors], spread, trials, tails)
        size = 1.0 if trials is None else trials
        low[rows], high[rows] = ends[0] / size, ends[1] / size
    return low, high
