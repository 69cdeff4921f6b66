"""What a comparison of offset and free coefficient found, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ilk.diagnostics.exposure_terms import Role
    from ilk.typing import FloatArray

__all__ = ["ExposureCheck", "ExposureModel"]


@dataclass(frozen=True, slots=True)
class ExposureModel:
    """One of the models that are compared.

    Parameters
    ----------
    name : {"offset", "free coefficient", "as fitted"}
        Which.
    formula : str
        Its formula of the mean.
    parameters : int
        Number of parameters.
    loglik, aic : float
        How well it fits.
    status : str
        Its verdict.
    """

    name: str
    formula: str
    parameters: int
    loglik: float
    aic: float
    status: str


@dataclass(frozen=True, slots=True)
class ExposureCheck:
    """Whether the mean is proportional to an exposure.

    Parameters
    ----------
    exposure : str
        The exposure.
    role : {"offset", "logarithm", "covariate", "both", "unused"}
        How the fit has it.
    coefficient, std_error, conf_low, conf_high : float
        Free coefficient of its logarithm.
    level : float
        Coverage of the interval.
    wald, wald_p : float
        Wald statistic of the hypothesis that it is one, and p-value.
    ratio, ratio_p : float
        Likelihood-ratio statistic, and p-value.
    models : tuple of ExposureModel
        With the offset, with the free coefficient, and as fitted if that is neither.
    terms : tuple of str
        Covariates made of the exposure alone that the fit has.
    growth : float
        Coefficient of the exposure itself, if it is a covariate as it is; else nan.
    low, high : float
        Its smallest and largest value.
    groups : (k, 3) array
        Rows of like exposure: geometric mean of their exposure, total of the response, and what
        the offset expects.
    notes : tuple of str
        What else the reader must know.
    """

    exposure: str
    role: Role
    coefficient: float
    std_error: float
    conf_low: float
    conf_high: float
    level: float
    wald: float
    wald_p: float
    ratio: float
    ratio_p: float
    models: tuple[ExposureModel, ...]
    terms: tuple[str, ...]
    growth: float
    low: float
    high: float
    groups: FloatArray
    notes: tuple[str, ...] = ()
