"""The manifest of a file: what it says it is, its layout, and the values of its content.

Files of all kinds of fits are written and read here; what differs is the content, and how a fit is
set up from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, final

import numpy as np

from ilk.design.build import Design
from ilk.errors import DataError, IlkError
from ilk.family import AbstractFamily
from ilk.formula.spec import FormulaSpec
from ilk.formula.spread import spread
from ilk.io.check import design_fault
from ilk.io.codec import Decoder, Encoder
from ilk.io.container import Container, pack
from ilk.io.own import NOTHING, Own
from ilk.io.records import CLASSES, family_name, formula_texts, read_family, read_formula

__all__ = ["Layout", "Opened", "agree", "disagreement", "file_bytes", "open_file", "read_bytes"]

T = TypeVar("T")

_AGREE = 1e-8
"""Relative difference of log-likelihoods at most."""

Factors = Sequence[tuple[str, ...]]


@final
@dataclass(frozen=True, slots=True)
class Layout:
    """What a file says it is.

    Parameters
    ----------
    format : str
        The kind of fit.
    schema : int
        Version of the layout; a file of a later one is refused.
    """

    format: str
    schema: int


@final
@dataclass(frozen=True, slots=True)
class Opened:
    """What a file holds, decoded.

    Parameters
    ----------
    container : Container
        The file.
    design : Design
        A sound design.
    family : AbstractFamily
        The family.
    content : dict
        All values by name.
    """

    container: Container
    design: Design
    family: AbstractFamily
    content: dict[str, Any]


def file_bytes(
    layout: Layout, design: Design, family: AbstractFamily, content: dict[str, Any]
) -> bytes:
    """Make the bytes of a file.

    Parameters
    ----------
    layout : Layout
        What the file is.
    design : Design
        The design, its formula included.
    family : AbstractFamily
        The family.
    content : dict
        Further values.
    """
    import ilk

    encoder = Encoder(CLASSES, {FormulaSpec: lambda spec: ("formula", None)})
    values: dict[str, Any] = {
        "formula": formula_texts(design.spec),
        "family": family_name(family),
        "design": design,
        **content,
    }
    manifest = {
        "format": layout.format,
        "schema": layout.schema,
        "version": ilk.__version__,
        "content": {name: encoder.encode(value) for name, value in values.items()},
    }
    return pack(manifest, encoder.arrays)


def read_bytes(
    content: bytes, name: str, restore: Callable[[Container], T], own: Own = NOTHING
) -> T:
    """Make a fit from the bytes of its file; whatever goes wrong is said of the file.

    Parameters
    ----------
    content : bytes
        What `file_bytes` made.
    name : str
        Name of the file, for messages.
    restore : function
        Makes the fit.
    own : Own
        Family and link of the user's own.
    """
    container = Container(content, name, own)
    try:
        with np.errstate(all="ignore"):
            return restore(container)
    except IlkError:
        raise
    except Exception as error:  # whatever a crafted file provokes is the file's fault
        raise container.damaged(f"{type(error).__name__} while reading") from error


def open_file(
    container: Container,
    layout: Layout,
    with_factors: Callable[[FormulaSpec, Factors], FormulaSpec] | None = None,
) -> Opened:
    """Decode a file's content, and check its design.

    Parameters
    ----------
    container : Container
        The file.
    layout : Layout
        What it must be.
    with_factors : function, optional
        Writes the grouping factors that the file states into its formula, for models whose formula
        does not name them.

    Returns
    -------
    Opened
    """
    manifest = container.manifest()
    if not isinstance(manifest, dict) or manifest.get("format") != layout.format:
        raise container.damaged("it does not say that it is one")
    schema = manifest.get("schema")
    if schema != layout.schema:
        raise DataError(
            f"{container.name} has layout {schema!r}, written by ilk {manifest.get('version')!r}; "
            f"this version reads layout {layout.schema}. Use a later version.",
            code="file-version",
        )
    raw = manifest["content"]
    plain = Decoder({}, {}, container.array)
    spec = read_formula(plain.decode(raw["formula"]))
    if with_factors is not None:
        spec = with_factors(spec, [tuple(map(_text, f)) for f in plain.decode(raw["factors"])])
    family = read_family(plain.decode(raw["family"]), container.own)
    spec = spread(spec, family.main_parameters)
    decoder = Decoder(CLASSES, {"formula": lambda _: spec}, container.array)
    content = {name: decoder.decode(value) for name, value in raw.items()}
    design = content["design"]
    if not isinstance(design, Design):
        raise container.damaged("it holds no design")
    fault = design_fault(design, spec, family)
    if fault is not None:
        raise container.damaged(fault)
    return Opened(container, design, family, content)


def agree(found: float, said: float) -> bool:
    """Whether a log-likelihood is the finite one that a file states."""
    return math.isfinite(said) and abs(found - said) <= _AGREE * max(1.0, abs(said))


def disagreement(container: Container, what: str) -> DataError:
    """Error of a file whose numbers are not those of its data.

    Parameters
    ----------
    container : Container
        The file.
    what : str
        What differs, in a clause.
    """
    why = "the file was changed, or this version computes otherwise"
    if container.own.given:
        why = "the family or the link that is given is not the one of the fit, or " + why
    return DataError(
        f"{container.name}: {what}; {why}. Fit the model again.",
        code="file-disagrees",
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no name")
    return value
