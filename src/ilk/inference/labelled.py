"""A vector whose elements have names: what `fit.params` and `fit.std_errors` are.

It is a mapping and an array at once, and belongs to no data frame library.  A coefficient of the
mean is known by its name; one of another part of the model by the pair of component and name, or
by the label that printing shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ilk.errors import did_you_mean
from ilk.typing import FloatArray

__all__ = ["Labelled", "matrix_text"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Labelled(Mapping[Any, float]):
    """Numbers with names.

    Parameters
    ----------
    array : (P,) array
        The numbers; nan for a coefficient that the data do not determine.
    names : tuple of (str, str)
        ``(component, name)`` of each number.
    dropped : tuple of (str, str)
        Names among them that the data do not determine; printing marks them.

    Examples
    --------
    >>> import numpy as np
    >>> from ilk.inference.labelled import Labelled
    >>> params = Labelled(np.array([1.5, -0.25]), (("mean", "Intercept"), ("dispersion", "age")))
    >>> params["Intercept"], params["dispersion", "age"]
    (1.5, -0.25)
    >>> params
    Intercept          1.5
    dispersion: age  -0.25
    >>> np.exp(params).round(3)
    array([4.482, 0.779])
    """

    array: FloatArray
    names: tuple[tuple[str, str], ...]
    dropped: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.array.shape != (len(self.names),):
            raise ValueError(f"{self.array.shape} numbers for {len(self.names)} names")
        self.array.setflags(write=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of each number: the name, after its component unless that is the mean."""
        return tuple(label(component, name) for component, name in self.names)

    def __getitem__(self, key: Any) -> float:
        if isinstance(key, tuple) and key in self.names:
            return float(self.array[self.names.index(key)])
        labels = self.labels
        if isinstance(key, str):
            if key in labels:
                return float(self.array[labels.index(key)])
            same = [i for i, (_, name) in enumerate(self.names) if name == key]
            if len(same) == 1:
                return float(self.array[same[0]])
        raise KeyError(
            f"There is no coefficient {key!r}; there are {', '.join(labels)}."
            + did_you_mean(str(key), labels)
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.names)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False and dtype not in (None, self.array.dtype):
            raise ValueError("a conversion of the numbers needs a copy")
        return np.array(self.array, dtype=dtype) if copy is not False else self.array

    def __repr__(self) -> str:
        if not self.names:
            return "(no coefficients)"
        labels = self.labels
        numbers = [f"{value:.6g}" for value in self.array]
        left, right = max(map(len, labels)), max(map(len, numbers))
        marks = ["  not estimable" if name in self.dropped else "" for name in self.names]
        return "\n".join(
            f"{text:<{left}}  {number:>{right}}{mark}"
            for text, number, mark in zip(labels, numbers, marks, strict=True)
        )


def label(component: str, name: str) -> str:
    """Label a coefficient, such as ``"age"`` or ``"dispersion: age"``.

    Parameters
    ----------
    component, name : str
        Predictor and column.
    """
    return name if component == "mean" else f"{component}: {name}"


_COLUMNS = 8
"""Columns of a matrix that are written at most."""

_WIDEST = 16
"""Letters of a label from which columns are numbered instead."""


def matrix_text(matrix: FloatArray, labels: Sequence[str]) -> str:
    """Write a symmetric matrix with its labels, the first rows and columns if it is large.

    Parameters
    ----------
    matrix : (k, k) array
        The numbers.
    labels : sequence of str
        Of its rows and columns.

    Examples
    --------
    >>> import numpy as np
    >>> print(matrix_text(np.array([[4.0, -0.5], [-0.5, 1.0]]), ["Intercept", "age"]))
               Intercept   age
    Intercept          4  -0.5
    age             -0.5     1
    """
    shown = min(len(labels), _COLUMNS)
    heads = list(labels[:shown])
    if any(len(text) > _WIDEST for text in heads):
        heads = [str(i + 1) for i in range(shown)]
        labels = [f"{i + 1} {text}" for i, text in enumerate(labels)]
    cells = [[f"{value:.4g}" for value in row[:shown]] for row in matrix[:shown].tolist()]
    widths = [
        max(len(head), *map(len, column))
        for head, column in zip(heads, zip(*cells, strict=True), strict=True)
    ]
    left = max(map(len, labels[:shown]), default=0)
    lines = [" " * left + "".join(f"  {h:>{w}}" for h, w in zip(heads, widths, strict=True))]
    lines += [
        f"{label:<{left}}" + "".join(f"  {cell:>{w}}" for cell, w in zip(row, widths, strict=True))
        for label, row in zip(labels, cells, strict=False)
    ]
    rest = len(matrix) - shown
    return "\n".join(lines + ([f"({rest} more)"] if rest else []))
