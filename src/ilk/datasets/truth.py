"""The parameters that the data sets were drawn with, by data set."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "CLASSROOM_SCORES",
    "COUNSELING_RATES",
    "ECZEMA_TRIAL",
    "ESSAY_MARKS",
    "GULL_MASS",
    "HOSPITAL_INFECTIONS",
    "POND_NEWTS",
]

Truth = Mapping[str, float]

HOSPITAL_INFECTIONS: Truth = MappingProxyType(
    {
        "intercept": -5.9,
        "policy": -0.35,
        "severity": 0.30,
        "month": -0.010,
        "sd_level": 0.65,
        "sd_month": 0.035,
        "correlation": -0.40,
    }
)

CLASSROOM_SCORES: Truth = MappingProxyType(
    {
        "intercept": 52.0,
        "method": 3.0,
        "prior": 0.60,
        "sd_school": 3.0,
        "sd_classroom": 2.0,
        "sd_residual": 6.0,
    }
)

ESSAY_MARKS: Truth = MappingProxyType(
    {
        "intercept": 0.60,
        "prompt": -0.40,
        "experience": -0.02,
        "sd_essay": 0.90,
        "sd_rater": 0.50,
    }
)

ECZEMA_TRIAL: Truth = MappingProxyType(
    {
        "intercept": -2.2,
        "week": 0.10,
        "active_by_week": 0.18,
        "severity": -0.80,
        "sd_patient": 2.0,
    }
)

POND_NEWTS: Truth = MappingProxyType(
    {
        "intercept": -3.2,
        "cover": 1.6,
        "depth": 0.4,
        "sd_pond": 0.6,
        "dispersion": 0.8,
        "zero_intercept": -2.2,
        "zero_fish": 2.4,
    }
)

GULL_MASS: Truth = MappingProxyType(
    {
        "intercept": 820.0,
        "age": -3.0,
        "age_squared": -0.25,
        "terminal": -15.0,
        "sd_gull": 30.0,
        "sd_residual": 25.0,
        "survival": 1.7,
    }
)

COUNSELING_RATES: Truth = MappingProxyType(
    {
        "intercept": -1.5,
        "training": 0.30,
        "month": 0.010,
        "sd_level": 0.40,
        "sd_month": 0.040,
        "correlation": -0.30,
    }
)
