"""Rates in words and tables: the unit that a mean is for, and coefficients as rate ratios."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from ilk.family.inflation import ZeroInflated
from ilk.show.numbers import fixed, integer, plain, significant, with_error
from ilk.show.summary import Table

if TYPE_CHECKING:
    from collections.abc import Collection

    from ilk.design.build import Design
    from ilk.family.base import AbstractFamily
    from ilk.inference.wald import CoefficientTable
    from ilk.typing import FloatArray

__all__ = ["power_of_ten", "rate_table", "unit_words"]

_INTERCEPT = "Intercept"


def unit_words(exposure: str | None, per: float = 1.0) -> str:
    """Say what rates are per.

    Parameters
    ----------
    exposure : str or None
        Column of the exposure; None if it was given as values.
    per : float
        Units that rates are for.

    Returns
    -------
    str

    Examples
    --------
    >>> [unit_words("patient_days", per) for per in (1.0, 1000.0)]
    ['patient_day', '1,000 patient_days']
    >>> unit_words("population"), unit_words(None, 0.5)
    ('unit of population', '0.5 units of exposure')
    """
    named = exposure not in (None, "exposure")
    name = plain(str(exposure)) if named else "units of exposure"
    if per != 1.0:
        size = integer(int(per)) if float(per).is_integer() else f"{per:g}"
        return f"{size} {name}"
    if not named:
        return "unit of exposure"
    one = re.sub("ies$", "y", name) if name.endswith("ies") else re.sub("(?<![suiS])s$", "", name)
    return f"unit of {name}" if one == name else one


def power_of_ten(rate: float) -> float:
    """Smallest power of ten that lifts a rate to one or more; one for larger rates.

    Examples
    --------
    >>> power_of_ten(0.0026), power_of_ten(3.5)
    (1000.0, 1.0)
    """
    return 10.0 ** max(0, math.ceil(-math.log10(rate))) if 0.0 < rate < 1.0 else 1.0


def rate_table(
    design: Design,
    family: AbstractFamily,
    table: CoefficientTable,
    level: float,
    whose: str,
    where: str = "",
    lost: Collection[str] = (),
) -> Table:
    """Table of rate ratios of the coefficients of the mean.

    Parameters
    ----------
    design, family : Design, AbstractFamily
        Of the fit, which has rates.
    table : CoefficientTable
        Coefficients with intervals of the coverage `level`.
    level : float
        Coverage of the intervals.
    whose : str
        Whom the ratios hold for, in a sentence.
    where : str
        What else holds at the intercept, after "the rate at covariates zero".
    lost : collection of str
        Coefficients of the mean that have no finite estimate.

    Returns
    -------
    Table
    """
    rows: list[tuple[str, ...]] = []
    intercept = None
    with np.errstate(over="ignore"):
        values = np.exp(np.column_stack([table.estimate, table.conf_low, table.conf_high]))
    for (component, name), error, value in zip(table.names, table.std_error, values, strict=True):
        if component != "mean":
            continue
        if name == _INTERCEPT:
            intercept = tuple(map(float, value))
        else:
            rows.append(_row(plain(name), value, float(error), gone=name in lost))
    counts = f" of the {family.proper}" if isinstance(family, ZeroInflated) else ""
    of = f"{plain(design.response.name)} per {unit_words(design.exposure_name)}"
    cover = f"{100 * level:g}% interval"
    if not rows:
        alone = () if intercept is None else (_alone(design, intercept),)
        return Table(f"Rate{counts} ({of})", ("", "rate", cover, ""), alone)
    said = () if intercept is None else (_at_intercept(design, intercept, where),)
    return Table(
        f"Rate ratios{counts} ({of})",
        ("", "ratio", cover, ""),
        tuple(rows),
        notes=(f"Ratio: exp(coefficient). {whose}".rstrip(), *said),
    )


def _row(name: str, value: FloatArray, error: float, *, gone: bool) -> tuple[str, ...]:
    ratio, low, high = (float(number) for number in value)
    if gone:
        return (name, "-", "-", "-")
    decimals = with_error(ratio, ratio * error)
    return (name, *(fixed(number, decimals) for number in (ratio, low, high)))


def _alone(design: Design, rate: tuple[float, ...]) -> tuple[str, ...]:
    """Row of the only coefficient, a rate."""
    per = power_of_ten(rate[0])
    unit = unit_words(design.exposure_name, per)
    return (f"per {unit}", *(significant(per * number) for number in rate))


def _at_intercept(design: Design, rate: tuple[float, ...], where: str) -> str:
    """Say which rate the intercept is."""
    per = power_of_ten(rate[0])
    shown, low, high = (significant(per * number) for number in rate)
    unit = unit_words(design.exposure_name, per)
    return f"Intercept: {shown} per {unit} ({low} to {high}), the rate at covariates zero{where}."
