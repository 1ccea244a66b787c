"""Any tabular thing becomes the same Table; what is no table, or a broken one, is told."""

import datetime
import gzip
import subprocess
import sys
from decimal import Decimal
from io import BytesIO
from unittest.mock import patch

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from expfam.data import bits, few, share
from expfam.data import frame as frame_of
from expfam.data.answer import frame_like
from expfam.data.chunks import chunks
from expfam.data.csv import CSV
from expfam.data.dialect import Dialect
from expfam.data.raw import Unreadable
from expfam.data.table import read
from expfam.errors import DataWarning, SchemaError
from expfam.front import glm

PLAIN = {
    "n": [3, 1, 2, 2, 10],
    "x": [0.5, None, -1.25, 1e300, 0.0],
    "g": ["b", "a", "é", None, "B"],
    "f": [True, False, None, True, False],
    "Sepal.Length": [1.5, 2.5, 3.5, 4.5, 5.5],
}


def sources(folder):
    """The same rows in every form, and the kind of answer each asks for."""
    arrow = pa.table(PLAIN)
    pq.write_table(arrow, folder / "t.parquet", row_group_size=2)
    polars = pl.DataFrame(PLAIN)
    polars.write_csv(folder / "t.csv")
    (folder / "t.csv.gz").write_bytes(gzip.compress((folder / "t.csv").read_bytes()))
    frame = pd.DataFrame(PLAIN)
    categories = pd.Categorical(PLAIN["g"], categories=["z", "é", "b", "a", "B"])
    return {
        "dict": (PLAIN, "dict"),
        "pandas": (frame, "pandas"),
        "pandas categorical": (frame.assign(g=categories), "pandas"),
        "pandas nullable": (frame.convert_dtypes(), "pandas"),
        "pandas in a dict": ({name: frame[name] for name in frame}, "dict"),
        "polars": (polars, "polars"),
        "polars lazy": (polars.lazy(), "polars"),
        "polars categorical": (polars.with_columns(pl.col("g").cast(pl.Categorical)), "polars"),
        "polars enum": (polars.with_columns(pl.col("g").cast(pl.Enum(["z", "é", "b", "a", "B"]))), "polars"),
        "polars chunks": (pl.concat([polars[:2], polars[2:]], rechunk=False), "polars"),
        "arrow": (arrow, "arrow"),
        "arrow batch": (arrow.to_batches()[0], "arrow"),
        "arrow views": (arrow.set_column(2, "g", arrow["g"].cast(pa.string_view())), "arrow"),
        "arrow dictionaries": (pa.concat_tables([arrow[:3], arrow[3:]]), "arrow"),
        "parquet": (folder / "t.parquet", "arrow"),
        "csv": (str(folder / "t.csv"), "arrow"),
        "csv.gz": (folder / "t.csv.gz", "arrow"),
    }


def test_every_form_gives_the_same_table(tmp_path):
    for form, (data, kind) in sources(tmp_path).items():
        table = read(data)
        assert (table.names, table.n, table.kind) == (tuple(PLAIN), 5, kind), form
        np.testing.assert_array_equal(table.column("n").values, [3, 1, 2, 2, 10], err_msg=form)
        np.testing.assert_array_equal(table.column("x").values, [0.5, np.nan, -1.25, 1e300, 0], err_msg=form)
        np.testing.assert_array_equal(table.column("x").null, [0, 1, 0, 0, 0], err_msg=form)
        text, flag = table.column("g"), table.column("f")
        assert (text.kind, text.labels) == ("text", ("B", "a", "b", "é")), form
        np.testing.assert_array_equal(text.codes, [2, 1, 3, -1, 0], err_msg=form)
        assert text.codes.dtype == np.int8
        assert (flag.kind, flag.labels) == ("bool", ("False", "True")), form
        np.testing.assert_array_equal(flag.codes, [1, 0, -1, 1, 0], err_msg=form)
        assert read(data, ["g", "Sepal.Length"]).names == ("g", "Sepal.Length"), form
        assert read(data, lambda names: names[:1]).names == ("n",), form


def test_nan_is_a_value_in_arrays_and_a_null_in_pandas():
    values = np.array([1.0, np.nan])
    for data in ({"x": values}, pl.DataFrame({"x": values}), pa.table({"x": values})):
        assert read(data).column("x").null is None
        np.testing.assert_array_equal(read(data).missing("x", nan_too=True), [False, True])
        assert read(data).missing("x", nan_too=False) is None
    np.testing.assert_array_equal(read(pd.DataFrame({"x": values})).column("x").null, [False, True])


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, 2], np.uint64),
        np.array([1, 2], np.int8),
        np.array([1, 2], np.float32),
        np.array([1, 2], np.float16),
        np.array([1, 2], ">f8"),
        [Decimal("1.0"), Decimal("2.0")],
        np.array([1, 2], object),
    ],
    ids=str,
)
def test_every_number_becomes_a_float(values):
    np.testing.assert_array_equal(read({"x": values}).column("x").values, [1.0, 2.0])


def test_floats_are_not_copied():
    values = np.arange(4.0)
    assert np.shares_memory(read({"x": values}).column("x").values, values)


@pytest.mark.parametrize("index", [pa.int8(), pa.uint8(), pa.int16(), pa.int64()], ids=str)
def test_codes_take_the_fewest_bytes_and_are_not_copied_where_they_fit(index):
    codes = pa.array([1, 0, 2, 1], index)
    sorted_, other = (
        read({"g": pa.DictionaryArray.from_arrays(codes, labels)}).column("g") for labels in ("abc", "bac")
    )
    assert sorted_.codes.dtype == other.codes.dtype == np.int8
    assert np.shares_memory(sorted_.codes, np.from_dlpack(codes)) == (index == pa.int8())
    assert (sorted_.codes.tolist(), other.codes.tolist()) == ([1, 0, 2, 1], [0, 1, 2, 0])
    many = read({"g": [f"{k:03}" for k in range(200)]}).column("g").codes
    assert many.dtype == np.int16
    np.testing.assert_array_equal(many, np.arange(200))


NARROW = st.sampled_from([np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, np.uint64])


@settings(max_examples=60, deadline=None)
@given(NARROW.flatmap(lambda kind: arrays(kind, st.integers(1, 90))), st.booleans(), st.sampled_from([7, few.AT_ONCE]))
def test_few_values_stand_for_all_rows(x, occur, at_once):
    with patch.object(few, "AT_ONCE", at_once):
        found = read({"x": x}).few("x", occur)
        wide = (int(x.max()) - int(x.min()) + 1) * few.ROWS_A_VALUE > x.size
        assert (found is None) == wide
        if found is None:
            return
        expected = np.unique(x) if occur else np.arange(int(x.min()), int(x.max()) + 1)
        np.testing.assert_array_equal(found.values, expected)
        np.testing.assert_array_equal(found.spread(found.values), x)
        np.testing.assert_array_equal(found.spread(np.outer(found.values, [1.0, 0.5])), np.outer(x, [1.0, 0.5]))


@pytest.mark.parametrize("values", [[0.0] * 99, [1, None] * 50, ["a"] * 99, [2**60] * 99, [-(2**53), 1] * 50])
def test_what_is_not_few_whole_numbers_is_read_row_by_row(values):
    assert read({"x": values}).few("x", occur=True) is None


TRUTHS = st.lists(st.booleans(), min_size=8, max_size=90).map(np.array)
KINDS = st.sampled_from([np.float64, np.float32, np.int8, np.uint8, np.int64])
OTHERS = st.none() | st.tuples(st.integers(0, 89), st.sampled_from([2, 3, 255, -1, 0.5, np.nan, np.inf]))


@settings(max_examples=60, deadline=None)
@given(TRUTHS, KINDS, OTHERS)
def test_bits_are_zeros_and_ones_and_nothing_else(truth, kind, other):
    """Whatever one number more there is, whether among those looked at first or after."""
    x = truth.astype(kind)
    if other is not None:
        with np.errstate(all="ignore"):
            x[other[0] % x.size] = np.asarray(other[1]).astype(kind)
    with patch.object(bits, "LOOKED", 8), patch("expfam.data.table.LOOKED", 8), patch.object(few, "AT_ONCE", 7):
        table = read({"x": x, "g": ["a"] * x.size}).with_bits(["x", "g"])
    plain = ((x == 0) | (x == 1)).all()
    assert list(table.bits) == (["x"] if plain else [])
    assert table.with_bits(["x"]).bits.keys() == table.bits.keys()
    np.testing.assert_array_equal(table.column("x").values, x)
    if plain:
        np.testing.assert_array_equal(table.bits["x"], x)
        for some in (table.filter(np.arange(x.size) % 2 == 0), table.take(np.arange(x.size)[::-3])):
            np.testing.assert_array_equal(some.bits["x"], some.column("x").values)


def test_few_rows_and_gaps_have_no_bits():
    assert not read({"x": [0, 1] * 9}).with_bits(["x"]).bits
    assert not read({"x": [0, 1, None] * 9_000}).with_bits(["x"]).bits


def test_threads_share_columns_and_tell_the_first_that_fails():
    with patch.object(share, "SHARE_FROM", 4):
        assert share.each(lambda k: k * k, range(5), rows=4) == [0, 1, 4, 9, 16]
        with pytest.raises(ZeroDivisionError, match=r"^0$"):
            share.each(zero, range(5), rows=4)


def zero(k):
    raise ZeroDivisionError(k)


def test_categories_of_numbers_are_sorted_as_numbers():
    column = read(pd.DataFrame({"g": pd.Categorical([10, 9, 10, 2])})).column("g")
    assert column.labels == ("2", "9", "10")
    np.testing.assert_array_equal(column.codes, [2, 1, 2, 0])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=3) | st.none(), min_size=1, max_size=20), st.data())
def test_labels_are_those_that_occur_sorted_by_codepoint(values, data):
    table = read({"g": pa.array(values, pa.string())})
    mask = data.draw(arrays(bool, len(values)))
    for rows, part in (
        (values, table),
        ([v for v, keep in zip(values, mask, strict=True) if keep], table.filter(mask)),
    ):
        column = part.column("g")
        assert column.labels == tuple(sorted({v for v in rows if v is not None}))
        assert [None if c < 0 else column.labels[c] for c in column.codes] == rows
        assert [v is None for v in rows] == ([False] * len(rows) if column.null is None else column.null.tolist())


def test_filtered_rows_remember_where_they_were():
    table = read({"x": np.arange(6.0)}).filter(np.array([0, 1, 0, 1, 1, 0], bool))
    table = table.filter(np.array([False, True, True]))
    assert [table.row(i) for i in range(table.n)] == [3, 4]
    np.testing.assert_array_equal(table.column("x").values, [3.0, 4.0])


DATES = [datetime.date(2024, 1, 1)] * 2
BAD = {
    "missing": ({"Area": [1, 2]}, ["area"], "no column 'area'; did you mean 'Area'"),
    "unequal": ({"a": [1, 2], "b": [1]}, None, "unequal lengths \\('a': 2, 'b': 1\\)"),
    "empty dict": ({}, None, "no rows"),
    "empty frame": (pl.DataFrame({"a": []}), None, "no rows"),
    "two-dimensional": ({"a": np.ones((3, 2))}, None, "'a' has shape \\(3, 2\\)"),
    "scalar": ({"a": 3}, None, "'a' is the single value 3"),
    "text scalar": ({"a": "abc"}, None, "single value 'abc'"),
    "dict in a dict": (pd.DataFrame({"a": [3, 4]}).to_dict(), None, r"'a' is a dict.*to_dict\('list'\)"),
    "set": ({"a": {3, 4}}, None, "'a' is a set.*in the order of the rows"),
    "matrix": (np.ones((3, 2)), None, "ndarray of shape \\(3, 2\\) is not a table"),
    "number": (7, None, "a int is not a table"),
    "none": (None, None, "NoneType is not a table"),
    "series": (pd.Series([1, 2], name="a"), None, "a Series is not a table"),
    "doubled pandas": (pd.DataFrame([[1, 2]], columns=["a", "a"]), None, "more than once: 'a'"),
    "doubled arrow": (pa.table([[1], [2]], names=["a", "a"]), None, "more than once: 'a'"),
    "numbered": (pd.DataFrame(np.ones((2, 2))), None, "column name 0 is a int"),
    "no file": ("nowhere.parquet", None, "no file 'nowhere.parquet'"),
    "suffix": ("table.xlsx", None, "allowed: .parquet, .pq, .csv, .csv.gz"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_sound_table_is_told(case):
    data, columns, says = BAD[case]
    with pytest.raises(SchemaError, match=says):
        read(data, columns)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (DATES, "date32.*days since a date"),
        ([[1], [2]], "list.*column of its own"),
        ([{"a": 1}, {"a": 2}], "struct.*column of its own"),
        ([b"a", b"b"], "binary.*cast it"),
        ([1, "a"], r"cannot be read: it holds 'a' \(row 1\) beside 1 \(row 0\); make it all numbers or all text"),
        ([2**70, 1], "cannot be read: .*too large.*; cast it to float64, or to text"),
        (np.array([1j, 2]), "cannot be read: .*; cast it to float64, or to text"),
        (np.array([1, 2], dtype=np.longdouble), "cannot be read: .*; cast it to float64, or to text"),
    ],
)
def test_a_column_without_a_coding_is_an_error_only_when_read(values, says):
    table = read({"a": [1.0, 2.0], "d": values})
    assert table.column("a").kind == "number"
    with pytest.raises(SchemaError, match=f"'d'.*{says}"):
        table.column("d")


def test_missing_values_are_no_mixture():
    table = read({"d": [None, float("nan"), "b", 2]})
    with pytest.raises(SchemaError, match=r"it holds 'b' \(row 2\) beside 2 \(row 3\)"):
        table.column("d")


def test_broken_files_are_told(tmp_path):
    pq.write_table(pa.table({"a": np.arange(1000.0)}), tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    for name, content, says in [
        ("half.parquet", whole[: len(whole) // 2], "damaged"),
        ("none.parquet", b"", "damaged"),
        ("ragged.csv", b"a,b\n1,2\n3\n", "cannot be read as CSV"),
        ("none.csv", b"", "none.csv.* is empty; a CSV file has a header line"),
        ("blank.csv", b"\n \n", "blank.csv.* is empty"),
        ("half.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 999)[:20], "cannot be read as CSV"),
        ("head.csv", b"a,b\n", "no rows"),
        ("doubled.csv", b"a,a\n1,2\n", "more than once"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SchemaError, match=says):
            read(tmp_path / name)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SchemaError, match="is a folder"):
        read(tmp_path / "folder.csv")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"x;y\n1.5;2\n2.5;3\n", r"has ';' between its fields; .*sep=';'\)"),
        (b"x;y\n1,5;2\n2,5;3\n", r"has ';' between its fields and decimal commas.*sep=';', decimal=','"),
        (b"x\ty\n1\t2\n2\t3\n", r"has tabs between its fields.*sep='\\t'"),
        (b"x|y\n1|2\n", r"has '\|' between"),
        (
            "größe,y\n1,2\n".encode("latin-1"),
            "is not UTF-8 text: line 1 holds the byte 0xf6.*iconv.*encoding='latin-1'",
        ),
        ("x,y\n1,2\n1,ü\n".encode("latin-1"), "is not UTF-8 text: (column 'y'|line 3)"),
        (b"\x28\xb5\x2f\xfd\x04\n1\n", r"is compressed by zstd, not text: unpack it first \(zstd -dc"),
        ("x,y\n1,2\n".encode("utf-16"), "byte order mark of UTF-16.*iconv -f utf-16 .*encoding='utf-16'"),
    ],
)
def test_a_csv_of_another_dialect_is_told(tmp_path, content, says):
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(SchemaError, match=says):
        read(tmp_path / "rows.csv")
    with gzip.open(tmp_path / "rows.csv.gz", "wb") as file:
        file.write(content)
    with pytest.raises(SchemaError, match=says):
        read(tmp_path / "rows.csv.gz")
    with pytest.raises(SchemaError, match=says):
        list(chunks(BytesIO(content), "csv", None))


@pytest.mark.parametrize(
    ("sep", "decimal", "content"),
    [
        (";", ",", "x;y;g\n1,5;2;a,b\n-2,5e1;3;c\n"),
        ("\t", ".", "x\ty\tg\n1.5\t2\ta,b\n-2.5e1\t3\tc\n"),
        ("|", ",", 'x|y|g\n1,5|2|"a,b"\n-25|3|c\n'),
    ],
)
def test_a_csv_of_a_given_dialect_is_read(tmp_path, sep, decimal, content):
    (tmp_path / "rows.txt").write_text(content)
    dialect = Dialect(sep, decimal)
    table = read(CSV(tmp_path / "rows.txt", dialect))
    streamed = list(chunks(CSV(BytesIO(content.encode()), dialect), None, None))
    for found in (table.columns, {name: streamed[0].table[name] for name in "xyg"}):
        assert [float(x) for x in found["x"].to_pylist()] == [1.5, -25.0]
        assert [float(y) for y in found["y"].to_pylist()] == [2, 3]
        assert [str(g) for g in found["g"].to_pylist()] == ["a,b", "c"]
    with pytest.raises(SchemaError, match=r"(';'|tabs|'\|') between its fields"):
        read(CSV(tmp_path / "rows.txt", Dialect("#")))
    with pytest.raises(SchemaError, match="leave them out for ndjson"):
        list(chunks(CSV(BytesIO(content.encode()), dialect), "ndjson", None))


@pytest.mark.parametrize(("sep", "decimal"), [("", "."), (";;", ","), ('"', "."), (",", ","), ("é", ".")])
def test_a_dialect_is_checked(sep, decimal):
    with pytest.raises(SchemaError, match=r"(one character|must differ)"):
        Dialect(sep, decimal)


def test_a_csv_of_one_column_may_have_any_name(tmp_path):
    (tmp_path / "one.csv").write_text("a;b\n1\n2\n")
    assert read(tmp_path / "one.csv").names == ("a;b",)
    wide = ["ü" * 5 + str(k) for k in range(9000)]  # longer than the piece that is looked at
    (tmp_path / "wide.csv").write_text(",".join(wide) + "\n" + ",".join("1" for _ in wide) + "\n", encoding="utf-8")
    assert read(tmp_path / "wide.csv").names == tuple(wide)


def test_a_csv_column_takes_its_type_from_every_row(tmp_path):
    (tmp_path / "late.csv").write_text("a\n" + "1\n" * 700_000 + "0.5\n")
    assert read(tmp_path / "late.csv").column("a").values[-1] == 0.5


FRAMES = {"dict": dict, "pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.Table}


@pytest.mark.parametrize("kind", FRAMES)
def test_answers_come_in_the_callers_kind(kind):
    answer = frame_like(kind, {"term": np.array(["a", "bb"]), "estimate": np.array([1.5, 2.5])})
    assert isinstance(answer, FRAMES[kind])
    assert list(answer["term"] if kind != "arrow" else answer["term"].to_pylist()) == ["a", "bb"]
    again = read(answer)
    assert again.kind == kind
    assert again.column("term").labels == ("a", "bb")
    np.testing.assert_array_equal(again.column("estimate").values, [1.5, 2.5])


def test_answers_for_rows_of_a_pandas_frame_have_their_labels():
    rows = pd.DataFrame({"x": [3.0, 1.0]}, index=["b", "a"])
    for columns in ({"fit": [1.0, 2.0]}, {"g": np.array(["u", "v"])}):
        assert frame_like("pandas", columns, rows).index.tolist() == ["b", "a"]
        assert frame_like("pandas", columns).index.tolist() == [0, 1]
        assert frame_like("polars", columns, rows).shape == (2, 1)
    data = pd.DataFrame({"y": [1.0, 2, 4, 3], "x": [1.0, 2, 3, np.nan]}, index=[7, 3, 5, 3])
    with pytest.warns(DataWarning, match="1 of 4 rows"):
        fit = glm("y ~ x", data)
    assert fit.predict(se=True).index.tolist() == fit.partial_residuals().index.tolist() == [7, 3, 5, 3]
    assert fit.predict(data[2:], interval="confidence").index.tolist() == [5, 3]


def test_polars_is_read_without_pandas():
    code = (
        "import sys, polars; from expfam.data.table import read; "
        "read(polars.DataFrame({'x': [1.0], 'g': ['a']})); assert 'pandas' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("take", [slice(None), slice(None, None, 3), slice(0, 0)])
def test_columns_of_pandas_are_what_arrow_makes_of_them(take: slice) -> None:
    """Those that hold nothing missing go by without a look at every value; the others, and odd ones, as before."""
    rng, n = np.random.default_rng(0), 600
    half, codes = rng.random(n) < 0.5, rng.integers(0, 3, n)
    columns = {
        "float": rng.normal(size=n), "single": rng.normal(size=n).astype(np.float32),
        "gaps": np.where(half, np.nan, 1.0), "ends": np.where(half, np.inf, -np.inf), "whole": codes,
        "text": pd.Categorical.from_codes(codes, ["x", "y", "z"]),
        "lacks": pd.Categorical.from_codes(codes - 1, ["x", "y"]),
        "years": pd.Categorical.from_codes(codes, [2001, 2002, 2003]), "halves": pd.Categorical(codes / 2),
        "truth": pd.Categorical(half), "ranks": pd.Categorical.from_codes(codes, ["c", "b", "a"], ordered=True),
        "days": pd.Categorical(pd.to_datetime(codes, unit="D")), "odd": pd.Categorical.from_codes(codes % 2, [1, "a"]),
        "nullable": pd.array(rng.normal(size=n), dtype="Float64"),
    }  # fmt: skip
    frame = pd.DataFrame(columns)[take]
    for name in columns:
        quick, plain = frame_of._of_pandas(frame, name), frame_of._column(nw.from_native(frame), name)
        if isinstance(plain, Unreadable):
            assert quick == plain, name
        else:
            assert quick.type == plain.type, name
            assert quick.equals(plain), name
