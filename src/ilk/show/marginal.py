"""Marginal coefficients as an answer: those of one cluster beside those of the population."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ilk.effects.collapsibility import Collapsibility, collapsibility
from ilk.effects.marginal_coefficients import marginal_coefficients
from ilk.family.inflation import ZeroInflated
from ilk.inference.wald import coefficient_covariance, quantiles
from ilk.late import Late
from ilk.show.answer import Answer
from ilk.show.numbers import plain

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["marginal_table"]

pictures = Late("ilk.plot.marginal")

_QUESTION = (
    "Conditional: what does a change do in one cluster, its random effects held? "
    "Marginal: what does it do to the mean over the population of clusters?"
)

_MOVED = ", which may also move coefficients of columns without random slopes a little"

_ERRORS = (
    "Marginal standard errors count the uncertainty of coefficients and variance parameters "
    "(delta method); the covariates are held as they are in the data."
)


def marginal_table(fitted: Fitted, level: float = 0.95) -> Answer:
    """Set marginal coefficients beside the conditional ones.

    Columns: ``term, conditional, conditional_error, estimate, std_error, conf_low, conf_high,
    attenuation, estimand``.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Answer
    """
    found = marginal_coefficients(fitted)
    z, degrees = _quantiles(fitted, level, len(found.names))
    names = fitted.model.fitted_parts[0].all_names
    places = [names.index(name) for name in found.names]

    def spread(values: FloatArray) -> FloatArray:
        out = np.full(len(names), np.nan)
        out[places] = values
        return out

    drawn = [i for i, name in enumerate(found.names) if name != "Intercept"]
    return Answer(
        title="Coefficients in one cluster and over the population",
        question=_QUESTION,
        columns={
            "term": list(names),
            "conditional": spread(found.conditional),
            "conditional_error": spread(found.conditional_error),
            "estimate": spread(found.estimate),
            "std_error": spread(found.std_error),
            "conf_low": spread(found.estimate - z * found.std_error),
            "conf_high": spread(found.estimate + z * found.std_error),
            "attenuation": spread(found.attenuation),
            "estimand": ["population"] * len(names),
        },
        flavor=fitted.design.flavor,
        words=("term",),
        notes=(*_notes(fitted, collapsibility(fitted)), _ERRORS, *degrees),
        level=level,
        hidden=("estimand",),
        heads={"estimate": "marginal"},
        picture=lambda ax: pictures.draw_marginal(
            [found.names[i] for i in drawn],
            _with_limits(found.conditional, found.conditional_error, z)[drawn],
            _with_limits(found.estimate, found.std_error, z)[drawn],
            ax,
        ),
    )


def _quantiles(fitted: Fitted, level: float, count: int) -> tuple[FloatArray, tuple[str, ...]]:
    """(p,) quantiles of the intervals, those of the coefficients where both are the same."""
    if not fitted.model.linear:
        return quantiles(level, np.full(count, np.inf)), ()
    used = coefficient_covariance(fitted)
    note = f"Intervals are from t distributions; degrees of freedom: {used.df_kind}."
    return quantiles(level, used.coefficient_df()[:count]), (note,)


def _with_limits(estimate: FloatArray, error: FloatArray, z: FloatArray) -> FloatArray:
    """(p, 3) array of estimates with their lower and upper limits."""
    return np.column_stack([estimate, estimate - z * error, estimate + z * error])


def _is_log(verdict: Collapsibility) -> bool:
    """Whether only columns with random slopes have effects that depend on covariates."""
    return bool(verdict.slopes) and verdict.factor == 1.0


def _notes(fitted: Fitted, verdict: Collapsibility) -> tuple[str, ...]:
    """What the numbers are of, and why they differ or do not."""
    notes = {
        "collapsible": verdict.reason.replace("they are", "conditional effects are"),
        "slopes_collapse": verdict.reason.replace("its intercept", "the population's intercept"),
        "attenuated": "Attenuation is the marginal over the conditional coefficient.",
        "depends_on_covariates": "The population's effects depend on the covariates; the marginal "
        "coefficients are those that come nearest to them in the rows of the data (least squares "
        "on the scale of the link)" + (_MOVED if _is_log(verdict) else "") + ".",
        "no_population_mean": verdict.reason,
    }
    out = [plain(notes[verdict.kind], 2000)]
    if isinstance(fitted.family, ZeroInflated):
        out.append(
            f"Both are of the {fitted.family.proper}, {fitted.family.zero}s left out; for the mean "
            f"of all {fitted.family.responses} see "
            "predict(estimand='population')."
        )
    return tuple(out)
