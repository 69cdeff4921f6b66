"""New rows, and new responses, brought into the form of the fit's design."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.replay import replay
from ilk.errors import DataError
from ilk.prediction.levels import Cases, Estimand, check_choice, training_cases
from ilk.prediction.rates import asked_exposure, at_exposure, check_per

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ilk.design.build import Design
    from ilk.design.positions import Elsewhere
    from ilk.design.rows import Missing
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray, IntArray

__all__ = ["NewCases", "new_cases", "new_response"]

_ELSEWHERE: Mapping[str, Elsewhere] = {
    "conditional": "refuse",
    "population": "any",
    "typical": "none",
}
"""What rows have at new positions of a series: their effects, their variance, or nothing."""


@dataclass(frozen=True, slots=True)
class NewCases:
    """Rows to predict, and where their answers stand in the caller's frame.

    Parameters
    ----------
    cases : Cases
        Rows that have all values.
    flavor : str
        Make of the frame for the answer.
    rows : int
        Number of rows of the answer.
    kept : (n,) array of int or None
        Positions of the cases; None if every row is one.
    exposure : (n,) array or None
        Exposure that the mean of each case is for; None if the fit has none.
    """

    cases: Cases
    flavor: str
    rows: int
    kept: IntArray | None = None
    exposure: FloatArray | None = None

    def spread(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Put answers at their rows; numbers of rows that lack a value are nan.

        Parameters
        ----------
        columns : dict
            (n,) numbers, or lists of words; rows that lack a value get the first word.
        """
        if self.kept is None:
            return columns
        out: dict[str, Any] = {}
        for name, values in columns.items():
            if isinstance(values, np.ndarray):
                full = np.full(self.rows, np.nan)
                full[self.kept] = values
                out[name] = full
            else:
                out[name] = (list(values[:1]) or [None]) * self.rows
                if any(word != values[0] for word in values):
                    for place, word in zip(self.kept.tolist(), values, strict=True):
                        out[name][place] = word
        return out


def new_cases(
    fitted: Fitted,
    data: Any = None,
    estimand: Estimand = "conditional",
    *,
    trials: Any = None,
    exposure: Any = None,
    offset: Any = None,
    per: float | None = None,
    design: Design | None = None,
    missing: Missing = "drop",
) -> NewCases:
    """Make the rows to predict from a frame.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    data : data frame or dict of columns, optional
        New rows; those of the fit by default.
    estimand : {"conditional", "typical", "population"}
        The question; only the first needs the grouping columns.
    trials, exposure, offset : str or array, optional
        In place of the columns that the fit used.
    per : float, optional
        Exposure of every row, in place of its own: means are then rates per so many units.  New
        rows that do not have the column of the exposure are for one unit.
    design : Design, optional
        The fit's, with levels that came later; the fit's own by default.
    missing : {"drop", "error"}
        What to do about rows that lack a value.

    Returns
    -------
    NewCases

    Raises
    ------
    ModelError
        A rate is asked for and the fit has no exposure.
    """
    check_choice("estimand", estimand, Estimand)
    model = fitted.model
    if data is None:
        cases = training_cases(fitted)
        if per is not None and exposure is not None:
            check_per(per, exposed=model.design.exposure is not None, exposure=exposure)
        known, exposed = at_exposure(model.design, cases.offsets[0], per)
        cases = replace(cases, offsets=(known, *cases.offsets[1:]))
        return NewCases(cases, model.design.flavor, model.rows, exposure=exposed)
    exposure = asked_exposure(model.design, model.family, data, exposure, per)
    new = replay(
        model.design if design is None else design,
        data,
        groups=estimand == "conditional",
        elsewhere=_ELSEWHERE[estimand],
        trials=trials,
        exposure=exposure,
        offset=offset,
        missing=missing,
    )
    _check_trials(new.trials, new.rows.selection)
    parts = new.fixed[: len(model.fitted_parts)]
    offsets = [part.offset for part in parts]
    weights = new.precision_weights
    if weights is not None and not model.linear:
        k = [part.predictor for part in parts].index("dispersion")
        shift = -np.log(weights)
        known = offsets[k]
        offsets[k] = shift if known is None else known + shift
    cases = Cases(
        X=tuple(part.X for part in parts),
        offsets=tuple(offsets),
        codes=tuple(term.codes for term in new.terms),
        weights=tuple(term.weights for term in new.terms),
        columns=tuple(term.columns for term in new.terms),
        trials=new.trials,
        precision=weights if model.linear else None,
        unseen=tuple(term.unseen for term in new.terms),
    )
    return NewCases(cases, new.flavor, new.rows.total, new.rows.selection, new.exposure)


def _check_trials(trials: FloatArray | None, rows: IntArray | None) -> None:
    """Refuse numbers of trials that are none."""
    if trials is None:
        return
    rest = np.abs(trials - np.round(trials))
    wrong = np.flatnonzero((trials < 0.0) | (rest > 1e-6 * np.maximum(trials, 1.0)))
    if len(wrong):
        row = int(wrong[0] if rows is None else rows[wrong[0]])
        raise DataError(
            f"The numbers of trials must be whole and not negative: row {row} has "
            f"{trials[wrong[0]]:g} ({len(wrong)} such row{'s' if len(wrong) > 1 else ''}).",
            code="trials",
        )


def new_response(fitted: Fitted, response: Any) -> FloatArray:
    """Check a new response for the rows of the fit.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    response : (n,) or (N,) array
        One value for each of the n rows of the fit, or of the N rows of its data; counts of
        successes where there are trials.

    Returns
    -------
    (n,) array

    Raises
    ------
    DataError
        It has another length, or values that the family cannot have produced.
    """
    rows, old = fitted.design.rows, fitted.design.response
    try:
        y = np.asarray(response, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("response= must hold numbers.", code="response-type") from None
    n = len(old.y)
    if y.shape == (rows.total,):
        y = y[rows.kept]
    if y.shape != (n,):
        raise DataError(
            f"response= has shape {y.shape}; give one number for each of the {n} rows of the fit.",
            code="length",
        )
    fitted.family.check(y, old.trials, "response=")
    return np.array(y)
