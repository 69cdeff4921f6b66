"""Fits within clusters to a file and back.

The file holds the design, the formula as text, the clusters, the family and the estimates.  Reading
one estimates the model again from the stored arrays, which takes no longer than the first time, and
compares with what the file says.
"""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

import numpy as np

from ilk.fixed_effects import (
    ConditionalFitted,
    FixedFitted,
    estimate_conditional,
    estimate_fixed,
    with_factors,
)
from ilk.io.container import Container, write_file
from ilk.io.manifest import Layout, agree, disagreement, file_bytes, open_file, read_bytes
from ilk.io.own import NOTHING, Own

__all__ = ["LAYOUT", "save_within", "within_bytes", "within_from_bytes"]

LAYOUT = Layout("ilk fit within clusters", 1)
"""What the file says it is."""

_KINDS: dict[str, Callable[..., FixedFitted | ConditionalFitted]] = {
    "fixed": estimate_fixed,
    "conditional": estimate_conditional,
}


def save_within(fitted: FixedFitted | ConditionalFitted, path: str | PathLike[str]) -> None:
    """Write a fit to a file.

    Parameters
    ----------
    fitted : FixedFitted or ConditionalFitted
        The fit.
    path : str or path
        File; an existing one is replaced.
    """
    write_file(path, within_bytes(fitted))


def within_bytes(fitted: FixedFitted | ConditionalFitted) -> bytes:
    """Make the bytes of a fit's file.

    Parameters
    ----------
    fitted : FixedFitted or ConditionalFitted
        The fit.
    """
    content: dict[str, Any] = {
        "kind": "fixed" if isinstance(fitted, FixedFitted) else "conditional",
        "factors": [term.grouping for term in fitted.formula.predictors[0].random],
        "std_errors": fitted.within.std_errors,
        "coef": fitted.coef,
        "loglik": fitted.loglik,
    }
    return file_bytes(LAYOUT, fitted.design, fitted.family, content)


def within_from_bytes(content: bytes, name: str = "The content", own: Own = NOTHING) -> Any:
    """Make a fit from the bytes of its file.

    Parameters
    ----------
    content : bytes
        What `within_bytes` made.
    name : str
        Name of the file, for messages.
    own : Own
        Family and link of the user's own.

    Returns
    -------
    FixedFitted or ConditionalFitted
    """
    return read_bytes(content, name, _restore, own)


def _restore(container: Container) -> FixedFitted | ConditionalFitted:
    opened = open_file(container, LAYOUT, with_factors)
    design, family, content = opened.design, opened.family, opened.content
    fitted = _KINDS[content["kind"]](design, family, content["std_errors"])
    loglik, coef = content["loglik"], content["coef"]
    same = coef.shape == fitted.coef.shape and np.allclose(coef, fitted.coef, 1e-6, 1e-9)
    if not same or not agree(fitted.loglik, loglik):
        raise disagreement(
            container, "the estimates of the stored data are not those that the file states"
        )
    return fitted
