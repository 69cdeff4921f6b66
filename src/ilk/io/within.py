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

from ilk.design.build import Design
from ilk.errors import DataError, IlkError
from ilk.fixed_effects import (
    ConditionalFitted,
    FixedFitted,
    estimate_conditional,
    estimate_fixed,
    with_factors,
)
from ilk.formula.spec import FormulaSpec
from ilk.io.check import design_fault
from ilk.io.codec import Decoder, Encoder
from ilk.io.container import Container, pack, write_file
from ilk.io.records import CLASSES, family_name, formula_texts, read_family, read_formula

__all__ = ["FORMAT", "save_within", "within_bytes", "within_from_bytes"]

FORMAT = "ilk fit within clusters"
"""What the file says it is."""

SCHEMA = 1
"""Version of the layout; a file of a later one is refused."""

_KINDS: dict[str, Callable[..., FixedFitted | ConditionalFitted]] = {
    "fixed": estimate_fixed,
    "conditional": estimate_conditional,
}

_AGREE = 1e-8
"""Relative difference of log-likelihoods at most."""


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
    import ilk

    encoder = Encoder(CLASSES, {FormulaSpec: lambda spec: ("formula", None)})
    content: dict[str, Any] = {
        "kind": "fixed" if isinstance(fitted, FixedFitted) else "conditional",
        "formula": formula_texts(fitted.formula),
        "factors": [term.grouping for term in fitted.formula.predictors[0].random],
        "family": family_name(fitted.family),
        "std_errors": fitted.within.std_errors,
        "design": fitted.design,
        "coef": fitted.coef,
        "loglik": fitted.loglik,
    }
    manifest = {
        "format": FORMAT,
        "schema": SCHEMA,
        "version": ilk.__version__,
        "content": {name: encoder.encode(value) for name, value in content.items()},
    }
    return pack(manifest, encoder.arrays)


def within_from_bytes(content: bytes, name: str = "The content") -> Any:
    """Make a fit from the bytes of its file.

    Parameters
    ----------
    content : bytes
        What `within_bytes` made.
    name : str
        Name of the file, for messages.

    Returns
    -------
    FixedFitted or ConditionalFitted
    """
    container = Container(content, name)
    try:
        with np.errstate(all="ignore"):
            return _restore(container)
    except IlkError:
        raise
    except Exception as error:  # whatever a crafted file provokes is the file's fault
        raise container.damaged(f"{type(error).__name__} while reading") from error


def _restore(container: Container) -> FixedFitted | ConditionalFitted:
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
    spec = with_factors(read_formula(plain.decode(content["formula"])), factors)
    family = read_family(plain.decode(content["family"]))
    decoder = Decoder(CLASSES, {"formula": lambda _: spec}, container.array)
    content = {name: decoder.decode(value) for name, value in content.items()}
    design = content["design"]
    if not isinstance(design, Design):
        raise container.damaged("it holds no design")
    fault = design_fault(design, spec, family)
    if fault is not None:
        raise container.damaged(fault)
    fitted = _KINDS[content["kind"]](design, family, content["std_errors"])
    loglik, coef = content["loglik"], content["coef"]
    same = coef.shape == fitted.coef.shape and np.allclose(coef, fitted.coef, 1e-6, 1e-9)
    if not same or not abs(fitted.loglik - loglik) <= _AGREE * max(1.0, abs(loglik)):
        raise DataError(
            f"{container.name}: the estimates of the stored data are not those that the file "
            "states; the file was changed, or this version computes others. Fit the model again.",
            code="file-disagrees",
        )
    return fitted


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no name")
    return value
