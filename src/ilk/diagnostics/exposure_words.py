"""What the comparison of offset and free coefficient means, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from ilk.diagnostics.exposure_record import ExposureCheck

__all__ = ["WHY_FREE", "WHY_OFFSET", "ExposureVerdict", "Judgment", "judge"]

ExposureVerdict: TypeAlias = Literal["ok", "note", "problem"]
"""``"note"``: a question to the user; ``"problem"``: the model contradicts the data."""

WHY_OFFSET = (
    "An offset says: twice the exposure, twice the events, all else equal. Coefficients are then "
    "log rate ratios."
)

WHY_FREE = (
    "A free coefficient of the logarithm is a test of that; as a model it makes sense where risk "
    "changes with exposure (saturation, learning, sicker patients who stay longer)."
)

_FAR = 0.1
"""Distance from one that matters: doubling the exposure multiplies the mean by 1.87 or 2.14."""


@dataclass(frozen=True, slots=True)
class Judgment:
    """What was found, and what to do about it.

    Parameters
    ----------
    verdict : {"ok", "note", "problem"}
        The verdict.
    role : str
        How the model has the exposure, and what that implies.
    test : str
        What the data say of proportionality.
    advice : str
        What to do; may be empty.
    """

    verdict: ExposureVerdict
    role: str
    test: str
    advice: str


def judge(found: ExposureCheck, alpha: float = 0.05) -> Judgment:
    """Say what a comparison means.

    Parameters
    ----------
    found : ExposureCheck
        The comparison.
    alpha : float
        Probability of a false alarm.

    Returns
    -------
    Judgment
    """
    far = abs(found.coefficient - 1.0) > _FAR
    agrees = not found.ratio_p < alpha
    return Judgment(
        _verdict(found, agrees, far), _role(found), _test(found, agrees), _advice(found, agrees)
    )


def _verdict(found: ExposureCheck, agrees: bool, far: bool) -> ExposureVerdict:
    if found.role == "offset":
        return "ok" if agrees else ("problem" if far else "note")
    if found.role == "covariate" and _gap(found) > 2.0:
        return "problem"
    return "note"


def _gap(found: ExposureCheck) -> float:
    """By how much the offset is better than the model as fitted, by AIC; nan if it is the same."""
    by_name = {model.name: model.aic for model in found.models}
    return by_name.get("as fitted", math.nan) - by_name["offset"]


def _role(found: ExposureCheck) -> str:
    x = found.exposure
    if found.role == "offset":
        return (
            f"{x} is the exposure: the coefficient of its logarithm is fixed at one, so that the "
            f"mean is proportional to {x}."
        )
    if found.role == "logarithm":
        return (
            f"The logarithm of {x} is a covariate with a free coefficient and no offset, so that "
            "the model has no rate: it estimates how the mean grows, and the other coefficients "
            f"compare rows of equal {x}."
        )
    if found.role == "both":
        return (
            f"{x} is the exposure and enters as a covariate too ({', '.join(found.terms)}), so "
            f"that the rate changes with {x}."
        )
    if found.role == "unused":
        return f"The model does not know of {x}: its means are per row, whatever their {x}."
    return _unlogged(found)


def _unlogged(found: ExposureCheck) -> str:
    """Say what a covariate that is not a logarithm implies."""
    x = found.exposure
    if not math.isfinite(found.growth):
        return (
            f"{x} enters as a covariate ({', '.join(found.terms)}) and no offset, so that the "
            f"mean follows a curve of {x} that need not be proportional to it."
        )
    grown = found.growth * (found.high - found.low)
    factor = _short(math.exp(grown)) if abs(grown) < 50.0 else f"exp({grown:.3g})"
    return (
        f"{x} itself is a covariate: every further unit multiplies the mean by "
        f"{math.exp(min(found.growth, 50.0)):.5g}, which is exponential growth. From "
        f"{_short(found.low)} to {_short(found.high)} the mean grows {factor}-fold; in proportion "
        f"it would be {_short(found.high / found.low)}-fold."
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if 100.0 <= value < 1e9 else f"{value:.3g}"


def _test(found: ExposureCheck, agrees: bool) -> str:
    b = (
        f"{found.coefficient:.3g} ({100 * found.level:g}% interval {found.conf_low:.3g} to "
        f"{found.conf_high:.3g})"
    )
    free = f"The free coefficient of its logarithm is {b}"
    p = f"likelihood ratio p {_p(found.ratio_p)}"
    if agrees:
        return f"{free}, which agrees with one ({p})."
    return (
        f"{free} and differs from one ({p}): doubling {found.exposure} multiplies the mean by "
        f"{2.0**found.coefficient:.3g} and not by 2."
    )


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"


def _advice(found: ExposureCheck, agrees: bool) -> str:
    x = found.exposure
    use = "exposure= (the values)" if x == "exposure" else f"exposure={x!r} (or offset(log({x})))"
    if found.role == "offset":
        if agrees:
            return ""
        return (
            "Look for what goes along with much exposure and is not in the model; where that "
            f"cannot be had, keep the logarithm of {x} as a covariate beside the offset: rate "
            f"ratios are then at equal {x}."
        )
    if agrees:
        plain = {"both": "Leave the covariate out", "unused": f"Use {use}"}
        return (
            f"{plain.get(found.role, f'Use {use} in its place')}: coefficients are then log rate "
            "ratios, and means are rates per unit."
        )
    if found.role == "both":
        return f"Keep both, and say that the rate changes with {x}."
    return (
        f"Use {use}, and keep the logarithm of {x} as a covariate beside it: its coefficient is "
        "then the departure from proportionality."
    )
