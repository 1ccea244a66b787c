"""Lines that are no row each, bytes that are no text, columns of odd types: told or read, never lost without a word."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import expfam as ef

LINES = [f"{i % 3},{i % 7},g{i % 2}" for i in range(3000)]
HEADER = b"y,x,g\n"


def streamed(data: bytes, kind: str, formula: str = "y ~ x + g", **options: bool) -> tuple[int, list[int]]:
    """How many rows were learned from, and the numbers of the lines that were not."""
    told: list[int] = []
    model = ef.OnlineGLM(formula, family="poisson")
    model = model.consume(io.BytesIO(data), kind=kind, tell=lambda _, bad: told.extend(b.line for b in bad), **options)
    return model.rows, told


def csv(changes: dict[int, str | bytes]) -> bytes:
    lines = [line.encode() for line in LINES]
    for number, line in changes.items():
        lines[number - 2] = line if isinstance(line, bytes) else line.encode()
    return HEADER + b"\n".join(lines) + b"\n"


@pytest.mark.parametrize(
    ("changes", "bad"),
    [
        ({102: '1,2,"g0'}, [102]),
        ({102: '1,2,"g0', 1502: '1,2,g0"', 1602: "-1,2,g0"}, [102, 1602]),
        ({3001: '1,2,"g0'}, [3001]),
        ({2002: b"1,2,g\xe9"}, [2002]),
        ({102: '1,2,5" g'}, []),
        ({102: '1,2,"5"" g"'}, []),
    ],
    ids=["opened", "opened and closed", "the last", "not UTF-8", "inches", "doubled"],
)
def test_a_line_of_csv_that_is_no_row_takes_no_other_with_it(changes: dict[int, str | bytes], bad: list[int]) -> None:
    assert streamed(csv(changes), "csv") == (3000 - len(bad), bad)
    if bad:
        with pytest.raises(ef.SchemaError, match=f"line {bad[0]}:"):
            streamed(csv(changes), "csv", strict=True)


def rows(changes: dict[int, str | bytes]) -> bytes:
    lines = [json.dumps({"y": i % 3, "x": i % 7, "g": f"g{i % 2}"}).encode() for i in range(50)]
    for number, line in changes.items():
        lines[number - 1] = line if isinstance(line, bytes) else line.encode()
    return b"\n".join(lines)


@pytest.mark.parametrize(
    ("changes", "learned", "bad"),
    [
        ({3: '{"y":1,"x":2,"g":"g0"} {"y":1,"x":3,"g":"g0"}', 7: '{"y":-1,"x":0,"g":"g0"}'}, 48, [3, 7]),
        ({3: '{"y":1,', 4: '"x":2,"g":"g0"}', 7: '{"y":-1,"x":0,"g":"g0"}'}, 47, [3, 4, 7]),
        ({5: b'{"y":1,"x":2,"g":"\xe9"}'}, 49, [5]),
    ],
    ids=["two in one", "one in two", "not UTF-8"],
)
def test_a_line_of_json_that_is_no_object_takes_no_other_with_it(
    changes: dict[int, str | bytes], learned: int, bad: list[int]
) -> None:
    assert streamed(rows(changes), "ndjson") == (learned, bad)


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
@pytest.mark.parametrize("labels", [("true", "yes"), ("10", "A1"), ("2024-01-01", "never")])
def test_a_torn_line_leaves_the_types_of_columns_to_all_others(kind: str, labels: tuple[str, str]) -> None:
    """What stands above it looks like truth values, numbers or dates, and is text."""
    cells = [(i % 3, i % 7, labels[int(i > 2 and i % 2 == 0)]) for i in range(2000)]
    if kind == "csv":
        text = [f"{y},{x},{g}" for y, x, g in cells]
        text = ["y,x,g", *text[:2], "1,2,3,4", *text[2:]]
    else:
        text = [json.dumps({"y": y, "x": x, "g": g}) for y, x, g in cells]
        text = [*text[:2], '{"y": 1, "x"', *text[2:]]
    assert streamed("\n".join(text).encode(), kind) == (2000, [4 if kind == "csv" else 3])


@pytest.mark.parametrize("term", ["scale(x)", "poly(x, 2)", "ns(x, df=3)"])
@pytest.mark.parametrize("line", [2, 3, 5])
def test_a_bad_row_leaves_what_is_learned_to_all_others(term: str, line: int) -> None:
    """Its own line is told, and nothing learned from few rows: the mean, the knots are those without it."""
    draw = np.random.default_rng(3)
    x = draw.normal(size=2000)
    lines = [f"{y},{value}" for y, value in zip(draw.poisson(np.exp(0.3 + 0.2 * x)), x, strict=True)]
    without = "\n".join(["y,x", *lines])
    with_bad = "\n".join(["y,x", *lines[: line - 2], "-1,0", *lines[line - 2 :]])
    told: list[tuple[int, str]] = []
    fits = [
        ef.OnlineGLM(f"y ~ {term}", family="poisson").consume(
            io.BytesIO(text.encode()), kind="csv", tell=lambda _, bad: told.extend((b.line, b.reason) for b in bad)
        )
        for text in (without, with_bad)
    ]
    assert [number for number, _ in told] == [line]
    assert told[0][1].startswith("column 'y' is -1; the poisson family needs")
    np.testing.assert_array_equal(fits[0].fit.coef, fits[1].fit.coef)


def test_a_bad_row_leaves_the_classes_to_all_others() -> None:
    lines = ["y,x", *(f"{'aab'[i % 3] if i < 900 else 'c'},{i % 7}" for i in range(1000))]
    lines[2] = "a,inf"
    told: list[tuple[int, str]] = []
    model = ef.OnlineGLM("y ~ x", family="categorical").consume(
        io.BytesIO("\n".join(lines).encode()), kind="csv",
        tell=lambda _, bad: told.extend((b.line, b.reason) for b in bad),
    )  # fmt: skip
    assert told == [(3, "x is inf; predictors must be finite: drop the row, or bound the column with clip(...)")]
    assert model.rows == 999
    assert model.fit.model.classes == ("a", "b", "c")


def test_every_bad_row_is_told_by_its_own_value() -> None:
    bad = {5: "-1,1,g0", 6: "-2,2,g0", 700: "inf,1,g1", 2500: "1,inf,g0", 3001: "-7,1,g1"}
    told: list[str] = []
    model = ef.OnlineGLM("y ~ log1p(x) + g", family="poisson")
    model.consume(io.BytesIO(csv(dict(bad))), kind="csv", tell=lambda _, bad: told.extend(b.reason for b in bad))
    assert model.rows == 3000 - len(bad)
    values = ["column 'y' is -1;", "column 'y' is -2;", "column 'y' is inf;", "log1p(x) is inf;", "column 'y' is -7;"]
    assert [reason[: len(value)] for reason, value in zip(told, values, strict=True)] == values


def test_a_column_of_another_type_is_no_fault_of_a_line(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": [1.0, 2.0], "x": pd.to_datetime(["2026-01-01", "2026-01-02"])})
    frame.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(ef.SchemaError, match="column 'x' is of type timestamp"):
        ef.OnlineGLM("y ~ x").consume(tmp_path / "rows.parquet")


def test_a_key_that_held_nothing_yet_is_read_once_it_does() -> None:
    lines = [json.dumps({"y": i % 3, "x": None if i < 1 << 16 else i % 7, "z": i}) for i in range((1 << 16) + 100)]
    assert streamed("\n".join(lines).encode(), "ndjson", "y ~ x") == (100, [])
    absent = [json.dumps({"y": 1, "z": i}) for i in range(1 << 16)]
    text = "\n".join(lines[: 1 << 16] + absent + lines[1 << 16 :])
    assert streamed(text.encode(), "ndjson", "y ~ x") == (100, [])


def test_text_of_json_may_hold_a_line_break() -> None:
    lines = [json.dumps({"y": i % 3, "g": f"a\nb{i % 2}"}) for i in range(50)]
    assert streamed("\n".join(lines).encode(), "ndjson", "y ~ g") == (50, [])


@pytest.mark.parametrize("formula", ["y ~ x", "y ~ x + g"])
def test_a_file_that_ends_inside_quotes_is_refused(formula: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(csv({102: '1,2,"g0'}))
    with pytest.raises(ef.SchemaError, match="ends inside quotes"):
        ef.glm(formula, path, family="poisson")
    for last in ('1,2,"g0"', '1,2,5" g', "1,2,", "1,2,05"):
        path.write_bytes(csv({3: '1,2,7" g', 3001: last}))  # an inch is no quote
        assert ef.glm("y ~ x", path, family="poisson").df_residual == 2998
        if not last.endswith(","):
            assert len(ef.glm("y ~ x + g", path, family="poisson").names) >= 4


TEXT = pa.array([b"\xe9", b"b", b"b", b"c"]).view(pa.string())
COUNTS = {"y": [1, 2, 3, 4]}


def test_bytes_that_are_no_text_are_told_by_column() -> None:
    with pytest.raises(ef.SchemaError, match="column 'g' holds text that is not UTF-8"):
        ef.glm("y ~ g", pa.table({**COUNTS, "g": TEXT}), family="poisson")
    odd = pd.Categorical.from_codes([0, 1, 0, 1], pd.Index(["\ud800", "b"], dtype=object))
    with pytest.raises(ef.SchemaError, match="column 'g' cannot be read"):
        ef.glm("y ~ g", pd.DataFrame({**COUNTS, "g": odd}), family="poisson")


@pytest.mark.parametrize("kind", [">i4", ">i8", ">f4", ">f8"])
def test_bytes_in_the_other_order_are_the_same_numbers(kind: str) -> None:
    plain = ef.glm("y ~ x", {**COUNTS, "x": [0, 1, 2, 3]}, family="poisson")
    frame = pd.DataFrame({**COUNTS, "x": np.arange(4, dtype=kind)})
    for data in (frame, {name: frame[name].to_numpy() for name in frame}):
        np.testing.assert_array_equal(ef.glm("y ~ x", data, family="poisson").coef, plain.coef)
    if kind.startswith(">f"):
        with pytest.warns(ef.DataWarning, match="1 of 4 rows left out"):
            ef.glm("y ~ x", frame.assign(x=np.array([0, 1, np.nan, 3], dtype=kind)), family="poisson")


def test_columns_that_store_few_entries_and_text_of_numpy_are_read() -> None:
    plain = ef.glm("y ~ b", {**COUNTS, "b": [False, True, False, True]}, family="poisson")
    sparse = pd.get_dummies(pd.Series(list("abab")), sparse=True).assign(**COUNTS)
    np.testing.assert_array_equal(ef.glm("y ~ b", sparse, family="poisson").coef, plain.coef)
    text = np.array(["False", "True"] * 2, dtype=np.dtypes.StringDType())
    np.testing.assert_array_equal(ef.glm("y ~ b", {**COUNTS, "b": text}, family="poisson").coef, plain.coef)


def test_a_column_named_by_nothing_is_refused() -> None:
    frame = pd.DataFrame({**COUNTS, "q": [1, 2, 4, 3]}).set_axis(pd.Index(["y", None], dtype=object), axis=1)
    with pytest.raises(ef.SchemaError, match="column name None is a NoneType"):
        ef.glm("y ~ None", frame, family="poisson")
