"""The unit in which means are shown: a rate per 1000 days reads better than one per day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ilk.report.asked import Reportable

__all__ = ["Unit", "unit_of"]


@dataclass(frozen=True, slots=True)
class Unit:
    """Unit of the means of a report.

    Attributes
    ----------
    label : str
        What the means are, with unit.
    per : float
        Factor that takes predictions to the unit.
    at : mapping of str to object
        Columns that are held at a fixed value for predictions: the exposure at one.
    """

    label: str
    per: float
    at: Mapping[str, Any]


def unit_of(fit: Reportable, names: tuple[str, ...]) -> Unit:
    """Choose the unit of a fit's means.

    Parameters
    ----------
    fit : Fit
        The fit.
    names : tuple of str
        Columns of the data.

    Returns
    -------
    Unit
        For counts with an exposure that is a column, a rate per power of ten; else the mean.
    """
    design = fit.fitted.design
    response = design.response
    exposure = design.exposure_name
    if design.exposure is not None and exposure in names:
        rate = float(np.sum(response.y) / np.sum(design.exposure))
        per = 10.0 ** max(0, math.ceil(-math.log10(rate))) if 0 < rate < 1 else 1.0
        unit = f"{per:.0f} {_words(exposure)}" if per > 1 else f"unit of {_words(exposure)}"
        return Unit(f"{_words(response.name)} per {unit}", per, {str(exposure): 1.0})
    if response.trials is not None:
        return Unit(f"proportion of {_words(response.name)}", 1.0, {})
    if response.event is not None or fit.fitted.family.name == "binomial":
        return Unit(f"probability of {_words(response.name)}", 1.0, {})
    return Unit(f"mean of {_words(response.name)}", 1.0, {})


def _words(name: str | None) -> str:
    return str(name).replace("_", " ")
