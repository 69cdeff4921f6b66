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
from ilk.errors import DataError, IlkError
from ilk.formula.spec import FormulaSpec
from ilk.gee.fitted import GeeFitted, GeeModel, GeeSettings
from ilk.gee.groups import add_clusters
from ilk.gee.run import POSITIONED, STRUCTURES, estimate_gee
from ilk.gee.sandwich import check_kind
from ilk.io.check import design_fault
from ilk.io.codec import Decoder, Encoder
from ilk.io.container import Container, pack, write_file
from ilk.io.records import CLASSES, family_name, formula_texts, read_family, read_formula

__all__ = ["FORMAT", "gee_bytes", "gee_from_bytes", "save_gee"]

FORMAT = "ilk marginal model"
"""What the file says it is."""

SCHEMA = 1
"""Version of the layout; a file of a later one is refused."""


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
    import ilk

    settings = fitted.settings
    encoder = Encoder(CLASSES, {FormulaSpec: lambda spec: ("formula", None)})
    content: dict[str, Any] = {
        "formula": formula_texts(fitted.formula),
        "factors": [term.grouping for term in fitted.formula.predictors[0].random],
        "family": family_name(fitted.family),
        "covariance": settings.covariance,
        "std_errors": settings.std_errors,
        "lags": settings.lags,
        "correlation": settings.correlation,
        "ordered_by": settings.ordered_by,
        "design": fitted.design,
        "coef": fitted.coef,
        "alpha": fitted.alpha,
        "scale": fitted.scale,
    }
    manifest = {
        "format": FORMAT,
        "schema": SCHEMA,
        "version": ilk.__version__,
        "content": {name: encoder.encode(value) for name, value in content.items()},
    }
    return pack(manifest, encoder.arrays)


def gee_from_bytes(content: bytes, name: str = "The content") -> GeeFitted:
    """Make a fit from the bytes of its file.

    Parameters
    ----------
    content : bytes
        What `gee_bytes` made.
    name : str
        Name of the file, for messages.

    Returns
    -------
    GeeFitted
    """
    container = Container(content, name)
    try:
        with np.errstate(all="ignore"):
            return _restore(container)
    except IlkError:
        raise
    except Exception as error:  # whatever a crafted file provokes is the file's fault
        raise container.damaged(f"{type(error).__name__} while reading") from error


def _restore(container: Container) -> GeeFitted:
    manifest = container.manifest()
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise container.damaged("it does not say that it is one")
    if manifest.get("schema") != SCHEMA:
        raise DataError(
            f"{container.name} has layout {manifest.get('schema')!r}, written by ilk "
            f"{manifest.get('version')!r}; this version reads layout {SCHEMA}. Use a later one.",
            code="file-version",
        )
    content = manifest["content"]
    plain = Decoder({}, {}, container.array)
    factors = [tuple(map(_text, names)) for names in plain.decode(content["factors"])]
    spec = add_clusters(read_formula(plain.decode(content["formula"])), factors)
    family = read_family(plain.decode(content["family"]))
    decoder = Decoder(CLASSES, {"formula": lambda _: spec}, container.array)
    content = {name: decoder.decode(value) for name, value in content.items()}
    design = content["design"]
    if not isinstance(design, Design):
        raise container.damaged("it holds no design")
    fault = design_fault(design, spec, family)
    if fault is not None:
        raise container.damaged(fault)
    settings = _settings(content, design, container)
    fitted = estimate_gee(GeeModel(design, family, settings), warn=False)
    for name, found in (("coef", fitted.coef), ("alpha", fitted.alpha), ("scale", fitted.scale)):
        said = np.asarray(content[name], dtype=np.float64)
        if said.shape != np.shape(found) or not np.allclose(said, found, 1e-6, 1e-8):
            raise DataError(
                f"{container.name}: the estimates of the stored data are not those that the file "
                "states; the file was changed, or this version computes others. Fit the model "
                "again.",
                code="file-disagrees",
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


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no name")
    return value
