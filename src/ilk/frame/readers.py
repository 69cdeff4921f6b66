"""Columns of each make of data frame, read in their own type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ilk.errors import DataError
from ilk.frame.column import (
    Column,
    empty_column,
    encoded_column,
    float_column,
    sorted_text,
    time_column,
    with_missing,
)
from ilk.frame.levels import factor_integers
from ilk.frame.objects import encode, plain_label, read_objects
from ilk.typing import IntArray


def read_pandas(name: str, series: Any) -> Column:
    """Column of a pandas frame."""
    if getattr(series, "ndim", 1) != 1:
        raise DataError(
            f"The data have several columns named {name!r}; rename them.", code="duplicate-column"
        )
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return read_array(name, series.to_numpy())
    array = series.array
    kind = type(dtype).__name__
    if kind == "CategoricalDtype":
        levels = index_labels(dtype.categories)
        return read_categories(name, np.asarray(array.codes), levels, ordered=bool(dtype.ordered))
    if kind == "StringDtype":
        codes, uniques = array.factorize()
        return sorted_text(name, np.asarray(codes), np.asarray(uniques, dtype=object).tolist())
    if kind == "ArrowDtype":
        return read_arrow(name, array.__arrow_array__())
    if kind in ("DatetimeTZDtype", "PeriodDtype", "IntervalDtype"):
        return _read_times(name, array, kind)
    if kind == "SparseDtype":
        return read_array(name, np.asarray(array))
    if getattr(dtype, "kind", "O") in "iufb":
        missing = np.asarray(array.isna())
        filled = array.fillna(False if dtype.kind == "b" else 0) if missing.any() else array
        return with_missing(name, np.asarray(filled.to_numpy(dtype=dtype.numpy_dtype)), missing)
    return read_objects(name, series.to_numpy(dtype=object).tolist())


def index_labels(index: Any) -> list[Any]:
    """Labels of a pandas index; its own `tolist` takes twice as long for text."""
    labels: list[Any] = index.array.to_numpy(dtype=object).tolist()
    return labels


def _read_times(name: str, array: Any, kind: str) -> Column:
    missing = np.asarray(array.isna())
    if kind == "DatetimeTZDtype":
        return time_column(name, array.to_numpy(dtype="datetime64[ns]"), missing)
    labels = [None if gone else str(value) for value, gone in zip(array, missing, strict=True)]
    text = sorted_text(name, *encode(labels))
    return Column(name, "time", text.values, text.levels, text.missing)


def read_arrow(name: str, chunked: Any) -> Column:
    """Column of a pyarrow table."""
    import pyarrow as pa

    kind = chunked.type
    if pa.types.is_dictionary(kind):
        return _read_arrow_dictionary(name, chunked)
    if _is_arrow_text(kind):
        encoded = chunked.dictionary_encode()
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.unify_dictionaries().chunk(0)
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return sorted_text(name, codes, encoded.dictionary.to_pylist())
    missing = np.asarray(chunked.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        filled = chunked.fill_null(False if pa.types.is_boolean(kind) else 0)
        values = np.asarray(filled.to_numpy())
        if pa.types.is_boolean(kind):
            values = values.astype(bool)
        return with_missing(name, values, missing)
    if pa.types.is_floating(kind):
        return read_array(name, np.asarray(chunked.to_numpy(), dtype=np.float64))
    if pa.types.is_null(kind):
        return empty_column(name, len(missing))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        times = np.asarray(chunked.to_numpy(), dtype="datetime64[ns]")
        return time_column(name, times, missing)
    return read_objects(name, chunked.to_pylist())


def _is_arrow_text(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return True
    is_view = getattr(pa.types, "is_string_view", None)
    return bool(is_view is not None and is_view(kind))


def _read_arrow_dictionary(name: str, chunked: Any) -> Column:
    import pyarrow as pa

    if isinstance(chunked, pa.ChunkedArray):
        chunked = chunked.unify_dictionaries().combine_chunks()
        if isinstance(chunked, pa.ChunkedArray):
            empty = pa.array([], type=chunked.type)
            chunked = chunked.chunk(0) if chunked.num_chunks else empty
    codes = chunked.indices.cast(pa.int64()).fill_null(-1)  # polars writes unsigned indices
    ordered = bool(chunked.type.ordered)
    return read_categories(name, codes.to_numpy(), chunked.dictionary.to_pylist(), ordered=ordered)


def read_polars(name: str, series: Any) -> Column:
    """Column of a polars frame."""
    import polars as pl

    dtype = series.dtype
    if dtype == pl.String:
        # codes of an enumeration of the sorted values; polars sorts by code point, as Python does
        values = series.unique().drop_nulls().sort()
        if len(values) == 0:
            return encoded_column(name, "text", np.full(len(series), -1), ())
        codes = series.cast(pl.Enum(values)).to_physical()
        return encoded_column(name, "text", _polars_integers(codes, -1), values.to_list())
    if isinstance(dtype, pl.Enum):
        codes = _polars_integers(series.to_physical(), -1)
        return read_categories(name, codes, dtype.categories.to_list())
    if isinstance(dtype, pl.Categorical):
        # physical codes belong to a pool shared by all frames: keep the ones that occur
        physical = series.to_physical()
        pool = _polars_integers(physical, -1)
        codes, present = factor_integers(pool, missing=pool < 0)
        first = _first_rows(codes, len(present))
        return sorted_text(name, codes, series.cast(pl.String).gather(first).to_list())
    if dtype.is_integer():
        missing = series.is_null().to_numpy()
        return with_missing(name, _polars_integers(series, 0), missing)
    if dtype == pl.Boolean:
        missing = series.is_null().to_numpy()
        return with_missing(name, series.fill_null(False).to_numpy(), missing)
    if dtype.is_float():
        return read_array(name, series.to_numpy())
    if dtype == pl.Null:
        return empty_column(name, len(series))
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        missing = series.is_null().to_numpy()
        return time_column(name, series.to_numpy().astype("datetime64[ns]"), missing)
    return read_objects(name, series.to_list())


def _polars_integers(series: Any, fill: int) -> npt.NDArray[Any]:
    """Integers of a polars series, exact even with nulls (its `to_numpy` turns those to float)."""
    if series.null_count():
        signed = series.cast(_polars_wide(series.dtype)) if fill < 0 else series
        series = signed.fill_null(fill)
    return np.asarray(series.to_numpy())


def _polars_wide(dtype: Any) -> Any:
    import polars as pl

    return pl.Int64 if dtype.is_unsigned_integer() else dtype


def read_narwhals(name: str, native: Any, key: str) -> Column:
    """Column of a frame without a reader of its own, through plain Python values."""
    import narwhals as nw

    series = nw.from_native(native, eager_only=True).get_column(key)
    if series.dtype.is_numeric() and not series.null_count():
        return read_array(name, np.asarray(series.to_numpy()))
    if isinstance(series.dtype, nw.Enum):
        levels = list(series.dtype.categories)
        lookup = {level: code for code, level in enumerate(levels)}
        codes = np.array([lookup.get(value, -1) for value in series.to_list()], dtype=np.int32)
        return read_categories(name, codes, levels)
    return read_objects(name, series.to_list())


def read_values(name: str, values: Any) -> Column:
    """Column of a dictionary: array, list, or a series of some data frame library."""
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise DataError(
                f"Column {name!r} has {values.ndim} dimensions; give one value for each row.",
                code="dimensions",
            )
        if np.ma.isMaskedArray(values):
            masked = cast(Any, values)
            mask = np.ma.getmaskarray(masked)
            if values.dtype.kind in "iufb":
                return with_missing(name, masked.filled(0), np.asarray(mask))
            return read_objects(name, masked.astype(object).filled(None).tolist())
        return read_array(name, values)
    if isinstance(values, (list, tuple, range)):
        return read_objects(name, list(values))
    module = type(values).__module__.partition(".")[0]
    if module == "pandas":
        import pandas as pd

        return read_pandas(name, values if isinstance(values, pd.Series) else pd.Series(values))
    if module == "polars":
        return read_polars(name, values)
    if module == "pyarrow":
        return read_arrow(name, values)
    if hasattr(values, "__array__"):
        return read_array(name, np.asarray(values))
    return read_objects(name, list(values))


def read_array(name: str, values: npt.NDArray[Any]) -> Column:
    """Column from a NumPy array of any type."""
    kind = values.dtype.kind
    if kind == "f":
        return float_column(name, values)
    if kind in "iu":
        return Column(name, "integer", values)
    if kind == "b":
        return Column(name, "boolean", values)
    if kind in "Mm":
        return time_column(name, values, np.isnat(values))
    if kind == "U":
        codes, labels = encode(values.tolist())
        return sorted_text(name, codes, labels)
    if kind in "OS":
        return read_objects(name, values.tolist())
    raise DataError(
        f"Column {name!r} holds values of type {values.dtype} that no model can use; give numbers, "
        "text or categories.",
        code="unsupported-type",
    )


def read_categories(
    name: str, codes: npt.NDArray[Any], levels: Sequence[Any], *, ordered: bool = True
) -> Column:
    """Categories in declared order; unused ones are dropped when the factor is asked for."""
    found = _categories(name, np.asarray(codes, dtype=np.int32), levels)
    return found if ordered else replace(found, ordered=False)


def _categories(name: str, codes: IntArray, levels: Sequence[Any]) -> Column:
    if set(map(type, levels)) == {str}:  # nearly always, and quickly found out
        return encoded_column(name, "category", codes, tuple(levels))
    labels = tuple(plain_label(name, level) for level in levels)
    if any(label is None or label != label for label in labels):
        keep = [i for i, label in enumerate(labels) if label is not None and label == label]
        lookup = np.full(len(labels) + 1, -1, dtype=np.int32)
        lookup[keep] = np.arange(len(keep), dtype=np.int32)
        codes, labels = lookup[codes], tuple(labels[i] for i in keep)
    return encoded_column(name, "category", codes, labels)


def _first_rows(codes: IntArray, levels: int) -> IntArray:
    """(L,) first row of each level."""
    first = np.empty(levels, dtype=np.int64)
    rows = np.flatnonzero(codes >= 0)[::-1]
    first[codes[rows]] = rows
    return first
