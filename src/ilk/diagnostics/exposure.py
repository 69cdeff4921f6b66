r"""Whether the mean is proportional to an exposure: offset against free coefficient.

An exposure x as an offset says that :math:`\log E y = \log x + \eta`: twice the time at risk, twice
the events, all else equal; :math:`e^\eta` is a rate.  The larger model

.. math:: \log E y = b \log x + \eta

has a free coefficient, estimated as :math:`b = 1 + c` from the covariate :math:`c \log x` beside
the offset.  That b is one is tested by Wald's statistic :math:`(\hat b - 1) / se(\hat b)` and by
the likelihood ratio :math:`2 (l_b - l_1)` with one degree of freedom.  With x itself as a
covariate, :math:`\log E y = g x + \eta`, the mean grows exponentially in x; that model is not
nested in either, and is compared with them by AIC.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.design.exposure import logged_column
from ilk.diagnostics.contextual import estimate, refit_as
from ilk.diagnostics.exposure_record import ExposureCheck, ExposureModel
from ilk.diagnostics.exposure_terms import (
    GIVEN,
    exposure_column,
    is_logarithm,
    is_of,
    role_of,
)
from ilk.diagnostics.residuals import residuals
from ilk.errors import ModelError
from ilk.formula.language import Name, column_names
from ilk.formula.rewrite import formula_text, term_text
from ilk.formula.spec import MEAN, Sum, Term
from ilk.frame import Kept, numbers
from ilk.inference.criteria import aic
from ilk.inference.wald import check_level, p_values, two_sided
from ilk.num.stable import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ilk.fitted import Fitted
    from ilk.formula.spec import PredictorSpec
    from ilk.typing import FloatArray

__all__ = ["exposure_check"]

_OVER = 1.5
"""Mean squared Pearson residual from which tests are called too sure."""

_GROUPS = 10
"""Groups of rows by exposure, at most."""


def exposure_check(fitted: Fitted, exposure: Any = None, level: float = 0.95) -> ExposureCheck:
    """Test whether the mean is proportional to an exposure.

    Parameters
    ----------
    fitted : Fitted
        A fit with the link log.
    exposure : str or array, optional
        Column that the fit uses, or one value per row; by default the exposure of the fit, else a
        covariate that looks like one.
    level : float
        Coverage of the interval of the free coefficient.

    Returns
    -------
    ExposureCheck

    Raises
    ------
    ModelError
        The link is another one, nothing looks like an exposure, or the estimates are penalized.
    """
    check_level(level)
    _check_fit(fitted)
    name, data = exposure_column(fitted, exposure)
    x = _check_values(_label(name), numbers(data.column(name)))
    part = fitted.design.stated.predictor(MEAN)
    assert part is not None
    own = tuple(term for term in part.fixed.terms if is_of(term, name))
    role = role_of(fitted, name, own)
    smaller = _without(part, own)
    offset = fitted if role == "offset" else _estimate(fitted, smaller, data, name)
    logged = _logarithm(name)
    simple = [term.text for term in own] == [_logarithm_factor(own)]
    if simple and role in ("logarithm", "both"):
        free, place = fitted, _place(fitted, own[0].text)
        coefficient = float(fitted.coef[place]) + (1.0 if role == "both" else 0.0)
    else:
        free = _estimate(fitted, smaller, data, name, logged)
        place = _place(free, f"log({name})")
        coefficient = 1.0 + float(free.coef[place])
    error = float(np.sqrt(free.vcov[place, place]))
    reach = two_sided(level) * error
    wald = (coefficient - 1.0) / error if error > 0.0 else math.nan
    ratio = max(0.0, 2.0 * (free.loglik - offset.loglik))
    models = [
        _model("offset", offset, _written(fitted, smaller, f"offset({logged})")),
        _model("free coefficient", free, _written(fitted, smaller, logged)),
    ]
    known = role == "logarithm" or (role == "both" and _logarithms(own, name))
    if fitted is not offset and not (known and len(own) == 1):
        models.append(_model("as fitted", fitted, fitted.formula.text))
    return ExposureCheck(
        exposure=_label(name),
        role=role,
        coefficient=coefficient,
        std_error=error,
        conf_low=coefficient - reach,
        conf_high=coefficient + reach,
        level=level,
        wald=wald,
        wald_p=float(p_values(np.array([wald]))[0]),
        ratio=ratio,
        ratio_p=float(special().chdtrc(1.0, ratio)),
        models=tuple(models),
        terms=tuple(term.text for term in own),
        growth=_growth(fitted, name, own),
        low=float(x.min()),
        high=float(x.max()),
        groups=_groups(offset, x),
        notes=(*_notes(fitted, part, name, own), *_too_sure(free)),
    )


def _check_fit(fitted: Fitted) -> None:
    """Refuse fits of which the question makes no sense."""
    if fitted.family.link.name != "log":
        raise ModelError(
            "exposure_check() asks whether the mean is proportional to an exposure, which is a "
            f"question for the link 'log'; the fit has the link {fitted.family.link.name!r}.",
            code="exposure-link",
        )
    if fitted.model.penalty is not None:
        raise ModelError(
            "exposure_check() compares maximized likelihoods, and this fit is penalized; fit "
            "without penalty=.",
            code="exposure-penalty",
        )


def _check_values(name: str, x: FloatArray) -> FloatArray:
    """(n,) values of an exposure, refused if it cannot be one."""
    if not np.all(np.isfinite(x) & (x > 0.0)):
        raise ModelError(
            f"{name!r} has values that are missing, zero or negative, which no exposure has.",
            code="exposure-values",
        )
    if not np.ptp(x) > 0.0:
        raise ModelError(
            f"{name!r} is the same in all rows, so that nothing can be said of its coefficient.",
            code="exposure-values",
        )
    return x


def _logarithm_factor(own: Sequence[Term]) -> str:
    """Text of the first covariate, if it is the logarithm itself."""
    logged = bool(own) and logged_column(own[0].factors[0]) is not None
    return own[0].text if logged else ""


def _logarithms(own: Sequence[Term], name: str) -> bool:
    return all(is_logarithm(term.factors[0], name) for term in own)


def _without(part: PredictorSpec, own: Sequence[Term]) -> PredictorSpec:
    """Right side without the covariates made of the exposure."""
    terms = tuple(term for term in part.fixed.terms if term not in own)
    return replace(part, fixed=Sum(terms))


def _written(fitted: Fitted, part: PredictorSpec, more: str) -> str:
    """Formula of the mean with one more term."""
    spec = replace(fitted.formula, predictors=(part,))
    return formula_text(spec, MEAN, (more, *map(term_text, part.random)))


def _estimate(fitted: Fitted, part: PredictorSpec, data: Kept, name: str, more: str = "") -> Fitted:
    """Estimate a model with the exposure as offset, perhaps with a term beside it."""
    spec = replace(fitted.formula, predictors=(part,))
    terms = (*((more,) if more else ()), *map(term_text, part.random))
    return estimate(refit_as(fitted, formula_text(spec, MEAN, terms), data, exposure=name))


def _logarithm(name: str) -> str:
    return f"log({name})" if name.isidentifier() else f"log(`{name}`)"


def _place(found: Fitted, text: str) -> int:
    """Position of the coefficient of the logarithm."""
    plain = text.replace("`", "")
    for place, (component, name) in enumerate(found.names):
        if component == MEAN and name.replace("`", "") == plain:
            return place
    raise ModelError(
        f"The coefficient of {text} cannot be estimated beside the other terms of the model, which "
        "say the same.",
        code="not-estimable",
    )


def _growth(fitted: Fitted, name: str, own: Sequence[Term]) -> float:
    """Coefficient of the exposure itself, if it is the only covariate made of it."""
    if len(own) != 1 or own[0].factors[0].expression != Name(name):
        return math.nan
    try:
        return float(fitted.coef[_place(fitted, own[0].text)])
    except ModelError:
        return math.nan


def _groups(offset: Fitted, x: FloatArray) -> FloatArray:
    """(k, 3) exposure, observed and expected totals of at most ten groups of rows."""
    response = offset.design.response
    weights = offset.design.frequency_weights
    w = np.ones(len(x)) if weights is None else weights
    expected = w * offset.mean * (1.0 if response.trials is None else response.trials)
    edges = np.unique(np.quantile(x, np.linspace(0.0, 1.0, _GROUPS + 1)))
    place = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, max(len(edges) - 2, 0))
    sums = [np.bincount(place, v) for v in (w * np.log(x), w, w * response.y, expected)]
    logs, count, observed, total = (values[sums[1] > 0.0] for values in sums)
    return np.column_stack([np.exp(logs / count), observed, total])


def _too_sure(free: Fitted) -> tuple[str, ...]:
    """Say so where counts vary more than the family has it, so that p-values are too small."""
    if free.family.name not in ("poisson", "binomial"):
        return ()
    ratio = float(np.mean(residuals(free, "pearson") ** 2))
    if not ratio > _OVER:
        return ()
    more = {"poisson": "negative_binomial_2", "binomial": "beta_binomial"}[free.family.name]
    return (
        f"The responses vary {ratio:.2g} times as much as the family {free.family.name!r} has it, "
        f"so that these tests are too sure: compare with family={more!r}.",
    )


def _model(name: str, found: Fitted, formula: str) -> ExposureModel:
    return ExposureModel(
        name=name,
        formula=formula.replace(f"`{GIVEN}`", "exposure"),
        parameters=found.parameter_count,
        loglik=found.loglik,
        aic=aic(found),
        status=found.verdict.status.value,
    )


def _label(name: str) -> str:
    return "exposure" if name == GIVEN else name


def _notes(fitted: Fitted, part: PredictorSpec, name: str, own: Sequence[Term]) -> tuple[str, ...]:
    """Say where else the exposure enters, and what else could be one."""
    notes = []
    kept = [
        term.text
        for term in part.fixed.terms
        if term not in own and any(name in column_names(f.expression) for f in term.factors)
    ]
    kept += [
        random.label
        for random in part.random
        if any(name in column_names(f.expression) for f in random.effects.factors)
    ]
    if kept:
        notes.append(f"Also made of {_label(name)}, and in all models: {', '.join(kept)}.")
    return tuple(notes)
