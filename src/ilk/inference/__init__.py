"""Inference on coefficients: covariance matrix, Wald tables, information criteria."""

from __future__ import annotations

from ilk.inference.criteria import aic, aicc, bic, df_model, df_resid
from ilk.inference.labelled import Labelled
from ilk.inference.wald import (
    CoefficientCovariance,
    CoefficientTable,
    coefficient_covariance,
    coefficient_table,
    covariance_kind,
    params,
    std_errors,
)

__all__ = [
    "CoefficientCovariance",
    "CoefficientTable",
    "Labelled",
    "aic",
    "aicc",
    "bic",
    "coefficient_covariance",
    "coefficient_table",
    "covariance_kind",
    "df_model",
    "df_resid",
    "params",
    "std_errors",
]
