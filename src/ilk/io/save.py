"""A fit to a file: arrays of the design, formulas as text, estimates, verdict.

The file holds what it takes to set up the same model again, and what the fit found; `ilk.io.load`
computes the likelihood anew and compares.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from ilk.io.container import write_file
from ilk.io.levels import written_levels
from ilk.io.manifest import Layout, file_bytes

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["LAYOUT", "fit_bytes", "save_fitted"]

LAYOUT = Layout("ilk fit", 1)
"""What the file says it is."""


def save_fitted(fitted: Fitted, path: str | PathLike[str]) -> None:
    """Write a fit to a file.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    path : str or path
        File; an existing one is replaced.

    Raises
    ------
    ModelError
        The formula calls functions of the user's.
    DataError
        The file cannot be written.
    """
    write_file(path, fit_bytes(fitted))


def fit_bytes(fitted: Fitted) -> bytes:
    """Make the bytes of a fit's file.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    """
    model, estimates = fitted.model, fitted.estimates
    content: dict[str, Any] = {
        "structures": [term.structure for term in model.design.terms],
        "levels": written_levels(model),
        "reml": model.reml,
        "nodes": model.nodes,
        "penalty": model.penalty,
        "psi": estimates.psi,
        "psi_covariance": fitted.psi_covariance(),
        "findings": fitted.findings(),
        "loglik": estimates.loglik,
        "search": fitted.search,
        "status": fitted.verdict.status.name,
        "reasons": fitted.verdict.reasons,
        "certificate": fitted.verdict.certificate,
    }
    return file_bytes(LAYOUT, fitted.design, fitted.family, content)
