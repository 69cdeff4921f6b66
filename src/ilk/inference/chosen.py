"""The covariance matrix and degrees of freedom that a user asks for by name.

``cov`` names the estimator of the covariance matrix (`ilk.inference.robust.covariance`) or is a
covariance matrix itself, ``df`` the degrees of freedom.  What does not go together is refused:
Kenward-Roger brings its own covariance matrix, Satterthwaite's method needs variances that were
estimated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from ilk.errors import ModelError, did_you_mean
from ilk.inference.robust.covariance import CovarianceKind, robust_covariance
from ilk.inference.small_sample.kenward_roger import check_kenward_roger, kenward_roger
from ilk.inference.wald import CoefficientCovariance, coefficient_covariance, singular_note

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["Cov", "DegreesOfFreedom", "chosen_covariance"]

DegreesOfFreedom: TypeAlias = Literal["satterthwaite", "kenward_roger", "residual", "normal"]
"""Degrees of freedom by name."""

Cov: TypeAlias = CovarianceKind | CoefficientCovariance
"""A kind of covariance matrix, or one that was made before."""


def chosen_covariance(
    fitted: Fitted, cov: Cov = "model", df: DegreesOfFreedom | None = None
) -> CoefficientCovariance:
    """Give the covariance matrix of the coefficients with the degrees of freedom asked for.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    cov : str or CoefficientCovariance
        Kind of covariance matrix, or one from `Fit.cov_with`.
    df : {None, "satterthwaite", "kenward_roger", "residual", "normal"}
        Degrees of freedom; by default those that go with the covariance matrix.

    Returns
    -------
    CoefficientCovariance

    Raises
    ------
    ModelError
        A name is not known, or the two do not go together or not with the model.
    """
    _check_df(df)
    if df == "kenward_roger":
        return _kenward_roger(fitted, cov)
    if isinstance(cov, str) and cov == "model":
        _check_fits(fitted, df)
        return coefficient_covariance(fitted, df)
    found = _given(fitted, cov)
    if df is None:
        return found
    if df == "satterthwaite":
        if found.df is None:
            raise ModelError(
                "df='satterthwaite': this covariance matrix has no Satterthwaite degrees of "
                "freedom; leave df out.",
                code="df",
            )
        return found
    _check_fits(fitted, df)
    other = coefficient_covariance(fitted, df)
    return replace(found, df=other.df, df_kind=other.df_kind, joint=None)


def _check_df(df: Any) -> None:
    known = get_args(DegreesOfFreedom)
    if df is not None and (not isinstance(df, str) or df not in known):
        raise ModelError(
            f"df={df!r:.80} is not known; choose one of {', '.join(map(repr, known))}, or leave "
            f"it out.{did_you_mean(str(df), known)}",
            code="df",
        )


def _check_fits(fitted: Fitted, df: str | None) -> None:
    """Refuse degrees of freedom that the model does not have."""
    if df == "satterthwaite" and not (fitted.model.linear and fitted.design.terms):
        raise ModelError(
            "df='satterthwaite' is for linear mixed models (Gaussian, identity link, random terms, "
            "one residual variance); leave it out for this model.",
            code="df",
        )
    if df == "residual" and not fitted.model.linear:
        raise ModelError(
            "df='residual' is for linear models; statistics of this one are standard normal in "
            "large samples (df='normal').",
            code="df",
        )


def _given(fitted: Fitted, cov: Any) -> CoefficientCovariance:
    if not isinstance(cov, CoefficientCovariance):
        return robust_covariance(fitted, cov)
    if cov.names != fitted.names:
        raise ModelError(
            "cov= is a covariance matrix of other coefficients than those of this fit.", code="cov"
        )
    return cov


def _kenward_roger(fitted: Fitted, cov: Any) -> CoefficientCovariance:
    if not (isinstance(cov, str) and cov == "model"):
        raise ModelError(
            "df='kenward_roger' brings its own covariance matrix; leave cov= out.", code="df"
        )
    check_kenward_roger(fitted)
    found = kenward_roger(fitted)
    return CoefficientCovariance(
        matrix=found.adjusted,
        names=fitted.names,
        kind="generalized least squares, adjusted for the estimation of the variances "
        "(Kenward-Roger)",
        df=found.df,
        df_kind="Kenward-Roger" + singular_note(fitted, "count as estimates"),
        joint=found.joint,
    )
