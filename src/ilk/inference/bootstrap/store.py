"""Draws of a bootstrap on disk, so that a run that was stopped goes on where it was.

The store is a directory.  ``bootstrap.json`` says whose draws they are: a fingerprint of data,
model, estimates and statistic, the settings, and the version; a run with another fingerprint or
other settings is refused.  Each chunk of draws is a JSON file of its own, which is written beside
its place and then moved there, so that a file is whole or absent whatever happens to the process.
Numbers are written with as many digits as it takes to read the same ones; nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import ilk
from ilk.errors import DataError, ModelError
from ilk.inference.bootstrap.attempts import Outcome

if TYPE_CHECKING:
    from ilk.fitted import Fitted
    from ilk.typing import FloatArray

__all__ = ["Store", "fingerprint", "open_store"]

LAYOUT = 1
"""Layout of the files."""

_HEAD = "bootstrap.json"
_WHAT = "ilk bootstrap"


@dataclass(frozen=True, slots=True)
class Store:
    """Where draws are kept.

    Parameters
    ----------
    path : Path or None
        Directory; None keeps nothing.
    size : int
        Length of the statistic.
    seed : int
        Seed of the draws.
    """

    path: Path | None
    size: int
    seed: int

    def read(self) -> dict[int, Outcome]:
        """Draws that are stored, by their numbers."""
        found: dict[int, Outcome] = {}
        if self.path is None:
            return found
        for file in sorted(self.path.glob("draws-*.json")):
            try:
                found.update(self._outcomes(_load(file)))
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                raise DataError(
                    f"{file} is damaged or is no part of a bootstrap of ilk; delete the file, and "
                    "its draws are made again.",
                    code="file",
                ) from None
        return found

    def _outcomes(self, content: Any) -> Iterator[tuple[int, Outcome]]:
        for key, value in content["draws"].items():
            number = int(key)
            if number < 0:
                raise ValueError
            if isinstance(value, str):
                yield number, value[:1000]
                continue
            numbers = [math.nan if x is None else float(x) for x in value]
            if len(numbers) != self.size or any(map(math.isinf, numbers)):
                raise ValueError
            yield number, np.array(numbers, dtype=np.float64)

    def write(self, numbers: Sequence[int], outcomes: Sequence[Outcome]) -> None:
        """Keep a chunk of draws.

        Parameters
        ----------
        numbers : sequence of int
            Of the draws.
        outcomes : sequence of array or str
            Values, or why there are none.
        """
        if self.path is None:
            return
        draws = {
            str(number): outcome
            if isinstance(outcome, str)
            else [float(x) if math.isfinite(x) else None for x in outcome]
            for number, outcome in zip(numbers, outcomes, strict=True)
        }
        _write(self.path / f"draws-{numbers[0]:07d}-{numbers[-1]:07d}.json", {"draws": draws})


def open_store(
    path: str | PathLike[str] | None,
    fitted: Fitted,
    settings: Mapping[str, str],
    estimate: FloatArray,
    seed: int | None,
) -> Store:
    """Open or begin the store of a bootstrap.

    Parameters
    ----------
    path : str or path or None
        Directory; None for draws that are not kept.
    fitted : Fitted
        The fit.
    settings : mapping of str to str
        What is drawn.
    estimate : (k,) array
        The statistic of the fit.
    seed : int or None
        Seed; None takes the one of the store, or draws one.

    Raises
    ------
    DataError
        The directory cannot be used, or belongs to another bootstrap.
    """
    drawn = int(np.random.default_rng().integers(2**31)) if seed is None else int(seed)
    if path is None:
        return Store(None, len(estimate), drawn)
    if not isinstance(path, (str, PathLike)):
        raise ModelError(f"path={path!r:.60}: give the name of a directory.", code="path")
    place = Path(path)
    mine = {
        "what": _WHAT,
        "layout": LAYOUT,
        "version": ilk.__version__,
        **settings,
        "size": len(estimate),
        "model": fingerprint(fitted, estimate),
    }
    if not (place / _HEAD).exists():
        _begin(place, {**mine, "seed": drawn})
        return Store(place, len(estimate), drawn)
    theirs = _header(place)
    stored = theirs.pop("seed", None)
    if not isinstance(stored, int) or isinstance(stored, bool) or stored < 0:
        raise _foreign(place)
    for key, value in {**mine, "seed": drawn if seed is not None else stored}.items():
        other = stored if key == "seed" else theirs.get(key)
        if other != value:
            raise DataError(_difference(place, key, other, value), code="store")
    return Store(place, len(estimate), stored)


def fingerprint(fitted: Fitted, estimate: FloatArray) -> str:
    """Digest of data, model, estimates and statistic.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    estimate : (k,) array
        The statistic of the fit; six digits of it count.
    """
    model, design = fitted.model, fitted.design
    response = design.response
    family = re.sub(r" at 0x[0-9a-f]+", "", repr(model.family))
    words: list[Any] = [model.family.name, family, model.family.link.name]
    words += [model.reml, model.nodes, repr(model.penalty), [c.name for c in model.covariances]]
    words += [(part.predictor, part.names) for part in design.fixed]
    words += [(term.predictor, term.label, term.column_names) for term in design.terms]
    words += [f"{value:.6g}" for value in estimate]
    arrays: list[Any] = [
        response.y,
        response.trials,
        design.frequency_weights,
        design.precision_weights,
    ]
    arrays += [array for part in design.fixed for array in (part.X, part.offset)]
    arrays += [a for term in design.terms for a in (term.grouping.codes, term.columns)]
    arrays.append(fitted.estimates.psi)
    digest = hashlib.sha256(repr(words).encode())
    for array in arrays:
        digest.update(b"-" if array is None else repr(array.shape).encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _begin(place: Path, header: Mapping[str, Any]) -> None:
    if place.exists() and (
        not place.is_dir() or any(not file.name.startswith(".") for file in place.glob("*"))
    ):
        raise _foreign(place)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{place} cannot be written: {error.strerror}.", code="file") from None
    _write(place / _HEAD, header)


def _header(place: Path) -> dict[str, Any]:
    try:
        header = _load(place / _HEAD)
    except ValueError:
        raise _foreign(place) from None
    if not isinstance(header, dict) or header.get("what") != _WHAT:
        raise _foreign(place)
    return header


def _foreign(place: Path) -> DataError:
    return DataError(
        f"{place} exists and is no bootstrap of ilk; give the name of a new directory, path=.",
        code="store",
    )


def _difference(place: Path, key: str, stored: Any, asked: Any) -> str:
    """Say in which respect a store is another bootstrap's."""
    if key in ("model", "size"):
        what = "other data, another model or another statistic"
    else:
        name = "a layout" if key == "layout" else key
        what = f"{name} {stored!r:.60}, not {asked!r:.60}"
    return (
        f"{place} keeps the draws of another bootstrap ({what}); give another path=, or delete the "
        "directory."
    )


def _load(file: Path) -> Any:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.", code="file") from None
    return json.loads(text)


def _write(file: Path, content: Mapping[str, Any]) -> None:
    """Write a file such that it is whole or absent."""
    partial = file.with_name(f".{file.name}.{os.getpid()}-{threading.get_ident()}")
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    try:
        with open(partial, "x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, file)
    except OSError as error:
        raise DataError(f"{file} cannot be written: {error.strerror}.", code="file") from None
    finally:
        partial.unlink(missing_ok=True)
