"""A fit to a file: arrays of the design, formulas as text, estimates, verdict.

The file holds what it takes to set up the same model again, and what the fit found; `ilk.io.load`
computes the likelihood anew and compares.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from ilk.formula.spec import FormulaSpec
from ilk.io.codec import Encoder
from ilk.io.container import pack, write_file
from ilk.io.records import CLASSES, family_name, formula_texts

if TYPE_CHECKING:
    from ilk.fitted import Fitted

__all__ = ["FORMAT", "SCHEMA", "fit_bytes", "save_fitted"]

FORMAT = "ilk fit"
"""What the file says it is."""

SCHEMA = 1
"""Version of the layout; a file of a later one is refused."""


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
        The model holds code of the user's (a family, a link, a function).
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
    import ilk

    model, estimates = fitted.model, fitted.estimates
    encoder = Encoder(CLASSES, {FormulaSpec: lambda spec: ("formula", None)})
    content: dict[str, Any] = {
        "formula": formula_texts(fitted.formula),
        "family": family_name(fitted.family),
        "structures": [covariance.name for covariance in model.covariances],
        "reml": model.reml,
        "nodes": model.nodes,
        "design": fitted.design,
        "psi": estimates.psi,
        "psi_covariance": fitted.psi_covariance(),
        "loglik": estimates.loglik,
        "search": fitted.search,
        "status": fitted.verdict.status.name,
        "reasons": fitted.verdict.reasons,
    }
    manifest = {
        "format": FORMAT,
        "schema": SCHEMA,
        "version": ilk.__version__,
        "content": {name: encoder.encode(value) for name, value in content.items()},
    }
    return pack(manifest, encoder.arrays)
