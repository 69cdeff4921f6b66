"""Tables of the flavor that the user works with."""

from __future__ import annotations

import importlib
from typing import Any

from numpy.typing import NDArray

from ilk.errors import DataError, did_you_mean

__all__ = ["FLAVORS", "in_flavor"]

FLAVORS = ("pandas", "polars", "pyarrow", "dict")


def in_flavor(columns: dict[str, NDArray[Any]], flavor: str) -> Any:
    """Make a table of columns.

    Parameters
    ----------
    columns : dict of str to ndarray
        Columns of equal length.
    flavor : {"pandas", "polars", "pyarrow", "dict"}
        What to make.
    """
    if flavor not in FLAVORS:
        raise DataError(
            f"flavor {flavor!r} is not known; it is one of {', '.join(FLAVORS)}."
            + did_you_mean(flavor, FLAVORS),
            code="unknown-flavor",
        )
    if flavor == "dict":
        return columns
    constructor = {"pandas": "DataFrame", "polars": "DataFrame", "pyarrow": "table"}[flavor]
    try:
        library = importlib.import_module(flavor)
    except ModuleNotFoundError as error:
        raise DataError(
            f"flavor {flavor!r} needs the package {flavor}; install it or choose another flavor.",
            code="missing-package",
        ) from error
    if flavor == "polars":  # an object array would become a column of Python objects
        texts = {name for name, values in columns.items() if values.dtype == object}
        return library.DataFrame(
            {
                name: [None if v is None else str(v) for v in values] if name in texts else values
                for name, values in columns.items()
            }
        )
    return getattr(library, constructor)(columns)
