"""Labels of new data among the labels of the fit, by type and value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ilk.frame import Label, quote


def match_levels(known: Sequence[Label], labels: Sequence[Label]) -> npt.NDArray[np.int32]:
    """Find labels among those of the fit.

    A label matches one of the same type and value; if there is none, a number matches the number of
    the other type that equals it, since a column of integers becomes float when a value is missing.
    Text never matches a number, nor True the number 1.

    Parameters
    ----------
    known : sequence of L labels
        Labels of the fit.
    labels : sequence of M labels
        Labels of new data.

    Returns
    -------
    (M,) array of int32
        Position among `known`, -1 for labels that are not there.
    """
    types = set(map(type, known)) | set(map(type, labels))
    if len(types) == 1 and known == labels:
        return np.arange(len(labels), dtype=np.int32)
    exact: dict[Any, int] = {}
    equal: dict[Any, int] = {}
    for code, label in enumerate(known):
        exact[type(label), label] = code
        equal.setdefault(_number_key(label), code)
    found = [exact.get((type(label), label), equal.get(_number_key(label), -1)) for label in labels]
    return np.array(found, dtype=np.int32)


def _number_key(label: Label) -> Any:
    is_number = isinstance(label, (int, float)) and not isinstance(label, bool)
    return ("number" if is_number else type(label), label)


def type_hint(known: Sequence[Label], label: Label) -> str:
    """Sentence for a label that differs from a known one in its type only.

    Parameters
    ----------
    known : sequence of labels
        Labels of the fit.
    label : Label
        A label that is not among them.

    Returns
    -------
    str
        Empty if no label has the same text.
    """
    for other in known:
        if str(other) == str(label):
            return (
                f" The fit has {quote(other)} ({type(other).__name__}); here it is "
                f"{type(label).__name__}."
            )
    return ""


def label_texts(levels: Sequence[Label]) -> list[str]:
    """Texts of labels, told apart even where ``1`` and ``"1"`` are both levels.

    Parameters
    ----------
    levels : sequence of labels
        Levels of a factor.

    Returns
    -------
    list of str
    """
    texts = [str(level) for level in levels]
    return texts if len(set(texts)) == len(texts) else [repr(level) for level in levels]
