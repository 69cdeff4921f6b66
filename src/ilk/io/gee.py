"""Marginal models to a file and back.

The file holds the design, the formula as text, the clusters, the family, what else was asked for
and the estimates.  Reading one solves the equations again from the stored arrays, which takes no
longer than the first time, and compares with what the file says.
"""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np

from ilk.design.build import Design
from ilk.design.clusters import with_intercepts
from ilk.gee.fitted import GeeFitted, GeeModel, GeeSettings
from ilk.gee.run import POSITIONED, STRUCTURES, estimate_gee
from ilk.gee.sandwich import check_kind
from ilk.io.container import Container, write_file
from ilk.io.manifest import Layout, disagreement, file_bytes, open_file, read_bytes
from ilk.io.own import NOTHING, Own, own_of

__all__ = ["LAYOUT", "gee_bytes", "gee_from_bytes", "own_of", "save_gee"]

LAYOUT = Layout("ilk marginal model", 1)
"""What the file says it is."""


def save_gee(fitted: GeeFitted, path: str | PathLike[str]) -> None:
    """Write a fit to a file.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    path : str or path
        File; an existing one is replaced.
    """
    write_file(path, gee_bytes(fitted))


def gee_bytes(fitted: GeeFitted) -> bytes:
    """Make the bytes of a fit's file.

    Parameters
    ----------
    fitted : GeeFitted
        The fit.
    """
    settings = fitted.settings
    content: dict[str, Any] = {
        "factors": [term.grouping for term in fitted.formula.predictors[0].random],
        "covariance": settings.covariance,
        "std_errors": settings.std_errors,
        "lags": settings.lags,
        "correlation": settings.correlation,
        "ordered_by": settings.ordered_by,
        "coef": fitted.coef,
        "alpha": fitted.alpha,
        "scale": fitted.scale,
    }
    return file_bytes(LAYOUT, fitted.design, fitted.family, content)


def gee_from_bytes(content: bytes, name: str = "The content", own: Own = NOTHING) -> GeeFitted:
    """Make a fit from the bytes of its file.

    Parameters
    ----------
    content : bytes
        What `gee_bytes` made.
    name : str
        Name of the file, for messages.
    own : Own
        Family and link of the user's own.

    Returns
    -------
    GeeFitted
    """
    return read_bytes(content, name, _restore, own)


def _restore(container: Container) -> GeeFitted:
    opened = open_file(container, LAYOUT, with_intercepts)
    design, family, content = opened.design, opened.family, opened.content
    settings = _settings(content, design, container)
    fitted = estimate_gee(GeeModel(design, family, settings))
    for name, found in (("coef", fitted.coef), ("alpha", fitted.alpha), ("scale", fitted.scale)):
        said = np.asarray(content[name], dtype=np.float64)
        if said.shape != np.shape(found) or not np.allclose(said, found, 1e-6, 1e-8):
            raise disagreement(
                container, "the estimates of the stored data are not those that the file states"
            )
    return fitted


def _settings(content: dict[str, Any], design: Design, container: Container) -> GeeSettings:
    covariance, lags, ordered_by = (content[name] for name in ("covariance", "lags", "ordered_by"))
    known = covariance in (*STRUCTURES, "fixed") and type(lags) is int and lags >= 1
    nested = len(design.terms) - 1 if covariance == "nested" else len(design.terms) == 1
    ordered = "order" in design.arguments or covariance not in POSITIONED
    if not (known and nested and ordered) or not isinstance(ordered_by, (str, type(None))):
        raise container.damaged("its working correlation is not one")
    return GeeSettings(
        covariance, check_kind(content["std_errors"]), lags, content["correlation"], ordered_by
    )
