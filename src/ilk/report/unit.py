"""The unit in which means are shown: a rate per 1000 days reads better than one per day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ilk.prediction.rates import is_rate
from ilk.report.asked import Reportable
from ilk.show.rates import power_of_ten, unit_words

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
        With an exposure and the link log a rate per power of ten; else the mean.
    """
    design = fit.fitted.design
    response = design.response
    exposure = design.exposure_name
    held = {str(exposure): 1.0} if design.exposure is not None and exposure in names else {}
    if design.exposure is not None and is_rate(design, fit.fitted.family):
        per = power_of_ten(float(np.sum(response.y) / np.sum(design.exposure)))
        unit = _words(unit_words(exposure, per))
        return Unit(f"{_words(response.name)} per {unit}", per, held)
    if held:
        return Unit(f"mean of {_words(response.name)} where {_words(exposure)} is 1", 1.0, held)
    own = fit.fitted.family.phrase(_words(response.name))
    if own is not None:
        return Unit(own, 1.0, {})
    if response.trials is not None:
        return Unit(f"proportion of {_words(response.name)}", 1.0, {})
    if response.event is not None or fit.fitted.family.name == "binomial":
        return Unit(f"probability of {_words(response.name)}", 1.0, {})
    return Unit(f"mean of {_words(response.name)}", 1.0, {})


def _words(name: str | None) -> str:
    return str(name).replace("_", " ")
