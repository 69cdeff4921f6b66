"""Any data frame in, columns out; answers back in the frame that the caller uses.

A column is read in its own type and never through float: integers of 64 bits, signed or not, stay
exact; text and categories become codes; a column of mixed Python objects tells ``1``, ``"1"`` and
``True`` apart.  What is missing (``None``, NaN, NaT, NA) is recorded beside the values.  Two
readings of a column are offered: `numbers`, double precision for arithmetic, and `factor`, level
codes for grouping and for dummy columns.

pandas frames and dictionaries of columns are read directly, which is fastest; every other frame
comes through narwhals.
"""

from ilk.frame.answers import answer, row_labels, with_columns
from ilk.frame.column import Column, Factor, Label, listing, quote, unknown_column
from ilk.frame.kept import Kept, own_column
from ilk.frame.levels import drop_unused, factor, factor_integers, numbers
from ilk.frame.table import Frame, Tabular, columns, keep

__all__ = [
    "Column",
    "Factor",
    "Frame",
    "Kept",
    "Label",
    "Tabular",
    "answer",
    "columns",
    "drop_unused",
    "factor",
    "factor_integers",
    "keep",
    "listing",
    "numbers",
    "own_column",
    "quote",
    "row_labels",
    "unknown_column",
    "with_columns",
]
