"""From a case in lme4 / glmmTMB words to a call of `ilk.fit`, and its parameters back.

Families differ in how they count dispersion. ilk's phi always grows with the variance and its
predictor is log(phi):

===================  ======================  ==========================  =====================
family               the case's parameter    ilk's phi                   glmmTMB's coefficients
===================  ======================  ==========================  =====================
gaussian             sigma                   sigma^2                     log(sigma^2): the same
Gamma                cv = 1 / sqrt(shape)    cv^2                        -
inverse.gaussian     lambda                  1 / lambda                  -
nbinom1              phi                     phi                         log(phi): the same
genpois, compois     phi, phi = 1 / nu       phi                         log(phi): the same
nbinom2              theta                   1 / theta                   log(theta): sign changed
beta, betabinomial   phi (precision)         1 / phi                     log(precision): changed
ordbeta              phi (precision)         1 / phi                     log(precision): changed
tweedie              phi                     phi                         log(phi): the same
===================  ======================  ==========================  =====================
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from .data import Case

FAMILIES = {
    "gaussian": "gaussian",
    "binomial": "binomial",
    "poisson": "poisson",
    "Gamma": "gamma",
    "inverse.gaussian": "inverse_gaussian",
    "nbinom1": "negative_binomial_1",
    "nbinom2": "negative_binomial_2",
    "truncated_poisson": "truncated_poisson",
    "genpois": "generalized_poisson",
    "compois": "conway_maxwell_poisson",
    "beta": "beta",
    "betabinomial": "beta_binomial",
    "tweedie": "tweedie",
    "ordbeta": "ordered_beta",
}

# Families whose phi is the reciprocal of the dispersion parameter that glmmTMB models.
_RECIPROCAL = {"nbinom2", "beta", "betabinomial", "ordbeta"}

# Parameters of families by glmmTMB's names: ilk's predictor, and where its logit starts.
_LOGITS = {"power": ("shape", 1.0), "psi1": ("threshold_1", 0.0), "psi2": ("threshold_2", 0.0)}


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of one `ilk.fit` call, the data apart."""

    formula: str
    keywords: dict[str, Any] = field(default_factory=dict)


def call(found: Case) -> Call:
    """The `ilk.fit` call of a case."""
    return model_call(found["model"])


def model_call(model: dict[str, Any], formula: str | None = None) -> Call:
    """The `ilk.fit` call of a case's ``model``, perhaps with another formula."""
    text = python_formula(formula or model["formula"])
    if model.get("offset"):
        text += f" + offset({python_formula(model['offset'])})"
    keywords: dict[str, Any] = {"family": FAMILIES[model["family"]], "link": model["link"]}
    if model["family"] == "gaussian" and model["link"] == "identity" and "|" in text:
        keywords["reml"] = bool(model["REML"])
    if model.get("ziformula"):
        keywords["zero_inflation"] = model["ziformula"]
    if model.get("dispformula"):
        keywords["dispersion"] = model["dispformula"]
    if model.get("weights"):
        keywords["precision_weights"] = model["weights"]
    if (model.get("nAGQ") or 1) > 1:
        keywords["quadrature"] = int(model["nAGQ"])
    return Call(text, keywords)


def python_formula(text: str) -> str:
    """R's powers and ``cbind(k, n - k)`` in ilk's spelling."""
    text = text.replace("^", "**")
    return re.sub(r"cbind\((\w+),\s*(\w+)\s*-\s*\1\)", r"\1 / \2", text)


def phi(found: Case) -> float | None:
    """The case's dispersion as ilk's phi, where it is one number."""
    results, family = found["results"], found["model"]["family"]
    parameters = results.get("family_params") or {}
    if family == "inverse.gaussian":
        return 1.0 / parameters["lambda"]
    value = (results.get("dispersion") or {}).get("value")
    if value is None:
        return None
    if family in {"gaussian", "Gamma"}:
        return float(value) ** 2
    return 1.0 / float(value) if family in _RECIPROCAL else float(value)


def shapes(found: Case) -> dict[str, float]:
    """Further parameters of the family, each on the scale of ilk's linear predictor."""
    given = found["results"].get("family_params") or {}
    out = {}
    for name, (parameter, start) in _LOGITS.items():
        if name in given:
            inside = float(given[name]) - start
            out[parameter] = math.log(inside / (1.0 - inside))
    return out


def dispersion_sign(found: Case) -> float:
    """Factor from glmmTMB's dispersion coefficients to those of log(phi)."""
    return -1.0 if found["model"]["family"] in _RECIPROCAL else 1.0


def same_name(name: str) -> str:
    """One spelling for a coefficient: R's ``recipeB:temp185``, ilk's ``recipe[B]:temp[185]``."""
    if name in {"(Intercept)", "Intercept"}:
        return "Intercept"
    pieces = []
    for piece in re.sub(r"\s", "", name).replace("^", "**").split(":"):
        stripped = re.sub(r"\[(?:T\.)?(.*)\]$", r"\1", piece)
        pieces.append(stripped)
    return ":".join(sorted(pieces))


def same_group(name: str) -> tuple[str, ...]:
    """A grouping factor by its parts, in whatever order they are named (``cask:batch``)."""
    return tuple(sorted(name.split(":")))


def same_level(group: str, level: str) -> str:
    """A level of an interaction of factors with its parts in the order of `same_group`."""
    parts = group.split(":")
    if len(parts) == 1:
        return str(level)
    pieces = str(level).split(":")
    order = sorted(range(len(parts)), key=parts.__getitem__)
    return ":".join(pieces[i] for i in order)
