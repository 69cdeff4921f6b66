import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.errors import DataError
from ilk.frame import columns, factor, numbers

TEXT = ["b", None, "a", "b"]
INTEGERS = [2**53 + 1, None, 3, 2**53 + 2]


def frames(**lists):
    yield pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in lists.items()})
    yield pl.DataFrame(lists)
    yield pa.table(lists)
    yield lists


def test_text_and_integers_read_alike_from_every_frame():
    for frame in frames(t=TEXT, i=INTEGERS):
        opened = columns(frame)
        text, integers = factor(opened.column("t")), factor(opened.column("i"))
        assert text.levels == ("a", "b"), opened.flavor
        assert text.codes.tolist() == [1, -1, 0, 1]
        assert integers.levels == (3, 2**53 + 1, 2**53 + 2), opened.flavor
        assert integers.codes.tolist() == [1, -1, 0, 2]


@given(
    st.lists(st.one_of(st.none(), st.text("abcé\U0001f600 ", max_size=3)), min_size=1, max_size=30)
)
@settings(max_examples=60)
def test_texts_have_the_same_codes_in_every_frame(values):
    if all(value is None for value in values):
        values = [*values, "a"]
    expected = None
    for frame in (
        {"t": values},
        pd.DataFrame({"t": pd.Series(values, dtype=object)}),
        pd.DataFrame({"t": pd.Series(values, dtype="str")}),
        pl.DataFrame({"t": values}),
        pl.DataFrame({"t": pl.Series(values).cast(pl.Categorical)}),
        pa.table({"t": values}),
        pa.table({"t": pa.array(values).dictionary_encode()}),
    ):
        column = columns(frame).column("t")
        found = factor(column)
        labels = [None if c < 0 else found.levels[c] for c in found.codes.tolist()]
        assert labels == values
        if column.kind == "text":
            expected = expected or found.levels
            assert found.levels == expected == tuple(sorted(set(values) - {None}))


@pytest.mark.parametrize("dtype", ["str", "string", "string[python]", object])
def test_text_types_of_pandas(dtype):
    frame = pd.DataFrame({"t": pd.Series(["x", None, "y"], dtype=dtype)})
    column = columns(frame).column("t")
    assert column.kind == "text"
    assert factor(column).codes.tolist() == [0, -1, 1]


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        ("Int8", "integer"),
        ("UInt64", "integer"),
        ("Float64", "float"),
        ("boolean", "boolean"),
        ("float32", "float"),
        (pd.ArrowDtype(pa.int64()), "integer"),
        (pd.ArrowDtype(pa.float32()), "float"),
        (pd.ArrowDtype(pa.bool_()), "boolean"),
        (pd.SparseDtype("float64"), "float"),
    ],
)
def test_numeric_types_of_pandas(dtype, kind):
    values = [1, 0, None] if dtype != "float32" else [1.0, 0.0, np.nan]
    if isinstance(dtype, pd.SparseDtype):
        values = [1.0, 0.0, np.nan]
    column = columns(pd.DataFrame({"x": pd.Series(values).astype(dtype)})).column("x")
    assert column.kind == kind
    assert column.missing.tolist() == [False, False, True]
    assert np.array_equal(numbers(column), [1.0, 0.0, np.nan], equal_nan=True)


def test_categories_of_every_frame_keep_their_order():
    declared = ["lo", "mid", "hi"]
    for frame in (
        pd.DataFrame({"c": pd.Categorical(["hi", "lo", None], categories=declared)}),
        pl.DataFrame({"c": pl.Series(["hi", "lo", None], dtype=pl.Enum(declared))}),
        pa.table({"c": pa.DictionaryArray.from_arrays([2, 0, None], declared)}),
    ):
        column = columns(frame).column("c")
        assert column.kind == "category"
        assert factor(column).levels == ("lo", "hi")
        assert factor(column).codes.tolist() == [1, 0, -1]


def test_categories_of_integers_keep_their_type():
    frame = pd.DataFrame({"c": pd.Categorical([3, 1], categories=[3, 1])})
    assert factor(columns(frame).column("c")).levels == (3, 1)


def test_chunks_of_arrow_are_joined():
    text = pa.chunked_array([["b", "a"], ["c", "b"]])
    coded = pa.chunked_array(
        [pa.array(["b"]).dictionary_encode(), pa.array(["a"]).dictionary_encode()]
    )
    assert factor(columns(pa.table({"t": text})).column("t")).codes.tolist() == [1, 0, 2, 1]
    assert factor(columns(pa.table({"t": coded})).column("t")).levels == ("b", "a")
    empty = pa.table({"t": pa.chunked_array([], type=pa.string())})
    assert factor(columns(empty).column("t")).levels == ()


def test_unsigned_codes_of_arrow_may_have_missing_values():
    codes = pa.array([1, None, 0], type=pa.uint32())  # as polars writes its categories
    coded = pa.DictionaryArray.from_arrays(codes, ["a", "b"])
    found = factor(columns(pa.table({"t": coded})).column("t"))
    assert found.levels == ("a", "b")
    assert found.codes.tolist() == [1, -1, 0]


def test_arrow_types():
    table = pa.table(
        {
            "b": pa.array([True, None]),
            "f": pa.array([1.5, None], type=pa.float32()),
            "n": pa.nulls(2),
            "d": pa.array([0, 1], type=pa.date32()),
            "u": pa.array([2**64 - 1, 0], type=pa.uint64()),
            "m": pa.array([None, 1], type=pa.decimal128(5, 2)),
            "v": pa.array(["a", None], type=pa.string_view()),
        }
    )
    opened = columns(table)
    kinds = {name: opened.column(name).kind for name in opened.names}
    assert kinds == {
        "b": "boolean",
        "f": "float",
        "n": "float",
        "d": "time",
        "u": "integer",
        "m": "float",
        "v": "text",
    }
    assert factor(opened.column("u")).levels == (0, 2**64 - 1)
    assert opened.column("n").missing.all()


def test_polars_types():
    frame = pl.DataFrame(
        {
            "b": [True, None],
            "f": pl.Series([1.5, None], dtype=pl.Float32),
            "n": [None, None],
            "u": pl.Series([2**64 - 1, None], dtype=pl.UInt64),
            "d": pl.Series([0, 1], dtype=pl.Date),
            "s": pl.Series([None, None], dtype=pl.String),
            "l": [[1], [2]],
        }
    )
    opened = columns(frame)
    assert opened.column("b").kind == "boolean"
    assert opened.column("f").missing.tolist() == [False, True]
    assert opened.column("n").missing.all()
    assert factor(opened.column("u")).levels == (2**64 - 1,)
    assert factor(opened.column("d")).levels == ("1970-01-01", "1970-01-02")
    assert factor(opened.column("s")).levels == ()
    with pytest.raises(DataError, match="'l' holds values of type list"):
        opened.column("l")


def test_arrays_of_a_dictionary():
    masked = np.ma.masked_array([1, 2, 3], mask=[0, 1, 0])
    data = {
        "u": np.array(["b", "a", "b"]),
        "m": masked,
        "o": np.array([1, "1", None], dtype=object),
        "s": pd.Series([1.0, np.nan, 2.0]),
        "p": pl.Series([1, None, 2]),
        "a": pa.array(["x", None, "y"]),
        "r": range(3),
        "t": (1, 2, 3),
        "f": np.array([1, 2, 3], dtype=np.float16),
    }
    opened = columns(data)
    assert factor(opened.column("u")).levels == ("a", "b")
    assert opened.column("m").missing.tolist() == [False, True, False]
    assert opened.column("o").kind == "mixed"
    assert opened.column("s").kind == "float"
    assert opened.column("p").kind == "integer"
    assert opened.column("a").kind == "text"
    assert numbers(opened.column("r")).tolist() == [0.0, 1.0, 2.0]
    assert numbers(opened.column("t")).tolist() == [1.0, 2.0, 3.0]
    assert numbers(opened.column("f")).dtype == np.float64


def test_columns_of_no_use_are_refused():
    with pytest.raises(DataError, match="'z' holds values of type complex128"):
        columns({"z": np.array([1j])}).column("z")
    with pytest.raises(DataError, match="'m' has 2 dimensions"):
        columns({"m": np.zeros((2, 2))}).column("m")


def test_times_of_pandas():
    frame = pd.DataFrame(
        {
            "z": pd.date_range("2024-01-01", periods=2, tz="UTC"),
            "p": pd.period_range("2024-01", periods=2, freq="M"),
            "d": pd.to_timedelta([1, 2], unit="h"),
        }
    )
    opened = columns(frame)
    for name in frame:
        assert opened.column(name).kind == "time"
        with pytest.raises(DataError, match="dates or times"):
            numbers(opened.column(name))
    assert factor(opened.column("z")).levels == ("2024-01-01", "2024-01-02")
    assert factor(opened.column("p")).levels == ("2024-01", "2024-02")


def test_infinite_is_not_missing():
    column = columns({"x": np.array([1.0, np.inf])}).column("x")
    assert column.missing is None
    assert not column.finite


def test_other_frames_come_through_narwhals():
    from ilk.frame.readers import read_narwhals

    frame = pl.DataFrame(
        {
            "x": [1, 2, 3],
            "t": ["a", None, "b"],
            "c": pl.Series(["hi", "lo", "hi"], dtype=pl.Enum(["lo", "hi"])),
        }
    )
    assert read_narwhals("x", frame, "x").kind == "integer"
    assert factor(read_narwhals("t", frame, "t")).codes.tolist() == [0, -1, 1]
    assert factor(read_narwhals("c", frame, "c")).levels == ("lo", "hi")
