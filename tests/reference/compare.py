"""Compares one fit with one case: per quantity the worst deviation and whether it is allowed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from . import marginal, observe, tolerances, translate
from .data import Case, table


@dataclass(frozen=True, slots=True)
class Check:
    """One quantity of one case.

    ``deviation`` is the worst difference in the quantity's own measure (absolute for the
    log-likelihood and correlations, relative to max(1, |value|) for coefficients and predictions,
    relative to the value for standard errors and SDs); ``ratio`` is the worst difference over what
    is allowed, so 1 is the limit; ``where`` names the worst entry.
    """

    quantity: str
    deviation: float
    ratio: float
    where: str = ""

    @property
    def passed(self) -> bool:
        """Within the tolerance."""
        return self.ratio <= 1.0


@dataclass(frozen=True, slots=True)
class _Difference:
    where: str
    deviation: float
    ratio: float


def compare(found: Case) -> list[Check]:
    """All checks that a case's results allow."""
    if found["kind"] == "lrt":
        return [_likelihood_table(found)]
    if found["kind"] == "gee":
        return _marginal(found)
    fit = observe.fit_case(found)
    results = found["results"]
    checks = [log_likelihood(found, fit), *_fixed_parts(found, fit)]
    if "varcorr" in results:
        checks += _components(found, fit)
    if "dispersion" in results or "family_params" in results:
        checks += [*_dispersion(found, fit), *_shapes(found, fit)]
    if "ranef" in results:
        checks += _random_effects(found, fit)
    other = found["model"]["family"] in tolerances.OTHER_MEANS
    if "fitted_first10" in results and not other:
        checks += [_fitted(found, fit)]
    if "predict" in results:
        scales = ("link",) if other else ("link", "response")
        checks += [_predicted(found, fit, scale) for scale in scales]
        for scale in scales:
            if f"se_{scale}" in results["predict"]:
                checks.append(_prediction_errors(found, fit, scale))
    if "standardised" in results:
        checks += _standardized(found, fit)
    checks += _information_criteria(found, fit)
    return [_with_exception(found, check) for check in checks]


def log_likelihood(found: Case, fit: Any) -> Check:
    """Not lower than 1e-6 relative; higher than the case's band only when listed."""
    reference = float(found["results"]["logLik"])
    difference = float(fit.loglik) - reference
    low = tolerances.LOGLIK_RELATIVE * abs(reference)
    high = tolerances.allowed(tolerances.entry(found, "logLik"), reference)
    if difference > 0:
        ratio = 0.0 if found["id"] in tolerances.HIGHER else difference / max(high, low)
    else:
        ratio = -difference / low
    return Check("loglik", difference, ratio)


def _marginal(found: Case) -> list[Check]:
    """Estimates, covariance matrices, correlation and criteria of a marginal model."""
    return [
        _worst(quantity, [_Difference(where, gap, gap / allowed) for where, gap, allowed in rows])
        for quantity, rows in marginal.quantities(found).items()
    ]


def _likelihood_table(found: Case) -> Check:
    data = table(found)
    differences = []
    for row in found["results"]["table"]:
        fit = observe.fit_call(translate.model_call(found["model"], row["formula"]), data)
        difference = float(fit.loglik) - row["logLik"]
        allowed = tolerances.LOGLIK_RELATIVE * abs(row["logLik"])
        differences.append(_Difference(row["formula"], difference, abs(difference) / allowed))
    return _worst("loglik", differences)


def _fixed_parts(found: Case, fit: Any) -> list[Check]:
    results = found["results"]
    checks = []
    parts = (
        ("fixed", "mean", 1.0, ""),
        ("zi_fixed", "zero_inflation", 1.0, " (zero inflation)"),
        ("disp_fixed", "dispersion", translate.dispersion_sign(found), " (dispersion)"),
    )
    for key, component, sign, suffix in parts:
        if key not in results or (key == "disp_fixed" and not found["model"].get("dispformula")):
            continue
        mine = observe.coefficients(fit, component)
        estimates, errors = [], []
        for position, row in enumerate(results[key]):
            name = translate.same_name(row["name"])
            estimate, error = mine.estimate[name], mine.std_error[name]
            estimates.append(_coefficient(found, key, row, sign * estimate))
            errors.append(_standard_error(found, key, position, row, error))
        checks.append(_worst("coef" + suffix, estimates))
        checks.append(_worst("se" + suffix, errors))
    return checks


def _coefficient(found: Case, key: str, row: dict[str, Any], estimate: float) -> _Difference:
    reference = row["estimate"]
    own = tolerances.allowed(
        tolerances.entry(found, f"{key}.estimate"), reference, standard_error=row["se"]
    )
    allowed = max(own, tolerances.COEFFICIENT_RELATIVE * max(1.0, abs(reference)))
    gap = abs(estimate - reference)
    return _Difference(row["name"], gap / max(1.0, abs(reference)), gap / allowed)


def _standard_error(
    found: Case, key: str, position: int, row: dict[str, Any], error: float
) -> _Difference:
    references = [row["se"]]
    if key == "fixed":
        replaced = tolerances.STANDARD_ERRORS.get(found["id"])
        given = found["results"].get("fixed_se_given_variance_parameters")
        if replaced:
            references = [replaced[0][position]]
        if given:
            references.append(given[position])
        references += _cross_checked(found, position)
    gap = min(abs(error / reference - 1.0) for reference in references)
    return _Difference(row["name"], gap, gap / tolerances.STANDARD_ERROR_RELATIVE)


def _cross_checked(found: Case, position: int) -> list[float]:
    """Return the standard error of a second package, if it has one of exact gradients."""
    return [
        check["fixed"][position]["se"]
        for check in found.get("cross_checks") or []
        if check["package"] == "glmmTMB" and check["comparable"]
    ]


def _components(found: Case, fit: Any) -> list[Check]:
    sds, correlations = observe.components(fit)
    sd_differences, correlation_differences = [], []
    for term in found["results"]["varcorr"]:
        group = translate.same_group(term["group"])
        names = [translate.same_name(name) for name in term["terms"]]
        for name, reference in zip(names, term["sd"], strict=True):
            gap = abs(sds[(group, name)] - reference)
            allowed = tolerances.allowed(tolerances.entry(found, "varcorr.sd"), reference)
            where = f"{term['group']} {name}"
            scale = abs(reference) if abs(reference) > 1e-3 else 1.0
            sd_differences.append(_Difference(where, gap / scale, gap / allowed))
        for i, j in itertools.combinations(range(len(names)), 2):
            reference = (term.get("corr") or np.eye(len(names)).tolist())[i][j]
            mine = correlations.get((group, frozenset((names[i], names[j]))), 0.0)
            gap = abs(mine - reference)
            allowed = tolerances.allowed(tolerances.entry(found, "varcorr.corr"), reference)
            correlation_differences.append(
                _Difference(f"{names[j]} ~ {names[i]}", gap, gap / allowed)
            )
    checks = [_worst("sd", sd_differences)]
    if correlation_differences:
        checks.append(_worst("corr", correlation_differences))
    return checks


def _shapes(found: Case, fit: Any) -> list[Check]:
    checks = []
    for parameter, reference in translate.shapes(found).items():
        gap = abs(observe.coefficients(fit, parameter).estimate["Intercept"] - reference)
        allowed = 1e-4 * max(1.0, abs(reference))
        checks.append(Check(parameter, gap, gap / allowed))
    return checks


def _dispersion(found: Case, fit: Any) -> list[Check]:
    reference = translate.phi(found)
    if reference is None:
        return []
    mine = float(fit.dispersion)
    key = "family_params" if found["model"]["family"] == "inverse.gaussian" else "dispersion"
    gap = abs(mine / reference - 1.0)
    relative = tolerances.entry(found, key).get("rel", 1e-4)
    return [Check("dispersion", gap, gap / relative)]


def _random_effects(found: Case, fit: Any) -> list[Check]:
    modes, sds = [], []
    for block in found["results"]["ranef"]:
        effects = observe.random_effects(fit, block["group"])
        scale = {
            translate.same_name(name): sd
            for term in found["results"]["varcorr"]
            if term["group"] == block["group"]
            for name, sd in zip(term["terms"], term["sd"], strict=True)
        }
        for i, level in enumerate(block["levels"]):
            for j, term in enumerate(block["terms"]):
                name = translate.same_name(term)
                mode, sd = effects[(translate.same_level(block["group"], level), name)]
                where = f"{block['group']} {level} {term}"
                effect_sd = scale.get(name, 0.0)
                modes.append(
                    _plain(found, "ranef.mode", where, mode, block["mode"][i][j], effect_sd)
                )
                if "condsd" in block:
                    sds.append(_plain(found, "ranef.condsd", where, sd, block["condsd"][i][j]))
    checks = [_worst("mode", modes)]
    if sds:
        checks.append(_worst("condsd", sds))
    return checks


def _plain(
    found: Case, key: str, where: str, mine: float, reference: float, effect_sd: float = 0.0
) -> _Difference:
    gap = abs(mine - reference)
    allowed = tolerances.allowed(tolerances.entry(found, key), reference, effect_sd=effect_sd)
    return _Difference(where, gap / max(1.0, abs(reference)), gap / allowed)


def _fitted(found: Case, fit: Any) -> Check:
    wanted = found["results"]["fitted_first10"]
    mine = observe.fitted(fit, len(wanted))
    pairs = enumerate(zip(mine, wanted, strict=True))
    return _worst("fitted", [_prediction_gap(str(i), m, r) for i, (m, r) in pairs])


def _predicted(found: Case, fit: Any, scale: str) -> Check:
    wanted = found["results"]["predict"]
    mine = observe.prediction(fit, found, scale)
    rows = zip(wanted["kind"], mine, wanted[scale], strict=True)
    return _worst(f"predict ({scale})", [_prediction_gap(*row) for row in rows])


def _prediction_errors(found: Case, fit: Any, scale: str) -> Check:
    """Standard errors of population (typical) and known rows; lme4 gives the first only."""
    wanted = found["results"]["predict"]
    mine = observe.prediction_errors(fit, found, scale)
    differences = []
    for kind, error, reference in zip(wanted["kind"], mine, wanted[f"se_{scale}"], strict=True):
        if reference is not None and kind in observe.ESTIMANDS:
            gap = abs(error / reference - 1.0)
            where = f"{kind}, {scale}"
            differences.append(_Difference(where, gap, gap / tolerances.STANDARD_ERROR_RELATIVE))
    return _worst("predict (se)" if scale == "link" else "predict (se, response)", differences)


def _prediction_gap(where: str, mine: float, reference: float) -> _Difference:
    gap = abs(mine - reference) / max(1.0, abs(reference))
    return _Difference(where, gap, gap / tolerances.PREDICTION_RELATIVE)


def _standardized(found: Case, fit: Any) -> list[Check]:
    """Standardized means of the population and the typical cluster, their errors and contrasts."""
    variable = found["model"]["standardise"]["variable"]
    means, errors = [], []
    for estimand, key in (
        ("population", "population_averaged"),
        ("typical", "at_zero_random_effects"),
    ):
        table = fit.standardize(variable, estimand=estimand).frame
        rows = {
            (m, str(v)): i for i, (m, v) in enumerate(zip(table.measure, table.level, strict=True))
        }
        for row in found["results"]["standardised"]:
            place, where = rows["mean", str(row["value"])], f"{row['value']} {estimand}"
            means.append(_prediction_gap(where, float(table.estimate[place]), row[key]))
            if estimand == "population":
                errors.append(_error_gap(where, float(table.std_error[place]), row))
        for row in found["results"]["contrasts"]:
            value = row["contrast"].split(" - ")[0]
            place, where = rows["difference", value], f"{row['contrast']} {estimand}"
            if estimand == "population":
                means.append(
                    _prediction_gap(where, float(table.estimate[place]), row["difference"])
                )
                ratio = float(table.estimate[rows["ratio", value]])
                means.append(_prediction_gap(f"{where} ratio", ratio, row["ratio"]))
                errors.append(_error_gap(where, float(table.std_error[place]), row))
            else:
                expected = row["difference_at_zero_random_effects"]
                means.append(_prediction_gap(where, float(table.estimate[place]), expected))
    return [_worst("standardized", means), _worst("standardized (se)", errors)]


def _error_gap(where: str, mine: float, row: dict[str, Any]) -> _Difference:
    reference = row["se_delta_full"]
    gap = abs(mine - reference) / reference
    return _Difference(where, gap, gap / tolerances.STANDARD_ERROR_RELATIVE)


def _numbers(values: Any) -> np.ndarray:
    if isinstance(values, pd.DataFrame):
        values = values["estimate"]
    return np.asarray(values, dtype=float)


def _information_criteria(found: Case, fit: Any) -> list[Check]:
    results = found["results"]
    differences = []
    for key, mine in (("AIC", fit.aic), ("BIC", fit.bic), ("nobs", fit.nobs)):
        if key in results:
            reference = float(results[key])
            allowed = 2.0 * max(
                tolerances.LOGLIK_RELATIVE * abs(results["logLik"]),
                tolerances.allowed(tolerances.entry(found, "logLik"), results["logLik"]),
            )
            gap = abs(float(mine) - reference)
            differences.append(_Difference(key, gap, gap / allowed))
    return [_worst("aic, bic, nobs", differences)] if differences else []


def _worst(quantity: str, differences: Iterable[_Difference]) -> Check:
    worst = _Difference("", 0.0, 0.0)
    for difference in differences:
        bad = not math.isfinite(difference.ratio)
        if bad or difference.ratio >= worst.ratio:
            worst = difference
            if bad:
                return Check(quantity, math.inf, math.inf, worst.where)
    return Check(quantity, worst.deviation, worst.ratio, worst.where)


def _with_exception(found: Case, check: Check) -> Check:
    factor, _ = tolerances.EXCEPTIONS.get((found["id"], check.quantity), (1.0, ""))
    return Check(check.quantity, check.deviation, check.ratio / factor, check.where)
