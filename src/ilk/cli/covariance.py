"""Covariance structures on the command line: ``cell=tree:lineage.nwk,model=pagel``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ilk.cli.files import EXTENSIONS, read
from ilk.errors import DataError, ModelError, did_you_mean

__all__ = ["covariances", "read_structure"]

KINDS = ("tree", "pedigree", "kinship", "known", "precision", "neighbors", "spatial")
"""Structures over the levels of a factor."""

_NO_TEXTS = frozenset({"names", "unknown", "groups"})
"""Arguments that cannot be said in one word."""

_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def covariances(
    context: click.Context, option: click.Parameter, given: Sequence[str]
) -> dict[str, str] | None:
    """Split each text into the factor and its structure."""
    found: dict[str, str] = {}
    for text in given:
        factor, sign, structure = text.partition("=")
        kind, colon, _ = structure.partition(":")
        if not (sign and colon and factor.strip()):
            raise click.BadParameter(
                f'{text!r} is not FACTOR=KIND:SOURCE, as in "cell=tree:lineage.nwk" or '
                '"site=spatial:x,y".',
                context,
                option,
            )
        if kind.strip() not in KINDS:
            raise click.BadParameter(
                f"there is no structure {kind.strip()!r}; there are {', '.join(KINDS)}."
                + did_you_mean(kind.strip(), KINDS),
                context,
                option,
            )
        if factor.strip() in found:
            raise click.BadParameter(
                f"{factor.strip()!r} has two structures; a factor has one.", context, option
            )
        found[factor.strip()] = structure
    return found or None


def read_structure(text: str) -> Any:
    """Make a structure from what the command line says.

    Parameters
    ----------
    text : str
        Kind, source and settings, such as ``"tree:lineage.nwk,model=pagel"``.

    Returns
    -------
    AbstractLevels or Places
        What `ilk.fit` takes.
    """
    from ilk import covariance

    kind, _, rest = text.partition(":")
    kind = kind.strip()
    parts = [part.strip() for part in rest.split(",")]
    sources = [part for part in parts if "=" not in part and part]
    make = getattr(covariance, kind)
    settings = _settings(kind, make, [part for part in parts if "=" in part])
    if kind == "spatial":
        if not sources:
            raise ModelError(
                "spatial: needs columns of coordinates, as in spatial:x,y.", code="covariance"
            )
        return make(*sources, **settings)
    if len(sources) != 1:
        raise ModelError(
            f"{kind}: needs one file, not {len(sources)}, as in {kind}:file.csv.", code="covariance"
        )
    path = Path(sources[0])
    tabular = any(path.name.lower().endswith(end) for end in EXTENSIONS)
    if kind == "tree" or (kind == "kinship" and not tabular):
        return make(read(path) if tabular else _existing(kind, path), **settings)
    if kind in ("kinship", "known", "precision"):
        return make(_matrix(read(path)), **settings)
    return make(read(path), **settings)


def _settings(kind: str, make: Any, texts: Sequence[str]) -> dict[str, Any]:
    known = [
        name
        for name, parameter in inspect.signature(make).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in _NO_TEXTS
    ]
    found: dict[str, Any] = {}
    for text in texts:
        name, _, value = (part.strip() for part in text.partition("="))
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise ModelError(
                f"{kind} has no setting {name!r}; {takes}.{did_you_mean(name, known)}",
                code="unknown-argument",
            )
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    """A truth value, a number or a word."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _existing(kind: str, path: Path) -> Path:
    """The path of a file, or for kinship the beginning of the names of several."""
    if path.exists() or (kind == "kinship" and Path(f"{path}.grm.id").exists()):
        return path
    raise DataError(f"there is no file {str(path)!r}.", code="no-file")


def _matrix(frame: Any) -> Any:
    """A square matrix with the names of its columns; a first column of names is left out."""
    frame = frame.to_pandas() if hasattr(frame, "to_pandas") else frame
    if len(frame.columns) == len(frame) + 1:
        frame = frame.set_index(frame.columns[0])
    names: Mapping[str, Any] = {name: _label(name) for name in frame.columns}
    if all(isinstance(label, int) for label in names.values()):
        frame = frame.rename(columns=names)
    return frame


def _label(name: Any) -> Any:
    try:
        return int(name)
    except ValueError:
        return name
