"""A handful of small data sets of the kinds that the package is for.

All of them were drawn by :mod:`ilk.datasets.simulate` from models whose parameters are recorded, so
that an estimate can be held against the truth. A test compares the files with their fingerprints.
"""

from __future__ import annotations

import csv
import io
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ilk.datasets.catalog import CATALOG, Column, Dataset
from ilk.datasets.cells import SimulatedCells, simulate_cells
from ilk.datasets.flavors import in_flavor
from ilk.errors import DataError, did_you_mean

__all__ = ["Column", "Dataset", "SimulatedCells", "describe", "load", "names", "simulate_cells"]


def names() -> tuple[str, ...]:
    """Names of the data sets.

    Returns
    -------
    tuple of str
        Names in alphabetical order.

    Examples
    --------
    >>> import ilk
    >>> ilk.datasets.names()[0]
    'classroom_scores'
    """
    return tuple(sorted(CATALOG))


def describe(name: str) -> Dataset:
    """Say what a data set contains, which model suits it and what the truth is.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    Dataset
        The description; ``print`` shows it.

    Examples
    --------
    >>> import ilk
    >>> ilk.datasets.describe("hospital_infections").truth["policy"]
    -0.35
    """
    if name not in CATALOG:
        raise DataError(
            f"there is no data set {name!r}; there are {', '.join(names())}."
            + did_you_mean(name, CATALOG),
            code="unknown-dataset",
        )
    return CATALOG[name]


def load(name: str, flavor: str = "pandas") -> Any:
    """Read a data set.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    flavor : {"pandas", "polars", "pyarrow", "dict"}
        What to return; ``"dict"`` is a dictionary of NumPy arrays.

    Returns
    -------
    DataFrame, Table or dict
        The data, in the flavor asked for.

    Examples
    --------
    >>> import ilk
    >>> ilk.datasets.load("hospital_infections").shape
    (1440, 8)
    """
    return in_flavor(_read(describe(name)), flavor)


def text(name: str) -> str:
    """Text of the file of a data set.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    str
        The CSV file.
    """
    file = files(__package__) / "data" / f"{describe(name).name}.csv"
    return file.read_text(encoding="utf-8")


def _read(dataset: Dataset) -> dict[str, NDArray[Any]]:
    rows = list(csv.reader(io.StringIO(text(dataset.name))))[1:]
    cells = zip(*rows, strict=True)
    return {
        column.name: np.array(
            [column.kind(cell) for cell in series],
            dtype=object if column.kind is str else np.dtype(column.kind),
        )
        for column, series in zip(dataset.columns, cells, strict=True)
    }
